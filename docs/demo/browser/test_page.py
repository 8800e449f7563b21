"""The demo's page in Chromium: what its buttons do, what it shows, and who can use it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jwt
import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import chromium
from demo.settings import SECRET_KEY
from django.test import override_settings
from playwright.sync_api import Browser, Locator, Page, expect
from running import RunningDemo

from djwto.tokens import encode

MODES = ("JSON", "ONE-COOKIE", "TWO-COOKIES")
each_mode = pytest.mark.parametrize("mode", MODES)
each_cookie_mode = pytest.mark.parametrize("mode", MODES[1:])

TIMEOUT = 30_000
"""Milliseconds to wait for what has to come: a machine may have more to do than this."""

expect.set_options(timeout=TIMEOUT)

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    # Nothing listens there, so that the backend "redis" has to do without.
    running = RunningDemo(tmp_path_factory.mktemp("demo"), REDIS_URL="redis://127.0.0.1:1/0")
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        running.stop()
    assert "Traceback" not in running.console.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(demo: RunningDemo, browser: Browser) -> Iterator[Page]:
    """The page as somebody sees it who comes for the first time; it must not complain."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{demo.port}", viewport=DESK, reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    expect(page.locator("#connection")).to_have_text("live")
    yield page
    context.close()
    # Of an answer such as 401 Chromium says this, whatever a script makes of it.
    assert [
        each for each in complaints if "the server responded with a status of 40" not in each
    ] == []


class Seen(NamedTuple):
    """What the page shows once a button was pressed."""

    status: int
    signals: list[tuple[str, str]]
    """The name and the sender of each that arrived meanwhile."""

    clauses: list[str]
    outcome: str


def _switch(page: Page, mode: str, backend: str = "database") -> None:
    page.get_by_role("group", name="Mode").get_by_label(mode, exact=True).check()
    page.get_by_role("group", name="Backend").get_by_label(backend).check()
    page.get_by_role("button", name="Switch").click()
    expect(page).to_have_title(f"djwto demo: {mode}, {backend}")
    expect(page.locator("#connection")).to_have_text("live")


def _newest(page: Page) -> str:
    """The number of the answer on top; before all numbers where there is none."""
    numbers = page.locator(".answers > ol > li").evaluate_all(
        "items => items.map((each) => each.dataset.number)"
    )
    return max(numbers, default="")


def _wait_for_answer(page: Page, after: str) -> Locator:
    top = page.locator(".answers > ol > li").first
    expect(top).to_be_attached()
    expect(top).not_to_have_attribute("data-number", after)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    return top


def _press(page: Page, button: str) -> Seen:
    before = _newest(page)
    page.get_by_role("button", name=button, exact=True).click()
    top = _wait_for_answer(page, before)
    signals = page.locator(".signals > ol > li").evaluate_all(
        """(items, before) => items.filter((each) => each.dataset.number > before).map((each) =>
            ["name", "sender"].map((part) => each.querySelector(`.${part}`).textContent))""",
        before,
    )
    return Seen(
        status=int(top.locator(".status").inner_text().split()[0]),
        signals=[(name, sender.removeprefix("from ").strip('"')) for name, sender in signals],
        clauses=top.locator(".clauses dt").all_inner_texts(),
        outcome=page.get_by_role("status").inner_text(),
    )


def _log_in(page: Page, user: str = "alice") -> None:
    page.get_by_label(user).check()
    assert _press(page, "Log in").status == 200
    expect(page.locator(".who")).to_contain_text(f"{user}'s")


def _kwargs(page: Page) -> dict[str, Any]:
    """Those of the latest signal."""
    shown: dict[str, Any] = json.loads(page.locator(".signals .kwargs").first.inner_text())
    return shown


IN, FAILED = ("jwt_logged_in", "GetTokensView"), ("jwt_login_fail", "GetTokensView")
VALID = ("jwt_token_validated", "ValidateTokensView")
REFRESHED = ("jwt_access_refreshed", "RefreshAccessView")
UPDATED = ("jwt_refresh_updated", "UpdateRefreshView")
REUSED = ("jwt_reuse_detected", "UpdateRefreshView")
OUT = ("jwt_blacklisted", "BlackListTokenView")
EVERYWHERE = ("jwt_sessions_revoked", "LogoutAllView")

