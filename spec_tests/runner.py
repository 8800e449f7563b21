"""Runs the checks on one backend and tells, clause by clause, what was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO

from hypothesis.reporting import with_reporter

from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests import (  # noqa: F401  (importing them registers their checks)
    backend_calls,
    backend_expiry,
    backend_machine,
    backend_races,
    backend_values,
    cutoffs,
    rotations,
    sessions,
    sessions_machine,
    signals_sent,
)
from djwto.spec_tests.clauses import CLAUSES
from djwto.spec_tests.registry import CHECKS, Broken, Check, NotApplicable
from djwto.spec_tests.subject import Subject

HOLDS, FAILS, NOT_APPLICABLE = "holds", "FAILS", "n/a"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one clause."""

    clause: str
    result: str
    reason: str = ""
    example: str = ""
    """The shrunk sequence of calls that Hypothesis found, as lines of Python."""
    seconds: float = 0.0


def in_order() -> list[str]:
    """The ids of the clauses that are checked, by family and number."""

    def rank(clause_id: str) -> tuple[int, int]:
        family, _, number = clause_id.partition("-")
        return ("BL", "SIG", "HTTP").index(family), int(number)

    return sorted(CHECKS, key=rank)


def run(subject: Subject) -> Iterator[Verdict]:
    """The verdict of each clause, as soon as it is known."""
    for clause_id in in_order():
        yield run_one(clause_id, CHECKS[clause_id], subject)


def run_one(clause_id: str, check: Check, subject: Subject) -> Verdict:
    """The verdict of one clause. Whatever a check raises, the others go on."""
    printed = StringIO()
    start = time.monotonic()

    def verdict(result: str, reason: str = "", example: str = "") -> Verdict:
        return Verdict(clause_id, result, reason, example, time.monotonic() - start)

    try:
        with redirect_stdout(printed), with_reporter(print):
            check(subject)
    except NotApplicable as reason:
        return verdict(NOT_APPLICABLE, str(reason))
    except Broken as broken:
        return verdict(FAILS, str(broken), _example(broken, printed.getvalue()))
    except BlacklistUnavailable as error:
        return verdict(FAILS, f"the store was unavailable: {error}", _example(error))
    except Exception as error:
        return verdict(FAILS, f"{type(error).__name__}: {error}", _example(error))
    return verdict(HOLDS)


def _example(error: BaseException, printed: str = "") -> str:
    # Python 3.11 and later carry Hypothesis' report with the exception; 3.10 has it printed.
    report = "\n".join(getattr(error, "__notes__", ())) or printed
    _, _, steps = report.rpartition("state = ")
    lines = [line.strip() for line in steps.splitlines()[1:]]
    if "state.teardown()" not in lines:
        return ""
    return "\n".join(lines[: lines.index("state.teardown()")])


def describe(verdict: Verdict) -> str:
    """One verdict as a line, and what there is to say of a clause that does not hold."""
    line = f"{verdict.clause:8} {verdict.result:6} {CLAUSES[verdict.clause]}"
    if verdict.reason:
        line += f"\n         {'why: ' if verdict.result == NOT_APPLICABLE else 'seen: '}"
        line += verdict.reason.replace("\n", "\n         ")
    if verdict.example:
        steps = verdict.example.replace("\n", "\n           ")
        line += f"\n         after these steps, the fewest that lead to it:\n           {steps}"
    return line


def summary(verdicts: list[Verdict]) -> str:
    """What was found in all."""
    held = sum(verdict.result == HOLDS for verdict in verdicts)
    failed = [verdict.clause for verdict in verdicts if verdict.result == FAILS]
    not_applicable = [v.clause for v in verdicts if v.result == NOT_APPLICABLE]
    line = f"{held} clauses hold"
    if not_applicable:
        line += f", {len(not_applicable)} not applicable ({', '.join(not_applicable)})"
    if failed:
        line += f", {len(failed)} FAIL: {', '.join(failed)}"
    return line
