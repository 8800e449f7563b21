"""A second process with the same backend, which answers calls over a pipe."""

from __future__ import annotations

import atexit
import gc
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import IO, Any

from django.conf import settings
from django.db import connections

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.child import answers, child, messages, read, write
from djwto.spec_tests.interleaving import (
    Call,
    Interruption,
    Outcome,
    Pause,
    Word,
    bound,
    interrupted,
)
from djwto.spec_tests.subject import Subject, close_connections

REST = "Rest."

AT_ONCE = 2
"""How many a check has at once, at most."""

_Message = tuple[Call, frozenset[str], Interruption]


class OtherProcess:
    """While entered, a process that makes a backend of its own and calls it when asked.

    It takes a while to start, which is waited for when it is first to answer. So it rests at the
    end, until another check of the same backend needs one; a `passing` one has not been asked a
    thing before, and ends.
    """

    def __init__(self, subject: Subject, *, passing: bool = False) -> None:
        self.subject = subject
        self.passing = passing
        self.ready = False
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> OtherProcess:
        if _resting and _resting[0].subject is not self.subject:
            end_resting()
        resting = [other for other in _resting if not (self.passing and other.ready)]
        if resting:
            _resting.remove(resting[-1])
            self.process, self.ready = resting[-1].process, resting[-1].ready
        else:
            self.begin()
        return self

    def begin(self) -> None:
        """Starts the process, and does not wait."""
        self.process = child("djwto.spec_tests.other_process")
        names = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
        # The hand on the store's clock is this process's.
        self._write((replace(self.subject, shift_clock=None), names))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an exception it may still be about to answer what it was asked.
        if kind is None and self.ready and not self.passing:
            self._write(REST)
            _resting.append(self)
        else:
            self.end()

    def hang_up(self) -> None:
        """Has the process end, and does not wait."""
        if not self.ready:
            self.process.kill()
        self.process.stdin.close()  # type: ignore[union-attr]

    def end(self) -> None:
        """Ends the process."""
        self.hang_up()
        self.process.wait(timeout=10)
        self.process.stdout.close()  # type: ignore[union-attr]

    def ask(self, method: str | Callable[..., Any], *arguments: Any) -> Any:
        """Calls a method of the backend over there and waits for what it answers or raises.

        A function of a module is called with the backend before the other arguments.
        """
        self.start(method, *arguments)
        return self.result()

    def start(self, method: str | Callable[..., Any], *arguments: Any) -> None:
        """Has a method called over there, and does not wait."""
        self._send(((method, *arguments), frozenset(), None))

    def result(self) -> Any:
        """What the call that was started answered; raises what it raised."""
        answer = self._read().answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def interrupted(
        self, packages: frozenset[str], call: Call, how: Interruption, pause: Pause
    ) -> Outcome:
        """What a call over there answers or raises, interrupted as said."""
        self._send((call, packages, how))
        while (said := self._read()) is Word.HELD:
            pause()
            self._write("Go on.")
        outcome: Outcome = said
        return outcome

    def _send(self, message: _Message) -> None:
        if not self.ready:
            if (said := self._read()) != "ready":
                raise said
            self.ready = True
        self._write(message)

    def _write(self, message: object) -> None:
        write(self.process.stdin, message)

    def _read(self) -> Any:
        return read(self.process.stdout)


_resting: list[OtherProcess] = []
"""Processes of one backend that are asked nothing now."""


def begin_resting(subject: Subject) -> None:
    """Starts those that the checks of a backend ask for, while other checks go on."""
    if subject.make().supports_processes:
        for _ in range(1 + AT_ONCE):
            other = OtherProcess(subject)
            other.begin()
            _resting.append(other)


@atexit.register
def end_resting() -> None:
    """Ends the processes that are asked nothing now."""
    # All at once: each takes a while.
    for other in _resting:
        other.hang_up()
    while _resting:
        _resting.pop().end()


def portable(error: Exception) -> Exception:
    """The exception, or one that says the same, if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(repr(error))
    return error


def _serve() -> None:
    import django

    to = answers()
    try:
        django.setup()
        subject, names = read(sys.stdin.buffer)
        for alias, name in names.items():
            settings.DATABASES[alias]["NAME"] = name
            connections[alias].settings_dict["NAME"] = name
        backend = subject.make()
    except Exception as error:
        write(to, portable(error))
        return
    # As in the one that asks, what has been imported stays.
    gc.freeze()
    write(to, "ready")
    for message in messages(sys.stdin.buffer):
        if message == REST:
            # As Django does between two requests. A database is not dropped that is connected to.
            close_connections()
        else:
            write(to, _outcome(backend, to, *message))


def _outcome(
    backend: BlacklistBackend,
    to: IO[bytes],
    call: Call,
    packages: frozenset[str],
    how: Interruption,
) -> Outcome:
    def pause() -> None:
        write(to, Word.HELD)
        sys.stdin.buffer.readline()

    outcome = interrupted(bound(backend, call), packages, how, pause)
    if isinstance(outcome.answer, Exception):
        return replace(outcome, answer=portable(outcome.answer))
    return outcome


if __name__ == "__main__":
    _serve()
