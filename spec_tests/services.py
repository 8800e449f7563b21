"""`make test-services`: the tests on real servers, as many of them as are found.

Looks on the standard ports of the loopback, or where `DJWTO_TEST_POSTGRESQL_URL`,
`DJWTO_TEST_MARIADB_URL`, `DJWTO_TEST_REDIS_URL` and `DJWTO_TEST_MEMCACHED_URL` say. Starts none of
them; where a test takes several servers of Redis, it starts its own. Names each that it did not
find, and fails for it if `DJWTO_REQUIRE_SERVICES` is 1.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of server, and the variable that tells where one is."""

    name: str
    variable: str
    default: str

    @property
    def url(self) -> str:
        """Where the server is looked for."""
        return os.environ.get(self.variable, self.default)

    def is_there(self) -> bool:
        """Whether something answers on the server's port."""
        parts = urlsplit(self.url)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=3).close()
        except OSError:
            return False
        return True


POSTGRESQL = Service(
    "PostgreSQL",
    "DJWTO_TEST_POSTGRESQL_URL",
    "postgresql://postgres@127.0.0.1:5432/postgres",
)
MARIADB = Service("MariaDB", "DJWTO_TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/test")
REDIS = Service("Redis", "DJWTO_TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
MEMCACHED = Service("memcached", "DJWTO_TEST_MEMCACHED_URL", "memcached://127.0.0.1:11211")

RUNS = (
    {"DJWTO_TEST_DATABASE": POSTGRESQL, "DJWTO_TEST_CACHE": MEMCACHED, "DJWTO_TEST_REDIS": REDIS},
    {"DJWTO_TEST_DATABASE": MARIADB, "DJWTO_TEST_CACHE": REDIS, "DJWTO_TEST_REDIS": REDIS},
)
"""What each run of the tests has for its database, its cache and its Redis."""

STORES = (
    "database log_out_everywhere logout lookups migrations password_change reuse rotation "
    "session_list"
)
SERVERS = "spec_tests/servers"
"""The tests that start servers, or are about one kind of them."""

INPUT = "attacks endpoints login redis round_trips store_down"
"""The core's tests that have to do with a store: of what it keeps, and of what it is sent."""

AWAITED = ["-p", "djwto.spec_tests.awaited"]
"""Has the endpoints awaited (USER-8)."""

SURFACE = "spec_tests/fuzz/test_surface.py"
"""Requests of any kind."""


def tests(names: str) -> list[str]:
    """The files of those of the core's tests that are named, and the clauses of backends."""
    core = [f"spec_tests/core/test_{name}.py" for name in names.split()]
    return ["spec_tests/test_conformance.py", *core]


def main() -> int:
    """Runs the tests once for each database; 0 if all passed."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup"]
    if sys.argv[1:]:
        return on_each(*[[*pytest, *sys.argv[1:]]] * len(RUNS))
    pytest.append("--djwto-profile=quick")
    return on_each(
        # PostgreSQL is the one that is particular about what clients send, and has partitions.
        # What one process has to run by itself comes first, or the others wait for it.
        [*pytest, SERVERS, SURFACE, *tests(f"{STORES} {INPUT}")],
        # RedisBlacklist has been asked on the same server just now, and the core on a cache. By
        # endpoints that are not awaited, too.
        [*pytest, *AWAITED, *tests(STORES), "-k", "not redis and (not cache or [bl-)"],
    )


def on_each(*commands: list[str]) -> int:
    """Runs a command on each set of servers, told by environment; 0 if all did well."""
    found = {service: service.is_there() for service in (POSTGRESQL, MARIADB, REDIS, MEMCACHED)}
    for service, is_there in found.items():
        print(f"{service.name}: {'found' if is_there else 'NOT FOUND'} at {_shown(service.url)}")
    missing = [service.name for service, is_there in found.items() if not is_there]
    if missing and os.environ.get("DJWTO_REQUIRE_SERVICES") == "1":
        print(f"DJWTO_REQUIRE_SERVICES is 1, and there is no {', no '.join(missing)}.")
        return 1
    status = 0
    for run, command in zip(RUNS, commands, strict=True):
        there = {name: service for name, service in run.items() if found[service]}
        if not there:
            continue
        print(f"\n== {', '.join(f'{service.name}' for service in there.values())}", flush=True)
        urls = {name: service.url for name, service in there.items()}
        status |= subprocess.run(command, env={**os.environ, **urls}, check=False).returncode
    return status


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


if __name__ == "__main__":
    sys.exit(main())
