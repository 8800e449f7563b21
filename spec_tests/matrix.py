"""`make matrix`: every clause on every backend, on the stores that are found.

Writes matrix.json, matrix.txt and index.html. Each column is a run of the command, in a process
of its own; a service that does not answer is named and left out, or is a failure if
`DJWTO_REQUIRE_SERVICES` is 1.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from djwto.spec_tests.report import FAILS, Verdict, describe
from djwto.spec_tests.services import MARIADB, MEMCACHED, POSTGRESQL, REDIS, Service
from djwto.spec_tests.subject import AWAITED_REDIS
from djwto.spec_tests.subject import REDIS as REDIS_BACKEND

DATABASE = "djwto.backends.database.DatabaseBlacklist"
CACHE = "djwto.backends.cache.CacheBlacklist"
THREE_METHODS = "djwto.spec_tests.rogues.honest.HonestWithoutValues"

SHOWN = {"holds": "pass", "fails": "FAIL", "n/a": "n/a"}
FAMILIES = {
    "BL": "What a backend promises",
    "SIG": "What the signals state",
    "HTTP": "What the endpoints answer",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A backend on a store."""

    backend: str
    store: str
    version: Callable[[], str]
    service: Service | None = None
    variable: str = ""
    """The variable that tells the project where the service is."""

    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The class, without where it is."""
        return self.backend.rpartition(".")[2]

    def run(self, profile: str, folder: Path) -> dict[str, Any] | None:
        """What the command found, or None if it could not run."""
        found = folder / f"{self.name}-{self.store}.json"
        arguments = ["--backend", self.backend, "--profile", profile, "--json", str(found)]
        options = dict(self.options)
        if self.service is REDIS and not self.variable:
            options["url"] = self.service.url
        if options:
            arguments += ["--options", json.dumps(options)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DJWTO_TEST_")}
        if self.variable and self.service:
            environment[self.variable] = self.service.url
        done = subprocess.run(
            [sys.executable, "-m", "djwto.spec_tests", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if not found.exists():
            print(f"{self.name} on {self.store}: {done.stderr.strip()}", file=sys.stderr)
            return None
        read: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
        return read


def _sqlite() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def _django() -> str:
    return version("Django")


def _postgresql() -> str:
    import psycopg  # type: ignore[import-not-found,unused-ignore]

    with psycopg.connect(POSTGRESQL.url) as connection:
        number = connection.info.server_version
    return f"{number // 10_000}.{number % 10_000}"


def _mariadb() -> str:
    from urllib.parse import urlsplit

    import MySQLdb  # type: ignore[import-untyped]

    parts = urlsplit(MARIADB.url)
    connection = MySQLdb.connect(
        host=parts.hostname, port=parts.port, user=parts.username, passwd=parts.password or ""
    )
    try:
        return str(connection.get_server_info()).partition("-")[0]
    finally:
        connection.close()


def _redis() -> str:
    import redis

    return str(redis.Redis.from_url(REDIS.url).info("server")["redis_version"])


def _memcached() -> str:
    from urllib.parse import urlsplit

    from pymemcache import Client  # type: ignore[import-untyped]

    parts = urlsplit(MEMCACHED.url)
    return str(Client((parts.hostname, parts.port)).version().decode())


COLUMNS = (
    Column(DATABASE, "SQLite", _sqlite),
    Column(DATABASE, "PostgreSQL", _postgresql, POSTGRESQL, "DJWTO_TEST_DATABASE"),
    Column(DATABASE, "MariaDB", _mariadb, MARIADB, "DJWTO_TEST_DATABASE"),
    Column(CACHE, "local memory of Django", _django),
    Column(CACHE, "memcached", _memcached, MEMCACHED, "DJWTO_TEST_CACHE"),
    Column(CACHE, "Redis", _redis, REDIS, "DJWTO_TEST_CACHE"),
    Column(REDIS_BACKEND, "fakeredis", lambda: version("fakeredis")),
    Column(REDIS_BACKEND, "Redis", _redis, REDIS),
    Column(AWAITED_REDIS, "Redis", _redis, REDIS),
    Column(THREE_METHODS, "SQLite, three methods", _sqlite),
)


@dataclass(frozen=True, slots=True)
class Matrix:
    """What was found: heads, and for each clause a result and a reason for each head."""

    heads: list[dict[str, str]]
    rows: list[dict[str, Any]]
    made: dict[str, str]

    def as_json(self) -> str:
        """The same, without anything that a second run would find otherwise."""
        found = {"made": self.made, "columns": self.heads, "clauses": self.rows}
        return json.dumps(found, indent=1, ensure_ascii=False) + "\n"

    def as_text(self) -> str:
        """A table for a terminal, with the reasons below it."""
        reasons: dict[str, int] = {}
        heads = [f"{number} {_titled(head)}" for number, head in enumerate(self.heads, 1)]
        lines = [*heads, "", f"{'':16}" + "".join(f"{n:>9}" for n in range(1, len(heads) + 1))]
        for row in self.rows:
            cells = ""
            for cell in row["verdicts"]:
                shown = SHOWN[cell["result"]]
                if cell["reason"]:
                    shown += f" [{reasons.setdefault(cell['reason'], len(reasons) + 1)}]"
                cells += f"{shown:>9}"
            lines.append(f"{row['clause']:8}{row['level']:8}{cells}")
        notes = [f"[{number}] {reason}" for reason, number in reasons.items()]
        return "\n".join([*lines, "", *notes, "", _made(self.made), ""])

    def as_html(self) -> str:
        """A page that needs nothing but itself."""
        template = Template(Path(__file__).with_name("matrix.html").read_text(encoding="utf-8"))
        families = "".join(self._family(id_, title) for id_, title in FAMILIES.items())
        heads = "".join(
            f'<th scope="col"><b>{_breakable(head["backend"])}</b><span>{_e(head["store"])} '
            f"{_e(head['version'])}</span></th>"
            for head in self.heads
        )
        counted = [cell["result"] for row in self.rows for cell in row["verdicts"]]
        return template.substitute(
            heads=heads,
            families=families,
            made=_e(_made(self.made)),
            **{name: str(counted.count(result)) for name, result in _COUNTED.items()},
        )

    def _family(self, family: str, title: str) -> str:
        rows = [row for row in self.rows if row["clause"].startswith(f"{family}-")]
        if not rows:
            return ""
        head = f'<tr><th scope="rowgroup" colspan="{len(self.heads) + 1}">{_e(title)}</th></tr>'
        return f"<tbody>{head}{''.join(map(self._row, rows))}</tbody>"

    def _row(self, row: dict[str, Any]) -> str:
        results = {cell["result"] for cell in row["verdicts"]}
        kind = "differs" if len(results) > 1 else "same"
        cells = "".join(_cell(cell) for cell in row["verdicts"])
        return (
            f'<tr class="{kind}"><th scope="row"><details><summary>{_e(row["clause"])} '
            f"<small>{_e(row['level'])}</small></summary>{_e(row['text'])}</details></th>"
            f"{cells}</tr>"
        )


_COUNTED = {"holds": "holds", "fails": "fails", "other": "n/a"}


def _cell(cell: Mapping[str, str]) -> str:
    symbol = {"holds": "✓", "fails": "✗", "n/a": "-"}[cell["result"]]
    kind = {"holds": "holds", "fails": "fails", "n/a": "other"}[cell["result"]]
    shown = f"{symbol} {SHOWN[cell['result']]}"
    if cell["reason"]:
        shown = f"<details><summary>{shown}</summary><p>{_e(cell['reason'])}</p></details>"
    return f'<td class="{kind}">{shown}</td>'


def _e(text: str) -> str:
    return html.escape(text)


def _breakable(name: str) -> str:
    """A name in capitals and small letters, which may be broken before a capital."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", _e(name))


