"""The embedded Redis, as those find it that connect to it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
import redis

from djwto.spec_tests.fakeredis_server import FakeRedis, fakeredis_server
from djwto.spec_tests.proxy import RESET


@contextmanager
def stopped(server: FakeRedis) -> Iterator[tuple[str, int]]:
    """While entered, nobody is accepted; where to connect to."""
    url = urlsplit(server.url)
    assert url.hostname is not None
    assert url.port is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield url.hostname, url.port
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_none_of_many_that_connect_at_once_has_to_try_again() -> None:
    """Which takes a second: as long as a backend waits for it at most."""
    with fakeredis_server() as server, stopped(server) as address, ExitStack() as open_:
        for _ in range(50):
            open_.enter_context(socket.create_connection(address, timeout=0.9))


def test_nothing_is_said_of_one_that_hung_up_before_it_was_accepted(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with fakeredis_server() as server:
        with stopped(server) as address, socket.create_connection(address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        with redis.Redis.from_url(server.url) as client_after:
            assert client_after.ping()
    assert capfd.readouterr().err == ""
