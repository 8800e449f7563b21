"""Writes down what a check does, as lines of Python that do it again (`--replay`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import STORE_FAILURES
from djwto.spec_tests.broken import Broken

METHODS = ("add", "contains", "purge", "get_many", "compare_and_set")
DOCUMENTED = (*STORE_FAILURES, NotImplementedError)
"""What a method may raise where its clause says so."""

MOST_LINES = 40
"""What a person reads of a history; from a longer one the last are shown."""

_NAME = re.compile(r"\b[a-z]+_\d+\b")


class Tape:
    """Lines of Python, in the order in which what they say was done."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.paused = False
        self.count = 0
        self.names: dict[str, str] = {}

    def clear(self) -> None:
        """Forgets the lines; what was named keeps its name."""
        self.lines.clear()

    def name(self, kind: str, text: str | None = None) -> str:
        """A new name, such as user_3; a text that it stands for is written so from then on."""
        self.count += 1
        name = f"{kind}_{self.count}"
        if text is not None:
            self.names[text] = name
        return name

    def write(self, line: str) -> None:
        """Adds a line."""
        if not self.paused:
            self.lines.append(line)

    @contextmanager
    def instead(self, *lines: str) -> Iterator[None]:
        """While entered, these lines stand for whatever is done: there is too much of it."""
        self.lines += lines
        self.paused = True
        try:
            yield
        finally:
            self.paused = False

    def told(self, text: str) -> list[str]:
        """The lines that a message is about: those with a key that it names, else the last."""
        named = [quoted for quoted in re.findall(r"'([^']{8,})'", text) if self._has(quoted)]
        lines = self.lines
        if named:
            about = re.compile("|".join(map(re.escape, named)))
            lines = [line for line in lines if about.search(line) or ".purge(" in line]
        return self._with_definitions(lines[-MOST_LINES:])

    def _has(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def _with_definitions(self, lines: list[str]) -> list[str]:
        """The lines, after those that define the names in them."""
        defining = {line.split(" = ")[0]: line for line in self.lines if " = " in line}
        wanted = set(lines)
        todo = list(lines)
        while todo:
            for name in _NAME.findall(todo.pop()):
                line = defining.get(name)
                if line is not None and line not in wanted:
                    wanted.add(line)
                    todo.append(line)
        return [line for line in self.lines if line in wanted]


_recording: list[Tape] = []


@contextmanager
def recording() -> Iterator[Tape]:
    """While entered, what the checks do is written on a new tape."""
    tape = Tape()
    _recording.append(tape)
    try:
        yield tape
    finally:
        _recording.remove(tape)


def current() -> Tape | None:
    """The tape that is running, if one is."""
    return _recording[-1] if _recording else None


class Taped:
    """A backend whose calls are written down. All else is as it is."""

    def __init__(self, backend: BlacklistBackend, name: str, tape: Tape) -> None:
        self._backend, self._name, self._tape = backend, name, tape

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._backend, attribute)
        if attribute in METHODS:
            return partial(self._call, attribute, value)
        if attribute.removeprefix("a") in METHODS:
            return partial(self._acall, attribute, value)
        return value

    def _call(self, method: str, call: Any, *arguments: Any) -> Any:
        with self._written(f"{self._name}.{method}", arguments) as answers:
            answers.append(call(*arguments))
        return answers[0]

    async def _acall(self, method: str, call: Any, *arguments: Any) -> Any:
        with self._written(f"await {self._name}.{method}", arguments) as answers:
            answers.append(await call(*arguments))
        return answers[0]

    @contextmanager
    def _written(self, call: str, arguments: tuple[Any, ...]) -> Iterator[list[Any]]:
        answers: list[Any] = []
        done = f"{call}({', '.join(map(repr, arguments))})"
        if done.startswith("await "):
            done = f"asyncio.run({done.removeprefix('await ')})"
        try:
            yield answers
        except Exception as error:
            self._tape.write(f"{done}  # raised {error!r}")
            if isinstance(error, DOCUMENTED):
                raise
            raise Broken(f"{done}: expected an answer, saw {error!r} raised") from error
        self._tape.write(f"{done}  # {answers[0]!r}")
