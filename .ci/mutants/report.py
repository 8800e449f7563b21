"""What became of the mutants, and which of those that survived are explained."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from names import Change, change_of, function_of
from runner import KILLED, STATUS, TIMEOUT

EXPLAINED = Path(__file__).with_name("explained.txt")
"""Reasons, and below each, indented, the mutants that it explains, as `told` writes them."""

LEAST = 0.95
"""The score to reach: of the mutants that were tested, those that were noticed."""


def report(modules: list[SourceFileMutationData]) -> bool:
    """Prints what became of the mutants of each module; whether all is well.

    It is not where a mutant survived that is not explained, where one is explained that did not
    survive, and where the score is too low.
    """
    explained = read(EXPLAINED.read_text())
    functions = {function for function, *_ in explained}
    stale = set(explained)
    rows: list[tuple[str, Counter[str]]] = []
    for data in modules:
        count: Counter[str] = Counter()
        rows.append((str(data.path), count))
        for name, code in data.exit_code_by_key.items():
            status = STATUS[code]
            if code in {KILLED, TIMEOUT} or (code is None and function_of(name) not in functions):
                count[status] += 1
                continue
            change = change_of(name, data.path)
            stale.discard(change)
            if code is not None and change in explained:
                status = "explained"
            count[status] += 1
            if status in {"survived", "no tests"}:
                print(f"{status}: {name}\n\n{told(change)}\n")
    for change in sorted(stale):
        print(f"explained, though it did not survive or is not there:\n\n{told(change)}\n")
    total = sum((count for _, count in rows), Counter())
    columns = ("killed", "timeout", "explained", "survived", "no tests", "unchecked")
    print(f"{'':38}{''.join(f'{column:>10}' for column in columns)}    score")
    for name, count in [*rows, ("all", total)]:
        numbers = "".join(f"{count[column]:10}" for column in columns)
        print(f"{name:38}{numbers}{score(count):9.1%}")
    return not stale and not total["survived"] + total["no tests"] and score(total) >= LEAST


def score(count: Counter[str]) -> float:
    """How many of the mutants that were tested were noticed."""
    tested = sum(count.values()) - count["unchecked"]
    return (count["killed"] + count["timeout"]) / max(1, tested)


def read(text: str) -> set[Change]:
    """The mutants that the text explains."""
    blocks = re.split(r"\n{2,}", text.strip("\n"))
    assert not blocks[0].startswith(" "), "A reason comes first."
    return {
        tuple(line.strip() for line in block.splitlines())
        for block in blocks
        if block.startswith(" ")
    }


def told(change: Change) -> str:
    """A mutant as `read` takes it."""
    return "\n".join(f"    {line}" for line in change)
