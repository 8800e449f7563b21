"""Interrupts a call between two of its steps, so that another call can come between them.

Python changes threads every few milliseconds, and processes run side by side as they please: a
backend that looks and then leaps may do so a thousand times before another looks in between.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import FrameType
from typing import Any

from django.utils.module_loading import import_string

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.frames import is_of_the_suite, module_of
from djwto.spec_tests.subject import Subject

Call = tuple[Any, ...]
"""The name of a method of a backend, or a function of a module, and the arguments."""

Pause = Callable[[], None]
Trace = Callable[[FrameType, str, Any], Any]

YIELDS, PAUSES, PAUSES_ELSEWHERE = 0.2, 0.005, 0.001
"""How likely jitter is at an instruction of the backend's, and at a call of another's."""


class Word(Enum):
    """What a call says before it answers."""

    HELD = "It waits for a word to go on."


@dataclass(frozen=True, slots=True)
class Steps:
    """How many a call took: instructions of the backend's own code, lines of all other code."""

    own: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Interrupts a call once, before one of its steps, until it is told to go on."""

    own: bool
    at: int


@dataclass(frozen=True, slots=True)
class Jitter:
    """Interrupts a call anywhere, now and then, for a moment: what a busy server does to it."""


Interruption = Hold | Jitter | None

NEVER = Hold(own=True, at=0)
"""Counts the steps, and interrupts nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call answered or raised, and in how many steps if they were counted."""

    answer: Any
    steps: Steps = Steps()


def own_packages(subject: Subject) -> frozenset[str]:
    """The packages that a backend's own code is in: its class's, and those it inherits from."""
    classes = import_string(subject.backend).__mro__
    backends = [c for c in classes if issubclass(c, BlacklistBackend)]
    return frozenset(_package(c.__module__) for c in backends if c is not BlacklistBackend)


def _package(module: str) -> str:
    return module.partition(".")[0]


def bound(backend: BlacklistBackend, what: Call) -> Callable[[], Any]:
    """A call of a backend: of one of its methods, or of a function that is given the backend."""
    method, *arguments = what
    if callable(method):
        return partial(method, backend, *arguments)
    return partial(getattr(backend, method), *arguments)


def interrupted(
    call: Callable[[], Any], packages: frozenset[str], how: Interruption, pause: Pause
) -> Outcome:
    """Makes a call, interrupted as said; `pause` returns when it is to go on."""
    if how is None:
        return Outcome(_answer(call))
    tracer = _Holding(packages, how, pause) if isinstance(how, Hold) else _Jittering(packages)
    before = sys.gettrace()
    sys.settrace(tracer.enter)
    try:
        answer = _answer(call)
    finally:
        sys.settrace(before)
    return Outcome(answer, Steps(tracer.own, tracer.others))


def _answer(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


class _Tracer:
    """A trace function, which Python calls at each step of a thread."""

    def __init__(self, packages: frozenset[str]) -> None:
        self.packages = packages
        self.own = 0
        self.others = 0

    def enter(self, frame: FrameType, event: str, argument: Any) -> Trace | None:
        """Says which trace function the call of a function gets."""
        # Its package may be the backend's, too: djwto's.
        if is_of_the_suite(frame):
            return None
        if _package(module_of(frame)) not in self.packages:
            return self.elsewhere()
        frame.f_trace_opcodes = True
        return self.in_own

    def in_own(self, frame: FrameType, event: str, argument: Any) -> Trace:
        """Is called at each instruction of the backend's own code."""
        raise NotImplementedError

    def elsewhere(self) -> Trace | None:
        """The trace function for a call of a function that is not the backend's."""
        raise NotImplementedError


class _Holding(_Tracer):
    def __init__(self, packages: frozenset[str], hold: Hold, pause: Pause) -> None:
        super().__init__(packages)
        self.hold = hold
        self.pause = pause

    def in_own(self, frame: FrameType, event: str, argument: Any) -> Trace:
        if event == "opcode":
            self.own += 1
            if self.hold.own and self.own == self.hold.at:
                self.pause()
        return self.in_own

    def elsewhere(self) -> Trace | None:
        return self.in_others

    def in_others(self, frame: FrameType, event: str, argument: Any) -> Trace:
        """Is called at each line of code that is not the backend's."""
        if event == "line":
            self.others += 1
            if not self.hold.own and self.others == self.hold.at:
                self.pause()
        return self.in_others


class _Jittering(_Tracer):
    def __init__(self, packages: frozenset[str]) -> None:
        super().__init__(packages)
        self.chance = random.Random()

    def in_own(self, frame: FrameType, event: str, argument: Any) -> Trace:
        chance = self.chance.random()
        if chance < PAUSES:
            self._pause()
        elif chance < YIELDS:
            time.sleep(0)
        return self.in_own

    def elsewhere(self) -> Trace | None:
        if self.chance.random() < PAUSES_ELSEWHERE:
            self._pause()
        return None

    def _pause(self) -> None:
        time.sleep(self.chance.uniform(0.0005, 0.002))