SESSION = [
    ("Log in, wrong password", 401, [FAILED], "HTTP-3"),
    ("Log in", 200, [IN], "HTTP-1"),
    ("Open a protected view", 200, [], "HTTP-15"),
    ("Validate the access token", 200, [VALID], "HTTP-9"),
    ("Validate the refresh token", 200, [VALID], "HTTP-9"),
    ("Refresh the access token", 200, [REFRESHED], "HTTP-10"),
    ("Update both tokens", 200, [UPDATED], "HTTP-11"),
    ("Replay the old token", 401, [REUSED], "HTTP-21"),
    ("Log in", 200, [IN], "HTTP-1"),
    ("Log out", 200, [OUT], "HTTP-12"),
    ("Replay the old token", 401, [], "HTTP-14"),
    ("Log in", 200, [IN], "HTTP-1"),
    ("Log out everywhere", 200, [EVERYWHERE], "HTTP-22"),
    ("Replay the old token", 401, [], "HTTP-22"),
]
"""A button, the status of its answer, the signals, and the first clause that it rests on."""


@each_mode
def test_each_button_is_answered_announced_and_explained(page: Page, mode: str) -> None:
    _switch(page, mode)
    for button, status, signals, clause in SESSION:
        seen = _press(page, button)
        assert (button, seen.status, seen.signals) == (button, status, signals)
        assert (button, seen.clauses[0]) == (button, clause)
        assert seen.outcome.startswith(str(status))
        assert all(name in seen.outcome for name, _ in signals)
        assert len(seen.clauses) >= len(signals) + 1


@each_mode
def test_a_signal_is_shown_with_its_kwargs(page: Page, mode: str) -> None:
    _switch(page, mode)
    _log_in(page, "bob")
    kwargs = _kwargs(page)
    assert kwargs.keys() == {"request", "refresh_claims", "access_claims"}
    assert kwargs["request"] == "<WSGIRequest: POST '/login/'>"
    assert kwargs["refresh_claims"]["user"]["username"] == "bob"
    assert kwargs["access_claims"]["jti"] == kwargs["refresh_claims"]["jti"]
    jti = kwargs["access_claims"]["jti"]
    _press(page, "Log out")
    assert _kwargs(page) == {
        "request": kwargs["request"].replace("/login/", "/api/token/refresh/logout/"),
        "jti": jti,
    }


HELD = {
    "JSON": {"access": "", "refresh": ""},
    "ONE-COOKIE": {
        "jwt_refresh": "HttpOnly · Path=/api/token/refresh",
        "jwt_access": "HttpOnly · Path=/",
        "csrftoken": "readable · Path=/",
    },
    "TWO-COOKIES": {
        "jwt_refresh": "HttpOnly · Path=/api/token/refresh",
        "jwt_access_token": "HttpOnly · Path=/",
        "jwt_access_payload": "readable · Path=/",
        "csrftoken": "readable · Path=/",
    },
}


@each_mode
def test_what_the_browser_holds_is_decoded_and_no_token_is_shown(page: Page, mode: str) -> None:
    _switch(page, mode)
    _log_in(page)
    jti = _kwargs(page)["access_claims"]["jti"]
    items = page.locator(".held > ul > li")
    expect(items).to_have_count(len(HELD[mode]))
    for item in items.all():
        name = item.locator(".name").inner_text()
        attributes = item.locator(".attributes").inner_text()
        assert attributes.startswith(HELD[mode][name])
        if name != "csrftoken":
            assert json.loads(item.locator(".says").text_content() or "")["claims"]["jti"] == jti
    readable = page.evaluate("document.cookie")
    assert [name for name in HELD[mode] if f"{name}=" in readable] == [
        name for name, attributes in HELD[mode].items() if attributes.startswith("readable")
    ]
    _press(page, "Update both tokens")
    assert not re.search(r"eyJ[\w-]{20}", page.content())
    _press(page, "Log out")
    expect(page.locator(".who")).to_have_text("Nobody is logged in.")


