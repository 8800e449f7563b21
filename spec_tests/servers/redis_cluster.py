"""A Redis Cluster on the loopback, for as long as it is entered: of redis-server's own processes.

Clients reach each node through a proxy, which is the address that the node tells them; the nodes
talk to each other past it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.servers.process import free_port, until
from djwto.spec_tests.servers.redis_server import KEEPING, RedisServer

SLOTS = 16_384
PRIMARIES = 3
NODE_TIMEOUT = 1_000
"""Milliseconds after which the others take a node for dead."""


class Node(RedisServer):
    """A server of the cluster, and the proxy that clients know it by."""

    def __init__(self, folder: Path, port: int, proxy: Proxy) -> None:
        self.proxy = proxy
        settings = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": NODE_TIMEOUT,
            "cluster-require-full-coverage": "no",
            "cluster-announce-ip": "127.0.0.1",
            "cluster-announce-port": proxy.address[1],
            "cluster-announce-bus-port": port + 10_000,
        }
        super().__init__(folder, {**KEEPING, **settings}, port)

    @property
    def address(self) -> str:
        """What clients connect to."""
        host, port = self.proxy.address
        return f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class LoopbackCluster:
    """Three primaries, a replica of the first, and a node without slots."""

    nodes: list[Node]

    @property
    def primaries(self) -> list[Node]:
        """Those that had all the slots at first."""
        return self.nodes[:PRIMARIES]

    @property
    def url(self) -> str:
        """The value of the option `url`."""
        return f"redis+cluster://{','.join(node.address for node in self.primaries)}"

    @property
    def spare(self) -> Node:
        """The node without slots."""
        return self.nodes[-1]

    def settle(self) -> None:
        """Waits until each node knows who has which slot; they tell each other in their own time.

        And until the replica has what its primary has. Raises TimeoutError where some slot is
        nobody's.
        """
        until(lambda: all(_is_ready(node) for node in self.nodes), "slots that all nodes know of")
        until(lambda: _is_linked(self.nodes[PRIMARIES]), "a replica")

    def slot(self, name: str) -> int:
        """The slot of a key."""
        return int(self.spare.ask("CLUSTER", "KEYSLOT", name))

    def owner(self, name: str) -> Node:
        """The primary that has the key's slot, if none was moved."""
        return self.primaries[self.slot(name) * PRIMARIES // SLOTS]


@contextmanager
def running(folder: Path) -> Iterator[LoopbackCluster]:
    """A cluster that has its files in a folder. It is ready, and ends with the block."""
    with ExitStack() as stack:
        nodes = []
        for number in range(PRIMARIES + 2):
            port = free_port()
            home = folder / str(number)
            home.mkdir()
            node = Node(home, port, stack.enter_context(Proxy("127.0.0.1", port)))
            stack.callback(node.kill)
            node.start()
            nodes.append(node)
        _introduce(nodes)
        cluster = LoopbackCluster(nodes)
        cluster.settle()
        yield cluster


def _introduce(nodes: list[Node]) -> None:
    first, replica = nodes[0], nodes[PRIMARIES]
    for number, node in enumerate(nodes[:PRIMARIES]):
        # The first slot of a node is the first of which `owner` says that it is the node's.
        begin, end = (-(-SLOTS * n // PRIMARIES) for n in (number, number + 1))
        node.ask("CLUSTER", "ADDSLOTS", *range(begin, end))
    for node in nodes[1:]:
        # The bus is past the proxy.
        node.ask("CLUSTER", "MEET", "127.0.0.1", first.port, first.port + 10_000)
    until(lambda: all(_knows(node, len(nodes)) for node in nodes), "nodes that know each other")
    replica.ask("CLUSTER", "REPLICATE", first.ask("CLUSTER", "MYID"))


def _is_linked(replica: Node) -> bool:
    return b"master_link_status:up" in _info(replica)


def _knows(node: Node, count: int) -> bool:
    told = node.ask("CLUSTER", "INFO")
    return int(_field(told, "cluster_known_nodes")) == count and _is_ready(node)


def _is_ready(node: Node) -> bool:
    told = node.ask("CLUSTER", "INFO")
    return _field(told, "cluster_state") == "ok" and _field(told, "cluster_slots_ok") == str(SLOTS)


def _info(node: Node) -> bytes:
    with redis.Redis(port=node.port) as client:
        # As the server says it, not as redis-py reads it.
        client.set_response_callback("INFO", bytes)
        return bytes(client.execute_command("INFO", "replication"))


def _field(told: Any, name: str) -> str:
    if isinstance(told, dict):
        return str(told[name])
    fields: dict[str, str] = dict(line.split(":") for line in told.decode().split())
    return fields[name]
