"""A shop with the settings of axes_settings.py; prints as JSON what became of its logins."""

from __future__ import annotations

import json
import sys
from typing import Any

import axes_settings
import django
from django.conf import settings

settings.configure(
    **{name: value for name, value in vars(axes_settings).items() if name.isupper()},
    SECRET_KEY="a key for tests only, of no use to anyone, and long enough to sign with",
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ROOT_URLCONF="djwto.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    AXES_VERBOSE=False,
    # What is not expected here is an exception, and no answer.
    DEBUG_PROPAGATE_EXCEPTIONS=True,
)
django.setup()

from axes.models import AccessAttempt  # noqa: E402
from axes.utils import reset  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from djwto.spec_tests.recorder import Recorder  # noqa: E402
from djwto.transports import TRANSPORTS  # noqa: E402


def log_in(name: str, password: str, address: str, as_json: bool) -> Any:
    """The answer to a login from an address."""
    kind: dict[str, Any] = {"content_type": "application/json"} if as_json else {}
    body = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post("/login/", body, **kind)


def play(mode: str, as_json: bool) -> dict[str, Any]:
    """Fails until locked out; then who else is, and until when."""
    alice, bob = f"alice-{mode}-{as_json}", f"bob-{mode}-{as_json}"
    for name in alice, bob:
        User.objects.create_user(name, password="open-sesame")
    here, there = "192.0.2.1", "192.0.2.2"
    limit = axes_settings.AXES_FAILURE_LIMIT
    with Recorder() as recorder:
        wrong = [log_in(alice, "open-barley", here, as_json) for _ in range(limit + 1)]
        right = log_in(alice, "open-sesame", here, as_json)
        signals = [sent.name for sent in recorder.take()]
    attempt = AccessAttempt.objects.get(username=alice)
    found = {
        "wrong": [answer.status_code for answer in wrong],
        "right": right.status_code,
        "answers": [answer.json() for answer in (wrong[0], wrong[-1], right)],
        "headers": dict(right.headers),
        "cookies": list(right.cookies),
        "signals": signals,
        "counted": [attempt.ip_address, attempt.path_info, attempt.failures_since_start],
        "elsewhere": log_in(alice, "open-sesame", there, as_json).status_code,
        "somebody else": log_in(bob, "open-sesame", here, as_json).status_code,
        "kept": "open-" in attempt.post_data,
    }
    reset(username=alice)
    return found | {"later": log_in(alice, "open-sesame", here, as_json).status_code}


def main() -> None:
    """Plays in each mode, with forms and with JSON."""
    call_command("migrate", verbosity=0)
    seen = {}
    for mode in TRANSPORTS:
        for as_json in (False, True):
            with override_settings(DJWTO_MODE=mode):
                seen[f"{mode} {as_json}"] = play(mode, as_json)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
