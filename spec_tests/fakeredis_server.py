"""A Redis made of Python, on a port of the loopback, in a process of its own.

Over TCP, so that redis-py and other processes are served as a real one serves them. In the
process that asks, server and client would wait for each other to let go of the interpreter.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

from djwto.spec_tests.child import child
from djwto.spec_tests.travel import travelling


class FakeRedis:
    """A server that runs; where it is, and a hand on its clock."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.url = f"redis://127.0.0.1:{self._answer()}/0"

    def shift_clock(self, seconds: float) -> None:
        """Sets the clock that entries expire by forward, or back, by so many seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n".encode())
        self.process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        if answer := self.process.stdout.readline().decode().strip():
            return answer
        raise RuntimeError("fakeredis does not run; what it says is above.")


@contextmanager
def fakeredis_server() -> Iterator[FakeRedis]:
    """A server for as long as it is entered. It ends with this process at the latest."""
    # Leaving it closes both pipes, and waits for the end.
    with child("djwto.spec_tests.fakeredis_server") as process:
        yield FakeRedis(process)


def serve() -> None:
    """Prints the port, and serves until nobody holds the other end of the standard input.

    Each line of that says by how many seconds to shift the clock, and is answered once it is.
    """
    from fakeredis import TcpFakeServer

    class Server(TcpFakeServer):
        # With five that wait to be accepted, the sixth is told nothing and tries after a second.
        request_queue_size = 128

        def handle_error(
            self, request: socket | tuple[bytes, socket], client_address: object
        ) -> None:
            # Who hung up before it came to that is not waiting for an answer.
            if not isinstance(sys.exc_info()[1], OSError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), server_type="redis")
    server.daemon_threads = True
    handler: Any = server.RequestHandlerClass

    class Prompt(handler):  # type: ignore[misc]
        # Each answer of a pipeline waits 40 ms for the one before to be acknowledged, else.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            # A hundred looks a second at each connection, else.
            self.connection.setblocking(True)

    server.RequestHandlerClass = Prompt
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _say(f"{server.server_address[1]}")
    with travelling() as shift:
        for line in sys.stdin:
            shift(float(line))
            _say("shifted")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
