"""`manage.py djwto_import_simplejwt`: takes over the blacklist of simplejwt."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from djwto.blacklist import blacklist_key, get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.management.commands.delete_tokens import INTERRUPTED
from djwto.sessions import kept_until
from djwto.simplejwt import tables

BATCH = 1000

LONG_EXPIRED = timedelta(days=1)
"""After which an entry is of no use. Not at once: its token may have been exchanged for one of
ours just before it expired, while servers of before and of after run side by side."""

TAKEN, THERE, EXPIRED = "taken over", "there before", "expired"

Row = tuple[int, str, datetime]


class Command(BaseCommand):
    help = (
        "Takes the blacklist of djangorestframework-simplejwt, or django-ninja-jwt, over into "
        "DJWTO_BLACKLIST. It can be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="where the tables of simplejwt are; the default database if none is given",
        )
        parser.add_argument(
            "--after",
            type=int,
            default=0,
            metavar="ID",
            help="leave out what is blacklisted up to this id, which an earlier run has told",
        )

    def handle(self, *args: Any, database: str, after: int, **options: Any) -> None:
        blacklist = get_blacklist()
        if not blacklist.supports_processes:
            raise CommandError(
                f"The {type(blacklist).__name__} of DJWTO_BLACKLIST has them in one process: "
                "no server would see what this one adds. Choose a store that all of them share."
            )
        self.counts: Counter[str] = Counter()
        self.last = after
        try:
            for batch in _batches(database, after):
                for row in batch:
                    self._take_over(row)
                if options["verbosity"]:
                    self.stdout.write(f"{self._read} read, up to id {self.last}")
        except (BlacklistUnavailable, DatabaseError, InterfaceError) as error:
            raise CommandError(f"A store is unavailable: {error} {self._go_on()}") from error
        except KeyboardInterrupt as interrupt:
            raise CommandError(f"Stopped. {self._go_on()}", returncode=INTERRUPTED) from interrupt
        told = ", ".join(f"{self.counts[name]} {name}" for name in (TAKEN, THERE, EXPIRED))
        self.stdout.write(self.style.SUCCESS(f"Done: {told}."))

    def _take_over(self, row: Row) -> None:
        number, jti, expires_at = row
        # They write UTC, also where USE_TZ is off.
        moment = expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=timezone.utc)
        now = time.time()
        if moment.timestamp() < now - LONG_EXPIRED.total_seconds():
            self.counts[EXPIRED] += 1
        else:
            # As for a session that ends now: one of ours may have come of it.
            until = kept_until({"exp": math.ceil(moment.timestamp())}, int(now))
            added = get_blacklist().add(blacklist_key(jti), until)
            self.counts[TAKEN if added else THERE] += 1
        self.last = number

    @property
    def _read(self) -> int:
        return sum(self.counts.values())

    def _go_on(self) -> str:
        return (
            f"{self._read} were read. Run the command again with --after {self.last}; without it, "
            "nothing is taken over twice either."
        )


def _batches(database: str, after: int) -> Iterator[list[Row]]:
    """What is blacklisted, by its id, so that the last batch costs no more than the first."""
    wanted = {model._meta.db_table for model in tables.MODELS}
    missing = wanted - set(connections[database].introspection.table_names())
    if missing:
        raise CommandError(
            f"The database {database!r} has no table {' and no '.join(sorted(missing))}. "
            "Name the one that has with --database."
        )
    found = tables.BlacklistedToken.objects.using(database).order_by("pk")
    rows = found.values_list("pk", "token__jti", "token__expires_at")
    last = after
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1][0]
