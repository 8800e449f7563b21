"""What holds where a project has two databases: each is asked of what is in it, and no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, connections, transaction
from django.http import HttpRequest
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from djwto.backends.database import DatabaseBlacklist
from djwto.contrib.sessions import receivers
from djwto.contrib.sessions.models import Session
from djwto.durable import when_committed
from djwto.models import BlacklistEntry
from djwto.spec_tests.core.alice import names
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.subject import new_key

OTHER = "other"

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", OTHER])


@pytest.fixture(scope="module", autouse=True)
def other(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The second database: SQLite in memory, with the tables of all apps."""
    connections.databases[OTHER] = {
        **connections.databases["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {},
    }
    try:
        with django_db_blocker.unblock(), connections[OTHER].schema_editor() as editor:
            for model in apps.get_models():
                editor.create_model(model)
        yield
    finally:
        # Django's own `close` leaves one that is in memory open.
        connections[OTHER].connection.close()
        del connections[OTHER], connections.databases[OTHER]


class Announced:
    """A callback that knows how often it was called."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


each_nesting = pytest.mark.parametrize(
    ("outer", "inner"), [("default", OTHER), (OTHER, "default")]
)


@pytest.mark.clause("SIG-9")
@each_nesting
def test_it_is_announced_once_both_have_committed(outer: str, inner: str) -> None:
    announced = Announced()
    with transaction.atomic(using=outer):
        with transaction.atomic(using=inner):
            when_committed(["default", OTHER], announced)
            assert announced.times == 0
        assert announced.times == 0
    assert announced.times == 1


@pytest.mark.clause("SIG-9")
@each_nesting
@pytest.mark.parametrize("which", ["outer", "inner"])
def test_what_one_of_them_rolls_back_is_not_announced(outer: str, inner: str, which: str) -> None:
    announced = Announced()
    with transaction.atomic(using=outer):
        with transaction.atomic(using=inner):
            when_committed(["default", OTHER], announced)
            if which == "inner":
                transaction.set_rollback(True, using=inner)
        if which == "outer":
            transaction.set_rollback(True, using=outer)
    assert announced.times == 0


@pytest.mark.clause("SIG-9")
@each_nesting
def test_a_transaction_of_a_database_that_is_not_named_is_not_waited_for(
    outer: str, inner: str
) -> None:
    announced = Announced()
    with transaction.atomic(using=outer):
        when_committed([inner], announced)
        assert announced.times == 1


@pytest.mark.clause("SIG-9")
def test_a_callback_that_raises_changes_nothing_for_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    announced = Announced()

    def fail() -> None:
        raise ValueError("A receiver of the project's.")

    with caplog.at_level(logging.ERROR), transaction.atomic():
        when_committed(["default"], fail)
        when_committed(["default"], announced)
    assert announced.times == 1
    assert any("A receiver of the project's." in str(r.exc_info) for r in caplog.records)


@pytest.mark.clause("DB-2")
def test_the_blacklist_is_where_using_says_and_the_default_is_not_asked() -> None:
    backend = DatabaseBlacklist({"using": OTHER})
    key = new_key()
    with CaptureQueriesContext(connection) as asked:
        with transaction.atomic(using=OTHER):
            assert [backend.add(key, 1), backend.add(key, 1)] == [True, False]
            assert backend.compare_and_set(key, "", "a", 1) is True
        assert backend.get_many([key]) == {key: "a"}
        assert backend.contains(key) is True
        assert backend.purge() == 1
        assert backend.contains(key) is False
    assert len(asked) == 0


@pytest.mark.clause("SIG-9")
def test_an_entry_is_durable_when_its_own_database_has_committed() -> None:
    announced = Announced()
    with transaction.atomic(using=OTHER):
        DatabaseBlacklist({"using": OTHER}).on_durable(announced)
        assert announced.times == 0
    assert announced.times == 1
    with transaction.atomic():
        DatabaseBlacklist({"using": OTHER}).on_durable(announced)
        assert announced.times == 2
    assert not BlacklistEntry.objects.exists()


def other_password(user: User) -> None:
    user.set_password("another")
    user.save(using=OTHER)


def delete(user: User) -> None:
    user.delete(using=OTHER)


Change = Callable[[User], None]
each_change = pytest.mark.parametrize("change", [other_password, delete])


def somebody() -> User:
    """A user of the second database only."""
    return User.objects.db_manager(OTHER).create_user("bob", password="pass")


@pytest.mark.clause("HTTP-23")
@each_change
def test_sessions_end_when_the_database_of_the_user_has_committed(change: Change) -> None:
    bob = somebody()
    with Recorder() as recorder:
        with transaction.atomic(using=OTHER):
            change(bob)
            assert names(recorder) == []
        assert names(recorder) == ["jwt_sessions_revoked"]


@pytest.mark.clause("HTTP-23")
@each_change
def test_they_go_on_where_it_has_rolled_back(change: Change) -> None:
    bob = somebody()
    with Recorder() as recorder, transaction.atomic(using=OTHER):
        change(bob)
        transaction.set_rollback(True, using=OTHER)
    assert names(recorder) == []


@pytest.mark.clause("SL-6")
def test_the_list_of_sessions_is_where_the_routers_say_and_breaks_no_transaction_there() -> None:
    claims: dict[str, Any] = {"jti": new_key(), "user": {"id": 1}, "auth_time": 1, "exp": 10**10}
    with (
        override_settings(DATABASE_ROUTERS=["djwto.spec_tests.core.hooks.SessionsElsewhere"]),
        CaptureQueriesContext(connection) as asked,
        transaction.atomic(using=OTHER),
    ):
        receivers.begun(HttpRequest(), claims)
        with pytest.raises(IntegrityError):
            receivers.begun(HttpRequest(), claims)
        assert Session.objects.count() == 1
        receivers.ended(claims["jti"])
        assert Session.objects.count() == 0
    assert len(asked) == 0
