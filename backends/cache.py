"""A blacklist in one of the project's caches: Redis, memcached or whatever CACHES names."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import InvalidCacheBackendError
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import BaseMemcachedCache
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from djwto.backends import cache_checks
from djwto.blacklist import BlacklistBackend, digest_key
from djwto.claims import LAST_NUMERIC_DATE
from djwto.exceptions import BlacklistUnavailable

MEMCACHED_EPOCH_ENDS = 2**31
"""memcached takes an expiry from here on for one gone by, and forgets the entry at once."""

TIME_ENDS = LAST_NUMERIC_DATE
"""A cache that counts in dates has none after this."""

LOCK_SECONDS = 60
LOCK_WAIT = 2.0
"""Seconds that a value is locked for while it is changed, and that others wait for it."""


class CacheBlacklist(BlacklistBackend):
    """Keeps the blacklist in a cache.

    OPTIONS: `alias` in CACHES ("default"), and `key_prefix` ("djwto:"). Beside the entries
    stands a canary that never expires: a cache that is down, or was emptied while this process
    ran, answers "not there" for it as for everything else, and then the backend is unavailable.
    """

    supports_values = True
    default_options: ClassVar[Mapping[str, Any]] = {"alias": "default", "key_prefix": "djwto:"}

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.alias: str = self.options["alias"]
        self.prefix: str = self.options["key_prefix"]
        self.canary = f"{self.prefix}canary"
        self.canary_value: str | None = None
        if not isinstance(self.prefix, str):
            raise ImproperlyConfigured(
                f"The option key_prefix of CacheBlacklist is {self.prefix!r}; write a text."
            )
        if self.alias not in list(settings.CACHES):
            raise ImproperlyConfigured(
                f"The option alias of CacheBlacklist is {self.alias!r}, which is not in CACHES; "
                f"write one of {', '.join(map(repr, settings.CACHES))}."
            )
        try:
            self.supports_processes = not isinstance(self.cache, LocMemCache)
        except InvalidCacheBackendError as error:
            raise ImproperlyConfigured(f"Cache alias {self.alias!r}: {error}") from error

    @property
    def cache(self) -> Any:
        """The cache's client; Django has one for each thread."""
        return caches[self.alias]

    def add(self, key: str, exp: int | None) -> bool:
        return self.compare_and_set(key, None, "", exp)

    def contains(self, key: str) -> bool:
        return key in self.get_many([key])

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        with self._reachable():
            known = self._learn_canary()
            found = self.cache.get_many([*(self.prefix + key for key in keys), self.canary])
        if found.get(self.canary) != known:
            raise BlacklistUnavailable(
                f"Cache {self.alias!r} is unreachable, or has lost what it kept. If it was "
                "emptied, the revocations in it are lost: restart the processes to go on."
            )
        return {key: found[self.prefix + key] for key in keys if self.prefix + key in found}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        with self._reachable():
            self._learn_canary()
            if old is None:
                done = bool(self.cache.add(self.prefix + key, new, self._timeout(exp)))
            else:
                done = self._replace(key, old, new, exp)
        # A cache that is full or down says "not added" too, and an entry may be evicted at once.
        if not self.contains(key) and (done or old is None):
            raise BlacklistUnavailable(f"Cache {self.alias!r} did not keep what was added to it.")
        return done

    def _replace(self, key: str, old: str, new: str, exp: int | None) -> bool:
        with self._locked(key) as until:
            if self.cache.get(self.prefix + key) != old:
                return False
            if time.monotonic() > until:
                raise BlacklistUnavailable(f"Cache {self.alias!r} is too slow to be locked.")
            self.cache.set(self.prefix + key, new, self._timeout(exp))
            # No cache says whether it could; while it is locked nobody else has set another.
            if self.cache.get(self.prefix + key) != new:
                raise BlacklistUnavailable(f"Cache {self.alias!r} did not keep what was set.")
            return True

    @contextmanager
    def _locked(self, key: str) -> Iterator[float]:
        """Django's caches have no step that compares and sets; they have one that adds.

        The lock outlives whatever holds a process up between its look at the clock and its
        write, and is gone in a minute where a process died with it. Yields the time until which
        it is safe to write.
        """
        lock = self.prefix + digest_key("djwto.lock", key)
        deadline = time.monotonic() + LOCK_WAIT
        # Before it is asked: the cache counts from when it answers, not from when that is read.
        asked = time.monotonic()
        while not self.cache.add(lock, "", LOCK_SECONDS):
            if time.monotonic() > deadline:
                raise BlacklistUnavailable(f"Cache {self.alias!r}: {key} is locked by another.")
            time.sleep(0.005)
            asked = time.monotonic()
        until = asked + LOCK_SECONDS / 2
        try:
            yield until
        finally:
            # After that it may be the next one's.
            if time.monotonic() <= until:
                self.cache.delete(lock)

    def on_durable(self, callback: Callable[[], None]) -> None:
        """Calls `callback` at once, unless the cache is a table of a database."""
        if isinstance(self.cache, DatabaseCache):
            super().on_durable(callback)
        else:
            callback()

    def purge(self) -> int:
        """Nothing to do: caches drop what has expired."""
        return 0

    def _learn_canary(self) -> str:
        if self.canary_value is None:
            self.cache.add(self.canary, str(uuid.uuid4()), None)
            self.canary_value = self.cache.get(self.canary)
        if self.canary_value is None:
            raise BlacklistUnavailable(f"Cache {self.alias!r} keeps nothing, or is unreachable.")
        return self.canary_value

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except BlacklistUnavailable:
            raise
        # Every client of a cache has exceptions of its own, without a common root.
        except Exception as error:
            self._drop_client()
            raise BlacklistUnavailable(f"Cache {self.alias!r}: {error!r}") from error

    def _drop_client(self) -> None:
        """pymemcache's does not ask a server again that failed, for up to a minute."""
        with suppress(Exception):
            self.cache.close()
        del caches[self.alias]

    def _timeout(self, exp: int | None) -> int | None:
        """Whole seconds to keep an entry: rounded up, and one more for a clock that ticks."""
        last = MEMCACHED_EPOCH_ENDS if isinstance(self.cache, BaseMemcachedCache) else TIME_ENDS
        # The client adds the seconds to its own clock again, which may have gone on to the next.
        if exp is None or exp + 2 >= last:
            return None
        return max(2, math.ceil(exp - time.time()) + 1)

    def check(self) -> list[CheckMessage]:
        return list(cache_checks.wrong(self.alias))

    def check_deploy(self) -> list[CheckMessage]:
        return list(cache_checks.risky(self.alias))
