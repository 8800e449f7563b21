"""The table of today, with the revocations of djwto 0.0.4 taken over."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

import jwt
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from djwto.blacklist import blacklist_key
from djwto.claims import LAST_NUMERIC_DATE
from djwto.sessions import kept_until

BATCH = 1000


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _until(row: Any, now: int) -> int | None:
    """Until when to remember an old row: as if its session had ended now.

    The row's own date may be off by the server's time zone, and the token's `exp` may be text or
    beyond any date; a sibling of the token may live longer than either. A row that says it never
    expires goes on for ever.
    """
    if row.expires is None:
        return None
    ends = [int(row.expires.replace(tzinfo=row.expires.tzinfo or timezone.utc).timestamp())]
    try:
        claims = jwt.decode(row.token, options={"verify_signature": False})
        ends.append(int(float(claims["exp"])))
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError):
        # No readable token: a day covers whatever the time zone did to the row's date.
        ends.append(ends[0] + int(timedelta(days=1).total_seconds()))
    return kept_until({"exp": min(max(ends), LAST_NUMERIC_DATE)}, now)


def take_over(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    alias = schema_editor.connection.alias
    old = apps.get_model("djwto", "JWTBlacklist").objects.using(alias)
    Entry = apps.get_model("djwto", "BlacklistEntry")
    now = int(time.time())
    for rows in _batches(old.order_by("pk").iterator(BATCH)):
        Entry.objects.using(alias).bulk_create(
            (Entry(key=blacklist_key(row.jti), exp=_until(row, now)) for row in rows),
            ignore_conflicts=True,
        )


def _as_stored(exp: int) -> datetime:
    moment = datetime.fromtimestamp(exp, timezone.utc)
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)


def give_back(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The way back; a key that is a digest stands for a `jti` that 0.0.4 never made itself."""
    alias = schema_editor.connection.alias
    Old = apps.get_model("djwto", "JWTBlacklist")
    entries = apps.get_model("djwto", "BlacklistEntry").objects.using(alias)
    for rows in _batches(entries.order_by("pk").iterator(BATCH)):
        Old.objects.using(alias).bulk_create(
            (
                Old(
                    jti=row.key,
                    expires=None if row.exp is None else _as_stored(row.exp),
                )
                for row in rows
            ),
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    dependencies = [("djwto", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="BlacklistEntry",
            fields=[
                (
                    "key",
                    models.CharField(
                        max_length=65, primary_key=True, serialize=False, verbose_name="key"
                    ),
                ),
                (
                    "exp",
                    models.BigIntegerField(
                        db_index=True,
                        null=True,
                        help_text="In epoch seconds; empty is for ever.",
                    ),
                ),
            ],
            options={
                "verbose_name": "blacklist entry",
                "verbose_name_plural": "blacklist entries",
            },
        ),
        migrations.RunPython(take_over, give_back),
    ]
