"""A server's process on the loopback that can be killed, held up and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 30
"""Seconds to wait for what takes one or two, and ten where a Sentinel mends what came back."""


class ServerProcess:
    """A server that has its files in a folder; what it says goes into the file `log` there."""

    program: str

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = free_port() if port is None else port
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """What starts the server."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server answers its clients."""
        raise NotImplementedError

    def owner(self) -> dict[str, Any]:
        """Arguments of Popen: who the process is to be."""
        return {}

    def start(self) -> None:
        """Starts the server; on return it answers."""
        with Path(self.folder, "log").open("ab") as log:
            process = self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, **self.owner()
            )
        until(lambda: self._is_up(process), f"a server on port {self.port}")

    def kill(self) -> None:
        """Ends the server at once, as `kill -9` does."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Asks the server to end, and waits until it has."""
        if self.process is not None:
            self.process.send_signal(self.politely)
            self.process.wait(PATIENCE)
            self.process = None

    politely = signal.SIGTERM
    """What asks the server to end without waiting for its clients."""

    def restart(self) -> None:
        """Kills the server and starts it; it finds what it knew in its folder, if it keeps it."""
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

    def _is_up(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            said = Path(self.folder, "log").read_text(errors="replace")[-2_000:]
            raise RuntimeError(f"{self.program} on port {self.port} has ended. It said:\n{said}")
        return self.answers()


@contextmanager
def started(server: ServerProcess) -> Iterator[None]:
    """The server runs while this is entered."""
    try:
        server.start()
        yield
    finally:
        server.kill()


def require(program: str) -> None:
    """Skips the test where a program is not installed, or fails it where it has to be."""
    import pytest

    if shutil.which(program) is None:
        required = os.environ.get("DJWTO_REQUIRE_SERVICES") == "1"
        (pytest.fail if required else pytest.skip)(f"{program} is not installed")


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
