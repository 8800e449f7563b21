"""`djwto.testing`: what the tests of a project are given."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.contrib.sessions.backends import file
from django.test import RequestFactory, TestCase
from django.utils.asyncio import async_unsafe
from pytest_django import Settings

from djwto.claims import process_claims
from djwto.exceptions import InvalidToken
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    ACCESS_VIEW,
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
)
from djwto.spec_tests.elsewhere import run
from djwto.testing import AsyncJWTClient, JWTClient, Recorder, Sent, recorded_signals, tokens_for
from djwto.tokens import decode
from djwto.transports import current

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
REFRESH_VIEW, ASYNC_VIEW, PERM_VIEW = "/refresh/", "/access/async/", "/perm/"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "testing"


# The client.


@pytest.mark.clause("TEST-1")
@each_mode
def test_a_client_that_has_logged_in_is_let_in_everywhere(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    client = JWTClient(enforce_csrf_checks=True)
    assert [client.get(path).status_code for path in (ACCESS_VIEW, REFRESH_VIEW)] == [401, 401]
    with recorded_signals() as signals:
        assert client.login(alice) is True
    assert signals.sent == []
    for path, type_ in ((ACCESS_VIEW, "access"), (REFRESH_VIEW, "refresh")):
        for method in (client.get, client.post, client.put, client.delete):
            response = method(path)
            assert response.status_code == 200, response.content
            claims = response.json()["payload"]
            assert (claims["type"], claims["user"]["id"]) == (type_, alice.pk)
    assert client.post(PERM_VIEW).status_code == 403
    statuses = {path: client.post(path).status_code for path in ENDPOINTS}
    assert statuses == dict.fromkeys(ENDPOINTS, 200)
    # The last of them was a logout.
    assert client.post(api.VALIDATE_REFRESH).status_code == 401


ENDPOINTS = [
    api.VALIDATE_ACCESS,
    api.VALIDATE_REFRESH,
    api.REFRESH_ACCESS,
    api.UPDATE_REFRESH,
    f"/prefix{api.UPDATE_REFRESH}",
    api.LOGOUT,
]


@pytest.mark.clause("TEST-1")
@each_mode
def test_it_goes_on_with_what_an_endpoint_answers(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE, settings.DJWTO_REUSE_GRACE = mode, 0
    create_alice()
    client = JWTClient(enforce_csrf_checks=True)
    assert client.post(api.LOGIN, {**CREDENTIALS, "password": "no"}).status_code == 401
    assert client.post(api.LOGIN, CREDENTIALS).status_code == 200
    first = client.get(ACCESS_VIEW).json()["token"]
    # A token that had been exchanged would end the session.
    for _ in range(3):
        assert client.post(api.UPDATE_REFRESH).status_code == 200
    time.sleep(1.1)
    assert client.post(api.REFRESH_ACCESS).status_code == 200
    assert client.get(ACCESS_VIEW).json()["token"] != first
    # A refusal takes nothing away.
    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    assert client.post(api.UPDATE_REFRESH).status_code == 404
    assert client.get(ACCESS_VIEW).status_code == 200


@pytest.mark.clause("TEST-1")
@each_mode
@pytest.mark.parametrize("how", ["credentials", "force_login"])
def test_django_s_ways_to_log_in_do_as_well(how: str, mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    client = JWTClient()
    if how == "force_login":
        client.force_login(alice)
    else:
        assert client.login(username="alice", password="no") is False
        assert client.get(ACCESS_VIEW).status_code == 401
        assert client.login(**CREDENTIALS) is True
    assert client.get(ACCESS_VIEW).status_code == 200
    client.logout()
    assert client.get(ACCESS_VIEW).status_code == 401
    assert not client.cookies


@pytest.mark.clause("TEST-1")
@each_mode
def test_what_a_test_sends_itself_is_left_alone(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    client = JWTClient(enforce_csrf_checks=True)
    client.login(create_alice())
    if mode == "JSON":
        spellings: list[dict[str, Any]] = [
            {"headers": {"authorization": "Bearer no"}},
            {"HTTP_AUTHORIZATION": "Bearer no"},
        ]
        status = 401
    else:
        spellings = [{"headers": {"x-csrftoken": "no"}}, {"HTTP_X_CSRFTOKEN": "no"}]
        status = 403
    for spelling in spellings:
        assert client.post(ACCESS_VIEW, **spelling).status_code == status, spelling
    other = JWTClient(enforce_csrf_checks=True, **spellings[1])
    other.login(User.objects.get())
    assert other.post(ACCESS_VIEW).status_code == status
    assert client.post(ACCESS_VIEW).status_code == 200


@pytest.mark.clause("TEST-1")
@each_cookie_mode
def test_csrf_is_as_the_project_has_it(mode: str, settings: Settings, tmp_path: Path) -> None:
    settings.DJWTO_MODE = mode
    settings.CSRF_COOKIE_NAME, settings.CSRF_HEADER_NAME = "forged_not", "HTTP_X_NOT_FORGED"
    alice = create_alice()
    for use_sessions in (False, True):
        settings.CSRF_USE_SESSIONS = use_sessions
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.file"
        settings.SESSION_FILE_PATH = str(tmp_path)
        settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
        client = JWTClient(enforce_csrf_checks=True)
        client.login(alice)
        assert client.post(ACCESS_VIEW).status_code == 200
        assert ("forged_not" in client.cookies) is not use_sessions
        nobody = JWTClient(enforce_csrf_checks=True)
        assert nobody.post(ACCESS_VIEW).status_code == 401
        assert not nobody.cookies
    settings.DJWTO_CSRF = False
    client = JWTClient(enforce_csrf_checks=True)
    client.login(alice)
    assert client.post(ACCESS_VIEW).status_code == 200
    assert set(client.cookies) == set(current().answer(*_answered(alice)).cookies)


def _answered(user: User) -> Any:
    return RequestFactory().post("/"), tokens_for(user), ""


@pytest.mark.clause("TEST-1")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.parametrize("use_sessions", [False, True])
def test_the_async_client_does_likewise(
    mode: str, use_sessions: bool, settings: Settings, tmp_path: Path
) -> None:
    settings.DJWTO_MODE = mode
    settings.CSRF_USE_SESSIONS = use_sessions
    settings.SESSION_ENGINE = __name__
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    alice = create_alice()
    client = AsyncJWTClient(enforce_csrf_checks=True)

    async def statuses() -> list[int]:
        paths = (ACCESS_VIEW, ASYNC_VIEW, REFRESH_VIEW, api.UPDATE_REFRESH, api.REFRESH_ACCESS)
        return [(await client.post(path)).status_code for path in paths]

    async def play() -> None:
        assert await statuses() == [401] * 5
        assert await client.alogin(username="alice", password="wrong") is False
        assert await client.alogin(**CREDENTIALS) is True
        assert await client.alogin(alice) is True
        assert await statuses() == [200] * 5
        await client.alogout()
        assert await statuses() == [401] * 5
        await client.aforce_login(alice)
        assert await statuses() == [200] * 5
        await client.alogout()
        assert (await client.post(api.LOGIN, CREDENTIALS)).status_code == 200
        assert await statuses() == [200] * 5

    async_to_sync(play)()


class SessionStore(file.SessionStore):
    """Refuses to be read in an event loop, as those in a database do."""

    load = async_unsafe(file.SessionStore.load)


@pytest.mark.clause("TEST-1")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.parametrize("kind", [JWTClient, AsyncJWTClient])
def test_a_request_takes_along_what_is_needed_and_no_more(
    kind: Any, mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    client = kind(True)
    assert client.handler.enforce_csrf_checks

    def headers(method: str = "get", **given: Any) -> Any:
        call = getattr(client, method)
        call = async_to_sync(call) if kind is AsyncJWTClient else call
        # Of a view that does not say which token it takes.
        answer = call("/nowhere/", **given)
        return getattr(answer, "wsgi_request", None) or answer.asgi_request

    def taken(method: str = "get", **given: Any) -> set[str]:
        return {"Authorization", "X-Csrftoken"} & set(headers(method, **given).headers)

    assert taken() == taken("post") == set()
    alice = create_alice()
    client.login(alice)
    if mode == "JSON":
        assert taken() == taken("post") == {"Authorization"}
        _, _, token = headers().headers["Authorization"].partition(" ")
        assert decode(token, "access")["user"]["id"] == alice.pk
    else:
        assert taken() == taken("head") == taken("options") == set()
        assert taken("post") == taken("put") == {"X-Csrftoken"}
        settings.DJWTO_CSRF = False
        assert taken("post") == set()
    assert headers("post", headers={"x-shop": "7"}).headers["X-Shop"] == "7"
    if kind is JWTClient:
        assert headers("post", HTTP_X_SHOP="8").headers["X-Shop"] == "8"
    else:
        assert headers("post", x_shop="8").headers["X-Shop"] == "8"


@pytest.mark.clause("TEST-1")
def test_a_path_that_leads_nowhere_is_answered_404() -> None:
    client = JWTClient()
    client.login(create_alice())
    assert client.get("/nowhere/at%20all/?q=1").status_code == 404
    assert client.get("http://testserver/ref%72esh/?q=1").status_code == 200


@pytest.mark.clause("TEST-1")
def test_it_carries_the_tokens_that_it_is_given() -> None:
    client = JWTClient()
    client.carry(tokens_for(create_alice(), access_lifetime=-HOUR))
    assert client.get(ACCESS_VIEW).status_code == 401
    assert client.post(api.REFRESH_ACCESS).status_code == 200
    assert client.get(ACCESS_VIEW).status_code == 200


# Tokens.


@pytest.mark.clause("TEST-2")
@pytest.mark.parametrize("changes", [{}, {"DJWTO_ISS_CLAIM": "us", "DJWTO_NBF_LIFETIME": 1}])
def test_the_tokens_are_those_of_a_login(changes: dict[str, Any], settings: Settings) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    alice = create_alice()
    answer = api.log_in(**CREDENTIALS)
    with recorded_signals() as signals:
        pair = tokens_for(alice)
    assert signals.sent == []
    for token, claims, answered in (
        (pair.refresh, pair.refresh_claims, answer.refresh),
        (pair.access, pair.access_claims, answer.access),
    ):
        assert api.claims_of(token) == claims
        theirs = api.claims_of(answered)
        assert claims.keys() == theirs.keys()
        for name in claims.keys() - {"jti", "gen"}:
            assert claims[name] == theirs[name] or abs(claims[name] - theirs[name]) < 30, name
        assert claims["jti"] != theirs["jti"]


@pytest.mark.clause("TEST-2")
@pytest.mark.parametrize("lifetime", [timedelta(seconds=30), timedelta(days=2), -HOUR])
@pytest.mark.parametrize("access_lifetime", [None, timedelta(seconds=45), -2 * HOUR])
def test_they_have_the_lifetime_that_is_asked_for(
    lifetime: timedelta, access_lifetime: timedelta | None, settings: Settings
) -> None:
    settings.DJWTO_NBF_LIFETIME = 0
    before = int(time.time())
    pair = tokens_for(create_alice(), lifetime=lifetime, access_lifetime=access_lifetime)
    after = int(time.time())
    for claims, token, expected in (
        (pair.refresh_claims, pair.refresh, lifetime),
        (pair.access_claims, pair.access, access_lifetime or lifetime),
    ):
        assert api.claims_of(token) == claims
        left = expected.total_seconds()
        assert before + left <= claims["exp"] <= after + left
        assert claims["auth_time"] == claims["iat"] < claims["exp"]
        if left > 0:
            assert decode(token, claims["type"]) == claims
        else:
            with pytest.raises(InvalidToken, match="expired"):
                decode(token, claims["type"])
    assert pair.access_claims["refresh_iat"] == pair.refresh_claims["iat"]
    assert pair.access_claims["auth_time"] == pair.refresh_claims["auth_time"]


@pytest.mark.clause("TEST-2")
def test_tokens_that_nobody_could_have_are_not_made() -> None:
    alice = create_alice()
    with pytest.raises(ValueError, match="save the user first"):
        tokens_for(User(username="bob"))
    with pytest.raises(TypeError, match="lifetime is 60; write a timedelta"):
        tokens_for(alice, lifetime=60)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^access_lifetime is 60; "):
        tokens_for(alice, access_lifetime=60)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="refresh token would expire 86400 seconds after its"):
        tokens_for(alice, lifetime=timedelta(days=31))
    # The session would have begun so long ago that its refresh token were over as well.
    with pytest.raises(ValueError, match="DJWTO_SESSION_MAX_AGE"):
        tokens_for(alice, access_lifetime=timedelta(days=-40))


@pytest.mark.clause("TEST-2")
def test_hooks_are_given_the_request_of_the_test(settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.claims_of_tenant"
    request = RequestFactory().post("/", headers={"X-Tenant": "acme"})
    pair = tokens_for(create_alice(), request=request)
    assert pair.access_claims["tenant"] == "acme"


@pytest.mark.clause("TEST-2")
def test_without_one_they_are_given_a_request_all_the_same(settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.claims_of_path"
    pair = tokens_for(create_alice(), lifetime=HOUR)
    assert pair.access_claims["asked"] == "POST /"
    # Both of a pair are issued at one time, which is the hook's to say.
    assert (
        pair.access_claims["iat"] == pair.refresh_claims["iat"] < pair.access_claims["auth_time"]
    )


def claims_of_path(user: Any, request: Any, type_: str, *args: Any, **kwargs: Any) -> Any:
    claims = process_claims(user, request, type_)
    return claims | {"asked": f"{request.method} {request.path}", "iat": claims["iat"] - 5}


@pytest.mark.clause("TEST-2")
def test_all_their_times_are_those_of_one_session(settings: Settings) -> None:
    settings.DJWTO_NBF_LIFETIME = 5
    settings.DJWTO_SESSION_MAX_AGE = timedelta(days=2)
    alice = create_alice()
    claims = tokens_for(alice, lifetime=-HOUR).refresh_claims
    assert claims["nbf"] - 5 == claims["iat"] == claims["auth_time"] == claims["exp"] - 1
    # Not a second longer than its session, and one without an end has that of its session.
    whole = tokens_for(alice, lifetime=timedelta(days=2)).refresh_claims
    assert whole["exp"] - whole["auth_time"] == timedelta(days=2).total_seconds()
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    endless = tokens_for(alice, access_lifetime=HOUR).refresh_claims
    assert 0 <= endless["exp"] - whole["exp"] < 30


@pytest.mark.clause("TEST-2")
def test_they_need_not_say_when_they_were_issued(settings: Settings) -> None:
    settings.DJWTO_IAT_CLAIM = False
    pair = tokens_for(create_alice(), lifetime=-HOUR)
    assert pair.access_claims["exp"] == pair.refresh_claims["exp"]
    # The session is as young as it can be.
    assert pair.refresh_claims["auth_time"] == pair.refresh_claims["exp"] - 1


def claims_of_tenant(user: Any, request: Any, type_: str, *args: Any, **kwargs: Any) -> Any:
    return process_claims(user, request, type_) | {"tenant": request.headers["X-Tenant"]}


# Signals.


@pytest.mark.clause("TEST-3")
def test_what_is_sent_is_recorded_and_nothing_after(settings: Settings) -> None:
    alice = create_alice()
    with recorded_signals() as signals:
        answer = api.log_in(**CREDENTIALS)
        api.send(api.LOGOUT, answer.refresh)
        api.send(api.LOGOUT, answer.refresh)
    api.log_in(**CREDENTIALS)
    signals.assert_sent("jwt_logged_in", "jwt_blacklisted")
    (name, sender, kwargs), ended = signals.sent
    assert (name, sender) == ("jwt_logged_in", "GetTokensView")
    assert kwargs["refresh_claims"]["user"]["id"] == alice.pk
    jti = kwargs["access_claims"]["jti"]
    assert ended == signals.only("jwt_blacklisted", sender="BlackListTokenView", jti=jti)


@pytest.mark.clause("TEST-3")
def test_an_assertion_tells_what_was_sent_instead() -> None:
    recorder = Recorder()
    with pytest.raises(AssertionError, match=r"was jwt_logged_in\nbut sent was nothing$"):
        recorder.assert_sent("jwt_logged_in")
    sent = Sent("jwt_login_fail", "GetTokensView", {"signal": 1, "request": 2, "error": "no"})
    recorder.sent = [sent, sent]
    told = "jwt_login_fail from 'GetTokensView'\n    error='no'"
    for expected, call in (
        ("no signal", recorder.assert_sent),
        ("jwt_login_fail", lambda: recorder.assert_sent("jwt_login_fail")),
        ("jwt_login_fail, once", lambda: recorder.only("jwt_login_fail")),
        ("jwt_blacklisted, once", lambda: recorder.only("jwt_blacklisted")),
    ):
        with pytest.raises(AssertionError) as caught:
            call()
        assert str(caught.value) == f"Expected was {expected}\nbut sent was {told}\n{told}"
    with pytest.raises(AssertionError, match=r"^Expected was jwt_logged_in, jwt_blacklisted\n"):
        recorder.assert_sent("jwt_logged_in", "jwt_blacklisted")
    both = Sent("jwt_blacklisted", "BlackListTokenView", {"jti": "a", "more": 1})
    assert str(both) == "jwt_blacklisted from 'BlackListTokenView'\n    jti='a'\n    more=1"
    recorder.sent = [sent]
    assert recorder.only("jwt_login_fail", error="no") == sent
    for wrong in ({"sender": "Other"}, {"error": "other"}, {"jti": None}):
        with pytest.raises(AssertionError, match="Expected was jwt_login_fail from"):
            recorder.only("jwt_login_fail", **wrong)


@pytest.mark.clause("TEST-3")
def test_a_name_that_no_signal_has_is_told() -> None:
    recorder = Recorder()
    with pytest.raises(ValueError, match="did you mean jwt_login_fail"):
        recorder.assert_sent("jwt_login_failed")
    with pytest.raises(ValueError, match="is no signal of djwto; there are jwt_logged_in, "):
        recorder.only("post_save")


# As projects use it.


class InATestCase(TestCase):
    """Without pytest's fixtures, and in the transaction of a test case."""

    @pytest.mark.clause("TEST-1")
    @pytest.mark.clause("TEST-3")
    def test_a_logout(self) -> None:
        client = JWTClient()
        client.login(create_alice())
        with recorded_signals() as signals:
            assert client.post(api.LOGOUT).status_code == 200
        signals.only("jwt_blacklisted", sender="BlackListTokenView")


