"""A Redis Cluster on the loopback, for as long as it is entered: of redis-server's own processes.

Clients reach each node through a proxy, which is the address that the node tells them; the nodes
talk to each other past it.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from djwto.spec_tests.proxy import Proxy

SLOTS = 16_384
PRIMARIES = 3
NODE_TIMEOUT = 1_000
"""Milliseconds after which the others take a node for dead."""

PATIENCE = 15
"""Seconds to wait for what takes the cluster one or two."""

PROGRAM = "redis-server"


def is_installed() -> bool:
    """Whether this machine can run one."""
    return shutil.which(PROGRAM) is not None


@dataclass(slots=True)
class Node:
    """A server of the cluster, and the proxy that clients know it by."""

    port: int
    proxy: Proxy
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What clients connect to."""
        host, port = self.proxy.address
        return f"{host}:{port}"

    def ask(self, *command: Any) -> Any:
        """What the node itself answers."""
        with redis.Redis(port=self.port, socket_timeout=PATIENCE) as client:
            return client.execute_command(*command)

    def start(self) -> None:
        """Starts the server; it finds what it knew of the cluster in its folder."""
        announced = self.proxy.address[1]
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": 0,
            "cluster-enabled": "yes",
            "cluster-node-timeout": NODE_TIMEOUT,
            "cluster-require-full-coverage": "no",
            "cluster-announce-ip": "127.0.0.1",
            "cluster-announce-port": announced,
            "cluster-announce-bus-port": self.port + 10_000,
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        with Path(self.folder, "log").open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, *options], stdout=log, stderr=log)
        until(lambda: _answers(self), f"a server on port {self.port}")

    def kill(self) -> None:
        """Ends the server at once, as `kill -9` does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


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

        Raises TimeoutError where some slot is nobody's.
        """
        until(lambda: all(_is_ready(node) for node in self.nodes), "slots that all nodes know of")

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
            port = _free_port()
            home = folder / str(number)
            home.mkdir()
            node = Node(port, stack.enter_context(Proxy("127.0.0.1", port)), home)
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
    until(lambda: b"master_link_status:up" in _info(replica), "a replica")


def _answers(node: Node) -> bool:
    try:
        return bool(node.ask("PING"))
    except redis.RedisError:
        return False


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


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits until something holds. Raises TimeoutError where that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} in {PATIENCE} seconds")
        time.sleep(0.02)


def _free_port() -> int:
    """A port that is free, as is the one of the bus, ten thousand above."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port
