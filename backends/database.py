"""A blacklist in a table of one of the project's databases. Needs nothing but `migrate`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    connections,
    router,
    transaction,
)
from django.db.models import BinaryField, F, Func, QuerySet
from django.db.models.lookups import Exact

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry

BATCH = 1000


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

    def add(self, key: str, exp: int | None) -> bool:
        return self._create(key, "", exp)

    def _create(self, key: str, value: str, exp: int | None) -> bool:
        try:
            with self._reachable(), self._savepoint():
                self.entries.create(key=key, value=value, exp=exp)
        except IntegrityError:
            return False
        return True

    def _savepoint(self) -> AbstractContextManager[Any]:
        """PostgreSQL goes on in no transaction of the caller's that has seen an error."""
        if connections[self.alias].in_atomic_block:
            return transaction.atomic(using=self.alias)
        return nullcontext()

    def contains(self, key: str) -> bool:
        with self._reachable():
            return self.entries.filter(key=key).exists()

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        with self._reachable():
            return dict(self.entries.filter(key__in=keys).values_list("key", "value"))

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return self._create(key, new, exp)
        with self._reachable():
            return bool(self._holding(key, old).update(value=new, exp=exp))

    def _holding(self, key: str, value: str) -> QuerySet[BlacklistEntry]:
        entries = self.entries.filter(key=key, value=value)
        if connections[self.alias].vendor != "mysql":
            return entries
        # MariaDB and MySQL take "a", "A" and "a " for one text, though not for the same bytes.
        as_bytes = Func(
            F("value"), template="CAST(%(expressions)s AS BINARY)", output_field=BinaryField()
        )
        return entries.filter(Exact(as_bytes, value.encode()))

    def purge(self) -> int:
        return sum(self.purge_in_batches())

    def purge_in_batches(self) -> Iterator[int]:
        """Deletes `BATCH` rows a statement, so that no lock is held for long."""
        expired = self.entries.filter(exp__lt=int(time.time()))
        while True:
            with self._reachable():
                keys = list(expired.values_list("key", flat=True)[:BATCH])
                # Still expired: another may have given one of them a later `exp` just now.
                deleted = expired.filter(key__in=keys).delete()[0]
            if not keys:
                return
            yield deleted

    def on_durable(self, callback: Callable[[], None]) -> None:
        """Calls `callback` on commit, if the caller has wrapped the view in a transaction."""
        if not connections[self.alias].in_atomic_block:
            callback()
            return
        try:
            # Django's way to tell a transaction from that of a test case, which never commits.
            with transaction.atomic(using=self.alias, savepoint=False, durable=True):
                pass
        except RuntimeError:
            transaction.on_commit(callback, using=self.alias, robust=True)
        else:
            callback()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (DatabaseError, InterfaceError) as error:
            raise BlacklistUnavailable(f"Database {self.alias!r}: {error}") from error
