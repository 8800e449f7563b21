"""`make matrix`: what it writes, and that what is committed is of the clauses as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from djwto.spec_tests.clauses import CLAUSES
from djwto.spec_tests.matrix import COLUMNS, Matrix, found_columns, gather, main, write
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.services import REDIS

COMMITTED = Path(__file__).parents[1] / "docs" / "matrix"

NOBODY_THERE = replace(REDIS, variable="DJWTO_TEST_NOWHERE", default="redis://127.0.0.1:1/0")


def _run(*results: tuple[str, str]) -> dict[str, Any]:
    verdicts = [
        {"clause": f"BL-{n}", "level": "MUST", "text": "a < b & c", "result": r, "reason": reason}
        for n, (r, reason) in enumerate(results, 1)
    ]
    return {"djwto": "1", "django": "2", "python": "3", "verdicts": verdicts, "seed": 7}


MADE = gather(
    [
        (COLUMNS[0], "1.2", _run(("holds", ""), ("n/a", 'says <"no">'))),
        (COLUMNS[1], "3.4", _run(("fails", "saw & heard"), ("n/a", 'says <"no">'))),
    ],
    "quick",
)


class _Page(HTMLParser):
    """The rows of a page, and the tags that were left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[str] = []
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "link", "wbr"):
            self.open.append(tag)
        self.hrefs += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append(dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = _Page()
    page.feed(MADE.as_html())
    assert page.open == []
    assert page.hrefs == []
    assert page.rows == ["", "", "differs", "same"]
    assert "says &lt;&quot;no&quot;&gt;" in MADE.as_html()
    assert "a &lt; b &amp; c" in MADE.as_html()
    assert '<td class="fails"><details><summary>✗ FAIL</summary><p>saw &amp; heard' in (
        MADE.as_html()
    )


def test_the_table_has_a_row_a_clause_and_the_reasons_once() -> None:
    lines = MADE.as_text().splitlines()
    assert lines[:2] == [
        "1 DatabaseBlacklist on SQLite (1.2)",
        "2 DatabaseBlacklist on PostgreSQL (3.4)",
    ]
    assert "BL-1    MUST         pass FAIL [1]" in lines
    assert "BL-2    MUST      n/a [2]  n/a [2]" in lines
    assert [line for line in lines if line.startswith("[")] == [
        "[1] saw & heard",
        '[2] says <"no">',
    ]


def test_a_second_run_writes_the_same(tmp_path: Path) -> None:
    write(MADE, tmp_path)
    written = json.loads((tmp_path / "matrix.json").read_text())
    again = Matrix(written["columns"], written["clauses"], written["made"])
    assert again == MADE
    assert "seed" not in (tmp_path / "matrix.json").read_text()


def test_a_store_that_is_not_there_is_left_out() -> None:
    absent = replace(COLUMNS[-2], service=NOBODY_THERE)
    assert found_columns([COLUMNS[0], absent]) == ([COLUMNS[0]], [absent])


@pytest.mark.parametrize("name", ["matrix.json", "matrix.txt", "index.html"])
def test_what_is_committed_is_of_these_clauses(name: str) -> None:
    found = json.loads((COMMITTED / "matrix.json").read_text(encoding="utf-8"))
    matrix = Matrix(found["columns"], found["clauses"], found["made"])
    assert [row["clause"] for row in matrix.rows] == in_order(), "run: make matrix"
    for row in matrix.rows:
        clause = CLAUSES[row["clause"]]
        assert (row["level"], row["text"]) == (clause.level, clause.text), "run: make matrix"
        assert len(row["verdicts"]) == len(matrix.heads)
    forms = {
        "matrix.json": matrix.as_json,
        "matrix.txt": matrix.as_text,
        "index.html": matrix.as_html,
    }
    assert (COMMITTED / name).read_text(encoding="utf-8") == forms[name]()


def test_one_column_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from djwto.spec_tests import matrix

    monkeypatch.setattr(matrix, "COLUMNS", COLUMNS[3:4])
    assert main(["--out", str(tmp_path), "--profile", "quick"]) == 0
    found = json.loads((tmp_path / "matrix.json").read_text())
    assert [column["store"] for column in found["columns"]] == ["local memory of Django"]
    assert {cell["verdicts"][0]["result"] for cell in found["clauses"]} == {"holds", "n/a"}
