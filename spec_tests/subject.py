"""The backend under test: a class, its options, and as many instances as a check asks for."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.cache import caches
from django.db import connections

from djwto.blacklist import BlacklistBackend, load_backend
from djwto.spec_tests import tape

REDIS = "djwto.backends.redis.RedisBlacklist"


@dataclass(frozen=True, eq=False)
class Subject:
    """A backend as `DJWTO_BLACKLIST` names it: a dotted path and options."""

    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)
    unreachable: Mapping[str, Any] | None = None
    """Options with which the store is out of reach, if its author named some."""

    @property
    def setting(self) -> dict[str, Any]:
        """The value of `DJWTO_BLACKLIST`."""
        return {"BACKEND": self.backend, "OPTIONS": dict(self.options)}

    def make(self) -> BlacklistBackend:
        """A new instance. Raises ImproperlyConfigured as the project would at start."""
        backend = load_backend(self.setting)
        if (running := tape.current()) is None:
            return backend
        name = running.name("backend")
        running.write(f"{name} = load_backend(SETTING)")
        return cast(BlacklistBackend, tape.Taped(backend, name, running))

    def make_untaped(self) -> BlacklistBackend:
        """A new instance whose calls are not written down: there are many at once."""
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
    # Each answer of a pipeline waits 40 ms for the one before to be acknowledged, else.
    handler: Any = server.RequestHandlerClass
    server.RequestHandlerClass = type("Prompt", (handler,), {"disable_nagle_algorithm": True})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def on_embedded_store(
    backend: str, options: Mapping[str, Any] | None, unreachable: Mapping[str, Any] | None = None
) -> Iterator[Subject]:
    """A subject; djwto's own backends need no server where no options are given."""
    if options is not None or backend != REDIS:
        yield Subject(backend, options or {}, unreachable)
        return
    with fakeredis_server() as url:
        yield Subject(backend, {"url": url}, unreachable)
