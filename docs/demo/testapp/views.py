"""The page, what it asks the server for, and a view that asks for a login."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path

from demo import choice, environment, store
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.static import serve

from djwto import csrf, transports
from djwto.authentication import jwt_login_required
from djwto.claims import REFRESH
from djwto.conf import seconds, settings
from djwto.exceptions import Refusal
from djwto.responses import refused
from djwto.spec_tests.clauses import CLAUSES
from testapp import USERS, decoded, feed
from testapp.exchanges import old_token
from testapp.steps import steps

DOCS = Path(__file__).parents[2] / "_build" / "html"
"""Where `make docs` builds the documentation."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""What the page may load and do: nothing that is not a file of its own."""


def _from_own_page(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuses what another site's page sends, as djwto does with a login (HTTP-8)."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        try:
            csrf.refuse_cross_site(request)
        except Refusal as refusal:
            return refused(request, refusal, view.__name__)
        return view(request)

    return guarded


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What is running, buttons to press, and the lines to paste into a terminal."""
    mode, backend = choice.mode(), choice.backend()
    context = {
        "mode": mode,
        "modes": environment.MODES,
        "backend": backend,
        "backends": [(name, store.refusal(name)) for name in environment.BACKENDS],
        "store": store.in_words(backend),
        "users": USERS,
        "ambient": transports.current().ambient,
        "grace": seconds(settings.reuse_grace),
        "steps": steps(mode, f"http://{request.get_host()}"),
    }
    return _strict(render(request, "testapp/home.html", context))


@require_safe
def events(request: HttpRequest) -> StreamingHttpResponse:
    """The feed, as server-sent events."""
    try:
        number = int(request.headers.get("Last-Event-ID", "0"))
    except ValueError:
        number = 0
    return StreamingHttpResponse(
        feed.stream(number),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


@require_safe
@never_cache
def held(request: HttpRequest) -> JsonResponse:
    """The cookies that the browser holds, decoded. It is below the path of the refresh cookie."""
    return JsonResponse({"cookies": decoded.cookies_held(request)})


@require_POST
@_from_own_page
def old(request: HttpRequest) -> HttpResponse:
    """Puts the refresh token from before the last exchange back into its cookie, as thieves do."""
    token, transport = old_token(), transports.current()
    if token is None or not isinstance(transport, transports.OneCookie):
        return JsonResponse({"is_back": False})
    response = JsonResponse({"is_back": True})
    response.set_cookie(
        transport.cookie(REFRESH),
        token,
        path=transports.refresh_path(request),
        secure=True,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_POST
@_from_own_page
def switch(request: HttpRequest) -> HttpResponse:
    """Puts another mode and another backend in force, and has the browser forget its cookies."""
    mode, backend = request.POST.get("mode"), request.POST.get("backend")
    if mode not in environment.MODES or backend not in environment.BACKENDS:
        return JsonResponse({"error": "There is no such mode or backend."}, status=400)
    if refusal := store.refusal(backend):
        return JsonResponse({"error": refusal}, status=400)
    response = HttpResponseRedirect("/")
    transports.current().forget(request, response)
    if backend == "redis":
        store.settle_redis()
    choice.switch(mode, backend)
    print(f"MODE={mode} BACKEND={backend}: ended sessions are kept in {store.in_words(backend)}.")
    return response


@require_safe
@jwt_login_required
def hello(request: HttpRequest) -> JsonResponse:
    """Greets the user whom the access token names."""
    username = request.payload["user"]["username"]  # type: ignore[attr-defined]
    return JsonResponse({"msg": f"Hello, {username}!"})


@require_safe
def docs(request: HttpRequest, path: str) -> HttpResponseBase:
    """The documentation if it is built; else the clauses alone, at the same address."""
    if DOCS.is_dir():
        return serve(request, path, document_root=DOCS)
    clauses = [c for c in CLAUSES.values() if path == f"clauses/{c.page}.html"]
    status = 200 if clauses else 404
    return _strict(render(request, "testapp/clauses.html", {"clauses": clauses}, status=status))


def _strict(page: HttpResponse) -> HttpResponse:
    page.headers["Content-Security-Policy"] = POLICY
    return page
