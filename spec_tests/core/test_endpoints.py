"""HTTP-9 to HTTP-11, HTTP-13, HTTP-18, SIG-10, SIG-11 and SIG-13: the endpoints one by one."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from djwto import base_view
from djwto.routes import routes
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
from djwto.spec_tests.recorder import SIGNALS, Recorder
from djwto.tokens import decode, encode
from djwto.views import BlackListTokenView, ValidateTokensView

pytestmark = pytest.mark.django_db

REFRESHING = [api.REFRESH_ACCESS, api.UPDATE_REFRESH]


def test_those_that_take_refresh_tokens_are_below_the_path_of_the_cookie(
    settings: Settings,
) -> None:
    settings.DJWTO_REFRESH_COOKIE_PATH = "/X/auth/X/"
    assert routes() == {
        "login": "login/",
        "validate_access": "validate_access/",
        "validate_refresh": "X/auth/X/validate_refresh/",
        "refresh_access": "X/auth/X/refresh_access/",
        "update_refresh": "X/auth/X/update_refresh/",
        "logout": "X/auth/X/logout/",
        "logout_all": "X/auth/X/logout_all/",
        "jwks": ".well-known/jwks.json",
    }


@pytest.mark.clause("HTTP-18")
@each_mode
@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, path)
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
        for path, allowed in api.ENDPOINTS.items()
        if method not in allowed
    ],
)
@pytest.mark.case(86)
def test_a_method_that_an_endpoint_does_not_have_is_answered_405_with_allow(
    mode: str, method: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    with Recorder() as recorder:
        response = client.generic(method, path)
    assert response.status_code == 405
    assert response["Allow"] == api.ENDPOINTS[path]
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "application/json"
    assert method == "HEAD" or set(response.json()) == {"error"}
    assert names(recorder) == []


@pytest.mark.clause("HTTP-18")
@each_mode
@pytest.mark.parametrize("path", api.ENDPOINTS)
@pytest.mark.case(86)
def test_options_names_the_methods_and_sends_nothing(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    with Recorder() as recorder:
        response = Client(enforce_csrf_checks=True).options(path)
    assert (response.status_code, response["Allow"]) == (200, api.ENDPOINTS[path])
    assert response["Cache-Control"] == "no-store"
    assert names(recorder) == []


@pytest.mark.clause("HTTP-18")
@each_mode
@pytest.mark.case(46)
def test_every_answer_is_json_that_nobody_stores(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    answers = [live, api.log_in("alice", "wrong")]
    for path in api.ENDPOINTS:
        if path == api.LOGIN:
            continue
        one = token(live, api.expects(path))
        for sent in (None, "garbage", one, one):
            answers.append(api.send(path, sent))
        answers.append(api.send(path, one, csrf=False))
    answers.append(api.send(api.LOGOUT, None, method="delete"))
    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    answers.append(api.send(api.UPDATE_REFRESH, live.refresh))
    expected = {200, 401, 404} if mode == "JSON" else {200, 401, 403, 404}
    assert {answer.status for answer in answers} == expected
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"
        allowed = [{"msg"}, {"refresh", "access"}] if answer.status == 200 else [{"error"}]
        assert set(answer.body) in allowed


@pytest.mark.clause("HTTP-9")
@each_mode
def test_a_valid_token_of_a_session_that_goes_on_is_valid(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for path, one, as_refresh in (
        (api.VALIDATE_ACCESS, live.access, False),
        (api.VALIDATE_REFRESH, live.refresh, True),
    ):
        with Recorder() as recorder:
            answer = api.send(path, one, as_refresh=as_refresh)
        assert (answer.status, answer.body) == (200, {"msg": "Token is valid."})
        assert not answer.cookies
        (sent,) = recorder.sent
        assert (sent.name, sent.sender) == ("jwt_token_validated", "ValidateTokensView")
        assert set(sent.kwargs) == {"signal", "request"}


@pytest.mark.clause("HTTP-9")
@each_mode
@pytest.mark.case(55)
def test_no_token_of_a_session_that_was_logged_out_is_valid(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    younger = api.send(api.REFRESH_ACCESS, live.refresh)
    assert api.send(api.LOGOUT, live.refresh).status == 200
    for path, one, as_refresh in (
        (api.VALIDATE_ACCESS, live.access, False),
        (api.VALIDATE_ACCESS, younger.access, False),
        (api.VALIDATE_REFRESH, live.refresh, True),
    ):
        with Recorder() as recorder:
            assert api.send(path, one, as_refresh=as_refresh).status == 401
        assert names(recorder) == []


@pytest.mark.clause("HTTP-10")
@each_mode
def test_refresh_access_gives_a_new_access_token_of_the_same_session(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    now = int(time.time())
    claims = decode(token(session(), "refresh"), "refresh")
    older = encode({**claims, "iat": now - 100, "exp": now + 100})
    with Recorder() as recorder:
        answer = api.send(api.REFRESH_ACCESS, older)
    assert answer.status == 200
    assert answer.refresh == (older if mode == "JSON" else None)
    access = decode(token(answer, "access"), "access")
    assert access["jti"] == claims["jti"]
    assert access["refresh_iat"] == now - 100
    assert access["iat"] in range(now, now + 6)
    assert access["exp"] == access["iat"] + 300
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_access_refreshed", "RefreshAccessView")
    assert set(sent.kwargs) == {"signal", "request", "refresh_claims", "access_claims"}
    assert sent.kwargs["refresh_claims"] == decode(older, "refresh")
    assert sent.kwargs["access_claims"] == access


@pytest.mark.clause("HTTP-11")
@each_mode
def test_update_refresh_gives_a_new_pair_of_the_same_session(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    now = int(time.time())
    claims = decode(token(session(), "refresh"), "refresh")
    older = encode({**claims, "iat": now - 100, "exp": now + 100})
    with Recorder() as recorder:
        answer = api.send(api.UPDATE_REFRESH, older)
    assert answer.status == 200
    refresh = decode(token(answer, "refresh"), "refresh")
    access = decode(token(answer, "access"), "access")
    assert refresh["jti"] == access["jti"] == claims["jti"]
    assert refresh["iat"] in range(now, now + 6)
    assert refresh["exp"] == refresh["iat"] + 86_400
    assert access["refresh_iat"] == refresh["iat"]
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_refresh_updated", "UpdateRefreshView")
    assert set(sent.kwargs) == {"signal", "request", "refresh_claims", "access_claims"}
    assert sent.kwargs["refresh_claims"] == refresh
    assert sent.kwargs["access_claims"] == access
    assert api.send(api.UPDATE_REFRESH, answer.refresh).status == 200


@pytest.mark.clause("HTTP-11")
@each_mode
def test_update_refresh_is_not_there_where_it_is_switched_off(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    for one in (live.refresh, "garbage", None):
        with Recorder() as recorder:
            answer = api.send(api.UPDATE_REFRESH, one)
        assert (answer.status, set(answer.body)) == (404, {"error"})
        assert not answer.cookies
        assert names(recorder) == []
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    settings.DJWTO_ALLOW_REFRESH_UPDATE = True
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200


def assert_departed(path: str, refresh: str | None) -> None:
    with Recorder() as recorder:
        answer = api.send(path, refresh)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert not answer.cookies
    assert (answer.refresh, answer.access) == (None, None)
    assert names(recorder) == []


@pytest.mark.clause("HTTP-13")
@each_mode
@pytest.mark.parametrize("path", REFRESHING)
@pytest.mark.case(48, "P9")
def test_the_session_of_a_deactivated_user_is_not_prolonged(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    User.objects.update(is_active=False)
    assert_departed(path, live.refresh)
    User.objects.update(is_active=True)
    assert api.send(path, live.refresh).status == 200


@pytest.mark.clause("HTTP-13")
@each_mode
@pytest.mark.parametrize("path", REFRESHING)
@pytest.mark.case(49)
def test_the_session_of_a_deleted_user_is_not_prolonged_nor_passed_on_to_a_namesake(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    gone = User.objects.get().pk
    User.objects.all().delete()
    assert_departed(path, live.refresh)
    User.objects.create_user("alice", pk=gone + 1, password="pass")
    assert_departed(path, live.refresh)
    assert api.send(api.LOGOUT, live.refresh).status == 200


@pytest.mark.clause("HTTP-13")
@pytest.mark.parametrize("path", REFRESHING)
def test_the_session_of_a_renamed_user_goes_on(path: str) -> None:
    live = session()
    User.objects.update(username="alice.2")
    assert api.send(path, live.refresh).status == 200


ODD_IDS: list[Any] = [
    True,
    False,
    None,
    0,
    -1,
    1.5,
    1.0,
    1e30,
    "abc",
    "",
    "1.5",
    " ",
    "\x00",
    "\ud800",
    "9" * 5000,
    10**30,
    -(10**30),
    2**63,
    [],
    [1],
    {},
    {"pk": 1},
]


@pytest.mark.clause("HTTP-13")
@pytest.mark.parametrize("path", REFRESHING)
def test_an_id_that_no_user_can_have_is_no_users(path: str) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    for odd in ODD_IDS:
        assert_departed(path, encode({**claims, "user": {**claims["user"], "id": odd}}))
    nameless = {name: value for name, value in claims["user"].items() if name != "id"}
    assert_departed(path, encode({**claims, "user": nameless}))
    odd_users: list[Any] = [None, [], "alice", 1, {}]
    for odd_user in odd_users:
        assert_departed(path, encode({**claims, "user": odd_user}))
    assert_departed(path, encode({n: v for n, v in claims.items() if n != "user"}))


def refusals(live: api.Answer) -> dict[str, str | None]:
    """Refresh tokens that every endpoint refuses."""
    claims = decode(token(live, "refresh"), "refresh")
    ended = token(api.log_in(**CREDENTIALS), "refresh")
    assert api.send(api.LOGOUT, ended).status == 200
    return {
        "none": None,
        "garbage": "garbage",
        "an access token": live.access,
        "an expired token": encode({**claims, "exp": int(time.time()) - 1}),
        "a token of a time to come": encode({**claims, "nbf": int(time.time()) + 100}),
        "a token without jti": encode({n: v for n, v in claims.items() if n != "jti"}),
        "a token of another issuer": encode({**claims, "iss": "https://other.example"}),
        "a token with another signature": token(live, "refresh")[:-4] + "AAAA",
        "a token of a session that has ended": ended,
    }


@pytest.mark.clause("SIG-10")
@each_mode
@pytest.mark.parametrize(
    "path", [api.VALIDATE_ACCESS, api.VALIDATE_REFRESH, *REFRESHING, api.LOGOUT_ALL, api.LOGOUT]
)
@pytest.mark.case("P12")
def test_a_request_that_is_refused_sends_no_signal(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for kind, one in refusals(live).items():
        if path == api.VALIDATE_ACCESS and kind == "an access token":
            one = live.refresh
        with Recorder() as recorder:
            answer = api.send(path, one)
        assert names(recorder) == [], kind
        if path == api.LOGOUT and (kind == "a token of a session that has ended" or not one):
            assert answer.status in {200, 401}
            continue
        assert answer.status == 401, kind
        assert (answer.refresh, answer.access, answer.cookies) == (None, None, {}), kind


@pytest.mark.clause("SIG-10")
@each_cookie_mode
def test_a_request_that_is_refused_for_its_csrf_token_sends_no_signal(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        for path in (api.VALIDATE_REFRESH, *REFRESHING, api.LOGOUT_ALL, api.LOGOUT):
            assert api.send(path, live.refresh, csrf=False).status == 403
        assert api.send(api.LOGOUT, live.refresh, csrf=False, method="delete").status == 403
    assert names(recorder) == []


class Raising:
    """While entered, a receiver of every signal that raises, before and after another one."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __enter__(self) -> Raising:
        self.receivers = [
            (signal, receiver)
            for name, signal in SIGNALS.items()
            for receiver in (self.raiser(), self.hearer(name), self.raiser())
        ]
        for signal, receiver in self.receivers:
            signal.connect(receiver)
        return self

    def __exit__(self, *error: object) -> None:
        for signal, receiver in self.receivers:
            signal.disconnect(receiver)

    def raiser(self) -> Any:
        def receive(sender: Any, **kwargs: Any) -> None:
            raise RuntimeError("The receiver is broken.")

        return receive

    def hearer(self, name: str) -> Any:
        def receive(sender: Any, **kwargs: Any) -> None:
            self.heard.append(name)

        return receive


