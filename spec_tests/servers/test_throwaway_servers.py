"""The servers that are started for a test: what is done to them happens to all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from select import select

import psycopg
import pytest

from djwto.spec_tests.servers.memcached import PROGRAM, Memcached
from djwto.spec_tests.servers.postgresql import DEBIAN, PostgreSQL
from djwto.spec_tests.servers.process import require, started

A_WHILE = 0.5


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that a server may enter that is not us."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


def test_postgresql_keeps_what_was_committed(folder: Path) -> None:
    if not DEBIAN.is_dir():
        require("postgres")
    server = PostgreSQL(folder, {"max_connections": 10})
    url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
    with started(server):
        connection = psycopg.connect(url, autocommit=True)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        server.restart()
        with closing(connection), pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        server.stop()
        server.start()
        with psycopg.connect(url) as another:
            assert another.execute("SELECT one FROM kept").fetchall() == [(1,)]
            server.pause()
            assert not server.answers()
            another.pgconn.send_query(b"SELECT 1")
            # Its process is held up as well as the one that takes connections.
            assert not select([another.pgconn.socket], [], [], A_WHILE)[0]
            server.resume()
            assert another.pgconn.get_result() is not None
            assert another.pgconn.get_result() is None


def test_memcached_forgets_and_one_that_is_full_says_so(folder: Path) -> None:
    require(PROGRAM)
    server = Memcached(folder, 2)
    with started(server):
        assert server.say(b"set kept 0 0 1\r\n1\r\n").startswith(b"STORED")
        told = b""
        for first in range(0, 30_000, 500):
            named = (b"set n%d 0 0 1\r\n1\r\n" % n for n in range(first, first + 500))
            told = server.say(b"".join(named))
        assert told.startswith(b"SERVER_ERROR out of memory")
        assert server.say(b"get kept n0\r\n").startswith(b"VALUE kept 0 1\r\n1\r\nVALUE n0 ")
        server.restart()
        assert server.say(b"get kept\r\n").startswith(b"END")


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    require(PROGRAM)
    server = Memcached(folder, 2, ["--no-such-option"])
    with pytest.raises(RuntimeError, match="no-such-option"), started(server):
        pass
