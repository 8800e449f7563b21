"""`manage.py demo`: all that it takes to see djwto run, in one command."""

from __future__ import annotations

import os
import socket
from typing import Any

from demo import environment, store
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Migrates, creates the user alice with the password pass, and serves the demo."
    # runserver runs them, once it is settled which Redis is used.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_busy_port()
        if environment.BACKEND == "redis":
            self._settle_redis()
        call_command("migrate", verbosity=0)
        _restore_alice()
        site = f"http://{HOST}:{environment.PORT}"
        self.stdout.write(
            f"MODE={environment.MODE} BACKEND={environment.BACKEND}: "
            f"ended sessions are kept in {store.in_words()}.\n"
            f"{site}/ tells what to try; for a start: "
            f"curl -d 'username=alice&password=pass' {site}/login/\n"
        )
        self.stdout.flush()
        # It says nothing that the page does not, at length.
        os.environ.setdefault("DJANGO_RUNSERVER_HIDE_WARNING", "true")
        call_command(
            "runserver", f"{HOST}:{environment.PORT}", use_reloader=False, skip_checks=False
        )

    def _settle_redis(self) -> None:
        try:
            answers = store.redis_answers()
        except ValueError as error:
            raise CommandError(f"REDIS_URL: {error}") from error
        if not answers:
            store.use_fakeredis()
            self.stdout.write(
                self.style.WARNING(
                    f"No Redis server at {store.redis_location()}: "
                    "using fakeredis, in this process only."
                )
            )


def _restore_alice() -> None:
    """Undoes what was tried on alice before."""
    alice = User.objects.filter(username="alice").first()
    if alice is None:
        User.objects.create_user("alice", password="pass")
    # Not in any case: another password ends all sessions, also where it is the same again.
    elif not (alice.is_active and alice.check_password("pass")):
        alice.is_active = True
        alice.set_password("pass")
        alice.save()


def _refuse_busy_port() -> None:
    """Raises CommandError where runserver would end with less to say."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, environment.PORT))
        except OSError as error:
            raise CommandError(
                f"Port {environment.PORT} cannot be used: {error.strerror}. "
                "Pick another with PORT=8001 make demo."
            ) from error
