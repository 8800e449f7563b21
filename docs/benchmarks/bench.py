"""`make bench`: djwto beside its peers and beside what nobody can do without, in one run.

Each contender is a process with packages of its own. They take turns, a few requests each, so that
whatever else the machine does is done to all. What is shown are ratios within a turn; times would
be those of one machine on one day.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from peers import ASKING, CONTENDERS, FLOOR, HERE, OURS, VENVS, Contender, python_of

BASE, DECODE, EXISTS = "bare view", "decode", "EXISTS"
IN_ITS_PLACE, DECODES = "protected, EXISTS", "protected, decode"
STATEMENT, ENCODE, REFRESH, LOGIN = "statement", "encode", "refresh", "login"
SEEN, FIRST = "protected, seen before", "protected, first sight"

OPERATIONS = (SEEN, FIRST, REFRESH, "logout", LOGIN)
"""What contenders are compared by."""

TIMES = {
    SEEN: 200,
    FIRST: 60,
    DECODES: 60,
    BASE: 200,
    DECODE: 60,
    ENCODE: 60,
    STATEMENT: 200,
    EXISTS: 200,
    IN_ITS_PLACE: 200,
}
"""How often an operation is done in a turn; the others are done 20 times."""

Turn = dict[tuple[str, str], float]
"""Seconds that a contender took for an operation, in one turn."""


class Process:
    """A contender at work."""

    def __init__(self, contender: Contender, algorithm: str, python: Path) -> None:
        self.contender = contender
        self.folder = tempfile.TemporaryDirectory(prefix="djwto-")
        self.process = subprocess.Popen(
            [python, HERE / "worker.py", contender.module, algorithm, self.folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.operations: list[str] = self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.contender.title} has ended; run its worker.py to see why.")
        return json.loads(line)

    def seconds(self, operation: str) -> float:
        """How long an operation takes now."""
        asked = {"operation": operation, "times": TIMES.get(operation, 20)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return float(self._answer())

    def stop(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


@contextmanager
def at_work(algorithm: str, folder: Path) -> Iterator[list[Process]]:
    """While entered, all contenders; those that lack the algorithm or a server are named."""
    with ExitStack() as stack:
        processes = []
        for contender in CONTENDERS:
            process = Process(contender, algorithm, python_of(contender, folder))
            stack.callback(process.stop)
            processes.append(process)
        yield processes


def turns(processes: list[Process], count: int) -> Iterator[Turn]:
    """Everyone does everything once a turn. The first turn is for warming up."""
    for number in range(count + 1):
        turn = {
            (process.contender.module, operation): process.seconds(operation)
            for process in processes
            for operation in process.operations
        }
        if number:
            yield turn


def ratios(found: list[Turn], over: Any) -> dict[tuple[str, str], float]:
    """The median, over all turns, of what each took in comparison to what `over` says."""
    return {key: statistics.median(turn[key] / over(turn) for turn in found) for key in found[0]}


def goals(found: list[Turn]) -> Iterator[tuple[str, float, float]]:
    """What is measured against a goal: its name, the ratio, and what that must not exceed."""

    def median(part: Any) -> float:
        return statistics.median(part(turn) for turn in found)

    def best(turn: Turn, operation: str) -> float:
        return min(
            seconds
            for (module, done), seconds in turn.items()
            if done == operation and module not in {FLOOR, OURS, ASKING}
        )

    def floor(turn: Turn, *operations: str) -> float:
        return sum(turn[FLOOR, operation] for operation in operations)

    yield "seen before / bare view", median(lambda t: t[OURS, SEEN] / floor(t, BASE)), 1.3
    yield (
        "first sight / (bare view + decode)",
        median(lambda t: t[OURS, FIRST] / floor(t, BASE, DECODE)),
        1.1,
    )
    yield (
        "first sight / decoded in its place",
        median(lambda t: t[OURS, FIRST] / t[FLOOR, DECODES]),
        1.1,
    )
    yield (
        "store asked / (1.3 bare view + 1.3 EXISTS)",
        median(lambda t: t[ASKING, SEEN] / (1.3 * (floor(t, BASE) + t[ASKING, EXISTS]))),
        1.0,
    )
    yield (
        "store asked / EXISTS asked in its place",
        median(lambda t: t[ASKING, SEEN] / t[ASKING, IN_ITS_PLACE]),
        1.3,
    )
    yield "refresh / best peer", median(lambda t: t[OURS, REFRESH] / best(t, REFRESH)), 0.5
    yield (
        "logout / djwto 0.0.4",
        median(lambda t: t[OURS, "logout"] / t["djwto_0_0_4", "logout"]),
        0.5,
    )
    yield "login / best peer", median(lambda t: t[OURS, LOGIN] / best(t, LOGIN)), 0.7


def table(found: list[Turn]) -> Iterator[str]:
    """Times the bare view, a row for each operation and a column for each contender."""
    ratio = ratios(found, lambda turn: turn[FLOOR, BASE])
    shown = [one for one in CONTENDERS if one.module != FLOOR]
    yield f"{'':24}" + "".join(f"{one.title:>20}" for one in shown)
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for (module, operation), value in ratio.items():
        rows[operation][module] = value
    for operation in OPERATIONS:
        cells = (rows[operation].get(one.module) for one in shown)
        yield f"{operation:24}" + "".join(
            f"{'-' if cell is None else f'{cell:.2f}':>20}" for cell in cells
        )
    yield "\nWhat nobody can do without"
    yield f"{'EXISTS, in a loop':24}{rows[EXISTS][ASKING]:>20.2f}"
    yield f"{'protected, EXISTS':24}{rows[IN_ITS_PLACE][ASKING]:>20.2f}"
    yield f"{'protected, decode':24}{rows[DECODES][FLOOR]:>20.2f}"
    yield f"{'PyJWT decode':24}{rows[DECODE][FLOOR]:>20.2f}"
    yield f"{'PyJWT encode':24}{rows[ENCODE][FLOOR]:>20.2f}"
    yield f"{'a statement of SQL':24}{rows[STATEMENT][FLOOR]:>20.2f}"
    yield f"{'a refresh by hand':24}{rows[REFRESH][FLOOR]:>20.2f}"
    yield f"{'a login by Django alone':24}{rows[LOGIN][FLOOR]:>20.2f}"


def main() -> int:
    """Prints the ratios; 0 if every goal is reached."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--turns", type=int, default=25, metavar="N", help="turns (25)")
    parser.add_argument("--algorithm", action="append", choices=["HS256", "RS256", "ES256"])
    parser.add_argument("--venvs", type=Path, default=VENVS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn there, too")
    given = parser.parse_args()
    missed = 0
    measured = {}
    for algorithm in given.algorithm or ["HS256", "RS256", "ES256"]:
        with at_work(algorithm, given.venvs) as processes:
            found = list(turns(processes, given.turns))
        print(f"\n{algorithm}, {given.turns} turns; times the bare view\n")
        print(*table(found), sep="\n")
        print()
        for name, ratio, most in goals(found):
            missed += ratio > most
            print(f"{'reached' if ratio <= most else 'MISSED':8} {name}: {ratio:.2f}, goal {most}")
        measured[algorithm] = [
            {f"{module}: {operation}": seconds for (module, operation), seconds in turn.items()}
            for turn in found
        ]
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(measured, indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
