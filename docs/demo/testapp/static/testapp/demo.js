// Presses buttons with fetch(), and shows what the server tells of answers and signals.

const page = document.body.dataset;
const cookiesCarryTokens = "ambient" in page;
/** How many of the latest answers and signals are kept in view. */
const SHOWN = 20;

const outcome = document.querySelector(".outcome");

/** JSON mode: the only place where the tokens are. `old` is from before the last exchange or logout. */
const tokens = { access: null, refresh: null, old: null };

/** When the current refresh token was got, so that a replay can wait until the grace is over. */
let exchanged = 0;

// What is pressed

const readableCookies = () =>
  new Map(document.cookie.split("; ").filter(Boolean).map((pair) => pair.split(/=(.*)/s, 2)));

function headersFor({ token, forged }) {
  if (!cookiesCarryTokens) return tokens[token] ? { Authorization: `Bearer ${tokens[token]}` } : {};
  const csrf = readableCookies().get("csrftoken");
  return csrf && forged === undefined ? { "X-CSRFToken": csrf } : {};
}

async function send(control, body) {
  const { path, method = "POST" } = control.dataset;
  const presented = tokens.refresh;
  const answer = await fetch(path, { method, body, headers: headersFor(control.dataset) });
  const said = await answer.json();
  if (answer.ok) keep(said, "usesUp" in control.dataset && presented);
}

/** `used` is the refresh token that has been used up, if one has. */
function keep(said, used) {
  if (said.refresh || used !== false) exchanged = Date.now();
  if (cookiesCarryTokens) return;
  if (used) Object.assign(tokens, { access: null, refresh: null, old: used });
  if (said.refresh) Object.assign(tokens, { access: said.access, refresh: said.refresh });
}

async function prepareReplay() {
  const rest = exchanged + 1000 * page.grace + 100 - Date.now();
  if (rest > 0) {
    say("Waiting for the end of the while in which it would pass for another tab's…");
    await new Promise((done) => setTimeout(done, rest));
  }
  if (!cookiesCarryTokens) return tokens.old !== null;
  return (await (await fetch(page.old, { method: "POST" })).json()).is_back;
}

async function press(control, body) {
  if (control.ariaBusy) return;
  control.ariaBusy = "true";
  try {
    if (control.dataset.token === "old" && !(await prepareReplay()))
      say("There is no old token yet. Log in and update both tokens first.");
    else await Promise.all(Array.from({ length: control.dataset.tabs ?? 1 }, () => send(control, body)));
    await showHeld();
  } catch {
    say("The demo did not answer. Is it still running?", "fails");
  } finally {
    control.ariaBusy = null;
  }
}

for (const button of document.querySelectorAll("button[data-path]"))
  button.addEventListener("click", () => {
    const form = "wrong" in button.dataset && new FormData(button.form);
    if (form) form.set("password", "wrong");
    press(button, form ? new URLSearchParams(form) : undefined);
  });

document.querySelector(".login").addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.target, new URLSearchParams(new FormData(event.target)));
});

// What is shown

