"""The clock that a store goes by: Python's, which can be set forward, or one of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import time_machine

from djwto.spec_tests.subject import Subject, new_key

HOUR = 3600


class Clock:
    """Waits by sleeping, as one has to for a server."""

    def wait_until(self, moment: float) -> None:
        """Returns at this time in epoch seconds, or at once if it has passed."""
        time.sleep(max(0.0, moment - time.time()))


class SetForward(Clock):
    """Waits by setting Python's clock forward, for the whole process."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller

    def wait_until(self, moment: float) -> None:
        if (ahead := moment - time.time()) > 0:
            self.traveller.shift(ahead)


@contextmanager
def set_forward() -> Iterator[Clock]:
    """While entered, a clock whose hours take no time. It is right again afterwards."""
    with time_machine.travel(time.time(), tick=True) as traveller:
        yield SetForward(traveller)


@contextmanager
def clock_of(subject: Subject) -> Iterator[Clock]:
    """The clock to wait by for what a store does."""
    if not goes_by_python(subject):
        yield Clock()
        return
    with set_forward() as clock:
        yield clock


@lru_cache(maxsize=4)
def goes_by_python(subject: Subject) -> bool:
    """Whether the store takes an entry for expired once Python's clock says so."""
    with set_forward() as clock:
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
