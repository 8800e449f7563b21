"""Writes down what the gallery found: the kill rate into the README, a table into the docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from djwto.spec_tests.rogues.gallery import REJECTED, Exhibit, Finding, Gallery

COMMAND, COMMAND_AIMED = "make rogues", "make rogues AIMED=1"
BEGIN, END = "<!-- rogues -->", "<!-- /rogues -->"
TABLE = Path("docs", "rogues_table.rst.inc")

TITLES = {
    "answers": "Answers",
    "races": "Races and visibility",
    "expiry": "Time",
    "purges": "Purges",
    "capacity": "Capacity",
    "keys": "Keys",
    "values": "Values",
    "twins": "Async twins",
    "failures": "Failures",
    "options": "Options",
    "durability": "Durability",
    "cores": "Cores",
}


def rate(dead: int, of: int) -> str:
    """How many rogues are dead, in a sentence."""
    percent = f"{100 * dead / of:.3g} %" if of else "there are none"
    return f"{dead} of {of} rogues rejected by the clause they are aimed at ({percent})"


def publish(
    checkout: Path, shown: Gallery, findings: Mapping[str, Finding], sentence: str
) -> None:
    """Writes both files of a checkout. Raises LookupError where the README has no place for it."""
    readme = checkout / "README.md"
    text = readme.read_text(encoding="utf-8")
    place = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not place.search(text):
        raise LookupError(f"{readme} has no {BEGIN} and {END}.")
    command = COMMAND if _all_were_asked(findings) else COMMAND_AIMED
    written = f"{BEGIN}\n{sentence}: `{command}`\n{END}"
    readme.write_text(place.sub(lambda _: written, text), encoding="utf-8")
    (checkout / TABLE).write_text(table(shown, findings), encoding="utf-8")


def table(shown: Gallery, findings: Mapping[str, Finding]) -> str:
    """A table of the rogues for each family, in reStructuredText."""
    asked = _all_were_asked(findings)
    titles = ["What is wrong with it", "Aimed at", *["Also rejected by"][: int(asked)]]
    widths = "46 12 42" if asked else "85 15"
    lines = [f".. Written by {COMMAND}.", ""]
    for family, title in TITLES.items():
        of_family = [rogue for rogue in shown.rogues if rogue.family == family]
        if not of_family:
            continue
        lines += [title, "~" * len(title), ""]
        lines += [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
        lines += _row(*titles)
        for rogue in of_family:
            cells = [f"`{rogue.name}`: {rogue.way}", f":clause:`{rogue.breaks}`"]
            lines += _row(*cells, *[_others(rogue, findings[rogue.name])][: int(asked)])
        lines.append("")
    return "\n".join(lines)


def _all_were_asked(findings: Mapping[str, Finding]) -> bool:
    """Whether other clauses than those that rogues are aimed at have looked at them."""
    return any(len(finding.answers) > 1 for finding in findings.values())


def _row(*cells: str) -> list[str]:
    return [f"   {'*' if at == 0 else ' '} - {cell}".rstrip() for at, cell in enumerate(cells)]


def _others(rogue: Exhibit, finding: Finding) -> str:
    return ", ".join(
        f":clause:`{clause}`" for clause in finding.by(REJECTED) if clause != rogue.breaks
    )
