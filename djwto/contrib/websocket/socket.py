"""A WebSocket that ends with the token that opened it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext

from djwto.contrib.websocket.handshake import Receive, Send
from djwto.contrib.websocket.subprotocol import BEARER_PROTOCOL

EXPIRED = 4401
"""The close code, of those that applications may choose (RFC 6455 section 7.4.2): HTTP's 401."""

GRACE = 10.0
"""Seconds that an application has to come to its end after that."""


class Socket:
    """What an application is given to receive and send with.

    `is_named` tells that the client offered `djwto.bearer`, for which it needs an answer.
    """

    def __init__(self, receive: Receive, send: Send, is_named: bool) -> None:
        self._receive = receive
        self._send = send
        self._is_named = is_named
        self._is_over = False
        self._has_expired = False

    async def receive(self) -> dict[str, Any]:
        """The next event; of an expired token's none but the end."""
        message = await self._receive()
        while self._has_expired and message["type"] == "websocket.receive":
            message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._is_over = True
        return message

    async def send(self, message: dict[str, Any]) -> None:
        """Sends an event; after the token has expired it is dropped."""
        if self._has_expired:
            return
        if message["type"] in {"websocket.close", "websocket.http.response.start"}:
            self._is_over = True
        if message["type"] == "websocket.accept" and self._is_named:
            message = {**message, "subprotocol": message.get("subprotocol") or BEARER_PROTOCOL}
        await self._send(message)

    async def run(self, app: Awaitable[None], lifetime: float | None) -> None:
        """Runs the application for so many seconds, and closes the socket if they pass."""
        if lifetime is None:
            await app
            return
        task = asyncio.ensure_future(app)
        try:
            done, _ = await asyncio.wait({task}, timeout=lifetime)
            if not done:
                await self._expire()
                done, _ = await asyncio.wait({task}, timeout=GRACE)
        finally:
            # Not to be left behind by who is cancelled, nor to go on for ever.
            is_left = task.cancel()
        if is_left:
            with suppress(asyncio.CancelledError):
                await task
        else:
            task.result()

    async def _expire(self) -> None:
        self._has_expired = True
        if not self._is_over:
            reason = gettext("The token has expired.")
            # A client that has gone meanwhile is what servers raise an OSError for.
            with suppress(OSError):
                await self._send({"type": "websocket.close", "code": EXPIRED, "reason": reason})
