"""BL-5, BL-8, BL-9 and BL-20: what time does to entries. One history of seconds serves all."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.backend_calls import HOUR, live_expiries
from djwto.spec_tests.backend_values import needs_values
from djwto.spec_tests.registry import Broken, clause, expect
from djwto.spec_tests.subject import Subject, new_key

LIFE = 4
"""Seconds that the entries live for whose end is awaited."""

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
    purged: int = -1
    expired: int = 0
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


ADDED = "added"


def _courses(now: int) -> list[Course]:
    soon, gone = now + LIFE, now - 1_000
    courses = []
    for name, exp in live_expiries().items():
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
            except Exception as error:
                history.set_refused.append(f"an entry {course.done} raised {error!r}")
    return keys


@lru_cache(maxsize=4)
def _history(subject: Subject) -> History:
    backend = subject.make()
    history = History()
    backend.purge()
    now = int(time.time())
    ends = {new_key(): now + LIFE + number % 2 for number in range(6)}
    live = {new_key(): exp for exp in (*live_expiries().values(), now + HOUR)}
    elapsed = {new_key(): exp for exp in (now - 1, now - 1_000, now - HOUR * 24 * 400, 1)}
    for key, exp in (ends | live).items():
        backend.add(key, exp)
    for key, exp in elapsed.items():
        try:
            backend.add(key, exp)
        except Exception as error:
            history.elapsed_refused.append(f"add({key!r}, {exp}) raised {error!r}")
    courses = _courses(now) if backend.supports_values else []
    set_ = _follow(backend, courses, history)
    last = now + LIFE + 1
    set_live = {key: course for key, course in set_.items() if (course.exp or last) >= last}
    set_to_end = {key: course for key, course in set_.items() if key not in set_live}
    set_soon = {key: course for key, course in set_to_end.items() if course.exp == now + LIFE}
    # To the last moment: an entry that ends a second early is gone by then.
    while (moment := time.time()) < min(ends.values()) - 0.1:
        for key, exp in ends.items():
            if not backend.contains(key) and time.time() < exp:
                history.missing_before.append(
                    f"contains({key!r}) {exp - moment:.1f} s before its exp: expected True"
                )
        found = backend.get_many(list(set_soon))
        if time.time() < now + LIFE:
            history.set_lost += [
                f"an entry {course.done}, {now + LIFE - moment:.1f} s before its exp"
                for key, course in set_soon.items()
                if found.get(key) != "0"
            ]
        time.sleep(0.1)
    time.sleep(max(0.0, max(ends.values()) + GRACE - time.time()))
    history.expired = len(ends) + len(elapsed) + len(set_to_end)
    history.purged = backend.purge()
    history.purged_again = backend.purge()
    for key, exp in ends.items():
        if backend.contains(key):
            history.left_after.append(f"contains({key!r}), expired at {exp}, after purge()")
    for key, exp in elapsed.items():
        if backend.contains(key):
            history.elapsed_left.append(f"contains({key!r}), expired at {exp}, after purge()")
    for key, exp in live.items():
        if not backend.contains(key):
            history.live_lost.append(f"contains({key!r}), which lives until {exp}")
    found = backend.get_many(list(set_))
    for key, course in set_live.items():
        if found.get(key) != "0" or not backend.contains(key):
            history.set_lost.append(f"an entry {course.done}, after purge()")
    for key, course in set_to_end.items():
        if key in found or backend.contains(key):
            history.set_left.append(f"an entry {course.done}, after its end and purge()")
    return history


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


@clause("BL-8")
def purge_frees_the_expired(subject: Subject) -> None:
    history = _history(subject)
    _none(history.left_after, "expected False, saw True")
    if history.purged not in (0, history.expired):
        raise Broken(
            f"purge() with {history.expired} expired entries: expected {history.expired}, or 0 "
            f"of a store that expires them itself, saw {history.purged!r}"
        )
    expect("purge() straight after purge()", history.purged_again, 0)


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


def _none(found: list[str], verdict: str) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Broken(f"{found[0]}, {verdict}{more}")
