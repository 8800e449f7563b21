"""The endpoints of djwto, and views behind each of its decorators."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from djwto.authentication import jwt_is_refresh, jwt_login_required, jwt_perm_required


def _payload(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"payload": request.payload, "token": request.token})  # type: ignore[attr-defined]


async def _payload_async(request: HttpRequest) -> JsonResponse:
    return _payload(request)


urlpatterns = [
    path("", include("djwto.urls")),
    path("prefix/", include("djwto.urls")),
    path("access/", jwt_login_required(_payload)),
    path("access/async/", jwt_login_required(_payload_async)),
    path("refresh/", jwt_is_refresh(_payload)),
    path("refresh/stacked/", jwt_login_required(jwt_is_refresh(_payload))),
    path("perm/", jwt_perm_required(["auth.add_user"])(_payload)),
    path("perm/stacked/", jwt_login_required(jwt_perm_required(["auth.add_user"])(_payload))),
]
