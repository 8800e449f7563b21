"""`BackendSpec` and `--djwto-backend`: the verdicts of the command, under pytest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from djwto.spec_tests.elsewhere import run
from djwto.spec_tests.test_command import MINE

SPEC = """
import pytest
from djwto.spec_tests import BackendSpec

class TestMine(BackendSpec):
    backend = "mine.Forgetful"
    options = {"path": "mine.sqlite3"}
    profile = "quick"
"""

CHOSEN = ("BL-1", "BL-3", "BL-5", "BL-6", "BL-9", "BL-19", "SIG-3", "SIG-9", "HTTP-14")
"""Some that the backend keeps, some that it breaks, and one that does not apply."""

ONLY = [word for clause_id in CHOSEN for word in ("--clause", clause_id)]

MODELS = """
from django.db import models

class Ended(models.Model):
    key = models.CharField(primary_key=True, max_length=65)
    exp = models.BigIntegerField(null=True)
"""

OF_MODELS = """
import time
from django.db import IntegrityError, transaction
from djwto.blacklist import BlacklistBackend
from shop.models import Ended

class ModelBlacklist(BlacklistBackend):
    def add(self, key, exp):
        try:
            with transaction.atomic():
                Ended.objects.create(key=key, exp=exp)
        except IntegrityError:
            return False
        return True

    def contains(self, key):
        return Ended.objects.filter(key=key).exists()

    def purge(self):
        return Ended.objects.filter(exp__lt=int(time.time())).delete()[0]
"""

SETTINGS = """
from djwto.spec_tests.project.settings import *

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "shop"]
ROOT_URLCONF = "shop.nowhere"
# What a project has set for its own users.
DJWTO_MODE = "TWO-COOKIES"
DJWTO_REFRESH_COOKIE_PATH = "elsewhere"
DJWTO_PROCESS_CLAIMS = "shop.nowhere.hook"
SECURE_SSL_REDIRECT = True
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
AUTHENTICATION_BACKENDS = ["shop.nowhere.Backend"]
DATABASES["default"]["NAME"] = "shop.sqlite3"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "test_mine.py").write_text(SPEC)
    return tmp_path


def _pytest(folder: Path, *arguments: str, **environment: str) -> dict[str, str]:
    """The verdicts of a run of pytest, by clause."""
    done = run(folder, "pytest", "-v", "-p", "no:cacheprovider", *arguments, **environment)
    outcomes = {"PASSED": "holds", "FAILED": "fails", "SKIPPED": "n/a"}
    found = re.findall(r"::test_clause\[([A-Z]+-\d+)\] (\w+)", done.stdout)
    assert found, done.stdout + done.stderr
    return {clause_id: outcomes[outcome] for clause_id, outcome in found}


def _command(folder: Path, *arguments: str) -> dict[str, str]:
    """The verdicts of the command, by clause."""
    run(folder, "djwto.spec_tests", *arguments, "--json", "found.json")
    found = json.loads((folder / "found.json").read_text())
    return {one["clause"]: one["result"] for one in found["verdicts"]}


def test_the_three_ways_to_run_it_come_to_the_same(folder: Path) -> None:
    names = " or ".join(f"[{clause_id}]" for clause_id in CHOSEN)
    mine = ("--backend", "mine.Forgetful", "--options", '{"path": "mine.sqlite3"}')
    verdicts = _command(folder, *mine, "--profile", "quick", *ONLY)
    assert set(verdicts) == set(CHOSEN)
    assert set(verdicts.values()) == {"holds", "fails", "n/a"}
    given = [f"--djwto{word[1:]}" if word.startswith("--") else word for word in mine]
    suite = ("--pyargs", "djwto.spec_tests", "--djwto-profile", "quick", *given)
    assert _pytest(folder, "-p", "no:django", "test_mine.py", "-k", names) == verdicts
    assert _pytest(folder, *suite, "-k", names) == verdicts


def test_a_failure_reads_as_the_command_s(folder: Path) -> None:
    done = run(folder, "pytest", "test_mine.py", "-k", "[BL-6]")
    assert "BL-6     FAILS  A key that was added with exp None never expires." in done.stdout
    assert "docs:  clauses/backends.html#clause-BL-6" in done.stdout
    assert "profile quick, seed " in done.stdout
    assert "plugin.py" not in done.stdout


