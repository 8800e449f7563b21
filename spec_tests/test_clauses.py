"""Every clause has a check or a test that carries its number, and every number is a clause's."""

from __future__ import annotations

import re
from pathlib import Path

from djwto.spec_tests.clauses import CLAUSES
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.runner import in_order

CARRIED = re.compile(r"clause\(\"([A-Z]+-\d+)\"\)")


def _carried() -> set[str]:
    here = Path(__file__).parent
    return {
        clause_id
        for path in here.rglob("*.py")
        for clause_id in CARRIED.findall(path.read_text(encoding="utf-8"))
    }


def test_every_clause_is_tested_and_every_test_has_a_clause() -> None:
    assert _carried() == set(CLAUSES)


def test_the_numbers_that_the_code_cites_are_clauses() -> None:
    import djwto

    families = "|".join({id_.partition("-")[0] for id_ in CLAUSES})
    cited = {
        number
        for path in Path(djwto.__file__).parent.rglob("*.py")
        for number in re.findall(rf"\b(?:{families})-\d+\b", path.read_text())
    }
    assert cited
    assert cited <= set(CLAUSES)


def test_the_suite_runs_the_checks_in_the_order_of_the_clauses() -> None:
    assert set(in_order()) == set(CHECKS)
    assert in_order()[:3] == ["BL-1", "BL-2", "BL-3"]
    assert in_order().index("BL-9") < in_order().index("BL-10") < in_order().index("SIG-1")
