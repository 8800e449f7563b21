"""Revoked tokens as the core makes them, by the million."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator

DAY = 86_400
CHUNK = 1_000_000
SAMPLE = 20_000

Entry = tuple[str, int]
"""A key and its `exp`."""


def new_key() -> str:
    """The key of a session: its `jti`."""
    return str(uuid.uuid4())


def entries(count: int, first: int, last: int) -> Iterator[list[Entry]]:
    """So many entries, some at a time, whose `exp` goes from `first` to `last`.

    As if they had been added one after the other over that time. Within a chunk they come in the
    order of their keys: an index is filled in a fraction of the time, and as every chunk goes all
    over it, its pages are as full in the end as those of one that grew at random.
    """
    done = 0
    while done < count:
        size = min(CHUNK, max(count // 10, 1), count - done)
        lower = first + (last - first) * done // count
        upper = first + (last - first) * (done + size) // count
        yield sorted((new_key(), random.randint(lower, upper)) for _ in range(size))
        done += size


def live(count: int) -> Iterator[list[Entry]]:
    """Entries that expire between an hour and a day from now."""
    now = int(time.time())
    return entries(count, now + 3600, now + DAY)


def expired(count: int) -> Iterator[list[Entry]]:
    """Entries that have expired in the last day."""
    now = int(time.time())
    return entries(count, now - DAY, now - 60)
