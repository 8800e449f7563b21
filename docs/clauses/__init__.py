"""The numbered clauses: the pages in this folder are their only source."""

from __future__ import annotations

import re
from pathlib import Path

_CLAUSE = re.compile(r"^\.\. clause:: (?P<id>[A-Z]+-\d+)\n\n(?P<text>(?:   .+\n)+)", re.MULTILINE)


def _read() -> dict[str, str]:
    clauses: dict[str, str] = {}
    for page in sorted(Path(__file__).parent.glob("*.rst")):
        for match in _CLAUSE.finditer(page.read_text(encoding="utf-8")):
            if match["id"] in clauses:
                raise ValueError(f"{page.name} has the clause {match['id']} a second time.")
            text = re.sub(r":rfc:`(\d+)`", r"RFC \1", match["text"])
            clauses[match["id"]] = " ".join(text.split()).replace("``", "")
    return clauses


CLAUSES = _read()
"""The text of each clause, by its id."""
