"""Each row of the page is tried by a test, and each test that says so tries a row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from djwto.spec_tests.cases import Case, on_page, read, tried_by
from djwto.spec_tests.clauses import CLAUSES

ROWS = on_page(Path(__file__).with_name("security_cases.rst"))
CHECKS = set(
    re.findall(
        r"^\.\. check:: (\S+)$", Path(__file__).with_name("checks.rst").read_text(), re.MULTILINE
    )
)
TESTS = tried_by()


def test_the_page_has_rows_and_no_number_twice() -> None:
    numbers = [row.number for row in ROWS]
    assert len(numbers) > 100
    assert len(set(numbers)) == len(numbers)
    attacks = [int(number) for number in numbers if number.isdecimal()]
    assert attacks == sorted(attacks)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_a_row_is_tried_by_a_test_or_rests_on_what_is(row: Case) -> None:
    assert TESTS.get(row.number) or row.rests_on
    assert set(row.rests_on) <= CLAUSES.keys() | CHECKS


def test_a_test_tries_nothing_but_rows() -> None:
    assert set(TESTS) <= {row.number for row in ROWS}


def test_a_line_that_is_no_row_is_told_so() -> None:
    for line in ("1 | A | what", "1 | A | what | that | more", "1 | A |  | that"):
        with pytest.raises(ValueError, match="no row of four cells"):
            read([line])
