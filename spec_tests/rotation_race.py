"""`make race`: many clients update one refresh token at once, a thousand times on each store.

Embedded stores first, then the servers that are found on the loopback. Counts the successors:
one a round, or the exit status is 1.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from djwto.spec_tests.services import on_each

ROUNDS, THREADS = 1_000, 8


def main() -> int:
    """Races on each store; 0 if every round had one successor and no other answer than 200."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--here", action="store_true", help="only on the stores of the settings")
    chosen = parser.parse_args()
    if not chosen.here:
        again = [sys.executable, "-m", "djwto.spec_tests.rotation_race", *sys.argv[1:], "--here"]
        return subprocess.run(again, check=False).returncode | on_each(again, again)
    # What is refused here is refused by the thousand.
    logging.disable(logging.CRITICAL)
    with _project():
        return max(_race(name, chosen.rounds, chosen.threads) for name in _stores())


@contextmanager
def _project() -> Iterator[None]:
    import django
    from django.db import connection
    from django.test.runner import DiscoverRunner

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djwto.spec_tests.project.settings")
    django.setup()
    # Beside the tests, which may be running on the same server.
    test = connection.settings_dict["TEST"]
    test["NAME"] = test["NAME"] or "djwto_race"
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(databases)
        runner.teardown_test_environment()


def _stores() -> list[str]:
    return [name for name in ("database", "cache", "redis") if name != "redis" or _redis()]


def _redis() -> str:
    return os.environ.get("DJWTO_TEST_REDIS", "")


def _race(name: str, rounds: int, threads: int) -> int:
    from djwto.spec_tests import api
    from djwto.spec_tests.checks.rotations import GRACE, at_once
    from djwto.spec_tests.stage import logged_in, new_account, playing
    from djwto.spec_tests.subject import REDIS, Subject

    subject = {
        "database": Subject("djwto.backends.database.DatabaseBlacklist"),
        "cache": Subject("djwto.backends.cache.CacheBlacklist"),
        "redis": Subject(REDIS, {"url": _redis()}),
    }[name]
    wrong, start = 0, time.monotonic()
    with playing(subject, **GRACE):
        account = new_account()
        for _ in range(rounds):
            token = logged_in(account).refresh
            answers = at_once(threads, partial(api.send, api.UPDATE_REFRESH, token))
            successors = {getattr(answer, "refresh", repr(answer)) for answer in answers}
            wrong += len(successors) != 1 or None in successors
    print(
        f"{_server(name)}: {rounds} rounds of {threads} updates at once, "
        f"{rounds - wrong} with one successor, {wrong} with none or several "
        f"({time.monotonic() - start:.0f} s)",
        flush=True,
    )
    return int(wrong > 0)


def _server(name: str) -> str:
    from django.conf import settings

    if name == "redis":
        return "RedisBlacklist"
    if name == "cache":
        return f"CacheBlacklist, {settings.CACHES['default']['BACKEND'].rpartition('.')[2]}"
    return f"DatabaseBlacklist, {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"


if __name__ == "__main__":
    sys.exit(main())
