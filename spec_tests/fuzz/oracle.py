"""Judges one request by what came of it: the answer, the signals, the log, the time it took.

It knows nothing of how djwto decides. Who may have tokens it is told by `Exchange.believed`, and
what happened in the store by `Exchange.ended` and `Exchange.cut_off`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from djwto.claims import ACCESS, REFRESH
from djwto.spec_tests.recorder import Sent

LONGEST = 0.1
"""Seconds that an answer may take."""

TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+")

SHORTEST_SECRET = 21
"""Characters below which a text may be in a log line by chance.

Hypothesis tries the texts that are in the source code, and most of what is drawn is shorter.
"""

EXCHANGES = {"refresh_access", "update_refresh"}
VALIDATED = {"validate_access": ACCESS, "validate_refresh": REFRESH}
GUARDED = {
    "/access/": ACCESS,
    "/access/async/": ACCESS,
    "/perm/": ACCESS,
    "/perm/stacked/": ACCESS,
    "/refresh/": REFRESH,
    "/refresh/stacked/": REFRESH,
    "/me/sessions/": ACCESS,
}
"""The views of the project behind a token, and of which type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, what it was answered, and what else was seen of it."""

    mode: str
    method: str
    path: str
    authorization: str = ""
    cookies: str = ""
    """The Cookie header."""
    body: bytes = b""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    set_cookies: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    signals: Sequence[Sent] = ()
    log: Sequence[str] = ()
    """Each line with its traceback, of every logger and level."""
    seconds: float = 0

    password: str
    keys: Sequence[str] = ()
    """The keys that sign, however they may be spelt."""
    cookie_names: Mapping[str, str] = field(default_factory=dict)
    """The cookie of each type of token, in cookie modes."""
    believed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The texts of tokens that may be believed, by type."""
    ended: frozenset[str] = frozenset()
    """The names of the sessions that ended in the meantime, as the store has them."""
    cut_off: bool = False
    """Were all sessions of a user ended in the meantime?"""

    @property
    def endpoint(self) -> str:
        """The name of the endpoint; "" where it is none."""
        head, _, name = self.path.removesuffix("/").rpartition("/")
        under = head.removeprefix("/prefix")
        ours = {"": {"login", "validate_access"}, "/api/token/refresh": _BELOW}
        return name if self.path.endswith("/") and name in ours.get(under, ()) else ""

    def shown(self, type_: str) -> set[str]:
        """The tokens where the mode has one of this type."""
        if self.mode == "JSON":
            scheme, _, credentials = self.authorization.strip(" \t").partition(" ")
            return {credentials.strip(" ")} if scheme.lower() == "bearer" else set()
        pairs = (cookie.partition("=") for cookie in self.cookies.split(";"))
        wanted = self.cookie_names[type_]
        return {value.strip().strip('"') for name, _, value in pairs if name.strip() == wanted}

    def authenticated(self, type_: str) -> bool:
        """Whether a token that may be believed was sent as one of this type."""
        return bool(self.shown(type_) & self.believed.get(type_, frozenset()))

    @property
    def shows_password(self) -> bool:
        """Whether the password is in the body, in any encoding that spells ASCII in its bytes."""
        return self.password.encode() in self.body.replace(b"\0", b"")

    @property
    def issued(self) -> set[str]:
        """The tokens in the answer. The views of the project show what they were sent."""
        text = " ".join([self.content.decode("utf-8", "replace"), *self.set_cookies.values()])
        found = set(TOKEN.findall(text))
        return found - self.sent if self.path in GUARDED else found

    @property
    def sent(self) -> set[str]:
        """Whatever looks like a token in the request, wherever it is."""
        body = self.body.decode("utf-8", "replace")
        return set(TOKEN.findall(" ".join([self.authorization, self.cookies, body])))


_BELOW = {*EXCHANGES, "validate_refresh", "logout", "logout_all"}


def violations(exchange: Exchange) -> list[str]:
    """What must never happen and has, each in a sentence."""
    return [sentence for rule in RULES for sentence in rule(exchange)]


def _failures(x: Exchange) -> Iterator[str]:
    if x.status >= 500:
        yield f"It was answered {x.status}."


def _tokens(x: Exchange) -> Iterator[str]:
    if not x.issued:
        return
    if x.status != 200:
        yield f"An answer of {x.status} brought a token."
    elif x.endpoint == "login":
        if not x.shows_password:
            yield "A token was issued to someone who did not show the password."
    elif x.endpoint in EXCHANGES:
        if not x.authenticated(REFRESH):
            yield "A token was issued to someone who did not show a refresh token that is good."
    else:
        yield f"{x.method} {x.path} issued a token."


def _entry(x: Exchange) -> Iterator[str]:
    type_ = GUARDED.get(x.path)
    if type_ and x.status == 200 and x.method != "OPTIONS" and not x.authenticated(type_):
        yield f"{x.path} let somebody in without {type_} token that is good."


