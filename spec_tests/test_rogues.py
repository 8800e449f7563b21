"""Each check rejects what breaks its clause and passes what does not, and the gallery says so."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from djwto.spec_tests import profile
from djwto.spec_tests.checks.expiry import WAITING
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.rogues.__main__ import ALL_DEAD, SURVIVORS, VOID, show
from djwto.spec_tests.rogues.answers import AlwaysFirst
from djwto.spec_tests.rogues.gallery import (
    CRASHED,
    HELD,
    REJECTED,
    Exhibit,
    Gallery,
    baselines,
    canary,
    examine,
    exhibit,
    is_killed,
    one_after_the_other,
    whole,
)
from djwto.spec_tests.rogues.honest import Honest
from djwto.spec_tests.rogues.publication import BEGIN, END, TABLE
from djwto.spec_tests.runner import in_order

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = whole()


def _cases(exhibits: Iterable[Exhibit]) -> list[Any]:
    return [pytest.param(one, id=f"{one.breaks or 'all'}-{one.name}") for one in exhibits]


def _every_third(exhibits: Sequence[Exhibit]) -> Iterator[Exhibit]:
    """Of those that break one clause; `make rogues AIMED=1` shows them all, and takes minutes."""
    clauses = dict.fromkeys(one.breaks for one in exhibits)
    for clause in clauses:
        yield from [one for one in exhibits if one.breaks == clause][::3]


@pytest.mark.parametrize("rogue", _cases(_every_third(WHOLE.rogues)))
def test_a_rogue_is_rejected_by_the_clause_that_it_is_aimed_at(rogue: Exhibit) -> None:
    finding = examine(rogue, [rogue.breaks])
    assert is_killed(finding, rogue.breaks), (finding.answers, finding.reasons)
    assert "expected" in finding.reasons[rogue.breaks]


# The database is run by test_conformance.py, and others under a core by test_own_backend.py.
@pytest.mark.parametrize("right", WHOLE.baselines[:2], ids=lambda right: right.name)
def test_what_breaks_nothing_passes(right: Exhibit) -> None:
    of_a_backend = [clause for clause in in_order() if clause.startswith("BL-")]
    with profile.use("quick"):
        finding = examine(right, of_a_backend)
    assert not finding.by(REJECTED) + finding.by(CRASHED), finding.reasons


def test_what_is_wrong_in_everything_is_held_to_no_clause() -> None:
    finding = examine(WHOLE.canary, [clause for clause in in_order() if clause not in WAITING])
    assert finding.by(HELD) == []
    assert len(finding.by(CRASHED)) < len(finding.by(REJECTED)) / 4


def test_every_clause_that_is_checked_has_a_rogue() -> None:
    assert WHOLE.without_a_rogue() == []
    assert replace(WHOLE, rogues=WHOLE.rogues[:1]).without_a_rogue() == [
        clause for clause in in_order() if clause != WHOLE.rogues[0].breaks
    ]
    assert {rogue.breaks for rogue in WHOLE.rogues} == set(CHECKS)


def test_every_rogue_has_a_name_and_says_what_is_wrong_with_it() -> None:
    names = [one.name for one in (*WHOLE.rogues, *WHOLE.baselines, WHOLE.canary)]
    assert len(set(names)) == len(names)
    for rogue in WHOLE.rogues:
        assert rogue.way.endswith("."), rogue.name
        assert "\n" not in rogue.way, rogue.name
    assert len({rogue.way for rogue in WHOLE.rogues}) == len(WHOLE.rogues)


class Innocent(Honest):
    """Breaks nothing, and is said to."""

    breaks = "BL-1"


class Crashing(Honest):
    """Makes the check crash that is to reject it."""

    breaks = "BL-1"

    def __init__(self, options: Mapping[str, Any]) -> None:
        raise ZeroDivisionError("by zero")


ROGUE = exhibit(AlwaysFirst)
RIGHT = baselines()[0]


def _gallery(
    *rogues: Exhibit, right: Exhibit = RIGHT, wrong: Exhibit | None = None, only: str = "BL-1"
) -> Gallery:
    return Gallery(rogues, [right], wrong or canary(), [only])


def _given(**options: Any) -> Namespace:
    return Namespace(**{"aimed": True, "json": None, "publish": None} | options)


def test_a_gallery_in_which_all_are_dead(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(_gallery(ROGUE), one_after_the_other, _given()) == ALL_DEAD
    printed = capsys.readouterr().out
    assert "dead  BL-1    AlwaysFirst: Answers True to everyone" in printed
    assert printed.endswith(
        "1 of 1 rogues rejected by the clause they are aimed at (100 %)\n",
    )


def test_a_rogue_that_is_alive_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _gallery(ROGUE, exhibit(Innocent))
    assert show(shown, one_after_the_other, _given()) == SURVIVORS
    printed = capsys.readouterr().out
    assert "ALIVE BL-1    Innocent: Breaks nothing, and is said to." in printed
    assert "1 alive: Innocent" in printed
    assert "1 of 2 rogues rejected by the clause they are aimed at (50 %)" in printed


def test_a_crash_is_no_kill(capsys: pytest.CaptureFixture[str]) -> None:
    finding = examine(exhibit(Crashing), ["BL-1"])
    assert finding.answers == {"BL-1": CRASHED}
    assert show(_gallery(exhibit(Crashing)), one_after_the_other, _given()) == SURVIVORS
    printed = capsys.readouterr().out
    assert "expected an answer, saw ZeroDivisionError('by zero') raised" in printed
    assert "BL-1 crashed: " in printed


def test_a_rogue_whose_clause_is_not_checked_is_alive(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unchecked = replace(ROGUE, breaks="DB-1")
    assert show(_gallery(unchecked), one_after_the_other, _given()) == SURVIVORS
    assert "1 alive: AlwaysFirst" in capsys.readouterr().out


def test_a_run_is_void_if_what_is_right_fails(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, how in ((ROGUE, "rejected"), (exhibit(Crashing), "crashed")):
        shown = _gallery(ROGUE, right=replace(wrong, breaks=""))
        assert show(shown, one_after_the_other, _given()) == VOID
        told = capsys.readouterr().err
        assert told.startswith(f"The run is void. {wrong.name} breaks nothing, and BL-1 {how}: ")


def test_a_run_is_void_if_what_is_wrong_passes(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _gallery(ROGUE, wrong=replace(RIGHT, breaks="BL-1"))
    assert show(shown, one_after_the_other, _given()) == VOID
    assert capsys.readouterr().err == (
        "The run is void. Honest is to break everything, and was not rejected by BL-1.\n"
    )


def test_what_was_found_is_published(tmp_path: Path) -> None:
    readme, file = tmp_path / "README.md", tmp_path / "found.json"
    readme.write_text(f"Before.\n{BEGIN}old{END}\nAfter.\n")
    (tmp_path / TABLE).parent.mkdir()
    given = _given(json=file, publish=tmp_path)
    assert show(_gallery(ROGUE), one_after_the_other, given) == ALL_DEAD
    assert readme.read_text() == (
        f"Before.\n{BEGIN}\n1 of 1 rogues rejected by the clause they are aimed at (100 %): "
        f"`make rogues AIMED=1`\n{END}\nAfter.\n"
    )
    assert f"`AlwaysFirst`: {ROGUE.way}" in (tmp_path / TABLE).read_text()
    assert '"aimed_at": "BL-1"' in file.read_text()


def test_nothing_is_published_of_a_run_that_went_wrong(tmp_path: Path) -> None:
    shown = _gallery(exhibit(Innocent))
    given = _given(publish=tmp_path)
    assert show(shown, one_after_the_other, given) == SURVIVORS
    assert list(tmp_path.iterdir()) == []


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "djwto.spec_tests.rogues", "--aimed", "--jobs", "1"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)


def test_the_command_shows_the_rogues_that_it_is_given() -> None:
    done = _command("AlwaysFirst", "LoggedInTwice")
    assert (done.returncode, done.stderr) == (ALL_DEAD, "")
    assert done.stdout.startswith("Honest, HonestWithoutValues, DatabaseBlacklist pass")
    assert "dead  SIG-1   LoggedInTwice: Sends `jwt_logged_in` twice." in done.stdout


def test_the_command_knows_no_other_names() -> None:
    done = _command("Robin")
    assert (done.returncode, done.stderr) == (VOID, "There is no rogue Robin.\n")


def test_the_command_publishes_the_whole_only(tmp_path: Path) -> None:
    done = _command("AlwaysFirst", "--publish", str(tmp_path))
    assert done.returncode == VOID
    assert "only what was found of all rogues is published" in done.stderr
    assert list(tmp_path.iterdir()) == []
