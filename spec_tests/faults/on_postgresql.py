"""DatabaseBlacklist on a PostgreSQL of its own, which has the users as well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from djwto.spec_tests.faults.injected import (
    KILLED,
    LONGEST,
    SHORTEST,
    of_connections,
    of_processes,
)
from djwto.spec_tests.faults.store import SLACK, Store, home
from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.servers.postgresql import PostgreSQL
from djwto.spec_tests.servers.process import started

OTHERS = "others"
"""The name of who takes the connections."""


@contextmanager
def postgresql(folder: Path, unsafe: bool) -> Iterator[Store]:
    """DatabaseBlacklist. Unsafe: commits are answered before they are written."""
    told: dict[str, Any] = {"max_connections": 30}
    if unsafe:
        told |= {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    server = PostgreSQL(home(folder, "postgresql"), told)
    with started(server), Proxy("127.0.0.1", server.port) as proxy:
        host, port = proxy.address
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": host,
            "PORT": str(port),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 2},
        }
        yield Store(
            settings={"DATABASES": {"default": database}},
            faults={
                **of_processes(server),
                **of_connections(proxy),
                "no connection left": lambda random: _use_up(server, random),
            },
            losing=KILLED,
            # psycopg waits for an answer for as long as it takes.
            limit=LONGEST + SLACK,
        )


def _use_up(server: PostgreSQL, random: Random) -> None:
    """Others take all connections there are, again and again those of the application as well."""
    url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres?application_name={OTHERS}"
    taken = [psycopg.connect(url, autocommit=True)]
    until = time.monotonic() + random.uniform(SHORTEST, LONGEST)
    try:
        while time.monotonic() < until:
            with suppress(psycopg.OperationalError):
                while True:
                    taken.append(psycopg.connect(url))
            taken[0].execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND application_name <> %s",
                [OTHERS],
            )
    finally:
        for connection in taken:
            connection.close()
