"""The list of all users' sessions: to be looked at and to be ended, and not to be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from djwto.admin import shown_time
from djwto.contrib.sessions.models import Session, SessionQuerySet
from djwto.exceptions import BlacklistUnavailable


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To delete a session is to end it."""

    list_display = ("user", "created_at", "refreshed_at", "ip", "user_agent")
    fields = ("key", "user", "created_at", "refreshed_at", "expires_at", "ip", "user_agent")
    readonly_fields = ("created_at", "refreshed_at", "expires_at")
    ordering = ("-refreshed",)
    actions = ("delete_selected",)
    show_full_result_count = False

    @admin.display(description=gettext_lazy("created"), ordering="created")
    def created_at(self, session: Session) -> str:
        """When the user logged in."""
        return shown_time(session.created)

    @admin.display(description=gettext_lazy("last refreshed"), ordering="refreshed")
    def refreshed_at(self, session: Session) -> str:
        """When tokens were last issued."""
        return shown_time(session.refreshed)

    @admin.display(description=gettext_lazy("expires"))
    def expires_at(self, session: Session) -> str:
        """When the session ends if nobody refreshes it."""
        return shown_time(session.expires)

    def get_queryset(self, request: HttpRequest) -> SessionQuerySet:
        """What goes on; the rest waits for `delete_tokens`."""
        return Session.objects.going_on()

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """By the name that users of this project log in with."""
        return [f"user__{get_user_model().USERNAME_FIELD}"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A session begins with a login."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """What a row says has happened."""
        return False

    @admin.action(description=gettext_lazy("End the selected sessions"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: SessionQuerySet) -> None:
        """Ends any number of sessions, and says how many even if the store fails meanwhile.

        By its name it stands in the place of Django's own action, which would load them all.
        """
        over = 0
        try:
            for batch in queryset.in_batches():
                for session in batch:
                    session.end(request)
                    over += 1
        except BlacklistUnavailable as error:
            text = gettext(
                "The blacklist is unavailable: %(error)s Sessions ended: %(count)s. "
                "All others go on; select them again when it is back."
            )
            self.message_user(request, text % {"error": error, "count": over}, messages.ERROR)
        else:
            text = gettext("Sessions ended: %(count)s.")
            self.message_user(request, text % {"count": over}, messages.SUCCESS)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """Ends them. Raises BlacklistUnavailable."""
        for session in queryset:
            session.end(request)

    def delete_model(self, request: HttpRequest, obj: Session) -> None:
        """Ends it. Raises BlacklistUnavailable."""
        obj.end(request)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Says so where the store is down."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except BlacklistUnavailable as error:
            text = gettext("The blacklist is unavailable: %(error)s The session goes on.")
            self.message_user(request, text % {"error": error}, messages.ERROR)
            name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(reverse(f"admin:{name}", current_app=self.admin_site.name))
