"""The table of `djwto.backends.database`: what ended, and what was used up."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy


class BlacklistEntry(models.Model):
    """A session that ended, a refresh token that was exchanged or the cut-off of a user.

    No token and no user: a key, and until when it must be remembered.
    """

    key = models.CharField(gettext_lazy("key"), primary_key=True, max_length=65)
    value = models.CharField(gettext_lazy("value"), max_length=200, default="", blank=True)
    exp = models.BigIntegerField(
        null=True,
        db_index=True,
        help_text=gettext_lazy("In epoch seconds; empty is for ever."),
    )

    class Meta:
        verbose_name = gettext_lazy("blacklist entry")
        verbose_name_plural = gettext_lazy("blacklist entries")

    def __str__(self) -> str:
        return self.key
