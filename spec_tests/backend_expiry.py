"""BL-5, BL-8 and BL-9: what time does to entries. One history of seconds serves all three."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache

from djwto.spec_tests.backend_calls import HOUR, live_expiries
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
    # To the last moment: an entry that ends a second early is gone by then.
    while (moment := time.time()) < min(ends.values()) - 0.1:
        for key, exp in ends.items():
            if not backend.contains(key) and time.time() < exp:
                history.missing_before.append(
                    f"contains({key!r}) {exp - moment:.1f} s before its exp: expected True"
                )
        time.sleep(0.1)
    time.sleep(max(0.0, max(ends.values()) + GRACE - time.time()))
    history.expired = len(ends) + len(elapsed)
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


def _none(found: list[str], verdict: str) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Broken(f"{found[0]}, {verdict}{more}")