FACTS: dict[str, tuple[str, Callable[[Exchange, Sent], bool]]] = {
    "jwt_logged_in": (
        "nobody has logged in",
        lambda x, _: (
            x.endpoint == "login" and x.status == 200 and x.shows_password and len(x.issued) > 1
        ),
    ),
    "jwt_login_fail": (
        "no login has failed",
        lambda x, _: x.endpoint == "login" and x.method == "POST" and 400 <= x.status < 500,
    ),
    "jwt_blacklisted": (
        "the session has not ended, or nobody asked for it",
        lambda x, sent: (
            x.status == 200
            and sent.kwargs["jti"] in x.ended
            and (x.authenticated(REFRESH) or (x.endpoint != "logout" and x.authenticated(ACCESS)))
        ),
    ),
    "jwt_token_validated": (
        "no valid token was shown",
        lambda x, _: (
            x.status == 200 and x.endpoint in VALIDATED and x.authenticated(VALIDATED[x.endpoint])
        ),
    ),
    "jwt_access_refreshed": (
        "no access token was refreshed",
        lambda x, _: (
            x.status == 200
            and x.endpoint == "refresh_access"
            and x.authenticated(REFRESH)
            and bool(x.issued - x.shown(REFRESH))
        ),
    ),
    "jwt_refresh_updated": (
        "no refresh token was updated",
        lambda x, _: (
            x.status == 200
            and x.endpoint == "update_refresh"
            and x.authenticated(REFRESH)
            and len(x.issued) > 1
        ),
    ),
    "jwt_reuse_detected": (
        "no session has ended for it",
        lambda x, sent: x.status == 401 and sent.kwargs["jti"] in x.ended,
    ),
    "jwt_sessions_revoked": (
        "nobody was cut off",
        lambda x, _: (
            x.status == 200
            and x.endpoint == "logout_all"
            and x.authenticated(REFRESH)
            and x.cut_off
        ),
    ),
}
"""What each signal states: what to say where it is false, and whether it is true."""


def _signals(x: Exchange) -> Iterator[str]:
    for sent in x.signals:
        lie, is_true = FACTS[sent.name]
        if not is_true(x, sent):
            yield f"{sent.name} was sent, and {lie}."
    counted = Counter((sent.name, sent.kwargs.get("jti")) for sent in x.signals)
    for (name, _), count in counted.items():
        if count > 1:
            yield f"{name} was sent {count} times."


def _silence(x: Exchange) -> Iterator[str]:
    names = {sent.name for sent in x.signals}
    if x.issued and not names & {"jwt_logged_in", "jwt_access_refreshed", "jwt_refresh_updated"}:
        yield "A token was issued, and no signal was sent."
    for jti in sorted(x.ended - {sent.kwargs.get("jti") for sent in x.signals}):
        yield f"The session {jti!r} has ended, and no signal was sent."
    if x.cut_off and "jwt_sessions_revoked" not in names:
        yield "All sessions of a user have ended, and no signal was sent."


def _leaks(x: Exchange) -> Iterator[str]:
    lasting = {"the password": {x.password}, "a key": set(x.keys)}
    cookies = (cookie.partition("=")[2].strip() for cookie in x.cookies.split(";"))
    passing = {
        "a token": {*x.sent, *x.issued},
        "the Authorization header": {x.authorization, x.authorization.partition(" ")[2].strip()},
        "a cookie": {x.cookies, *cookies},
    }
    answer = "\n".join([x.content.decode("utf-8", "replace"), *map(str, x.headers.values())])
    errors = [str(sent.kwargs["error"]) for sent in x.signals if "error" in sent.kwargs]
    places: list[tuple[str, str, Mapping[str, set[str]]]] = [
        *(("A log line", line, lasting | passing) for line in x.log),
        *(("The error of a signal", error, lasting | passing) for error in errors),
        (f"An answer of {x.status}", answer, lasting | passing if x.status >= 400 else lasting),
    ]
    for place, text, secrets in places:
        for what, texts in secrets.items():
            if any(len(one) >= SHORTEST_SECRET and one in text for one in texts):
                yield f"{place} has {what} in it."


def _refusals(x: Exchange) -> Iterator[str]:
    if x.status < 400:
        return
    if x.set_cookies and "jwt_reuse_detected" not in {sent.name for sent in x.signals}:
        yield f"An answer of {x.status} set the cookies {sorted(x.set_cookies)}."
    if x.status == 401 and not x.headers.get("WWW-Authenticate", "").startswith("Bearer "):
        yield "An answer of 401 has no challenge."
    if x.endpoint and x.headers.get("Content-Type") != "application/json":
        yield f"The endpoint {x.endpoint} answered {x.status} with something else than JSON."


def _time(x: Exchange) -> Iterator[str]:
    if x.seconds > LONGEST:
        yield f"It took {x.seconds * 1000:.0f} ms."


RULES: list[Callable[[Exchange], Iterator[Any]]] = [
    _failures,
    _tokens,
    _entry,
    _signals,
    _silence,
    _leaks,
    _refusals,
    _time,
]
