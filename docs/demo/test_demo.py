"""The demo as its user runs it: every mode, every backend, what it answers and what it prints."""

from __future__ import annotations

import ast
import html
import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from running import RunningDemo

REFRESH = "/api/token/refresh"


class Demo(RunningDemo):
    """A running demo, and a client that keeps its cookies and tokens."""

    def __init__(self, folder: Path, **environment: str) -> None:
        super().__init__(folder, **environment)
        self.cookies: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: str = "", token: str = ""
    ) -> tuple[int, dict[str, Any] | str]:
        headers = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        headers["X-CSRFToken"] = self.cookies.get("csrftoken", "")
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if token in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[token]}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self.cookies.update({n: m.value for n, m in SimpleCookie(cookie).items()})
        connection.close()
        if answer.headers.get_content_type() != "application/json":
            return answer.status, text
        parsed = json.loads(text)
        self.tokens.update({n: parsed[n] for n in ("refresh", "access") if n in parsed})
        return answer.status, parsed


@pytest.fixture
def demo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Demo]:
    running = Demo(tmp_path, **request.param)
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        running.stop()


MODES = ("JSON", "ONE-COOKIE", "TWO-COOKIES")
BACKENDS = ("database", "cache", "redis")
CHOICES = [
    {"MODE": mode, "BACKEND": backend} for mode, backend in zip(MODES, BACKENDS, strict=True)
]
"""Each mode and each backend once: what the two do together is not the demo's."""

LOGIN = ("POST", "/login/", "username=alice&password=pass", "", 200)
UPDATE = ("POST", f"{REFRESH}/update_refresh/", "", "refresh", 200)
SESSION = [
    ("POST", "/login/", "username=alice&password=wrong", "", 401),
    LOGIN,
    ("GET", "/hello/", "", "access", 200),
    ("POST", "/validate_access/", "", "access", 200),
    ("POST", f"{REFRESH}/validate_refresh/", "", "refresh", 200),
    ("POST", f"{REFRESH}/refresh_access/", "", "refresh", 200),
]
THEFT = [(*UPDATE[:4], 401), ("POST", f"{REFRESH}/refresh_access/", "", "refresh", 401)]
NEXT_SESSIONS = [
    LOGIN,
    UPDATE,
    ("POST", f"{REFRESH}/logout/", "", "refresh", 200),
    ("POST", f"{REFRESH}/logout/", "", "refresh", 200),
    ("POST", f"{REFRESH}/refresh_access/", "", "refresh", 401),
    LOGIN,
    ("POST", f"{REFRESH}/logout_all/", "", "refresh", 200),
    ("POST", f"{REFRESH}/refresh_access/", "", "refresh", 401),
]
"""What the page tells to try, and what is answered."""

CLAIMS = {"refresh_claims", "access_claims"}
PRINTED = [
    ("GetTokensView", {"error"}),
    ("GetTokensView", CLAIMS),
    ("ValidateTokensView", set()),
    ("ValidateTokensView", set()),
    ("RefreshAccessView", CLAIMS),
    ("UpdateRefreshView", CLAIMS),
    ("UpdateRefreshView", {"jti", "claims"}),
    ("GetTokensView", CLAIMS),
    ("UpdateRefreshView", CLAIMS),
    ("BlackListTokenView", {"jti"}),
    ("GetTokensView", CLAIMS),
    ("LogoutAllView", {"user_id", "except_jti"}),
]
"""The senders and the kwargs that are printed for it."""


def _printed(console: str) -> list[tuple[str, set[str]]]:
    """The sender and the kwargs of each signal in the console."""
    found = re.findall(r"^sender:  (\w+)\nkwargs:  (\{.*\})$", console, re.MULTILINE)
    # The signal and the request print as <...>, which is no literal.
    kwargs = [
        ast.literal_eval(re.sub(r"<(?:[^<>]|<[^<>]*>)*>", "None", text)) for _, text in found
    ]
    assert all({"signal", "request"} <= set(each) for each in kwargs)
    return [
        (sender, set(each) - {"signal", "request"})
        for (sender, _), each in zip(found, kwargs, strict=True)
    ]


@pytest.mark.parametrize("demo", CHOICES, indirect=True, ids=lambda e: "-".join(e.values()))
def test_a_session_is_answered_and_announced(demo: Demo) -> None:
    status, page = demo.ask("GET", "/")
    assert status == 200
    assert "What to try" in page
    _walk(demo, SESSION)
    stolen = dict(demo.cookies), dict(demo.tokens)
    _walk(demo, [UPDATE])
    # The demo's grace.
    time.sleep(1)
    demo.cookies, demo.tokens = stolen
    _walk(demo, THEFT)
    _walk(demo, NEXT_SESSIONS)
    console = demo.console.read_text()
    assert _printed(console) == PRINTED
    assert "Traceback" not in console


def _walk(demo: Demo, requests: list[tuple[str, str, str, str, int]]) -> None:
    for method, path, body, token, expected in requests:
        assert (path, *demo.ask(method, path, body, token)[:1]) == (path, expected)


