"""Where the demo remembers which sessions have ended."""

from __future__ import annotations

import re

from fakeredis import FakeRedis, FakeServer
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from demo.environment import DATABASE, REDIS_URL

TIMEOUT = 2
"""Seconds to wait for Redis, to connect and for each answer."""

_stand_in: FakeServer | None = None


def redis_client() -> Redis:
    """The client for RedisBlacklist, named in its option `client`. Connects to nothing yet."""
    if _stand_in is not None:
        return FakeRedis(server=_stand_in)
    return Redis.from_url(
        REDIS_URL,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 1),
    )


def settle_redis() -> bool:
    """Whether there is a usable Redis at REDIS_URL. Raises ValueError if that is no Redis URL.

    If there is none, a Redis made of Python takes its place, for the rest of this process.
    """
    global _stand_in
    with redis_client() as client:
        try:
            client.ping()
        except (RedisError, OSError):
            _stand_in = FakeServer(server_type="redis")
    return _stand_in is None


def refusal(backend: str) -> str:
    """Why this backend cannot be switched to; empty if it can."""
    if backend == "redis":
        try:
            redis_client().close()
        except ValueError as error:
            return f"REDIS_URL: {error}"
    return ""


def redis_location() -> str:
    """REDIS_URL as it may be shown: without a password."""
    return re.sub("//[^@/]*@", "//***@", REDIS_URL)


def in_words(backend: str) -> str:
    """The store of this backend, to end a sentence that tells where ended sessions are kept."""
    if backend == "database":
        return f"a table of the SQLite file {DATABASE.name}"
    if backend == "cache":
        return "Django's LocMemCache, in this process only: forgotten when it stops"
    if _stand_in is not None:
        return "fakeredis, in this process only: forgotten when it stops"
    return f"Redis at {redis_location()}"
