"""Runs the checks on one backend: the verdict of each clause."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from io import StringIO

from django.core.exceptions import ImproperlyConfigured
from hypothesis.reporting import with_reporter

from djwto.exceptions import STORE_FAILURES
from djwto.spec_tests import (
    checks,  # noqa: F401  (importing them registers them)
    tape,
    watch,
)
from djwto.spec_tests.clauses import CLAUSES, MUST
from djwto.spec_tests.frames import is_of_the_suite
from djwto.spec_tests.registry import CHECKS, Broken, Check, NotApplicable
from djwto.spec_tests.report import FAILS, HOLDS, NOT_APPLICABLE, Verdict
from djwto.spec_tests.subject import Subject

FAMILIES = ("BL", "SIG", "HTTP")
"""The families of clauses that are checked on every backend, in the order of their verdicts."""


def in_order() -> list[str]:
    """The ids of the clauses that are checked, by family and number."""

    def rank(clause_id: str) -> tuple[int, int]:
        family, _, number = clause_id.partition("-")
        return FAMILIES.index(family), int(number)

    return sorted(CHECKS, key=rank)


def run(
    subject: Subject, only: list[str] | None = None, opt_outs: Mapping[str, str] | None = None
) -> Iterator[Verdict]:
    """The verdict of each clause, or of some, as soon as it is known.

    `opt_outs` has the reason for each clause that is left out; see `refuse_opt_outs`.
    """
    for clause_id in in_order():
        if only is None or clause_id in only:
            reason = (opt_outs or {}).get(clause_id)
            yield run_one(clause_id, CHECKS[clause_id], subject, reason)


def run_watched(
    subject: Subject,
    only: list[str],
    opt_outs: Mapping[str, str],
    tell: Callable[[Verdict], object],
    give_up: Callable[[Verdict], object],
) -> None:
    """Tells the verdict of each clause, as soon as it is known.

    At a call that never returns it gives up, in another thread and with the last verdict that
    there is: Python cannot end the call.
    """
    told = 0

    def never_answers(what: str) -> None:
        reason = f"{what}. The clauses after this one were not checked."
        give_up(Verdict(only[told], FAILS, reason))

    with watch.watching(never_answers):
        for verdict in run(subject, only, opt_outs):
            tell(verdict)
            told += 1


def refuse_opt_outs(opt_outs: Mapping[str, str]) -> None:
    """Raises ImproperlyConfigured for a clause that cannot be left out, or without a reason."""
    for clause_id, reason in opt_outs.items():
        if clause_id not in CHECKS:
            raise ImproperlyConfigured(
                f"{clause_id} is left out, and is no clause that the suite checks; it checks "
                f"{', '.join(in_order())}."
            )
        if CLAUSES[clause_id].level == MUST:
            raise ImproperlyConfigured(
                f"{clause_id} is a MUST and cannot be left out. Those that can: "
                f"{', '.join(id_ for id_ in in_order() if CLAUSES[id_].level != MUST)}."
            )
        if not isinstance(reason, str) or not reason.strip():
            raise ImproperlyConfigured(f"{clause_id} is left out without a reason; write one.")


def run_one(clause_id: str, check: Check, subject: Subject, opt_out: str | None = None) -> Verdict:
    """The verdict of one clause. Whatever a check raises, the others go on."""
    start = time.monotonic()
    result, reason = HOLDS, ""
    steps: tuple[str, ...] = ()
    error: Exception | None = None
    printed = StringIO()
    with tape.recording() as running:
        try:
            with redirect_stdout(printed), with_reporter(print):
                check(subject)
        except NotApplicable as said:
            result, reason = NOT_APPLICABLE, str(said)
        except Broken as broken:
            result, reason = FAILS, str(broken)
            steps = _machine_steps(broken, printed.getvalue()) or tuple(running.told(reason))
            error = broken
        except STORE_FAILURES as said:
            result, reason, error = FAILS, f"the store was unavailable: {said}", said
            steps = tuple(running.told(reason))
        except Exception as said:
            error = _found_by_chance(said) or said
            result, reason = FAILS, str(error) if isinstance(error, Broken) else _raised(error)
            steps = tuple(running.told(reason))
    if opt_out is not None:
        if isinstance(error, Broken):
            result, reason, steps = NOT_APPLICABLE, f"left out: {opt_out}", ()
        elif error is None:
            found = "holds" if result == HOLDS else f"does not apply anyway: {reason}"
            result = FAILS
            reason = f"it is left out ({opt_out}): expected it not to hold, and it {found}. "
            reason += "Remove the opt-out."
    crashed = error is not None and not isinstance(error, Broken)
    return Verdict(
        clause=clause_id,
        result=result,
        reason=reason,
        steps=steps,
        seconds=time.monotonic() - start,
        crashed=crashed,
        trace="".join(traceback.format_exception(error)) if error is not None else "",
    )


def _found_by_chance(error: Exception) -> Broken | None:
    """What Hypothesis saw once and not again, as with threads it may be."""
    for one in getattr(error, "exceptions", ()):
        if isinstance(one, Broken):
            return one
    return None


def _raised(error: Exception) -> str:
    """What an exception says, and which call of the checks it came out of if it did of one."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [is_of_the_suite(frame) for frame in frames]
    if not any(ours) or ours[-1]:
        return f"{type(error).__name__}: {error}"
    last = len(ours) - 1 - ours[::-1].index(True)
    called = frames[last + 1].f_code.co_name
    return f"{called}(): expected an answer, saw {error!r} raised"


def _machine_steps(error: BaseException, printed: str) -> tuple[str, ...]:
    """The shrunk run of a state machine over HTTP, as Hypothesis prints it."""
    # Python 3.11 and later carry Hypothesis' report with the exception; 3.10 has it printed.
    report = "\n".join(getattr(error, "__notes__", ())) or printed
    _, found, steps = report.rpartition("state = SessionsMachine()")
    lines = [line.strip() for line in steps.splitlines()[1:]]
    if not found or "state.teardown()" not in lines:
        return ()
    return ("state = SessionsMachine()", *lines[: lines.index("state.teardown()") + 1])
