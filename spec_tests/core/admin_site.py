"""Django's admin in the project of the tests, and browsers that have logged in to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

admin_test = pytest.mark.urls("djwto.spec_tests.core.urls_session_admin")


@contextmanager
def site(settings: Settings) -> Iterator[None]:
    """While entered, the project has an admin."""
    contrib = "django.contrib"
    settings.INSTALLED_APPS = [
        *settings.INSTALLED_APPS,
        f"{contrib}.admin",
        f"{contrib}.messages",
        f"{contrib}.sessions",
    ]
    settings.MIDDLEWARE = [
        f"{contrib}.sessions.middleware.SessionMiddleware",
        f"{contrib}.auth.middleware.AuthenticationMiddleware",
        f"{contrib}.messages.middleware.MessageMiddleware",
    ]
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    f"{contrib}.auth.context_processors.auth",
                    f"{contrib}.messages.context_processors.messages",
                ]
            },
        }
    ]
    settings.SESSION_ENGINE = f"{contrib}.sessions.backends.signed_cookies"
    settings.ROOT_URLCONF = "djwto.spec_tests.core.urls_session_admin"
    from django.contrib.admin.models import LogEntry

    with connection.schema_editor() as editor:
        editor.create_model(LogEntry)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(LogEntry)


def browser(user: User) -> Client:
    """A browser in which this user has logged in."""
    client = Client()
    client.force_login(user)
    return client


def texts(response: Any) -> list[str]:
    """The messages that the admin shows."""
    return [str(message) for message in response.context["messages"]]
