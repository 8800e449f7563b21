"""BL-1, BL-4, BL-6 and BL-10 to BL-12: what single calls of a backend answer."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import transaction

from djwto.blacklist import BlacklistBackend
from djwto.claims import LAST_NUMERIC_DATE
from djwto.spec_tests import profile
from djwto.spec_tests.clock import SetForward, clock_of
from djwto.spec_tests.other_process import OtherProcess
from djwto.spec_tests.registry import Broken, clause, expect
from djwto.spec_tests.subject import Subject, close_connections, new_key

MINUTE, HOUR, DAY = 60, 3600, 86_400
YEAR = 365 * DAY

FEWEST_IN_A_BATCH = 220
"""Elapsed entries for one purge, on a slow store: it may take a hundred at a time."""

MANY_SECONDS = 1.5
"""On a slow store, calls of which there are many end after this, but not before the fewest."""


def live_expiries(after: int = 0) -> dict[str, int | None]:
    """Times that are yet to come, near and far: where stores have their limits.

    The first is so many seconds from now, and 30.
    """
    now = int(time.time())
    return {
        f"in {after + 30} seconds": now + after + 30,
        "in an hour": now + HOUR,
        "in 13 hours": now + 13 * HOUR,
        "in 31 days": now + 31 * DAY,
        "in 10 years": now + 10 * YEAR,
        "at 2**31 - 1": 2**31 - 1,
        "at 2**31": 2**31,
        "at 2**32 + 1": 2**32 + 1,
        "at 10**10": 10**10,
        "at the end of the year 9999": LAST_NUMERIC_DATE,
        "never": None,
    }


@clause("BL-1")
def add_is_true_once(subject: Subject) -> None:
    first, second = subject.make(), subject.make()
    for name, exp in live_expiries().items():
        key = new_key()
        expect(f"add({key!r}) that expires {name}", first.add(key, exp), True)
        expect(f"add({key!r}) again", first.add(key, exp), False)
        expect(f"add({key!r}) on another instance", second.add(key, exp), False)
        expect(f"add({key!r}, None) a third time", first.add(key, None), False)
        expect(f"contains({key!r}) after that", first.contains(key), True)


@clause("BL-4")
def added_is_visible_everywhere(subject: Subject) -> None:
    backend, older = subject.make(), subject.make()
    for exp in (int(time.time()) + HOUR, None):
        key = new_key()
        expect(f"contains({key!r}) on an instance that is to see it", older.contains(key), False)
        backend.add(key, exp)
        expect(f"contains({key!r}) on an older instance", older.contains(key), True)
        expect(f"contains({key!r}) on a newer instance", subject.make().contains(key), True)
        expect(
            f"contains({key!r}) in another thread",
            in_thread(partial(backend.contains, key)),
            True,
        )
    key = new_key()
    with transaction.atomic():
        expect(f"add({key!r}) in a transaction", backend.add(key, None), True)
        expect(f"contains({key!r}) in that transaction", backend.contains(key), True)
    expect(f"contains({key!r}) after its commit", older.contains(key), True)
    if not backend.supports_processes:
        return
    with OtherProcess(subject, passing=True) as other:
        for _ in range(5):
            key = new_key()
            backend.add(key, int(time.time()) + HOUR)
            expect(f"contains({key!r}) in another process", other.ask("contains", key), True)
            key = new_key()
            other.ask("add", key, None)
            expect(f"contains({key!r}), added by another process", backend.contains(key), True)
    done = f"contains({key!r}), added by another process that has ended"
    expect(done, backend.contains(key), True)


def in_thread(call: Callable[[], Any]) -> Any:
    """What a call answers in a thread of its own."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(call())
        finally:
            close_connections()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers[0] if answers else "an exception"


@clause("BL-6")
def never_is_never(subject: Subject) -> None:
    backend = subject.make()
    keys = [new_key() for _ in range(20)]
    for key in keys:
        backend.add(key, None)
    backend.purge()
    for key in keys:
        expect(f"contains({key!r}), added with None, after purge()", backend.contains(key), True)
    with clock_of(subject) as clock:
        if isinstance(clock, SetForward):
            clock.wait_until(time.time() + 100 * YEAR)
            backend.purge()
            for key in keys:
                done = f"contains({key!r}), added with None, after a hundred years and purge()"
                expect(done, backend.contains(key), True)


@clause("BL-10")
def a_thousand_live_entries_stay(subject: Subject) -> None:
    backend = subject.make()
    exp = int(time.time()) + HOUR
    keys = []
    for number in _many(1_100, 5_000):
        keys.append(new_key())
        backend.add(keys[-1], None if number % 10 == 0 else exp)
    found: set[str] = set()
    for first in range(0, len(keys), 100):
        found.update(backend.get_many(keys[first : first + 100]))
        found -= {key for key in keys[first : first + 10] if not backend.contains(key)}
    lost = [number for number, key in enumerate(keys) if key not in found]
    if lost:
        raise Broken(
            f"after adding {len(keys)} live entries: expected all of them, saw {len(lost)} gone, "
            f"the first of them number {lost[0] + 1}"
        )


