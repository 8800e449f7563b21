"""A token among the subprotocols, for pages: they can set no other header of a handshake.

A page opens `new WebSocket(url, ["djwto.bearer", token])`. A browser gives up a connection whose
server names none of what was offered, and the name of the first of the two is no secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from djwto.exceptions import RepeatedToken

BEARER_PROTOCOL = "djwto.bearer"
"""What a page offers before its token (RFC 6455 section 1.9)."""

_HEADER = b"sec-websocket-protocol"


def token_among(offered: Sequence[str]) -> str | None:
    """The token that follows `djwto.bearer`; None without either. Raises RepeatedToken."""
    if offered.count(BEARER_PROTOCOL) > 1:
        raise RepeatedToken("The handshake holds more than one token.")
    if BEARER_PROTOCOL not in offered:
        return None
    return next(iter(offered[offered.index(BEARER_PROTOCOL) + 1 :]), None)


def without_token(scope: dict[str, Any]) -> dict[str, Any]:
    """The same handshake as an application may see it, and echo what it likes of it."""
    offered = list(scope["subprotocols"])
    at = offered.index(BEARER_PROTOCOL)
    own = offered[:at] + offered[at + 2 :]
    headers = [
        (name, value) for name, value in scope.get("headers", ()) if name.lower() != _HEADER
    ]
    if own:
        headers.append((_HEADER, ", ".join(own).encode("latin1")))
    return {**scope, "subprotocols": own, "headers": headers}
