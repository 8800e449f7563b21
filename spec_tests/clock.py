"""The clock that a store goes by: Python's, which can be set forward, or one of its own.

A store that runs in a process of its own, and is Python as well, has its clock set along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from djwto.spec_tests.subject import Subject, new_key
from djwto.spec_tests.travel import travelling

HOUR = 3600


class Clock:
    """Waits by sleeping, as one has to for a server."""

    def wait_until(self, moment: float) -> None:
        """Returns at this time in epoch seconds, or at once if it has passed."""
        time.sleep(max(0.0, moment - time.time()))


class SetForward(Clock):
    """Waits by setting clocks forward: Python's, for the whole process, and the store's."""

    def __init__(self, *shifts: Callable[[float], None]) -> None:
        self.shifts = shifts
        self.ahead = 0.0

    def wait_until(self, moment: float) -> None:
        if (ahead := moment - time.time()) > 0:
            self.ahead += ahead
            for shift in self.shifts:
                shift(ahead)


@contextmanager
def set_forward(subject: Subject) -> Iterator[Clock]:
    """While entered, a clock whose hours take no time. It is right again afterwards."""
    with travelling() as shift:
        if subject.shift_clock is None:
            yield SetForward(shift)
            return
        clock = SetForward(shift, subject.shift_clock)
        try:
            yield clock
        finally:
            subject.shift_clock(-clock.ahead)


@contextmanager
def clock_of(subject: Subject) -> Iterator[Clock]:
    """The clock to wait by for what a store does."""
    if not goes_by_python(subject):
        yield Clock()
        return
    with set_forward(subject) as clock:
        yield clock


def with_hours_to_pass(subject: Subject, play: Callable[[Clock], None]) -> None:
    """Plays with a clock whose hours take no time; not at all where a store has its own."""
    with clock_of(subject) as clock:
        if isinstance(clock, SetForward):
            play(clock)


@lru_cache(maxsize=4)
def goes_by_python(subject: Subject) -> bool:
    """Whether the store takes an entry for expired once the clock set forward says so."""
    with set_forward(subject) as clock:
        # One that raises is not to be judged here: the clauses say what is wrong with it.
        try:
            backend, key = subject.make_untaped(), new_key()
            exp = int(time.time()) + HOUR
            backend.add(key, exp)
            clock.wait_until(exp + HOUR)
            backend.purge()
            return backend.contains(key) is False
        except Exception:
            return False
