"""A memcached on the loopback. It keeps nothing over a restart."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from djwto.spec_tests.servers.process import PATIENCE, ServerProcess

PROGRAM = "memcached"

REFUSING = ("-M", "-o", "no_slab_reassign")
"""Arguments of a server that refuses to write when it is full, and throws nothing away."""


class Memcached(ServerProcess):
    """A server with so many megabytes of memory."""

    program = PROGRAM

    def __init__(self, folder: Path, megabytes: int, arguments: Sequence[str] = REFUSING) -> None:
        super().__init__(folder)
        self.megabytes = megabytes
        self.arguments = arguments

    def command(self) -> Sequence[str]:
        place = ["-l", "127.0.0.1", "-p", str(self.port), "-u", "nobody"]
        return [PROGRAM, *place, "-m", str(self.megabytes), *self.arguments]

    def answers(self) -> bool:
        with suppress(OSError):
            return self.say(b"version\r\n").startswith(b"VERSION")
        return False

    def say(self, lines: bytes) -> bytes:
        """Sends lines of the text protocol, then asks for the version; all that is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(lines + b"version\r\n")
            told = b""
            while b"VERSION" not in told or not told.endswith(b"\r\n"):
                received = connection.recv(65_536)
                if not received:
                    raise ConnectionError(f"memcached on port {self.port} has hung up")
                told += received
            return told
