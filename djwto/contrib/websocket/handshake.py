"""The opening handshake of a WebSocket: the request that it is, and who sends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

from djwto import csrf, transports
from djwto.claims import ACCESS, Claims
from djwto.contrib.websocket.database import closing_connections
from djwto.contrib.websocket.subprotocol import token_among
from djwto.exceptions import MissingToken, RepeatedToken
from djwto.request_user import aauthenticated_user
from djwto.token_user import TokenUser

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

DENIAL = "websocket.http.response"
"""The extension of ASGI by which a server sends an answer of HTTP instead of an upgrade."""

_SCHEMES = {"ws": "http", "wss": "https"}


def request_of(scope: Scope) -> HttpRequest:
    """The GET that a handshake is (RFC 6455 section 4.1), without what its query holds.

    Queries are written to logs, so that no token may be there.
    """
    scheme = scope.get("scheme", "ws")
    request = ASGIRequest(
        {
            **scope,
            "method": "GET",
            "scheme": _SCHEMES.get(scheme, scheme),
            "query_string": b"",
        },
        BytesIO(),
    )
    # With CSRF_USE_SESSIONS Django's check demands one, of a request of which it asks no token.
    request.session = {}  # type: ignore[assignment]
    return request


async def authenticated(
    request: HttpRequest, offered: list[str]
) -> tuple[AbstractBaseUser | TokenUser, Claims] | None:
    """The user and the claims of a handshake, or None if it brings no token (USER-7).

    `offered` are its subprotocols. Raises a Refusal, or one of STORE_FAILURES.
    """
    token = token_among(offered)
    if token is not None:
        if transports.bearer_token(request) is not None:
            raise RepeatedToken("The handshake holds more than one token.")
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    if _has_cookie(request):
        csrf.refuse_cross_site_socket(request)
    try:
        async with closing_connections():
            user = await aauthenticated_user(request)
    except MissingToken:
        # In cookie modes one that came in the header is not read.
        if transports.bearer_token(request) is not None:
            raise
        return None
    return user, request.payload  # type: ignore[attr-defined]


def _has_cookie(request: HttpRequest) -> bool:
    transport = transports.current()
    return isinstance(transport, transports.OneCookie) and bool(
        request.COOKIES.get(transport.cookie(ACCESS))
    )


async def refuse(scope: Scope, receive: Receive, send: Send, response: HttpResponse) -> None:
    """Answers a handshake with what HTTP would be answered, or with 403 if the server cannot."""
    await receive()
    if DENIAL not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    headers = [
        (name.lower().encode("latin1"), value.encode("latin1"))
        for name, value in response.headers.items()
    ]
    await send(
        {"type": f"{DENIAL}.start", "status": response.status_code, "headers": headers},
    )
    await send({"type": f"{DENIAL}.body", "body": response.content})
