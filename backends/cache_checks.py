"""System checks: what makes a cache of CACHES unfit to hold a blacklist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import BaseMemcachedCache
from django.core.cache.backends.redis import RedisCache
from django.core.checks import CheckMessage, Error, Warning
from django.db import router

FEWEST_ENTRIES = 1_000_000
"""MAX_ENTRIES below which a cache that culls is reported."""


def wrong(alias: str) -> Iterator[CheckMessage]:
    """What loses revocations in any case, or in all but the smallest projects (CA-2)."""
    cache, config = caches[alias], settings.CACHES[alias]
    options = config.get("OPTIONS", {})
    name = f"Cache alias {alias!r} ({type(cache).__name__})"
    if isinstance(cache, DummyCache):
        yield Error(
            f"{name} stores nothing: a logout would have no effect. Name another alias.",
            id="djwto.E010",
        )
    if isinstance(cache, FileBasedCache):
        yield Error(
            f"{name} adds in two steps: two logouts at once would both be the first. "
            "Name another alias.",
            id="djwto.E011",
        )
    if isinstance(cache, LocMemCache) and not settings.DEBUG:
        yield Warning(
            f"{name} is not shared: a logout is seen by one process only. "
            "Use a cache on a server, or the database.",
            id="djwto.W010",
        )
    if isinstance(cache, (LocMemCache, DatabaseCache)):
        # As Django understood it: it takes the number from several places, and 300 else.
        largest = cache._max_entries
        if largest < FEWEST_ENTRIES:
            yield Warning(
                f"{name} drops entries above MAX_ENTRIES={largest}: revoked tokens would "
                "work again. Set OPTIONS['MAX_ENTRIES'] to sys.maxsize.",
                id="djwto.W011",
            )
    if isinstance(cache, DatabaseCache):
        reads = router.db_for_read(cache.cache_model_class)
        writes = router.db_for_write(cache.cache_model_class)
        if reads != writes:
            yield Error(
                f"{name} is read from the database {reads!r} and written to {writes!r}, of which "
                "the one may not know yet of a logout that was answered. Have DATABASE_ROUTERS "
                "name one for both, or use djwto.backends.database.DatabaseBlacklist.",
                id="djwto.E088",
            )
    location = config.get("LOCATION", "")
    servers = re.split("[;,]", location) if isinstance(location, str) else location
    if isinstance(cache, BaseMemcachedCache) and len(servers) > 1:
        yield Error(
            f"{name} spreads keys over {len(servers)} servers: when one is lost, its "
            "revocations are, unnoticed. Give the blacklist an alias with one LOCATION.",
            id="djwto.E012",
        )
    if isinstance(cache, RedisCache) and len(servers) > 1:
        yield Error(
            f"{name} reads from replicas ({len(servers) - 1}), which may not know yet of a logout "
            "that was answered. Give the blacklist an alias with the primary alone.",
            id="djwto.E014",
        )
    ignoring = options.get(
        "IGNORE_EXCEPTIONS", getattr(settings, "DJANGO_REDIS_IGNORE_EXCEPTIONS", False)
    )
    if type(cache).__module__.startswith("django_redis.") and ignoring:
        yield Error(
            f"{name} ignores exceptions: when its server is down, nothing would be "
            "revoked and nobody told. Remove IGNORE_EXCEPTIONS.",
            id="djwto.E013",
        )


def risky(alias: str) -> Iterator[CheckMessage]:
    """What loses revocations on a bad day, for `check --deploy` (CA-2)."""
    if isinstance(caches[alias], BaseMemcachedCache):
        yield Warning(
            f"Cache alias {alias!r} evicts live entries when its memory is full. "
            "Give the blacklist a server of its own, large enough, or the database.",
            id="djwto.W012",
        )
    if alias == "default" or alias == _alias_of_sessions():
        yield Warning(
            f"The blacklist shares the cache alias {alias!r} with others: cache.clear() would "
            "forget every revocation, and stop all refreshes. Give it an alias of its own.",
            id="djwto.W013",
        )


def _alias_of_sessions() -> str | None:
    """The cache that Django's sessions are in, if they are in one."""
    in_cache = settings.SESSION_ENGINE.rpartition(".")[2] in {"cache", "cached_db"}
    return settings.SESSION_CACHE_ALIAS if in_cache else None