@pytest.mark.clause("TEST-1")
@pytest.mark.clause("TEST-3")
def test_the_fixtures_are_there(
    jwt_client: JWTClient, async_jwt_client: AsyncJWTClient, jwt_signals: Recorder
) -> None:
    create_alice()
    assert jwt_client.post(api.LOGIN, CREDENTIALS).status_code == 200
    jwt_signals.assert_sent("jwt_logged_in")
    assert isinstance(async_jwt_client, AsyncJWTClient)


def documented_tests(mode: str, *arguments: str) -> str:
    """What the tests in the documentation print, in their own project. They pass."""
    done = run(DOCUMENTED, *arguments, DJANGO_SETTINGS_MODULE="shop.settings", MODE=mode)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.clause("TEST-1")
@pytest.mark.clause("TEST-2")
@pytest.mark.clause("TEST-3")
@each_mode
def test_the_documented_tests_pass_in_a_project_of_their_own(mode: str) -> None:
    files = ("test_orders.py", "tests.py")
    assert "7 passed" in documented_tests(mode, "pytest", "-q", "-p", "no:cacheprovider", *files)


@pytest.mark.clause("TEST-1")
def test_those_for_django_pass_without_pytest() -> None:
    assert "Ran 2 tests" in documented_tests("TWO-COOKIES", "django", "test")
