"""A project behind uvicorn, in a process of its own, in which no event loop may be blocked.

A line of its standard input has settings as JSON; it prints its port, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import django
import uvicorn
from blockbuster import BlockBuster
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from djwto.authentication import jwt_login_required

WAIT = 0.1
"""Seconds for which each request that is let in waits."""

watch = BlockBuster()


@jwt_login_required
async def guarded(request: HttpRequest) -> JsonResponse:
    """Waits, as for another service, and tells who asks."""
    name = request.payload["user"]["username"]  # type: ignore[attr-defined]
    await asyncio.sleep(WAIT)
    user = await request.auser()
    return JsonResponse({"name": name, "user": user.username})


async def asked(request: HttpRequest) -> JsonResponse:
    """The same without the decorator."""
    await asyncio.sleep(WAIT)
    user = await request.auser()
    name = user.get_username()
    return JsonResponse({"name": name, "user": name}, status=200 if name else 401)


async def watched(request: HttpRequest) -> HttpResponse:
    """From now on what blocks the event loop is an error: all has been imported."""
    watch.activate()
    return HttpResponse()


urlpatterns: list[Any] = [
    path("guarded/", guarded),
    path("asked/", asked),
    path("watched/", watched),
]


def serve(made: Callable[[], Any] = get_asgi_application) -> None:
    """Serves what is made, until nobody holds the other end of the standard input."""
    django.setup()
    urlpatterns.append(path("auth/", include("djwto.async_urls")))
    for name, value in json.loads(sys.stdin.readline()).items():
        setattr(settings, name, value)
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["djwto.middleware.JWTAuthenticationMiddleware"]
    server = uvicorn.Server(uvicorn.Config(made(), lifespan="off", log_level="warning"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()

    def end() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve()
