"""HTTP-15 and HTTP-16: whom the decorators let in, and what the view finds."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client, RequestFactory
from pytest_django import Settings

from djwto import authentication, conf, verified
from djwto.authentication import jwt_is_refresh, jwt_login_required, jwt_perm_required
from djwto.blacklist import get_blacklist
from djwto.exceptions import BlacklistUnavailable, MissingToken
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.core.views import PERMS, GuardedAsync, decorated, seen, seen_async
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import decode, encode
from djwto.transports import OneCookie, current

pytestmark = [pytest.mark.django_db, pytest.mark.urls("djwto.spec_tests.core.views")]

MIDDLEWARE = "django.middleware.csrf.CsrfViewMiddleware"

ACCESS_VIEWS = [
    "/login-required/",
    "/login-required-async/",
    "/items/7/",
    "/class/",
    "/class-async/",
    "/class-around/",
    "/class-methods/",
]
REFRESH_VIEWS = [
    "/is-refresh/",
    "/is-refresh-async/",
    "/login-refresh/",
    "/login-refresh-async/",
]
ACCESS_PERMS = [
    "/perms/",
    "/perms-async/",
    "/login-perms/",
    "/login-perms-async/",
    "/perms-login/",
    "/perms-login-async/",
]
REFRESH_PERMS = [
    "/refresh-perms/",
    "/refresh-perms-async/",
    "/perms-refresh/",
    "/perms-refresh-async/",
    "/login-perms-refresh/",
    "/login-perms-refresh-async/",
    "/class-refresh/",
]
SCOPE = 'Bearer realm="api", error="insufficient_scope"'


def sent_by_async_client(method: str, path: str, one: str | None, as_refresh: bool) -> Any:
    """The answer under ASGI."""
    client = AsyncClient(enforce_csrf_checks=True, raise_request_exception=False)
    headers: dict[str, str] = {}
    transport = current()
    if not isinstance(transport, OneCookie):
        if one is not None:
            headers["Authorization"] = f"Bearer {one}"
    else:
        client.cookies["csrftoken"] = headers["X-CSRFToken"] = api.CSRF_TOKEN
        if one is not None:
            client.cookies["jwt_refresh" if as_refresh else transport.access_cookie] = one
    return asyncio.run(getattr(client, method)(path, headers=headers))


def seen_by_view(path: str, one: str | None, *, as_refresh: bool, under: str) -> tuple[int, Any]:
    """Status and body of a GET, by WSGI or by ASGI."""
    if under == "ASGI":
        response = sent_by_async_client("get", path, one, as_refresh)
        return response.status_code, response.json()
    answer = api.send(path, one, method="get", as_refresh=as_refresh)
    return answer.status, answer.body


each_server = pytest.mark.parametrize("under", ["WSGI", "ASGI"])


@pytest.mark.clause("HTTP-15")
@each_mode
@each_server
@pytest.mark.parametrize("path", [*ACCESS_VIEWS, *REFRESH_VIEWS])
def test_a_valid_token_is_let_in_and_found_in_the_request(
    mode: str, under: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    type_ = "refresh" if path in REFRESH_VIEWS else "access"
    one = token(live, type_)
    status, body = seen_by_view(path, one, as_refresh=type_ == "refresh", under=under)
    assert status == 200
    assert body == {
        "payload": decode(one, type_),
        "token": one,
        "kwargs": {"pk": 7} if path == "/items/7/" else {},
    }


@pytest.mark.clause("HTTP-15")
@each_mode
@each_server
@pytest.mark.parametrize(
    "path", [*ACCESS_VIEWS, *REFRESH_VIEWS, "/perms/", "/perms-async/", *REFRESH_PERMS]
)
@pytest.mark.case(5, "P1")
def test_any_other_token_is_refused_and_the_view_not_called(
    mode: str, under: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    as_refresh = path in [*REFRESH_VIEWS, *REFRESH_PERMS]
    type_ = "refresh" if as_refresh else "access"
    claims = decode(token(live, type_), type_)
    others = [
        None,
        "garbage",
        token(live, "access" if as_refresh else "refresh"),
        encode({**claims, "exp": 1}),
        token(live, type_)[:-4] + "AAAA",
    ]
    for one in others:
        with Recorder() as recorder:
            status, body = seen_by_view(path, one, as_refresh=as_refresh, under=under)
        assert (status, set(body)) == (401, {"error"})
        assert names(recorder) == []


def request_with(**claims: Any) -> HttpRequest:
    """A request with a token of these claims that is good, an access token unless they say."""
    now = int(time.time())
    good = {"jti": "ab" * 16, "type": "access", "iat": now, "exp": now + 60, "user": {"id": 1}}
    one = encode({**good, **claims})
    return RequestFactory().get("/", headers={"Authorization": f"Bearer {one}"})


@pytest.mark.clause("HTTP-15")
@pytest.mark.clause("HTTP-16")
@pytest.mark.parametrize("view", [seen, seen_async])
def test_each_decorator_lets_its_own_token_in_and_so_do_several_in_any_order(view: Any) -> None:
    """`jwt_login_required`, `jwt_is_refresh`, `jwt_perm_required`, and those around another."""
    for guarded in decorated(view):
        route = str(guarded.pattern)
        wanted = "refresh" if "refresh" in route else "access"
        for type_, perms in itertools.product(["access", "refresh"], [PERMS, PERMS[:1]]):
            request = request_with(type=type_, user={"id": 1, "perms": perms})
            with patch.object(authentication, "decode", wraps=decode) as looked:
                response = guarded.callback(request)
                response = asyncio.run(response) if view is seen_async else response
            assert looked.call_count == 1, "once, however many they are"
            lacking = "perms" in route and perms != PERMS
            expected = 401 if type_ != wanted else 403 if lacking else 200
            assert response.status_code == expected, (route, type_, perms)


@pytest.mark.clause("HTTP-15")
def test_a_refusal_carries_the_challenge_and_is_not_stored() -> None:
    create_alice()
    for path in [*ACCESS_VIEWS, *REFRESH_VIEWS]:
        for one, challenge in (
            (None, 'Bearer realm="api"'),
            ("garbage", 'Bearer realm="api", error="invalid_token"'),
        ):
            answer = api.send(path, one, method="get")
            assert answer.headers["WWW-Authenticate"] == challenge
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.clause("HTTP-15")
@each_cookie_mode
@each_server
@pytest.mark.parametrize("middleware", [[], [MIDDLEWARE]], ids=["bare", "with the middleware"])
@pytest.mark.parametrize("path", ["/login-required/", "/login-required-async/", "/class/"])
def test_an_unsafe_request_is_let_in_with_a_csrf_token(
    mode: str, under: str, middleware: list[str], path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = middleware
    access = token(session(), "access")
    if under == "WSGI":
        assert api.send(path, access, as_refresh=False).status == 200
        assert api.send(path, access, as_refresh=False, csrf=False).status == 403
    else:
        assert sent_by_async_client("post", path, access, False).status_code == 200


@pytest.mark.clause("HTTP-15")
@each_server
@pytest.mark.parametrize("path", ACCESS_VIEWS[:-1])
def test_in_json_mode_djangos_middleware_asks_no_decorated_view_for_a_csrf_token(
    under: str, path: str, settings: Settings
) -> None:
    settings.MIDDLEWARE = [MIDDLEWARE]
    access = token(session(), "access")
    if under == "WSGI":
        assert api.send(path, access).status == 200
    else:
        assert sent_by_async_client("post", path, access, False).status_code == 200
    assert api.send("/unguarded/", access).status == 403


@pytest.mark.clause("HTTP-15")
@each_cookie_mode
@each_server
@pytest.mark.parametrize("path", ["/login-required/", "/login-required-async/", "/class-around/"])
def test_csrf_tokens_may_be_kept_in_sessions(
    mode: str, under: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    settings.SESSION_ENGINE = "djwto.spec_tests.core.sync_sessions"
    settings.CSRF_USE_SESSIONS = True
    create_alice()
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.post(api.LOGIN, CREDENTIALS)
    csrf = {"X-CSRFToken": browser.session["_csrftoken"]}
    if under == "WSGI":
        statuses = [
            browser.get(path).status_code,
            browser.post(path).status_code,
            browser.post(path, headers=csrf).status_code,
        ]
    else:
        client = AsyncClient(enforce_csrf_checks=True, raise_request_exception=False)
        for name, morsel in browser.cookies.items():
            client.cookies[name] = morsel.value
        statuses = [
            asyncio.run(client.get(path)).status_code,
            asyncio.run(client.post(path)).status_code,
            asyncio.run(client.post(path, headers=csrf)).status_code,
        ]
    assert statuses == [200, 403, 200]


def session_with(*codenames: str) -> api.Answer:
    alice = create_alice()
    alice.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    answer = api.log_in(**CREDENTIALS)
    assert answer.status == 200
    return answer


@pytest.mark.clause("HTTP-16")
@each_mode
@each_server
@pytest.mark.parametrize("path", [*ACCESS_PERMS, *REFRESH_PERMS])
@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (["add_user"], 403),
        (["add_user", "change_user", "delete_user"], 200),
    ],
)
def test_the_token_has_to_grant_every_permission(
    mode: str, under: str, path: str, granted: list[str], expected: int, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session_with(*granted)
    as_refresh = path in REFRESH_PERMS
    one = token(live, "refresh" if as_refresh else "access")
    status, body = seen_by_view(path, one, as_refresh=as_refresh, under=under)
    assert status == expected
    if expected == 200:
        assert body["token"] == one
    else:
        assert set(body) == {"error"}
        answer = api.send(path, one, method="get", as_refresh=as_refresh)
        assert answer.headers["WWW-Authenticate"] == SCOPE
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.clause("HTTP-16")
@pytest.mark.parametrize(
    ("granted", "expected"),
    [([], 403), (["change_user"], 403), (["add_user", "change_user"], 200)],
)
def test_one_permission_is_not_another(granted: list[str], expected: int) -> None:
    assert api.send("/perms/", session_with(*granted).access).status == expected


@pytest.mark.clause("HTTP-16")
def test_a_superuser_has_every_permission() -> None:
    User.objects.create_superuser("root", password="pass")
    assert api.send("/perms/", api.log_in("root", "pass").access).status == 200


@pytest.mark.clause("HTTP-16")
@pytest.mark.parametrize(
    "perms",
    [
        None,
        {},
        1,
        True,
        "auth.add_user auth.change_user",
        {"auth.add_user": 1, "auth.change_user": 1},
        [None],
        [[]],
        [["auth.add_user", "auth.change_user"]],
        ["auth.add_user auth.change_user"],
        ["AUTH.ADD_USER", "AUTH.CHANGE_USER"],
    ],
    ids=repr,
)
@pytest.mark.case(110)
def test_permissions_that_are_no_list_of_names_grant_nothing(perms: Any) -> None:
    claims = decode(token(session(), "access"), "access")
    odd = encode({**claims, "user": {**claims["user"], "perms": perms}})
    answer = api.send("/perms/", odd)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (403, SCOPE)


@pytest.mark.clause("HTTP-16")
def test_a_token_without_a_user_or_permissions_grants_nothing() -> None:
    claims = decode(token(session(), "access"), "access")
    for user in ({}, {"id": 1}):
        assert api.send("/perms/", encode({**claims, "user": user})).status == 403
    assert (
        api.send("/perms/", encode({n: v for n, v in claims.items() if n != "user"})).status == 403
    )


@pytest.mark.clause("HTTP-16")
def test_a_text_in_the_place_of_the_list_is_a_mistake_found_at_once() -> None:
    with pytest.raises(TypeError, match=r"\['auth.add_user'\]"):
        jwt_perm_required("auth.add_user")


@pytest.mark.clause("HTTP-15")
def test_a_decorated_view_is_called_with_what_it_was_given(settings: Settings) -> None:
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return JsonResponse([args, kwargs], safe=False)

    async def view_async(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return view(request, *args, **kwargs)

    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # No coroutine function, as the dispatch of an async class-based view is none.
        return view_async(request, *args, **kwargs)

    async def dispatched() -> Any:
        return await jwt_login_required(dispatch)(request_with(), "shop", pk=7)

    answers = [
        jwt_login_required(view)(request_with(), "shop", pk=7),
        asyncio.run(jwt_login_required(view_async)(request_with(), "shop", pk=7)),
        asyncio.run(dispatched()),
    ]
    settings.CSRF_USE_SESSIONS = True
    answers.append(asyncio.run(dispatched()))
    assert [json.loads(answer.content) for answer in answers] == [[["shop"], {"pk": 7}]] * 4


@pytest.mark.clause("HTTP-32")
def test_what_an_answer_varies_by_already_it_goes_on_to() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Vary": "Accept-Language"})

    answer = jwt_login_required(view)(request_with())
    assert answer["Vary"] == "Accept-Language, Authorization"


@pytest.mark.clause("HTTP-15")
def test_a_view_that_calls_another_has_not_let_anybody_into_that() -> None:
    """It says whose token it takes, which the other has no say in."""
    refreshing = jwt_is_refresh(seen)
    calling: Any = jwt_login_required(lambda request: refreshing(request))
    for type_ in ("access", "refresh"):
        assert calling(request_with(type=type_)).status_code == 401


@pytest.mark.clause("USER-6")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("asked", ["keys", "user"])
def test_an_event_loop_waits_for_nothing_that_a_class_is_guarded_by(
    asked: str, settings: Settings
) -> None:
    """Neither for keys that have to be fetched, nor for the user of a token of simplejwt."""
    loops: list[object] = []

    def keys() -> list[dict[str, str]]:
        loops.append(asyncio._get_running_loop())
        return [{"algorithm": "HS256", "key": "k" * 32}]

    if asked == "keys":
        settings.DJWTO_KEYS = keys
        request = request_with()
        settings.DJWTO_KEYS = functools.partial(keys)
    else:
        settings.DJWTO_ACCEPT_SIMPLEJWT = {
            "UNTIL": datetime.now(timezone.utc) + timedelta(days=1),
            "SIGNING_KEY": "s" * 32,
        }
        now = int(time.time())
        claims = {"token_type": "access", "iat": now, "exp": now + 60, "jti": "ab" * 16}
        theirs = jwt.encode(claims | {"user_id": create_alice().pk}, "s" * 32)
        request = RequestFactory().get("/", headers={"Authorization": f"Bearer {theirs}"})

    async def dispatched() -> Any:
        return await GuardedAsync.as_view()(request)  # type: ignore[misc]

    assert asyncio.run(dispatched()).status_code == 200
    assert loops == ([None, None] if asked == "keys" else [])


@pytest.mark.clause("HTTP-24")
def test_the_log_names_the_view_that_could_not_ask_the_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any) -> Any:
        raise BlacklistUnavailable("The disk is full.")

    settings.DJWTO_CHECK_ACCESS = True
    monkeypatch.setattr(get_blacklist(), "get_many", fail)
    nameless = functools.partial(seen)
    with caplog.at_level(logging.ERROR, "djwto.security"):
        for view in (seen, nameless):
            assert jwt_login_required(view)(request_with()).status_code == 503
    told = [vars(record) for record in caplog.records]
    assert [(one["event"], one["endpoint"], one["ip"]) for one in told] == [
        ("store_unavailable", "seen", "127.0.0.1"),
        ("store_unavailable", "partial", "127.0.0.1"),
    ]


@pytest.mark.clause("HTTP-15")
def test_a_decorated_view_keeps_its_name_and_documentation() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        """Shows the basket."""
        return HttpResponse()

    async def view_async(request: HttpRequest) -> HttpResponse:
        """Shows the basket."""
        return HttpResponse()

    for decorator in (jwt_login_required, jwt_is_refresh, jwt_perm_required(["a.b"])):
        for one in (view, view_async):
            guarded = decorator(one)
            assert (guarded.__name__, guarded.__doc__) == (one.__name__, one.__doc__)
            assert asyncio.iscoroutinefunction(guarded) is (one is view_async)


def _settings_read(call: Callable[[], object]) -> int:
    """How often a call asks for all that a token is verified by."""
    with patch.object(verified, "given_each", side_effect=conf.given_each) as asked:
        call()
    return asked.call_count


@each_mode
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_the_settings_are_asked_for_once_a_request(
    mode: str, in_a_thread: bool, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    request = api.send(api.VALIDATE_ACCESS, session().access).request
    settings.CSRF_USE_SESSIONS = in_a_thread
    settings.DJWTO_CSRF = False
    admit, aadmit = authentication.admit, async_to_sync(authentication.aadmit)
    assert _settings_read(functools.partial(admit, request, "access")) == 1
    assert _settings_read(functools.partial(aadmit, request, "access")) == 1


def test_they_are_so_where_a_token_of_simplejwt_might_have_come_instead(
    settings: Settings,
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.DJWTO_ACCEPT_SIMPLEJWT = {"UNTIL": datetime.now(timezone.utc) + timedelta(days=1)}
    ours = session().access
    request = RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {ours}")

    def refused() -> None:
        with pytest.raises(MissingToken):
            authentication.admit(request, "access")

    assert _settings_read(refused) == 1
