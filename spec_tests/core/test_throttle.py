"""HTTP-31: who has to wait, what is answered, and that nothing is done meanwhile."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.test import AsyncClient, Client
from pytest_django import Settings

from djwto.exceptions import MissingPermission
from djwto.login import login_name
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.recorder import Recorder

pytestmark = pytest.mark.django_db

TEXT = "Too many requests; try again later."

asked: list[tuple[str, str]] = []
"""The path and the sender of each request that a hook was asked about."""
answers: list[Any] = []
"""What the hook answers, the last one again and again; an exception is raised."""


def hook(request: HttpRequest, sender: str) -> Any:
    """What DJWTO_THROTTLE names here."""
    asked.append((request.path, sender))
    answer = answers.pop(0) if answers[1:] else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture(autouse=True)
def throttled(settings: Settings) -> None:
    """A hook that lets everything pass, until a test says otherwise."""
    settings.DJWTO_THROTTLE = f"{__name__}.hook"
    asked.clear()
    answers[:] = [None]


ENDPOINTS = {
    ("post", api.LOGIN): "GetTokensView",
    ("post", api.VALIDATE_ACCESS): "ValidateTokensView",
    ("post", api.VALIDATE_REFRESH): "ValidateTokensView",
    ("post", api.REFRESH_ACCESS): "RefreshAccessView",
    ("post", api.UPDATE_REFRESH): "UpdateRefreshView",
    ("post", api.LOGOUT): "BlackListTokenView",
    ("delete", api.LOGOUT): "BlackListTokenView",
    ("post", api.LOGOUT_ALL): "LogoutAllView",
    ("get", "/.well-known/jwks.json"): "JWKSView",
}


@pytest.mark.clause("HTTP-31")
@each_mode
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_who_has_to_wait_is_answered_429_and_nothing_is_done(
    method: str, path: str, mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    answers[:] = [7]
    asked.clear()
    with Recorder() as recorder:
        if path == api.LOGIN:
            answer = api.log_in(**CREDENTIALS)
        else:
            sent = token(live, api.expects(path))
            answer = api.send(path, sent, method=method)
    assert (answer.status, answer.body) == (429, {"error": TEXT})
    assert (answer.headers["Retry-After"], answer.headers["Cache-Control"]) == ("7", "no-store")
    assert "WWW-Authenticate" not in answer.headers
    assert not answer.cookies
    assert asked == [(path, ENDPOINTS[method, path])]
    sent_signals = [(one.name, one.sender, one.kwargs.get("error")) for one in recorder.take()]
    failed = ("jwt_login_fail", "GetTokensView", TEXT)
    assert sent_signals == ([failed] if path == api.LOGIN else [])
    # The session goes on, and its refresh token is not used up.
    answers[:] = [None]
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("HTTP-31")
@each_mode
def test_the_credentials_are_not_looked_at(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    answers[:] = [60, None]
    failures: list[Any] = []

    def heard(**kwargs: Any) -> None:
        failures.append(kwargs)

    user_login_failed.connect(heard)
    try:
        assert api.log_in("alice", "wrong").status == 429
        assert failures == []
        assert api.log_in("alice", "wrong").status == 401
        assert len(failures) == 1
    finally:
        user_login_failed.disconnect(heard)


@pytest.mark.clause("HTTP-31")
def test_it_is_asked_before_the_origin_the_body_and_the_store(settings: Settings) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    answers[:] = [1]
    client = Client()
    for body, headers in (
        (b"{", {}),
        (b"{}", {"Origin": "https://evil.example"}),
    ):
        response = client.post(api.LOGIN, body, "application/json", headers=headers)
        assert response.status_code == 429
    # No token and no CSRF token either.
    assert client.post(api.REFRESH_ACCESS).status_code == 429


@pytest.mark.clause("HTTP-31")
@pytest.mark.parametrize(
    ("answer", "header"),
    [(1, "1"), (0.2, "1"), (59.01, "60"), (0, "1"), (-1, "1"), (3600, "3600")],
)
def test_a_fraction_is_rounded_up_and_the_least_is_a_second(answer: float, header: str) -> None:
    answers[:] = [answer]
    assert api.log_in(**CREDENTIALS).headers["Retry-After"] == header


@pytest.mark.clause("HTTP-31")
def test_a_hook_may_refuse_without_telling_for_how_long() -> None:
    answers[:] = [PermissionDenied("The quota of 192.0.2.7 is used up.")]
    answer = api.log_in(**CREDENTIALS)
    assert (answer.status, answer.body) == (429, {"error": TEXT})
    assert "Retry-After" not in answer.headers


@pytest.mark.clause("HTTP-31")
def test_a_hook_may_refuse_in_its_own_way() -> None:
    answers[:] = [MissingPermission("Not on Sundays.")]
    answer = api.send(api.REFRESH_ACCESS)
    assert (answer.status, answer.body) == (403, {"error": "Not on Sundays."})


@pytest.mark.clause("HTTP-31")
@pytest.mark.parametrize(
    "answer", [True, False, "60", math.nan, math.inf, [60], RuntimeError("It has a mistake.")]
)
def test_a_hook_that_says_neither_lets_nobody_in(answer: Any) -> None:
    create_alice()
    answers[:] = [answer]
    expected = RuntimeError if isinstance(answer, Exception) else ImproperlyConfigured
    with Recorder() as recorder, pytest.raises(expected):
        Client().post(api.LOGIN, CREDENTIALS)
    (sent,) = recorder.take()
    assert sent.name == "jwt_login_fail"


@pytest.mark.clause("HTTP-31")
@pytest.mark.parametrize("method", ["get", "put", "delete", "options", "head", "patch"])
def test_what_nothing_would_be_done_about_is_not_counted(method: str) -> None:
    answers[:] = [60]
    status = getattr(Client(), method)(api.LOGIN).status_code
    assert status == (200 if method == "options" else 405)
    assert asked == []


@pytest.mark.clause("HTTP-31")
@pytest.mark.urls("djwto.spec_tests.core.urls_session_list")
@pytest.mark.parametrize(
    ("method", "path", "sender"),
    [("get", "/me/sessions/", "SessionsView"), ("delete", "/me/sessions/1/", "SessionView")],
)
def test_it_is_asked_about_the_list_of_sessions_too(method: str, path: str, sender: str) -> None:
    answers[:] = [60]
    assert getattr(Client(), method)(path).status_code == 429
    assert asked == [(path, sender)]


@pytest.mark.clause("HTTP-31")
@pytest.mark.urls("djwto.spec_tests.core.views")
def test_a_subclass_is_told_by_its_own_sender() -> None:
    answers[:] = [60]
    for kind, sender in (("quiet", "GetTokensView"), ("named", "NamedLogin")):
        with Recorder() as recorder:
            assert Client().post(f"/{kind}/login/", CREDENTIALS).status_code == 429
        assert asked.pop() == (f"/{kind}/login/", sender)
        assert [one.sender for one in recorder.take()] == [sender]


def by_name(request: HttpRequest, sender: str) -> int | None:
    """Has alice wait, and nobody else."""
    return 9 if login_name(request).casefold() == "alice" else None


@pytest.mark.clause("HTTP-31")
@pytest.mark.parametrize("kind", [{}, {"content_type": "application/json"}], ids=["form", "JSON"])
@pytest.mark.parametrize("field", ["username", "email"])
@pytest.mark.parametrize("name", ["alice", " alice\t", "ALICE", "\uff41lice"])
def test_a_hook_finds_the_name_however_it_is_sent(
    name: str,
    field: str,
    kind: dict[str, str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DJWTO_THROTTLE = f"{__name__}.by_name"
    monkeypatch.setattr(User, "USERNAME_FIELD", field)
    for sent, status in ((name, 429), ("bob", 401)):
        body: dict[str, Any] = {field: sent, "password": "x"}
        assert Client().post(api.LOGIN, body, **kind).status_code == status  # type: ignore[arg-type]


@pytest.mark.clause("HTTP-31")
def test_it_is_asked_where_the_server_is_asynchronous_too() -> None:
    answers[:] = [7]
    response = asyncio.run(AsyncClient().post(api.LOGIN, CREDENTIALS))
    assert (response.status_code, response["Retry-After"]) == (429, "7")


@pytest.mark.clause("HTTP-31")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b'{"username": 7}', "application/json"),
        (rb'{"username": "\ud800"}', "application/json"),
        (b"username=alice", "text/plain"),
        (b"username=" + b"a" * 100, "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_a_hook_cannot_read_is_answered_400(
    body: bytes, content_type: str, settings: Settings
) -> None:
    settings.DJWTO_THROTTLE = f"{__name__}.by_name"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50
    with Recorder() as recorder:
        response = Client().post(api.LOGIN, body, content_type)
    assert response.status_code == 400
    assert names(recorder) == ["jwt_login_fail"]


def reads_the_form(request: HttpRequest, sender: str) -> None:
    """A hook that knows nothing of JSON."""
    request.POST.get("username")


@pytest.mark.clause("HTTP-31")
def test_a_body_too_large_for_a_hook_is_answered_400_too(settings: Settings) -> None:
    settings.DJWTO_THROTTLE = f"{__name__}.reads_the_form"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50
    form = "application/x-www-form-urlencoded"
    response = Client().post(api.LOGIN, b"username=" + b"a" * 100, form)
    assert response.status_code == 400
    assert response.json() == {"error": "The body is too large or cannot be read."}
