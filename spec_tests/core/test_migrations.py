"""The way over from the table of djwto 0.0.4, and back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import jwt
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings

from djwto.backends.database import DatabaseBlacklist
from djwto.blacklist import blacklist_key
from djwto.claims import LAST_NUMERIC_DATE
from djwto.conf import settings as djwto_settings
from djwto.models import BlacklistEntry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clause("DB-4")]

DAY = 86_400
PLAIN = "5f0e6c1a-6f63-4b8f-9d0c-0f6f1e6f0a{:02x}"


def migrate(name: str) -> Any:
    """Migrates djwto to a migration; the models as they were there."""
    executor = MigrationExecutor(connection)
    executor.migrate([("djwto", name)])
    return MigrationExecutor(connection).loader.project_state([("djwto", name)]).apps


@pytest.fixture
def old_table() -> Iterator[Any]:
    """The model of djwto 0.0.4, with its table in place of ours."""
    try:
        yield migrate("0001_initial").get_model("djwto", "JWTBlacklist")
    finally:
        call_command("migrate", "djwto", verbosity=0)


def token(**claims: Any) -> str:
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def at(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, timezone.utc)


NOW = int(time.time())

# jti, the token, the date of the row, and until when the token says that it is valid.
ROWS: list[tuple[str, str | None, datetime | None, int | None]] = [
    (PLAIN.format(1), token(exp=NOW + DAY), at(NOW + DAY), NOW + DAY),
    # The row's date is off by the server's time zone, either way.
    (PLAIN.format(2), token(exp=NOW + 5 * DAY), at(NOW + 5 * DAY - 9 * 3600), NOW + 5 * DAY),
    (PLAIN.format(3), token(exp=NOW + DAY), at(NOW + DAY + 6 * 3600), NOW + DAY),
    (PLAIN.format(4), token(exp=NOW - DAY), at(NOW - DAY), NOW - DAY),
    (PLAIN.format(5), token(), None, None),
    (PLAIN.format(6), None, at(NOW + 3 * DAY - 9 * 3600), NOW + 3 * DAY),
    (PLAIN.format(7), "garbage", at(NOW + 3 * DAY - 9 * 3600), NOW + 3 * DAY),
    (PLAIN.format(8), token(exp=str(NOW + 4 * DAY)), at(NOW + DAY), NOW + 4 * DAY),
    (PLAIN.format(9), token(exp=float("inf")), at(NOW + DAY), NOW + DAY),
    (PLAIN.format(10), token(exp=10**15), at(NOW + DAY), LAST_NUMERIC_DATE),
    ("Not a UUID, and of capitals", token(exp=NOW + DAY), at(NOW + DAY), NOW + DAY),
    ("not a uuid, and of capitals", token(exp=NOW + DAY), at(NOW + DAY), NOW + DAY),
    ("é" * 255, token(exp=NOW + DAY), at(NOW + DAY), NOW + DAY),
]


def rows() -> list[tuple[str, str | None, datetime | None, int | None]]:
    """What this database's table can hold: MariaDB takes two of the texts for equal."""
    if connection.vendor == "mysql":
        return [row for row in ROWS if not row[0].startswith("not a uuid")]
    return ROWS


def test_every_revocation_is_kept_for_as_long_as_a_token_may_live(old_table: Any) -> None:
    for jti, text, expires, _ in rows():
        old_table.objects.create(jti=jti, token=text, expires=expires)
    migrate("0003_drop_stored_tokens")
    backend = DatabaseBlacklist({})
    kept = dict(BlacklistEntry.objects.values_list("key", "exp"))
    assert len(kept) == len(rows())
    youngest = NOW + int((djwto_settings.refresh_token_lifetime or timedelta()).total_seconds())
    for jti, _, _, valid_until in rows():
        assert backend.contains(blacklist_key(jti)) is True
        until = kept[blacklist_key(jti)]
        if valid_until is None:
            assert until is None
        else:
            # A sibling may be as young as the last moment of the old version.
            assert until is not None
            assert max(valid_until, youngest) <= until <= LAST_NUMERIC_DATE
    backend.purge()
    assert BlacklistEntry.objects.count() == len(rows())


def test_the_stored_tokens_are_dropped(old_table: Any) -> None:
    assert old_table._meta.db_table in connection.introspection.table_names()
    migrate("0003_drop_stored_tokens")
    assert old_table._meta.db_table not in connection.introspection.table_names()


def test_more_than_a_batch_is_taken_over(old_table: Any) -> None:
    old_table.objects.bulk_create(
        old_table(jti=f"{number:032x}", expires=at(NOW + DAY)) for number in range(2_050)
    )
    migrate("0003_drop_stored_tokens")
    assert BlacklistEntry.objects.count() == 2_050


@pytest.mark.parametrize("use_tz", [True, False])
def test_the_way_back_keeps_what_the_old_table_can_hold(use_tz: bool, settings: Settings) -> None:
    settings.USE_TZ = use_tz
    backend = DatabaseBlacklist({})
    backend.add(PLAIN.format(1), NOW + DAY)
    backend.add(PLAIN.format(2), None)
    try:
        old = migrate("0001_initial").get_model("djwto", "JWTBlacklist")
        assert dict(old.objects.values_list("jti", "expires")) == {
            PLAIN.format(1): at(NOW + DAY) if use_tz else at(NOW + DAY).replace(tzinfo=None),
            PLAIN.format(2): None,
        }
    finally:
        call_command("migrate", "djwto", verbosity=0)
    assert backend.contains(PLAIN.format(1)) is True
    assert backend.contains(PLAIN.format(2)) is True


def test_entries_from_before_values_have_the_value_of_what_was_added() -> None:
    now = int(time.time())
    keys = [PLAIN.format(number) for number in range(3)]
    try:
        Entry = migrate("0003_drop_stored_tokens").get_model("djwto", "BlacklistEntry")
        for key, exp in zip(keys, (None, now + DAY, now + 2 * DAY), strict=True):
            Entry.objects.create(key=key, exp=exp)
    finally:
        call_command("migrate", "djwto", verbosity=0)
    backend = DatabaseBlacklist({})
    assert backend.get_many(keys) == dict.fromkeys(keys, "")
    assert backend.add(keys[0], None) is False
    assert backend.compare_and_set(keys[1], "", "a", now + DAY) is True
    assert dict(BlacklistEntry.objects.values_list("key", "exp")) == {
        keys[0]: None,
        keys[1]: now + DAY,
        keys[2]: now + 2 * DAY,
    }


def test_the_way_back_from_values_keeps_the_entries() -> None:
    backend = DatabaseBlacklist({})
    backend.compare_and_set(PLAIN.format(1), None, "a", NOW + DAY)
    try:
        Entry = migrate("0003_drop_stored_tokens").get_model("djwto", "BlacklistEntry")
        assert list(Entry.objects.values_list("key", "exp")) == [(PLAIN.format(1), NOW + DAY)]
    finally:
        call_command("migrate", "djwto", verbosity=0)
    assert backend.get_many([PLAIN.format(1)]) == {PLAIN.format(1): ""}


def test_keys_have_one_index() -> None:
    try:
        migrate("0001_initial")
    finally:
        call_command("migrate", "djwto", verbosity=0)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, BlacklistEntry._meta.db_table)
    assert [one["primary_key"] for one in found.values() if one["columns"] == ["key"]] == [True]
