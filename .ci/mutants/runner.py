"""Tests mutants: the tests are collected once, and each mutant has a process forked from there."""

from __future__ import annotations

import fnmatch
import inspect
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from itertools import chain
from pathlib import Path

import pytest
from django.urls import clear_url_caches
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd
from mutmut.utils.format_utils import mangled_name_from_mutant_name
from names import function_of
from tree import TREE

SECONDS = float(os.environ.get("SECONDS_EACH", "inf"))
"""For how long the tests of a mutant may run; which of them, if not all, see `spread`."""

KILLERS = TREE / "killers.json"
"""Which tests have killed mutants of a function, or of a module."""

RUNNING = TREE / "running.txt"
"""The test that runs now: what to say of one that does not end."""

SURVIVED, KILLED, BROKEN, NO_TESTS, TIMEOUT = 0, 1, 2, 33, 36
STATUS = {None: "unchecked", 0: "survived", 1: "killed", 33: "no tests", 36: "timeout"}


def spread(tests: dict[str, float]) -> Iterator[str]:
    """What to run for `SECONDS`: what is quick, and of what is not, a case of each function."""
    turns: Counter[str] = Counter()
    weights = {}
    for test in sorted(tests, key=lambda each: (tests[each], each)):
        function = test.partition("[")[0]
        turns[function] += 1
        weights[test] = tests[test] * turns[function]
    spent = 0.0
    for test in sorted(tests, key=lambda each: (weights[each], each)):
        spent += tests[test]
        if spent > SECONDS:
            return
        yield test


