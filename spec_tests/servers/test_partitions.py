"""DatabaseBlacklist on a table of PostgreSQL that is partitioned by expiry, as documented."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_django
from django.db import connection, transaction

from djwto.backends.database import DatabaseBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.spec_tests import profile
from djwto.spec_tests.checks.faults import Caller, at_once
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.subject import Subject, new_key
from djwto.spec_tests.test_conformance import not_applicable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("partitions")]

SQL = Path(__file__).parents[2] / "docs" / "partitions"
TABLE = "djwto_blacklistentry"
SUBJECT = Subject("djwto.backends.database.DatabaseBlacklist")
HOUR, DAY, WEEK = 3_600, 86_400, 7 * 86_400


def run_sql(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows that a statement answers with, if it does."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def run_file(name: str) -> None:
    """What `psql --single-transaction --file` does."""
    with transaction.atomic():
        run_sql((SQL / name).read_text())


@pytest.fixture(scope="module", autouse=True)
def partitioned(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """The table is partitioned."""
    with django_db_blocker.unblock():
        if connection.vendor != "postgresql":
            required = os.environ.get("DJWTO_REQUIRE_SERVICES") == "1"
            (pytest.fail if required else pytest.skip)("the database is not PostgreSQL")
        run_file("install.sql")
    yield
    with django_db_blocker.unblock():
        run_file("remove.sql")


@pytest.fixture
def backend() -> DatabaseBlacklist:
    return DatabaseBlacklist({})


@pytest.fixture
def not_yet_partitioned() -> Iterator[None]:
    """The table is as it was migrated to. The test may partition it."""
    run_file("remove.sql")
    yield
    if not run_sql("SELECT 1 FROM pg_views WHERE viewname = 'djwto_partitions'"):
        run_file("install.sql")


def entries() -> dict[str, tuple[str, int | None]]:
    """All that is kept."""
    kept = BlacklistEntry.objects.values_list("key", "value", "exp")
    return {key: (value, exp) for key, value, exp in kept}


def partition_of(key: str) -> str:
    """The partition that keeps a key; there is exactly one."""
    [(name,)] = run_sql(f"SELECT tableoid::regclass::text FROM {TABLE} WHERE key = %s", key)
    return str(name)


def partitions() -> dict[str, int]:
    """The end of each partition but the default."""
    return dict(run_sql("SELECT name::text, beyond FROM djwto_partitions"))


def keep(days_ahead: int = 56) -> list[str]:
    """What the daily statement says."""
    return [said for (said,) in run_sql("SELECT djwto_keep_partitions(%s)", days_ahead)]


@pytest.mark.parametrize("clause_id", [c for c in in_order() if c.startswith("BL-")])
def test_clause(clause_id: str, backend: DatabaseBlacklist) -> None:
    with not_applicable(clause_id, backend), profile.use("quick"):
        CHECKS[clause_id](SUBJECT)


@pytest.mark.clause("BL-1")
def test_a_key_is_added_once_in_whichever_partition(backend: DatabaseBlacklist) -> None:
    now = int(time.time())
    ends = [None, *(now + days * DAY for days in (-1, 1, 20, 400))]
    for first, then in product(ends, ends):
        key = new_key()
        assert [backend.add(key, first), backend.add(key, then)] == [True, False]
        assert backend.compare_and_set(key, None, "a", then) is False
        assert kept_of(key) == [("", first)]
        # To another partition, and nowhere is it left behind.
        assert backend.compare_and_set(key, "", "a", then) is True
        assert kept_of(key) == [("a", then)]
        assert [backend.add(key, first), backend.add(key, then)] == [False, False]


def kept_of(key: str) -> list[tuple[Any, ...]]:
    """All that is kept of a key."""
    return run_sql(f"SELECT value, exp FROM {TABLE} WHERE key = %s", key)


@pytest.mark.clause("BL-2")
def test_of_many_that_add_a_key_to_partitions_of_their_own_one_wins(
    backend: DatabaseBlacklist,
) -> None:
    now = int(time.time())
    for _ in range(20):
        key, gate = new_key(), threading.Barrier(6)

        def add(weeks: int, key: str = key, gate: threading.Barrier = gate) -> bool:
            connection.ensure_connection()
            gate.wait()
            return backend.add(key, now + weeks * WEEK)

        assert sorted(at_once(partial(add, weeks) for weeks in range(6))) == [False] * 5 + [True]
        assert len(kept_of(key)) == 1


@pytest.mark.clause("BL-19")
@pytest.mark.parametrize(("set_meanwhile", "answer"), [("b", False), ("a", True)])
@pytest.mark.parametrize("block", [transaction.atomic, nullcontext])
def test_who_waits_for_a_row_that_goes_to_another_partition_asks_again(
    block: Callable[[], AbstractContextManager[Any]],
    set_meanwhile: str,
    answer: bool,
    backend: DatabaseBlacklist,
) -> None:
    key, now = new_key(), int(time.time())
    backend.compare_and_set(key, None, "a", now + DAY)

    def second() -> list[bool]:
        with block():
            done = backend.compare_and_set(key, "a", "c", now + 3 * WEEK)
            return [done, backend.contains(key)]

    with Caller() as other:
        with transaction.atomic():
            assert backend.compare_and_set(key, "a", set_meanwhile, now + 2 * WEEK) is True
            answered = other.begin(second)
            wait_for_one_that_waits()
        assert answered() == [answer, True]
    assert entries()[key][0] == ("c" if answer else set_meanwhile)


def wait_for_one_that_waits() -> None:
    """Until somebody waits for this transaction."""
    deadline = time.monotonic() + 10
    while not run_sql(
        "SELECT 1 FROM pg_locks "
        "WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    ):
        if time.monotonic() > deadline:
            raise TimeoutError("nobody waits")
        time.sleep(0.01)


@pytest.mark.clause("BL-2")
def test_another_isolation_is_refused(backend: DatabaseBlacklist) -> None:
    with transaction.atomic():
        run_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(BlacklistUnavailable, match="READ COMMITTED"):
            backend.add(new_key(), None)


@pytest.mark.usefixtures("not_yet_partitioned")
def test_what_was_kept_before_is_kept_after_and_on_the_way_back(
    backend: DatabaseBlacklist,
) -> None:
    now = int(time.time())
    kept = {new_key(): ("a", exp) for exp in (None, now + DAY, now + 40 * DAY, now + 999 * DAY)}
    for key, (value, exp) in kept.items():
        backend.compare_and_set(key, None, value, exp)
    run_file("install.sql")
    assert entries() == kept
    assert [backend.add(key, now + 5 * DAY) for key in kept] == [False] * 4
    names = [partition_of(key).removeprefix(TABLE) for key in kept]
    assert names == ["_default", "_first", "_first", "_default"]
    for key in kept:
        assert backend.compare_and_set(key, "a", "b", now + 60 * DAY) is True
    run_file("remove.sql")
    assert entries() == dict.fromkeys(kept, ("b", now + 60 * DAY))
    assert [backend.add(key, None) for key in kept] == [False] * 4
    assert not run_sql("SELECT 1 FROM pg_proc WHERE proname LIKE 'djwto%'")


@pytest.mark.usefixtures("not_yet_partitioned")
def test_a_partition_is_dropped_when_all_in_it_has_expired_an_hour_ago(
    backend: DatabaseBlacklist,
) -> None:
    now = int(time.time())
    backend.add(new_key(), now - 5 * WEEK)
    # The table of before has nothing that lives: it goes at once.
    run_file("install.sql")
    assert f"{TABLE}_first" not in partitions()
    assert entries() == {}
    for name in partitions():
        run_sql(f"DROP TABLE {name}")
    begin = now - WEEK
    for name, end in (("long_ago", now - 2 * HOUR), ("just_now", now - HOUR // 2)):
        run_sql(
            f"CREATE TABLE {TABLE}_{name} PARTITION OF {TABLE} (PRIMARY KEY (key)) "
            f"FOR VALUES FROM ({begin}) TO ({end})"
        )
        begin = end
    live = {new_key(): exp for exp in (None, now, now + DAY, now + 30 * DAY, now + 400 * DAY)}
    expired = {new_key(): exp for exp in (now - WEEK, now - 2 * HOUR - 1)}
    late, over = new_key(), new_key()
    for key, exp in {**live, **expired, late: now - HOUR, over: now - 9 * WEEK}.items():
        backend.add(key, exp)
    assert {partition_of(key) for key in expired} == {f"{TABLE}_long_ago"}
    assert partition_of(late) == f"{TABLE}_just_now"
    assert partition_of(over) == f"{TABLE}_default"
    said = keep()
    assert [each for each in said if each.startswith("dropped")] == [f"dropped {TABLE}_long_ago"]
    assert set(entries()) == {*live, late}
    assert all(backend.contains(key) for key in live)
    assert keep() == []


def test_what_went_into_the_default_moves_when_its_partition_is_made(
    backend: DatabaseBlacklist,
) -> None:
    now = int(time.time())
    keep()
    ends = partitions()
    exps = [max(ends.values()) + 2 * WEEK, None, now + 400 * DAY]
    keys = [new_key() for _ in exps]
    for key, exp in zip(keys, exps, strict=True):
        backend.compare_and_set(key, None, "a", exp)
    before = entries()
    assert {partition_of(key) for key in keys} == {f"{TABLE}_default"}
    stop = threading.Event()

    def always_there() -> bool:
        while not stop.is_set():
            if not backend.contains(keys[0]):
                return False
        return True

    with Caller() as other:
        answered = other.begin(always_there)
        made = keep(days_ahead=100)
        stop.set()
        assert answered() is True
    assert made == [f"made {name}" for name in sorted({*partitions()} - {*ends})]
    assert partition_of(keys[0]) in partitions()
    assert [partition_of(key) for key in keys[1:]] == [f"{TABLE}_default"] * 2
    assert entries() == before
    # No end without a beginning.
    assert sorted(partitions().values())[1:] == [
        end + WEEK for end in sorted(partitions().values())[:-1]
    ]
