"""A PostgreSQL cluster of its own on the loopback, with the binaries that are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from djwto.spec_tests.servers.process import ServerProcess

PROGRAM = "postgres"
DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian has the binaries, by version and not on the path."""

USERS = ("postgres", "nobody")
"""Who the server is when we are root, which it refuses to be: the first there is."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs. Raises FileNotFoundError where there is none."""
    if found := shutil.which(PROGRAM):
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob(f"*/bin/{PROGRAM}"), key=lambda p: float(p.parts[-3]))
    if not versions:
        raise FileNotFoundError(f"{PROGRAM} is neither on the path nor in {DEBIAN}")
    return versions[-1].parent


class PostgreSQL(ServerProcess):
    """A server with one database, `postgres`, whose superuser `postgres` needs no password."""

    program = PROGRAM
    # Its "fast" one: SIGTERM would wait until each client has gone.
    politely = signal.SIGINT

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """`folder` is empty; `settings` as postgresql.conf has them."""
        super().__init__(folder)
        self.binaries = binaries()
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            **settings,
        }
        self.data = folder / "data"
        self.data.mkdir()
        if who := self.owner():
            os.chown(self.data, who["user"], who["group"])
        subprocess.run(
            [
                *(str(self.binaries / "initdb"), "--pgdata", str(self.data), "--no-sync"),
                *("--username", "postgres", "--auth", "trust", "--encoding", "UTF8"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self.owner(),
        )

    def owner(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        for name in USERS:
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            # Where we are may be no place for that user.
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
        raise RuntimeError(f"PostgreSQL does not run as root, and there is no {USERS}.")

    def command(self) -> Sequence[str]:
        told = [f"-c{name}={value}" for name, value in self.settings.items()]
        return [str(self.binaries / PROGRAM), "-D", str(self.data), *told]

    def answers(self) -> bool:
        asked = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _signal(self, number: int) -> None:
        """To all of its processes: each connection has one, which goes on without the first."""
        super()._signal(signal.SIGSTOP)
        assert self.process is not None
        pid = self.process.pid
        # Held up, it has no more children than these.
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), number)
        super()._signal(number)