SENDERS = {
    "jwt_logged_in": "GetTokensView",
    "jwt_login_fail": "GetTokensView",
    "jwt_token_validated": "ValidateTokensView",
    "jwt_access_refreshed": "RefreshAccessView",
    "jwt_refresh_updated": "UpdateRefreshView",
    "jwt_reuse_detected": "UpdateRefreshView",
    "jwt_blacklisted": "BlackListTokenView",
    "jwt_sessions_revoked": "LogoutAllView",
}
STEP = re.compile(
    r"<pre[^>]*><code>(?P<lines>.*?)</code></pre>.*?<dt>Answer</dt><dd><code>(?P<answer>.*?)</code>"
    r".*?<dt>Signal</dt><dd>(?:<code>)?(?P<signal>\w+)",
    re.DOTALL,
)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize(
    "demo",
    [{"MODE": mode} for mode in MODES],
    indirect=True,
    ids=lambda e: e["MODE"],
)
def test_the_lines_of_the_page_do_what_it_says(demo: Demo) -> None:
    _, page = demo.ask("GET", "/")
    steps = [
        [html.unescape(found[name]) for name in ("lines", "answer", "signal")]
        for found in STEP.finditer(str(page))
    ]
    assert len(steps) >= 15
    mark = "--- next step ---"
    script = f"\necho '{mark}'\n".join(lines for lines, _, _ in steps)
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert ran.stderr == ""
    for (lines, answer, _), output in zip(steps, ran.stdout.split(f"{mark}\n"), strict=True):
        status, _, body = answer.partition(" ") if answer[0].isdigit() else ("", "", answer)
        assert re.search(".*".join(map(re.escape, body.split("…"))), output), (lines, output)
        # Where the tokens go into variables curl does not print the status.
        assert "TOKENS=" in lines or "PHONE=$(curl" in lines or output.endswith(f"{status}\n")
    sent = [SENDERS[signal] for _, _, signal in steps if signal != "none"]
    assert [sender for sender, _ in _printed(demo.console.read_text())] == sent


@pytest.mark.parametrize(
    "demo", [{"BACKEND": "redis", "REDIS_URL": "redis://127.0.0.1:1/0"}], indirect=True
)
def test_without_a_redis_it_says_that_it_uses_fakeredis(demo: Demo) -> None:
    assert demo.ask("POST", "/login/", "username=alice&password=pass")[0] == 200
    console = demo.console.read_text()
    assert "No Redis server at redis://127.0.0.1:1/0: using fakeredis" in console


@pytest.mark.parametrize("demo", [{"REDIS_URL": "no address"}], indirect=True)
def test_a_backend_that_cannot_be_used_is_shown_with_the_reason(demo: Demo) -> None:
    reason = "REDIS_URL: Redis URL must specify"
    _, page = demo.ask("GET", "/")
    choice = re.search(r'<input type="radio" name="backend" value="redis"(.*?)</label>', str(page))
    assert choice is not None
    assert choice[1].startswith(f" disabled>redis ({reason}")
    status, answer = demo.ask("POST", "/demo/switch/", "mode=JSON&backend=redis")
    assert status == 400
    assert isinstance(answer, dict)
    assert answer["error"].startswith(reason)
    assert demo.ask("POST", "/login/", "username=bob&password=pass")[0] == 200


@pytest.mark.parametrize("demo", [{}], indirect=True)
def test_a_page_that_comes_back_is_told_what_it_missed(demo: Demo) -> None:
    demo.ask("POST", "/login/", "username=alice&password=wrong")
    events = _events(demo)
    assert [kind for _, kind in events] == ["signal", "answer", "live"]
    first, last = (number for number, _ in events[:2])
    assert [kind for _, kind in _events(demo, first)] == ["answer", "live"]
    assert [kind for _, kind in _events(demo, last)] == ["live"]
    for nonsense in ("", "-", "NaN", "9" * 5000):
        assert _events(demo, nonsense)[-1] == ("", "live")


def _events(demo: Demo, after: str = "0") -> list[tuple[str, str]]:
    """The number and the kind of each event of the past, up to the one that ends them."""
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=30)
    connection.request("GET", "/demo/events/", headers={"Last-Event-ID": after})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    found: list[tuple[str, str]] = []
    number = ""
    while not found or found[-1][1] != "live":
        name, _, value = answer.readline().decode().strip().partition(": ")
        if name == "id":
            number = value
        elif name == "event":
            found.append((number if value != "live" else "", value))
    connection.close()
    return found


@pytest.mark.parametrize(
    ("variable", "choices"),
    [("MODE", "JSON, ONE-COOKIE, TWO-COOKIES"), ("BACKEND", "database, cache, redis")],
)
def test_an_unknown_choice_is_refused_with_the_choices(
    variable: str, choices: str, tmp_path: Path
) -> None:
    demo = Demo(tmp_path, **{variable: "nonsense"})
    assert demo.process.wait(timeout=60) == 1
    said = demo.console.read_text()
    assert said == f"{variable} is 'nonsense'; use one of {choices}.\n"
