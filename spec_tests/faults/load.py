"""The load: clients that log in, refresh and log out, each at whichever process, for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from djwto.spec_tests.faults import accounts
from djwto.spec_tests.faults.application import Application
from djwto.spec_tests.faults.client import Client, Session
from djwto.spec_tests.faults.gate import Gate
from djwto.spec_tests.faults.record import LOGOUT, LOGOUT_ALL, QUESTIONS

THINKS = 0.06
"""Seconds that a client waits at most between two requests: what bounds the load."""
LATER = 0.3
"""Seconds until a client asks again that was answered 503."""

STEPS = 5
"""How often a session is used at most before its client is done with it."""
AGAIN = 3
"""How often a client tries at most to log out."""


@contextmanager
def running(application: Application, gate: Gate, seed: int) -> Iterator[list[Client]]:
    """Clients at work, until the block ends. Raises what one of their threads raised."""
    over = threading.Event()
    clients = [Client(application, gate, name) for name in accounts.NAMES]
    at_work = [
        _AtWork(client, application, Random(f"{seed} {client.user}"), over) for client in clients
    ]
    for one in at_work:
        one.start()
    try:
        yield clients
    finally:
        over.set()
        for one in at_work:
            one.join()
    for one in at_work:
        if one.error is not None:
            raise one.error


class _AtWork(threading.Thread):
    def __init__(
        self, client: Client, application: Application, random: Random, over: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.application = application
        self.random = random
        self.over = over
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                self._one_session()
        except BaseException as error:
            self.error = error
        finally:
            self.client.close()

    def _one_session(self) -> None:
        session = self.client.log_in(self._anywhere(), accounts.PASSWORD)
        if session is None:
            self.over.wait(LATER)
            return
        for _ in range(self.random.randint(1, STEPS)):
            self._ask(self.random.choice(QUESTIONS), session)
            self._ask_of_another()
        # One in five goes on; its client has lost interest, and asks of it now and then.
        if self.random.random() < 0.8:
            self._log_out(session)

    def _log_out(self, session: Session) -> None:
        everywhere = self.random.random() < 0.1
        for _ in range(self.random.randint(1, AGAIN)):
            if self._ask(LOGOUT_ALL if everywhere else LOGOUT, session) == 200:
                break
        # At the others too, and at once.
        for process in range(len(self.application.ports)):
            self._ask(self.random.choice(QUESTIONS), session, process)

    def _ask_of_another(self) -> None:
        """Of one that was logged out long ago, maybe."""
        session = self.random.choice(self.client.sessions)
        self._ask(self.random.choice(QUESTIONS), session)

    def _ask(self, operation: str, session: Session, process: int | None = None) -> int | None:
        if self.over.is_set():
            return None
        status = self.client.ask(
            self._anywhere() if process is None else process, operation, session
        )
        self.over.wait(LATER if status == 503 else self.random.uniform(0, THINKS))
        return status

    def _anywhere(self) -> int:
        return self.random.randrange(len(self.application.ports))