class Runner:
    """A plugin of pytest that runs the tests once for each mutant."""

    def __init__(self, names: list[str], modules: list[SourceFileMutationData]) -> None:
        self.names = names
        self.modules = modules
        self.failed = ""
        self.spent = 0.0
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.durations: dict[str, float] = {}
        self.words: dict[str, set[str]] = {}
        self.killers: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.spent += report.duration
        if report.failed:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from django.db import connections

        self.items = {item.nodeid: item for item in session.items}
        at_import = set(state()._stats)
        state()._stats.clear()
        # Makes the database, which all the processes then find there as it is now.
        self._run(next(item for item in session.items if needs_only_a_database(item)))
        assert not self.failed, self.failed
        self.database = Path(connections["default"].settings_dict["NAME"])
        connections.close_all()
        shutil.copy2(self.database, self.database.with_suffix(".new"))
        if folder := os.environ.get("FRESH"):
            tests = json.loads(Path(folder, "tests.json").read_text())
            run = partial(self._until_one_fails, tests)
            Path(folder, "answer.json").write_text(json.dumps(self._in_a_fork(run, len(tests))))
            return True
        self._ask_what_tests_call()
        source = cache(inspect.getsource)
        for test, item in self.items.items():
            case = getattr(item, "callspec", None)
            said = f"{test} {source(item.function)} {case and case.params}"
            self.words[test] = words(said)
        self._test_mutants(at_import)
        return True

    def _ask_what_tests_call(self) -> None:
        stats = Path("stats.json").resolve()
        if stats.exists():
            calls, durations = json.loads(stats.read_text())
            asked = stats.stat().st_mtime
            # Tests change, are renamed, and their cases are numbered anew.
            known = {test for test, item in self.items.items() if changed(item) < asked}
            self.durations = {test: durations[test] for test in durations if test in known}
            for function, tests in calls.items():
                self.calls[function] = [test for test in tests if test in known]
        new = [test for test in self.items if test not in self.durations]
        if not new:
            return
        print(f"Running {len(new)} tests without mutants ...", flush=True)
        result, test = self._in_a_fork(partial(self._each, new), len(new))
        if result != SURVIVED:
            raise SystemExit(f"Without any mutant, {test or 'one test'} fails.")
        calls, durations = json.loads(Path("new.json").read_text())
        self.durations |= durations
        for function, tests in calls.items():
            self.calls[function] = [*self.calls.get(function, []), *tests]
        stats.write_text(json.dumps([self.calls, self.durations]))

    def _test_mutants(self, at_import: set[str]) -> None:
        # One that never answers counts as killed: without a mutant there has to be an answer.
        if fresh("", list(self.items)[:1])[0] != SURVIVED:
            raise SystemExit("Without any mutant, a process of its own fails.")
        if KILLERS.exists():
            self.killers.update(json.loads(KILLERS.read_text()))
        for pattern in self.names or ["*"]:
            for data in self.modules:
                for name, code in data.exit_code_by_key.items():
                    if fnmatch.fnmatch(name, pattern) and code != KILLED:
                        self._test_mutant(name, data, at_import)

    def _test_mutant(self, name: str, data: SourceFileMutationData, at_import: set[str]) -> None:
        began = time.monotonic()
        function = mangled_name_from_mutant_name(name)
        # What is called at import is of use to those that call what is beside it.
        module = name.rpartition(".")[0]
        near = [f for f in self.calls if f.rpartition(".")[0] == module]
        callees = near if function in at_import else [function]
        calling = {test: None for callee in callees for test in self.calls.get(callee, [])}
        tests = {test: self.durations[test] for test in calling}
        set_mutant_under_test(name)
        result, test = NO_TESTS, ""
        if tests:
            # What killed one of the same function often kills this one, too.
            known = [*self.killers[function], *self.killers[str(data.path)]]
            likely = {test: tests[test] for test in known if test in tests}
            likely = dict(list(likely.items())[:32])
            seconds = min(sum(tests.values()), sum(likely.values()) + 2 * SECONDS)
            chosen = chain(likely, self._about(name, data, tests), spread(tests))
            result, test = self._in_a_fork(partial(self._until_one_fails, chosen), seconds)
        for key in (function, str(data.path)) if test in tests else ():
            self.killers[key] = list(dict.fromkeys([test, *self.killers[key]]))
            KILLERS.write_text(json.dumps(self.killers))
        if (
            result in {SURVIVED, NO_TESTS}
            and function in at_import
            and not self.calls.get(function)
        ):
            # It is called before there is a fork, and no more after that.
            result, test = fresh(name, [*self._about(name, data, tests), *spread(tests)])
        data.exit_code_by_key[name] = result
        data.durations_by_key[name] = time.monotonic() - began
        data.save()
        print(f"{STATUS[result]:10}{time.monotonic() - began:6.1f} {name} {test}", flush=True)

    def _about(
        self, name: str, data: SourceFileMutationData, tests: dict[str, float]
    ) -> Iterator[str]:
        """The tests that speak of what was changed and where: the rarest words come first."""
        with change_cwd(TREE):
            lines = get_diff_for_mutant(name, path=data.path).splitlines()
        changed = (line for line in lines if line[:2] in {"- ", "-\t"})
        points: Counter[str] = Counter()
        for word in words(" ".join([function_of(name), *changed])):
            speaking = [text for text, known in self.words.items() if word in known]
            points.update(dict.fromkeys(speaking, 1 / max(1, len(speaking))))
        best = sorted(tests, key=lambda test: (-points[test], tests[test]))
        spent = 0.0
        for test in best:
            spent += tests[test]
            if spent > SECONDS or not points[test]:
                return
            yield test

    def _run(self, item: pytest.Item) -> None:
        # The next is one of another module, so that what only the session has in common stays.
        other = next(i for i in self.items.values() if i.path != item.path)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=other)

    def _until_one_fails(self, tests: Iterable[str]) -> None:
        import_urls_anew()
        forget()
        done = set()
        for test in tests:
            if test in done:
                continue
            done.add(test)
            RUNNING.write_text(test)
            self._run(self.items[test])
            if self.failed:
                return

    def _each(self, tests: list[str]) -> None:
        """Writes down which functions are called by each of the tests, and for how long it ran."""
        calls, durations = defaultdict(list), {}
        os.environ["MUTMUT_DEPENDENCY_DEPTH"] = "-1"
        set_mutant_under_test("stats")
        import_urls_anew()
        for test in tests:
            forget()
            state()._stats.clear()
            self.spent = 0.0
            self._run(self.items[test])
            if self.failed:
                return
            durations[test] = self.spent
            for function in state()._stats:
                calls[function].append(test)
        Path("new.json").write_text(json.dumps([calls, durations]))

    def _in_a_fork(self, run: Callable[[], None], seconds: float) -> tuple[int, str]:
        """The result of tests that take so many seconds, and which of them it is due to."""
        for suffix in ("-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)
        shutil.copy2(self.database.with_suffix(".new"), self.database)
        # Of the processor; by the clock three times as many, since a machine may be busy.
        limit = 10 + int(3 * seconds)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os.setpgid(0, 0)
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
                session = next(iter(self.items.values())).session
                session.config.pluginmanager.unregister(name="terminalreporter")
                try:
                    run()
                except BaseException as error:
                    os.write(write, repr(error).encode()[:4000])
                    os._exit(BROKEN)
                os.write(write, self.failed.encode()[:4000])
                os._exit(KILLED if self.failed else SURVIVED)
            os._exit(99)
        os.close(write)
        deadline = time.monotonic() + 3 * limit
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        else:
            status = None
        # With whatever processes the tests have started.
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if status is None:
            os.waitpid(child, 0)
        with os.fdopen(read) as pipe:
            test = pipe.read()
        code = None if status is None else os.waitstatus_to_exitcode(status)
        if code == BROKEN:
            # Of the tests nothing is known then.
            raise SystemExit(f"The runner itself fails: {test}")
        if code is None or code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return TIMEOUT, RUNNING.read_text()
        return (SURVIVED if code == SURVIVED else KILLED), test or f"exit code {code}"[: 99 * code]


def changed(item: pytest.Item) -> float:
    """When the module of a test was changed last."""
    return (TREE / item.path.relative_to(TREE / "mutants")).stat().st_mtime


def words(text: str) -> set[str]:
    """The names in a text, and the words in them."""
    return set(re.findall(r"\w{3,}", text)) | set(re.findall(r"[A-Za-z]{3,}", text))


def import_urls_anew() -> None:
    """Has the mutant decorate the views, which had been decorated before there was one."""
    for name, module in list(sys.modules.items()):
        if name.startswith("djwto.") and hasattr(module, "urlpatterns"):
            del sys.modules[name]
    clear_url_caches()


def forget() -> None:
    """Has what is computed once for a process computed again, by the mutant, and seen to be."""
    for name in ("djwto.cutoff", "djwto.keys", "djwto.lookups"):
        for value in list(vars(sys.modules[name]).values()) if name in sys.modules else ():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
    if lookups := sys.modules.get("djwto.lookups"):
        lookups._composed.clear()
    if verified := sys.modules.get("djwto.verified"):
        verified._current = None


def needs_only_a_database(item: pytest.Item) -> bool:
    """Not Redis: a server in a thread is in no fork."""
    marker = item.get_closest_marker("django_db")
    return bool(marker and not marker.kwargs) and "redis_url" not in item.fixturenames


def fresh(name: str, tests: list[str]) -> tuple[int, str]:
    """What becomes of a mutant that is there from the start."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tests.json").write_text(json.dumps(list(dict.fromkeys(tests))))
        variables = {**os.environ, "FRESH": folder, "MUTANT_UNDER_TEST": name}
        variables.pop("DJWTO_TEST_FOLDER")
        try:
            subprocess.run(
                [sys.executable, str(Path(__file__).parent)],
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=600,
            )
        except subprocess.TimeoutExpired:
            return TIMEOUT, "at import"
        answer = Path(folder, "answer.json")
        if not answer.exists():
            return KILLED, "at import"
        result, test = json.loads(answer.read_text())
        return result, test


def run_pytest(runner: Runner) -> int:
    """Runs the runner; 0 if it came to its end."""
    options = config()
    os.chdir("mutants")
    sys.path.insert(0, os.getcwd())
    args = ["-q", "--rootdir=.", *options.pytest_add_cli_args]
    with tempfile.TemporaryDirectory(prefix="djwto-mutants-") as folder:
        os.environ["DJWTO_TEST_FOLDER"] = folder
        return int(
            pytest.main([*args, *options.pytest_add_cli_args_test_selection], plugins=[runner])
        )
