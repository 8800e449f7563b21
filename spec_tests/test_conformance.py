"""Every clause of the suite on every backend that comes with djwto."""

from __future__ import annotations

import pytest

from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.registry import CHECKS, NotApplicable
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.subject import Subject

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("clause_id", in_order())
def test_clause(clause_id: str, name: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[name]
    if clause_id == "BL-3" and not subject.make().supports_processes:
        with pytest.raises(NotApplicable):
            CHECKS[clause_id](subject)
    else:
        CHECKS[clause_id](subject)
