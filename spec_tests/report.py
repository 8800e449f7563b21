"""What was found of a backend, for a person and for a program."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import django

import djwto
from djwto.spec_tests.clauses import CLAUSES, MUST
from djwto.spec_tests.subject import Subject

HOLDS, FAILS, NOT_APPLICABLE = "holds", "fails", "n/a"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one clause."""

    clause: str
    result: str
    reason: str = ""
    """What was done, expected and seen; or why the clause does not apply."""
    steps: tuple[str, ...] = ()
    """Lines of Python that do it again: `--replay` runs them."""
    seconds: float = 0.0
    crashed: bool = False
    """Did the check end by an exception that it had not foreseen?"""
    trace: str = ""


_HANG = " " * 9


def describe(verdict: Verdict, *, trace: bool = False) -> str:
    """One verdict as a line, and what there is to say of a clause that does not hold."""
    clause = CLAUSES[verdict.clause]
    shown = verdict.result.upper() if verdict.result == FAILS else verdict.result
    level = "" if clause.level == MUST else f"({clause.level}) "
    blocks = [f"{verdict.clause:8} {shown:6} {level}{clause.text}"]
    if verdict.result == NOT_APPLICABLE:
        blocks.append(f"why:   {verdict.reason}")
    if verdict.result == FAILS:
        blocks.append(f"seen:  {verdict.reason}")
        if verdict.steps:
            blocks.append(
                f"steps (SETTING stands for DJWTO_BLACKLIST; --replay FILE runs them):\n"
                f"  {_lines(verdict.steps)}"
            )
        blocks.append(f"docs:  clauses/{clause.page}.html#clause-{clause.id}")
        if trace and verdict.trace:
            blocks.append(verdict.trace)
    return "\n".join(blocks).replace("\n", f"\n{_HANG}")


def _lines(steps: Sequence[str]) -> str:
    return "\n  ".join(steps)


def summary(verdicts: Sequence[Verdict]) -> str:
    """What was found in all."""
    held = sum(verdict.result == HOLDS for verdict in verdicts)
    failed = [verdict.clause for verdict in verdicts if verdict.result == FAILS]
    not_applicable = [v.clause for v in verdicts if v.result == NOT_APPLICABLE]
    line = f"{held} clauses hold" if held != 1 else "1 clause holds"
    if not_applicable:
        line += f", {len(not_applicable)} not applicable ({', '.join(not_applicable)})"
    if failed:
        line += f", {len(failed)} FAIL: {', '.join(failed)}"
    return line


def as_json(
    subject: Subject, verdicts: Sequence[Verdict], *, profile: str, seed: int
) -> dict[str, Any]:
    """What `--json` writes."""
    return {
        "djwto": djwto.__version__,
        "python": platform.python_version(),
        "django": django.get_version(),
        "backend": subject.backend,
        "options": dict(subject.options),
        "profile": profile,
        "seed": seed,
        "seconds": round(sum(verdict.seconds for verdict in verdicts), 1),
        "verdicts": [
            {
                "clause": verdict.clause,
                "level": CLAUSES[verdict.clause].level,
                "text": CLAUSES[verdict.clause].text,
                "result": verdict.result,
                "reason": verdict.reason,
                "steps": list(verdict.steps),
                "seconds": round(verdict.seconds, 2),
            }
            for verdict in verdicts
        ],
    }