def test_the_cookies_that_an_answer_changes_are_named(page: Page) -> None:
    _switch(page, "TWO-COOKIES")
    _log_in(page)
    changed = page.locator(".answers > ol > li").first.locator(".changed li")
    assert [each.locator(".name").inner_text() for each in changed.all()] == [*HELD["TWO-COOKIES"]]
    refresh = changed.first.locator(".attributes").inner_text()
    assert refresh == "Path=/api/token/refresh · HttpOnly · Secure · SameSite=Lax · Max-Age=86400"
    _press(page, "Log out")
    assert set(changed.locator(".attributes").all_inner_texts()) == {
        "deleted at /api/token/refresh",
        "deleted at /",
    }


@each_cookie_mode
def test_the_same_fetch_without_the_csrf_token_is_refused(page: Page, mode: str) -> None:
    _switch(page, mode)
    _log_in(page)
    refused = _press(page, "Update, no CSRF token")
    assert (refused.status, refused.signals, refused.clauses) == (403, [], ["HTTP-7"])
    assert _press(page, "Update both tokens").status == 200


@each_mode
def test_two_tabs_that_update_at_once_are_told_the_same(page: Page, mode: str) -> None:
    _switch(page, mode)
    _log_in(page)
    _press(page, "Update in two tabs at once")
    latest = page.locator(".answers > ol > li").first
    expect(latest.locator(".clauses dt").nth(1)).to_have_text("HTTP-27")
    signals = page.locator(".signals .kwargs")
    first, second = (json.loads(signals.nth(at).text_content() or "") for at in (1, 0))
    assert first == second
    assert _press(page, "Replay the old token").signals == [REUSED]


@each_cookie_mode
def test_a_login_ends_the_session_that_it_replaces(page: Page, mode: str) -> None:
    _switch(page, mode)
    _log_in(page, "bob")
    seen = _press(page, "Log in")
    assert seen.signals == [IN, OUT]
    assert seen.clauses == ["HTTP-1", "HTTP-8", "HTTP-25", "HTTP-6", "SIG-3", "SIG-1"]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_refusal_rests_on_the_clause_that_decides(page: Page) -> None:
    _switch(page, "JSON")
    credentials = {"username": "alice", "password": "pass"}
    pair = page.request.post("/login/", form=credentials).json()
    read = jwt.decode(pair["refresh"], options={"verify_signature": False})
    with override_settings(SECRET_KEY=SECRET_KEY):
        expired = encode({**read, "exp": read["iat"]})
    forged = jwt.encode(
        {**read, "exp": "never"}, "a key that is none of the demo's, of this length"
    )
    refused = {
        "HTTP-4": [(401, {}), (400, _bearer(f"{pair['refresh']}, {pair['refresh']}"))],
        "TOK-6": [(401, _bearer(forged))],
        "TOK-7": [(401, _bearer(expired))],
        "TOK-8": [(401, _bearer(pair["access"]))],
        "TOK-10": [(401, _bearer("no-token"))],
    }
    for clause, sent in refused.items():
        for status, headers in sent:
            assert _clauses(page, "POST", "/api/token/refresh/logout/", headers=headers) == [
                status,
                clause,
            ]
    assert _clauses(page, "POST", "/login/", data="{") == [400, "HTTP-2"]
    assert _clauses(page, "GET", "/login/") == [405, "HTTP-18"]
    _switch(page, "ONE-COOKIE")
    foreign = {"Origin": "https://elsewhere.example"}
    assert _clauses(page, "POST", "/login/", headers=foreign) == [403, "HTTP-8"]


def _clauses(page: Page, method: str, path: str, **sent: Any) -> list[Any]:
    """The status of an answer and the first clause that it rests on."""
    before = _newest(page)
    status = page.request.fetch(path, method=method, **sent).status
    top = _wait_for_answer(page, before)
    return [status, top.locator(".clauses dt").first.inner_text()]


def test_without_an_old_token_there_is_none_to_replay(page: Page) -> None:
    _switch(page, "JSON")
    page.get_by_role("button", name="Replay the old token").click()
    expect(page.get_by_role("status")).to_contain_text("There is no old token yet")


def test_what_another_client_is_answered_arrives_as_well(page: Page) -> None:
    before = _newest(page)
    page.request.post("/login/", form={"username": "alice", "password": "not hers"})
    _wait_for_answer(page, before)
    expect(page.get_by_role("status")).to_contain_text("jwt_login_fail")


