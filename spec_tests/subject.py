"""The backend under test: a class, its options, and as many instances as a check asks for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.cache import caches
from django.db import connections

from djwto.blacklist import BlacklistBackend, load_backend
from djwto.spec_tests import tape
from djwto.spec_tests.fakeredis_server import fakeredis_server

REDIS = "djwto.backends.redis.RedisBlacklist"
AWAITED_REDIS = "djwto.backends.redis_async.AsyncRedisBlacklist"


@dataclass(frozen=True, eq=False)
class Subject:
    """A backend as `DJWTO_BLACKLIST` names it: a dotted path and options."""

    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)
    unreachable: Mapping[str, Any] | None = None
    """Options with which the store is out of reach, if its author named some."""

    shift_clock: Callable[[float], None] | None = None
    """Shifts, by seconds, the clock of a store that is a process of its own; if one can."""

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
def on_embedded_store(
    backend: str, options: Mapping[str, Any] | None, unreachable: Mapping[str, Any] | None = None
) -> Iterator[Subject]:
    """A subject; djwto's own backends need no server where no options are given."""
    if options is not None or backend not in (REDIS, AWAITED_REDIS):
        yield Subject(backend, options or {}, unreachable)
        return
    with fakeredis_server() as redis:
        # What is silent on this machine stays so: the second second would be waited in vain.
        options = {"url": redis.url, "timeout": 1}
        yield Subject(backend, options, unreachable, redis.shift_clock)
