"""Which check belongs to which clause, and how a check says what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from djwto.spec_tests.broken import Broken, NotApplicable
from djwto.spec_tests.clauses import CLAUSES
from djwto.spec_tests.subject import Subject

__all__ = ["CHECKS", "Broken", "Check", "NotApplicable", "clause", "expect"]

Check = Callable[[Subject], None]

CHECKS: dict[str, Check] = {}
"""The check of each clause that is checked on every backend. `runner.in_order` sorts them."""


def clause(clause_id: str) -> Callable[[Check], Check]:
    """Makes a function the check of a clause: it returns, or raises Broken or NotApplicable."""
    if clause_id not in CLAUSES:
        raise LookupError(f"docs/clauses has no clause {clause_id}.")

    def register(check: Check) -> Check:
        if clause_id in CHECKS:
            raise LookupError(f"{clause_id} has a check already.")
        CHECKS[clause_id] = check
        return check

    return register


def expect(done: str, seen: Any, wanted: Any) -> None:
    """Raises Broken unless what was seen is what was wanted, of the very same types."""
    if not _same(seen, wanted):
        raise Broken(f"{done}: expected {wanted!r}, saw {seen!r}")


def _same(seen: Any, wanted: Any) -> bool:
    if type(seen) is not type(wanted) or seen != wanted:
        return False
    if isinstance(wanted, dict):
        return all(_same(seen[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return all(map(_same, seen, wanted))
    return True
