"""A call that lasts is told of, and many that do not are not."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from djwto.spec_tests import watch
from djwto.spec_tests.checks.calls import in_thread
from djwto.spec_tests.rogues.honest import Honest


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 0.3)
    monkeypatch.setattr(watch, "WORK_PATIENCE", 1)
    monkeypatch.setattr(watch, "EVERY", 0.02)


SLOW = """
class Slow(Honest):
    def contains(self, key):
        time.sleep(0.9)
"""
CHECK = """
def check(backend):
    backend.contains("key")
"""


def test_a_call_that_does_not_return_is_told_of_once() -> None:
    mine: dict[str, Any] = {"__name__": "mine", "Honest": Honest, "time": time}
    exec(SLOW, mine)
    suite: dict[str, Any] = {"__name__": "djwto.spec_tests.checks.of_this_test"}
    exec(CHECK, suite)
    told: list[str] = []
    slow = mine["Slow"]({})
    with watch.watching(told.append):
        suite["check"](slow)
    assert told == ["contains(): expected an answer, saw none in 0.3 s"]


def test_a_thread_that_does_not_end_is_told_of_later() -> None:
    told: list[str] = []
    with watch.watching(told.append):
        in_thread(partial(time.sleep, 0.6))
    assert told == []
    with watch.watching(told.append):
        in_thread(partial(time.sleep, 2))
    assert told == ["join(): expected an answer, saw none in 1 s"]


def test_many_calls_that_return_are_not_told_of() -> None:
    told: list[str] = []
    with watch.watching(told.append):
        for _ in range(30):
            in_thread(partial(time.sleep, 0.05))
    assert told == []
