"""The blacklist in Django's admin: looked at, added to by ending a session, and purged.

It is made for tables of any size: nothing is counted, and each page is read from where the last
one ended.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from djwto.blacklist import KEY, blacklist_key, get_blacklist
from djwto.claims import ACCESS, LAST_NUMERIC_DATE, REFRESH, Claims
from djwto.exceptions import STORE_FAILURES, InvalidToken
from djwto.models import BlacklistEntry
from djwto.sessions import revoke_key
from djwto.signals import jwt_blacklisted
from djwto.verified import verifier

AFTER = "after"
"""The parameter of a page's address that names the last key of the page before."""

LENGTH = 65
"""Of a key that is no `jti` itself: see `blacklist_key`."""

PATIENCE = 10
"""Seconds after which no further batch of a purge is begun: servers give up on a request."""


def shown_time(numeric_date: int | None) -> str:
    """A time in epoch seconds, as the admin shows times; None is never."""
    if numeric_date is not None:
        with suppress(OverflowError, ValueError):
            # The last hours of the year 9999 are in the year 10000 elsewhere.
            local = datetime.fromtimestamp(numeric_date, get_current_timezone())
            return date_format(local, "DATETIME_FORMAT")
    return gettext("never")


class KeysetChangeList(ChangeList):
    """A page of rows that follow a key, and not a number of rows (ADM-1)."""

    next_after = ""
    """The last key of this page; "" if no other page follows."""

    def get_filters_params(self, params: Any = None) -> Any:
        """What is to be looked up, of which the place to go on from is no part."""
        lookups = super().get_filters_params(params)
        lookups.pop(AFTER, None)
        return lookups

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """The one order that goes by an index whatever is in the table."""
        return ["key"]

    def get_results(self, request: HttpRequest) -> None:
        """Reads one row more than the page has, to know of the next."""
        rows = self.queryset
        if after := request.GET.get(AFTER):
            if not KEY.fullmatch(after):
                raise IncorrectLookupParameters
            rows = rows.filter(key__gt=after)
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        if len(found) > self.list_per_page:
            self.next_after = self.result_list[-1].key
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.result_list, self.list_per_page)


