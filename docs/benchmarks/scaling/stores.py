"""The stores: each is made, filled directly, asked for its size, and dropped again.

The tables are those that `migrate` makes.
"""

from __future__ import annotations

import random
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.management import call_command
from django.db import connections, transaction

from djwto.backends.database import DatabaseBlacklist
from djwto.backends.redis import RedisBlacklist
from djwto.blacklist import BlacklistBackend
from djwto.spec_tests.services import REDIS
from scaling.entries import SAMPLE, Entry

TABLE = "djwto_blacklistentry"

SET_ALL = """
for number, name in ipairs(KEYS) do
    redis.call("SET", name, ARGV[1], "EXAT", ARGV[number + 1])
end
"""
"""Sets keys to a value, each until a time."""

LOOK = """
for _ = 1, ARGV[1] do
    redis.call("EXISTS", KEYS[1])
end
"""
"""Looks at a key so many times."""


class Store(ABC):
    """A store for one purpose."""

    kind: str
    backend: BlacklistBackend

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.hits: list[str] = []
        """Some of the keys that are in it."""
        self.count = 0

    def fill(self, chunks: Iterable[list[Entry]], total: int) -> None:
        """Adds entries, far faster than one by one, and remembers some of the keys."""
        for chunk in chunks:
            self._fill(chunk)
            self.count += len(chunk)
            share = max(1, SAMPLE * len(chunk) // total)
            self.hits += [key for key, _ in random.sample(chunk, min(share, len(chunk)))]

    @abstractmethod
    def create(self) -> None:
        """Makes it, empty."""

    @abstractmethod
    def _fill(self, chunk: list[Entry]) -> None: ...

    @abstractmethod
    def size(self) -> int:
        """The bytes that it takes, with its indexes."""

    @abstractmethod
    def drop(self) -> None:
        """Removes it."""


class Database(Store):
    """A database of a server, or of a file."""

    @property
    def alias(self) -> str:
        """Its name in DATABASES."""
        return f"{self.kind}_{self.purpose}"

    @property
    def connection(self) -> Any:
        """This thread's."""
        return connections[self.alias]

    def create(self) -> None:
        self.drop()
        self.create_database()
        call_command("migrate", database=self.alias, verbosity=0)
        self.backend = DatabaseBlacklist({"using": self.alias})
        self.empty = self.size()

    @property
    def name(self) -> str:
        """Of the database, or of its file."""
        return str(self.connection.settings_dict["NAME"])

    def create_database(self) -> None:
        """Makes it without tables."""
        with self.connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.name}")

    def drop(self) -> None:
        self.connection.close()
        with self.connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.name}")

    def _one(self, sql: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]


def lines(chunk: list[Entry]) -> str:
    """Rows as the servers read them."""
    return "".join(f"{key}\t\t{exp}\n" for key, exp in chunk)


class PostgreSQL(Database):
    kind = "postgresql"

    def _fill(self, chunk: list[Entry]) -> None:
        copying = f"COPY {TABLE} (key, value, exp) FROM STDIN"
        with self.connection.cursor() as cursor, cursor.copy(copying) as copy:
            copy.write(lines(chunk))

    def fill(self, chunks: Iterable[list[Entry]], total: int) -> None:
        super().fill(chunks, total)
        # As autovacuum does, though not while it is measured.
        self._run(f"VACUUM ANALYZE {TABLE}")

    def _run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def size(self) -> int:
        return int(self._one(f"SELECT pg_total_relation_size('{TABLE}')"))


class MariaDB(Database):
    kind = "mariadb"

    def _fill(self, chunk: list[Entry]) -> None:
        with tempfile.NamedTemporaryFile("w") as file, self.connection.cursor() as cursor:
            file.write(lines(chunk))
            file.flush()
            cursor.execute(
                f"LOAD DATA LOCAL INFILE %s INTO TABLE {TABLE} (`key`, value, exp)", [file.name]
            )

    def size(self) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(f"ANALYZE TABLE {TABLE}")
            cursor.fetchall()
        return int(
            self._one(
                "SELECT data_length + index_length FROM information_schema.tables "
                f"WHERE table_schema = '{self.name}' AND table_name = '{TABLE}'"
            )
        )


class SQLite(Database):
    kind = "sqlite"
    empty = 0

    def _fill(self, chunk: list[Entry]) -> None:
        insert = f"INSERT INTO {TABLE} (key, value, exp) VALUES (%s, '', %s)"
        with transaction.atomic(using=self.alias), self.connection.cursor() as cursor:
            cursor.executemany(insert, chunk)

    def create_database(self) -> None:
        """The first connection does."""

    def drop(self) -> None:
        self.connection.close()
        for end in ("", "-wal", "-shm"):
            Path(self.name + end).unlink(missing_ok=True)

    def size(self) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(self.name).stat().st_size - self.empty


class Redis(Store):
    """A number of a Redis server that was empty before, from 10 on."""

    kind = "redis"
    unused: ClassVar[list[int]] = list(range(15, 9, -1))

    def create(self) -> None:
        while self.unused:
            self.url = urlsplit(REDIS.url)._replace(path=f"/{self.unused.pop()}").geturl()
            self.backend = self.blacklist = RedisBlacklist({"url": self.url, "timeout": 60})
            self.client = self.blacklist.client
            if not self.client.dbsize():
                self.empty = self._used()
                return
        raise SystemExit("Redis has no empty number from 10 on.")

    def _used(self) -> int:
        return int(self.client.info("memory")["used_memory"])

    def _fill(self, chunk: list[Entry]) -> None:
        key, exp = chunk[0]
        self.backend.add(key, exp)
        self._set_all(chunk, self.client.get(self.blacklist.prefix + key))

    def _set_all(self, chunk: list[Entry], value: Any) -> None:
        prefix = self.blacklist.prefix
        for start in range(0, len(chunk), 1000):
            part = chunk[start : start + 1000]
            names = [prefix + key for key, _ in part]
            self.client.eval(SET_ALL, len(part), *names, value, *[exp for _, exp in part])

    def size(self) -> int:
        # Redis moves a table that has grown to a larger one bit by bit, at each look at it.
        name = self.client.randomkey()
        for _ in range(0, self.client.dbsize(), 10_000):
            self.client.eval(LOOK, 1, name, 10_000)
        return self._used() - self.empty

    def bare_size(self, chunks: Iterable[list[Entry]]) -> int:
        """The bytes that such keys take if each is SET to 1, with the same time to live."""
        for chunk in chunks:
            self._set_all(chunk, 1)
        taken = self.size()
        self.drop()
        self.empty = self._used()
        return taken

    def drop(self) -> None:
        # Others are served meanwhile, if the server has any.
        self.client.flushdb(asynchronous=True)
        while self.client.info("memory")["lazyfree_pending_objects"]:
            time.sleep(0.1)


KINDS = {store.kind: store for store in (PostgreSQL, MariaDB, SQLite, Redis)}
