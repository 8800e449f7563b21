"""RedisBlacklist on a primary with two replicas, and the Sentinels that watch them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from djwto.spec_tests.faults.injected import (
    FAILED_OVER,
    KILLED,
    LEFT_BEHIND,
    LONGEST,
    PAUSED,
    RESET,
    SHORTEST,
    hold,
    of_processes,
)
from djwto.spec_tests.faults.on_redis import on_redis
from djwto.spec_tests.faults.store import SLACK, TIMEOUT, Store, home
from djwto.spec_tests.servers import redis_sentinel


@contextmanager
def sentinel(folder: Path, unsafe: bool) -> Iterator[Store]:
    """RedisBlacklist on a primary with two replicas. Unsafe: none of them has to have a logout."""
    with redis_sentinel.running(home(folder, "sentinel")) as watched:

        def left_behind(random: Random) -> None:
            replicas, primary = watched.replica_processes(), watched.master_process()
            for replica in replicas:
                replica.pause()
            hold(random)
            primary.kill()
            for replica in replicas:
                # Held up no more, it would read what it was sent meanwhile.
                replica.restart()
            watched.succeeded(primary)

        def failed_over(random: Random) -> None:
            watched.failover()
            hold(random)

        def reset(random: Random) -> None:
            until = time.monotonic() + random.uniform(SHORTEST, LONGEST)
            while time.monotonic() < until:
                watched.master_process().ask("CLIENT", "KILL", "TYPE", "normal")
                time.sleep(random.uniform(0, 0.2))

        of_sentinels = of_processes(*watched.sentinels)
        yield Store(
            settings=on_redis(
                folder, watched.url, wait_replicas=0 if unsafe else redis_sentinel.REPLICAS
            ),
            faults={
                **of_processes(*watched.servers),
                RESET: reset,
                FAILED_OVER: failed_over,
                LEFT_BEHIND: left_behind,
                "kill -9 of a Sentinel": of_sentinels[KILLED],
                "pause of a Sentinel": of_sentinels[PAUSED],
            },
            losing=LEFT_BEHIND,
            # Each Sentinel is asked who the primary is, and one may be silent.
            limit=(2 + redis_sentinel.SENTINELS) * TIMEOUT + SLACK,
            settle=watched.settle,
        )
