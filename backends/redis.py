"""A blacklist in Redis, or any server that speaks its protocol. Needs `djwto[redis]`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_str
from django.utils.functional import cached_property
from django.utils.module_loading import import_string

from djwto.backends.redis_checks import risky
from djwto.backends.redis_cluster import SCHEMES, Cluster, connect, node_urls, unless_refused
from djwto.backends.redis_script import compare_and_set
from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable

if TYPE_CHECKING:
    from redis import Redis


def _stored(value: str) -> str:
    """What Redis is given for a value.

    For a small integer Redis needs no object beside the key, for an empty text it does: a fifth
    of what an entry takes. So "" is stored as "0", and a value of zeros with one more.
    """
    return value if value.strip("0") else f"0{value}"


def _value(stored: str | bytes) -> str:
    """The value that `_stored` made this of."""
    text = force_str(stored)
    return text if text.strip("0") else text[1:]


class RedisBlacklist(BlacklistBackend):
    """Keeps the blacklist as keys that Redis itself expires.

    OPTIONS: `url` ("redis://127.0.0.1:6379/0"), with nodes of a Redis Cluster such as
    "redis+cluster://10.0.0.1:6379,10.0.0.2:6379", or with Sentinels such as
    "redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/SERVICE/0" (RE-4); or `client`, the dotted path
    of a function that returns a client of redis-py; `key_prefix` ("djwto:"); `timeout`, in
    seconds, for connecting and for each answer (2), with `url` only; `wait_replicas`, how many
    have to have a write before it is answered (0), with `url` only (RE-3); `retries`, how often
    to ask again what was asked over a connection that was lost (0), never a write (RE-5).
    """

    supports_values = True
    default_options: ClassVar[Mapping[str, Any]] = {
        "url": None,
        "client": None,
        "key_prefix": "djwto:",
        "timeout": 2,
        "wait_replicas": 0,
        "retries": 0,
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        try:
            import redis
        except ImportError as error:
            raise ImproperlyConfigured(
                "RedisBlacklist needs redis-py: pip install djwto[redis]."
            ) from error
        # What a cluster raises of which no node answers is no RedisError.
        self.errors = (redis.RedisError, redis.exceptions.RedisClusterException, OSError)
        self.lost = (redis.ConnectionError, redis.TimeoutError, OSError)
        self.prefix: str = self.options["key_prefix"]
        url, factory, timeout = (self.options[name] for name in ("url", "client", "timeout"))
        if not isinstance(self.prefix, str):
            raise ImproperlyConfigured(f"key_prefix is {self.prefix!r}; write a text.")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0:
            raise ImproperlyConfigured(f"timeout is {timeout!r}; write seconds above 0.")
        for name in ("wait_replicas", "retries"):
            count = self.options[name]
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ImproperlyConfigured(f"{name} is {count!r}; write a whole number, or 0.")
        if url is not None and factory is not None:
            raise ImproperlyConfigured("RedisBlacklist takes url or client, not both.")
        if factory is not None and self.options["wait_replicas"]:
            raise ImproperlyConfigured(
                "wait_replicas takes url, not client, which may repeat what it was to send once."
            )
        try:
            if factory is None:
                self._make = _factory("redis://127.0.0.1:6379/0" if url is None else url, timeout)
            else:
                self._make = import_string(factory)
                # A client of a cluster connects when it is made. Where that is down, it is made
                # when it is asked.
                with suppress(*self.errors):
                    self.store  # noqa: B018
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            name, value = ("url", url) if factory is None else ("client", factory)
            raise ImproperlyConfigured(
                f"The option {name} of RedisBlacklist is {value!r}: {error}"
            ) from error

    @cached_property
    def store(self) -> Server | Cluster:
        """What is asked."""
        from redis import RedisCluster

        client = self._make()
        if isinstance(client, RedisCluster):
            return Cluster(client)
        # redis-py's own default is to ask three times more.
        return Server(client, asks_once=self.options["client"] is None)

    @property
    def client(self) -> Any:
        """The client of redis-py."""
        return self.store.client

    def add(self, key: str, exp: int | None) -> bool:
        return self.compare_and_set(key, None, "", exp)

    def contains(self, key: str) -> bool:
        return bool(self.get_many([key]))

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        keys = list(keys)
        # Redis has no answer to a question about nothing.
        if not keys:
            return {}
        with self._reachable():
            return self._found(keys, self._values([self.prefix + key for key in keys]))

    def _found(self, keys: list[str], values: list[Any]) -> dict[str, str]:
        """The keys that there are, by what Redis answered for each."""
        answered = zip(keys, values, strict=True)
        return {key: _value(stored) for key, stored in answered if stored is not None}

    def _values(self, names: list[str]) -> list[Any]:
        for _ in range(self.options["retries"]):
            with suppress(*self.lost):
                return self.store.values(names)
        return self.store.values(names)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        name, after, exat = self._entry(key, new, exp)
        before = None if old is None else _stored(old)
        with self._reachable():
            if self.options["wait_replicas"]:
                return self._replicated(name, compare_and_set(name, before, after, exat))
            if before is None:
                return self.store.set_new(name, after, exat)
            return self.store.replace(name, before, after, exat)

    def _entry(self, key: str, value: str, exp: int | None) -> tuple[str, str, int | None]:
        """The name, the value and the expiry of a key in Redis."""
        # Redis refuses a date before 1970-01-01T00:00:01, which has passed like any other.
        return self.prefix + key, _stored(value), None if exp is None else max(exp, 1)

    def _replicated(self, name: str, command: tuple[Any, ...]) -> bool:
        """What a command is answered, as soon as enough replicas have what it did.

        Raises BlacklistUnavailable if they have not in half the time that an answer may take.
        """
        wanted = self.options["wait_replicas"]
        # Zero is for ever.
        milliseconds = max(round(500 * self.options["timeout"]), 1)
        did, replicas = self.store.ask(name, command, ("WAIT", wanted, milliseconds))
        if replicas < wanted:
            raise BlacklistUnavailable(
                f"Redis: {replicas} of {wanted} replicas have acknowledged what was written, "
                f"within {milliseconds} ms."
            )
        return bool(did)

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
                return list(risky(self.store.servers(), self.options["wait_replicas"]))
        # One that is down is no matter of configuration.
        except BlacklistUnavailable:
            return []


def unnamed() -> dict[str, None]:
    """The options by which redis-py does not tell a server its own version.

    For that each connection looks it up on the disk, which takes longer than to connect.
    """
    told = ("driver_info",) if find_spec("redis.driver_info") else ("lib_name", "lib_version")
    return dict.fromkeys(told)


def _factory(url: Any, timeout: float) -> Callable[[], Any]:
    """What makes a client that asks once. Raises TypeError or ValueError for a wrong URL."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # Never once more: the first may have set what the second then finds there, and
        # "another was first" would be a guess. One that the server closed while it was
        # idle is noticed before it is used, and replaced.
        "retry": Retry(NoBackoff(), 0),
        **unnamed(),
    }
    scheme = url.partition("://")[0] if isinstance(url, str) else ""
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        from djwto.backends import redis_sentinel

        client = redis_sentinel.connect(url, **options)
        return lambda: client
    is_cluster = scheme in SCHEMES
    urls = node_urls(url) if is_cluster else [url]
    clients = [redis.Redis.from_url(each, **options) for each in urls]
    for client in clients:
        # Not connected yet, but redis-py looks at the options in the URL only here.
        client.connection_pool.make_connection()
        if is_cluster and client.get_connection_kwargs().get("db"):
            raise ValueError("a cluster has no database but 0")
    return partial(connect, urls, **options) if is_cluster else lambda: clients[0]


