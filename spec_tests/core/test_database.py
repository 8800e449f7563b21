"""The database backend, beyond what every backend promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
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
def test_a_key_that_is_there_breaks_no_transaction(backend: DatabaseBlacklist) -> None:
    key, other = new_key(), new_key()
    backend.add(key, None)
    with transaction.atomic():
        assert backend.add(key, None) is False
        assert backend.contains(key) is True
        assert backend.add(other, None) is True
    assert backend.contains(other) is True


@pytest.mark.clause("DB-2")
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


@pytest.mark.clause("DB-3")
@durable
def test_expired_entries_are_deleted_in_batches(
    backend: DatabaseBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BATCH", 10)
    live = fill(backend, 25)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert list(backend.purge_in_batches()) == [10, 10, 5]
    deletes = [q["sql"] for q in queries.captured_queries if q["sql"].startswith("DELETE")]
    assert len(deletes) == 3
    assert set(backend.entries.values_list("key", flat=True)) == set(live)
    assert backend.purge() == 0


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
@pytest.mark.parametrize("method", ["add", "contains", "purge"])
def test_a_database_that_cannot_answer_is_unavailable(
    method: str, without_table: DatabaseBlacklist
) -> None:
    arguments = {"add": ("key", None), "contains": ("key",), "purge": ()}[method]
    with pytest.raises(BlacklistUnavailable, match="Database 'default'"):
        getattr(without_table, method)(*arguments)


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
        DatabaseBlacklist({}).on_durable(announced)
        assert announced.times == 1
