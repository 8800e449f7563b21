"""The attacks and faults of docs/security_cases: what each row says, and which tests try it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

_ROLE = re.compile(r":(?:clause|check):`([\w.-]+)`")


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    number: str
    who: str
    """Of whom it comes: A, T, K or O, as the page explains."""
    tried: str
    required: str

    @property
    def rests_on(self) -> list[str]:
        """The clauses and checks that the row names, each of which has tests of its own."""
        return _ROLE.findall(self.required)


def read(lines: list[str]) -> list[Case]:
    """The rows of a table, each a line of four cells. Raises ValueError for any other line."""
    cases = []
    for line in filter(str.strip, lines):
        cells = [cell.strip() for cell in line.split(" | ")]
        if len(cells) != 4 or not all(cells):
            raise ValueError(f"This is no row of four cells: {line!r}")
        cases.append(Case(*cells))
    return cases


def on_page(page: Path) -> list[Case]:
    """The rows of every table of a page."""
    text = page.read_text(encoding="utf-8")
    tables = re.findall(r"^\.\. cases::\n((?:\n|   .*\n)+)", text, re.MULTILINE)
    return [case for table in tables for case in read(table.splitlines())]


def tried_by() -> dict[str, list[str]]:
    """The tests that carry `@pytest.mark.case(...)`, as pytest names them, by the number."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HERE.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for number in _marked(node):
                    found[number].append(f"{path.relative_to(HERE).as_posix()}::{node.name}")
    return dict(found)


def _marked(test: ast.FunctionDef) -> list[str]:
    return [
        str(ast.literal_eval(argument))
        for decorator in test.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.case"
        for argument in decorator.args
    ]
