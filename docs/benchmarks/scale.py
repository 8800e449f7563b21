"""`make bench-scale`: the stores with ten thousand revoked tokens, and with millions.

What is compared takes turns, so that whatever else the machine does is done to all; what is shown
are ratios within a turn, and bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from peers import HERE, VENVS, Contender, python_of

KINDS = ("postgresql", "mariadb", "sqlite", "redis")
PARTS = ("sizes", "purge", "clients")
OLD = Contender(
    "djwto_0_0_4", "djwto 0.0.4", ("djwto==0.0.4", "django>=5.2,<5.3", "psycopg[binary]")
)


class Report:
    """Says what was measured, and counts what missed its goal."""

    missed = 0

    def title(self, text: str) -> None:
        """Begins a section."""
        print(f"\n== {text}", flush=True)

    def figure(self, what: str, value: float, goal: float | None = None, note: str = "") -> None:
        """A ratio or a number, with what it must not exceed."""
        verdict = "" if goal is None else "reached" if value <= goal else "MISSED"
        self.missed += verdict == "MISSED"
        bound = "" if goal is None else f", goal {goal:g}"
        print(f"{verdict:8} {what}: {value:.2f}{bound}{note and f'  ({note})'}", flush=True)


def numbers(text: str) -> list[int]:
    """Sizes, the smallest first."""
    return sorted(int(part.replace("_", "")) for part in text.split(","))


def names(text: str) -> tuple[str, ...]:
    """Names that are separated by commas."""
    return tuple(text.split(","))


def set_up(purposes: list[str], folder: str) -> None:
    """Sets Django up, here and for the processes that are started, with databases so named."""
    os.environ["DJWTO_SCALE_PURPOSES"] = " ".join(purposes)
    os.environ["DJWTO_SCALE_FOLDER"] = folder
    os.environ["DJANGO_SETTINGS_MODULE"] = "scaling.settings"
    os.environ["PYTHONPATH"] = str(HERE)
    import django

    django.setup()


@contextmanager
def made(kind: str, purposes: list[str]) -> Iterator[list[Any]]:
    """While entered, such stores, empty."""
    from scaling.stores import KINDS as known

    with ExitStack() as stack:
        stores = []
        for purpose in purposes:
            store = known[kind](purpose)
            store.create()
            stack.callback(store.drop)
            stores.append(store)
        yield stores


def sizes(report: Report, kind: str, sizes: list[int], turns: int) -> float:
    """Fills a store of each size and asks them in turns; the bytes of an entry of the largest."""
    from scaling.entries import live
    from scaling.latency import ratios

    report.title(f"{kind}: {', '.join(f'{size:,}' for size in sizes)} entries, {turns} turns")
    with made(kind, [str(size) for size in sizes]) as stores:
        bare = 0.0
        for store, size in zip(stores, sizes, strict=True):
            if kind == "redis":
                bare = store.bare_size(live(size)) / size
            store.fill(live(size), size)
            taken = store.size() / size
            report.figure(f"bytes an entry at {size:,}", taken)
            if kind == "redis":
                # Others who use the server meanwhile are seen at the smaller sizes.
                goal = 1.05 if size == sizes[-1] else None
                report.figure(f"  times a bare SET at {size:,}", taken / bare, goal, f"{bare:.0f}")
        for (count, call), ratio in ratios(stores, turns).items():
            report.figure(f"{call}, {count:,} / {sizes[0]:,}", ratio, 1.5)
    return taken


def old_table(report: Report, ours: float, rows: int) -> None:
    """The bytes of an entry in PostgreSQL beside those in the table of djwto 0.0.4."""
    from django.conf import settings
    from scaling.stores import PostgreSQL

    store = PostgreSQL("old")
    database = settings.DATABASES[store.alias]
    store.drop()
    store.create_database()
    try:
        python = python_of(OLD, VENVS)
        done = subprocess.run(
            [python, HERE / "scaling" / "old_table.py", json.dumps(database), str(rows)],
            stdout=subprocess.PIPE,
            check=True,
        )
    finally:
        store.drop()
    old = float(done.stdout)
    report.title("postgresql, beside djwto 0.0.4")
    report.figure("bytes a token in djwto 0.0.4", old)
    report.figure("an entry / a token of djwto 0.0.4", ours / old, 0.2)


def purges(report: Report, kind: str, rows: int, interrupts: int) -> None:
    """`delete_tokens` beside `add`, on a tenth of the rows and on all of them."""
    from scaling.entries import expired, live
    from scaling.purging import purge

    report.title(f"{kind}: delete_tokens of {rows:,} expired rows among as many live ones")
    memory = []
    for count, often in ((rows // 10, 0), (rows, interrupts)):
        with made(kind, ["purge"]) as (store,):
            store.fill(expired(count), count)
            store.hits.clear()
            store.fill(live(count), count)
            found = purge(store, often)
            memory.append(found.memory)
            if store.backend.purge() or not all(map(store.backend.contains, store.hits)):
                raise SystemExit("delete_tokens has left what it should take, or the reverse.")
    report.figure("p99 of add meanwhile / idle", found.p99, 3.0, f"idle {found.idle:.2f} ms")
    report.figure("memory at all rows / at a tenth", memory[1] / memory[0], 1.1)
    report.figure("rows deleted a second", found.rows_a_second)
    report.figure("runs, all but the last interrupted", found.runs)
    report.figure("lines of progress", found.lines)


def hundred(report: Report, kind: str, seconds: float) -> None:
    """A hundred clients of a server whose blacklist is in a store."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from scaling.clients import CLIENTS, answers

    report.title(f"{kind}: {CLIENTS} clients for {seconds:g} seconds")
    with ExitStack() as stack:
        # Users are in a database whatever the blacklist is in.
        (users,) = stack.enter_context(made(kind if kind != "redis" else "postgresql", ["users"]))
        (store,) = stack.enter_context(made(kind, ["users"])) if kind == "redis" else (users,)
        password = make_password("pass")
        User.objects.using(users.alias).bulk_create(
            User(username=f"user{number}", password=password) for number in range(CLIENTS)
        )
        backend = type(store.backend)
        found = answers(
            {
                "DJWTO_SCALE_DEFAULT": users.alias,
                "DJWTO_SCALE_BLACKLIST": json.dumps(
                    {
                        "BACKEND": f"{backend.__module__}.{backend.__name__}",
                        "OPTIONS": {"url": store.url} if kind == "redis" else {},
                    }
                ),
            },
            seconds,
        )
    good = sum(count for what, count in found.items() if what.split()[-1].startswith("2"))
    report.figure("answers", good)
    report.figure("errors and answers other than 2xx", sum(found.values()) - good, 0)
    for what, count in sorted(found.items()):
        print(f"         {what}: {count}")


