"""WebSockets behind uvicorn, of Channels and of an application without a framework."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from djwto.spec_tests.core.uvicorn_server import serve


def told(scope: dict[str, Any]) -> dict[str, Any]:
    """What an application sees of who opened a socket."""
    return {
        "name": scope["user"].get_username(),
        "jti": scope["auth"].get("jti"),
        "subprotocols": scope["subprotocols"],
    }


class Told(AsyncJsonWebsocketConsumer):
    """Tells who opened it, and whatever it is told."""

    async def connect(self) -> None:
        """Accepts as one does who knows nothing of subprotocols."""
        await self.accept()
        await self.send_json(told(self.scope))

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """The echo."""
        await self.send_json(content)


def served() -> Any:
    """What a project has in its asgi.py."""
    django = get_asgi_application()
    # As there, where Django is set up.
    from djwto.contrib.websocket.middleware import JWTWebSocketMiddleware

    return ProtocolTypeRouter(
        {
            "http": django,
            "websocket": JWTWebSocketMiddleware(URLRouter([path("told/", Told.as_asgi())])),
        }
    )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(served)