function say(text, className = "") {
  outcome.className = `outcome ${className}`;
  outcome.textContent = text;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** JSON on a line where it is short, else indented; keys and values as elements of their own. */
function* painted(value, indent = "\n") {
  const flat = JSON.stringify(value);
  if (value === null || typeof value !== "object") return yield element("span", typeof value, flat);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const entries = Object.entries(value);
  const [inner, outer] = flat.length > 50 ? [`${indent}  `, indent] : ["", ""];
  yield open;
  for (const [at, [key, each]] of entries.entries()) {
    yield (at ? (inner ? "," : ", ") : "") + inner;
    if (open === "{") yield* [element("span", "key", JSON.stringify(key)), ": "];
    yield* painted(each, inner || indent);
  }
  yield outer + close;
}

const paint = (pre, value) => pre.replaceChildren(...painted(value));

function describe(list, pairs) {
  list.replaceChildren(
    ...pairs.flatMap(([name, text]) => [element("dt", "", name), element("dd", "", text)]),
  );
}

function citeClauses(list, clauses) {
  for (const { id, text, page } of clauses) {
    const link = element("a", "", id);
    link.href = page;
    const term = document.createElement("dt");
    term.append(link);
    list.append(term, element("dd", "", text));
  }
}

const copyOf = (template) =>
  document.getElementById(`${template}-template`).content.firstElementChild.cloneNode(true);

function cookie({ name, attributes, says }) {
  const item = copyOf("cookie");
  item.querySelector(".name").textContent = name;
  item.querySelector(".attributes").textContent = attributes.join(" · ");
  if (says) paint(item.querySelector(".says"), says);
  else item.replaceChildren(...item.querySelector("summary").childNodes);
  return item;
}

const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString();

const dayAndClock = (seconds) =>
  new Date(1000 * seconds).toLocaleString([], { weekday: "short", hour: "numeric", minute: "numeric" });

/** Puts an item on top of a list, open, and closes the one that was on top before. */
function putOnTop(section, item, { number, time }) {
  item.dataset.number = number;
  item.querySelector("time").textContent = clock(time);
  const list = document.querySelector(`.${section} > ol`);
  list.querySelector("details")?.removeAttribute("open");
  list.prepend(item);
  if (list.children.length > SHOWN) list.lastElementChild.remove();
  document.querySelector(`.${section} > .empty`)?.remove();
}

function showAnswer(answer) {
  const item = copyOf("answer");
  const part = (name) => item.querySelector(`.${name}`);
  part("status").textContent = `${answer.status} ${answer.reason}`;
  part("status").classList.add(answer.status < 400 ? "holds" : "fails");
  part("request").textContent = answer.request;
  describe(part("sent"), Object.entries(answer.sent));
  paint(part("body"), answer.body);
  describe(part("headers"), Object.entries(answer.headers));
  part("changed").hidden = !answer.cookies.length;
  part("changed").lastElementChild.replaceChildren(
    ...answer.cookies.map(({ path, deleted, attributes, ...rest }) =>
      cookie({ ...rest, attributes: deleted ? [`deleted at ${path}`] : [`Path=${path}`, ...attributes] }),
    ),
  );
  citeClauses(part("clauses"), answer.clauses);
  putOnTop("answers", item, answer);
}

function showSignal(signal) {
  const item = copyOf("signal");
  item.querySelector(".name").textContent = signal.name;
  item.querySelector(".sender").textContent = `from "${signal.sender}"`;
  paint(item.querySelector(".kwargs"), signal.kwargs);
  citeClauses(item.querySelector(".clauses"), [signal.clause]);
  putOnTop("signals", item, signal);
}

function summarise({ status, body, signals, request }) {
  const sent = signals.length ? `Signal ${signals.join(", ")}.` : "No signal.";
  say(`${status} ${body.msg ?? body.error ?? "Tokens in the body."} ${sent}`, status < 400 ? "holds" : "fails");
}

/** Header and claims of a token, as anybody can read them who has it. */
function decoded(token) {
  const [header, claims] = token.split(".", 2).map((part) => {
    const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
  });
  return { header, claims };
}

async function held() {
  if (!cookiesCarryTokens)
    return Object.entries(tokens)
      .filter(([, token]) => token)
      .map(([name, token]) => ({ name, attributes: [], says: decoded(token) }));
  const { cookies } = await (await fetch(page.held)).json();
  return cookies.map(({ name, path, says }) => {
    const readable = readableCookies().has(name);
    return { name, attributes: [readable ? "readable" : "HttpOnly", `Path=${path}`], says };
  });
}

async function showHeld() {
  const all = await held();
  const claims = all.filter(({ name }) => name !== "old").map(({ says }) => says?.claims);
  const current = claims.filter((each) => each && each.exp * 1000 > Date.now());
  for (const each of all)
    if (each.says?.claims.exp) each.attributes.push(`until ${dayAndClock(each.says.claims.exp)}`);
  document.querySelector(".who").textContent = current.length
    ? `${current[0].user.username}'s tokens:`
    : "Nobody is logged in.";
  document.querySelector(".held > ul").replaceChildren(...all.map(cookie));
}

// What arrives

let live = false;
const connection = document.getElementById("connection");
const events = new EventSource(page.events);
const content = ({ data, lastEventId }) => ({ ...JSON.parse(data), number: lastEventId });
events.addEventListener("signal", (event) => showSignal(content(event)));
events.addEventListener("answer", (event) => {
  const answer = content(event);
  showAnswer(answer);
  if (live) summarise(answer);
});
events.addEventListener("live", () => {
  live = true;
  connection.textContent = "live";
});
events.addEventListener("error", () => {
  connection.textContent = "the demo does not answer; trying again";
});
showHeld();
