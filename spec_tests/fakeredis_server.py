"""A Redis made of Python, on a port of the loopback, in a process of its own.

Over TCP, so that redis-py and other processes are served as a real one serves them. In the
process that asks, server and client would wait for each other to let go of the interpreter.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from djwto.spec_tests.child import child


@contextmanager
def fakeredis_server() -> Iterator[str]:
    """A server for as long as it is entered; its URL. It ends with this process at the latest."""
    # Leaving it closes both pipes, and waits for the end.
    with child("djwto.spec_tests.fakeredis_server") as process:
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        if not port:
            raise RuntimeError("fakeredis has not started; what it says is above.")
        yield f"redis://127.0.0.1:{port}/0"


def serve() -> None:
    """Prints the port, and serves until nobody holds the other end of the standard input."""
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    server.daemon_threads = True
    # Each answer of a pipeline waits 40 ms for the one before to be acknowledged, else.
    handler: Any = server.RequestHandlerClass
    server.RequestHandlerClass = type("Prompt", (handler,), {"disable_nagle_algorithm": True})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    # Who interrupts the one that asks interrupts this one, too.
    with suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    serve()