@admin.register(BlacklistEntry)
class BlacklistEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To view an entry takes the permission to view, to end a session that to add, and to purge
    that to delete (ADM-4)."""

    list_display = ("key", "what", "expires_at")
    fields = ("key", "what", "value", "expires_at")
    readonly_fields = ("what", "expires_at")
    actions = None
    change_list_template = "admin/djwto/blacklistentry/change_list.html"

    @admin.display(description=gettext_lazy("what happened"))
    def what(self, entry: BlacklistEntry) -> str:
        """What the entry remembers, by its value."""
        if not entry.value:
            return gettext("The session ended")
        if ":" in entry.value:
            return gettext("The user was logged out everywhere")
        return gettext("The refresh token was exchanged")

    @admin.display(description=gettext_lazy("remembered until"))
    def expires_at(self, entry: BlacklistEntry) -> str:
        """When `delete_tokens` may delete the entry."""
        return shown_time(entry.exp)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BlacklistEntry]:
        """The rows of the backend in force, if it keeps any, from where it keeps them."""
        table = get_blacklist().table()
        return BlacklistEntry.objects.none() if table is None else table

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Pages by key."""
        return KeysetChangeList

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """None: there may be millions of rows to look through."""
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An entry is added by ending a session, with a form of its own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What an entry says has happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without its entry a session would go on again."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not for those who may only purge: what they may change is not what they see."""
        return request.user.has_perm(_permission("view"))

    def get_urls(self) -> list[URLPattern]:
        """Those of the two forms as well."""
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"djwto_blacklistentry_{name}")
            for name, view in (("session", self.session_view), ("purge", self.purge_view))
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the forms that this user may send."""
        backend = get_blacklist()
        context = {
            "backend": type(backend).__name__,
            "keeps_rows": backend.table() is not None,
            "may_end": request.user.has_perm(_permission("add")),
            "may_purge": request.user.has_perm(_permission("delete")),
            "after": AFTER,
            "title": gettext("What the blacklist remembers"),
        }
        try:
            return super().changelist_view(request, context | (extra_context or {}))
        except STORE_FAILURES as error:
            self._complain(request, error)
            return HttpResponseRedirect(reverse("admin:index", current_app=self.admin_site.name))

    @method_decorator(require_POST)
    @method_decorator(sensitive_post_parameters("session"))
    @method_decorator(sensitive_variables())
    def session_view(self, request: HttpRequest) -> HttpResponse:
        """Looks a session up, or ends it, by what was pasted: a token, a `jti` or a key (ADM-2).

        Of a token nothing goes on from here but the name of its session.
        """
        ends = "end" in request.POST
        _demand(request, "add" if ends else "view")
        pasted = request.POST.get("session", "").strip()
        try:
            jti, claims = _named(pasted)
        except InvalidToken as refusal:
            text = gettext(
                "That is no token of this site: %(refusal)s To end its session all the same, "
                "paste the jti."
            )
            self.message_user(request, text % {"refusal": refusal}, messages.ERROR)
            return self._back()
        if not jti:
            text = gettext("Paste a token, a jti or a key first.")
            self.message_user(request, text, messages.ERROR)
            return self._back()
        key = jti if len(jti) == LENGTH and KEY.fullmatch(jti) else blacklist_key(jti)
        try:
            if ends:
                self._end(request, key, jti, claims)
            elif get_blacklist().contains(key):
                text = gettext("%(key)s is in the blacklist: it has ended.")
                self.message_user(request, text % {"key": key})
            else:
                text = gettext("%(key)s is not in the blacklist: it goes on, or is long over.")
                self.message_user(request, text % {"key": key})
        except STORE_FAILURES as error:
            self._complain(request, error)
        return self._back()

    def _end(self, request: HttpRequest, key: str, jti: str, claims: Claims | None) -> None:
        """Ends a session as a logout does. Raises BlacklistUnavailable."""
        # The views need the user model, which may be in an app whose admin this is imported for.
        from djwto.views import BlackListTokenView

        def announce() -> None:
            jwt_blacklisted.send_robust(sender=BlackListTokenView.sender, request=request, jti=jti)

        if revoke_key(key, claims, announce):
            # As Django notes an addition: whoever reads it is told in their own language.
            self.log_addition(request, BlacklistEntry(key=key), [{"added": {}}])
            text = gettext("%(key)s has been ended.")
            self.message_user(request, text % {"key": key}, messages.SUCCESS)
        else:
            text = gettext("%(key)s had ended before.")
            self.message_user(request, text % {"key": key}, messages.WARNING)

    @method_decorator(require_POST)
    def purge_view(self, request: HttpRequest) -> HttpResponse:
        """Deletes what has expired, for as long as a request may take (ADM-3)."""
        _demand(request, "delete")
        deleted, end = 0, time.monotonic() + PATIENCE
        text = gettext("Expired entries deleted: %(count)s.")
        try:
            for batch in get_blacklist().purge_in_batches():
                deleted += batch
                if time.monotonic() >= end:
                    text = gettext(
                        "Expired entries deleted: %(count)s. There may be more: do it again, or "
                        "run manage.py delete_tokens."
                    )
                    break
        except STORE_FAILURES as error:
            self._complain(request, error)
        self.message_user(request, text % {"count": deleted})
        return self._back()

    def _complain(self, request: HttpRequest, error: Exception) -> None:
        text = gettext("The blacklist is unavailable: %(error)s")
        self.message_user(request, text % {"error": error}, messages.ERROR)

    def _back(self) -> HttpResponse:
        name = "admin:djwto_blacklistentry_changelist"
        return HttpResponseRedirect(reverse(name, current_app=self.admin_site.name))


def _permission(action: str) -> str:
    return f"djwto.{action}_blacklistentry"


def _demand(request: HttpRequest, action: str) -> None:
    """Raises PermissionDenied."""
    if not request.user.has_perm(_permission(action)):
        raise PermissionDenied


def _named(pasted: str) -> tuple[str, Claims | None]:
    """The `jti` or key that was pasted, or that of the token that was, with its claims.

    A token that has expired will do: its session may go on. Raises InvalidToken for one that
    was not signed here, whose `jti` would name nothing.
    """
    if pasted.count(".") != 2:
        return pasted, None
    token = pasted.removeprefix("Bearer ")
    try:
        claims = verifier().verify(token, REFRESH, LAST_NUMERIC_DATE)
    except InvalidToken:
        claims = verifier().verify(token, ACCESS, LAST_NUMERIC_DATE)
    return claims["jti"], claims
