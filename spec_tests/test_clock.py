"""The clocks that the clauses are checked by."""

from __future__ import annotations

import time

import redis

from djwto.spec_tests.clock import HOUR, SetForward, clock_of
from djwto.spec_tests.fakeredis_server import fakeredis_server
from djwto.spec_tests.subject import REDIS, Subject


def test_the_clock_of_a_fakeredis_is_set_forward_with_pythons_and_is_right_again() -> None:
    """Its entries end when they are to, and nobody waits for it."""
    with fakeredis_server() as server, redis.Redis.from_url(server.url) as client:
        subject = Subject(REDIS, {"url": server.url}, shift_clock=server.shift_clock)
        with clock_of(subject) as clock:
            assert isinstance(clock, SetForward)
            end = int(time.time()) + HOUR
            client.set("key", "value", exat=end)
            clock.wait_until(end - 2)
            assert client.exists("key")
            clock.wait_until(end + 1)
            assert not client.exists("key")
        assert abs(client.time()[0] - time.time()) < 5


def test_a_server_whose_clock_nobody_can_set_is_waited_for() -> None:
    """As a real Redis is."""
    with fakeredis_server() as server, clock_of(Subject(REDIS, {"url": server.url})) as clock:
        assert not isinstance(clock, SetForward)
