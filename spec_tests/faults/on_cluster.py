"""RedisBlacklist on a Redis Cluster of three primaries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

from djwto.spec_tests.faults.injected import (
    FAILED_OVER,
    FULL,
    KILLED,
    hold,
    of_connections,
    of_processes,
)
from djwto.spec_tests.faults.on_redis import fill, on_redis
from djwto.spec_tests.faults.store import SLACK, TIMEOUT, Store, home
from djwto.spec_tests.servers import redis_cluster
from djwto.spec_tests.servers.process import until
from djwto.spec_tests.servers.redis_server import RedisServer


@contextmanager
def cluster(folder: Path, unsafe: bool) -> Iterator[Store]:
    """RedisBlacklist on three primaries. Unsafe: they write nothing down."""
    with redis_cluster.running(home(folder, "cluster")) as running:
        for node in running.nodes:
            node.ask("CONFIG", "SET", "appendonly", "no" if unsafe else "yes")
        # It has what was written a moment ago, or has not: it takes over when it is asked to,
        # which waits until it has.
        first, replica = running.nodes[0], running.nodes[redis_cluster.PRIMARIES]
        replica.ask("CONFIG", "SET", "cluster-replica-no-failover", "yes")

        def filled(random: Random) -> None:
            node = random.choice(running.primaries)
            names = map("junk{}".format, count())
            fill(node, random, next(n for n in names if running.owner(n) is node))

        def failed_over(random: Random) -> None:
            for successor in (replica, first):
                successor.ask("CLUSTER", "FAILOVER")
                until(partial(_is_primary, successor), "successor")
                hold(random)

        yield Store(
            settings=on_redis(folder, running.url),
            faults={
                **of_processes(*running.primaries),
                **of_connections(*(node.proxy for node in running.primaries)),
                FULL: filled,
                FAILED_OVER: failed_over,
            },
            losing=KILLED,
            # One that is silent is waited for, and then who has its slots is asked of each.
            limit=(2 + redis_cluster.PRIMARIES) * TIMEOUT + SLACK,
            settle=running.settle,
        )


def _is_primary(server: RedisServer) -> bool:
    return bool(server.ask("ROLE")[0] == b"master")
