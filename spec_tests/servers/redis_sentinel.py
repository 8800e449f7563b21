"""A primary, two replicas and the three Sentinels that watch them, on the loopback.

For as long as they are entered, one of the servers is the primary; which, the Sentinels say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from djwto.spec_tests.servers.process import until
from djwto.spec_tests.servers.redis_server import KEEPING, RedisServer

SERVICE = "revocations"
REPLICAS = 2
SENTINELS = 3
QUORUM = 2

DOWN_AFTER = 500
"""Milliseconds of silence after which a Sentinel takes a server for dead."""


class SentinelProcess(RedisServer):
    """One that watches servers."""

    arguments = ("--sentinel",)


@dataclass(frozen=True, slots=True)
class WatchedServers:
    """Servers of which one is the primary, whichever it is at the time."""

    servers: list[RedisServer]
    sentinels: list[SentinelProcess]

    @property
    def url(self) -> str:
        """The value of the option `url`."""
        sentinels = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{sentinels}/{SERVICE}/0"

    def master_process(self) -> RedisServer:
        """The server that the Sentinels which answer name, as soon as they agree."""
        named: set[int] = set()

        def agree() -> bool:
            named.clear()
            named.update(_named(s) for s in self.sentinels if s.process is not None)
            return len(named) == 1

        until(agree, "primary that all Sentinels name")
        [port] = named
        return next(server for server in self.servers if server.port == port)

    def replica_processes(self) -> list[RedisServer]:
        """The other servers."""
        primary = self.master_process()
        return [server for server in self.servers if server is not primary]

    def failover(self) -> RedisServer:
        """Kills the primary; its successor, as soon as it is one for all Sentinels.

        Takes some seconds. The one that was killed stays so until it is started.
        """
        before = self.master_process()
        before.kill()
        return self.succeeded(before)

    def succeeded(self, before: RedisServer) -> RedisServer:
        """The successor of a primary that is away, as soon as it is one for all Sentinels."""
        until(lambda: self.master_process() is not before, "successor")
        after = self.master_process()
        until(lambda: after.ask("ROLE")[0] == b"master", "successor that knows it")
        return after

    def settle(self) -> None:
        """Waits until every server is up, follows one primary, and is known to each Sentinel."""
        for server in (*self.servers, *self.sentinels):
            if server.process is None:
                server.start()
        until(self._is_settled, "replicas that follow one primary")

    def _is_settled(self) -> bool:
        primary = self.master_process()
        replicas = [server for server in self.servers if server is not primary]
        return (
            primary.ask("ROLE")[0] == b"master"
            and len(primary.ask("ROLE")[2]) == len(replicas)
            and all(_follows(replica, primary) for replica in replicas)
            and all(_knows_all(sentinel) for sentinel in self.sentinels)
        )


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[WatchedServers]:
    """Servers that have their files in a folder. They are settled, and end with the block.

    `settings` are the servers', and go over `KEEPING`, with `_` for `-` in their names.
    """
    told = {**KEEPING, **{name.replace("_", "-"): value for name, value in settings.items()}}
    with ExitStack() as stack:

        def started(server: Any) -> Any:
            stack.callback(server.kill)
            server.start()
            return server

        def home(name: str) -> Path:
            Path(folder, name).mkdir()
            return Path(folder, name)

        first = started(RedisServer(home("0"), told))
        following = {**told, "replicaof": f"127.0.0.1 {first.port}"}
        replicas = [
            started(RedisServer(home(str(number)), following)) for number in range(1, REPLICAS + 1)
        ]
        until(lambda: all(_follows(replica, first) for replica in replicas), "replicas")
        watching = _watching(first)
        sentinels = [
            started(SentinelProcess(home(f"sentinel-{number}"), watching))
            for number in range(SENTINELS)
        ]
        watched = WatchedServers([first, *replicas], sentinels)
        watched.settle()
        yield watched


def _watching(primary: RedisServer) -> dict[str, Any]:
    return {
        "sentinel": [
            f"monitor {SERVICE} 127.0.0.1 {primary.port} {QUORUM}",
            f"down-after-milliseconds {SERVICE} {DOWN_AFTER}",
            f"failover-timeout {SERVICE} 4000",
        ],
    }


def _named(sentinel: SentinelProcess) -> int:
    _, port = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    return int(port)


def _follows(replica: RedisServer, primary: RedisServer) -> bool:
    role = replica.ask("ROLE")
    return bool(role[0] == b"slave" and role[2:4] == [primary.port, b"connected"])


def _knows_all(sentinel: SentinelProcess) -> bool:
    with redis.Redis(port=sentinel.port, decode_responses=True) as client:
        state: Any = client.sentinel_master(SERVICE)
    return (
        int(state["num-other-sentinels"]) == SENTINELS - 1
        and int(state["num-slaves"]) == REPLICAS
        and state["flags"] in ("master", {"master"})
    )
