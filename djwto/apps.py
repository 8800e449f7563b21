"""The Django app."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.utils.translation import gettext_lazy


class DjwtoConfig(AppConfig):
    name = "djwto"
    verbose_name = gettext_lazy("JWT authentication")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from djwto import security_log, users

        for name in ("check_settings", "check_blacklist"):
            register(_check(name), Tags.security)
        for name in ("check_settings_deploy", "check_blacklist_deploy"):
            register(_check(name), Tags.security, deploy=True)
        users.watch()
        security_log.connect()


# Cached: one that is registered twice is the same.
@cache
def _check(name: str) -> Callable[..., list[CheckMessage]]:
    """A check that is imported when it is run: a server that starts asks none, and need not read
    PyJWT for them."""

    def check(**kwargs: Any) -> list[CheckMessage]:
        found: list[CheckMessage] = getattr(import_module("djwto.checks"), name)(**kwargs)
        return found

    return check