@pytest.mark.clause("SIG-11")
@each_mode
@pytest.mark.case(70)
def test_a_receiver_that_raises_is_logged_and_changes_nothing(
    mode: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    create_alice()
    ended = api.log_in(**CREDENTIALS)
    with Raising() as raising, caplog.at_level(logging.ERROR, "django.dispatch"):
        live = api.log_in(**CREDENTIALS)
        answers = [
            live,
            api.send(api.VALIDATE_ACCESS, live.access, as_refresh=False),
            api.send(api.VALIDATE_REFRESH, live.refresh),
            api.send(api.REFRESH_ACCESS, live.refresh),
            api.send(api.UPDATE_REFRESH, live.refresh),
            api.send(api.UPDATE_REFRESH, live.refresh),
            api.send(api.LOGOUT, ended.refresh),
            api.send(api.LOGOUT_ALL, token(api.log_in(**CREDENTIALS), "refresh")),
            api.log_in("alice", "wrong"),
        ]
    assert [answer.status for answer in answers] == [200] * 5 + [401, 200, 200, 401]
    assert all(answer.access for answer in (live, answers[3], answers[4]))
    assert live.refresh
    assert answers[4].refresh
    assert raising.heard == [
        "jwt_logged_in",
        "jwt_token_validated",
        "jwt_token_validated",
        "jwt_access_refreshed",
        "jwt_refresh_updated",
        "jwt_reuse_detected",
        "jwt_blacklisted",
        "jwt_logged_in",
        "jwt_sessions_revoked",
        "jwt_login_fail",
    ]
    assert set(raising.heard) == set(SIGNALS)
    for over in (live, ended, answers[4]):
        assert api.send(api.REFRESH_ACCESS, over.refresh).status == 401
    logged = [record for record in caplog.records if record.name == "django.dispatch"]
    assert len(logged) == 2 * len(raising.heard)
    assert all(record.exc_info and record.levelname == "ERROR" for record in logged)


SUBCLASSES = [
    ("login", "jwt_logged_in", "GetTokensView", "NamedLogin"),
    ("validate", "jwt_token_validated", "ValidateTokensView", "NamedValidate"),
    ("refresh", "jwt_access_refreshed", "RefreshAccessView", "NamedRefresh"),
    ("update", "jwt_refresh_updated", "UpdateRefreshView", "NamedUpdate"),
    ("logout", "jwt_blacklisted", "BlackListTokenView", "NamedLogout"),
    ("logout-all", "jwt_sessions_revoked", "LogoutAllView", "NamedLogoutAll"),
]


@pytest.mark.clause("SIG-13")
@pytest.mark.urls("djwto.spec_tests.core.views")
@pytest.mark.parametrize(("endpoint", "signal", "parents", "own"), SUBCLASSES)
def test_a_subclass_keeps_its_parents_sender_unless_it_sets_its_own(
    endpoint: str, signal: str, parents: str, own: str
) -> None:
    create_alice()
    for folder, sender in (("quiet", parents), ("named", own)):
        live = api.log_in(**CREDENTIALS)
        one = token(live, "access" if endpoint == "validate" else "refresh")
        heard: list[str] = []

        def receive(sender: str, heard: list[str] = heard, **kwargs: Any) -> None:
            heard.append(sender)

        SIGNALS[signal].connect(receive, sender=sender)
        try:
            with Recorder() as recorder:
                if endpoint == "login":
                    status = Client().post(f"/{folder}/login/", CREDENTIALS).status_code
                else:
                    status = api.send(f"/{folder}/{endpoint}/", one).status
        finally:
            SIGNALS[signal].disconnect(receive, sender=sender)
        assert status == 200
        assert [(sent.name, sent.sender) for sent in recorder.sent] == [(signal, sender)]
        assert heard == [sender]


@pytest.mark.clause("SIG-13")
@pytest.mark.urls("djwto.spec_tests.core.views")
@each_mode
@pytest.mark.parametrize(("endpoint", "signal", "parents", "own"), SUBCLASSES[2:4])
def test_reuse_that_a_subclass_detects_has_its_sender_too(
    mode: str, endpoint: str, signal: str, parents: str, own: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    create_alice()
    for folder, sender in (("quiet", parents), ("named", own)):
        live = api.log_in(**CREDENTIALS)
        assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
        with Recorder() as recorder:
            assert api.send(f"/{folder}/{endpoint}/", live.refresh).status == 401
        assert [(s.name, s.sender) for s in recorder.sent] == [("jwt_reuse_detected", sender)]


@pytest.mark.clause("SIG-13")
@pytest.mark.urls("djwto.spec_tests.core.views")
def test_a_failed_login_at_a_subclass_has_its_sender_too() -> None:
    for folder, sender in (("quiet", "GetTokensView"), ("named", "NamedLogin")):
        with Recorder() as recorder:
            assert Client().post(f"/{folder}/login/", CREDENTIALS).status_code == 401
        assert [(sent.name, sent.sender) for sent in recorder.sent] == [("jwt_login_fail", sender)]


class Tenants(ValidateTokensView):
    """A project's own, below a URL that names something."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse({"args": args, "kwargs": kwargs})


@pytest.mark.clause("HTTP-9")
def test_a_subclass_is_told_what_its_url_says() -> None:
    response: Any = Tenants.as_view()(RequestFactory().post("/"), "a", tenant="b")
    assert json.loads(response.content) == {"args": ["a"], "kwargs": {"tenant": "b"}}


class Tagged(BlackListTokenView):
    """Goes on with the answer of its parent."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().post(request, *args, **kwargs)
        response["X-Tag"] = str(response.status_code)
        return response


@pytest.mark.clause("HTTP-12")
def test_a_subclass_may_go_on_with_the_answer() -> None:
    bearer = {"Authorization": f"Bearer {session().refresh}"}
    response: Any = Tagged.as_view()(RequestFactory().post("/", headers=bearer))
    assert (response.status_code, response["X-Tag"]) == (200, "200")


@pytest.mark.clause("SIG-9")
def test_an_endpoint_is_in_no_transaction_of_any_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_view, "connections", ["default", "other"])
    view: Any = Tenants.as_view()
    assert view._non_atomic_requests == {"default", "other"}
