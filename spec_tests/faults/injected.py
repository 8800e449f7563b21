"""What is done to servers: each takes a while, and on return everything is well again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import Random

from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.servers.process import ServerProcess

Inject = Callable[[Random], None]

KILLED = "kill -9"
RESTARTED = "restart"
PAUSED = "pause"
CUT = "answer cut off"
RESET = "connections reset"
FULL = "memory full"
FAILED_OVER = "failover"
LEFT_BEHIND = "failover to a replica that lags"

SHORTEST, LONGEST = 1.2, 2.5
"""Seconds that a fault lasts: longer than the clients of a store wait."""


def hold(random: Random) -> None:
    """Waits for as long as a fault lasts."""
    time.sleep(random.uniform(SHORTEST, LONGEST))


def of_processes(*servers: ServerProcess) -> Mapping[str, Inject]:
    """What happens to the process of one of these servers."""

    def killed(random: Random) -> None:
        server = random.choice(servers)
        server.kill()
        hold(random)
        server.start()

    def restarted(random: Random) -> None:
        server = random.choice(servers)
        server.stop()
        server.start()

    def paused(random: Random) -> None:
        server = random.choice(servers)
        server.pause()
        hold(random)
        server.resume()

    return {KILLED: killed, RESTARTED: restarted, PAUSED: paused}


def of_connections(*proxies: Proxy) -> Mapping[str, Inject]:
    """What happens to the connections through one of these."""

    def cut(random: Random) -> None:
        proxy = random.choice(proxies)
        until = time.monotonic() + random.uniform(SHORTEST, LONGEST)
        while time.monotonic() < until:
            # Of one connection at a time, so that others get as far as the next question.
            proxy.cut_after(random.randrange(40), whole_answers=random.randrange(4), once=True)
            time.sleep(0.05)
        proxy.mend()

    def reset(random: Random) -> None:
        proxy = random.choice(proxies)
        proxy.cut()
        hold(random)
        proxy.mend()

    return {CUT: cut, RESET: reset}
