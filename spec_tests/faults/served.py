"""A process of the application: serves HTTP on a port of its own, and writes the signals down."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def serve() -> None:
    """Prints the port, and serves until nobody holds the other end of the standard input."""
    import django
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    django.setup()
    _listen(os.open(os.environ["DJWTO_FAULTS_SIGNALS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    prompt = {"disable_nagle_algorithm": True, "log_message": lambda *_: None}
    handler: Any = type("Prompt", (WSGIRequestHandler,), prompt)
    server = ThreadedWSGIServer(("127.0.0.1", 0), handler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    # Who interrupts the one that asks interrupts this one, too.
    with suppress(KeyboardInterrupt):
        sys.stdin.read()


def prepare() -> None:
    """Makes the tables, and the users that clients log in as."""
    import django
    from django.core.management import call_command

    django.setup()
    from django.contrib.auth import get_user_model

    from djwto.spec_tests.faults import accounts

    call_command("migrate", verbosity=0)
    for name in accounts.NAMES:
        get_user_model().objects.create_user(name, password=accounts.PASSWORD)


def _listen(log: int) -> None:
    from djwto import signals

    def receiver(name: str) -> Callable[..., None]:
        def receive(request: Any, **kwargs: Any) -> None:
            claims = kwargs.get("refresh_claims") or getattr(request, "payload", {})
            if name == "jwt_sessions_revoked":
                subject = claims["user"]["username"]
            else:
                subject = kwargs.get("jti") or claims.get("jti", "")
            # One write: lines of several processes do not mix.
            os.write(log, json.dumps([name, subject]).encode() + b"\n")

        return receive

    for name, signal in vars(signals).items():
        if isinstance(signal, signals.SenderNameSignal):
            signal.connect(receiver(name))


if __name__ == "__main__":
    prepare() if os.environ.get("DJWTO_FAULTS_PREPARE") else serve()
