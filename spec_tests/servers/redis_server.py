"""A Redis on the loopback: a process of redis-server's own, for as long as it is entered.

It can be killed, held up and started again, and keeps what it knew in its folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

PROGRAM = "redis-server"

PATIENCE = 30
"""Seconds to wait for what takes one or two, and ten where a Sentinel mends what came back."""

KEEPING = {
    "save": "",
    "appendonly": "yes",
    # Who is killed has written all that was answered; what the machine loses is no matter here.
    "appendfsync": "no",
    "maxmemory-policy": "noeviction",
    "repl-diskless-sync-delay": 0,
}
"""Settings of a server that keeps what it has answered, also when it is killed."""


class RedisServer:
    """A server that has its files in a folder, and its settings in a file of its own there."""

    arguments: tuple[str, ...] = ()
    """What its program is told besides."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], port: int | None = None) -> None:
        """`settings` as redis.conf has them, by name; a list is a setting for each of it."""
        self.folder = folder
        self.port = free_port() if port is None else port
        self.password: str | None = settings.get("requirepass")
        self.process: subprocess.Popen[bytes] | None = None
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

    def start(self) -> None:
        """Starts the server; on return it answers."""
        command = [PROGRAM, str(self.folder / "redis.conf"), *self.arguments]
        with Path(self.folder, "log").open("ab") as log:
            process = self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: self._answers(process), f"a server on port {self.port}")

    def kill(self) -> None:
        """Ends the server at once, as `kill -9` does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Kills the server and starts it; it finds what it knew in its folder."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Holds the server up: connections are taken and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets the server go on, with what it was sent meanwhile."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.process is None:
            raise RuntimeError(f"The server on port {self.port} is not running.")
        self.process.send_signal(number)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            said = Path(self.folder, "log").read_text(errors="replace")[-2_000:]
            raise RuntimeError(f"{PROGRAM} on port {self.port} has ended. It said:\n{said}")
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
        try:
            server.start()
            yield server
        finally:
            server.kill()


def require() -> None:
    """Skips the test where redis-server is not installed, or fails it where it has to be."""
    if shutil.which(PROGRAM) is None:
        required = os.environ.get("DJWTO_REQUIRE_SERVICES") == "1"
        (pytest.fail if required else pytest.skip)(f"{PROGRAM} is not installed")


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits until something holds. Raises TimeoutError where that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} in {PATIENCE} seconds")
        time.sleep(0.02)


def free_port() -> int:
    """A port that is free, as is the one of a cluster's bus, ten thousand above."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port


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
