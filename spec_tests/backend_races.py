"""BL-2 and BL-3: of all who add one key at once, one is told that it was first."""

from __future__ import annotations

import inspect
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.other_process import OtherProcess, portable
from djwto.spec_tests.registry import Broken, NotApplicable, clause
from djwto.spec_tests.subject import Subject, close_connections, new_key

THREADS = 8
ROUNDS = 150
FEWEST_ROUNDS = 20
SECONDS = 5.0
"""On a slow store the rounds end after this many, but not before the fewest."""

PROCESSES = 2
PROCESS_ROUNDS = 300
BURST = 5
INTERVAL = 0.005
"""Processes make so many calls one after the other, and begin again together after this time."""


@clause("BL-2")
def one_thread_is_first(subject: Subject) -> None:
    clock = Clock()
    rounds = in_threads(subject, clock, lambda backend, key, number: backend.add(key, None))
    for key, answers in rounds.items():
        one_first(f"{THREADS} threads added {key!r} at once", answers)


class Clock:
    """Counts rounds and says when they have taken long enough."""

    def __init__(self, rounds: int = ROUNDS, seconds: float = SECONDS) -> None:
        self.most = rounds
        self.deadline = time.monotonic() + seconds
        self.rounds = 0
        self.over = False

    def tick(self) -> None:
        self.rounds += 1
        late = self.rounds > FEWEST_ROUNDS and time.monotonic() > self.deadline
        self.over = late or self.rounds > self.most


def in_threads(
    subject: Subject, clock: Clock, call: Callable[[BlacklistBackend, str, int], Any]
) -> dict[str, list[Any]]:
    """What threads were answered, or raised, that made a call with one key at once, by keys.

    They share two instances. The call is told the key and which of the threads is calling.
    """
    backends = [subject.make(), subject.make()]
    keys = [new_key() for _ in range(clock.most)]
    answers: list[list[Any]] = [[] for _ in range(THREADS)]
    barrier = threading.Barrier(THREADS, action=clock.tick, timeout=60)

    def call_all(number: int) -> None:
        backend = backends[number % 2]
        try:
            for key in keys:
                barrier.wait()
                if clock.over:
                    return
                answers[number].append(answer(backend, partial(call, backend, key, number)))
        finally:
            close_connections()

    threads = [threading.Thread(target=call_all, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_key = map(list, zip(*answers, strict=True))
    return dict(zip(keys, by_key, strict=False))


def answer(backend: BlacklistBackend, call: Callable[[], Any]) -> Any:
    """What a call answers or raises, with other threads let run at every point of it."""
    trace = sys.gettrace()
    sys.settrace(_yielding_in(type(backend)))
    try:
        return call()
    except Exception as error:
        return error
    finally:
        sys.settrace(trace)


def one_first(done: str, answers: Sequence[Any]) -> None:
    """Raises Broken unless one of the answers is True, and no call raised."""
    for answered in answers:
        if isinstance(answered, Exception):
            raise Broken(f"{done}: expected an answer for each, and one raised {answered!r}")
    firsts = sum(answered is True for answered in answers)
    if firsts != 1:
        raise Broken(f"{done}: expected True for one of them, saw it for {firsts}")


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
    rounds = in_processes(subject, SECONDS, lambda key, number: ("add", key, None))
    for key, answers in rounds.items():
        one_first(f"{PROCESSES} processes added {key!r} at once", answers)


def in_processes(
    subject: Subject, seconds: float, call: Callable[[str, int], tuple[Any, ...]]
) -> dict[str, list[Any]]:
    """What processes were answered, or raised, that made a call with one key at once, by keys.

    The call is a method and its arguments, for a key and for one of the processes.
    """
    keys = [new_key() for _ in range(PROCESS_ROUNDS)]
    with ExitStack() as stack:
        processes = [stack.enter_context(OtherProcess(subject)) for _ in range(PROCESSES)]
        begin = time.time() + 0.05
        for number, process in enumerate(processes):
            process.start(_by_the_clock, begin, seconds, [call(key, number) for key in keys])
        by_key = map(list, zip(*[process.result() for process in processes], strict=False))
        return dict(zip(keys, by_key, strict=False))


def _by_the_clock(
    backend: BlacklistBackend, begin: float, seconds: float, calls: list[tuple[Any, ...]]
) -> list[Any]:
    """Makes calls at times that another process makes its own at."""
    answers: list[Any] = []
    for number, (method, *arguments) in enumerate(calls):
        now = time.time()
        if number >= FEWEST_ROUNDS and now > begin + seconds:
            break
        # One that is late catches up: it finds the keys there, and has less to do than the first.
        if number % BURST == 0:
            time.sleep(max(0.0, begin + number // BURST * INTERVAL - now))
        try:
            answers.append(getattr(backend, method)(*arguments))
        except Exception as error:
            answers.append(portable(error))
    return answers
