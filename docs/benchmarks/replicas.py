"""What `wait_replicas` costs: `python docs/benchmarks/replicas.py`.

Starts a primary and two replicas, and prints how often an `add` that waits for none fits into one
that waits, of keys that are new and of keys that are there. All take turns in one run; each figure
is the median of the turns' ratios.
"""

from __future__ import annotations

import statistics
import sys
import time
from uuid import uuid4

from djwto.backends.redis import RedisBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests.servers import redis_server
from djwto.spec_tests.servers.process import until

TURNS = 40
CALLS = 100
WAITED_FOR = (0, 1, 2)


def took(backend: RedisBlacklist, keys: list[str], *, new: bool) -> float:
    """Seconds for one `add`, the mean of so many."""
    begun = time.perf_counter()
    for key in keys:
        assert backend.add(key, None) is new
    return (time.perf_counter() - begun) / len(keys)


def is_replicated(backend: RedisBlacklist) -> bool:
    """Whether the replicas have what is written now."""
    try:
        return backend.add(str(uuid4()), None)
    except BlacklistUnavailable:
        return False


def main() -> int:
    """Prints the ratios."""
    with redis_server.running() as primary:
        follow = {"replicaof": f"127.0.0.1 {primary.port}"}
        with redis_server.running(**follow), redis_server.running(**follow):
            last = RedisBlacklist({"url": primary.url, "wait_replicas": WAITED_FOR[-1]})
            until(lambda: is_replicated(last), "two replicas")
            backends = [
                RedisBlacklist({"url": primary.url, "wait_replicas": count})
                for count in WAITED_FOR
            ]
            ratios: dict[tuple[int, bool], list[float]] = {}
            for _ in range(TURNS):
                batches = [[str(uuid4()) for _ in range(CALLS)] for _ in backends]
                for new in (True, False):
                    times = [
                        took(backend, keys, new=new)
                        for backend, keys in zip(backends, batches, strict=True)
                    ]
                    for count, seconds in zip(WAITED_FOR, times, strict=True):
                        ratios.setdefault((count, new), []).append(seconds / times[0])
    for (count, new), found in sorted(ratios.items(), key=lambda item: (not item[0][1], item)):
        kind = "new" if new else "there already"
        print(f"{kind:14} wait_replicas {count}: {statistics.median(found):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
