"""A blacklist in Redis, or any server that speaks its protocol. Needs `djwto[redis]`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from django.core.checks import CheckMessage, Warning
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_str
from django.utils.module_loading import import_string

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable


class RedisBlacklist(BlacklistBackend):
    """Keeps the blacklist as keys that Redis itself expires.

    OPTIONS: `url` ("redis://127.0.0.1:6379/0"), or `client`, the dotted path of a function that
    returns a redis-py client; `key_prefix` ("djwto:"); `timeout`, in seconds, for connecting
    and for each answer (2), with `url` only.
    """

    supports_values = True
    default_options: ClassVar[Mapping[str, Any]] = {
        "url": None,
        "client": None,
        "key_prefix": "djwto:",
        "timeout": 2,
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise ImproperlyConfigured(
                "RedisBlacklist needs redis-py: pip install djwto[redis]."
            ) from error
        # What a cluster raises, which cannot read keys of several slots at once, is no RedisError.
        self.errors = (redis.RedisError, redis.exceptions.RedisClusterException, OSError)
        self.changed_meanwhile = redis.WatchError
        self.prefix: str = self.options["key_prefix"]
        url, factory, timeout = (self.options[name] for name in ("url", "client", "timeout"))
        if not isinstance(self.prefix, str):
            raise ImproperlyConfigured(f"key_prefix is {self.prefix!r}; write a text.")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0:
            raise ImproperlyConfigured(f"timeout is {timeout!r}; write seconds above 0.")
        if url is not None and factory is not None:
            raise ImproperlyConfigured("RedisBlacklist takes url or client, not both.")
        # redis-py's own default is to ask three times more.
        self.asks_once = factory is None
        try:
            if factory is not None:
                self.client = import_string(factory)()
                return
            self.client = redis.Redis.from_url(
                "redis://127.0.0.1:6379/0" if url is None else url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                # Never once more: the first may have set what the second then finds there, and
                # "another was first" would be a guess. One that the server closed while it was
                # idle is noticed before it is used, and replaced.
                retry=Retry(NoBackoff(), 0),
            )
            # Not connected yet, but redis-py looks at the options in the URL only here.
            self.client.connection_pool.make_connection()
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            name, value = ("url", url) if factory is None else ("client", factory)
            raise ImproperlyConfigured(
                f"The option {name} of RedisBlacklist is {value!r}: {error}"
            ) from error

    def add(self, key: str, exp: int | None) -> bool:
        return self.compare_and_set(key, None, "", exp)

    def contains(self, key: str) -> bool:
        with self._reachable():
            return bool(self.client.exists(self.prefix + key))

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        keys = list(keys)
        # Redis has no answer to a question about nothing.
        if not keys:
            return {}
        with self._reachable():
            values = self.client.mget([self.prefix + key for key in keys])
        found = zip(keys, values, strict=True)
        return {key: force_str(value) for key, value in found if value is not None}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        name = self.prefix + key
        # Redis refuses a date before 1970-01-01T00:00:01, which has passed like any other.
        exat = None if exp is None else max(exp, 1)
        with self._reachable():
            if old is None and self.asks_once:
                return bool(self.client.set(name, new, nx=True, exat=exat))
            while True:
                with suppress(self.changed_meanwhile):
                    return self._replace(name, old, new, exat)

    def _replace(self, name: str, old: str | None, new: str, exat: int | None) -> bool:
        """Sets a value if it is the old one; raises where it was set meanwhile, to whatever.

        What is watched is not asked for again, whatever the client does else.
        """
        with self.client.pipeline() as pipeline:
            pipeline.watch(name)
            value = pipeline.get(name)
            if (None if value is None else force_str(value)) != old:
                return False
            pipeline.multi()
            pipeline.set(name, new, exat=exat)
            try:
                pipeline.execute()
            except self.changed_meanwhile as error:
                # redis-py says the same of a connection that was lost before the answer: what it
                # was sent to set may be set.
                if isinstance(error.__context__, self.errors):
                    raise BlacklistUnavailable(f"Redis: {error}") from error
                raise
        return True

    def on_durable(self, callback: Callable[[], None]) -> None:
        """Calls `callback` at once: no transaction of a database takes back what Redis keeps."""
        callback()

    def purge(self) -> int:
        """Nothing to do: Redis drops what has expired."""
        return 0

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except self.errors as error:
            raise BlacklistUnavailable(f"Redis: {error}") from error

    def check_deploy(self) -> list[CheckMessage]:
        try:
            with self._reachable():
                policy = self.client.config_get("maxmemory-policy")["maxmemory-policy"]
        # Managed servers forbid CONFIG, and one that is down is no matter of configuration.
        except (BlacklistUnavailable, KeyError):
            return []
        if policy in {"noeviction", b"noeviction"}:
            return []
        return [
            Warning(
                f"The blacklist's Redis may evict live entries (maxmemory-policy {policy}): "
                "revoked tokens would work again. Set maxmemory-policy noeviction.",
                id="djwto.W014",
            )
        ]
