"""Measures what a refused login costs, by what is wrong with it."""

from __future__ import annotations

import logging
import statistics
import sys
import time

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a key for a measurement only, and long enough to sign with",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
    ROOT_URLCONF="djwto.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    LOGGING_CONFIG=None,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

logging.disable()

WRONG = {
    "alice": "wrong password",
    "nobody": "unknown user",
    "inactive": "user not active",
    "unusable": "no usable password",
}


def main(turns: int) -> None:
    """Prints the median CPU time of each, in milliseconds, and the quartiles."""
    call_command("migrate", verbosity=0)
    User.objects.create_user("alice", password="pass")
    User.objects.create_user("inactive", password="pass", is_active=False)
    User.objects.create_user("unusable")
    client = Client()
    took: dict[str, list[float]] = {name: [] for name in WRONG}
    for turn in range(turns + 1):
        for name, times in took.items():
            password = "pass" if name == "inactive" else "wrong"
            began = time.process_time()
            answer = client.post("/login/", {"username": name, "password": password})
            ended = time.process_time()
            assert answer.status_code == 401
            # The first of each has more to do than those after it.
            if turn:
                times.append(1000 * (ended - began))
    for name, times in took.items():
        low, median, high = statistics.quantiles(times, n=4)
        print(f"{WRONG[name]:18}  {median:6.1f} ms  ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 50)
