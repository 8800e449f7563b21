"""What `djwto.backends.redis` asks of a Redis Cluster: each key of its slot's primary."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from djwto.backends.redis_script import compare_and_set, expiry

if TYPE_CHECKING:
    from redis import Redis, RedisCluster

SCHEMES = ("redis+cluster", "rediss+cluster")

REDIRECTIONS = 5
"""How many to follow: one of a slot that has moved, one of a slot that is on its way, and more."""


def node_urls(url: str) -> list[str]:
    """A URL for each server that a URL with several names, as redis-py takes them.

    Raises ValueError where a host is missing.
    """
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    scheme, _, _ = parts.scheme.partition("+")
    servers = hosts.split(",")
    if not all(urlsplit(f"//{server}").hostname for server in servers):
        raise ValueError("a host is missing")
    return [
        parts._replace(scheme=scheme, netloc=f"{user}{at}{server}").geturl() for server in servers
    ]


def connect(urls: Sequence[str], **options: Any) -> RedisCluster:
    """A client of the cluster that these nodes belong to. Raises what redis-py raises."""
    from redis import RedisCluster
    from redis.cluster import ClusterNode

    node: Any = ClusterNode
    others = [urlsplit(url) for url in urls[1:]]
    return RedisCluster.from_url(
        urls[0],
        startup_nodes=[node(other.hostname, other.port or 6379) for other in others],
        # What the slots of other nodes keep can be told without them.
        require_full_coverage=False,
        # While nobody answers, each of these is waited for in turn: no more than were named.
        dynamic_startup_nodes=False,
        **options,
    )


class Cluster:
    """A client of redis-py for a cluster, of which the nodes are asked one by one.

    The client itself repeats what may have been done, and knows of no node without slots. A node
    that redirects has done nothing, and is the only one that is not the last to be asked.
    """

    def __init__(self, client: Any) -> None:
        import redis

        if int(redis.__version__.partition(".")[0]) < 6:
            raise ImproperlyConfigured("A Redis Cluster needs redis-py 6 or later.")
        if client.read_from_replicas or getattr(client, "load_balancing_strategy", None):
            raise ImproperlyConfigured(
                "The client of RedisBlacklist reads from replicas, which may not know yet of a "
                "logout that was answered. Let it read from the primaries."
            )
        self.client = client
        self.errors = redis.exceptions
        self.lost = (redis.ConnectionError, redis.TimeoutError, OSError)
        self._strangers: dict[tuple[str, int], Any] = {}
        self._refreshing = Lock()

    def values(self, names: list[str]) -> list[Any]:
        """The value of each key, or None: in one round trip for each node that has some."""
        by_server: dict[Redis, list[str]] = {}
        for name in names:
            by_server.setdefault(self._primary(name), []).append(name)
        found: dict[str, Any] = {}
        for server, here in by_server.items():
            answers = self._send(server, [("GET", name) for name in here])
            for name, answer in zip(here, answers, strict=True):
                [found[name]] = self._followed([answer], [("GET", name)])
        return [found[name] for name in names]

    def set_new(self, name: str, value: str, exat: int | None) -> bool:
        """Sets a value if there is none; whether it did."""
        [answer] = self.ask(name, ("SET", name, value, "NX", *expiry(exat)))
        return bool(answer)

    def replace(self, name: str, old: str, new: str, exat: int | None) -> bool:
        """Sets a value if it is the old one; whether it did."""
        # WATCH takes three round trips, and a key whose slot is on its way cannot be watched.
        [answer] = self.ask(name, compare_and_set(name, old, new, exat))
        return bool(answer)

    def ask(self, name: str, *commands: tuple[Any, ...]) -> list[Any]:
        """What a key's primary answers over one connection, in one round trip.

        Raises the first of what it refuses.
        """
        return self._followed(self._send(self._primary(name), commands), commands)

    def servers(self) -> list[Redis]:
        """A client for each primary."""
        return [self._client_of(node) for node in self.client.get_primaries()]

    def _followed(self, answers: list[Any], commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What the node says to which the first answer redirects, or the answers.

        Raises the first that is an error.
        """
        for _ in range(REDIRECTIONS):
            # Which is an AskError, too.
            if isinstance(answers[0], self.errors.MovedError):
                self._refresh()
                answers = self._send(self._named(answers[0]), commands)
            elif isinstance(answers[0], self.errors.AskError):
                # The slot is on its way. What has arrived is told only to who says so.
                _, *answers = self._send(self._named(answers[0]), [("ASKING",), *commands])
        return unless_refused(answers)

    def _send(self, server: Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What a node answers, errors as well, in one round trip. It is asked once."""
        try:
            with server.pipeline(transaction=False) as pipeline:
                ask: Any = pipeline.execute_command
                for command in commands:
                    ask(*command)
                return pipeline.execute(raise_on_error=False)
        except self.lost:
            # Another may have taken over. The next to ask is to know.
            self._refresh()
            raise

    def _primary(self, name: str) -> Redis:
        try:
            node = self.client.get_node_from_key(name)
        except self.errors.SlotNotCoveredError:
            self._refresh()
            node = self.client.get_node_from_key(name)
        return self._client_of(node)

    def _named(self, redirection: Any) -> Redis:
        """The node that a redirection names; one without slots is in no list of nodes."""
        from redis.cluster import ClusterNode

        stranger: Any = ClusterNode
        address = self.client.nodes_manager.remap_host_port(redirection.host, redirection.port)
        node = self.client.get_node(*address)
        if node is None:
            node = self._strangers.setdefault(address, stranger(*address, "primary"))
        return self._client_of(node)

    def _client_of(self, node: Any) -> Redis:
        client: Redis = self.client.get_redis_connection(node)
        return client

    def _refresh(self) -> None:
        """Asks who has which slots, unless another thread is at it; they may wait for long."""
        if self._refreshing.acquire(blocking=False):
            try:
                with suppress(*self.lost, self.errors.RedisClusterException):
                    self.client.nodes_manager.initialize()
            finally:
                self._refreshing.release()


def unless_refused(answers: list[Any]) -> list[Any]:
    """The answers. Raises the first that is an error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
