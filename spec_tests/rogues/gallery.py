"""The rogues' gallery: every implementation that is broken on purpose, and who rejects it.

A clause is worth what its check rejects. Each rogue is aimed at one clause and has to be
rejected by its check. A rogue that makes a check crash has not been rejected by it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from djwto.backends.database import DatabaseBlacklist
from djwto.backends.redis import RedisBlacklist
from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import profile
from djwto.spec_tests.fakeredis_server import fakeredis_server
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.report import HOLDS, NOT_APPLICABLE, Verdict
from djwto.spec_tests.rogues.answer_cores import ANSWER_CORES
from djwto.spec_tests.rogues.awaited_cores import AWAITED_CORES
from djwto.spec_tests.rogues.cores import RogueCore
from djwto.spec_tests.rogues.honest import Honest, HonestWithoutValues, Rogue
from djwto.spec_tests.rogues.outage_cores import OUTAGE_CORES
from djwto.spec_tests.rogues.session_cores import SESSION_CORES
from djwto.spec_tests.rogues.signal_cores import SIGNAL_CORES
from djwto.spec_tests.runner import in_order, run_one
from djwto.spec_tests.subject import Subject
from djwto.views import GetTokensView, JWTView

FAMILIES = (
    "answers",
    "races",
    "expiry",
    "purges",
    "capacity",
    "keys",
    "values",
    "twins",
    "failures",
    "options",
    "durability",
)
"""The modules of the rogues that are backends; those that are cores are in `cores`."""

HELD, REJECTED, CRASHED, DOES_NOT_APPLY = "held", "rejected", "crashed", "does not apply"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An implementation in the gallery: a backend, a core, or one that breaks nothing."""

    name: str
    family: str
    way: str
    """What is wrong with it, in one sentence."""

    breaks: str = ""
    """The clause that it is aimed at."""

    backend: type[BlacklistBackend] = Honest
    core: RogueCore | None = None

    @contextmanager
    def on_show(self) -> Iterator[Subject]:
        """While entered, the implementation is in force; yields the backend under test."""
        with _subject(self.backend) as subject:
            if self.core is None:
                yield subject
                return
            with self.core.in_force():
                yield subject


@contextmanager
def _subject(backend: type[BlacklistBackend]) -> Iterator[Subject]:
    path = f"{backend.__module__}.{backend.__qualname__}"
    if issubclass(backend, RedisBlacklist):
        unreachable = {"url": "redis://127.0.0.1:1/0"}
        with fakeredis_server() as redis:
            yield Subject(path, {"url": redis.url}, unreachable, redis.shift_clock)
    elif issubclass(backend, HonestWithoutValues):
        nowhere = settings.FOLDER / "no such folder" / "entries.sqlite3"
        yield Subject(path, unreachable={"path": str(nowhere)})
    else:
        yield Subject(path)


def exhibit(rogue: type[Rogue]) -> Exhibit:
    """A backend as the gallery shows it."""
    family = rogue.__module__.rpartition(".")[2]
    return Exhibit(rogue.__name__, family, _sentence(rogue), rogue.breaks, backend=rogue)


def _sentence(rogue: type[Rogue]) -> str:
    return (rogue.__doc__ or "").strip().partition("\n\n")[0]


def _core(rogue: RogueCore) -> Exhibit:
    backend: type[BlacklistBackend] = DatabaseBlacklist if rogue.on_database else Honest
    return Exhibit(rogue.name, "cores", rogue.way, rogue.breaks, backend=backend, core=rogue)


def rogues() -> list[Exhibit]:
    """Every implementation that breaks a clause: the backends by family, then the cores."""
    found = []
    for family in FAMILIES:
        module = importlib.import_module(f"djwto.spec_tests.rogues.{family}")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Rogue) and value.breaks:
                found.append(exhibit(value))
    return found + [
        _core(core)
        for cores in (SIGNAL_CORES, SESSION_CORES, ANSWER_CORES, OUTAGE_CORES, AWAITED_CORES)
        for core in cores
    ]


def baselines() -> list[Exhibit]:
    """What the rogues are made from: backends and the core, unbroken."""
    way = "Breaks nothing."
    return [
        Exhibit(Honest.__name__, "baselines", way, backend=Honest),
        Exhibit(HonestWithoutValues.__name__, "baselines", way, backend=HonestWithoutValues),
        Exhibit("DatabaseBlacklist", "baselines", way, backend=DatabaseBlacklist),
    ]


