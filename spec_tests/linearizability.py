"""Whether calls that overlapped in time were answered as if they had been made one by one.

The search is Wing and Gong's (Testing and Verifying Concurrent Objects, 1993), with the memory
that Lowe added to it (2017). A blacklist is as many dictionaries of one key as it has keys, and
what holds of each holds of all of them: one key's calls are looked at at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import Any

LONGEST = 100
"""Calls a history may have."""

MOST_STATES = 50_000
"""What a search may look at: about a second's worth. The suite's histories need some hundreds."""


class NoVerdict(Exception):
    """The history is too long to be judged."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """In place of an answer: the call may have had its effect, or may not, or may have it yet."""

    why: str

    def __repr__(self) -> str:
        return self.why


NOT_YET = Unknown("(not answered yet)")


@dataclass(frozen=True, slots=True)
class Call:
    """One call with one key, which is the first of its arguments (for get_many, the only one)."""

    method: str
    arguments: tuple[Any, ...]
    answer: Any
    start: int
    end: int
    """On one clock for all calls, in nanoseconds."""
    who: str = ""

    def __str__(self) -> str:
        return f"{self.method}({', '.join(map(repr, self.arguments))})"


Value = str | None
"""Of the key: None if it is not there."""


def step(value: Value, call: Call) -> tuple[Any, Value]:
    """What a dictionary answers to a call when the key has a value, and the value after it."""
    arguments = call.arguments
    if call.method == "add":
        return value is None, "" if value is None else value
    if call.method == "contains":
        return value is not None, value
    if call.method == "get_many":
        return {} if value is None else {arguments[0][0]: value}, value
    if call.method == "compare_and_set":
        _, old, new, _ = arguments
        return value == old, new if value == old else value
    raise LookupError(f"There is no model of {call.method}().")


def is_explained(history: Sequence[Call], left_out: frozenset[int] = frozenset()) -> bool:
    """Whether there is an order of the calls, each between its start and end, that explains them.

    Calls that are left out, by their places in the history, count for nothing but what they may
    have set, whatever was there and whatever they were answered. Raises NoVerdict where the
    search would take too long.
    """
    if len(history) > LONGEST:
        raise NoVerdict(f"A history of {len(history)} calls is too long: at most {LONGEST}.")
    return _Search(history, left_out).finds_an_order()


class _Search:
    def __init__(self, history: Sequence[Call], left_out: frozenset[int]) -> None:
        self.history = history
        self.left_out = left_out
        self.ends = [inf if isinstance(call.answer, Unknown) else call.end for call in history]

    def finds_an_order(self) -> bool:
        """A state is who has been put in order, a bit each, and the value after the last."""
        everyone = (1 << len(self.history)) - 1
        todo: list[tuple[int, Value]] = [(0, None)]
        seen = set(todo)
        while todo:
            done, value = todo.pop()
            if done == everyone:
                return True
            for state in self._next(done, value):
                if state not in seen:
                    seen.add(state)
                    todo.append(state)
            if len(seen) > MOST_STATES:
                raise NoVerdict(f"More than {MOST_STATES} orders of {len(self.history)} calls.")
        return False

    def _next(self, done: int, value: Value) -> Iterator[tuple[int, Value]]:
        undone = [at for at in range(len(self.history)) if not done >> at & 1]
        # What starts after one of the others has ended comes after that one.
        first_end = min(self.ends[at] for at in undone)
        for at in undone:
            if self.history[at].start <= first_end:
                for after in self._after(at, value):
                    yield done | 1 << at, after

    def _after(self, at: int, value: Value) -> set[Value]:
        """The values that the key can have after a call; none, if the answer would be another."""
        call = self.history[at]
        if at in self.left_out:
            return {value} if _changed_nothing(call) else {value, _sets(call)}
        answer, after = step(value, call)
        if isinstance(call.answer, Unknown):
            return {value, after}
        return {after} if answer == call.answer else set()


def _changed_nothing(call: Call) -> bool:
    return call.method in ("contains", "get_many") or call.answer is False


def _sets(call: Call) -> Value:
    return call.arguments[2] if call.method == "compare_and_set" else ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Calls whose answers no order explains, whatever else was set at the same time."""

    calls: tuple[Call, ...]
    others: int
    """How many more had begun by then."""

    def __str__(self) -> str:
        began = min(call.start for call in self.calls)

        def microseconds(time: int) -> str:
            return f"{(time - began) / 1000:.0f}"

        rows = [
            (
                call.who,
                microseconds(call.start),
                "" if isinstance(call.answer, Unknown) else microseconds(call.end),
                self._shown(str(call)),
                self._shown(repr(call.answer)),
            )
            for call in sorted(self.calls, key=lambda call: (call.start, call.end))
        ]
        text = "no order of these calls explains their answers:\n"
        text += _table([("who", "from µs", "to µs", "call", "answer"), *rows])
        if self.others:
            text += (
                f"\nOther calls by then: {self.others}, which explain nothing, whatever they did."
            )
        return text

    def _shown(self, text: str) -> str:
        """Without the key, which is long, and the same everywhere."""
        (key, *_) = self.calls[0].arguments
        return text.replace(repr(key if isinstance(key, str) else key[0]), "key")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for who, start, end, *texts in rows:
        cells = [who.ljust(widths[0]), start.rjust(widths[1]), end.rjust(widths[2])]
        cells += [text.ljust(width) for text, width in zip(texts, widths[3:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def contradiction(history: Sequence[Call]) -> Contradiction | None:
    """The fewest calls of a history that no order explains; None if one explains all of them."""
    if is_explained(history):
        return None
    history = _until_it_went_wrong(history)
    left_out: frozenset[int] = frozenset()
    for at in range(len(history)):
        # Just dropped, a call that has set something would leave those that read it to blame.
        with suppress(NoVerdict):
            if not is_explained(history, left_out | {at}):
                left_out |= {at}
    calls = tuple(call for at, call in enumerate(history) if at not in left_out)
    return Contradiction(calls, len(left_out))


def _until_it_went_wrong(history: Sequence[Call]) -> list[Call]:
    """The history up to the first answer that cannot be explained."""
    for now in sorted(call.end for call in history):
        so_far = [
            call if call.end <= now else replace(call, answer=NOT_YET)
            for call in history
            if call.start <= now
        ]
        if not is_explained(so_far):
            return so_far
    return list(history)
