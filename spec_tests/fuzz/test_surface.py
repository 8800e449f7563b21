"""HTTP-19: whatever is sent, it is not answered 500, and nobody gains what is not theirs."""

from __future__ import annotations

import pytest

from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.fuzz.surface import surface
from djwto.spec_tests.subject import Subject

EXAMPLES = {"database": 120, "cache": 40, "redis": 40}


@pytest.mark.django_db
@pytest.mark.clause("HTTP-19")
@pytest.mark.case("P10", "P11", "P12", 114)
@pytest.mark.parametrize("store", SUBJECTS)
def test_whatever_is_sent_nothing_happens_that_must_not(
    store: str, subjects: dict[str, Subject]
) -> None:
    surface([subjects[store]], examples=EXAMPLES[store])()
