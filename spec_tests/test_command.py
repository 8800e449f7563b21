"""`python -m djwto.spec_tests`, run as a backend's author runs it: from a folder of their own."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from djwto.spec_tests.clauses import CLAUSES
from djwto.spec_tests.elsewhere import run
from djwto.spec_tests.runner import in_order

MINE = """
import os, signal, sqlite3, time
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
        try:
            with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
                cursor = connection.execute(*statement)
                return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise BlacklistUnavailable(str(error)) from error

    def add(self, key, exp):
        return self._run("INSERT OR IGNORE INTO entry VALUES (?, ?)", (key, exp))[1] == 1

    def contains(self, key):
        return bool(self._run("SELECT 1 FROM entry WHERE key = ?", (key,))[0])

    def purge(self):
        return self._run("DELETE FROM entry WHERE exp < ?", (int(time.time()),))[1]

class Forgetful(Right):
    def contains(self, key):
        return False

class Hasty(Right):
    def get_many(self, keys):
        return super().get_many(list(keys)[:100])

class OneProcess(BlacklistBackend):
    entries = {}

    def add(self, key, exp):
        mine = object()
        return self.entries.setdefault(key, mine) is mine

    def contains(self, key):
        return key in self.entries

    def purge(self):
        return 0

class Down(Right):
    def contains(self, key):
        raise BlacklistUnavailable("the cable is out")

class Unmakeable(Right):
    def __init__(self, options):
        raise KeyError("host")

class Exits(Right):
    def __init__(self, options):
        raise SystemExit("no host")

class Hangs(Right):
    def purge(self):
        time.sleep(60)

class Interrupts(Right):
    def purge(self):
        # All that a console knows of.
        os.killpg(0, signal.SIGINT)
        return super().purge()

class NoBackend:
    pass
"""

HASTY = """
import sys
from djwto.spec_tests import watch
from djwto.spec_tests.__main__ import main

watch.PATIENCE = 1
sys.exit(main())
"""

FOUND = {"BL-1": "holds", "BL-15": "holds", "BL-19": "n/a", "SIG-3": "holds", "HTTP-17": "n/a"}
"""What there is to say of one that keeps no values, and whose store is a file to be moved.

`test_own_backend.py` has a verdict of every clause.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "djwto.spec_tests", *arguments, **environment)


def test_what_was_found_is_said_and_written(folder: Path) -> None:
    options = ("--options", '{"path": "other.sqlite3"}', "--json", "found.json")
    only = [word for clause_id in FOUND for word in ("--clause", clause_id)]
    done = _run(folder, "--backend", "mine.Right", "--profile", "quick", *options, *only)
    verdicts = _verdicts(done.stdout)
    assert verdicts == FOUND
    assert done.stdout.splitlines()[-1] == "3 clauses hold, 2 not applicable (BL-19, HTTP-17)"
    assert "name options with which it cannot be reached: --unreachable-options" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "other.sqlite3").exists()
    assert not (folder / "entries.sqlite3").exists()
    found = json.loads((folder / "found.json").read_text())
    assert found["backend"] == "mine.Right"
    assert found["options"] == {"path": "other.sqlite3"}
    assert found["profile"] == "quick"
    assert {one["clause"]: one["result"] for one in found["verdicts"]} == verdicts
    for one in found["verdicts"]:
        assert (one["level"], one["text"]) == _registered(one["clause"])


def _verdicts(printed: str) -> dict[str, str]:
    return dict(line.split()[:2] for line in printed.splitlines() if line.split()[0] in in_order())


def _registered(clause_id: str) -> tuple[str, str]:
    return CLAUSES[clause_id].level, CLAUSES[clause_id].text


QUICKLY = ("--profile", "quick", "--clause", "BL-5", "--clause", "BL-14", "--clause", "HTTP-12")


def test_a_wrong_one_is_told_which_clause_it_breaks_and_how(folder: Path) -> None:
    done = _run(folder, "--backend", "mine.Forgetful", *QUICKLY)
    assert done.returncode == 1
    assert f"BL-5     FAILS  {CLAUSES['BL-5'].text}\n         seen:  contains(" in done.stdout
    assert "expected True, saw False" in done.stdout
    assert "docs:  clauses/backends.html#clause-BL-5\n" in done.stdout
    assert done.stdout.endswith("3 FAIL: BL-5, BL-14, HTTP-12\n")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_traceback_is_shown_to_who_asks_for_it(folder: Path) -> None:
    one = ("--backend", "mine.Forgetful", "--clause", "BL-6")
    assert "Traceback (most recent call last)" in _run(folder, *one, "--traceback").stdout


def test_a_call_that_never_answers_ends_the_run_with_what_was_found(folder: Path) -> None:
    (folder / "hasty.py").write_text(HASTY)
    only = ("--clause", "BL-1", "--clause", "BL-6", "--clause", "BL-12", "--json", "found.json")
    done = run(folder, "hasty", "--backend", "mine.Hangs", *only)
    assert done.returncode == 1
    assert "seen:  purge(): expected an answer, saw none in 1 s. The clauses after" in done.stdout
    assert done.stdout.endswith("1 clause holds, 1 FAIL: BL-6\n")
    found = json.loads((folder / "found.json").read_text())["verdicts"]
    assert [(one["clause"], one["result"]) for one in found] == [
        ("BL-1", "holds"),
        ("BL-6", "fails"),
    ]


