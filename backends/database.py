"""A blacklist in a table of one of the project's databases. Needs nothing but `migrate`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import attrgetter, methodcaller
from typing import Any, ClassVar

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    connections,
    router,
    transaction,
)
from django.db.models import QuerySet

from djwto.blacklist import BlacklistBackend
from djwto.durable import when_committed
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry

BATCH = 1000
STATEMENT = 25
REST = 3
"""A purge tells of `BATCH` rows at a time and deletes `STATEMENT` of them in one go. Then it rests
for `REST` times as long as that took: SQLite has one writer, and others want their turn."""

ASKED = 500
"""Keys to ask for in one statement: SQLite before 3.32 takes 999 values, PostgreSQL 65,535."""

TIMES = 10
"""How often to ask a database that undoes a statement for the sake of another."""

# By hand, since the ORM takes ten times as long to write one of these as SQLite to run it.
EXISTS = "SELECT 1 FROM {table} WHERE {key} = %s"
SELECT = "SELECT {key}, {value} FROM {table} WHERE {key} IN ({keys})"
INSERT = "INSERT INTO {table} ({key}, {value}, {exp}) VALUES (%s, %s, %s)"
UPDATE = "UPDATE {table} SET {value} = %s, {exp} = %s WHERE {key} = %s AND {value} = %s"
# MariaDB and MySQL take "a", "A" and "a " for one text, though not for the same bytes.
UPDATE_BY_BYTES = UPDATE.replace("AND {value}", "AND CAST({value} AS BINARY)")
# Still expired: another may have given a key a later `exp` just now.
DELETE = "DELETE FROM {table} WHERE {exp} < %s AND {key} IN ({keys})"

ROWS_CHANGED, ALL_ROWS = attrgetter("rowcount"), methodcaller("fetchall")
"""What a statement answers."""


class DatabaseBlacklist(BlacklistBackend):
    """Keeps the blacklist in the table `djwto_blacklistentry`.

    OPTIONS: `using`, the alias of the database; by default where the routers write to. Reads go
    there as well: a replica may not know yet of a logout that was answered.
    """

    supports_values = True
    default_options: ClassVar[Mapping[str, Any]] = {"using": None}

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        using = self.options["using"]
        self.alias = router.db_for_write(BlacklistEntry) if using is None else using
        if self.alias not in connections:
            raise ImproperlyConfigured(
                f"The option using of DatabaseBlacklist is {self.alias!r}, which is not in "
                f"DATABASES; write one of {', '.join(map(repr, connections))}."
            )
        self.entries = BlacklistEntry.objects.using(self.alias)
        self._statements: dict[tuple[str, int], str] = {}

    def add(self, key: str, exp: int | None) -> bool:
        return self._insert(key, "", exp)

    def _insert(self, key: str, value: str, exp: int | None) -> bool:
        try:
            with self._savepoint():
                self._run(INSERT, [key, value, exp])
        except IntegrityError:
            return False
        return True

    def _savepoint(self) -> AbstractContextManager[Any]:
        """PostgreSQL goes on in no transaction of the caller's that has seen an error."""
        if connections[self.alias].in_atomic_block:
            return transaction.atomic(using=self.alias)
        return nullcontext()

    def contains(self, key: str) -> bool:
        return bool(self._run(EXISTS, [key], ALL_ROWS))

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        keys = list(keys)
        found: dict[str, str] = {}
        for first in range(0, len(keys), ASKED):
            found.update(self._run(SELECT, keys[first : first + ASKED], ALL_ROWS))
        return found

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return self._insert(key, new, exp)
        is_mysql = connections[self.alias].vendor == "mysql"
        before: str | bytes = old.encode() if is_mysql else old
        update = UPDATE_BY_BYTES if is_mysql else UPDATE
        left = TIMES
        while True:
            left -= 1
            try:
                with self._savepoint():
                    return bool(self._run(update, [new, exp, key, before]))
            except BlacklistUnavailable as error:
                if not left or not _is_undone(error):
                    raise

    def _run(self, statement: str, values: list[Any], answer: Any = ROWS_CHANGED) -> Any:
        with self._reachable(), connections[self.alias].cursor() as cursor:
            cursor.execute(self._sql(statement, len(values)), values)
            return answer(cursor)

    def _sql(self, statement: str, count: int) -> str:
        """The statement for so many values."""
        if (sql := self._statements.get((statement, count))) is None:
            quoted = connections[self.alias].ops.quote_name
            names = {name: quoted(name) for name in ("key", "value", "exp")}
            table = quoted(BlacklistEntry._meta.db_table)
            # For those that the statement has no place of their own for.
            keys = ", ".join(["%s"] * (count - statement.count("%s")))
            sql = statement.format(table=table, keys=keys, **names)
            self._statements[statement, count] = sql
        return sql

    def purge(self) -> int:
        return sum(self.purge_in_batches())

    def purge_in_batches(self) -> Iterator[int]:
        """Deletes what has expired, the oldest first, so that those who write wait little."""
        now = int(time.time())
        left = expired = self.entries.filter(exp__lt=now).order_by("exp")
        while True:
            with self._reachable():
                rows = list(left.values_list("key", "exp")[:BATCH])
            if not rows:
                return
            yield self._delete([key for key, _ in rows], now)
            # Not from the first again: PostgreSQL would pass by all that has been deleted.
            left = expired.filter(exp__gte=rows[-1][1])

    def _delete(self, keys: list[str], now: int) -> int:
        deleted = 0
        for first in range(0, len(keys), STATEMENT):
            start = time.perf_counter()
            deleted += self._run(DELETE, [now, *keys[first : first + STATEMENT]])
            time.sleep(REST * (time.perf_counter() - start))
        return deleted

    def on_durable(self, callback: Callable[[], None]) -> None:
        """Calls `callback` on commit, if the caller has wrapped the view in a transaction."""
        when_committed([self.alias], callback)

    def table(self) -> QuerySet[BlacklistEntry]:
        return self.entries.all()

    def check(self) -> list[CheckMessage]:
        if not connections[self.alias].features.interprets_empty_strings_as_nulls:
            return []
        return [
            Error(
                f"The blacklist is in the database {self.alias!r}, of a kind (Oracle) that takes "
                "an empty text for none, which a value may be. Name another with the option "
                "using, or use another backend.",
                id="djwto.E071",
            )
        ]

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (DatabaseError, InterfaceError) as error:
            self._drop_broken_connection()
            raise BlacklistUnavailable(f"Database {self.alias!r}: {error}") from error

    def _drop_broken_connection(self) -> None:
        """Django does so between two requests, but not for a command or a thread of one's own."""
        connection = connections[self.alias]
        # The caller's transaction is lost with it, which Django has to tell the caller.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _is_undone(error: BlacklistUnavailable) -> bool:
    """Whether PostgreSQL says that nothing was done: another moved the row to a new partition."""
    told = getattr(error.__cause__, "__cause__", None)
    return "40001" in (getattr(told, "sqlstate", None), getattr(told, "pgcode", None))