class AnswersNone(Rogue):
    """Answers every question with None."""

    breaks = "BL-1"
    supports_values = True

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Takes whatever it is given."""

    def add(self, key: str, exp: int | None) -> bool:
        return None  # type: ignore[return-value]

    def contains(self, key: str) -> bool:
        return None  # type: ignore[return-value]

    def purge(self) -> int:
        return None  # type: ignore[return-value]

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return None  # type: ignore[return-value]

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return None  # type: ignore[return-value]


def _shrug(*args: Any, **kwargs: Any) -> HttpResponse:
    return JsonResponse({})


def canary() -> Exhibit:
    """What is wrong in everything: a backend that answers None, and a core that answers {}."""
    core = RogueCore(
        AnswersNone.breaks,
        "WrongInEverything",
        "Answers nothing.",
        lambda: [(view, "dispatch", _shrug) for view in (JWTView, GetTokensView)],
    )
    return Exhibit(core.name, "canaries", core.way, core.breaks, AnswersNone, core)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the checks said of an exhibit."""

    name: str
    answers: dict[str, str]
    """HELD, REJECTED, CRASHED or DOES_NOT_APPLY, for each clause that was asked."""

    reasons: dict[str, str]
    """What was seen, for each clause that did not hold."""

    seconds: float

    def by(self, answer: str) -> list[str]:
        """The clauses that answered this."""
        return [clause for clause in self.answers if self.answers[clause] == answer]


def examine(exhibit: Exhibit, clauses: Iterable[str]) -> Finding:
    """Has the checks look at an exhibit, quickly; the one it is aimed at twice, if need be."""
    start = time.monotonic()
    answers: dict[str, str] = {}
    reasons: dict[str, str] = {}
    # A rejection is wanted here, not the shortest example of it.
    with exhibit.on_show() as subject, patch.object(profile, "SHRINKING_SECONDS", 1):
        for clause in clauses:
            for effort in ("quick", "default"):
                with profile.use(effort):
                    verdict = run_one(clause, CHECKS[clause], subject)
                answers[clause] = _answer(verdict)
                if verdict.reason:
                    reasons[clause] = verdict.reason
                if clause != exhibit.breaks or answers[clause] == REJECTED:
                    break
    return Finding(exhibit.name, answers, reasons, time.monotonic() - start)


def _answer(verdict: Verdict) -> str:
    if verdict.result == HOLDS:
        return HELD
    if verdict.result == NOT_APPLICABLE:
        return DOES_NOT_APPLY
    return CRASHED if verdict.crashed else REJECTED


Task = tuple[Exhibit, tuple[str, ...]]
Examine = Callable[[Sequence[Task]], Iterator[Finding]]
"""Examines exhibits, in whatever order and process; yields what was found as it is found."""


def one_after_the_other(tasks: Sequence[Task]) -> Iterator[Finding]:
    """Examines the exhibits in this process."""
    for exhibit, clauses in tasks:
        yield examine(exhibit, clauses)


class Void(Exception):
    """The run says nothing of any rogue; the text says why."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """What is shown, and who looks at it."""

    rogues: Sequence[Exhibit]
    baselines: Sequence[Exhibit]
    canary: Exhibit
    clauses: Sequence[str]

    def without_a_rogue(self) -> list[str]:
        """The clauses that nothing is aimed at: nobody knows what they are worth."""
        aimed = {rogue.breaks for rogue in self.rogues}
        return [clause for clause in self.clauses if clause not in aimed]

    def prove(self, examine: Examine, *, aimed: bool) -> None:
        """Raises Void unless what is right passes, and what is wrong in everything does not.

        Before the clauses that are to judge the rogues.
        """
        judges = {clause for _, clauses in self.tasks(aimed=aimed) for clause in clauses}
        judges.add(self.canary.breaks)
        clauses = tuple(clause for clause in self.clauses if clause in judges)
        for finding in examine([(one, clauses) for one in self.baselines]):
            for clause in (*finding.by(REJECTED), *finding.by(CRASHED)):
                raise Void(
                    f"{finding.name} breaks nothing, and {clause} {finding.answers[clause]}: "
                    f"{finding.reasons[clause]}"
                )
        for finding in examine([(self.canary, clauses)]):
            if finding.by(HELD) or not is_killed(finding, self.canary.breaks):
                raise Void(
                    f"{finding.name} is to break everything, and was not rejected by "
                    f"{', '.join(finding.by(HELD)) or self.canary.breaks}."
                )

    def tasks(self, *, aimed: bool) -> list[Task]:
        """Each rogue with the clause that it is aimed at, or with all that it may break."""
        return [
            (rogue, (rogue.breaks,) if aimed else self._in_question(rogue))
            for rogue in self.rogues
            if rogue.breaks in self.clauses
        ]

    def _in_question(self, rogue: Exhibit) -> tuple[str, ...]:
        # The clauses of backends do not go through the core.
        asked = rogue.core is None
        return tuple(clause for clause in self.clauses if asked or not clause.startswith("BL-"))


def is_killed(finding: Finding, aimed: str) -> bool:
    """Whether the clause that a rogue is aimed at has rejected it."""
    return finding.answers.get(aimed) == REJECTED


def whole() -> Gallery:
    """Every rogue there is, before every clause that is checked."""
    return Gallery(rogues(), baselines(), canary(), in_order())