def test_who_interrupts_a_run_is_shown_no_traceback(folder: Path) -> None:
    done = _run(folder, "--backend", "mine.Interrupts", "--profile", "quick")
    assert (done.returncode, done.stderr) == (2, "The suite was interrupted.\n")
    assert done.stdout.splitlines()[-1].startswith("BL-4 ")


@pytest.mark.parametrize("clause_id", ["BL-5", "BL-14", "SIG-13", "SIG-15", "HTTP-12"])
def test_the_steps_shown_can_be_run_again(folder: Path, clause_id: str) -> None:
    steps, replayed = _replayed(folder, "mine.Forgetful", clause_id)
    # What was answered then stands after each line; it is answered again.
    answered = re.compile(r"# (True|False|\d{3})$", re.MULTILINE)
    assert answered.findall(replayed) == answered.findall(steps)


def test_the_steps_are_told_briefly_where_there_are_hundreds(folder: Path) -> None:
    steps, replayed = _replayed(folder, "mine.Hasty", "BL-17")
    assert len(steps.splitlines()) == 5
    assert max(map(len, steps.splitlines())) < 80
    added, found = replayed.splitlines()[-2:]
    assert added.endswith("  # 110")
    assert found.endswith("  # 0")
    assert max(map(len, replayed.splitlines())) < 600


def _replayed(folder: Path, backend: str, clause_id: str) -> tuple[str, str]:
    """The steps of a failure, and what is printed when they are run again."""
    mine = ("--backend", backend, "--profile", "quick")
    shown = _run(folder, *mine, "--clause", clause_id).stdout
    _, _, rest = shown.partition("--replay FILE runs them):\n")
    told, docs, _ = rest.partition("         docs:  ")
    assert docs
    steps = "\n".join(line.strip() for line in told.splitlines())
    assert steps
    (folder / "steps.py").write_text(steps)
    done = _run(folder, *mine, "--replay", "steps.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "raised" not in done.stdout
    return steps, done.stdout


def test_a_seed_generates_the_same_again(folder: Path) -> None:
    mine = ("--backend", "mine.Forgetful", "--clause", "BL-14", "--seed", "7")
    first, second = (_run(folder, *mine).stdout for _ in range(2))
    assert "seed 7\n" in first
    assert _shape(first) == _shape(second)


def _shape(printed: str) -> str:
    """What was printed, but for keys and times, which are new each time."""
    return re.sub(r"[0-9a-f]{32}|\b\d{10,}", "*", printed)


@pytest.mark.parametrize(
    ("arguments", "result", "reason"),
    [
        (("mine.OneProcess", "--opt-out", "BL-3=one process"), "n/a", "left out: one process"),
        (("mine.Right", "--opt-out", "BL-3=no time"), "fails", "Remove the opt-out."),
    ],
)
def test_a_clause_is_left_out_where_it_does_not_hold(
    folder: Path, arguments: tuple[str, ...], result: str, reason: str
) -> None:
    done = _run(folder, "--backend", *arguments, "--clause", "BL-3")
    assert _verdicts(done.stdout)["BL-3"].lower() == result
    assert reason in done.stdout
    assert done.returncode == (1 if result == "fails" else 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--backend", "mine.Absent"), "'mine.Absent' cannot be imported"),
        (("--backend", "absent.Mine"), "No module named 'absent'"),
        (("--backend", "mine"), "cannot be imported"),
        (("--backend", "mine.NoBackend"), "not a subclass of djwto.blacklist.BlacklistBackend"),
        (("--backend", "mine.Unmakeable"), "mine.Unmakeable raised KeyError('host')"),
        (("--backend", "mine.Exits"), "mine.Exits raised SystemExit('no host')"),
        (("--backend", "mine.Down"), "the store is unavailable. the cable is out"),
        (("--backend", "mine.Right", "--options", "{"), "not JSON"),
        (("--backend", "mine.Right", "--options", "[]"), "not a JSON object"),
        (("--backend", "mine.Right", "--options", '{"paht": 1}'), "no option paht; it has path"),
        (("--backend", "mine.Right", "--opt-out", "BL-3"), "'BL-3' has no reason"),
        (("--backend", "mine.Right", "--opt-out", "BL-1=no time"), "BL-1 is a MUST and cannot"),
        (("--backend", "mine.Right", "--opt-out", "BL-99=no time"), "no clause that the suite"),
        (("--backend", "mine.Right", "--clause", "BL-99"), "no clause BL-99; the suite checks"),
        (("--backend", "mine.Right", "--json", "absent/found.json"), "--json absent/found.json"),
        (("--backend", "mine.Right", "--profile", "lazy"), "invalid choice: 'lazy'"),
        (("--backend", "mine.Right", "--replay", "absent.py"), "absent.py"),
        (("--new", "no-name"), "--new 'no-name' is no name for a module"),
        (("--new", "mine"), "mine.py would be overwritten"),
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


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("absent.settings", "DJANGO_SETTINGS_MODULE is 'absent.settings': ModuleNotFoundError"),
        ("bare", "INSTALLED_APPS needs 'django.contrib.auth'"),
    ],
)
def test_a_project_that_will_not_do_is_said_to_be_so(
    folder: Path, module: str, reason: str
) -> None:
    (folder / "bare.py").write_text('SECRET_KEY = "x" * 50\n')
    done = _run(folder, "--backend", "mine.Right", DJANGO_SETTINGS_MODULE=module)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
