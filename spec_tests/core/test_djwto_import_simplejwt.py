"""MIG-7: the blacklist of simplejwt is taken over, from its tables alone.

docs/migrate has the package itself fill them.
"""

from __future__ import annotations

import io
import re
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from djwto.backends.database import DatabaseBlacklist
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.management.commands import djwto_import_simplejwt
from djwto.models import BlacklistEntry
from djwto.simplejwt.tables import MODELS, BlacklistedToken, OutstandingToken
from djwto.spec_tests.subject import Subject

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clause("MIG-7")]

DAY = 86_400


@pytest.fixture(autouse=True)
def their_tables() -> Iterator[None]:
    """As their migrations have made them, but for columns that are not read."""
    with connection.schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)


def issued(in_seconds: float = DAY, jti: str = "", blacklisted: bool = True) -> str:
    """The jti of a token of theirs that expires then."""
    expires_at = datetime.now(timezone.utc) + timedelta(seconds=in_seconds)
    row = OutstandingToken._default_manager.create(
        jti=jti or uuid.uuid4().hex, expires_at=expires_at
    )
    if blacklisted:
        BlacklistedToken.objects.create(token=row)
    return row.jti


def run(**options: Any) -> str:
    said = io.StringIO()
    call_command("djwto_import_simplejwt", stdout=said, **options)
    return said.getvalue()


@pytest.mark.parametrize("store", ["database", "redis"])
def test_what_is_blacklisted_is_in_the_store_afterwards(
    store: str, subjects: dict[str, Subject], settings: Settings
) -> None:
    settings.DJWTO_BLACKLIST = subjects[store].setting
    blacklisted = [
        issued(),
        issued(1),
        issued(-1),
        issued(-DAY + 60),
        issued(jti="An id of theirs, Ü"),
    ]
    others = [issued(blacklisted=False), issued(-DAY - 60)]
    assert "Done: 5 taken over, 0 there before, 1 expired.\n" in run()
    backend = get_blacklist()
    assert [backend.contains(blacklist_key(jti)) for jti in blacklisted] == [True] * 5
    assert [backend.contains(blacklist_key(jti)) for jti in others] == [False] * 2
    late = issued()
    assert "Done: 1 taken over, 5 there before, 1 expired.\n" in run()
    assert backend.contains(late)


def test_it_is_kept_until_no_token_that_came_of_it_can_be_valid(settings: Settings) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=3)
    shorter, longer = issued(60), issued(5 * DAY)
    run()
    kept: dict[str, Any] = dict(BlacklistEntry.objects.values_list("key", "exp"))
    now = int(time.time())
    assert now + 3 * DAY - 60 <= kept[shorter] <= now + 3 * DAY + 600
    assert now + 5 * DAY <= kept[longer] <= now + 5 * DAY + 600


def test_their_times_are_utc_where_django_keeps_none(settings: Settings) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(hours=1)
    naive = (datetime.now(timezone.utc) + timedelta(days=2)).replace(tzinfo=None)
    row = OutstandingToken._default_manager.create(jti="ab" * 16, expires_at=naive)
    listed = BlacklistedToken.objects.create(token=row)
    assert (str(row), str(listed)) == ("ab" * 16, str(listed.pk))
    run()
    ((key, exp),) = BlacklistEntry.objects.values_list("key", "exp")
    assert key == "ab" * 16
    assert exp is not None
    assert abs(exp - time.time() - 2 * DAY) <= 600


def test_an_entry_that_is_there_keeps_its_own_time() -> None:
    jti = issued()
    DatabaseBlacklist({}).add(jti, None)
    assert "0 taken over, 1 there before" in run()
    assert BlacklistEntry.objects.get(key=jti).exp is None


def test_it_says_how_far_it_came_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(djwto_import_simplejwt, "BATCH", 2)
    for _ in range(5):
        issued()
    ids = list(BlacklistedToken.objects.order_by("pk").values_list("pk", flat=True))
    said = run().splitlines()
    assert said[:-1] == [
        f"2 read, up to id {ids[1]}",
        f"4 read, up to id {ids[3]}",
        f"5 read, up to id {ids[4]}",
    ]
    assert run(verbosity=0).splitlines() == ["Done: 0 taken over, 5 there before, 0 expired."]
    assert "Done: 0 taken over, 2 there before" in run(after=ids[2])


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyboardInterrupt(), "Stopped."),
        (BlacklistUnavailable("gone"), "A store is unavailable: gone"),
        (OperationalError("gone"), "A store is unavailable: gone"),
    ],
)
def test_what_was_stopped_goes_on_where_it_was(
    error: BaseException, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jtis = [issued() for _ in range(5)]
    ids = list(BlacklistedToken.objects.order_by("pk").values_list("pk", flat=True))
    add, calls = DatabaseBlacklist.add, iter(range(9))

    def fail_the_fourth(self: Any, key: str, exp: int | None) -> bool:
        if next(calls) == 3:
            raise error
        return add(self, key, exp)

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseBlacklist, "add", fail_the_fourth)
        with pytest.raises(CommandError) as raised:
            run()
    told = str(raised.value)
    assert told.startswith(says)
    assert f"3 were read. Run the command again with --after {ids[2]};" in told
    assert raised.value.returncode == (130 if isinstance(error, KeyboardInterrupt) else 1)
    after = re.search(r"--after (\d+)", told)
    assert after
    assert "Done: 2 taken over, 0 there before, 0 expired." in run(after=int(after[1]))
    assert {*jtis} == {*BlacklistEntry.objects.values_list("key", flat=True)}


def test_a_store_of_one_process_is_refused(settings: Settings) -> None:
    settings.DJWTO_BLACKLIST = {"BACKEND": "djwto.backends.cache.CacheBlacklist", "OPTIONS": {}}
    locmem = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": locmem}}
    with pytest.raises(CommandError, match="in one process: no server would see"):
        run()


def test_a_database_without_their_tables_is_told_of() -> None:
    with connection.schema_editor() as editor:
        editor.delete_model(BlacklistedToken)
    try:
        with pytest.raises(
            CommandError, match=r"'default' has no table token_blacklist_black.*--"
        ):
            run()
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(BlacklistedToken)
