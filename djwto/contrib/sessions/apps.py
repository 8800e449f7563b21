"""The Django app."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy

from djwto.contrib.sessions.conf import NAMES


class SessionsConfig(AppConfig):
    name = "djwto.contrib.sessions"
    # The last part of the name is the label of Django's own sessions.
    label = "djwto_sessions"
    verbose_name = gettext_lazy("JWT sessions")
    default_auto_field = "django.db.models.BigAutoField"

    djwto_settings = NAMES
    """The settings of this app, which the core knows nothing of."""

    def ready(self) -> None:
        from djwto.contrib.sessions import checks, receivers

        register(checks.check_settings, Tags.security)
        receivers.connect()

    def djwto_purge_in_batches(self) -> Iterator[int]:
        """For `manage.py delete_tokens`: how many rows each statement has deleted."""
        from djwto.contrib.sessions.models import Session

        return Session.objects.purge_in_batches()
