"""`scope["user"]` and `scope["auth"]` of WebSockets that are opened with an access token."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from django.contrib.auth.models import AnonymousUser

from djwto.claims import Claims, session_end
from djwto.conf import seconds, settings
from djwto.contrib.websocket.handshake import (
    Receive,
    Scope,
    Send,
    authenticated,
    refuse,
    request_of,
)
from djwto.contrib.websocket.socket import Socket
from djwto.contrib.websocket.subprotocol import BEARER_PROTOCOL, without_token
from djwto.exceptions import STORE_FAILURES, Refusal
from djwto.responses import refused, unavailable


class JWTWebSocketMiddleware:
    """Around an application of ASGI: who opens a WebSocket is `scope["user"]` (USER-7).

    The user is what `DJWTO_REQUEST_USER` says, and `scope["auth"]` the claims of the access token.
    Without a token the user is who it was before, else AnonymousUser, and the claims are empty.
    With one that is not valid, or while a store is down, the handshake is refused. The socket is
    closed with the code 4401 when its token expires, unless `close_when_expired` is False.
    """

    def __init__(
        self, app: Callable[..., Awaitable[None]], *, close_when_expired: bool = True
    ) -> None:
        self.app = app
        self.close_when_expired = close_when_expired

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        name = type(self).__name__
        request = request_of(scope)
        offered = list(scope.get("subprotocols") or ())
        try:
            found = await authenticated(request, offered)
        except Refusal as refusal:
            await refuse(scope, receive, send, refused(request, refusal, name))
            return
        except STORE_FAILURES:
            await refuse(scope, receive, send, unavailable(request, name))
            return
        user, claims = found or (scope.get("user") or AnonymousUser(), {})
        is_named = BEARER_PROTOCOL in offered
        seen = without_token(scope) if is_named else scope
        socket = Socket(receive, send, is_named)
        await socket.run(
            self.app({**seen, "user": user, "auth": claims}, socket.receive, socket.send),
            self._lifetime(claims),
        )

    def _lifetime(self, claims: Claims) -> float | None:
        """Seconds until a token is refused, or its session ends; None for one that never is."""
        ends = [end for end in (claims.get("exp"), session_end(claims)) if end is not None]
        if not self.close_when_expired or not ends:
            return None
        return min(ends) + seconds(settings.leeway) - time.time()