def _titled(head: Mapping[str, str]) -> str:
    return f"{head['backend']} on {head['store']} ({head['version']})"


def _made(made: Mapping[str, str]) -> str:
    return (
        f"djwto {made['djwto']}, Django {made['django']}, Python {made['python']}, "
        f"profile {made['profile']}. Made by: make matrix"
    )


def gather(found: Sequence[tuple[Column, str, dict[str, Any]]], profile: str) -> Matrix:
    """The matrix of what the columns' runs found."""
    heads = [
        {"backend": column.name, "store": column.store, "version": version_}
        for column, version_, _ in found
    ]
    runs = [run for _, _, run in found]
    rows = []
    for number, verdict in enumerate(runs[0]["verdicts"]):
        cells = [run["verdicts"][number] for run in runs]
        shown = [{"result": cell["result"], "reason": cell["reason"]} for cell in cells]
        clause = {name: verdict[name] for name in ("clause", "level", "text")}
        rows.append({**clause, "verdicts": shown})
    made = {name: str(runs[0][name]) for name in ("djwto", "django", "python")}
    return Matrix(heads, rows, {**made, "profile": profile})


def write(matrix: Matrix, folder: Path) -> None:
    """Writes the three forms of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "matrix.json").write_text(matrix.as_json(), encoding="utf-8")
    (folder / "matrix.txt").write_text(matrix.as_text(), encoding="utf-8")
    (folder / "index.html").write_text(matrix.as_html(), encoding="utf-8")


def found_columns(columns: Iterable[Column]) -> tuple[list[Column], list[Column]]:
    """The columns whose store is there, and the others."""
    there: list[Column] = []
    missing: list[Column] = []
    for column in columns:
        is_there = column.service is None or column.service.is_there()
        (there if is_there else missing).append(column)
    return there, missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the columns; 0 if every clause holds, 1 if one fails, 2 if a column could not run."""
    parser = argparse.ArgumentParser(prog="python -m djwto.spec_tests.matrix")
    parser.add_argument("--out", type=Path, default=Path("docs/matrix"), metavar="FOLDER")
    parser.add_argument("--profile", default="default")
    parser.add_argument("--jobs", type=int, default=2, help="columns that run at once")
    given = parser.parse_args(arguments)
    there, missing = found_columns(COLUMNS)
    for column in missing:
        print(f"{column.name} on {column.store}: NOT FOUND, left out", flush=True)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:

        def run(column: Column) -> dict[str, Any] | None:
            found = column.run(given.profile, Path(folder))
            if found is not None:
                failed = [v for v in found["verdicts"] if v["result"] == FAILS]
                said = f"FAILS {', '.join(v['clause'] for v in failed)}" if failed else "holds"
                print(f"{column.name} on {column.store}: {said} ({found['seconds']:.0f} s)")
                for v in failed:
                    print(describe(Verdict(v["clause"], FAILS, v["reason"], tuple(v["steps"]))))
                sys.stdout.flush()
            return found

        runs = list(pool.map(run, there))
    if None in runs or (missing and os.environ.get("DJWTO_REQUIRE_SERVICES") == "1"):
        return 2
    found = [
        (column, column.version(), run)
        for column, run in zip(there, runs, strict=True)
        if run is not None
    ]
    matrix = gather(found, given.profile)
    write(matrix, given.out)
    print(f"written to {given.out}")
    failed = any(cell["result"] == FAILS for row in matrix.rows for cell in row["verdicts"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
