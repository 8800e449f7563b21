"""One row for each session that goes on. No token, nor anything that a token could be made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings as django_settings
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from djwto.claims import Claims, session_end
from djwto.conf import seconds, settings
from djwto.contrib.sessions.device import LONGEST_USER_AGENT
from djwto.sessions import revoke_key
from djwto.signals import jwt_blacklisted

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

BATCH = 1000


def _tolerated(now: int) -> int:
    """Tokens that expired after this are still taken by some server."""
    return now - seconds(settings.leeway)


class SessionQuerySet(models.QuerySet["Session"]):
    """The sessions, and what is done with many of them."""

    def of(self, user: AbstractBaseUser) -> SessionQuerySet:
        """The sessions of a user that go on, the one used last first."""
        return self.filter(user_id=user.pk).going_on().order_by("-refreshed", "key")

    def going_on(self) -> SessionQuerySet:
        """Those whose last token has not expired and that have not reached their longest age."""
        now = _tolerated(int(time.time()))
        found = self.filter(Q(exp=None) | Q(exp__gt=now))
        longest = settings.session_max_age
        return found if longest is None else found.filter(created__gt=now - seconds(longest))

    def in_batches(self) -> Iterator[list[Session]]:
        """All of them, some at a time; they may be ended meanwhile."""
        rows = self.order_by("key")
        last = ""
        while batch := list(rows.filter(key__gt=last)[:BATCH]):
            yield batch
            last = batch[-1].key

    def purge_in_batches(self) -> Iterator[int]:
        """Deletes what has expired, `BATCH` rows a statement; yields how many each time."""
        expired = self.filter(exp__lt=_tolerated(int(time.time())))
        while keys := list(expired.values_list("key", flat=True)[:BATCH]):
            # Still expired: a session may have been refreshed just now.
            yield expired.filter(key__in=keys).delete()[0]


class Session(models.Model):
    """A session and the device that used it last. Times are in epoch seconds."""

    key = models.CharField(
        gettext_lazy("key"),
        primary_key=True,
        max_length=65,
        help_text=gettext_lazy("The key of the session in the blacklist."),
    )
    # A row must never be why a login fails or waits: no constraint, and so no lock on the user.
    user = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="jwt_sessions",
        verbose_name=gettext_lazy("user"),
    )
    created = models.BigIntegerField(
        help_text=gettext_lazy("When the user logged in, in epoch seconds.")
    )
    refreshed = models.BigIntegerField(
        help_text=gettext_lazy("When tokens were last issued, in epoch seconds.")
    )
    exp = models.BigIntegerField(
        null=True,
        blank=True,
        db_index=True,
        help_text=gettext_lazy("When the last token expires, in epoch seconds; empty is never."),
    )
    ip = models.CharField(
        gettext_lazy("IP address or network"), max_length=45, blank=True, default=""
    )
    user_agent = models.CharField(
        gettext_lazy("user agent"), max_length=LONGEST_USER_AGENT, blank=True, default=""
    )

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("session")
        verbose_name_plural = gettext_lazy("sessions")

    def __str__(self) -> str:
        return self.key

    @property
    def expires(self) -> int | None:
        """When the session ends if nobody refreshes it; None if it does not."""
        ends = [self.exp, session_end({"auth_time": self.created})]
        return min((end for end in ends if end is not None), default=None)

    def end(self, request: HttpRequest | None = None) -> bool:
        """Ends the session, as a logout does; True if it was this call that ended it.

        Sends `jwt_blacklisted` with this request and the key as `jti`: that is the `jti` itself
        but where a hook makes some that are not safe in every store. The row goes with it.
        Raises BlacklistUnavailable, and then the session goes on.
        """
        # The views need the user model, which may be in an app that is loaded after this one.
        from djwto.views import BlackListTokenView

        def announce() -> None:
            jwt_blacklisted.send_robust(
                sender=BlackListTokenView.sender, request=request, jti=self.key
            )

        ended = revoke_key(self.key, self._youngest(), announce)
        if not ended:
            type(self).objects.filter(key=self.key).delete()
        return ended

    def _youngest(self) -> Claims:
        """Claims that end no earlier than those of any token of the session (HTTP-14).

        The row may have missed a refresh, as receivers can fail: what the session could have
        been issued counts, and not only what the row was told of.
        """
        claims: Claims = {"auth_time": self.created}
        if self.exp is not None:
            claims["exp"] = max(self.exp, session_end(claims) or 0)
        usual, remembered = settings.refresh_token_lifetime, settings.remember_lifetime
        if usual is not None and remembered is not None:
            claims["idle"] = seconds(max(usual, remembered))
        return claims
