"""A Redis on the loopback: a process of redis-server's own, for as long as it is entered."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from djwto.spec_tests.servers import process
from djwto.spec_tests.servers.process import PATIENCE, ServerProcess

PROGRAM = "redis-server"

KEEPING = {
    "save": "",
    "appendonly": "yes",
    # Who is killed has written all that was answered; what the machine loses is no matter here.
    "appendfsync": "no",
    "maxmemory-policy": "noeviction",
    "repl-diskless-sync-delay": 0,
}
"""Settings of a server that keeps what it has answered, also when it is killed."""


class RedisServer(ServerProcess):
    """A server that has its files in a folder, and its settings in a file of its own there."""

    program = PROGRAM

    arguments: tuple[str, ...] = ()
    """What its program is told besides."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], port: int | None = None) -> None:
        """`settings` as redis.conf has them, by name; a list is a setting for each of it."""
        super().__init__(folder, port)
        self.password: str | None = settings.get("requirepass")
        told = {"port": self.port, "bind": "127.0.0.1", "dir": folder, **settings}
        # Not over again at each start: what it was told by others, it has written there itself.
        Path(folder, "redis.conf").write_text("".join(_lines(told)))

    @property
    def url(self) -> str:
        """The value of the option `url`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *command: Any) -> Any:
        """What the server answers, as redis-py reads it."""
        options: Any = {"port": self.port, "password": self.password, "socket_timeout": PATIENCE}
        with redis.Redis(**options) as client:
            return client.execute_command(*command)

    def command(self) -> Sequence[str]:
        return [PROGRAM, str(self.folder / "redis.conf"), *self.arguments]

    def answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False


@contextmanager
def running(folder: Path | None = None, **settings: Any) -> Iterator[RedisServer]:
    """A server that answers, and ends with the block.

    `folder` is empty, and is made where it is not given. `settings` go over `KEEPING`, with `_`
    for `-` in their names.
    """
    with _folder(folder) as home:
        told = {name.replace("_", "-"): value for name, value in settings.items()}
        server = RedisServer(home, {**KEEPING, **told})
        with process.started(server):
            yield server


def require() -> None:
    """Skips the test where redis-server is not installed, or fails it where it has to be."""
    process.require(PROGRAM)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="redis-") as made:
        yield Path(made)


def _lines(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        for each in value if isinstance(value, list) else [value]:
            yield f"{name} {each}\n" if each != "" else f'{name} ""\n'
