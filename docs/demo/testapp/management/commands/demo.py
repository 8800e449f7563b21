"""`manage.py demo`: all that it takes to see djwto run, in one command."""

from __future__ import annotations

import os
import socket
from typing import Any

from demo import environment, store
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from testapp import USERS

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Migrates, creates alice and bob with the password pass, and serves the demo."
    # runserver runs them, once it is settled which Redis is used.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_busy_port()
        if environment.BACKEND == "redis":
            self._settle_redis()
        call_command("migrate", verbosity=0)
        for name in USERS:
            _restore(name)
        site = f"http://{HOST}:{environment.PORT}"
        self.stdout.write(
            f"MODE={environment.MODE} BACKEND={environment.BACKEND}: "
            f"ended sessions are kept in {store.in_words(environment.BACKEND)}.\n"
            f"{site}/ has buttons to press; from a terminal: "
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
            answers = store.settle_redis()
        except ValueError as error:
            raise CommandError(f"REDIS_URL: {error}") from error
        if not answers:
            self.stdout.write(
                self.style.WARNING(
                    f"No Redis server at {store.redis_location()}: "
                    "using fakeredis, in this process only."
                )
            )


def _restore(name: str) -> None:
    """Makes the user, or undoes what was tried on them before."""
    user = User.objects.filter(username=name).first()
    if user is None:
        User.objects.create_user(name, password="pass")
    # Not in any case: another password ends all sessions, also where it is the same again.
    elif not (user.is_active and user.check_password("pass")):
        user.is_active = True
        user.set_password("pass")
        user.save()


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
