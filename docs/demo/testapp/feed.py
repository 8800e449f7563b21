"""What has happened in this process, in its order, for the pages that watch."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Any, NamedTuple

KEPT = 50
"""How many of the latest events a page is told that is opened now."""

HEARTBEAT = 10
"""Seconds of silence after which a comment is sent: only by sending is a closed page noticed."""


class Event(NamedTuple):
    """One thing that happened."""

    number: int
    """Later is greater, even after the demo was started anew."""

    kind: str
    """"signal" or "answer"."""

    content: dict[str, Any]


_events: deque[Event] = deque(maxlen=KEPT)
_published = Condition()


def publish(kind: str, content: dict[str, Any]) -> None:
    """Tells every page that watches, now and later. `content` is what JSON can say."""
    with _published:
        _events.append(Event(max(last() + 1, time.time_ns()), kind, content))
        _published.notify_all()


def last() -> int:
    """The number of the latest event, 0 if there was none."""
    return _events[-1].number if _events else 0


def after(number: int) -> list[Event]:
    """The events later than this one that are still known."""
    with _published:
        return [event for event in _events if event.number > number]


def stream(number: int) -> Iterator[str]:
    """The events later than this one, those of the past and then those to come, for EventSource.

    Between the two comes the event "live".
    """
    new = after(number)
    yield from map(_line, new)
    yield "event: live\ndata: {}\n\n"
    while True:
        number = new[-1].number if new else number
        new = _awaited(number)
        yield from map(_line, new)
        if not new:
            yield ":\n\n"


def _awaited(number: int) -> list[Event]:
    """The events later than this one, as soon as there are any; none after a while without."""
    with _published:
        _published.wait_for(lambda: last() > number, timeout=HEARTBEAT)
    return after(number)


def _line(event: Event) -> str:
    return f"id: {event.number}\nevent: {event.kind}\ndata: {json.dumps(event.content)}\n\n"
