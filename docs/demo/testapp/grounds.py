"""Which clauses an answer rests on. What they say is read from where they stand, docs/clauses."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from djwto import transports
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.claims import ACCESS, REFRESH
from djwto.exceptions import InvalidToken, MissingToken, RepeatedToken, ReusedToken
from djwto.sessions import ask
from djwto.spec_tests.clauses import CLAUSES
from djwto.tokens import decode
from testapp import decoded

ANSWERED = {
    "login": "HTTP-1",
    "hello": "HTTP-15",
    "validate_access": "HTTP-9",
    "validate_refresh": "HTTP-9",
    "refresh_access": "HTTP-10",
    "update_refresh": "HTTP-11",
    "logout": "HTTP-12",
    "logout_all": "HTTP-22",
    "jwks": "HTTP-28",
}
"""The clause of each endpoint, for when it does what it is there for."""

SIGNALS = {
    found[1]: clause.id
    for clause in CLAUSES.values()
    if (found := re.match(r"(jwt_\w+) is sent", clause.text))
}
"""The clause of each signal, by its name."""


def described(clause_id: str) -> dict[str, str]:
    """A clause as the page shows it."""
    clause = CLAUSES[clause_id]
    page = reverse("docs", args=[f"clauses/{clause.page}.html"])
    return {"id": clause.id, "text": clause.text, "page": f"{page}#clause-{clause.id}"}


def grounds(
    request: HttpRequest, response: HttpResponse, signals: Collection[str], *, is_twin: bool
) -> list[dict[str, Any]]:
    """The clauses that an answer of an endpoint rests on, what decided it first.

    `signals` are the names of those that were sent meanwhile. `is_twin` is whether its tokens had
    been issued before.
    """
    ids = [*_decisive(request, response, signals, is_twin)]
    if response.status_code == 200 and response.cookies:
        ids.append("HTTP-6")
    return [described(clause) for clause in [*ids, *(SIGNALS[name] for name in signals)]]


def _decisive(
    request: HttpRequest, response: HttpResponse, signals: Collection[str], is_twin: bool
) -> list[str]:
    endpoint = _endpoint(request)
    match response.status_code:
        case 200:
            return [ANSWERED[endpoint], *_besides(endpoint, signals, is_twin)]
        case 400:
            return ["HTTP-4" if endpoint != "login" and _has_two_tokens(request) else "HTTP-2"]
        case 401 if "jwt_reuse_detected" in signals:
            return ["HTTP-21", "HTTP-5"]
        case 401:
            return ["HTTP-3" if endpoint == "login" else _why_refused(request), "HTTP-5"]
        case 403:
            return ["HTTP-8" if endpoint == "login" else "HTTP-7"]
        case 405:
            return ["HTTP-18"]
        case 503:
            return ["HTTP-17"]
    return []


def _besides(endpoint: str, signals: Collection[str], is_twin: bool) -> list[str]:
    """What else decides an answer of 200."""
    if endpoint == "update_refresh":
        return ["HTTP-27" if is_twin else "HTTP-20"]
    if endpoint == "login" and transports.current().ambient:
        return ["HTTP-8", *(["HTTP-25"] if "jwt_blacklisted" in signals else [])]
    return []


def _has_two_tokens(request: HttpRequest) -> bool:
    try:
        transports.bearer_token(request)
    except RepeatedToken:
        return True
    return False


def _why_refused(request: HttpRequest) -> str:
    """The clause by which the token of a request is refused, found by asking djwto once more."""
    type_ = ACCESS if _endpoint(request) in {"hello", "validate_access"} else REFRESH
    try:
        token = transports.current().read(request, type_)
    except (MissingToken, InvalidToken):
        return "HTTP-4"
    try:
        claims = decode(token, type_)
    except InvalidToken:
        return _why_unbelieved(token, type_)
    try:
        ask(claims)
    except ReusedToken:
        return "HTTP-21"
    except InvalidToken:
        # Else it was cut off, together with all others of its user.
        alone = get_blacklist().contains(blacklist_key(claims["jti"]))
        return "HTTP-14" if alone else "HTTP-22"
    return "HTTP-13"


def _why_unbelieved(token: str, type_: str) -> str:
    said = decoded.token(token)
    if said is None:
        return "TOK-10"
    if said["claims"].get("type") != type_:
        return "TOK-8"
    exp = said["claims"].get("exp")
    return "TOK-7" if isinstance(exp, int) and exp <= time.time() else "TOK-6"


def _endpoint(request: HttpRequest) -> str:
    assert request.resolver_match is not None
    return request.resolver_match.url_name or ""
