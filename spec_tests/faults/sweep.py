"""The end of a run: each session there ever was is asked for once more, at every process."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from djwto.spec_tests.faults.application import Application
from djwto.spec_tests.faults.client import Client, Session
from djwto.spec_tests.faults.record import LOGOUT, VALIDATE_REFRESH


def sweep(application: Application, clients: Sequence[Client]) -> None:
    """Asks each process of each session; whoever is not known to have ended is logged out then."""
    threads = [threading.Thread(target=_of, args=[application, client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _of(application: Application, client: Client) -> None:
    ended = {r.session for r in client.record if r.operation == LOGOUT and r.status == 200}
    for session in client.sessions:
        _everywhere(application, client, session)
        if session.jti not in ended and session.generation == application.generation:
            client.ask(0, LOGOUT, session)
            _everywhere(application, client, session)
    client.close()


def _everywhere(application: Application, client: Client, session: Session) -> None:
    for process in range(len(application.ports)):
        client.ask(process, VALIDATE_REFRESH, session)
