"""The page that tells what to try, and a view that asks for a login."""

from __future__ import annotations

from demo import environment, store
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from djwto.authentication import jwt_login_required
from testapp.steps import steps


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is running, and the lines to paste into a terminal."""
    context = {
        "mode": environment.MODE,
        "modes": environment.MODES,
        "backend": environment.BACKEND,
        "backends": environment.BACKENDS,
        "store": store.in_words(),
        "steps": steps(environment.MODE, f"http://{request.get_host()}"),
    }
    return render(request, "testapp/home.html", context)


@require_safe
@jwt_login_required
def hello(request: HttpRequest) -> JsonResponse:
    """Greets the user whom the access token names."""
    username = request.payload["user"]["username"]  # type: ignore[attr-defined]
    return JsonResponse({"msg": f"Hello, {username}!"})
