"""A tree of the packages as they are once installed, made for mutmut."""

from __future__ import annotations

import ast
import os
import shutil
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TREE = ROOT / "build/mutants" / os.environ.get("LANE", "0")
PLACES = {
    "djwto": "djwto",
    "backends": "djwto/backends",
    "spec_tests": "djwto/spec_tests",
    "docs/clauses": "djwto/spec_tests/clauses",
}
"""The folders of the checkout, and where they are once they are installed."""


def build() -> None:
    """Makes the tree; what has not changed keeps its date, and its results."""
    for folder, place in PLACES.items():
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in {".py", ".rst", ".typed", ".html", ".json", ".mo"}:
                continue
            target = TREE / place / path.relative_to(ROOT / folder)
            source = path.read_bytes()
            if path.suffix == ".py" and folder in {"djwto", "backends"}:
                source = undecorated(source.decode()).encode()
            if not target.exists() or target.read_bytes() != source:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source)
    shutil.copy2(ROOT / "pyproject.toml", TREE)


def undecorated(source: str) -> str:
    """The same module with `f = decorator(f)` for `@decorator`: mutmut skips what has one."""
    gone: set[int] = set()
    after: dict[int, list[str]] = defaultdict(list)
    # What is outside comes first in the walk, and its line last.
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or not node.decorator_list:
            continue
        if ast.unparse(node.decorator_list[-1]) == "classmethod":
            continue
        assert node.end_lineno is not None
        gone.update(range(node.decorator_list[0].lineno, node.lineno))
        applied = node.name
        for decorator in reversed(node.decorator_list):
            applied = f"{ast.unparse(decorator)}({applied})"
        after[node.end_lineno].insert(0, f"{' ' * node.col_offset}{node.name} = {applied}")
    lines = []
    for number, line in enumerate(source.splitlines(), 1):
        lines += [] if number in gone else [line]
        lines += after[number]
    return "\n".join(lines) + "\n"
