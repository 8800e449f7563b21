"""HTTP-25: a browser that logs in again leaves no session behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from djwto.blacklist import blacklist_key
from djwto.claims import ACCESS, REFRESH
from djwto.models import BlacklistEntry
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
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
@pytest.mark.case(42)
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
@pytest.mark.parametrize("type_", [ACCESS, REFRESH])
@pytest.mark.parametrize("change", [{"exp": 1}, {"type": "other"}, {"jti": ""}, {"auth_time": 0}])
def test_a_cookie_that_nobody_would_believe_ends_nothing(
    mode: str, type_: str, change: dict[str, Any], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    claims = decode(token(live, type_), type_)
    (name,) = cookies(live, type_)
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


@each_cookie_mode
@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("rotates", [True, False])
def test_an_older_generation_of_its_tokens_ends_a_session_and_is_no_reuse(
    mode: str, rotates: bool, which: int, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_ROTATE_REFRESH = rotates
    settings.DJWTO_REUSE_GRACE = 0
    generations = [session()]
    for _ in range(2):
        generations.append(api.send(api.UPDATE_REFRESH, generations[-1].refresh))
    with Recorder() as recorder:
        live = api.log_in(**CREDENTIALS, cookies=cookies(generations[which], REFRESH))
    assert names(recorder) == ["jwt_blacklisted", "jwt_logged_in"]
    assert not any(goes_on(one) for one in generations)
    assert goes_on(live)


@each_cookie_mode
def test_a_login_that_another_sites_page_sends_ends_nothing(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    headers = {"Origin": "https://evil.example"}
    sent = cookies(live, ACCESS, REFRESH)
    with Recorder() as recorder:
        answer = api.log_in(**CREDENTIALS, cookies=sent, headers=headers)
    assert (answer.status, answer.cookies) == (403, {})
    assert names(recorder) == ["jwt_login_fail"]
    assert goes_on(live)


@each_cookie_mode
def test_a_login_that_asks_for_nonsense_ends_nothing(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    live = session()
    sent = cookies(live, ACCESS, REFRESH)
    with Recorder() as recorder:
        answer = api.log_in(**CREDENTIALS, cookies=sent, data={"remember": "maybe"})
    assert (answer.status, answer.cookies) == (400, {})
    assert names(recorder) == ["jwt_login_fail"]
    assert goes_on(live)


@each_cookie_mode
def test_the_next_login_over_the_cookies_of_the_last_ends_that(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    answers = [session()]
    for _ in range(3):
        sent = cookies(answers[-1], ACCESS)
        answers.append(api.log_in(**CREDENTIALS, cookies=sent))
    assert [goes_on(one) for one in answers] == [False, False, False, True]


@each_cookie_mode
@pytest.mark.urls("djwto.spec_tests.core.views")
@pytest.mark.parametrize("folder", ["quiet", "named"])
def test_what_a_subclass_ends_is_announced_as_a_logout_too(
    mode: str, folder: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    client = Client()
    for name, value in cookies(session(), ACCESS).items():
        client.cookies[name] = value
    with Recorder() as recorder:
        assert client.post(f"/{folder}/login/", CREDENTIALS).status_code == 200
    own = "NamedLogin" if folder == "named" else "GetTokensView"
    assert [(sent.name, sent.sender) for sent in recorder.sent] == [
        ("jwt_blacklisted", "BlackListTokenView"),
        ("jwt_logged_in", own),
    ]


@pytest.mark.parametrize("sends", ["a header", "cookies"])
def test_in_json_mode_the_client_keeps_its_sessions(sends: str) -> None:
    live = session()
    extra: dict[str, Any] = {"headers": {"Authorization": f"Bearer {live.access}"}}
    if sends == "cookies":
        refresh, access = token(live, REFRESH), token(live, ACCESS)
        extra = {
            "cookies": {"jwt_refresh": refresh, "jwt_access": access, "jwt_access_token": access}
        }
    with Recorder() as recorder:
        assert api.log_in(**CREDENTIALS, **extra).status == 200
    assert names(recorder) == ["jwt_logged_in"]
    assert goes_on(live)


@each_cookie_mode
@pytest.mark.parametrize("limit", [timedelta(days=30), None])
def test_its_end_is_remembered_for_as_long_as_its_refresh_token_may_live(
    mode: str, limit: timedelta | None, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SESSION_MAX_AGE = limit
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=14)
    replaced = session()
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    api.log_in(**CREDENTIALS, cookies=cookies(replaced, ACCESS))
    claims = api.claims_of(token(replaced, "refresh"))
    entry = BlacklistEntry.objects.get(key=blacklist_key(claims["jti"]))
    assert entry.exp is None if limit is None else entry.exp > claims["exp"]
