"""A client: asks processes of the application over HTTP, and records what they answer."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt

from djwto.spec_tests.faults import record
from djwto.spec_tests.faults.application import Application
from djwto.spec_tests.faults.gate import Gate
from djwto.spec_tests.faults.record import Request

PATIENCE = 30
"""Seconds after which a client takes a request for not answered."""

OUTSIDE = {
    record.LOGIN: "/login/",
    record.VALIDATE_ACCESS: "/validate_access/",
    record.VIEW: "/access/",
}
"""The paths of what is not with the refresh token's, and called like the operation there."""
WITH_ACCESS = (record.VALIDATE_ACCESS, record.VIEW)

FIRST = "Token successfully blacklisted."
"""What a logout is told that ended the session."""


@dataclass(slots=True)
class Session:
    """The tokens that a client has of a session."""

    jti: str
    refresh: str
    access: str
    generation: int
    """The application's, whose key the tokens are signed with."""


class Client:
    """One user's. It is used by one thread at a time."""

    def __init__(self, application: Application, gate: Gate, user: str) -> None:
        self.user = user
        self.record: list[Request] = []
        self.sessions: list[Session] = []
        """All there ever were."""
        self._application = application
        self._gate = gate
        self._connections: dict[int, http.client.HTTPConnection] = {}

    def log_in(self, process: int, password: str) -> Session | None:
        """A new session, unless it was refused."""
        asked = json.dumps({"username": self.user, "password": password})
        started, status, told, generation = self._send(process, record.LOGIN, {}, asked)
        session = None
        if status == 200:
            claims = jwt.decode(told["refresh"], options={"verify_signature": False})
            session = Session(claims["jti"], told["refresh"], told["access"], generation)
            self.sessions.append(session)
        self._note(record.LOGIN, process, session, started, status)
        return session

    def ask(self, process: int, operation: str, session: Session) -> int | None:
        """The status that an operation on a session is answered; the tokens are taken over."""
        token = session.access if operation in WITH_ACCESS else session.refresh
        headers = {"Authorization": f"Bearer {token}"}
        started, status, told, _ = self._send(process, operation, headers)
        if status == 200 and "refresh" in told:
            session.refresh, session.access = told["refresh"], told["access"]
        ended_it = operation == record.LOGOUT and told.get("msg") == FIRST
        self._note(operation, process, session, started, status, ended_it)
        return status

    def close(self) -> None:
        """Closes the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _note(
        self,
        operation: str,
        process: int,
        session: Session | None,
        started: float,
        status: int | None,
        ended_it: bool = False,
    ) -> None:
        self.record.append(
            Request(
                operation=operation,
                process=process,
                user=self.user,
                session=session.jti if session else "",
                started=started,
                ended=time.monotonic(),
                status=status,
                ended_it=ended_it,
            )
        )

    def _send(
        self, process: int, operation: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[float, int | None, dict[str, Any], int]:
        method = "GET" if operation == record.VIEW else "POST"
        headers = {**headers, "Content-Type": "application/json"}
        with self._gate.passing():
            port, generation = self._application.ports[process], self._application.generation
            connection = self._connection(port)
            path = OUTSIDE.get(operation, f"/api/token/refresh/{operation}/")
            started = time.monotonic()
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                del self._connections[port]
                connection.close()
                return started, None, {}, generation
        is_json = answer.getheader("Content-Type") == "application/json"
        told = json.loads(text) if is_json else {}
        return started, answer.status, told, generation

    def _connection(self, port: int) -> http.client.HTTPConnection:
        if port not in self._connections:
            self._connections[port] = http.client.HTTPConnection(
                "127.0.0.1", port, timeout=PATIENCE
            )
        return self._connections[port]
