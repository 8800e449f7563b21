"""The backends that the rogues are made from: they break nothing."""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable


class Rogue(BlacklistBackend):
    """A backend that is aimed at a clause. Its docstring says what is wrong with it."""

    breaks: ClassVar[str] = ""
    """The clause that must reject this backend."""


class HonestWithoutValues(Rogue):
    """Breaks nothing, and keeps no values: a table in an SQLite file."""

    default_options: ClassVar[Mapping[str, Any] | None] = {"path": None}

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        own = settings.FOLDER / f"{type(self).__name__}.sqlite3"
        self.path = Path(self.options.get("path") or own)
        self.begun = False

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        try:
            return self._ask(statement, *values)
        except sqlite3.Error as error:
            raise BlacklistUnavailable(f"{self.path}: {error}") from error

    def _ask(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        self._begin()
        with closing(self._connect()) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall(), cursor.rowcount

    def _begin(self) -> None:
        if self.begun:
            return
        first = self._connect()
        # While one is open, the others need not begin a log of writes nor end it.
        weakref.finalize(self, first.close)
        first.execute("PRAGMA journal_mode=WAL")
        first.execute(
            "CREATE TABLE IF NOT EXISTS entry "
            "(key TEXT PRIMARY KEY, value TEXT NOT NULL DEFAULT '', exp INTEGER)"
        )
        self.begun = True

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    def add(self, key: str, exp: int | None) -> bool:
        return self._run("INSERT OR IGNORE INTO entry (key, exp) VALUES (?, ?)", key, exp)[1] == 1

    def contains(self, key: str) -> bool:
        return bool(self._run("SELECT 1 FROM entry WHERE key = ?", key)[0])

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp < ?", int(time.time()))[1]


class Honest(HonestWithoutValues):
    """Breaks nothing, and keeps values. What most rogues are made from."""

    supports_values = True

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(keys))
        return dict(self._run(f"SELECT key, value FROM entry WHERE key IN ({marks})", *keys)[0])

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            insert = "INSERT OR IGNORE INTO entry VALUES (?, ?, ?)"
            return self._run(insert, key, new, exp)[1] == 1
        return self._set("key = ? AND value = ?", key, old, value=new, exp=exp) == 1

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        update = f"UPDATE entry SET value = ?, exp = ? WHERE {where}"
        return self._run(update, value, exp, *values)[1]
