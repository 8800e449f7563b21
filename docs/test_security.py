"""What SECURITY.md says is proven somewhere: the tests and the clauses that it names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import djwto
from djwto.spec_tests.clauses import CLAUSES

CHECKOUT = Path(__file__).parents[1]
TEXT = (CHECKOUT / "SECURITY.md").read_text(encoding="utf-8")

THREATS = {
    section.partition("\n")[0]: section for section in re.split(r"^### ", TEXT, flags=re.M)[1:]
}
TESTS = re.compile(r"`([\w/]+\.py)::(\w+)`")
ANSWERS = ("Can", "Cannot", "To end it", "Proven by")


def is_there(path: str, name: str) -> bool:
    """Whether this file of the checkout has a test of this name."""
    file = CHECKOUT / path
    if not file.is_file() or not name.startswith("test_"):
        return False
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return name in {node.name for node in body if isinstance(node, ast.FunctionDef)}


def clauses(text: str) -> set[str]:
    """The clauses that a text names, and those between two of which it says "to"."""
    found = set(re.findall(r"\b[A-Z]{2,4}-\d+\b", text))
    for kind, first, kind_again, last in re.findall(r"([A-Z]+)-(\d+) to ([A-Z]+)-(\d+)", text):
        assert kind == kind_again
        found |= {f"{kind}-{number}" for number in range(int(first), int(last) + 1)}
    return found


def test_every_thief_is_thought_of() -> None:
    expected = [
        "A stolen access token",
        "A stolen refresh token",
        "A dump of the database",
        "A dump of the cache or of Redis",
        "A stolen signing key",
        "A log file",
        *(f"A script on a page of the site (XSS), {m}" for m in ("JSON", "ONE-COOKIE")),
        "A script on a page of the site (XSS), TWO-COOKIES",
    ]
    assert list(THREATS)[: len(expected)] == expected


@pytest.mark.parametrize("threat", THREATS)
def test_each_says_what_it_can_do_how_to_end_it_and_what_proves_it(threat: str) -> None:
    section = THREATS[threat]
    assert tuple(re.findall(r"^- ([A-Z][a-z ]+?):", section, re.M)) == ANSWERS
    proof = section.partition("- Proven by:")[2]
    named = TESTS.findall(proof)
    # All that stands there, and nothing that only looks like it.
    assert len(named) == proof.count("::") == proof.count("`") / 2 > 0
    assert [f"{path}::{name}" for path, name in named if not is_there(path, name)] == []


def test_the_clauses_are_those_of_the_specification() -> None:
    named = clauses(TEXT)
    assert named >= {"HTTP-21", "TOK-5", "LOG-2"}
    assert named <= set(CLAUSES)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("spec_tests/core/test_reuse.py", "test_that_was_never_written"),
        ("spec_tests/core/test_reused.py", "test_reuse_is_announced_once_the_session_has_ended"),
        ("spec_tests/core/alice.py", "create_alice"),
    ],
)
def test_what_is_not_there_would_be_found(path: str, name: str) -> None:
    assert not is_there(path, name)


def test_the_version_that_gets_fixes_is_this_one() -> None:
    assert re.search(rf"^\| {re.escape(djwto.__version__)} +\| yes", TEXT, re.M)


def test_the_pages_that_it_names_are_there() -> None:
    pages = re.findall(r"`(docs/[\w/]+(?:\.rst)?)`", TEXT)
    assert pages
    assert [page for page in pages if not (CHECKOUT / page).exists()] == []
