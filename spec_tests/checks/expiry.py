"""BL-5, BL-8, BL-9 and BL-20: what time does to entries. One history serves all.

Where the store goes by Python's clock, that is set forward: to the end of entries that live for
seconds, and of those that live for decades. Elsewhere the history is one of seconds, awaited.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle
from typing import Any

from djwto.blacklist import BlacklistBackend
from djwto.claims import LAST_NUMERIC_DATE
from djwto.spec_tests import profile
from djwto.spec_tests.checks.calls import HOUR, frees_all, live_expiries, more_than_a_batch
from djwto.spec_tests.checks.races import beside_purges
from djwto.spec_tests.checks.values import needs_values
from djwto.spec_tests.clock import Clock, SetForward, clock_of, goes_by_python
from djwto.spec_tests.registry import Broken, clause, expect
from djwto.spec_tests.subject import Subject, new_key

WAITING = ("BL-5", "BL-8", "BL-9", "BL-20")
"""The clauses that one history serves."""

LIFE, LIFE_SET_FORWARD = 4, 600
"""Seconds that the entries live for whose end is awaited, or set forward to."""

BATCH_SECONDS = 5.0

GRACE = 3.5
"""Seconds after its `exp` in which a store may still hold an entry: stores round up."""


@dataclass
class History:
    """What was seen of a store before, at and after the end of its entries."""

    missing_before: list[str] = field(default_factory=list)
    left_after: list[str] = field(default_factory=list)
    elapsed_refused: list[str] = field(default_factory=list)
    elapsed_left: list[str] = field(default_factory=list)
    live_lost: list[str] = field(default_factory=list)
    purged: int = 0
    expired: int = 0
    expired_while_there: int = 0
    purged_again: int = -1
    set_refused: list[str] = field(default_factory=list)
    set_lost: list[str] = field(default_factory=list)
    set_left: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Course:
    """The calls that an entry is to get, and the `exp` that is in force after them."""

    done: str
    exp: int | None
    calls: tuple[tuple[str | None, int | None], ...]
    """What `compare_and_set` is to set "0" from, and an `exp`; ADDED is for `add`."""

    def outlives(self, moment: float) -> bool:
        """Whether the entry is to be there still."""
        return self.exp is None or self.exp > moment


ADDED = "added"


def _courses(now: int, life: int) -> list[Course]:
    soon = now + life
    courses = []
    elapsed = cycle((now - 1_000, now, 0))
    for (name, exp), gone in zip(live_expiries(life).items(), elapsed, strict=False):
        set_ = f"set to end {name}"
        added = f"added to end {name}"
        courses += [
            Course(set_, exp, ((None, exp),)),
            Course(f"set to end soon, then {set_}", exp, ((None, soon), ("0", exp))),
            Course(f"set never to end, then {set_}", exp, ((None, None), ("0", exp))),
            Course(f"added to end soon, then {set_}", exp, ((ADDED, soon), ("", exp))),
            Course(f"{set_}, then to end soon", soon, ((None, exp), ("0", soon))),
            Course(f"{added}, then set to end soon", soon, ((ADDED, exp), ("", soon))),
            Course(f"{set_}, then to an end gone by", gone, ((None, exp), ("0", gone))),
            # What is refused changes no end either.
            Course(
                f"{set_}, then refused to be set to end soon",
                exp,
                ((None, exp), (None, soon), ("?", soon), (ADDED, soon)),
            ),
            Course(
                f"set to end soon, then refused to be {set_}",
                soon,
                ((None, soon), (None, exp), ("?", exp), (ADDED, exp)),
            ),
        ]
    return courses


def _follow(
    backend: BlacklistBackend, courses: list[Course], history: History
) -> dict[str, Course]:
    keys = {new_key(): course for course in courses}
    for key, course in keys.items():
        for old, exp in course.calls:
            try:
                if old == ADDED:
                    backend.add(key, exp)
                else:
                    backend.compare_and_set(key, old, "0", exp)
                # What is remembered of this answer has to be forgotten when another `exp` is set.
                backend.contains(key)
            except Exception as error:
                history.set_refused.append(f"an entry {course.done} raised {error!r}")
    return keys


def _history(subject: Subject) -> History:
    return _history_of(subject, profile.current())


@lru_cache(maxsize=4)
def _history_of(subject: Subject, effort: str) -> History:
    with clock_of(subject) as clock:
        life = LIFE_SET_FORWARD if isinstance(clock, SetForward) else LIFE
        while True:
            with suppress(_TooSlow):
                return _Historian(subject, clock, life).history
            # Another that takes as long to write down its entries has time to do so.
            life *= 3


class _TooSlow(Exception):
    """Entries ended before all of them were there."""


class _Historian:
    """Adds and sets entries, and looks at them before, at and after their end."""

    def __init__(self, subject: Subject, clock: Clock, life: int) -> None:
        # Too many calls to write down; what is found says which entry it was.
        self.backend, self.other = subject.make_untaped(), subject.make_untaped()
        self.clock = clock
        self.history = History()
        self.backend.purge()
        self._add_elapsed()
        self._begin(life)
        self._look_until_the_end()
        self._look_after_the_end()
        if isinstance(clock, SetForward):
            self._look_at_the_end_of_the_others()

    def _add_elapsed(self) -> None:
        now = int(time.time())
        gone = (now, now - 1, now - HOUR * 9_600, 999_999_999, 1, 0)
        self.elapsed = {new_key(): exp for exp in gone}
        for key, exp in self.elapsed.items():
            try:
                self.backend.add(key, exp)
            except Exception as error:
                self.history.elapsed_refused.append(f"add({key!r}, {exp}) raised {error!r}")

    def _begin(self, life: int) -> None:
        backend, now = self.backend, int(time.time())
        self.end = now + life
        self.ends = {new_key(): self.end + number % 2 for number in range(6)}
        self.live = {new_key(): exp for exp in (*live_expiries(life).values(), now + HOUR)}
        for number, (key, exp) in enumerate((self.ends | self.live).items()):
            # One instance adds and another purges.
            (backend, self.other)[number % 2].add(key, exp)
        # What is refused changes no end.
        for number, key in enumerate(self.ends | self.live):
            (backend, self.other)[number % 2].add(key, (None, now + 1, now + HOUR)[number % 3])
        courses = _courses(now, life) if backend.supports_values else []
        self.set_ = _follow(backend, courses, self.history)
        self.set_live = {k: c for k, c in self.set_.items() if c.outlives(self.end)}
        self.set_to_end = {k: c for k, c in self.set_.items() if k not in self.set_live}
        if time.time() > self.end - 1:
            raise _TooSlow

    def _add_more_than_a_batch(self) -> None:
        """As many elapsed entries as a purge may take at a time, but for some seconds at most."""
        deadline = time.monotonic() + profile.seconds(BATCH_SECONDS)
        for _ in range(more_than_a_batch()):
            if time.monotonic() > deadline or self.history.elapsed_refused:
                return
            key, gone = new_key(), int(time.time()) - 1_000
            self.elapsed[key] = gone
            self.backend.add(key, gone)

    def _look_until_the_end(self) -> None:
        set_soon = {k: c for k, c in self.set_to_end.items() if c.exp == self.end}
        # To the last moment: an entry that ends a second early is gone by then.
        while (moment := time.time()) < self.end - 0.1:
            for key, exp in self.ends.items():
                if not self.backend.contains(key) and time.time() < exp:
                    self.history.missing_before.append(
                        f"contains({key!r}) {exp - moment:.1f} s before its exp: expected True"
                    )
            found = self.backend.get_many(list(set_soon))
            if time.time() < self.end:
                self.history.set_lost += [
                    f"an entry {course.done}, {self.end - moment:.1f} s before its exp"
                    for key, course in set_soon.items()
                    if found.get(key) != "0"
                ]
            self.history.purged += self._purge()
            # By half of what is left, each time.
            self.clock.wait_until(moment + max(0.1, (self.end - 0.1 - moment) / 2))

    def _look_after_the_end(self) -> None:
        backend, history = self.backend, self.history
        self._add_more_than_a_batch()
        self.clock.wait_until(max(*self.ends.values(), time.time()) + GRACE)
        history.expired = len(self.ends) + len(self.elapsed) + len(self.set_to_end)
        set_soon = [course for course in self.set_to_end.values() if course.exp == self.end]
        history.expired_while_there = len(self.ends) + len(set_soon)
        history.purged += self._purge()
        history.purged_again = self._purge()
        for key, exp in self.ends.items():
            if backend.contains(key):
                history.left_after.append(f"contains({key!r}), expired at {exp}, after purge()")
        for key, exp in self.elapsed.items():
            if backend.contains(key):
                history.elapsed_left.append(f"contains({key!r}), expired at {exp}, after purge()")
        self._look_at_the_live("after purge()")
        found = backend.get_many(list(self.set_))
        for key, course in self.set_to_end.items():
            if key in found or backend.contains(key):
                history.set_left.append(f"an entry {course.done}, after its end and purge()")

    def _purge(self) -> int:
        freed: object = self.backend.purge()
        if type(freed) is not int:
            raise Broken(f"purge(): expected an int, saw {freed!r}")
        return freed

    def _look_at_the_live(self, when: str) -> None:
        found = self.backend.get_many(list(self.set_live))
        now = time.time()
        for key, exp in self.live.items():
            if (exp is None or exp > now) and not self.backend.contains(key):
                self.history.live_lost.append(f"contains({key!r}), alive until {exp}, {when}")
        for key, course in self.set_live.items():
            there = found.get(key) == "0" and self.backend.contains(key)
            if course.outlives(now) and not there:
                self.history.set_lost.append(f"an entry {course.done}, {when}")

    def _look_at_the_end_of_the_others(self) -> None:
        expiries = {exp for exp in self.live.values() if exp is not None}
        for exp in sorted(expiries - {LAST_NUMERIC_DATE}):
            self.clock.wait_until(exp - 1)
            self.backend.purge()
            self._look_at_the_live(f"a second before {exp}")
            self.clock.wait_until(exp + GRACE)
            self.backend.purge()
            ended = [key for key, end in self.live.items() if end == exp]
            set_ended = [key for key, course in self.set_live.items() if course.exp == exp]
            for key in ended:
                del self.live[key]
                if self.backend.contains(key):
                    self.history.left_after.append(
                        f"contains({key!r}), expired at {exp}, after purge()"
                    )
            for key in set_ended:
                course = self.set_live.pop(key)
                if self.backend.contains(key):
                    self.history.set_left.append(
                        f"an entry {course.done}, after its end and purge()"
                    )


@clause("BL-5")
def contained_until_exp(subject: Subject) -> None:
    backend = subject.make()
    expect("contains() of a key that was never added", backend.contains(new_key()), False)
    for name, exp in live_expiries().items():
        key = new_key()
        backend.add(key, exp)
        expect(f"contains({key!r}), which expires {name}", backend.contains(key), True)
    history = _history(subject)
    _none(history.missing_before, "saw False")
    _none(history.live_lost, "expected True, saw False")
    if profile.current() != "quick" and goes_by_python(subject):
        _contained_while_it_is_awaited(backend)


def _contained_while_it_is_awaited(backend: BlacklistBackend) -> None:
    """Not by the clock alone: a store may have something that does its work by itself."""
    exp = int(time.time()) + 3
    keys = [new_key() for _ in range(3)]
    for key in keys:
        backend.add(key, exp)
    Clock().wait_until(exp - 0.1)
    for key in keys:
        seen = backend.contains(key)
        if time.time() < exp:
            expect(f"contains({key!r}) 0.1 s before its exp", seen, True)


@clause("BL-8")
def purge_frees_the_expired(subject: Subject) -> None:
    history = _history(subject)
    _none(history.left_after, "expected False, saw True")
    if history.purged not in (0, history.expired_while_there, history.expired):
        raise Broken(
            f"the answers of purge() with {history.expired} expired entries: expected them to add "
            f"up to {history.expired}, or {history.expired_while_there} of a store that keeps "
            f"nothing whose exp has passed already, or 0 of one that expires them itself, "
            f"saw {history.purged!r}"
        )
    expect("purge() straight after purge()", history.purged_again, 0)
    backend = subject.make_untaped()
    frees_all(
        "purge_in_batches()",
        backend,
        lambda: sum(backend.purge_in_batches()),
        more_than_a_batch(),
    )


@clause("BL-9")
def an_elapsed_exp_is_accepted(subject: Subject) -> None:
    history = _history(subject)
    _none(history.elapsed_refused, "expected an answer")
    _none(history.elapsed_left, "expected False, saw True")


@clause("BL-20")
def the_last_exp_is_in_force(subject: Subject) -> None:
    needs_values(subject)
    history = _history(subject)
    _none(history.set_refused, "expected an answer")
    _none(history.set_lost, "expected to be there, saw nothing of it")
    _none(history.set_left, "expected to be gone, saw it there")
    _prolonged_beside_a_purge(subject)


def _prolonged_beside_a_purge(subject: Subject) -> None:
    backend = subject.make_untaped()
    now = int(time.time())

    def expired(key: str) -> None:
        backend.compare_and_set(key, None, "0", now - 2)

    def prolong(key: str) -> tuple[Any, ...]:
        return ("compare_and_set", key, "0", "1", now + HOUR)

    for key, answers in beside_purges(subject, expired, prolong):
        if True in answers:
            done = f"get_many([{key!r}]), expired and set to live on beside a purge()"
            expect(done, backend.get_many([key]), {key: "1"})


def _none(found: list[str], verdict: str) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Broken(f"{found[0]}, {verdict}{more}")
