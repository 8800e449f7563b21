"""Every clause of the suite on every backend that comes with djwto."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import profile
from djwto.spec_tests.checks.expiry import WAITING
from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.registry import CHECKS, NotApplicable
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.subject import Subject

pytestmark = pytest.mark.django_db(transaction=True)

OF_PROCESSES = {"BL-3", "BL-15", "BL-23", "HTTP-17"}
"""What does not apply to a store in a process's own memory: nobody else has it, nor takes it."""

OF_VALUES = {"BL-19", "BL-20", "SIG-16", "HTTP-22", "HTTP-23", "HTTP-27"}
OF_NO_VALUES = {"BL-22"}


def not_applicable(clause_id: str, backend: BlacklistBackend) -> AbstractContextManager[Any]:
    """Demands that the check of a clause says so where, and only where, it does not apply."""
    left_out = OF_NO_VALUES if backend.supports_values else OF_VALUES
    if not backend.supports_processes:
        left_out = left_out | OF_PROCESSES
    if clause_id in left_out:
        return pytest.raises(NotApplicable, match=r"supports_.* is |no way to take")
    return nullcontext()


def cases(*names: str) -> list[Any]:
    """Each clause with each of the subjects named."""
    return [
        pytest.param(
            clause_id,
            name,
            marks=[pytest.mark.xdist_group(f"waiting-{name}")] if clause_id in WAITING else [],
        )
        for clause_id in in_order()
        for name in names
    ]


@pytest.mark.parametrize(("clause_id", "name"), cases(*SUBJECTS))
def test_clause(clause_id: str, name: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[name]
    # `make matrix` looks hard at each.
    with not_applicable(clause_id, subject.make()), profile.use("quick"):
        CHECKS[clause_id](subject)
