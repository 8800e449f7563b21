"""A proxy on the loopback that stands before a server and can be made to fail as networks do."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType

CHUNK = 65_536
POLL = 0.05
"""Seconds until the proxy's thread notices that it is to end."""

PATIENCE = 10
"""Seconds that a peer gets to take a connection, or what is sent to it."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with which a connection is reset when it is closed."""


class Proxy:
    """While entered, forwards the connections made to `address`, until it is told not to."""

    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self.connections = 0
        """How many were made, in all."""
        self.cuts = 0
        """How many answers were cut, in all."""
        self._lock = threading.Lock()
        self._others: dict[socket.socket, socket.socket] = {}
        self._from_server: set[socket.socket] = set()
        self._cut_after: int | None = None
        self._whole_answers = 0
        self._only_once = False
        self._silent = False
        self._refusing = True
        self._ended = False

    def __enter__(self) -> Proxy:
        self._selector = selectors.DefaultSelector()
        self._door = _bound(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._door.getsockname()
        self._open_door()
        self._thread = threading.Thread(target=self._forward_all, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        self._thread.join()
        self._reset_all()
        self._door.close()
        self._selector.close()

    def cut(self) -> None:
        """Resets all connections and refuses new ones."""
        with self._lock:
            self._shut_door()
            self._reset_all()

    def cut_after(self, n_bytes: int, *, whole_answers: int = 0, once: bool = False) -> None:
        """Closes each connection in the middle of an answer, or one connection only.

        After so many whole ones, so many bytes of an answer get through, but never all that the
        server sent at once.
        """
        with self._lock:
            self._cut_after, self._whole_answers, self._only_once = n_bytes, whole_answers, once

    def stall(self) -> None:
        """Takes what is sent, new connections too, and forwards nothing."""
        with self._lock:
            self._silent = True

    def mend(self) -> None:
        """Forwards everything again, of new connections: what was stalled is lost."""
        with self._lock:
            if self._silent:
                self._reset_all()
            self._cut_after, self._silent = None, False
            self._open_door()

    def _open_door(self) -> None:
        if self._refusing:
            self._door.listen(128)
            self._selector.register(self._door, selectors.EVENT_READ)
            self._refusing = False

    def _shut_door(self) -> None:
        if self._refusing:
            return
        self._refusing = True
        # Bound before the other is closed, and not listening: nobody else is given the port.
        reserved = _bound(self.address)
        self._selector.unregister(self._door)
        self._door.close()
        self._door = reserved

    def _forward_all(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(POLL):
                with self._lock:
                    self._attend(key.fileobj)  # type: ignore[arg-type]

    def _attend(self, ready: socket.socket) -> None:
        if ready is self._door:
            self._accept()
        # Another may have been reset since it was found ready.
        elif ready in self._others and not self._silent:
            self._forward(ready)
        elif ready in self._others:
            self._swallow(ready)

    def _accept(self) -> None:
        try:
            client, _ = self._door.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(self.server, timeout=PATIENCE)
        except OSError:
            _reset(client)
            return
        client.settimeout(PATIENCE)
        self.connections += 1
        self._from_server.add(server)
        for one, other in ((client, server), (server, client)):
            # Each answer goes on as it came, and is not kept back for a larger packet.
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._others[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, ready: socket.socket) -> None:
        other = self._others[ready]
        data = _received(ready)
        if data and not self._is_to_be_cut(ready):
            _send(other, data)
            return
        if data and self._cut_after is not None:
            self.cuts += 1
            _send(other, data[: min(self._cut_after, len(data) - 1)])
            if self._only_once:
                self._cut_after = None
        self._forget(ready).close()
        self._forget(other).close()

    def _is_to_be_cut(self, ready: socket.socket) -> bool:
        if self._cut_after is None or ready not in self._from_server:
            return False
        self._whole_answers -= 1
        return self._whole_answers < 0

    def _swallow(self, ready: socket.socket) -> None:
        if not _received(ready):
            self._reset(ready)

    def _reset(self, one: socket.socket) -> None:
        other = self._others[one]
        _reset(self._forget(one))
        _reset(self._forget(other))

    def _reset_all(self) -> None:
        while self._others:
            self._reset(next(iter(self._others)))

    def _forget(self, one: socket.socket) -> socket.socket:
        self._selector.unregister(one)
        del self._others[one]
        self._from_server.discard(one)
        return one


def _bound(address: tuple[str, int]) -> socket.socket:
    one = socket.socket()
    for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
        if hasattr(socket, option):
            one.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
    one.bind(address)
    return one


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(CHUNK)
    except OSError:
        return b""


def _send(one: socket.socket, data: bytes) -> None:
    # One that has gone is found out by what is read from it.
    with suppress(OSError):
        one.sendall(data)


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()
