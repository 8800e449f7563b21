"""Views that look at `request.user`, of Django's own, of REST framework's and of Ninja's."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from ninja import NinjaAPI
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from djwto.authentication import jwt_login_required
from djwto.contrib.drf.authentication import JWTAuthentication
from djwto.contrib.drf.permissions import token_grants
from djwto.contrib.drf.throttling import SessionRateThrottle
from djwto.contrib.ninja.headers import send_headers
from djwto.contrib.ninja.security import AsyncJWTAuth, JWTAuth
from djwto.mixins import JWTLoginRequiredMixin, JWTPermissionRequiredMixin


def told(user: Any, auth: Any) -> dict[str, Any]:
    """What a view sees of a user."""
    return {
        "type": type(user).__name__ if not hasattr(user, "_wrapped") else user.__class__.__name__,
        "id": user.pk,
        "name": user.get_username(),
        "may": user.has_perm("auth.add_user"),
        "jti": auth.get("jti") if auth else None,
    }


def who(request: HttpRequest) -> JsonResponse:
    """Asks for the user."""
    return JsonResponse(told(request.user, request.auth))  # type: ignore[attr-defined]


async def who_async(request: HttpRequest) -> JsonResponse:
    """Awaits the user."""
    user = await request.auser()
    may = await user.ahas_perm("auth.add_user")
    return JsonResponse({"id": user.pk, "type": type(user).__name__, "may": may})


def nobody_asks(request: HttpRequest) -> HttpResponse:
    """Does not."""
    return HttpResponse("ok")


@csrf_protect
async def protected_async(request: HttpRequest) -> HttpResponse:
    """Does not, and has Django's check made in the event loop."""
    return HttpResponse("ok")


@jwt_login_required
def guarded(request: HttpRequest) -> JsonResponse:
    """Behind the decorator."""
    return JsonResponse(told(request.user, request.auth))  # type: ignore[attr-defined]


def asks_first(request: HttpRequest) -> JsonResponse:
    """Asks for the user, as a middleware of the project may, before the decorator does."""
    told(request.user, request.auth)  # type: ignore[attr-defined]
    return guarded(request)


@jwt_login_required
async def guarded_async(request: HttpRequest) -> JsonResponse:
    """Behind the decorator, async."""
    return JsonResponse({"name": request.payload["user"]["username"]})  # type: ignore[attr-defined]


@method_decorator(jwt_login_required, name="dispatch")
class DecoratedAsync(View):
    """Behind the decorator, whose view is no coroutine function."""

    async def get(self, request: HttpRequest) -> JsonResponse:
        """Tells who it is."""
        return JsonResponse({"name": request.payload["user"]["username"]})  # type: ignore[attr-defined]


class Guarded(JWTLoginRequiredMixin, View):
    """Behind a mixin."""

    def post(self, request: HttpRequest) -> JsonResponse:
        """Tells who it is."""
        return JsonResponse(request.payload["user"])  # type: ignore[attr-defined]


class GuardedAsync(JWTLoginRequiredMixin, View):
    """The same, async."""

    async def post(self, request: HttpRequest) -> JsonResponse:
        """Tells who it is."""
        return JsonResponse(request.payload["user"])  # type: ignore[attr-defined]


class MayAdd(JWTPermissionRequiredMixin, View):
    """Takes a permission."""

    permission_required = "auth.add_user"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lets in."""
        return HttpResponse("ok")


class RestView(APIView):
    """Of REST framework."""

    authentication_classes: ClassVar = [JWTAuthentication]

    def get(self, request: Request) -> Response:
        """Tells who it is."""
        return Response(told(request.user, request.auth))

    post = get


class RestMayAdd(RestView):
    """Takes a permission."""

    permission_classes: ClassVar = [token_grants("auth.add_user")]


class TwiceAMinute(SessionRateThrottle):
    """Two requests a session."""

    rate = "2/min"


class RestThrottled(RestView):
    """Counts by session."""

    throttle_classes: ClassVar = [TwiceAMinute]


api = NinjaAPI(urls_namespace="ninja-of-tests", docs_url=None)


@api.get("/who", auth=JWTAuth())
def ninja_who(request: HttpRequest) -> dict[str, Any]:
    """Tells who it is."""
    return told(request.user, request.auth)  # type: ignore[attr-defined]


@api.post("/who", auth=JWTAuth())
def ninja_post(request: HttpRequest) -> dict[str, Any]:
    """The same, of an unsafe request."""
    return told(request.user, request.auth)  # type: ignore[attr-defined]


@api.get("/who/async", auth=AsyncJWTAuth())
async def ninja_who_async(request: HttpRequest) -> dict[str, Any]:
    """Tells who it is, without a database."""
    return {"id": request.user.pk, "jti": request.auth["jti"]}  # type: ignore[attr-defined]


@api.get("/who/async/by-thread", auth=JWTAuth())
async def ninja_who_by_thread(request: HttpRequest) -> dict[str, Any]:
    """Async, behind what is not."""
    return {"id": request.user.pk, "jti": request.auth["jti"]}  # type: ignore[attr-defined]


@api.get("/who/by-loop", auth=AsyncJWTAuth())
def ninja_who_by_loop(request: HttpRequest) -> dict[str, Any]:
    """The other way round."""
    return {"id": request.user.pk, "jti": request.auth["jti"]}  # type: ignore[attr-defined]


api_with_headers = NinjaAPI(
    urls_namespace="ninja-with-headers", docs_url=None, auth=[JWTAuth()], openapi_url=None
)
send_headers(api_with_headers)


@api_with_headers.get("/who")
def ninja_with_headers(request: HttpRequest) -> dict[str, Any]:
    """Tells who it is."""
    return told(request.user, request.auth)  # type: ignore[attr-defined]


urlpatterns = [
    path("", include("djwto.urls")),
    path("who/", who),
    path("who/async/", who_async),
    path("nobody-asks/", nobody_asks),
    path("nobody-asks/exempt/", csrf_exempt(nobody_asks)),
    path("exempt/", csrf_exempt(who)),
    path("decorated/", guarded),
    path("asks-first/", asks_first),
    path("kept/", cache_page(60)(guarded)),
    path("decorated/async/", guarded_async),
    path("decorated/class/", DecoratedAsync.as_view()),
    path("guarded/", Guarded.as_view()),
    path("guarded/async/", GuardedAsync.as_view()),
    path("may-add/", MayAdd.as_view()),
    path("rest/", RestView.as_view()),
    path("rest/may-add/", RestMayAdd.as_view()),
    path("rest/throttled/", RestThrottled.as_view()),
    path("ninja/", api.urls),
    path("ninja-headers/", api_with_headers.urls),
]
