"""Faults by real servers, while clients log in and out: does djwto keep its promises?"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

from djwto.spec_tests.faults import verdict
from djwto.spec_tests.faults.figures import figures
from djwto.spec_tests.faults.run import Result, run
from djwto.spec_tests.faults.stores import STORES

KEPT, BROKEN, VOID = 0, 1, 2
SAID = {KEPT: "All promises were kept.", BROKEN: "A promise was broken.", VOID: "The run is void."}

SECONDS, UNSAFE_SECONDS = 10.0, 5.0
SHOWN = 10

EPILOG = """
Each store is run a second time, set to lose what it has answered. That has to be found out, or the
run is void. The exit code is 0 if all promises were kept, 1 if one was broken, and 2 if the run is
void.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs each store both ways; 0, 1 or 2 as the epilog says."""
    parser = argparse.ArgumentParser(
        prog="python -m djwto.spec_tests.faults", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults and of the load (0)")
    parser.add_argument(
        "--store", nargs="+", choices=STORES, default=list(STORES), help="which (all)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help=f"of faults on each store, but each kind once at least ({SECONDS:g})",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at once (2)")
    given = parser.parse_args(arguments)
    with ThreadPoolExecutor(given.jobs) as pool:
        on = partial(_on, seed=given.seed)
        runs = [
            pool.submit(
                on, name, unsafe=unsafe, seconds=UNSAFE_SECONDS if unsafe else given.seconds
            )
            for name in given.store
            for unsafe in (False, True)
        ]
        status = max(_shown(*each.result()) for each in runs)
    print(SAID[status])
    return status


def _shown(status: int, lines: Sequence[str]) -> int:
    print("\n".join(lines), flush=True)
    return status


def _on(name: str, *, seed: int, seconds: float, unsafe: bool) -> tuple[int, list[str]]:
    start = time.monotonic()
    # Servers that are not ours to be have folders in it.
    with tempfile.TemporaryDirectory(prefix="djwto-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        try:
            result = run(name, folder, seed=seed, seconds=seconds, unsafe=unsafe)
        except FileNotFoundError as error:
            return VOID, [f"== {name}: not run, since there is no {error.filename or error}"]
    how = ", set to lose what it has answered" if unsafe else ""
    lines = [f"== {name}{how}: {time.monotonic() - start:.0f} s", *figures(result)]
    if unsafe:
        found_out = verdict.lost(result.findings) > 0
        return (KEPT if found_out else VOID), [*lines, *_of_unsafe(found_out)]
    return (BROKEN if result.findings else KEPT), [*lines, *_of_safe(result)]


def _of_unsafe(found_out: bool) -> Iterator[str]:
    yield "That was found out." if found_out else "THAT WAS NOT FOUND OUT."


def _of_safe(result: Result) -> Iterator[str]:
    yield from map(str, islice(result.findings, SHOWN))
    if len(result.findings) > SHOWN:
        yield f"… and {len(result.findings) - SHOWN} more"
    if any(request.status == 500 for request in result.run.record):
        yield result.said


if __name__ == "__main__":
    sys.exit(main())
