"""A second process with the same backend, which answers calls over a pipe."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import connections

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.interleaving import (
    Call,
    Interruption,
    Outcome,
    Pause,
    Word,
    bound,
    interrupted,
)
from djwto.spec_tests.subject import Subject

_Message = tuple[Call, frozenset[str], Interruption]


class OtherProcess:
    """While entered, a process that makes a backend of its own and calls it when asked.

    It takes a while to start, which is waited for when it is first to answer.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.ready = False

    def __enter__(self) -> OtherProcess:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "djwto.spec_tests.other_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path),
                "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            },
        )
        names = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
        self._write((self.subject, names))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
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

    def _write(self, message: Any) -> None:
        _write(self.process.stdin, message)

    def _read(self) -> Any:
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError("The other process ended; what it said stands above.")
        return _decode(line)


def _write(stream: Any, message: Any) -> None:
    stream.write(base64.b64encode(pickle.dumps(message)) + b"\n")
    stream.flush()


def _decode(line: bytes) -> Any:
    return pickle.loads(base64.b64decode(line))


def portable(error: Exception) -> Exception:
    """The exception, or one that says the same, if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(repr(error))
    return error


def _serve() -> None:
    import django

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a backend prints must not be taken for an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        django.setup()
        subject, names = _decode(sys.stdin.buffer.readline())
        for alias, name in names.items():
            settings.DATABASES[alias]["NAME"] = name
            connections[alias].settings_dict["NAME"] = name
        backend = subject.make()
    except Exception as error:
        _write(answers, portable(error))
        return
    _write(answers, "ready")
    while line := sys.stdin.buffer.readline():
        _write(answers, _outcome(backend, answers, *_decode(line)))


def _outcome(
    backend: BlacklistBackend,
    answers: Any,
    call: Call,
    packages: frozenset[str],
    how: Interruption,
) -> Outcome:
    def pause() -> None:
        _write(answers, Word.HELD)
        sys.stdin.buffer.readline()

    outcome = interrupted(bound(backend, call), packages, how, pause)
    if isinstance(outcome.answer, Exception):
        return replace(outcome, answer=portable(outcome.answer))
    return outcome


if __name__ == "__main__":
    _serve()