def test_a_backend_with_models_in_a_project_of_its_own(folder: Path) -> None:
    shop = folder / "shop"
    (shop / "migrations").mkdir(parents=True)
    for module, text in (("models", MODELS), ("blacklist", OF_MODELS), ("settings", SETTINGS)):
        (shop / f"{module}.py").write_text(text)
    for package in (shop, shop / "migrations"):
        (package / "__init__.py").touch()
    shops = {"DJANGO_SETTINGS_MODULE": "shop.settings"}
    (shop / "nowhere.py").write_text("urlpatterns = []\n")
    made = run(folder, "django", "makemigrations", "shop", PYTHONPATH=".", **shops)
    assert made.returncode == 0, made.stderr
    done = run(
        folder, "djwto.spec_tests", "--backend", "shop.blacklist.ModelBlacklist",
        "--profile", "quick", *ONLY, **shops,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (folder / "test_shop.py").write_text(
        SPEC.replace("mine.Forgetful", "shop.blacklist.ModelBlacklist").replace(
            '    options = {"path": "mine.sqlite3"}\n', ""
        )
        + "\n\n@pytest.mark.django_db\ndef test_nobody_is_left():\n"
        "    from django.contrib.auth.models import User\n"
        "    assert User.objects.count() == 0\n"
    )
    names = "[BL-1] or [BL-3] or [BL-8] or [SIG-3] or [HTTP-12] or nobody"
    verdicts = _pytest(folder, "test_shop.py", "-k", names, **shops)
    assert set(verdicts.values()) == {"holds"}
    after = run(folder, "pytest", "test_shop.py", "-k", names, **shops)
    assert after.returncode == 0, after.stdout


WRONG = [
    ('    opt_outs = {"BL-1": "no time"}', "BL-1 is a MUST and cannot be left out"),
    ('    opt_outs = {"BL-3": " "}', "BL-3 is left out without a reason"),
    ("    def test_clause(self): pass", "TestMine overrides test_clause"),
    ("    backend = 7", "TestMine.backend is 7; write a class"),
    ('    backend = "mine.Absent"', "'mine.Absent' cannot be imported"),
    ('    opt_outs = {"BL-3": "no time"}', "Remove the opt-out."),
]


def test_what_makes_no_sense_is_an_error(folder: Path) -> None:
    names = [f"test_{number}.py" for number in range(len(WRONG))]
    for name, (lines, _) in zip(names, WRONG, strict=True):
        (folder / name).write_text(f"{SPEC}{lines}\n")
    done = run(folder, "pytest", "--continue-on-collection-errors", "-k", "[BL-3]", *names)
    wrong = re.findall(r"^(?:ERROR|FAILED) (test_\d\.py)", done.stdout, re.MULTILINE)
    assert sorted(wrong) == names, done.stdout
    for _, reason in WRONG:
        assert reason in done.stdout


def test_a_clause_that_does_not_hold_may_be_left_out(folder: Path) -> None:
    left_out = SPEC.replace("mine.Forgetful", "mine.OneProcess").replace(
        '    options = {"path": "mine.sqlite3"}', '    opt_outs = {"BL-3": "one process"}'
    )
    (folder / "test_mine.py").write_text(left_out)
    assert _pytest(folder, "test_mine.py", "-k", "[BL-3]") == {"BL-3": "n/a"}


def test_a_skeleton_starts_red_and_says_what_to_write(tmp_path: Path) -> None:
    assert run(tmp_path, "djwto.spec_tests", "--new", "mongo_blacklist").returncode == 0
    done = run(tmp_path, "pytest", "-x", "test_mongo_blacklist.py")
    assert done.returncode == 1
    assert "write MongoBlacklist.add() (BL-1 to BL-3)" in done.stdout
    path = tmp_path / "mongo_blacklist.py"
    written = path.read_text().replace(
        'raise NotImplementedError("write MongoBlacklist.add() (BL-1 to BL-3)")', "return True"
    )
    path.write_text(written)
    done = run(tmp_path, "pytest", "-x", "test_mongo_blacklist.py")
    assert "add('" in done.stdout
    assert "expected False, saw True" in done.stdout
