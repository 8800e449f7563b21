"""BL-2 and BL-3: of all who add one key at once, one is told that it was first."""

from __future__ import annotations

import inspect
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.other_process import OtherProcess
from djwto.spec_tests.registry import Broken, NotApplicable, clause
from djwto.spec_tests.subject import Subject, close_connections, new_key

THREADS = 8
ROUNDS = 150
FEWEST_ROUNDS = 20
SECONDS = 5.0
"""On a slow store the rounds end after this many, but not before the fewest."""


@clause("BL-2")
def one_thread_is_first(subject: Subject) -> None:
    backends = [subject.make(), subject.make()]
    keys = [new_key() for _ in range(ROUNDS)]
    answers: list[list[Any]] = [[] for _ in range(THREADS)]
    clock = _Clock()
    barrier = threading.Barrier(THREADS, action=clock.tick, timeout=60)

    def add_all(number: int) -> None:
        backend = backends[number % 2]
        try:
            for key in keys:
                barrier.wait()
                if clock.over:
                    return
                answers[number].append(_answer(backend, key))
        finally:
            close_connections()

    threads = [threading.Thread(target=add_all, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key, answered in zip(keys, zip(*answers, strict=True), strict=False):
        _one_first(key, answered, "threads")


class _Clock:
    """Counts rounds and says when they have taken long enough."""

    def __init__(self) -> None:
        self.deadline = time.monotonic() + SECONDS
        self.rounds = 0
        self.over = False

    def tick(self) -> None:
        self.rounds += 1
        self.over = self.rounds > FEWEST_ROUNDS and time.monotonic() > self.deadline


def _answer(backend: BlacklistBackend, key: str) -> Any:
    trace = sys.gettrace()
    sys.settrace(_yielding_in(type(backend)))
    try:
        return backend.add(key, None)
    except Exception as error:
        return error
    finally:
        sys.settrace(trace)


def _one_first(key: str, answers: Sequence[Any], who: str) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise Broken(f"{len(answers)} {who} added {key!r} at once, and add raised {answer!r}")
    firsts = sum(answer is True for answer in answers)
    if firsts != 1:
        raise Broken(
            f"{len(answers)} {who} added {key!r} at once: expected True for one of them, "
            f"saw it for {firsts}"
        )


def _yielding_in(backend_class: type) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that lets other threads run between the instructions of a class.

    Python changes threads every few milliseconds, between two calls of `add` rather than within
    one. Here it may at each instruction of the backend's own code, as a busy server's does.
    """
    files = {
        inspect.getsourcefile(base)
        for base in backend_class.__mro__
        if issubclass(base, BlacklistBackend) and base is not BlacklistBackend
    }
    chance = random.Random()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "call":
            if frame.f_code.co_filename not in files:
                return None
            frame.f_trace_opcodes = True
        if chance.random() < 0.2:
            time.sleep(0)
        return trace

    return trace


@clause("BL-3")
def one_process_is_first(subject: Subject) -> None:
    if not subject.make().supports_processes:
        raise NotApplicable("this store lives in one process (supports_processes is False)")
    clock = _Clock()
    with OtherProcess(subject) as one, OtherProcess(subject) as other:
        while clock.rounds < ROUNDS and not clock.over:
            clock.tick()
            key = new_key()
            for process in (one, other):
                process.start("add", key, None)
            _one_first(key, [_result(process) for process in (one, other)], "processes")


def _result(process: OtherProcess) -> Any:
    try:
        return process.result()
    except Exception as error:
        return error
