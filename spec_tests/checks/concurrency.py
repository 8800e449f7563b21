"""BL-21: calls that overlap are answered as if they had been made one after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests import profile
from djwto.spec_tests.checks.calls import HOUR
from djwto.spec_tests.checks.races import Caller, other_caller, threads
from djwto.spec_tests.interleaving import Jitter
from djwto.spec_tests.linearizability import Call, Unknown, contradiction
from djwto.spec_tests.other_process import AT_ONCE, OtherProcess
from djwto.spec_tests.registry import Broken, clause
from djwto.spec_tests.subject import Subject, new_key

INSTANCES = 3
KEYS = 5
CALLS = 15
"""So many of each caller a round: few enough that the order of a key's calls is found at once."""

ROUNDS = 60
FEWEST_ROUNDS = 12
SECONDS = 1.5
"""On a slow store the rounds end after this many, but not before the fewest, or two thirds of
them where it is to be quick."""

HEAD_START = 2_000_000
"""Nanoseconds in which all callers get ready to begin together."""


@clause("BL-21")
def overlapping_calls_have_an_order(subject: Subject) -> None:
    with _callers(subject) as callers:
        deadline = time.monotonic() + profile.seconds(SECONDS)
        fewest = profile.times(FEWEST_ROUNDS, fewest=FEWEST_ROUNDS * 2 // 3)
        for number in range(profile.times(ROUNDS, fewest=fewest)):
            if number >= fewest and time.monotonic() > deadline:
                return
            for key, history in _round(callers).items():
                if found := contradiction(history):
                    done = f"calls with key={key!r} that overlap in time"
                    raise Broken(f"{done}: expected them to have an order, but {found}")


@contextmanager
def _callers(subject: Subject) -> Iterator[dict[str, Caller]]:
    """Two threads for each of some instances, and processes where the store has room for more."""
    with ExitStack() as stack:
        callers: dict[str, Caller] = {}
        if subject.make().supports_processes:
            others = [stack.enter_context(OtherProcess(subject)) for _ in range(AT_ONCE)]
            for number, other in enumerate(others, 1):
                caller = stack.enter_context(other_caller(subject, other))
                callers[f"process {number}"] = caller
        here = stack.enter_context(threads(subject, 2 * INSTANCES, INSTANCES))
        yield callers | {f"thread {number}": caller for number, caller in enumerate(here, 1)}


def _round(callers: dict[str, Caller]) -> dict[str, list[Call]]:
    """The calls that all of them made at the same time, by keys."""
    keys = [new_key() for _ in range(KEYS)]
    begin = time.monotonic_ns() + HEAD_START
    for who, caller in callers.items():
        caller.start(Jitter(), (call_at_random, who, keys, begin, random.getrandbits(32)))
    histories: dict[str, list[Call]] = {key: [] for key in keys}
    for who, caller in callers.items():
        answer = caller.result().answer
        if isinstance(answer, Exception):
            raise Broken(
                f"{who} among calls that overlap: expected answers, saw {answer!r} raised"
            )
        for key, call in answer:
            histories[key].append(call)
    return histories


def call_at_random(
    backend: BlacklistBackend, who: str, keys: list[str], begin: int, seed: int
) -> list[tuple[str, Call]]:
    """Makes random calls with some keys; each with the key that it says something of.

    Begins at a time of the clock that the calls are timed by, which is one for all processes of
    a machine: Linux, macOS and Windows count its nanoseconds from when the machine was started.
    """
    player = _Player(backend, who, random.Random(seed))
    time.sleep(max(0, begin - time.monotonic_ns()) / 1e9)
    for number in range(CALLS):
        # All go on to the next key together: much of what goes wrong does when a key is new.
        at = number * KEYS // CALLS
        player.play(keys[max(0, at - 1) : at + 2])
    return player.calls


@dataclass(slots=True)
class _Player:
    backend: BlacklistBackend
    who: str
    chance: random.Random
    known: dict[str, str | None] = field(default_factory=dict)
    """The value of each key as this caller saw it last."""
    calls: list[tuple[str, Call]] = field(default_factory=list)

    def play(self, keys: list[str]) -> None:
        """Makes one call, with one of some keys or with all of them."""
        plays: dict[Callable[[str], None], int] = {
            self._add: 3,
            self._contains: 3,
            partial(self._get_many, keys): 3,
            self._compare_and_set: 5 if self.backend.supports_values else 0,
            self._purge: 1,
        }
        (play,) = self.chance.choices(list(plays), list(plays.values()))
        play(self.chance.choice(keys))

    def _exp(self) -> int | None:
        return self.chance.choice([None, int(time.time()) + HOUR])

    def _add(self, key: str) -> None:
        self._call("add", key, self._exp())

    def _contains(self, key: str) -> None:
        self._call("contains", key)

    def _get_many(self, keys: list[str], key: str) -> None:
        keys = self.chance.choice([[key], keys])
        timed = self._timed("get_many", keys)
        if isinstance(timed.answer, Unknown):
            return
        for key in keys:
            found = {key: timed.answer[key]} if key in timed.answer else {}
            self.known[key] = found.get(key)
            call = Call("get_many", ([key],), found, timed.start, timed.end, self.who)
            self.calls.append((key, call))

    def _compare_and_set(self, key: str) -> None:
        old = self.known.get(key) if self.chance.random() < 0.8 else ""
        # No value is set twice, but where the entry is only to stay for longer.
        new = f"{self.who}-{len(self.calls)}".replace(" ", "-")
        if old and self.chance.random() < 0.2:
            new = old
        if self._call("compare_and_set", key, old, new, self._exp()) is True:
            self.known[key] = new

    def _purge(self, key: str) -> None:
        with suppress(BlacklistUnavailable):
            self.backend.purge()

    def _call(self, method: str, key: str, *arguments: Any) -> Any:
        call = self._timed(method, key, *arguments)
        self.calls.append((key, call))
        return call.answer

    def _timed(self, method: str, *arguments: Any) -> Call:
        start = time.monotonic_ns()
        try:
            answer = getattr(self.backend, method)(*arguments)
        except BlacklistUnavailable as error:
            answer = Unknown(f"raised {error!r}")
        return Call(method, arguments, answer, start, time.monotonic_ns(), self.who)
