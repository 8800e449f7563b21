"""The suite as a plugin of pytest: `BackendSpec` to subclass, and `--djwto-backend`.

pytest loads it wherever djwto is installed, so it imports nothing until a test asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from djwto.spec_tests.subject import Subject

HERE = Path(__file__).parent
GIVEN = HERE / "test_given_backend.py"
"""The tests that `--djwto-backend` is for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds what the command line of the suite has, each with djwto before its name."""
    from djwto.spec_tests.__main__ import PROFILES, json_object, opt_out

    group = parser.getgroup("djwto", "djwto: the conformance suite for blacklists")
    add = group.addoption
    add("--djwto-backend", metavar="PATH", help="the dotted path of the backend to check")
    add("--djwto-options", type=json_object, metavar="JSON", help="its OPTIONS")
    add(
        "--djwto-unreachable-options",
        type=json_object,
        metavar="JSON",
        help="options with which its store is out of reach",
    )
    add("--djwto-profile", choices=PROFILES, default="default", help="how hard to look")
    add("--djwto-seed", type=int, metavar="N", help="generate what an earlier run did")
    add(
        "--djwto-opt-out",
        action="append",
        type=opt_out,
        default=[],
        metavar="ID=REASON",
        help="leave out a clause whose level is SHOULD or MAY",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marks known that the tests of a backend carry."""
    config.addinivalue_line("markers", "xdist_group(name): tests that are run by one process")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--djwto-backend` the suite is that backend's tests; without, all the others."""
    if not collection_path.is_file() or HERE not in collection_path.parents:
        return None
    if (collection_path == GIVEN) != bool(config.getoption("--djwto-backend")):
        return True
    return None


class BackendSpec:
    """Every clause that a backend must keep, as a test each. Subclass it, and name yours::

        class TestMine(BackendSpec):
            backend = "mine.MyBlacklist"
            options = {"path": "blacklist.sqlite3"}

    Where the options are known only when the tests run, override the fixture
    `djwto_blacklist`, of scope class.
    """

    backend: Any = None
    """The class or its dotted path, as in BACKEND of `DJWTO_BLACKLIST`."""

    options: Any = None
    """OPTIONS of `DJWTO_BLACKLIST`."""

    unreachable_options: Any = None
    """Options with which the store is out of reach (BL-15)."""

    opt_outs: dict[str, str] = {}  # noqa: RUF012  (a subclass replaces it)
    """The clauses that are left out, with the reason: of level SHOULD or MAY only."""

    profile: str | None = None
    """How hard to look; None leaves it to `--djwto-profile`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "test_clause" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} overrides test_clause. To leave a clause out, name it in "
                "opt_outs with the reason."
            )

    def test_clause(
        self, clause_id: str, djwto_subject: Subject, request: pytest.FixtureRequest
    ) -> None:
        """The verdict of one clause. One that does not apply is shown as skipped, and why."""
        from djwto.spec_tests import profile, report
        from djwto.spec_tests.registry import CHECKS
        from djwto.spec_tests.runner import run_one

        options = request.config.option
        name = self.profile or options.djwto_profile
        with profile.use(name, options.djwto_seed) as seed:
            check, opt_out = CHECKS[clause_id], self.opt_outs.get(clause_id)
            verdict = run_one(clause_id, check, djwto_subject, opt_out)
        if verdict.result == report.FAILS:
            seen = report.describe(verdict, trace=options.verbose > 1)
            pytest.fail(f"{seen}\nprofile {name}, seed {seed}", pytrace=False)
        if verdict.result == report.NOT_APPLICABLE:
            pytest.skip(verdict.reason)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a `BackendSpec` a test for each clause."""
    if metafunc.cls is None or not issubclass(metafunc.cls, BackendSpec):
        return
    if "clause_id" not in metafunc.fixturenames:
        return
    _configure()
    from djwto.spec_tests.checks.expiry import WAITING
    from djwto.spec_tests.runner import in_order

    every, waiting = [], pytest.mark.xdist_group(f"waiting-{metafunc.cls.__name__}")
    if _has_pytest_django(metafunc.config):
        every.append(pytest.mark.django_db(transaction=True, databases="__all__"))
    metafunc.parametrize(
        "clause_id",
        [
            # They wait for the same entries: once, if one process runs them all.
            pytest.param(id_, marks=[*every, waiting] if id_ in WAITING else every)
            for id_ in in_order()
        ],
    )


def _configure() -> None:
    from djwto.spec_tests.project_setup import Unable, configure

    try:
        configure()
    except Unable as error:
        raise pytest.UsageError(f"The suite could not run: {error}") from error


@pytest.fixture(scope="class")
def djwto_blacklist(request: pytest.FixtureRequest) -> Any:
    """The backend to check: a class, its dotted path, or what `DJWTO_BLACKLIST` would be."""
    return {"BACKEND": request.cls.backend, "OPTIONS": request.cls.options}


@pytest.fixture(scope="class")
def djwto_subject(
    request: pytest.FixtureRequest, djwto_project: None, djwto_blacklist: Any
) -> Iterator[Subject]:
    """The backend, on its store."""
    from djwto.spec_tests.runner import refuse_opt_outs
    from djwto.spec_tests.subject import on_embedded_store

    spec = request.cls
    refuse_opt_outs(spec.opt_outs)
    named = djwto_blacklist
    if not isinstance(named, dict):
        named = {"BACKEND": named, "OPTIONS": spec.options}
    backend = _dotted(named.get("BACKEND"), spec)
    options, unreachable = named.get("OPTIONS"), spec.unreachable_options
    with on_embedded_store(backend, options, unreachable) as subject:
        subject.make()
        yield subject


@pytest.fixture(scope="class")
def djwto_project(request: pytest.FixtureRequest) -> Iterator[None]:
    """A project with test databases: pytest-django's where that is at work."""
    from djwto.spec_tests.project_setup import project, stage_settings

    if not _has_pytest_django(request.config):
        with project():
            yield
        return
    request.getfixturevalue("django_db_setup")
    blocker = request.getfixturevalue("django_db_blocker")
    with blocker.unblock(), stage_settings():
        yield


def _has_pytest_django(config: pytest.Config) -> bool:
    return config.pluginmanager.hasplugin("django")


def _dotted(backend: Any, spec: type[BackendSpec]) -> str:
    """The dotted path of a backend, of which other processes make their own."""
    if isinstance(backend, str):
        return backend
    if isinstance(backend, type) and re.fullmatch(r"[\w.]+", backend.__qualname__):
        return f"{backend.__module__}.{backend.__qualname__}"
    raise pytest.UsageError(
        f"{spec.__name__}.backend is {backend!r}; write a class that can be imported, or its "
        'dotted path, such as "mine.MyBlacklist".'
    )