class Server:
    """A client of redis-py for one server."""

    def __init__(self, client: Any, *, asks_once: bool) -> None:
        import redis

        self.client = client
        self.asks_once = asks_once
        self.errors = (redis.RedisError, OSError)
        self.changed_meanwhile = redis.WatchError

    def values(self, names: list[str]) -> list[Any]:
        """The value of each key, or None: in one round trip."""
        # As `mget` does, which looks at its arguments for a sixth of the time.
        values: list[Any] = self.client.execute_command("MGET", *names)
        return values

    def set_new(self, name: str, value: str, exat: int | None) -> bool:
        """Sets a value if there is none; whether it did."""
        if self.asks_once:
            return bool(self.client.set(name, value, nx=True, exat=exat))
        return self.replace(name, None, value, exat)

    def replace(self, name: str, old: str | None, new: str, exat: int | None) -> bool:
        """Sets a value if it is the old one; whether it did."""
        while True:
            with suppress(self.changed_meanwhile):
                return self._replace(name, old, new, exat)

    def _replace(self, name: str, old: str | None, new: str, exat: int | None) -> bool:
        """The same; raises where the value was set meanwhile, to whatever.

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

    def ask(self, name: str, *commands: tuple[Any, ...]) -> list[Any]:
        """What is answered over one connection, in one round trip. Raises the first refusal."""
        with self.client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return unless_refused(pipeline.execute(raise_on_error=False))

    def servers(self) -> list[Redis]:
        """A client for each server that keeps entries."""
        return [self.client]
