"""The clocks that the clauses are checked by."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
import time_machine

from djwto.spec_tests.clock import HOUR, SetForward, clock_of
from djwto.spec_tests.fakeredis_server import fakeredis_server
from djwto.spec_tests.subject import REDIS, Subject
from djwto.spec_tests.travel import travelling


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


def test_a_busy_machine_does_not_set_the_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is right until it is shifted, however long it took to get hold of it."""
    travel = time_machine.travel

    def late(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.5)
        return travel(*args, **kwargs)

    monkeypatch.setattr(time_machine, "travel", late)
    with travelling() as shift:
        real = time_machine.escape_hatch.time
        assert abs(time.time() - real.time()) < 0.3
        shift(1_000)
        assert abs(time.time() - real.time() - 1_000) < 0.3
