"""Lets django-axes lock a user out of each mode's login; writes what was seen as JSON, by mode."""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.conf import settings


def configure() -> None:
    """A project as django-axes' documentation has it."""
    settings.configure(
        SECRET_KEY="a key for tests only, of no use to anyone, and long enough to sign with",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "axes",
            "djwto",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "axes.middleware.AxesMiddleware",
        ],
        AUTHENTICATION_BACKENDS=[
            "axes.backends.AxesStandaloneBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        AXES_FAILURE_LIMIT=3,
        AXES_LOCKOUT_PARAMETERS=["username"],
        AXES_RESET_ON_SUCCESS=True,
        AXES_VERBOSE=False,
        ROOT_URLCONF="djwto.urls",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    )
    django.setup()


def play(mode: str) -> dict[str, Any]:
    """Fails twice, logs in, fails until locked out, and tries the right password then."""
    from django.contrib.auth.models import User

    from djwto.spec_tests import api
    from djwto.spec_tests.recorder import Recorder

    name = f"alice-{mode}"
    User.objects.create_user(name, password="pass")
    with Recorder() as recorder:
        statuses = [
            api.log_in(name, password).status
            for password in ("wrong", "wrong", "pass", "wrong", "wrong", "wrong", "pass", "pass")
        ]
    return {"statuses": statuses, "signals": [sent.name for sent in recorder.sent]}


def main() -> None:
    """Plays in each mode."""
    configure()

    from django.core.management import call_command
    from django.test import override_settings

    from djwto.transports import TRANSPORTS

    call_command("migrate", verbosity=0)
    seen = {}
    for mode in TRANSPORTS:
        with override_settings(DJWTO_MODE=mode):
            seen[mode] = play(mode)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