@clause("BL-11")
def keys_are_told_apart(subject: Subject) -> None:
    backend = subject.make()
    exp = int(time.time()) + HOUR
    for key in shapes_of_keys():
        backend.add(key, exp)
        for near in neighbours(key):
            done = f"after add({key!r})"
            expect(f"contains({near!r}) {done}", backend.contains(near), False)
        for near in dict.fromkeys(neighbours(key)):
            expect(f"add({near!r}) after add({key!r})", backend.add(near, exp), True)
    _none_is_found_by_chance(backend)


def _none_is_found_by_chance(backend: BlacklistBackend) -> None:
    """Many keys and many that are asked for: one of 24 bits that is kept of each is two's soon."""
    exp = int(time.time()) + HOUR
    for _ in _many(400, 1_000):
        backend.add(uuid.uuid4().hex, exp)
    done = "never added, beside hundreds of others"
    for _ in _many(500, 2_000):
        key = uuid.uuid4().hex
        expect(f"contains({key!r}), {done}", backend.contains(key), False)
    for _ in _many(4, 400):
        keys = [secrets.token_hex(16) for _ in range(500)]
        expect(f"get_many() of 500 keys, {done}", backend.get_many(keys), {})


def _many(fewest: int, most: int) -> Iterator[int]:
    """So many numbers, from 0 on; on a slow store fewer, but not fewer than the fewest."""
    deadline = time.monotonic() + profile.seconds(MANY_SECONDS)
    for number in range(most):
        if number >= fewest and time.monotonic() > deadline:
            return
        yield number


def shapes_of_keys() -> list[str]:
    """A key of each form that the core makes."""
    digests = [uuid.uuid4().hex + uuid.uuid4().hex for _ in range(2)]
    short = uuid.uuid4().hex[:7]
    number = f"00{uuid.uuid4().int % 10**11}e5"
    return [str(uuid.uuid4()), uuid.uuid4().hex, short, number, digests[0], "~" + digests[1]]


def neighbours(key: str) -> Iterator[str]:
    """Keys that differ from one by as little as can be."""
    for at in (0, len(key) // 4, len(key) // 2, len(key) - 1):
        if key[at] in "0123456789abcdef":
            yield key[:at] + ("0" if key[at] != "0" else "1") + key[at + 1 :]
    yield key[:-1]
    yield key[1:]
    if len(key) < 65:
        yield from (key + "0", key + "-", "0" + key, "-" + key, "~" + key)
    if "-" in key:
        yield key.replace("-", "")
    if key.startswith("~"):
        yield key[1:]


@clause("BL-12")
def answers_are_of_their_types(subject: Subject) -> None:
    backend = subject.make()
    key, set_, changed = new_key(), new_key(), new_key()
    changes: list[tuple[str, Any, type]] = []
    if backend.supports_values:
        backend.add(changed, None)
        done = "compare_and_set() from"
        changes = [
            (f"{done} its value", backend.compare_and_set(changed, "", "1", None), bool),
            (f"{done} another value", backend.compare_and_set(changed, "", "1", None), bool),
        ]
    for done, seen, wanted in (
        ("contains() of a new key", backend.contains(key), bool),
        ("add() of a new key", backend.add(key, int(time.time()) + HOUR), bool),
        ("add() of the same key", backend.add(key, None), bool),
        ("contains() of an added key", backend.contains(key), bool),
        ("add() of an elapsed key", backend.add(new_key(), int(time.time()) - DAY), bool),
        ("compare_and_set() of a new key", backend.compare_and_set(set_, None, "", None), bool),
        ("compare_and_set() of the same", backend.compare_and_set(set_, None, "", None), bool),
        *changes,
        ("purge()", backend.purge(), int),
        ("purge() with nothing to do", backend.purge(), int),
    ):
        if type(seen) is not wanted:
            raise Broken(f"{done}: expected {wanted.__name__}, saw {seen!r}")


def more_than_a_batch() -> int:
    """How many elapsed entries to have purged at once: it may take a thousand at a time."""
    return profile.times(1_100, fewest=FEWEST_IN_A_BATCH)


def frees_all(
    done: str, backend: BlacklistBackend, purge: Callable[[], object], most: int = 5
) -> None:
    """Raises Broken unless a purge frees what has expired, and counts it."""
    backend.purge()
    elapsed = _many(min(most, FEWEST_IN_A_BATCH), most)
    count = len([backend.add(new_key(), int(time.time()) - DAY) for _ in elapsed])
    freed = purge()
    if freed not in (0, count):
        raise Broken(f"{done} with {count} expired entries: expected {count} or 0, saw {freed!r}")
    expect(f"purge() straight after {done}", backend.purge(), 0)
