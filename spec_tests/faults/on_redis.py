"""RedisBlacklist on one Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import redis

from djwto.spec_tests.faults.injected import (
    FULL,
    KILLED,
    hold,
    of_connections,
    of_processes,
)
from djwto.spec_tests.faults.store import SLACK, TIMEOUT, Store, home, users
from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.servers.process import started
from djwto.spec_tests.servers.redis_server import KEEPING, RedisServer
from djwto.spec_tests.subject import REDIS

ROOM = 1_000_000
"""Bytes that are more than the buffers of all clients."""


@contextmanager
def redis_alone(folder: Path, unsafe: bool) -> Iterator[Store]:
    """RedisBlacklist on one server. Unsafe: one that writes nothing down."""
    keeping = {"appendonly": "no"} if unsafe else {"appendfsync": "always"}
    server = RedisServer(home(folder, "redis"), {**KEEPING, **keeping})
    with started(server), Proxy("127.0.0.1", server.port) as proxy:
        host, port = proxy.address
        yield Store(
            settings=on_redis(folder, f"redis://{host}:{port}/0"),
            faults={
                **of_processes(server),
                **of_connections(proxy),
                FULL: lambda random: fill(server, random),
            },
            losing=KILLED,
            limit=2 * TIMEOUT + SLACK,
        )


def on_redis(folder: Path, url: str, **options: Any) -> dict[str, Any]:
    """Settings for RedisBlacklist."""
    return {
        "DATABASES": users(folder),
        "DJWTO_BLACKLIST": {
            "BACKEND": REDIS,
            "OPTIONS": {"url": url, "timeout": TIMEOUT, **options},
        },
    }


def fill(server: RedisServer, random: Random, junk: str = "junk") -> None:
    """Lets others write until there is no memory left, for a while."""
    with redis.Redis(port=server.port) as client:
        limit = int(client.info("memory")["used_memory"]) + 2 * ROOM
        client.config_set("maxmemory", limit)
        while _takes(client, junk, 10_000):
            pass
        # What clients send and read takes memory for a moment; an entry would do with less.
        client.config_set("maxmemory", limit - ROOM)
        hold(random)
        client.config_set("maxmemory", 0)
        client.delete(junk)


def _takes(client: redis.Redis, junk: str, n_bytes: int) -> bool:
    try:
        client.rpush(junk, b"x" * n_bytes)
    except redis.ResponseError as error:
        if str(error).startswith("command not allowed when used memory > 'maxmemory'"):
            return False
        raise
    return True
