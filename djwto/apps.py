"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register


class DjwtoConfig(AppConfig):
    name = "djwto"
    verbose_name = "JWT authentication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from djwto import checks, users

        register(checks.check_settings, Tags.security)
        register(checks.check_blacklist, Tags.security)
        register(checks.check_settings_deploy, Tags.security, deploy=True)
        register(checks.check_blacklist_deploy, Tags.security, deploy=True)
        users.watch()
