"""CacheBlacklist on a memcached of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from djwto.spec_tests.faults.injected import (
    FULL,
    KILLED,
    RESTARTED,
    hold,
    of_connections,
    of_processes,
)
from djwto.spec_tests.faults.store import SLACK, TIMEOUT, Store, home, users
from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.servers.memcached import REFUSING, Memcached
from djwto.spec_tests.servers.process import started


@contextmanager
def memcached(folder: Path, unsafe: bool) -> Iterator[Store]:
    """CacheBlacklist. Unsafe: a server that makes room by throwing away what is there."""
    server = Memcached(home(folder, "memcached"), 2, () if unsafe else REFUSING)
    with started(server), Proxy("127.0.0.1", server.port) as proxy:
        host, port = proxy.address
        cache = {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": f"{host}:{port}",
            "OPTIONS": {"timeout": TIMEOUT, "connect_timeout": TIMEOUT},
        }
        yield Store(
            settings={
                "DATABASES": users(folder),
                "CACHES": {"default": cache},
                "DJWTO_BLACKLIST": {"BACKEND": "djwto.backends.cache.CacheBlacklist"},
            },
            faults={
                **of_processes(server),
                **of_connections(proxy),
                FULL: lambda random: _fill_memcached(server, random),
            },
            losing=FULL,
            # A value is changed in some steps, and its lock waited for.
            limit=6 * TIMEOUT + SLACK,
            emptied_by=(KILLED, RESTARTED),
        )


SIZES = range(0, 300, 16)
"""Of values: some for each kind of block that an entry of the blacklist may need."""
AT_ONCE, MOST = 500, 20_000
"""How many are written at once, and in all: more than there is room for."""


def _fill_memcached(server: Memcached, random: Random) -> None:
    """Lets others write until there is no memory left; deletes it all again.

    Raises RuntimeError where a server that should have refused has not.
    """
    names: list[bytes] = []
    for size in SIZES:
        fresh = [b"junk:%03d:%030d" % (size, number) for number in range(MOST)]
        for batch in _batches(fresh):
            told = server.say(
                b"".join(b"set %s 0 0 %d\r\n%s\r\n" % (n, size, b"x" * size) for n in batch)
            )
            names += batch
            if b"out of memory" in told:
                break
        else:
            if server.arguments == REFUSING:
                raise RuntimeError(f"memcached took {MOST} values of {size} bytes")
    hold(random)
    for batch in _batches(names):
        server.say(b"".join(b"delete %s\r\n" % name for name in batch))


def _batches(names: list[bytes]) -> Iterator[list[bytes]]:
    for first in range(0, len(names), AT_ONCE):
        yield names[first : first + AT_ONCE]
