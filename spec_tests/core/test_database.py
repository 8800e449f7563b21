"""The database backend, beyond what every backend promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from djwto.backends import database
from djwto.backends.database import DatabaseBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.spec_tests.subject import new_key

HOOKS = "djwto.spec_tests.core.hooks"
HOUR = 3600

durable = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backend() -> DatabaseBlacklist:
    return DatabaseBlacklist({})


@pytest.fixture
def without_table(backend: DatabaseBlacklist) -> Iterator[DatabaseBlacklist]:
    """A backend in a database that was never migrated."""
    with connection.schema_editor() as editor:
        editor.delete_model(BlacklistEntry)
    try:
        yield backend
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(BlacklistEntry)


@pytest.mark.clause("DB-1")
@durable
@pytest.mark.case("B1")
def test_a_key_that_is_there_breaks_no_transaction(backend: DatabaseBlacklist) -> None:
    key, other = new_key(), new_key()
    backend.add(key, None)
    with transaction.atomic():
        assert backend.add(key, None) is False
        assert backend.contains(key) is True
        assert backend.add(other, None) is True
    assert backend.contains(other) is True


@pytest.mark.clause("DB-1")
@durable
def test_a_value_that_is_another_breaks_no_transaction(backend: DatabaseBlacklist) -> None:
    key = new_key()
    backend.compare_and_set(key, None, "a", None)
    with transaction.atomic():
        assert backend.compare_and_set(key, None, "b", None) is False
        assert backend.compare_and_set(key, "b", "c", None) is False
        assert backend.get_many([key]) == {key: "a"}
        assert backend.compare_and_set(key, "a", "b", None) is True
    assert backend.get_many([key]) == {key: "b"}


@pytest.mark.clause("DB-1")
@durable
def test_a_value_is_rolled_back_with_its_transaction(backend: DatabaseBlacklist) -> None:
    key, other = new_key(), new_key()
    backend.compare_and_set(key, None, "a", None)
    with transaction.atomic():
        assert backend.compare_and_set(key, "a", "b", None) is True
        assert backend.compare_and_set(other, None, "a", None) is True
        transaction.set_rollback(True)
    assert backend.get_many([key, other]) == {key: "a"}


@pytest.mark.clause("BL-17")
@durable
def test_many_keys_are_read_in_one_statement(backend: DatabaseBlacklist) -> None:
    keys = [new_key() for _ in range(3)]
    backend.compare_and_set(keys[1], None, "a", None)
    with CaptureQueriesContext(connection) as queries:
        assert backend.get_many(keys) == {keys[1]: "a"}
    assert len(queries) == 1


@pytest.mark.clause("BL-17")
@durable
def test_more_keys_than_a_statement_takes_are_read_in_several(backend: DatabaseBlacklist) -> None:
    keys = [new_key() for _ in range(1_100)]
    for key in keys[499:502]:
        backend.add(key, None)
    with CaptureQueriesContext(connection) as queries:
        assert backend.get_many(keys) == dict.fromkeys(keys[499:502], "")
    assert [query["sql"].count("-") // 4 for query in queries] == [500, 500, 100]


@pytest.mark.clause("BL-19")
@durable
def test_a_value_is_compared_and_set_in_one_statement(backend: DatabaseBlacklist) -> None:
    key = new_key()
    backend.compare_and_set(key, None, "a", None)
    with CaptureQueriesContext(connection) as queries:
        assert backend.compare_and_set(key, "a", "b", None) is True
    assert len(queries) == 1


@pytest.mark.clause("BL-19")
@durable
def test_a_value_is_set_with_its_expiry(backend: DatabaseBlacklist) -> None:
    key, exp = new_key(), int(time.time()) + 60
    for old, new, until in ((None, "a", exp), ("a", "b", exp + 1), ("b", "c", None)):
        assert backend.compare_and_set(key, old, new, until) is True
        entry = BlacklistEntry.objects.get(key=key)
        assert (entry.value, entry.exp) == (new, until)


@pytest.mark.clause("BL-19")
@durable
@pytest.mark.case("B5")
def test_mariadb_is_asked_to_compare_bytes(
    backend: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it answers is for `make test-services` to see; other databases do not know the type.
    value = connection.ops.quote_name("value")
    connection.ensure_connection()
    monkeypatch.setattr(connection, "vendor", "mysql")
    statements: list[tuple[str, Any]] = []

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        raise DatabaseError("not to be run")

    with connection.execute_wrapper(record), pytest.raises(BlacklistUnavailable, match="not to"):
        backend.compare_and_set("key", "a", "b", None)
    ((sql, params),) = statements
    assert f"CAST({value} AS BINARY) = %s" in sql
    assert any(getattr(param, "obj", param) == b"a" for param in params)


def test_where_an_empty_text_is_none_the_check_says_so(
    backend: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backend.check() == []
    monkeypatch.setattr(connection.features, "interprets_empty_strings_as_nulls", True)
    (message,) = backend.check()
    assert message.id == "djwto.E071"
    assert "'default'" in message.msg


@pytest.mark.clause("BL-20")
@durable
def test_purge_leaves_what_is_set_to_live_on_meanwhile(backend: DatabaseBlacklist) -> None:
    now = int(time.time())
    key, other = new_key(), new_key()
    backend.compare_and_set(key, None, "a", now - 10)
    backend.compare_and_set(other, None, "a", now - 10)
    answers: list[bool] = []

    def set_before(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("DELETE") and not answers:
            answers.append(backend.compare_and_set(key, "a", "b", now + HOUR))
        return execute(sql, *arguments)

    with connection.execute_wrapper(set_before):
        assert backend.purge() == 1
    assert answers == [True]
    assert backend.get_many([key, other]) == {key: "b"}


class SerializationFailure(Exception):
    """What the driver says of a statement that was undone."""

    sqlstate = "40001"


@pytest.mark.clause("BL-19")
@durable
@pytest.mark.parametrize(("failures", "asked"), [(0, 1), (2, 3), (database.TIMES, 0)])
def test_a_statement_that_was_undone_is_made_again_and_not_for_ever(
    failures: int, asked: int, backend: DatabaseBlacklist
) -> None:
    key = new_key()
    backend.compare_and_set(key, None, "a", None)
    statements: list[str] = []

    def undo(execute: Any, sql: str, *arguments: Any) -> Any:
        # A new connection has statements of its own.
        if sql.startswith("UPDATE"):
            statements.append(sql)
            if len(statements) <= failures:
                raise OperationalError("moved") from SerializationFailure()
        return execute(sql, *arguments)

    with connection.execute_wrapper(undo):
        if asked:
            assert backend.compare_and_set(key, "a", "b", None) is True
        else:
            with pytest.raises(BlacklistUnavailable, match="moved"):
                backend.compare_and_set(key, "a", "b", None)
    assert len(statements) == (asked or failures)
    assert backend.get_many([key]) == {key: "b" if asked else "a"}


@pytest.mark.clause("DB-2")
@pytest.mark.case(71, "B3")
def test_reads_go_where_writes_go() -> None:
    with override_settings(DATABASE_ROUTERS=[f"{HOOKS}.ReadsElsewhere"]):
        backend = DatabaseBlacklist({})
    assert backend.alias == "default"
    assert backend.entries.db == "default"


@pytest.mark.clause("DB-2")
def test_the_routers_tell_where_writes_go() -> None:
    with (
        override_settings(DATABASE_ROUTERS=[f"{HOOKS}.WritesElsewhere"]),
        pytest.raises(ImproperlyConfigured, match="is 'other', which is not in DATABASES"),
    ):
        DatabaseBlacklist({})


@pytest.mark.clause("DB-2")
def test_using_overrides_the_routers() -> None:
    with override_settings(DATABASE_ROUTERS=[f"{HOOKS}.WritesElsewhere"]):
        assert DatabaseBlacklist({"using": "default"}).alias == "default"


@pytest.mark.clause("BL-16")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"alias": "default"}, "has no option alias; it has using"),
        ({"using": "nowhere"}, "write one of 'default'"),
        ({"using": ""}, "write one of 'default'"),
        ({"using": []}, "write one of 'default'"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason):
        DatabaseBlacklist(options)


def fill(backend: DatabaseBlacklist, expired: int) -> list[str]:
    """Adds so many expired entries, and live ones; the keys of the live."""
    now = int(time.time())
    backend.entries.bulk_create(
        BlacklistEntry(key=new_key(), exp=now - 10 - number) for number in range(expired)
    )
    live = {new_key(): exp for exp in (None, now + 5, now + HOUR)}
    for key, exp in live.items():
        backend.add(key, exp)
    return list(live)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BATCH", 10)
    monkeypatch.setattr(database, "STATEMENT", 4)


def deletes(queries: CaptureQueriesContext) -> list[str]:
    return [q["sql"] for q in queries.captured_queries if q["sql"].startswith("DELETE")]


@pytest.mark.clause("DB-3")
@durable
@pytest.mark.usefixtures("small_batches")
def test_expired_entries_are_deleted_in_batches(backend: DatabaseBlacklist) -> None:
    live = fill(backend, 25)
    with CaptureQueriesContext(connection) as queries:
        assert list(backend.purge_in_batches()) == [10, 10, 5]
    assert len(deletes(queries)) == 3 + 3 + 2
    assert set(backend.entries.values_list("key", flat=True)) == set(live)
    assert backend.purge() == 0


@pytest.mark.clause("DB-3")
@durable
@pytest.mark.usefixtures("small_batches")
def test_entries_that_expired_at_one_time_are_all_deleted(backend: DatabaseBlacklist) -> None:
    then = int(time.time()) - 10
    backend.entries.bulk_create(BlacklistEntry(key=new_key(), exp=then) for _ in range(25))
    assert list(backend.purge_in_batches()) == [10, 10, 5]


@pytest.mark.clause("DB-3")
@durable
@pytest.mark.usefixtures("small_batches")
def test_a_purge_rests_after_each_statement(
    backend: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(backend, 15)
    rests: list[tuple[int, float]] = []
    with CaptureQueriesContext(connection) as queries:
        monkeypatch.setattr(
            time, "sleep", lambda seconds: rests.append((len(deletes(queries)), seconds))
        )
        backend.purge()
    assert [number for number, _ in rests] == [1, 2, 3, 4, 5]
    assert all(seconds > 0 for _, seconds in rests)


@pytest.mark.clause("DB-3")
@durable
@pytest.mark.usefixtures("small_batches")
def test_a_purge_that_is_interrupted_goes_on_where_it_stopped(
    backend: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = fill(backend, 25)
    sleep = time.sleep
    rests = iter(range(6))

    def interrupted(seconds: float) -> None:
        if next(rests, None) == 4:
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(CommandError, match=r"Stopped after 10 entries.*goes on where") as stopped:
        call_command("delete_tokens", stdout=StringIO())
    assert stopped.value.returncode == 130
    assert backend.entries.count() == len(live) + 25 - 18
    said = StringIO()
    call_command("delete_tokens", stdout=said)
    assert said.getvalue().splitlines()[-1] == "Done: 7 expired entries deleted."
    assert set(backend.entries.values_list("key", flat=True)) == set(live)


@pytest.mark.clause("DB-3")
@durable
def test_the_command_tells_how_far_it_is(
    backend: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BATCH", 10)
    fill(backend, 25)
    said = StringIO()
    call_command("delete_tokens", stdout=said)
    assert said.getvalue().splitlines() == [
        "10 expired entries deleted",
        "20 expired entries deleted",
        "25 expired entries deleted",
        "Done: 25 expired entries deleted.",
    ]


@pytest.mark.clause("DB-3")
@durable
def test_the_command_says_when_the_store_is_down(without_table: DatabaseBlacklist) -> None:
    with pytest.raises(CommandError, match=r"(?s)unavailable after 0 entries.*goes on where it"):
        call_command("delete_tokens")


@pytest.mark.clause("BL-15")
@durable
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("add", ("key", None)),
        ("contains", ("key",)),
        ("purge", ()),
        ("get_many", (["key"],)),
        ("compare_and_set", ("key", None, "a", None)),
        ("compare_and_set", ("key", "a", "b", None)),
    ],
)
def test_a_database_that_cannot_answer_is_unavailable(
    method: str, arguments: tuple[Any, ...], without_table: DatabaseBlacklist
) -> None:
    with pytest.raises(BlacklistUnavailable, match="Database 'default'"):
        getattr(without_table, method)(*arguments)


@pytest.mark.clause("BL-15")
@durable
def test_a_connection_that_broke_is_used_no_more_where_no_transaction_is_lost_with_it(
    without_table: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    with transaction.atomic():
        with pytest.raises(BlacklistUnavailable):
            without_table.contains("key")
        assert connection.connection is not None
    with pytest.raises(BlacklistUnavailable):
        without_table.contains("key")
    assert connection.connection is None


class Announced:
    """A callback that knows how often it was called."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.mark.clause("SIG-9")
@durable
def test_outside_a_transaction_it_is_announced_at_once(backend: DatabaseBlacklist) -> None:
    announced = Announced()
    backend.on_durable(announced)
    assert announced.times == 1


@pytest.mark.clause("SIG-9")
@durable
def test_inside_one_it_is_announced_on_commit(backend: DatabaseBlacklist) -> None:
    announced = Announced()
    with transaction.atomic():
        with transaction.atomic():
            backend.on_durable(announced)
        assert announced.times == 0
    assert announced.times == 1


@pytest.mark.clause("SIG-9")
@durable
def test_what_is_rolled_back_is_not_announced(backend: DatabaseBlacklist) -> None:
    announced = Announced()
    with transaction.atomic():
        backend.on_durable(announced)
        transaction.set_rollback(True)
    assert announced.times == 0


@pytest.mark.clause("SIG-9")
class TestInATestCase(TestCase):
    """A test case's own transaction never commits; receivers are to hear all the same."""

    def test_it_is_announced_at_once(self) -> None:
        announced = Announced()
        # To find out costs no statement, lest the project's own tests count one too many.
        with self.assertNumQueries(0):
            DatabaseBlacklist({}).on_durable(announced)
        assert announced.times == 1
