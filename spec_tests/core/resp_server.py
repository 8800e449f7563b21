"""A server that speaks just enough of Redis' protocol to be asked for its configuration."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    policy: bytes | None


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while command := self._read():
            self.wfile.write(self._answer([word.upper() for word in command]))

    def _read(self) -> list[bytes]:
        head = self.rfile.readline()
        words = []
        for _ in range(int(head[1:] or 0)):
            self.rfile.readline()
            words.append(self.rfile.readline().strip())
        return words

    def _answer(self, command: list[bytes]) -> bytes:
        if command[0] == b"HELLO":
            return b"-ERR unknown command\r\n"
        if command[0] != b"CONFIG":
            return b"+OK\r\n"
        if command[2] != b"MAXMEMORY-POLICY":
            return b"*0\r\n"
        if self.server.policy is None:
            return b"-NOPERM this user has no permissions to run the 'config|get' command\r\n"
        return b"*2\r\n$16\r\nmaxmemory-policy\r\n$%d\r\n%b\r\n" % (
            len(self.server.policy),
            self.server.policy,
        )


@contextmanager
def serving(policy: str | None) -> Iterator[str]:
    """A server with this maxmemory-policy, or that does not tell (None); yields its URL."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.policy = policy.encode() if policy is not None else None
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}/0?protocol=2"
        finally:
            server.shutdown()
            thread.join()
