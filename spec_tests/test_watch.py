"""A call that lasts is told of, and many that do not are not."""

from __future__ import annotations

import time
from functools import partial

import pytest

from djwto.spec_tests import watch
from djwto.spec_tests.checks.calls import in_thread


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 1)
    monkeypatch.setattr(watch, "EVERY", 0.02)


def test_a_call_that_does_not_return_is_told_of_once() -> None:
    told: list[str] = []
    with watch.watching(told.append):
        in_thread(partial(time.sleep, 3))
    assert told == ["join(): expected an answer, saw none in 1 s"]


def test_many_calls_that_return_are_not_told_of() -> None:
    told: list[str] = []
    with watch.watching(told.append):
        for _ in range(30):
            in_thread(partial(time.sleep, 0.05))
    assert told == []