def main() -> int:
    """Prints the figures; 0 if every goal is reached."""
    parser = argparse.ArgumentParser(prog="make bench-scale", description=__doc__)
    parser.add_argument(
        "--sizes", type=numbers, default=[10_000, 1_000_000], metavar="N,N", help="revoked tokens"
    )
    parser.add_argument("--stores", type=names, default=KINDS, metavar="NAME,NAME")
    parser.add_argument("--purge", type=int, default=100_000, metavar="N", help="expired rows")
    parser.add_argument("--turns", type=int, default=15, metavar="N")
    parser.add_argument(
        "--seconds", type=float, default=10, metavar="S", help="of a hundred clients"
    )
    parser.add_argument("--parts", type=names, default=PARTS, metavar="NAME,NAME")
    given = parser.parse_args()
    # So that what was made is dropped then, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # What a shell starts in the background ignores it, and so would the commands to interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    report = Report()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="djwto-") as folder:
        set_up([*map(str, given.sizes), "purge", "users", "old"], folder)
        for kind in given.stores:
            if "sizes" in given.parts:
                taken = sizes(report, kind, given.sizes, given.turns)
                if kind == "postgresql":
                    old_table(report, taken, 100_000)
            if "purge" in given.parts and kind != "redis":
                purges(report, kind, given.purge, 7)
            if "clients" in given.parts:
                hundred(report, kind, given.seconds)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
