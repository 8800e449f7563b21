"""A server that speaks just enough of Redis' protocol to be asked how it is configured.

It keeps nothing: whatever is written, it says that it did.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    settings: Mapping[str, str] | None
    replicas: int


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while command := self._read():
            self.wfile.write(self._answer([word.upper() for word in command]))

    def _read(self) -> list[bytes]:
        head = self.rfile.readline()
        words = []
        for _ in range(int(head[1:] or 0)):
            size = int(self.rfile.readline()[1:])
            words.append(self.rfile.read(size))
            self.rfile.readline()
        return words

    def _answer(self, command: list[bytes]) -> bytes:
        settings = self.server.settings
        match command[0]:
            case b"HELLO":
                return b"-ERR unknown command\r\n"
            case b"CONFIG" | b"INFO" if settings is None:
                return b"-NOPERM this user has no permissions to run the command\r\n"
            case b"CONFIG":
                name = command[2].decode().lower()
                return _array([name, settings[name]] if settings and name in settings else [])
            case b"INFO":
                return _bulk(f"# Replication\r\nconnected_slaves:{self.server.replicas}\r\n")
            case b"EVAL":
                return b":1\r\n"
            case b"WAIT":
                return b":%d\r\n" % self.server.replicas
            case _:
                return b"+OK\r\n"


def _bulk(text: str) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text.encode())


def _array(texts: list[str]) -> bytes:
    return b"*%d\r\n%b" % (len(texts), b"".join(map(_bulk, texts)))


@contextmanager
def serving(settings: Mapping[str, str] | None, replicas: int = 0) -> Iterator[str]:
    """A server that is configured so, or does not tell (None), with so many replicas; its URL."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.settings, server.replicas = settings, replicas
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}/0?protocol=2"
        finally:
            server.shutdown()
            thread.join()
