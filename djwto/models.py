"""The table of `djwto.backends.database`: what ended, and what was used up."""

from __future__ import annotations

from django.db import models


class BlacklistEntry(models.Model):
    """A session that ended, a refresh token that was exchanged or the cut-off of a user.

    No token and no user: a key, and until when it must be remembered.
    """

    key = models.CharField(primary_key=True, max_length=65)
    value = models.CharField(max_length=200, default="", blank=True)
    exp = models.BigIntegerField(
        null=True, db_index=True, help_text="In epoch seconds; empty is for ever."
    )

    class Meta:
        verbose_name_plural = "blacklist entries"

    def __str__(self) -> str:
        return self.key
