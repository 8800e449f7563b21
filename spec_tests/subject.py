"""The backend under test: a class, its options, and as many instances as a check asks for."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import caches
from django.db import connections

from djwto.blacklist import BlacklistBackend, load_backend

REDIS = "djwto.backends.redis.RedisBlacklist"


@dataclass(frozen=True, eq=False)
class Subject:
    """A backend as `DJWTO_BLACKLIST` names it: a dotted path and options."""

    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def setting(self) -> dict[str, Any]:
        """The value of `DJWTO_BLACKLIST`."""
        return {"BACKEND": self.backend, "OPTIONS": dict(self.options)}

    def make(self) -> BlacklistBackend:
        """A new instance. Raises ImproperlyConfigured as the project would at start."""
        return load_backend(self.setting)


def close_connections() -> None:
    """What Django does at the end of a request, for a thread of a check's own."""
    connections.close_all()
    caches.close_all()


def new_key() -> str:
    """A key that no store has seen: the checks leave what they add behind."""
    return str(uuid.uuid4())


@contextmanager
def fakeredis_server() -> Iterator[str]:
    """A Redis made of Python on a port of the loopback, for as long as it is entered; its URL.

    Over TCP, so that redis-py and other processes are served as a real one serves them.
    """
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
