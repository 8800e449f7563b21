"""`delete_tokens` at work while entries are added; interrupted, and run again."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaling.entries import DAY, new_key
from scaling.stores import Database

REST = 0.005
"""Seconds between one `add` and the next."""
WINDOW = 5.0
"""Seconds for which `add` is watched while nothing is deleted."""
INTERRUPTED = 130
"""What `delete_tokens` exits with when SIGINT stops it."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was seen of a purge."""

    p99: float
    """Of `add`, times idle: the median of a comparison for each run of the command."""
    idle: float
    """The 99th percentile of `add` while nothing is deleted, in milliseconds."""
    rows_a_second: float
    runs: int
    """How often the command was started; all but the last were interrupted."""
    lines: int
    """Of progress, in all runs."""
    memory: int
    """The most that a run had, in KiB."""


class Command:
    """`manage.py delete_tokens` in a process of its own."""

    def __init__(self, store: Database) -> None:
        blacklist = {
            "BACKEND": "djwto.backends.database.DatabaseBlacklist",
            "OPTIONS": {"using": store.alias},
        }
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "django", "delete_tokens"],
            stdout=self.said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DJWTO_SCALE_BLACKLIST": json.dumps(blacklist)},
        )
        self.memory = 0

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *error: object) -> None:
        if self.is_running():
            self.process.kill()
            self.process.wait()
        self.said.close()

    def lines(self) -> list[str]:
        """What it has said until now."""
        return os.pread(self.said.fileno(), 1 << 26, 0).decode().splitlines()

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        if self.process.returncode is None:
            # Not ru_maxrss, which begins with what the process had that started it.
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                self.memory = int(found[1])
        return self.process.poll() is None

    def stop(self) -> list[str]:
        """Interrupts it, if it has not ended; all that it has said."""
        if self.is_running():
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
        return self.lines()

    def wait_for_a_line(self) -> None:
        """Until it has deleted something: what it does before that is to start Python."""
        while self.is_running() and not self.lines():
            time.sleep(0.05)
        self.started = time.monotonic()


def purge(store: Database, interrupts: int) -> Purged:
    """Runs the command until nothing is left, and interrupts it so many times before."""
    ratios, idles, lines, memory, deleted, busy = [], [], 0, 0, 0, 0.0
    watch(store, lambda since: since < 1)
    for run in range(interrupts + 1):
        idle = p99(watch(store, lambda since: since < WINDOW))
        with Command(store) as command:
            during = _beside(store, command, math.inf if run == interrupts else WINDOW)
            said = command.stop()
            busy += time.monotonic() - command.started
        counts = [line for line in said if line.endswith("expired entries deleted")]
        lines += len(counts)
        deleted += int(counts[-1].split()[0]) if counts else 0
        memory = max(memory, command.memory)
        # A run that was over at once says nothing about the 99th percentile.
        if len(during) >= 100:
            ratios.append(p99(during) / idle)
            idles.append(idle)
        if command.process.returncode == 0:
            break
        if run == interrupts or command.process.returncode != INTERRUPTED:
            raise SystemExit("\n".join(said[-20:]))
    return Purged(
        p99=statistics.median(ratios) if ratios else math.nan,
        idle=1000 * statistics.median(idles) if idles else math.nan,
        rows_a_second=deleted / busy,
        runs=run + 1,
        lines=lines,
        memory=memory,
    )


def _beside(store: Database, command: Command, seconds: float) -> list[float]:
    command.wait_for_a_line()
    return watch(store, lambda since: command.is_running() and since < seconds)


def watch(store: Database, goes_on: Callable[[float], bool]) -> list[float]:
    """Seconds that each `add` takes; the next is called after a moment of rest."""
    taken = []
    start = time.monotonic()
    while goes_on(time.monotonic() - start):
        time.sleep(REST)
        key, exp = new_key(), int(time.time()) + DAY
        called = time.perf_counter()
        added = store.backend.add(key, exp)
        taken.append(time.perf_counter() - called)
        if not added:
            raise SystemExit("A new key was there already.")
    return taken


def p99(taken: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(taken, n=100)[-1]
