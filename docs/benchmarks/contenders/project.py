"""A Django project for a contender, and requests to it without a server and without middleware."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

PEOPLE = ["alice", "bob"]
CREDENTIALS = {"username": "alice", "password": "pass"}
PERMISSIONS = 8
"""How many permissions a user has, half of them by a group."""


def configure(folder: str, urls: str, apps: list[str], **settings: Any) -> None:
    """Sets Django up with these URLs and apps, and with users who have permissions."""
    import django

    module = ModuleType("benchmark_settings")
    vars(module).update(
        SECRET_KEY="a secret of fifty characters for benchmarks only, see",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=urls,
        MIDDLEWARE=[],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *apps],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{folder}/benchmark.sqlite3",
                # Or a server would open the file anew for each request, whoever is asked.
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
                },
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        # How long a password is hashed is no contender's doing.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
        LOGGING_CONFIG=None,
        **settings,
    )
    sys.modules[module.__name__] = module
    os.environ["DJANGO_SETTINGS_MODULE"] = module.__name__
    django.setup()
    from django.contrib.auth.models import Group, Permission, User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    permissions = list(Permission.objects.order_by("pk")[:PERMISSIONS])
    group = Group.objects.create(name="staff")
    group.permissions.set(permissions[::2])
    for name in PEOPLE:
        user = User.objects.create_user(name, password="pass")
        user.user_permissions.set(permissions[1::2])
        user.groups.add(group)


class Client:
    """Asks the project, one request at a time."""

    def __init__(self) -> None:
        from django.core.handlers.wsgi import WSGIHandler

        self.handler = WSGIHandler()

    def request(
        self, method: str, path: str, token: str = "", fields: Mapping[str, str] | str = ""
    ) -> Callable[[], bytes]:
        """A request to be made, answered with the body; demands a 2xx.

        All that a server of WSGI has an application do for it, from the environment to the closed
        response. Fields are sent as JSON, a text as a form.
        """
        from django.test import RequestFactory

        is_form = isinstance(fields, str)
        type_ = "application/x-www-form-urlencoded" if is_form else "application/json"
        data = (fields if isinstance(fields, str) else json.dumps(fields)).encode()
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
        made = RequestFactory().generic(method, path, data, type_, **headers)

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            if not status.startswith("2"):
                raise AssertionError((path, status))

        def make() -> bytes:
            response = self.handler({**made.environ, "wsgi.input": io.BytesIO(data)}, start)
            body = b"".join(response)
            response.close()
            return body

        return make

    def answer(self, *asked: Any) -> Any:
        """What such a request is answered, from JSON."""
        return json.loads(self.request(*asked)())


@dataclass(frozen=True, slots=True)
class Asked:
    """What a contender is asked, each as `Client.request` is told it: method, path, token, fields.

    `refresh` and `logout` follow from the answer to a login.
    """

    login: tuple[Any, ...]
    refresh: Callable[[Any], tuple[Any, ...]]
    logout: Callable[[Any], tuple[Any, ...]]

    def protected(self, answer: Any) -> tuple[Any, ...]:
        """The view that is protected."""
        return ("GET", "/protected/", answer["access"])


def operations(asked: Asked, forget: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The operations of a contender: how each is prepared, and how it is done.

    `forget` makes the process forget the tokens that it has verified.
    """
    client = Client()

    def log_in() -> Any:
        return client.answer(*asked.login)

    def first() -> Callable[[], Any]:
        answer = log_in()
        forget()
        return client.request(*asked.protected(answer))

    answer = log_in()
    seen = client.request(*asked.protected(answer))
    exchanged = client.request(*asked.refresh(answer))
    made = {
        "protected, seen before": lambda: seen,
        "protected, first sight": first,
        "refresh": lambda: exchanged,
        "logout": lambda: client.request(*asked.logout(log_in())),
        "login": lambda: client.request(*asked.login),
    }
    return {name: (prepare, lambda made: made()) for name, prepare in made.items()}