def test_another_backend_is_in_force_at_once(page: Page) -> None:
    _switch(page, "TWO-COOKIES", "redis")
    expect(page.locator("header")).to_contain_text("kept in fakeredis, in this process only")
    _log_in(page)
    assert _press(page, "Log out").signals == [OUT]
    assert _press(page, "Replay the old token").clauses[0] == "HTTP-14"
    _switch(page, "TWO-COOKIES", "cache")
    expect(page.locator(".who")).to_have_text("Nobody is logged in.")
    expect(page.locator("header")).to_contain_text("kept in Django's LocMemCache")
    # There nobody knows that the session has ended.
    assert _press(page, "Replay the old token").signals == [UPDATED]
    _switch(page, "TWO-COOKIES", "redis")
    assert _press(page, "Replay the old token").clauses[0] == "HTTP-14"


def test_each_clause_is_linked_to_its_page(page: Page) -> None:
    _press(page, "Log in, wrong password")
    links = page.locator(".clauses a").all()
    assert links
    for address in {link.get_attribute("href") or "" for link in links}:
        found = page.request.get(address)
        assert found.status == 200
        assert f'id="{address.partition("#")[2]}"' in found.text()


FOCUSED = """() => {
    const focused = document.activeElement;
    const label = focused.closest("label");
    const rings = [focused, label ?? focused].map((each) => getComputedStyle(each));
    return {
        name: (focused.innerText || label?.innerText || "").trim(),
        isSeen: rings.some((ring) => ring.outlineStyle === "solid" && ring.outlineWidth === "3px"),
    };
}"""


def _tab_to(page: Page, name: str) -> None:
    """Moves the focus on by Tab until it is on this; it has to be seen wherever it is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["isSeen"], focused
        if focused["name"] == name:
            return
    pytest.fail(f"{name} is not reached by Tab.")


def test_the_keyboard_will_do(page: Page) -> None:
    _tab_to(page, "alice")
    page.keyboard.press("ArrowRight")
    _tab_to(page, "Log in")
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_have_text("bob's tokens:")
    _tab_to(page, "Log out")
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_have_text("Nobody is logged in.")
    expect(page.get_by_role("status")).to_contain_text("jwt_blacklisted")


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@each_mode
def test_a_phone_need_not_scroll_sideways(page: Page, mode: str) -> None:
    page.set_viewport_size(PHONE)
    _switch(page, mode)
    _log_in(page)
    _open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth)
            .map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert wide == []


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing(page: Page, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(size)  # type: ignore[arg-type]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, re.findall(r"\d+", paper))) / 3 / 255
    assert lightness > 0.9 if scheme == "light" else lightness < 0.2
    for button in ("Log in", "Log in, wrong password"):
        _press(page, button)
    for details in page.locator(".held details, .text > details").all():
        details.evaluate("each => { each.open = true; }")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_no_script_runs_but_that_of_the_page(page: Page) -> None:
    policy = page.request.get("/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    # In a tab of its own, since the page complains of what is tried here.
    other = page.context.new_page()
    other.goto("/")
    refused = other.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "document.title = 'taken over'"; }
            catch (error) { return error.name; }
            document.head.append(script);
        }"""
    )
    assert refused == "TypeError"
    assert other.title().startswith("djwto demo")


def test_what_makes_no_sense_is_refused(page: Page) -> None:
    def status(path: str, **sent: Any) -> int:
        return page.request.post(path, max_redirects=0, **sent).status

    good = {"mode": "JSON", "backend": "cache"}
    assert status("/demo/switch/", form={**good, "mode": "POST"}) == 400
    assert status("/demo/switch/", form={**good, "backend": "memory"}) == 400
    assert status("/demo/switch/") == 400
    foreign = {"Origin": "https://elsewhere.example"}
    assert status("/demo/switch/", form=good, headers=foreign) == 403
    assert status("/api/token/refresh/demo/old/", headers=foreign) == 403
    assert status("/demo/switch/", form=good) == 302
    for value in ("bm9uc2Vuc2U", "%%%", "a.b.c", f"{'W' * 4000}"):
        cookies = f"jwt_refresh={value}; jwt_access_payload={value}; csrftoken={value}"
        held = page.request.get("/api/token/refresh/demo/held/", headers={"Cookie": cookies})
        assert [each["says"] for each in held.json()["cookies"]] == [None] * 3
