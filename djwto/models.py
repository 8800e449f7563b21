"""The table of `djwto.backends.database`: the sessions that ended."""

from __future__ import annotations

from django.db import models


class BlacklistEntry(models.Model):
    """One ended session: its key, and until when it must be remembered. No token, no user."""

    key = models.CharField(primary_key=True, max_length=65)
    exp = models.BigIntegerField(
        null=True, db_index=True, help_text="In epoch seconds; empty is for ever."
    )

    class Meta:
        verbose_name_plural = "blacklist entries"

    def __str__(self) -> str:
        return self.key
