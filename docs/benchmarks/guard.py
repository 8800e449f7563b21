"""`make bench-guard`: has djwto become slow? It is measured beside the floor, in the same run.

No goal, but a bound of about twice what is measured today, so that a machine that is busy does not
fail it. A query or a round trip too many takes less, and is noticed by test_round_trips.py.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from bench import BASE, DECODE, FIRST, LOGIN, REFRESH, SEEN, Process, turns
from peers import CONTENDERS, FLOOR, OURS

BOUNDS = {
    SEEN: (2.5, (BASE,)),
    FIRST: (2.0, (BASE, DECODE)),
    REFRESH: (9.0, (BASE,)),
    "logout": (8.5, (BASE,)),
    LOGIN: (36.0, (BASE,)),
}
"""How often what the floor does for an operation fits into it at the most."""


def main() -> int:
    """Prints the ratios; 0 if none exceeds its bound."""
    with ExitStack() as stack:
        processes = []
        for contender in CONTENDERS:
            if contender.module in {FLOOR, OURS}:
                process = Process(contender, "HS256", Path(sys.executable))
                stack.callback(process.stop)
                processes.append(process)
        found = list(turns(processes, 15))
    slow = 0
    for operation, (bound, floor) in BOUNDS.items():
        ratio = statistics.median(
            turn[OURS, operation] / sum(turn[FLOOR, one] for one in floor) for turn in found
        )
        slow += ratio > bound
        what = f"{operation} / ({' + '.join(floor)})"
        print(f"{'ok' if ratio <= bound else 'SLOW':5} {what}: {ratio:.2f}, bound {bound}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
