"""What a second process finds beside the first, and where it is not asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from djwto.spec_tests import beside, child
from djwto.spec_tests.elsewhere import run
from djwto.spec_tests.project_setup import OURS, Unable
from djwto.spec_tests.report import FAILS, HOLDS, NOT_APPLICABLE

DATABASE = "djwto.backends.database.DatabaseBlacklist"
COMMAND = ("--backend", DATABASE, "--profile", "quick")

SABOTAGE = """
from djwto.signals import jwt_logged_in

jwt_logged_in.send_robust = lambda *arguments, **named: []
jwt_logged_in.send = lambda *arguments, **named: []
"""
RUNS_THE_MODULE = """
import runpy

runpy.run_module("djwto.spec_tests", run_name="__main__", alter_sys=True)
"""
HANGS = """
import time
from djwto.signals import jwt_logged_in
from djwto.spec_tests import watch

watch.PATIENCE = watch.WORK_PATIENCE = 1
jwt_logged_in.send_robust = lambda *arguments, **named: time.sleep(60)
"""


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Those that were started, and what they find is as on a machine without servers."""
    for name in ("DJWTO_TEST_DATABASE", "DJWTO_TEST_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", OURS)
    started: list[subprocess.Popen[bytes]] = []
    start = child.child

    def noting(*arguments: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(start(*arguments, **named))
        return started[-1]

    monkeypatch.setattr(child, "child", noting)
    return started


def _work(*clauses: str, opt_outs: dict[str, str] | None = None) -> beside.Work:
    return beside.Work(DATABASE, list(clauses), opt_outs or {}, "quick", 7)


def test_its_verdicts_are_those_of_the_clauses_and_it_ends(
    processes: list[subprocess.Popen[bytes]], capfd: pytest.CaptureFixture[str]
) -> None:
    asked = _work("BL-1", "BL-22", "SIG-1", "HTTP-22", opt_outs={"HTTP-22": "no time"})
    with beside.checking(asked) as verdicts:
        found = list(verdicts)
        assert processes[0].wait(timeout=10) == 0
    assert [(one.clause, one.result) for one in found] == [
        ("BL-1", HOLDS),
        ("BL-22", NOT_APPLICABLE),
        ("SIG-1", HOLDS),
        ("HTTP-22", FAILS),
    ]
    assert "Remove the opt-out." in found[-1].reason
    assert capfd.readouterr().err == ""


def test_it_ends_with_what_it_was_started_for(processes: list[subprocess.Popen[bytes]]) -> None:
    with beside.checking(_work("BL-5")):
        assert processes[0].poll() is None
    assert processes[0].returncode is not None


def test_it_ends_if_who_started_it_is_gone(processes: list[subprocess.Popen[bytes]]) -> None:
    with beside.checking(_work("BL-1", "BL-5")) as verdicts:
        assert next(verdicts).result == HOLDS
        assert processes[0].stdin is not None
        processes[0].stdin.close()
        assert processes[0].wait(timeout=10) == 1


def test_one_that_ends_too_soon_is_no_verdict(processes: list[subprocess.Popen[bytes]]) -> None:
    with beside.checking(_work("BL-1", "BL-5")) as verdicts:
        assert next(verdicts).result == HOLDS
        processes[0].kill()
        with pytest.raises(Unable, match="The other process ended"):
            list(verdicts)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As the command finds things: nothing was run before, no server is named, two processors."""
    from djwto.spec_tests.project import settings

    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "djwto.spec_tests", *COMMAND])
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(settings, "DATABASE", "")
    monkeypatch.setattr(settings, "CACHE", "")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", OURS)
    assert beside.can_check(DATABASE)
    return monkeypatch


def test_a_backend_of_ones_own_may_have_one_store_for_all(alone: pytest.MonkeyPatch) -> None:
    assert not beside.can_check("mine.Blacklist")


@pytest.mark.parametrize("named", ["DATABASE", "CACHE"])
def test_a_server_is_one_store_for_all(alone: pytest.MonkeyPatch, named: str) -> None:
    alone.setattr(f"djwto.spec_tests.project.settings.{named}", "redis://127.0.0.1")
    assert not beside.can_check(DATABASE)


@pytest.mark.parametrize("module", ["mine.settings", None])
def test_a_project_of_ones_own_has_one_test_database(
    alone: pytest.MonkeyPatch, module: str | None
) -> None:
    alone.delenv("DJANGO_SETTINGS_MODULE")
    if module:
        alone.setenv("DJANGO_SETTINGS_MODULE", module)
    assert not beside.can_check(DATABASE)


def test_one_processor_gains_nothing(alone: pytest.MonkeyPatch) -> None:
    alone.setattr(os, "cpu_count", lambda: 1)
    assert not beside.can_check(DATABASE)


def test_what_another_program_changed_before_is_what_is_checked(tmp_path: Path) -> None:
    (tmp_path / "sabotage.py").write_text(SABOTAGE + RUNS_THE_MODULE)
    done = run(tmp_path, "sabotage", *COMMAND)
    assert done.returncode == 1
    assert "second process" not in done.stdout
    assert "SIG-1    FAILS" in done.stdout


def test_what_every_process_finds_changed_is_what_is_checked(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SABOTAGE)
    done = run(tmp_path, "djwto.spec_tests", *COMMAND, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "SIG and HTTP in a second process, on a store of its own\n" in done.stdout
    assert "SIG-1    FAILS" in done.stdout
    assert done.stderr == ""


def test_a_call_that_never_answers_there_ends_the_run_with_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HANGS)
    done = run(tmp_path, "djwto.spec_tests", *COMMAND, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "saw none in 1 s. The clauses after this one were not checked." in done.stdout
    assert "HTTP-3" not in done.stdout
    assert done.stderr == ""
