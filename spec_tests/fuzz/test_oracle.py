"""The judge of the fuzzer: it passes what is right, and names each thing that is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from djwto.spec_tests.fuzz.oracle import FACTS, RULES, Exchange, violations
from djwto.spec_tests.recorder import SIGNALS, Sent

GOOD = "eyJhbGciOiJIUzI1NiJ9.good.signature"
OLD_ACCESS = "eyJhbGciOiJIUzI1NiJ9.oldaccess.signature"
STRANGE = "eyJhbGciOiJIUzI1NiJ9.strange.signature"
REFRESH = "eyJhbGciOiJIUzI1NiJ9.newrefresh.signature"
ACCESS = "eyJhbGciOiJIUzI1NiJ9.newaccess.signature"
PASSWORD = "a password of some length"
KEY = "a key of some length, which signs"
BELOW = "/api/token/refresh/"


def sent(name: str, **kwargs: Any) -> Sent:
    return Sent(name, "whoever", kwargs)


def tokens(*texts: str) -> bytes:
    return ", ".join(texts).encode()


LOGIN = Exchange(
    mode="JSON",
    method="POST",
    path="/login/",
    body=f"username=alice&password={PASSWORD}".encode(),
    status=200,
    content=tokens(REFRESH, ACCESS),
    signals=[sent("jwt_logged_in")],
    password=PASSWORD,
    keys=[KEY],
    cookie_names={"refresh": "jwt_refresh", "access": "jwt_access"},
    believed={"refresh": frozenset({GOOD}), "access": frozenset({OLD_ACCESS})},
)
REFUSED = replace(
    LOGIN,
    status=401,
    headers={"WWW-Authenticate": 'Bearer realm="api"', "Content-Type": "application/json"},
    body=b"username=alice&password=x",
    content=b'{"error": "no"}',
    signals=[sent("jwt_login_fail", error="no")],
)
REFRESHED = replace(
    LOGIN,
    path=BELOW + "refresh_access/",
    authorization=f"Bearer {GOOD}",
    body=b"",
    content=tokens(GOOD, ACCESS),
    signals=[sent("jwt_access_refreshed")],
)
UPDATED = replace(
    REFRESHED,
    path=BELOW + "update_refresh/",
    content=tokens(REFRESH, ACCESS),
    signals=[sent("jwt_refresh_updated")],
)
VALIDATED = replace(
    REFRESHED,
    path=BELOW + "validate_refresh/",
    content=b"{}",
    signals=[sent("jwt_token_validated")],
)
LOGGED_OUT = replace(
    REFRESHED,
    path=BELOW + "logout/",
    content=b"{}",
    signals=[sent("jwt_blacklisted", jti="a")],
    ended=frozenset({"a"}),
)
EVERYWHERE = replace(
    LOGGED_OUT,
    path=BELOW + "logout_all/",
    signals=[sent("jwt_sessions_revoked", user_id=1)],
    ended=frozenset(),
    cut_off=True,
)
REUSED = replace(
    REFUSED,
    path=BELOW + "update_refresh/",
    authorization=f"Bearer {GOOD}",
    set_cookies={"jwt_refresh": ""},
    signals=[sent("jwt_reuse_detected", jti="a")],
    ended=frozenset({"a"}),
)
LET_IN = replace(
    LOGIN,
    method="GET",
    path="/access/",
    authorization=f"Bearer {OLD_ACCESS}",
    body=b"",
    content=tokens(OLD_ACCESS),
    signals=[],
)
IN_COOKIES = replace(
    REFRESHED,
    mode="ONE-COOKIE",
    authorization="",
    cookies=f'a=b; jwt_refresh="{GOOD}"',
    content=b"{}",
    set_cookies={"jwt_access": ACCESS},
)
NOTHING = replace(LOGIN, method="GET", path="/nowhere/", status=404, content=b"", signals=[])

RIGHT = {
    "a login": LOGIN,
    "a login whose body is UTF-16": replace(LOGIN, body=LOGIN.body.decode().encode("utf-16")),
    "a login over cookies": replace(
        LOGIN,
        mode="ONE-COOKIE",
        cookies=f"jwt_access={OLD_ACCESS}",
        content=b"{}",
        set_cookies={"jwt_refresh": REFRESH, "jwt_access": ACCESS},
        signals=[sent("jwt_blacklisted", jti="a"), *LOGIN.signals],
        ended=frozenset({"a"}),
    ),
    "a refusal": REFUSED,
    "a refresh": REFRESHED,
    "an update": UPDATED,
    "a validation": VALIDATED,
    "a logout": LOGGED_OUT,
    "a logout everywhere": EVERYWHERE,
    "reuse": REUSED,
    "a view": LET_IN,
    "a refresh by a cookie": IN_COOKIES,
    "nothing": NOTHING,
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_passed(name: str) -> None:
    assert violations(RIGHT[name]) == []


WRONG = [
    (replace(NOTHING, status=500), "It was answered 500."),
    (replace(NOTHING, status=503), "It was answered 503."),
    (
        replace(LOGIN, body=b"username=alice"),
        "A token was issued to someone who did not show the password.",
    ),
    (replace(REFRESHED, authorization=""), "who did not show a refresh token that is good."),
    (replace(REFRESHED, authorization=f"Bearer {STRANGE}"), "did not show a refresh token"),
    (replace(REFRESHED, authorization=f"Bearer {OLD_ACCESS}"), "did not show a refresh token"),
    (replace(REFRESHED, authorization=f"Basic {GOOD}"), "did not show a refresh token"),
    (replace(REFRESHED, authorization=f"Bearer {GOOD}="), "did not show a refresh token"),
    (replace(REFRESHED, authorization="", cookies=IN_COOKIES.cookies), "did not show a refresh"),
    (replace(IN_COOKIES, cookies=f"jwt_access={GOOD}"), "did not show a refresh token"),
    (
        replace(IN_COOKIES, cookies="", authorization=f"Bearer {GOOD}"),
        "did not show a refresh token",
    ),
    (replace(UPDATED, status=409), "An answer of 409 brought a token."),
    (replace(UPDATED, path=BELOW + "logout/"), f"POST {BELOW}logout/ issued a token."),
    (replace(UPDATED, path="/login"), "POST /login issued a token."),
    (
        replace(LET_IN, authorization=f"Bearer {GOOD}"),
        "/access/ let somebody in without access token that is good.",
    ),
    (replace(LET_IN, authorization="", content=b"{}"), "/access/ let somebody in"),
    (replace(LOGIN, content=b"{}"), "jwt_logged_in was sent, and nobody has logged in."),
    (replace(LOGIN, body=b""), "jwt_logged_in was sent, and nobody has logged in."),
    (replace(REFUSED, status=200), "jwt_login_fail was sent, and no login has failed."),
    (replace(REFUSED, path=BELOW + "logout/"), "jwt_login_fail was sent, and no login has failed"),
    (
        replace(LOGGED_OUT, ended=frozenset()),
        "jwt_blacklisted was sent, and the session has not ended, or nobody asked for it.",
    ),
    (
        replace(LOGGED_OUT, status=401),
        "jwt_blacklisted was sent, and the session has not ended, or nobody asked for it.",
    ),
    (
        replace(LOGGED_OUT, authorization=f"Bearer {OLD_ACCESS}"),
        "jwt_blacklisted was sent, and the session has not ended, or nobody asked for it.",
    ),
    (
        replace(VALIDATED, status=401),
        "jwt_token_validated was sent, and no valid token was shown.",
    ),
    (replace(VALIDATED, authorization=""), "jwt_token_validated was sent, and no valid token"),
    (
        replace(VALIDATED, path="/validate_access/"),
        "jwt_token_validated was sent, and no valid token was shown.",
    ),
    (
        replace(REFRESHED, content=tokens(GOOD)),
        "jwt_access_refreshed was sent, and no access token was refreshed.",
    ),
    (
        replace(UPDATED, content=tokens(ACCESS)),
        "jwt_refresh_updated was sent, and no refresh token was updated.",
    ),
    (replace(REUSED, status=200), "jwt_reuse_detected was sent, and no session has ended for it."),
    (
        replace(REUSED, ended=frozenset()),
        "jwt_reuse_detected was sent, and no session has ended for it.",
    ),
    (
        replace(EVERYWHERE, authorization=""),
        "jwt_sessions_revoked was sent, and nobody was cut off.",
    ),
    (
        replace(EVERYWHERE, cut_off=False),
        "jwt_sessions_revoked was sent, and nobody was cut off.",
    ),
    (
        replace(LOGGED_OUT, signals=[*LOGGED_OUT.signals, *LOGGED_OUT.signals]),
        "jwt_blacklisted was sent 2 times.",
    ),
    (replace(LOGIN, signals=[]), "A token was issued, and no signal was sent."),
    (replace(LOGGED_OUT, signals=[]), "The session 'a' has ended, and no signal was sent."),
    (replace(EVERYWHERE, signals=[]), "All sessions of a user have ended, and no signal"),
    (replace(LOGIN, log=["x", f"login by {PASSWORD}"]), "A log line has the password in it."),
    (replace(LOGIN, log=[f"key: {KEY}"]), "A log line has a key in it."),
    (replace(LOGIN, log=[f"made {ACCESS}"]), "A log line has a token in it."),
    (replace(REFRESHED, log=[f"got {GOOD}!"]), "A log line has a token in it."),
    (replace(IN_COOKIES, log=[IN_COOKIES.cookies]), "A log line has a cookie in it."),
    (
        replace(REFUSED, cookies="a=a text that is no token", log=["a text that is no token"]),
        "A log line has a cookie in it.",
    ),
    (
        replace(
            REFUSED,
            authorization="Basic YWxpY2U6YSBwYXNzd29yZA==",
            log=["<YWxpY2U6YSBwYXNzd29yZA==>"],
        ),
        "A log line has the Authorization header in it.",
    ),
    (
        replace(REFUSED, content=f'{{"error": "{STRANGE}"}}'.encode(), authorization=STRANGE),
        "An answer of 401 has a token in it.",
    ),
    (
        replace(REFUSED, headers={**REFUSED.headers, "X-Debug": KEY}),
        "An answer of 401 has a key in it.",
    ),
    (
        replace(VALIDATED, content=PASSWORD.encode()),
        "An answer of 200 has the password in it.",
    ),
    (
        replace(REFUSED, signals=[sent("jwt_login_fail", error=f"not {PASSWORD}")]),
        "The error of a signal has the password in it.",
    ),
    (
        replace(REFUSED, set_cookies={"jwt_access": ""}),
        "An answer of 401 set the cookies ['jwt_access'].",
    ),
    (
        replace(REFUSED, headers={"Content-Type": "application/json"}),
        "An answer of 401 has no challenge.",
    ),
    (
        replace(REFUSED, headers={**REFUSED.headers, "Content-Type": "text/html"}),
        "The endpoint login answered 401 with something else than JSON.",
    ),
    (replace(LOGIN, seconds=0.1011), "It took 101 ms."),
]


@pytest.mark.parametrize(("exchange", "sentence"), WRONG, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_named(exchange: Exchange, sentence: str) -> None:
    assert sentence in "\n".join(violations(exchange))


def test_every_rule_has_rejected_something() -> None:
    for rule in RULES:
        assert any(list(rule(exchange)) for exchange, _ in WRONG), rule


def test_every_signal_has_a_fact_and_each_was_missed() -> None:
    assert set(FACTS) == set(SIGNALS)
    said = "\n".join(sentence for exchange, _ in WRONG for sentence in violations(exchange))
    for name, (lie, _) in FACTS.items():
        assert f"{name} was sent, and {lie}." in said
