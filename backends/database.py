"""A blacklist in a table of one of the project's databases. Needs nothing but `migrate`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry

BATCH = 1000


class DatabaseBlacklist(BlacklistBackend):
    """Keeps ended sessions in the table `djwto_blacklistentry`.

    OPTIONS: `using`, the alias of the database; by default where the routers write to. Reads go
    there as well: a replica may not know yet of a logout that was answered.
    """

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
        try:
            # A savepoint, where the caller is in a transaction: PostgreSQL goes on in none that
            # has seen an error.
            with self._reachable(), transaction.atomic(using=self.alias):
                self.entries.create(key=key, exp=exp)
        except IntegrityError:
            return False
        return True

    def contains(self, key: str) -> bool:
        with self._reachable():
            return self.entries.filter(key=key).exists()

    def purge(self) -> int:
        return sum(self.purge_in_batches())

    def purge_in_batches(self) -> Iterator[int]:
        """Deletes `BATCH` rows a statement, so that no lock is held for long."""
        expired = self.entries.filter(exp__lt=int(time.time()))
        while True:
            with self._reachable():
                keys = list(expired.values_list("key", flat=True)[:BATCH])
                deleted = self.entries.filter(key__in=keys).delete()[0]
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
