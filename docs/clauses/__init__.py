"""The numbered clauses: the pages in this folder are their only source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_CLAUSE = re.compile(
    r"^\.\. clause:: (?P<id>[A-Z]+-\d+)\n(?:   :level: (?P<level>\w+)\n)?\n(?P<text>(?:   .+\n)+)",
    re.MULTILINE,
)

MUST, SHOULD, MAY = "MUST", "SHOULD", "MAY"
"""The levels, as RFC 2119 has them: what may be left out, and at what price."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise."""

    id: str
    level: str
    text: str
    page: str
    """The name of the page it stands on."""


def _read() -> dict[str, Clause]:
    clauses: dict[str, Clause] = {}
    for page in sorted(Path(__file__).parent.glob("*.rst")):
        for match in _CLAUSE.finditer(page.read_text(encoding="utf-8")):
            if match["id"] in clauses:
                raise ValueError(f"{page.name} has the clause {match['id']} a second time.")
            level = match["level"] or MUST
            if level not in (MUST, SHOULD, MAY):
                raise ValueError(f"{page.name}: {match['id']} has the level {level}.")
            text = re.sub(r":rfc:`(\d+)`", r"RFC \1", match["text"])
            text = re.sub(r":clause:`(.+?)`", r"\1", " ".join(text.split())).replace("``", "")
            clauses[match["id"]] = Clause(match["id"], level, text, page.stem)
    return clauses


CLAUSES = _read()
"""Each clause by its id."""
