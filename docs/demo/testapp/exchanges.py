"""Watches the requests that djwto answers: the page shows each, from whichever client it came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from demo import choice
from django.http import HttpRequest, HttpResponse

from testapp import decoded, feed
from testapp.grounds import ANSWERED, grounds

USES_UP = {"update_refresh", "logout", "logout_all"}
"""The endpoints after which a refresh token is an old one."""

# One request at a time: a switch falls between two, and the signals of one stand together.
_turn = Lock()

_old: dict[str, str] = {}


def old_token() -> str | None:
    """The refresh token from before the last exchange or logout."""
    return _old.get("refresh")


def recorded(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """The middleware."""

    def middleware(request: HttpRequest) -> Any:
        with _turn:
            before = feed.last()
            response = get_response(request)
            match = request.resolver_match
            if match is not None and match.url_name in ANSWERED:
                _keep_old(request, response, match.url_name)
                feed.publish("answer", _told(request, response, before))
        return response

    return middleware


def _keep_old(request: HttpRequest, response: HttpResponse, endpoint: str) -> None:
    if endpoint in USES_UP and response.status_code == 200 and hasattr(request, "token"):
        _old["refresh"] = request.token


def _told(request: HttpRequest, response: HttpResponse, before: int) -> dict[str, Any]:
    """A request and its answer, without a token or a password in full."""
    sent = [event.content for event in feed.after(before)]
    return {
        "time": time.time(),
        "mode": choice.mode(),
        "backend": choice.backend(),
        "request": f"{request.method} {request.path}",
        "sent": _headers_sent(request),
        "status": response.status_code,
        "reason": response.reason_phrase,
        "headers": {
            name: response[name]
            for name in ("WWW-Authenticate", "Allow", "Retry-After")
            if name in response
        },
        "body": _body(response),
        "cookies": decoded.cookies_changed(response),
        "signals": [signal["name"] for signal in sent],
        "clauses": grounds(
            request,
            response,
            [signal["name"] for signal in sent],
            is_twin=any(map(_was_announced_before(before), sent)),
        ),
    }


def _headers_sent(request: HttpRequest) -> dict[str, str]:
    """What the request had that decides: tokens shortened, cookies by name."""
    sent = {}
    if authorization := request.headers.get("Authorization"):
        scheme, _, token = authorization.partition(" ")
        sent["Authorization"] = f"{scheme} {decoded.shortened(token)}"
    if request.COOKIES:
        sent["Cookie"] = ", ".join(request.COOKIES)
    if csrf := request.headers.get("X-CSRFToken"):
        sent["X-CSRFToken"] = decoded.shortened(csrf)
    return sent


def _body(response: HttpResponse) -> Any:
    if response["Content-Type"] != "application/json":
        return None
    body = json.loads(response.content)
    return body | {
        name: decoded.shortened(body[name]) for name in ("refresh", "access") if name in body
    }


def _was_announced_before(before: int) -> Callable[[dict[str, Any]], bool]:
    """Tells whether the very same tokens were issued by an earlier request."""
    earlier = [
        event.content["kwargs"].get("refresh_claims")
        for event in feed.after(0)
        if event.kind == "signal" and event.number <= before
    ]
    return lambda signal: (
        signal["name"] == "jwt_refresh_updated" and signal["kwargs"]["refresh_claims"] in earlier
    )
