"""A hundred clients at once, of a server with two workers on the loopback."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

CLIENTS = 100
REFRESH = "/api/token/refresh"
OPERATIONS = ("login", "refresh_access", "update_refresh", "logout")


def answers(environment: Mapping[str, str], seconds: float) -> Counter[str]:
    """How often each operation was answered with which status, or by which error."""
    port = _free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "gthread", "--workers", "2", "--threads", "8"),
            *("--log-level", "error", "--backlog", "1024", "scaling.wsgi"),
        ],
        env={**os.environ, **environment},
    )
    try:
        _await(port)
        return _ask(port, time.monotonic() + seconds)
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("gunicorn did not start.")


def _ask(port: int, until: float) -> Counter[str]:
    found: Counter[str] = Counter()
    lock = threading.Lock()

    def work(number: int) -> None:
        mine = _client(port, f"user{number}", until)
        with lock:
            found.update(mine)

    threads = [threading.Thread(target=work, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _client(port: int, name: str, until: float) -> Counter[str]:
    """Logs in, refreshes, updates and logs out, again and again, over one connection."""
    found: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    tokens: dict[str, Any] = {}
    while time.monotonic() < until:
        for operation in OPERATIONS:
            is_login = operation == "login"
            path = "/login/" if is_login else f"{REFRESH}/{operation}/"
            body = json.dumps({"username": name, "password": "pass"} if is_login else {})
            headers = {"Content-Type": "application/json"}
            if not is_login:
                headers["Authorization"] = f"Bearer {tokens['refresh']}"
            try:
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                found[f"{operation} {type(error).__name__}"] += 1
                connection.close()
                break
            found[f"{operation} {response.status}"] += 1
            if response.status // 100 != 2:
                break
            tokens.update(answer)
    connection.close()
    return found
