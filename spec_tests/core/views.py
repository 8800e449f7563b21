"""The endpoints under several prefixes, subclasses of them, and views behind the decorators."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_protect

from djwto.authentication import jwt_is_refresh, jwt_login_required, jwt_perm_required
from djwto.views import (
    BlackListTokenView,
    GetTokensView,
    LogoutAllView,
    RefreshAccessView,
    UpdateRefreshView,
    ValidateTokensView,
)

PERMS = ["auth.add_user", "auth.change_user"]


def seen(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    """What a decorated view finds in the request, and what it was called with."""
    return JsonResponse(
        {
            "payload": getattr(request, "payload", None),
            "token": getattr(request, "token", None),
            "kwargs": kwargs,
        }
    )


async def seen_async(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    """As `seen`, awaited."""
    return seen(request, *args, **kwargs)


class Seen(View):
    """As `seen`, for two methods."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return seen(request, *args, **kwargs)

    post = get


class SeenAsync(View):
    """As `Seen`, awaited."""

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return seen(request, *args, **kwargs)

    async def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return seen(request, *args, **kwargs)


@method_decorator(jwt_login_required, name="dispatch")
class Guarded(Seen):
    """Guarded as Django's documentation guards a class."""


@method_decorator(jwt_login_required, name="dispatch")
class GuardedAsync(SeenAsync):
    """Guarded likewise."""


class GuardedMethods(SeenAsync):
    """Guarded method by method."""

    @method_decorator(jwt_login_required)
    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return seen(request, *args, **kwargs)

    @method_decorator(jwt_perm_required(PERMS))
    async def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return seen(request, *args, **kwargs)


@method_decorator([jwt_is_refresh, jwt_perm_required(PERMS)], name="dispatch")
class GuardedRefresh(Seen):
    """Guarded by two decorators in a list."""


def in_transaction(request: HttpRequest) -> JsonResponse:
    """Whether ATOMIC_REQUESTS has put the view into a transaction."""
    return JsonResponse({"atomic": connection.in_atomic_block})


class QuietLogin(GetTokensView):
    """Keeps its parent's sender."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().post(request, *args, **kwargs)


class NamedLogin(GetTokensView):
    """Has a sender of its own."""

    sender = "NamedLogin"


class QuietValidate(ValidateTokensView):
    """Keeps its parent's sender."""


class NamedValidate(ValidateTokensView):
    """Has a sender of its own."""

    sender = "NamedValidate"


class QuietRefresh(RefreshAccessView):
    """Keeps its parent's sender."""


class NamedRefresh(RefreshAccessView):
    """Has a sender of its own."""

    sender = "NamedRefresh"


class QuietUpdate(UpdateRefreshView):
    """Keeps its parent's sender."""


class NamedUpdate(UpdateRefreshView):
    """Has a sender of its own."""

    sender = "NamedUpdate"


class QuietLogout(BlackListTokenView):
    """Keeps its parent's sender."""


class NamedLogout(BlackListTokenView):
    """Has a sender of its own."""

    sender = "NamedLogout"


class QuietLogoutAll(LogoutAllView):
    """Keeps its parent's sender."""


class NamedLogoutAll(LogoutAllView):
    """Has a sender of its own."""

    sender = "NamedLogoutAll"


def decorated(view: Any) -> list[Any]:
    """The view behind each decorator, and behind several in either order."""
    perms = jwt_perm_required(PERMS)
    suffix = "-async" if view is seen_async else ""
    return [
        path(f"login-required{suffix}/", jwt_login_required(view)),
        path(f"is-refresh{suffix}/", jwt_is_refresh(view)),
        path(f"perms{suffix}/", perms(view)),
        path(f"perms-perms{suffix}/", jwt_perm_required(PERMS[:1])(perms(view))),
        path(f"login-perms{suffix}/", jwt_login_required(perms(view))),
        path(f"perms-login{suffix}/", perms(jwt_login_required(view))),
        path(f"login-refresh{suffix}/", jwt_login_required(jwt_is_refresh(view))),
        path(f"refresh-perms{suffix}/", jwt_is_refresh(perms(view))),
        path(f"perms-refresh{suffix}/", perms(jwt_is_refresh(view))),
        path(f"login-perms-refresh{suffix}/", jwt_login_required(perms(jwt_is_refresh(view)))),
    ]


def subclassed() -> list[Any]:
    """A subclass of each view that keeps the sender, and one that does not."""
    return [
        path("quiet/login/", QuietLogin.as_view()),
        path("named/login/", NamedLogin.as_view()),
        path("quiet/validate/", QuietValidate.as_view()),
        path("named/validate/", NamedValidate.as_view()),
        path("quiet/refresh/", QuietRefresh.as_view()),
        path("named/refresh/", NamedRefresh.as_view()),
        path("quiet/update/", QuietUpdate.as_view()),
        path("named/update/", NamedUpdate.as_view()),
        path("quiet/logout/", QuietLogout.as_view()),
        path("named/logout/", NamedLogout.as_view()),
        path("quiet/logout-all/", QuietLogoutAll.as_view()),
        path("named/logout-all/", NamedLogoutAll.as_view()),
    ]


def unguarded(request: HttpRequest) -> HttpResponseBase:
    """A view of Django's own kind, which asks for a CSRF token."""
    return JsonResponse({})


urlpatterns = [
    path("", include("djwto.urls")),
    path("spaced/", include(("djwto.urls", "djwto"), namespace="first")),
    path("outer/", include(([path("in/", include(("djwto.urls", "djwto")))], "outer"))),
    path("tenants/<slug:tenant>/", include(("djwto.urls", "djwto"), namespace="tenants")),
    *subclassed(),
    *decorated(seen),
    *decorated(seen_async),
    path("items/<int:pk>/", jwt_login_required(seen)),
    path("class/", Guarded.as_view()),
    path("class-async/", GuardedAsync.as_view()),
    path("class-around/", jwt_login_required(SeenAsync.as_view())),
    path("class-methods/", GuardedMethods.as_view()),
    path("class-refresh/", GuardedRefresh.as_view()),
    path("in-transaction/", in_transaction),
    path("unguarded/", csrf_protect(unguarded)),
]
