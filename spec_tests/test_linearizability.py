"""The judge of overlapping calls: what it must accept, and what it must not."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djwto.spec_tests.linearizability import (
    LONGEST,
    Call,
    NoVerdict,
    Unknown,
    Value,
    contradiction,
    is_explained,
    step,
)

KEY = "5f0e6c1a"
VALUES: list[Value] = [None, "", "a", "b"]
RAISED = Unknown("raised TimeoutError()")


def _add(answer: Any, start: int, end: int) -> Call:
    return Call("add", (KEY, None), answer, start, end)


def _contains(answer: Any, start: int, end: int) -> Call:
    return Call("contains", (KEY,), answer, start, end)


def _get(value: Value, start: int, end: int) -> Call:
    return Call("get_many", ([KEY],), {} if value is None else {KEY: value}, start, end)


def _set(old: Value, new: str, answer: Any, start: int, end: int) -> Call:
    return Call("compare_and_set", (KEY, old, new, None), answer, start, end)


EXPLAINED = {
    "nothing": [],
    "one after the other": [_contains(False, 0, 1), _add(True, 2, 3), _contains(True, 4, 5)],
    "one of two at once is first": [_add(False, 0, 5), _add(True, 1, 6)],
    "read as it is being added, and as it is not yet": [
        _add(True, 0, 9),
        _contains(True, 1, 2),
        _contains(True, 3, 4),
    ],
    "read at once, by each before the other": [_contains(True, 0, 9), _add(True, 0, 9)],
    "an end that is the other's start": [_add(True, 0, 5), _contains(False, 5, 9)],
    "refused between two that set": [
        _set(None, "a", True, 0, 1),
        _set("a", "b", True, 2, 9),
        _set("b", "a", True, 2, 9),
        _set("a", "c", False, 2, 9),
        _get("a", 10, 11),
    ],
    "raised, and took effect": [_add(RAISED, 0, 1), _add(False, 2, 3)],
    "raised, and did not": [_add(RAISED, 0, 1), _add(True, 2, 3)],
    "raised, and took effect much later": [
        _set(None, "a", RAISED, 0, 1),
        _contains(False, 2, 3),
        _get("a", 4, 5),
    ],
}

UNEXPLAINED = {
    "two are first": ([_add(True, 0, 5), _add(True, 1, 6)], 2),
    "gone after it was added": ([_add(True, 0, 1), _contains(False, 2, 3)], 2),
    "an older value after a newer one was read": (
        [
            _set(None, "a", True, 0, 1),
            _set("a", "b", True, 2, 9),
            _get("b", 3, 4),
            _get("a", 5, 6),
        ],
        2,
    ),
    "one set is lost": (
        [
            _set(None, "a", True, 0, 1),
            _set("a", "b", True, 2, 9),
            _set("a", "c", True, 3, 8),
        ],
        2,
    ),
    "never written": ([_add(True, 0, 1), _get("x", 2, 3)], 1),
    "refused before anyone began": ([_add(False, 0, 1), _add(True, 2, 3)], 1),
    "refused, though it is as named": (
        [_set(None, "a", True, 0, 1), _set("a", "b", False, 2, 3), _get("a", 4, 5)],
        2,
    ),
    "raised, and took effect before it began": ([_contains(True, 0, 1), _add(RAISED, 2, 3)], 1),
    "raised, and took effect twice": (
        [
            _set(None, "a", True, 0, 1),
            _set("a", "b", RAISED, 2, 3),
            _get("b", 4, 5),
            _set("b", "a", True, 6, 7),
            _get("b", 8, 9),
        ],
        2,
    ),
}


@pytest.mark.parametrize("history", EXPLAINED.values(), ids=EXPLAINED)
def test_what_can_be_explained_is_accepted(history: list[Call]) -> None:
    assert is_explained(history)
    assert contradiction(history) is None


@pytest.mark.parametrize(("history", "fewest"), UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_what_cannot_is_not_and_few_calls_show_why(history: list[Call], fewest: int) -> None:
    found = contradiction(history)
    assert found is not None
    assert len(found.calls) == fewest


@pytest.mark.parametrize("name", ["two are first", "one set is lost"])
def test_calls_that_have_no_part_in_it_are_not_shown(name: str) -> None:
    history, fewest = UNEXPLAINED[name]
    others = [
        _contains(False, -9, -8),
        _set(None, "", False, -7, 20),
        _get("x", 11, 12),
        _set("a", "x", True, 2, 30),
    ]
    found = contradiction([*others, *history])
    assert found is not None
    assert set(found.calls) <= set(history)
    assert len(found.calls) == fewest


CALLS = [
    *(_add(answer, 0, 0) for answer in (True, False, RAISED)),
    *(_contains(answer, 0, 0) for answer in (True, False)),
    *(_get(value, 0, 0) for value in VALUES),
    *(
        _set(old, new, answer, 0, 0)
        for old in VALUES
        for new in ("a", "b")
        for answer in (True, False, RAISED)
    ),
]
HISTORIES = st.lists(
    st.tuples(st.sampled_from(CALLS), st.integers(0, 60), st.integers(0, 60), st.booleans()),
    max_size=6,
)
"""Calls, each with by how much it is longer than 9, before and after, and one thing to choose."""


def _history(drawn: list[tuple[Call, int, int, bool]], answered: bool) -> list[Call]:
    """Calls one after the other, then longer; answered as a dictionary would if so wished."""
    value: Value = None
    history = []
    for at, (call, before, after, took_effect) in enumerate(drawn):
        answer, new = step(value, call)
        if not isinstance(call.answer, Unknown):
            value = new
            call = replace(call, answer=answer) if answered else call
        elif took_effect:
            value = new
        history.append(replace(call, start=10 * at - before, end=10 * at + 9 + after))
    return history


@given(drawn=st.lists(HISTORIES, max_size=5).map(lambda parts: list(chain(*parts))))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_happened_in_order_is_accepted_however_long_the_calls_took(drawn: Any) -> None:
    assert is_explained(_history(drawn, answered=True))


def _some_order_explains(history: list[Call]) -> bool:
    """The same, by trying all orders, and all that the calls that raised may have done."""
    certain = [call for call in history if not isinstance(call.answer, Unknown)]
    uncertain = [call for call in history if isinstance(call.answer, Unknown)]
    for chosen in range(1 << len(uncertain)):
        took_effect = [call for at, call in enumerate(uncertain) if chosen >> at & 1]
        if any(map(_is_explanation, permutations([*certain, *took_effect]))):
            return True
    return False


def _is_explanation(order: tuple[Call, ...]) -> bool:
    value: Value = None
    for at, call in enumerate(order):
        for later in order[at + 1 :]:
            if not isinstance(later.answer, Unknown) and later.end < call.start:
                return False
        answer, value = step(value, call)
        if not isinstance(call.answer, Unknown) and answer != call.answer:
            return False
    return True


@given(drawn=HISTORIES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_agrees_with_a_trial_of_all_orders(drawn: Any) -> None:
    history = _history(drawn, answered=False)
    assert is_explained(history) == _some_order_explains(history)


@given(drawn=HISTORIES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_contradiction_is_found_where_there_is_one(drawn: Any) -> None:
    history = _history(drawn, answered=False)
    found = contradiction(history)
    assert (found is None) == is_explained(history)
    if found is not None:
        assert found.calls
        assert not is_explained(found.calls)


def test_it_never_passes_what_it_cannot_judge() -> None:
    with pytest.raises(NoVerdict, match="too long: at most"):
        is_explained([_contains(False, at, at + 1) for at in range(LONGEST + 1)])
    # Any of them may come first, and each order sets another value.
    history = [_set(None, str(at), RAISED, 0, 1) for at in range(20)]
    with pytest.raises(NoVerdict, match="More than"):
        is_explained([*history, _get("20", 30, 31)])


def test_a_stranger_can_read_what_was_found() -> None:
    history = [
        Call("contains", (KEY,), False, 1_000_000, 1_200_000, "process 1"),
        Call("add", (KEY, None), True, 1_004_000, 1_310_000, "thread 1"),
        Call("add", (KEY, None), True, 1_008_000, 1_290_000, "process 2"),
    ]
    assert str(contradiction(history)) == (
        "no order of these calls explains their answers:\n"
        "  who        from µs  to µs  call            answer\n"
        "  thread 1         0    306  add(key, None)  True\n"
        "  process 2        4    286  add(key, None)  True\n"
        "Other calls by then: 1, which explain nothing, whatever they did."
    )
