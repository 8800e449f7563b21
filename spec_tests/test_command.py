"""`python -m djwto.spec_tests`, run as a backend's author runs it: from a folder of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from djwto.spec_tests.clauses import CLAUSES
from djwto.spec_tests.runner import in_order

MINE = """
import os, sqlite3, time
from contextlib import closing
from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable

class Right(BlacklistBackend):
    default_options = {"path": "entries.sqlite3"}

    def __init__(self, options):
        super().__init__(options)
        self._run("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, exp INTEGER)")

    def _run(self, *statement):
        path = self.options["path"]
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            cursor = connection.execute(*statement)
            return cursor.fetchall(), cursor.rowcount

    def add(self, key, exp):
        return self._run("INSERT OR IGNORE INTO entry VALUES (?, ?)", (key, exp))[1] == 1

    def contains(self, key):
        return bool(self._run("SELECT 1 FROM entry WHERE key = ?", (key,))[0])

    def purge(self):
        return self._run("DELETE FROM entry WHERE exp < ?", (int(time.time()),))[1]

class Forgetful(Right):
    def contains(self, key):
        return False

class Down(Right):
    def contains(self, key):
        raise BlacklistUnavailable("the cable is out")

class Unmakeable(Right):
    def __init__(self, options):
        raise KeyError("host")

class NoBackend:
    pass
"""

NEED_VALUES = {"BL-19", "BL-20", "SIG-16", "HTTP-22", "HTTP-23", "HTTP-27"}
"""The clauses that say nothing about a backend of three methods."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "djwto.spec_tests", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_right_backend_of_ones_own_holds_every_clause(folder: Path) -> None:
    done = _run(folder, "--backend", "mine.Right", "--options", '{"path": "other.sqlite3"}')
    lines = done.stdout.splitlines()
    verdicts = dict(line.split()[:2] for line in lines[1:-1] if not line.startswith(" "))
    without_values = [id_ for id_ in in_order() if id_ in NEED_VALUES]
    assert verdicts == {id_: "n/a" if id_ in NEED_VALUES else "holds" for id_ in in_order()}
    assert lines[-1] == (
        f"{len(in_order()) - len(NEED_VALUES)} clauses hold, {len(NEED_VALUES)} not applicable "
        f"({', '.join(without_values)})"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "other.sqlite3").exists()
    assert not (folder / "entries.sqlite3").exists()


def test_a_wrong_one_is_told_which_clause_it_breaks_and_how(folder: Path) -> None:
    done = _run(folder, "--backend", "mine.Forgetful")
    assert done.returncode == 1
    assert f"BL-5     FAILS  {CLAUSES['BL-5']}\n         seen: contains(" in done.stdout
    assert "expected True, saw False" in done.stdout
    assert "the fewest that lead to it:\n           state." in done.stdout
    assert "HTTP-9   FAILS" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--backend", "mine.Absent"), "'mine.Absent' cannot be imported"),
        (("--backend", "absent.Mine"), "No module named 'absent'"),
        (("--backend", "mine"), "cannot be imported"),
        (("--backend", "mine.NoBackend"), "not a subclass of djwto.blacklist.BlacklistBackend"),
        (("--backend", "mine.Unmakeable"), "mine.Unmakeable raised KeyError('host')"),
        (("--backend", "mine.Down"), "the store is unavailable. the cable is out"),
        (("--backend", "mine.Right", "--options", "{"), "not JSON"),
        (("--backend", "mine.Right", "--options", "[]"), "not a JSON object"),
        (("--backend", "mine.Right", "--options", '{"paht": 1}'), "no option paht; it has path"),
        ((), "--backend"),
    ],
)
def test_what_cannot_be_run_is_said_and_is_no_failure(
    folder: Path, arguments: tuple[str, ...], reason: str
) -> None:
    done = _run(folder, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
