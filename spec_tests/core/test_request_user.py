"""USER-1 to USER-5: who `request.user` is, for views of Django, of REST framework and of Ninja."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.views import View
from django.views.generic import TemplateView
from pytest_django import Settings

from djwto.claims import process_perms
from djwto.exceptions import InvalidToken
from djwto.middleware import JWTAuthenticationMiddleware
from djwto.mixins import JWTLoginRequiredMixin, JWTPermissionRequiredMixin
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    PASSWORD,
    create_alice,
    each_cookie_mode,
    each_mode,
    session,
)
from djwto.token_user import TokenUser
from djwto.tokens import decode

pytestmark = pytest.mark.django_db

OURS = "djwto.middleware.JWTAuthenticationMiddleware"
DJANGOS = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
CACHE = "django.middleware.cache"
LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
WHO = ["/who/", "/rest/", "/ninja/who"]
DECORATED = ["/decorated/", "/kept/", "/decorated/async/", "/decorated/class/"]
GUARDED = ["/guarded/", "/guarded/async/"]

NOBODY = {"type": "AnonymousUser", "id": None, "name": "", "may": False, "jti": None}

each_view = pytest.mark.parametrize("path", WHO)


@pytest.fixture(autouse=True)
def project(settings: Settings) -> None:
    """Views that ask, and the middleware below Django's own."""
    settings.ROOT_URLCONF = "djwto.spec_tests.core.urls_request_user"
    settings.MIDDLEWARE = [*DJANGOS, OURS]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]


