"""The tables in which simplejwt keeps its blacklist, as far as they are read here.

Their models are in a registry of their own, as those of migrations are. So they can be read
whether the app that they belong to is installed or not; django-ninja-jwt has the same tables.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.apps.registry import Apps
from django.db import models

_apps = Apps()


class OutstandingToken(models.Model):
    """A token that was issued."""

    id = models.BigAutoField(primary_key=True)
    jti: models.CharField[str, str] = models.CharField(max_length=255)
    expires_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    class Meta:
        apps = _apps
        app_label = "token_blacklist"
        managed = False

    def __str__(self) -> str:
        return self.jti


class BlacklistedToken(models.Model):
    """One of them that was blacklisted."""

    id = models.BigAutoField(primary_key=True)
    token = models.ForeignKey(OutstandingToken, models.DO_NOTHING)

    objects: ClassVar[models.Manager[BlacklistedToken]]

    class Meta:
        apps = _apps
        app_label = "token_blacklist"
        managed = False

    def __str__(self) -> str:
        return str(self.pk)


MODELS = (OutstandingToken, BlacklistedToken)
