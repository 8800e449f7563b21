"""BL-2, BL-3 and BL-7: what is answered to those who add a key at once, or purge beside it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import Empty, Queue, SimpleQueue
from typing import Any

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import profile
from djwto.spec_tests.checks.calls import live_expiries
from djwto.spec_tests.interleaving import (
    NEVER,
    Call,
    Hold,
    Interruption,
    Jitter,
    Outcome,
    Pause,
    Steps,
    Word,
    bound,
    interrupted,
    own_packages,
)
from djwto.spec_tests.other_process import OtherProcess
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.subject import Subject, close_connections, new_key
from djwto.spec_tests.watch import PATIENCE

THREADS = 6
INSTANCES = 2
ROUNDS = 90
FEWEST_ROUNDS = 24
SECONDS = 1.2
"""On a slow store the rounds end after this many, but not before the fewest."""

PURGING = 3
"""Threads of which one purges."""

BLOCKED = 0.03
"""Seconds in which a call answers, unless it waits for one that is held."""

LAST_PATIENCE = 2
"""Seconds for a call that nobody waits for any more."""

GOLDEN = 0.618034
"""Steps of this length around a circle leave no part of it out for long."""


@clause("BL-2")
def one_thread_is_first(subject: Subject) -> None:
    with threads(subject) as callers:
        for key, answers in rounds(callers, lambda key, number: ("add", key, None)):
            one_first(f"{len(answers)} threads added {key!r} at once", answers)
        # Where an expired entry has to make way first, that is part of the one step.
        expired = partial(add_expired, subject.make_untaped())
        for key, answers in rounds(callers, lambda key, number: ("add", key, None), expired):
            done = f"{len(answers)} threads added {key!r}, whose exp had passed, at once"
            one_first_at_most(done, answers)


@clause("BL-3")
def one_process_is_first(subject: Subject) -> None:
    if subject.make().supports_processes:
        _processes_add_at_once(subject)
        return
    try:
        _processes_add_at_once(subject)
    except Broken:
        raise NotApplicable(
            "this store lives in one process (supports_processes is False)"
        ) from None
    raise Broken(
        "supports_processes is False: expected processes not to share the store, saw exactly one "
        "of them be first each time. Leave the attribute out, which says True"
    )


def _processes_add_at_once(subject: Subject) -> None:
    with OtherProcess(subject) as other, processes(subject, other) as callers:
        for key, answers in rounds(callers, lambda key, number: ("add", key, None)):
            one_first(f"{len(answers)} processes added {key!r} at once", answers)


@clause("BL-7")
def purge_takes_nothing_live(subject: Subject) -> None:
    backend = subject.make()
    keys = {name: new_key() for name in live_expiries()}
    for name, exp in live_expiries().items():
        backend.add(keys[name], exp)
    purges = (
        ("purge()", backend.purge),
        ("purge() on another instance", subject.make().purge),
        ("purge_in_batches()", lambda: sum(backend.purge_in_batches())),
    )
    for purged, purge in purges:
        purge()
        for name, key in keys.items():
            done = f"contains({key!r}), which expires {name}, after {purged}"
            expect(done, backend.contains(key), True)
            expect(f"add({key!r}) of it", backend.add(key, None), False)
    asked = beside_purges(
        subject, lambda key: backend.add(key, None), lambda key: ("contains", key)
    )
    for key, answers in asked:
        expect(f"contains({key!r}) in threads, beside purge()", answers, [True] * len(answers))


def beside_purges(
    subject: Subject, before: Callable[[str], object], call: Callable[[str], Call]
) -> Iterator[tuple[str, list[Any]]]:
    """Keys, each with what threads were answered to a call with it while another purged."""
    with threads(subject, PURGING) as callers:
        calls = rounds(callers, lambda key, at: call(key) if at else ("purge",), before)
        for key, (_, *answers) in calls:
            yield key, answers


def add_expired(backend: BlacklistBackend, key: str) -> None:
    """Adds a key whose `exp` has passed."""
    backend.add(key, int(time.time()) - 2)


def one_first(done: str, answers: Sequence[Any]) -> None:
    """Raises Broken unless one of the answers is True, and no call raised."""
    if (firsts := _firsts(done, answers)) != 1:
        raise Broken(f"{done}: expected True for one of them, saw it for {firsts}")


def one_first_at_most(done: str, answers: Sequence[Any]) -> None:
    """Raises Broken if more than one of the answers is True, or a call raised."""
    if (firsts := _firsts(done, answers)) > 1:
        raise Broken(f"{done}: expected True for one of them at most, saw it for {firsts}")


def _firsts(done: str, answers: Sequence[Any]) -> int:
    for answered in answers:
        if isinstance(answered, Exception):
            raise Broken(f"{done}: expected an answer for each, and one raised {answered!r}")
    return sum(answered is True for answered in answers)


class Caller:
    """A thread that makes one call after the other, each interrupted as it is told to be."""

    def __init__(self, make: Callable[[Call, Interruption, Pause], Outcome]) -> None:
        self.make = make
        self.todo: SimpleQueue[tuple[Interruption, Call] | None] = SimpleQueue()
        # A SimpleQueue of CPython 3.10 waits for ever if its time is over as it begins to wait.
        self.said: Queue[Word | Outcome] = Queue()
        self.free = threading.Event()
        self.outcome: Outcome | None = None
        # One that a backend never answers must not keep the suite from ending.
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def start(self, how: Interruption, call: Call) -> None:
        """Has a call made, and does not wait."""
        self.call = call
        self.outcome = None
        self.free.clear()
        self.todo.put((how, call))

    def settle(self, seconds: float) -> None:
        """Waits until the call is held or over, but no longer than so many seconds."""
        try:
            said = self.said.get(timeout=max(0.0, seconds))
        except Empty:
            return
        if isinstance(said, Outcome):
            self.outcome = said

    def go_on(self) -> None:
        """Lets the call go on, if it is held, and does not hold it any more."""
        self.free.set()

    def result(self) -> Outcome:
        """How the call ended."""
        deadline = time.monotonic() + PATIENCE
        while self.outcome is None:
            if time.monotonic() > deadline:
                method, *arguments = self.call
                called = f"{method}({', '.join(map(repr, arguments))})"
                raise Broken(f"{called} in a thread: expected an answer, saw none in {PATIENCE} s")
            self.settle(PATIENCE)
        return self.outcome

    def end(self) -> None:
        """Ends the thread, unless it never will."""
        self.go_on()
        self.todo.put(None)
        self.thread.join(timeout=PATIENCE if self.outcome else LAST_PATIENCE)

    def _run(self) -> None:
        try:
            while todo := self.todo.get():
                how, call = todo
                self.said.put(self._outcome(how, call))
        finally:
            close_connections()

    def _outcome(self, how: Interruption, call: Call) -> Outcome:
        try:
            return self.make(call, how, self._pause)
        except Exception as error:
            return Outcome(error)

    def _pause(self) -> None:
        if not self.free.is_set():
            self.said.put(Word.HELD)
            self.free.wait()


def _here(
    backend: BlacklistBackend,
    packages: frozenset[str],
    call: Call,
    how: Interruption,
    pause: Pause,
) -> Outcome:
    return interrupted(bound(backend, call), packages, how, pause)


@contextmanager
def threads(
    subject: Subject, count: int = THREADS, instances: int = INSTANCES
) -> Iterator[list[Caller]]:
    """So many threads of this process, which share so many instances."""
    backends = [subject.make_untaped() for _ in range(instances)]
    packages = own_packages(subject)
    callers = [Caller(partial(_here, backends[n % instances], packages)) for n in range(count)]
    try:
        yield callers
    finally:
        for caller in callers:
            caller.end()


@contextmanager
def other_caller(subject: Subject, other: OtherProcess) -> Iterator[Caller]:
    """Another process."""
    caller = Caller(partial(other.interrupted, own_packages(subject)))
    try:
        yield caller
    finally:
        caller.end()


@contextmanager
def processes(subject: Subject, other: OtherProcess) -> Iterator[list[Caller]]:
    """This process and another, as one caller each."""
    with threads(subject, 1) as here, other_caller(subject, other) as there:
        yield [*here, there]


def rounds(
    callers: list[Caller],
    call: Callable[[str, int], Call],
    before: Callable[[str], object] = lambda key: None,
) -> Iterator[tuple[str, list[Any]]]:
    """Keys, each with what the callers were answered, or raised, that made a call with it at once.

    The call is that for a key and for one of the callers. In two rounds of three one caller or
    two are held within their call until the others have been answered, each time at another of
    its steps: whatever there is between a look and a leap, a few dozen rounds come to it.
    """
    race = _Race(callers, call, before)
    deadline = time.monotonic() + profile.seconds(SECONDS)
    fewest = profile.times(FEWEST_ROUNDS, fewest=FEWEST_ROUNDS // 2)
    for number in range(profile.times(ROUNDS, fewest=fewest)):
        if number >= fewest and time.monotonic() > deadline:
            return
        yield race.round(number)


class _Race:
    def __init__(
        self,
        callers: list[Caller],
        call: Callable[[str, int], Call],
        before: Callable[[str], object],
    ) -> None:
        self.callers = callers
        self.call = call
        self.before = before
        self.chance = random.Random()
        self.begin = self.chance.random()
        # The first call of each connects to the store, which the ones to come need not.
        for caller in callers:
            self._alone(caller, None)
        start = time.monotonic()
        self.steps = self._alone(callers[0], NEVER)
        self.blocked = max(BLOCKED, 4 * (time.monotonic() - start))

    def _alone(self, caller: Caller, how: Interruption) -> Steps:
        key = self._key()
        caller.start(how, self.call(key, self.callers.index(caller)))
        outcome = caller.result()
        if isinstance(outcome.answer, Exception):
            raise outcome.answer
        return outcome.steps

    def _key(self) -> str:
        key = new_key()
        self.before(key)
        return key

    def round(self, number: int) -> tuple[str, list[Any]]:
        key = self._key()
        calls = [(caller, self.call(key, at)) for at, caller in enumerate(self.callers)]
        self.chance.shuffle(calls)
        if number % 3 == 2:
            self._at_once(calls)
        else:
            self._between(calls, number)
        return key, [caller.result().answer for caller in self.callers]

    def _at_once(self, calls: list[tuple[Caller, Call]]) -> None:
        for caller, call in calls:
            caller.start(Jitter(), call)

    def _between(self, calls: list[tuple[Caller, Call]], number: int) -> None:
        """Has the others make their calls within that of the first, or of the first two."""
        most = min(2, len(calls) - 1)
        count = self.chance.randint(1, most)
        held, others = calls[:count], calls[count:]
        for at, (caller, call) in enumerate(held):
            caller.start(self._hold(number + at), call)
            caller.settle(self.blocked)
        for caller, call in others:
            caller.start(None, call)
        deadline = time.monotonic() + self.blocked
        for caller, _ in others:
            caller.settle(deadline - time.monotonic())
        for caller, _ in held:
            caller.go_on()

    def _hold(self, number: int) -> Hold:
        own = number % 3 == 0
        part = (self.begin + number // 3 * GOLDEN) % 1
        count = self.steps.own if own else self.steps.others
        return Hold(own, 1 + int(part * count))