@pytest.fixture(params=["database", "token"])
def of(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Where the user is from."""
    source: str = request.param
    settings.DJWTO_REQUEST_USER = source
    return source


def get(path: str, token: str | None, **kwargs: Any) -> api.Answer:
    """The answer to a view."""
    return api.send(path, token, method="get", as_refresh=False, **kwargs)


def post(path: str, token: str | None, **kwargs: Any) -> api.Answer:
    """The answer to an unsafe request."""
    return api.send(path, token, as_refresh=False, **kwargs)


@pytest.mark.clause("USER-1")
@pytest.mark.clause("USER-2")
@pytest.mark.clause("USER-4")
@pytest.mark.clause("USER-5")
@each_view
@each_mode
def test_the_user_is_who_the_token_names(
    settings: Settings, mode: str, path: str, of: str
) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    alice.user_permissions.add(Permission.objects.get(codename="add_user"))
    tokens = api.log_in(**CREDENTIALS)
    answer = get(path, tokens.access)
    assert answer.body == {
        "type": "User" if of == "database" else "TokenUser",
        "id": alice.pk,
        "name": "alice",
        "may": True,
        "jti": api.claims_of(tokens.access)["jti"],
    }


@pytest.mark.clause("USER-2")
@pytest.mark.parametrize("sent", [None, "a.b.c", "refresh"])
@each_mode
def test_without_a_valid_access_token_nobody_is(
    settings: Settings, mode: str, sent: str | None, of: str
) -> None:
    settings.DJWTO_MODE = mode
    tokens = session()
    assert get("/who/", tokens.refresh if sent == "refresh" else sent).body == NOBODY


@pytest.mark.clause("USER-2")
def test_who_has_a_session_of_djangos_is_who_he_was(of: str) -> None:
    bob = User.objects.create_user("bob", password=PASSWORD)
    tokens = session()
    client = Client()
    client.force_login(bob)
    assert client.get("/who/").json()["name"] == "bob"
    for token, name in ((tokens.access, "alice"), ("a.b.c", "bob"), (tokens.refresh, "bob")):
        answer = client.get("/who/", headers={"authorization": f"Bearer {token}"})
        assert answer.json()["name"] == name
        awaited = client.get("/who/async/", headers={"authorization": f"Bearer {token}"})
        assert awaited.json()["id"] == User.objects.get(username=name).pk


@pytest.mark.clause("USER-1")
@each_view
@pytest.mark.parametrize("how", ["deactivated", "password", "deleted"])
def test_a_user_who_has_left_is_nobody(path: str, how: str) -> None:
    tokens = session()
    alice = User.objects.get()
    if how == "deactivated":
        User.objects.update(is_active=False)
    elif how == "deleted":
        User.objects.all().delete()
    else:
        alice.set_password("another")
        alice.save()
    answer = get(path, tokens.access)
    if path == "/who/":
        assert answer.body == NOBODY
    else:
        assert answer.status == 401
        assert answer.headers.get("WWW-Authenticate", "Bearer").startswith("Bearer")


@pytest.mark.clause("USER-1")
@each_view
def test_where_access_is_checked_the_session_has_to_go_on(
    settings: Settings, path: str, of: str
) -> None:
    settings.DJWTO_CHECK_ACCESS = True
    tokens = session()
    assert get(path, tokens.access).body["name"] == "alice"
    api.send(api.LOGOUT, tokens.refresh)
    answer = get(path, tokens.access)
    assert answer.body == NOBODY if path == "/who/" else answer.status == 401


@pytest.mark.clause("USER-2")
@each_cookie_mode
def test_a_cookie_is_no_proof_of_an_unsafe_request(settings: Settings, mode: str, of: str) -> None:
    """A page of another site makes browsers send it."""
    settings.DJWTO_MODE = mode
    tokens = session()
    assert post("/exempt/", tokens.access).body["name"] == "alice"
    assert post("/exempt/", tokens.access, csrf=False).body == NOBODY
    for path in ("/rest/", "/ninja/who"):
        assert post(path, tokens.access).status == 200
        assert post(path, tokens.access, csrf=False).status == 403


@pytest.mark.clause("USER-2")
def test_a_header_is_no_cookie_and_takes_no_csrf_token(of: str) -> None:
    """Django's own middleware is content with a valid one, and with nothing else."""
    tokens = session()
    assert post("/who/", tokens.access).body["name"] == "alice"
    for token in (None, "a.b.c", tokens.refresh):
        assert post("/who/", token).status == 403


@pytest.mark.clause("HTTP-24")
@pytest.mark.parametrize("path", ["/guarded/", "/decorated/", "/asks-first/"])
@pytest.mark.parametrize("method", ["get", "post"])
@each_mode
def test_what_the_middleware_has_seen_no_decorator_takes_for_a_session_that_goes_on(
    settings: Settings, mode: str, method: str, path: str
) -> None:
    """In JSON mode the middleware looks at the token of a POST before anybody asks."""
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    tokens = session()
    api.send(api.LOGOUT, tokens.refresh)
    if (method, path) != ("get", "/guarded/"):
        assert api.send(path, tokens.access, method=method, as_refresh=False).status == 401


@pytest.mark.clause("USER-2")
@pytest.mark.parametrize("ask", [get, post])
def test_whose_session_has_ended_is_nobody_rather_than_somebody_else(
    settings: Settings, ask: Any, of: str
) -> None:
    """The token spared the request Django's CSRF check."""
    settings.DJWTO_CHECK_ACCESS = True
    User.objects.create_user("bob", password=PASSWORD)
    tokens = session()
    bobs = Client()
    bobs.force_login(User.objects.get(username="bob"))
    method = bobs.get if ask is get else bobs.post
    headers = {"authorization": f"Bearer {tokens.access}"}
    assert method("/who/", headers=headers).json()["name"] == "alice"
    api.send(api.LOGOUT, tokens.refresh)
    assert method("/who/", headers=headers).json() == NOBODY
    if ask is get:
        assert bobs.get("/who/async/", headers=headers).json()["id"] is None


def no_keys() -> None:
    """A vault that is out of reach."""
    raise OSError("the vault is down")


def written(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """What the log of security says: the event, who tells of it, and the address of whom."""
    told = [vars(record) for record in caplog.records if record.name == "djwto.security"]
    return [(one["event"], one["endpoint"], one["ip"]) for one in told]


@pytest.mark.clause("USER-2")
@pytest.mark.parametrize("ask", [get, post])
@pytest.mark.parametrize("path", [*WHO, "/who/async/"])
def test_without_keys_it_is_503(settings: Settings, path: str, ask: Any) -> None:
    """Nobody knows whether the token is valid: not who asks is to blame."""
    tokens = session()
    settings.DJWTO_KEYS = no_keys
    answer = ask(path, tokens.access)
    assert answer.status == 503
    assert "vault" not in str(answer.body)
    assert get("/nobody-asks/", tokens.access).status == 200


@pytest.mark.clause("USER-2")
@pytest.mark.django_db(transaction=True)
def test_without_keys_it_is_503_under_asgi(settings: Settings) -> None:
    tokens = session()
    settings.DJWTO_KEYS = no_keys

    async def ask(method: str) -> Any:
        client = AsyncClient(raise_request_exception=False)
        headers = {"authorization": f"Bearer {tokens.access}"}
        return await getattr(client, method)("/who/async/", headers=headers)

    for method in ("get", "post"):
        assert asyncio.run(ask(method)).status_code == 503


@pytest.mark.clause("USER-2")
def test_a_store_that_is_down_is_no_error_of_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of one who asks Django for those that nobody has caught."""
    tokens = session()
    uncaught: list[Any] = []

    def note(**told: Any) -> None:
        uncaught.append(told)

    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("down")

    monkeypatch.setattr("django.db.models.query.QuerySet.get", down)
    got_request_exception.connect(note)
    try:
        assert get("/who/", tokens.access).status == 503
    finally:
        got_request_exception.disconnect(note)
    assert uncaught == []


@pytest.mark.clause("USER-2")
@pytest.mark.clause("LOG-1")
def test_in_another_middleware_it_is_503_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Django tells no middleware of what was raised in one."""
    settings.MIDDLEWARE = [*DJANGOS, OURS, LOGIN_REQUIRED]
    tokens = session()
    assert get("/who/", tokens.access).body["name"] == "alice"
    assert get("/who/", None).status == 302

    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("down")

    monkeypatch.setattr("django.db.models.query.QuerySet.get", down)
    assert get("/who/", tokens.access).status == 503
    assert written(caplog) == [("store_unavailable", "JWTAuthenticationMiddleware", "127.0.0.1")]


@pytest.mark.clause("HTTP-33")
@each_mode
def test_where_django_demands_a_login_of_everybody_one_can_log_in(
    settings: Settings, mode: str
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = [*DJANGOS, OURS, LOGIN_REQUIRED]
    tokens = session()
    assert api.send(api.VALIDATE_ACCESS, tokens.access, as_refresh=False).status == 200
    for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.LOGOUT_ALL):
        assert api.send(path, tokens.refresh).status == 200
    for path in (api.UPDATE_REFRESH, api.LOGOUT):
        assert api.send(path, api.log_in(**CREDENTIALS).refresh).status == 200
    assert get("/.well-known/jwks.json", None).status == 200


@pytest.mark.clause("HTTP-32")
@pytest.mark.parametrize("path", [*WHO, *DECORATED])
@pytest.mark.parametrize("whole_site", [True, False])
@each_mode
def test_no_cache_shows_one_user_what_another_was_answered(
    settings: Settings, mode: str, whole_site: bool, path: str
) -> None:
    settings.DJWTO_MODE = mode
    settings.CACHES = {"default": {"BACKEND": LOCAL_MEMORY, "LOCATION": uuid.uuid4().hex}}
    if whole_site:
        settings.MIDDLEWARE = [f"{CACHE}.UpdateCacheMiddleware", *DJANGOS, OURS]
        settings.MIDDLEWARE.append(f"{CACHE}.FetchFromCacheMiddleware")
    User.objects.create_user("bob", password=PASSWORD)
    tokens = {"alice": session().access}
    tokens["bob"] = api.log_in("bob", PASSWORD).access
    for name in ("alice", "bob", "alice"):
        answer = get(path, tokens[name])
        assert answer.body["name"] == name
        if "/rest" not in path and "/ninja" not in path:
            assert ("Authorization" if mode == "JSON" else "Cookie") in answer.headers["Vary"]
    answer = get(path, None)
    assert answer.body == NOBODY if path in {"/who/", "/rest/"} else answer.status == 401


@pytest.mark.clause("HTTP-32")
@each_mode
def test_who_is_known_is_not_shown_what_a_cache_has_for_nobody(
    settings: Settings, mode: str
) -> None:
    settings.DJWTO_MODE = mode
    settings.CACHES = {"default": {"BACKEND": LOCAL_MEMORY, "LOCATION": uuid.uuid4().hex}}
    settings.MIDDLEWARE = [f"{CACHE}.UpdateCacheMiddleware", *DJANGOS, OURS]
    settings.MIDDLEWARE.append(f"{CACHE}.FetchFromCacheMiddleware")
    tokens = session()
    assert get("/who/", None).body == NOBODY
    assert get("/who/", tokens.access).body["name"] == "alice"


@pytest.mark.clause("USER-2")
def test_nothing_is_asked_until_a_view_asks(django_assert_num_queries: Any) -> None:
    tokens = session()
    with django_assert_num_queries(0):
        answer = get("/nobody-asks/", tokens.access)
    assert answer.status == 200
    assert "Vary" not in answer.headers
    # The user, and the permissions in two statements.
    with django_assert_num_queries(3):
        assert get("/who/", tokens.access).body["name"] == "alice"


@pytest.mark.clause("USER-2")
@pytest.mark.parametrize("sent", ["valid", "a.b.c", None])
@each_mode
def test_no_token_is_verified_until_somebody_asks_or_django_checks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, mode: str, sent: str | None
) -> None:
    settings.DJWTO_MODE = mode
    token = session().access if sent == "valid" else sent
    verified: list[str] = []

    def noting(text: str, type_: str, *under: Any) -> Any:
        verified.append(text)
        return decode(text, type_, *under)

    monkeypatch.setattr("djwto.authentication.decode", noting)
    assert post("/nobody-asks/exempt/", token).status == 200
    assert get("/nobody-asks/", token).status == 200
    assert verified == []
    in_header = mode == "JSON" and token is not None
    status = 200 if mode != "JSON" or sent == "valid" else 403
    assert post("/nobody-asks/", token).status == status
    assert verified == ([token] if in_header else [])


@pytest.mark.clause("USER-2")
def test_what_django_has_let_through_is_let_through_for_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token expires between the two looks at it."""
    bob = User.objects.create_user("bob", password=PASSWORD)
    tokens = session()
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    seen: list[str] = []

    def expiring(text: str, type_: str, *under: Any) -> Any:
        seen.append(text)
        if len(seen) > 1:
            raise InvalidToken("The token has expired.")
        return decode(text, type_, *under)

    monkeypatch.setattr("djwto.authentication.decode", expiring)
    answer = client.post("/who/", headers={"authorization": f"Bearer {tokens.access}"})
    assert answer.json() == NOBODY
    assert len(seen) == 2


@pytest.mark.clause("USER-2")
def test_whom_the_test_client_spares_the_check_is_spared_it() -> None:
    for token in ("a.b.c", session().access):
        answer = Client().post("/who/", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200


@pytest.mark.clause("USER-2")
def test_without_keys_who_needs_none_is_let_through(settings: Settings) -> None:
    """Django's check is content with a CSRF token, and what nobody asks does not matter."""
    tokens = session()
    settings.DJWTO_KEYS = no_keys
    assert post("/nobody-asks/exempt/", tokens.access).status == 200
    assert post("/nobody-asks/", tokens.access).status == 503
    assert post("/nobody-asks/", None).status == 403
    assert post("/nowhere/", tokens.access).status == 404
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = api.CSRF_TOKEN
    headers = {"authorization": f"Bearer {tokens.access}", "x-csrftoken": api.CSRF_TOKEN}
    assert client.post("/nobody-asks/", headers=headers).status_code == 200


@pytest.mark.clause("USER-3")
@each_view
def test_what_the_token_tells_no_database_is_asked(
    settings: Settings, path: str, django_assert_num_queries: Any
) -> None:
    settings.DJWTO_REQUEST_USER = "token"
    tokens = session()
    with django_assert_num_queries(0):
        assert get(path, tokens.access).body["name"] == "alice"


@pytest.mark.clause("USER-1")
@pytest.mark.clause("LOG-1")
@each_view
def test_while_a_store_is_down_it_is_503_and_the_log_is_told(
    settings: Settings,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = session()

    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("down")

    monkeypatch.setattr("djwto.users.user_by_pk", down)
    monkeypatch.setattr("django.db.models.query.QuerySet.get", down)
    answer = get(path, tokens.access)
    assert answer.status == 503
    ((event, endpoint, ip),) = written(caplog)
    assert (event, ip) == ("store_unavailable", "127.0.0.1")
    if path == "/who/":
        assert endpoint == "JWTAuthenticationMiddleware"
    assert "down" not in str(answer.body)
    if path != "/ninja/who":
        assert answer.headers["Retry-After"] == "5"


@pytest.mark.clause("LOG-1")
@pytest.mark.django_db(transaction=True)
def test_whom_an_event_loop_could_not_find_out_the_log_is_told_as_well(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"authorization": f"Bearer {session().access}"}
    settings.DJWTO_KEYS = no_keys

    async def ask(method: str) -> Any:
        client = AsyncClient(enforce_csrf_checks=True)
        return await getattr(client, method)("/who/async/", headers=headers)

    # In the view, and when it was to be found out whether it needs a CSRF token.
    for method in ("get", "post"):
        assert asyncio.run(ask(method)).status_code == 503
    told = ("store_unavailable", "JWTAuthenticationMiddleware", "127.0.0.1")
    assert written(caplog) == [told] * 2


@pytest.mark.clause("USER-2")
def test_a_failure_of_the_view_itself_is_not_taken_for_one_of_the_store() -> None:
    def view(request: Any) -> None:
        raise OperationalError("of the view's own")

    middleware = JWTAuthenticationMiddleware(view)
    request = RequestFactory().get("/")
    with pytest.raises(OperationalError):
        middleware(request)
    assert middleware.process_exception(request, OperationalError()) is None


@pytest.mark.clause("USER-2")
@pytest.mark.django_db(transaction=True)
def test_it_is_awaited_under_asgi(of: str) -> None:
    tokens = session()
    alice = User.objects.get()

    async def ask() -> Any:
        headers = {"authorization": f"Bearer {tokens.access}"}
        return await AsyncClient().get("/who/async/", headers=headers)

    answer = asyncio.run(ask())
    kind = "User" if of == "database" else "TokenUser"
    assert answer.json() == {"id": alice.pk, "type": kind, "may": False}


@pytest.mark.clause("USER-5")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["who/async", "who/async/by-thread", "who/by-loop"])
def test_an_async_operation_of_ninja_awaits_it(of: str, path: str) -> None:
    tokens = session()

    async def ask(token: str) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        return await AsyncClient().get(f"/ninja/{path}", headers=headers)

    assert asyncio.run(ask(tokens.access or "")).json() == {
        "id": User.objects.get().pk,
        "jti": api.claims_of(tokens.access)["jti"],
    }
    assert asyncio.run(ask("a.b.c")).status_code == 401


@pytest.mark.clause("USER-5")
def test_ninja_challenges_as_the_rfc_has_it(settings: Settings) -> None:
    tokens = session()
    assert get("/ninja-headers/who", tokens.access).body["name"] == "alice"
    answers = [get("/ninja-headers/who", token) for token in (None, "a.b.c", "a,b")]
    assert [(answer.status, answer.headers["WWW-Authenticate"]) for answer in answers] == [
        (401, 'Bearer realm="api"'),
        (401, 'Bearer realm="api", error="invalid_token"'),
        (400, 'Bearer realm="api", error="invalid_request"'),
    ]
    assert all(set(answer.body) == {"detail"} for answer in answers)
    settings.DJWTO_KEYS = no_keys
    down = get("/ninja-headers/who", tokens.access)
    assert (down.status, down.headers["Retry-After"]) == (503, "5")
    settings.DJWTO_MODE = "ONE-COOKIE"
    del settings.DJWTO_KEYS
    assert "WWW-Authenticate" in get("/ninja-headers/who", "a.b.c").headers


@pytest.mark.clause("USER-4")
def test_rest_framework_challenges_as_the_rfc_has_it() -> None:
    """RFC 6750 section 3: no error code where there was no token."""
    tokens = session()
    assert get("/rest/may-add/", None).headers["WWW-Authenticate"] == 'Bearer realm="api"'
    refused = get("/rest/", "a.b.c")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert get("/rest/", "a,b").status == 400
    assert get("/rest/may-add/", tokens.access).status == 403
    User.objects.get().user_permissions.add(Permission.objects.get(codename="add_user"))
    assert get("/rest/may-add/", api.log_in(**CREDENTIALS).access).status == 200


@pytest.mark.clause("USER-4")
def test_rest_framework_counts_by_session() -> None:
    one, other = session(), api.log_in(**CREDENTIALS)
    statuses = [get("/rest/throttled/", one.access).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert get("/rest/throttled/", other.access).status == 200
    assert get("/rest/throttled/", None).status == 200


@pytest.mark.clause("HTTP-15")
@pytest.mark.parametrize("path", GUARDED)
@each_mode
def test_a_mixin_guards_as_the_decorator_does(settings: Settings, mode: str, path: str) -> None:
    settings.DJWTO_MODE = mode
    tokens = session()
    assert post(path, tokens.access).body["username"] == "alice"
    assert post(path, None).status == 401
    assert post(path, tokens.refresh).status == 401
    if mode != "JSON":
        assert post(path, tokens.access, csrf=False).status == 403


@pytest.mark.clause("HTTP-16")
def test_a_mixin_demands_permissions() -> None:
    tokens = session()
    assert get("/may-add/", None).status == 401
    assert get("/may-add/", tokens.access).status == 403
    User.objects.get().user_permissions.add(Permission.objects.get(codename="add_user"))
    assert get("/may-add/", api.log_in(**CREDENTIALS).access).status == 200

    class Forgotten(JWTPermissionRequiredMixin, View):
        pass

    with pytest.raises(ImproperlyConfigured, match="has no permission_required"):
        Forgotten.as_view()


@pytest.mark.clause("HTTP-16")
@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("auth.add_user", 200),
        (["auth.add_user"], 200),
        ("auth.change_user", 403),
        (["auth.add_user", "auth.change_user"], 403),
    ],
)
def test_as_view_may_name_the_permissions(named: Any, status: int) -> None:
    class Seen(JWTPermissionRequiredMixin, View):
        def get(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse()

    class Known(JWTLoginRequiredMixin, View):
        def get(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse()

    create_alice().user_permissions.add(Permission.objects.get(codename="add_user"))
    access = api.log_in(**CREDENTIALS).access
    asked = RequestFactory().get("/", headers={"Authorization": f"Bearer {access}"})
    assert Seen.as_view(permission_required=named)(asked).status_code == status
    assert Known.as_view()(asked).status_code == 200
    for view in (Seen.as_view(permission_required=named), Known.as_view()):
        assert view(RequestFactory().get("/")).status_code == 401


@pytest.mark.clause("HTTP-15")
@pytest.mark.parametrize("mixin", [JWTLoginRequiredMixin, JWTPermissionRequiredMixin])
def test_a_mixin_behind_the_view_would_guard_nothing_and_is_refused(mixin: type) -> None:
    with pytest.raises(TypeError, match="Late has its mixin behind the view"):
        type("Late", (TemplateView, mixin), {})
    type("Early", (mixin, TemplateView), {})


@pytest.mark.clause("USER-3")
def test_the_user_of_a_token_is_used_as_any() -> None:
    alice = create_alice()
    alice.user_permissions.add(Permission.objects.get(codename="add_user"))
    claims = api.claims_of(api.log_in(**CREDENTIALS).access)
    user = TokenUser(claims)
    assert (user.pk, user.id, user.username, str(user)) == (alice.pk, alice.pk, "alice", "alice")
    assert (user.is_authenticated, user.is_anonymous, user.is_active) == (True, False, True)
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert user.get_all_permissions() == set(process_perms(alice)) == {"auth.add_user"}
    assert user.has_perm("auth.add_user")
    assert not user.has_perm("auth.change_user")
    assert not user.has_perm("auth.add_user", alice)
    assert not user.get_all_permissions(alice)
    assert user.has_perms(["auth.add_user"])
    assert not user.has_perms(["auth.add_user", "a.b"])
    assert not user.has_perms(["auth.add_user"], alice)
    assert user.has_module_perms("auth")
    assert not user.has_module_perms("aut")
    dotted = TokenUser(claims | {"user": {"id": 1, "perms": ["shop.v1.view"]}})
    assert dotted.has_module_perms("shop")
    assert user == TokenUser(claims)
    assert user != alice
    assert len({user, TokenUser(claims)}) == 1
    assert hash(user) == hash(user.pk)
    assert repr(user) == "<TokenUser: alice>"
    with pytest.raises(ValueError, match="iterable of permissions"):
        user.has_perms("auth.add_user")
    for perms in (None, "auth.add_user", {"auth.add_user": 1}):
        other = TokenUser(claims | {"user": {"id": 1, "perms": perms}})
        assert not other.get_all_permissions()
        assert other.username == ""

    async def awaited() -> list[Any]:
        return [
            await user.ahas_perm("auth.add_user"),
            await user.ahas_perms(["auth.add_user", "a.b"]),
            await user.ahas_module_perms("auth"),
            await user.aget_all_permissions(),
            # Of a single object the token says nothing.
            await user.ahas_perm("auth.add_user", alice),
            await user.ahas_perms(["auth.add_user"], alice),
            await user.aget_all_permissions(alice),
        ]

    granted = [True, False, True, {"auth.add_user"}]
    assert asyncio.run(awaited()) == [*granted, False, False, set()]


def test_what_is_not_used_is_not_imported() -> None:
    """By a project that has djwto's URLs and the middleware."""
    code = """
import sys, django
from django.conf import settings
settings.configure(SECRET_KEY="k" * 50, ROOT_URLCONF="djwto.urls", INSTALLED_APPS=[
    "django.contrib.auth", "django.contrib.contenttypes", "djwto"])
django.setup()
import djwto.middleware, djwto.mixins, djwto.urls
print(sorted({name.partition(".")[0] for name in sys.modules} & {"rest_framework", "ninja"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
