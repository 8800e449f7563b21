"""The blacklist in Redis for servers of ASGI, which ask it without a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from djwto.backends.redis import RedisBlacklist, unnamed

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCHEMES = ("redis", "rediss", "unix")

BRIEF = 10
"""Questions that an event loop asks in a thread before it is given connections of its own.

Under WSGI each request to an async view has a loop, which ends with it: connections would be made
for one question, and nobody would be there to close them.
"""


class AsyncRedisBlacklist(RedisBlacklist):
    """As RedisBlacklist, and what is awaited is asked in the event loop itself (USER-6, USER-8).

    All but to change a value that is there, which is rare and takes several questions, and to wait
    for replicas; that is done in a thread.

    OPTIONS: as RedisBlacklist, with the `url` of one server, and `max_connections`, how many an
    event loop has at once (50). Who finds none free within `timeout` is answered 503.
    """

    default_options: ClassVar[Mapping[str, Any]] = {
        **RedisBlacklist.default_options,
        "max_connections": 50,
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        url, most = self.options["url"], self.options["max_connections"]
        if self.options["client"] is not None or (
            url is not None and url.partition("://")[0] not in SCHEMES
        ):
            raise ImproperlyConfigured(
                "AsyncRedisBlacklist takes the url of one server, such as "
                "redis://127.0.0.1:6379/0; for others there is RedisBlacklist."
            )
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise ImproperlyConfigured(f"max_connections is {most!r}; write a number above 0.")
        self._connected = _factory(
            url or "redis://127.0.0.1:6379/0", self.options["timeout"], most
        )
        self._here = _Here()

    async def acontains(self, key: str) -> bool:
        return bool(await self.aget_many([key]))

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        keys = list(keys)
        client = self._client()
        if client is None or not keys:
            return await super().aget_many(keys)
        with self._reachable():
            names = [self.prefix + key for key in keys]
            return self._found(keys, await self._avalues(client, names))

    async def aadd(self, key: str, exp: int | None) -> bool:
        return await self.acompare_and_set(key, None, "", exp)

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        client = self._client()
        if client is None or old is not None or self.options["wait_replicas"]:
            return await super().acompare_and_set(key, old, new, exp)
        name, value, exat = self._entry(key, new, exp)
        with self._reachable():
            return bool(await client.set(name, value, nx=True, exat=exat))

    async def _avalues(self, client: Redis, names: list[str]) -> list[Any]:
        for _ in range(self.options["retries"]):
            with suppress(*self.lost):
                return await client.mget(names)
        return await client.mget(names)

    def _client(self) -> Redis | None:
        """The client of the event loop that runs; None for one that has asked little as yet."""
        here, loop = self._here, asyncio.get_running_loop()
        if here.loop is not loop:
            here.loop, here.asked, here.client = loop, 0, None
        here.asked += 1
        if here.client is None and here.asked > BRIEF:
            here.client = self._connected()
        return here.client

    async def aclose(self) -> None:
        """Closes the connections of the event loop that runs, for a server that shuts down."""
        client, self._here.client = self._here.client, None
        if client is not None:
            await client.aclose()


class _Here(threading.local):
    """What the event loop of this thread has; a thread runs one at a time."""

    loop: asyncio.AbstractEventLoop | None = None
    asked: int = 0
    client: Redis | None = None


def _factory(url: str, timeout: float, most: int) -> Callable[[], Redis]:
    """What makes a client that asks once, without a look at a file when it connects."""
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    options: dict[str, Any] = {
        "max_connections": most,
        "timeout": timeout,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        **unnamed(),
    }

    def connected() -> Redis:
        pool = BlockingConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        return Redis.from_pool(pool)

    return connected
