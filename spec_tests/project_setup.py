"""The Django project that the checks run in: the one in DJANGO_SETTINGS_MODULE, else our own."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

OURS = "djwto.spec_tests.project.settings"


class Unable(Exception):
    """The suite cannot run; the text says why and what to do."""


def configure() -> None:
    """Sets Django up. Raises Unable where what the suite needs is missing."""
    try:
        import hypothesis  # noqa: F401
        import time_machine  # noqa: F401
    except ImportError as error:
        raise Unable(f"{error}. The suite needs an extra: pip install 'djwto[spec]'.") from error
    import django
    from django.conf import settings

    # A value that is empty counts as none, as it does for Django.
    if not settings.configured and not os.environ.get("DJANGO_SETTINGS_MODULE"):
        os.environ["DJANGO_SETTINGS_MODULE"] = OURS
    try:
        django.setup()
    except Exception as error:
        module = os.environ.get("DJANGO_SETTINGS_MODULE")
        raise Unable(f"DJANGO_SETTINGS_MODULE is {module!r}: {_said(error)}") from error
    from django.apps import apps

    for app in ("django.contrib.auth", "django.contrib.contenttypes"):
        if not apps.is_installed(app):
            raise Unable(f"The suite logs users in: INSTALLED_APPS needs {app!r}.")


@contextmanager
def project() -> Iterator[None]:
    """While entered, the project has test databases, and settings that the clauses are about."""
    configure()
    from django.test.utils import (
        setup_databases,
        setup_test_environment,
        teardown_databases,
        teardown_test_environment,
    )

    setup_test_environment(debug=False)
    try:
        databases = setup_databases(verbosity=0, interactive=False)
    except Exception as error:
        teardown_test_environment()
        raise Unable(f"The test databases could not be made: {_said(error)}") from error
    try:
        with stage_settings():
            yield
    finally:
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()


@contextmanager
def stage_settings() -> Iterator[None]:
    """While entered, nothing that a project has set for its own users has a say in the checks."""
    from django.test import override_settings

    # Refused requests are logged, and many are; without a handler Python prints them.
    silent = logging.NullHandler()
    logging.getLogger("djwto").addHandler(silent)
    with (
        override_settings(
            ROOT_URLCONF="djwto.urls",
            MIDDLEWARE=[],
            ALLOWED_HOSTS=["*"],
            DEBUG=False,
            APPEND_SLASH=False,
            AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"],
            # Users are made by the thousand; how their passwords are kept is Django's business.
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
            SECURE_SSL_REDIRECT=False,
            CSRF_USE_SESSIONS=False,
            CSRF_COOKIE_NAME="csrftoken",
            CSRF_HEADER_NAME="HTTP_X_CSRFTOKEN",
        ),
        _defaults_of_djwto(),
    ):
        yield
    logging.getLogger("djwto").removeHandler(silent)


@contextmanager
def _defaults_of_djwto() -> Iterator[None]:
    from django.conf import settings
    from django.core.signals import setting_changed
    from django.test import override_settings
    from django.urls import clear_url_caches

    from djwto import async_urls, urls
    from djwto.conf import NAMES

    set_ = sorted(name for name in NAMES if hasattr(settings, name))

    def tell(enter: bool) -> None:
        for name in set_:
            value = None if enter else getattr(settings, name)
            setting_changed.send(sender=project, setting=name, value=value, enter=enter)
        # The routes follow a setting as well, which is read when the module is imported.
        for module in (urls, async_urls):
            importlib.reload(module)
        clear_url_caches()

    with override_settings():
        for name in set_:
            delattr(settings, name)
        tell(enter=True)
        yield
    tell(enter=False)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
