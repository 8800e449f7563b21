"""HTTP-25: a browser that logs in again leaves no session behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from djwto.claims import ACCESS, REFRESH
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import decode, encode
from djwto.transports import OneCookie, current

pytestmark = [pytest.mark.django_db, pytest.mark.clause("HTTP-25")]


def cookies(answer: api.Answer, *types: str) -> dict[str, str]:
    """The cookies that a browser sends along; to `login/` mostly that of the access token."""
    transport = current()
    assert isinstance(transport, OneCookie)
    return {transport.cookie(type_): token(answer, type_) for type_ in types}


def goes_on(answer: api.Answer) -> bool:
    return api.send(api.VALIDATE_REFRESH, answer.refresh).status == 200


@each_cookie_mode
@pytest.mark.parametrize("who", ["alice", "bob"])
@pytest.mark.parametrize("types", [(ACCESS,), (REFRESH,), (ACCESS, REFRESH)])
def test_the_session_whose_cookies_are_replaced_ends_and_no_other(
    mode: str, who: str, types: tuple[str, ...], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    User.objects.create_user("bob", password="pass")
    replaced, elsewhere = session(), api.log_in(**CREDENTIALS)
    with Recorder() as recorder:
        live = api.log_in(who, "pass", cookies=cookies(replaced, *types))
    logged_out, logged_in = recorder.sent
    assert (logged_out.name, logged_out.sender) == ("jwt_blacklisted", "BlackListTokenView")
    assert set(logged_out.kwargs) == {"signal", "request", "jti"}
    assert logged_out.kwargs["jti"] == api.claims_of(token(replaced, "refresh"))["jti"]
    assert logged_out.kwargs["request"].path == api.LOGIN
    assert logged_in.name == "jwt_logged_in"
    assert logged_in.kwargs["refresh_claims"]["user"]["username"] == who
    assert not goes_on(replaced)
    assert goes_on(elsewhere)
    assert goes_on(live)


@each_cookie_mode
def test_two_cookies_of_two_sessions_end_both(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    first, second = session(), api.log_in(**CREDENTIALS)
    sent = cookies(first, ACCESS) | cookies(second, REFRESH)
    with Recorder() as recorder:
        api.log_in(**CREDENTIALS, cookies=sent)
    assert names(recorder) == ["jwt_blacklisted", "jwt_blacklisted", "jwt_logged_in"]
    assert not goes_on(first)
    assert not goes_on(second)


@each_cookie_mode
def test_a_login_that_fails_ends_nothing(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        answer = api.log_in("alice", "wrong", cookies=cookies(live, ACCESS, REFRESH))
    assert (answer.status, answer.cookies) == (401, {})
    assert names(recorder) == ["jwt_login_fail"]
    assert goes_on(live)


@each_cookie_mode
@pytest.mark.parametrize("change", [{"exp": 1}, {"type": "refresh"}, {"jti": ""}])
def test_a_cookie_that_nobody_would_believe_ends_nothing(
    mode: str, change: dict[str, Any], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    claims = decode(token(live, "access"), "access")
    (name,) = cookies(live, ACCESS)
    for value in (encode({**claims, **change}), "garbage", "é", "."):
        with Recorder() as recorder:
            assert api.log_in(**CREDENTIALS, cookies={name: value}).status == 200
        assert names(recorder) == ["jwt_logged_in"]
        assert goes_on(live)


@each_cookie_mode
def test_a_session_that_had_ended_is_not_announced_again(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    ended = session()
    api.send(api.LOGOUT, ended.refresh)
    with Recorder() as recorder:
        assert api.log_in(**CREDENTIALS, cookies=cookies(ended, ACCESS)).status == 200
    assert names(recorder) == ["jwt_logged_in"]


def test_in_json_mode_the_client_keeps_its_sessions() -> None:
    create_alice()
    live = api.log_in(**CREDENTIALS)
    headers = {"Authorization": f"Bearer {live.access}"}
    with Recorder() as recorder:
        assert api.log_in(**CREDENTIALS, headers=headers).status == 200
    assert names(recorder) == ["jwt_logged_in"]
    assert goes_on(live)
