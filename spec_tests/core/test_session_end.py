"""TOK-11 and TOK-14: how long a session goes on, and how long it may be left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from jwt import api_jwt
from pytest_django import Settings

from djwto.claims import LAST_NUMERIC_DATE, expiry, session_end
from djwto.exceptions import InvalidToken
from djwto.sessions import kept_until
from djwto.spec_tests import api
from djwto.spec_tests.core import hooks
from djwto.spec_tests.core.alice import (
    ACCESS_VIEW,
    CREDENTIALS,
    MODES,
    create_alice,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.stage import PASSWORD, new_account
from djwto.tokens import decode, encode

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Clock:
    """The time that djwto and PyJWT are told. It stands still until it is turned."""

    def __init__(self) -> None:
        self.now = int(time.time())

    def turn(self, seconds: int) -> None:
        self.now += seconds


@contextmanager
def turning() -> Iterator[Clock]:
    """While entered, a clock that is turned by hand."""
    clock = Clock()

    class Dates(datetime):
        """PyJWT asks for dates."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return cls.fromtimestamp(clock.now, tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: float(clock.now))
        patch.setattr(time, "time_ns", lambda: clock.now * 10**9)
        patch.setattr(api_jwt, "datetime", Dates)
        yield clock


@pytest.fixture
def clock() -> Iterator[Clock]:
    with turning() as clock:
        yield clock


def aged(answer: api.Answer, seconds: int, type_: str = "refresh") -> str:
    """The token of an answer, as it would be if the session had begun so much earlier."""
    claims = decode(token(answer, type_), type_)
    return encode({**claims, "auth_time": claims["auth_time"] - seconds})


@pytest.mark.clause("TOK-11")
@each_mode
def test_a_session_says_when_it_began_and_goes_on_saying_so(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    before = int(time.time())
    live = session()
    began = api.claims_of(token(live, "refresh"))["auth_time"]
    assert type(began) is int
    assert before <= began <= int(time.time())
    old = aged(live, HOUR)
    for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        answer = api.send(path, old)
        for issued in filter(None, (answer.refresh, answer.access)):
            assert api.claims_of(issued)["auth_time"] == began - HOUR


@pytest.mark.clause("TOK-11")
@each_mode
def test_no_token_outlives_the_session(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SESSION_MAX_AGE = timedelta(days=30)
    live = session()
    old = aged(live, 30 * DAY - MINUTE)
    end = api.claims_of(old)["auth_time"] + 30 * DAY
    old = encode({**api.claims_of(old), "exp": end})
    refreshed = api.send(api.REFRESH_ACCESS, old)
    assert api.claims_of(token(refreshed, "access"))["exp"] == end
    for _ in range(3):
        updated = api.send(api.UPDATE_REFRESH, old)
        assert updated.status == 200
        for type_ in ("refresh", "access"):
            assert api.claims_of(token(updated, type_))["exp"] == end
        old = token(updated, "refresh")


def statuses(answer: api.Answer) -> set[int]:
    """What the tokens of an answer are answered where nothing is issued for them."""
    found = set()
    if answer.refresh:
        found.add(api.send(api.VALIDATE_REFRESH, answer.refresh).status)
    if answer.access:
        for path in (api.VALIDATE_ACCESS, ACCESS_VIEW):
            found.add(api.send(path, answer.access, as_refresh=False).status)
    return found


@pytest.mark.clause("TOK-11")
@pytest.mark.clause("TOK-14")
@search(examples=60)
@given(
    mode=st.sampled_from(MODES),
    rotates=st.booleans(),
    on_access=st.booleans(),
    max_age=st.none() | st.integers(1, 6 * HOUR),
    remembered=st.booleans(),
    steps=st.lists(
        st.tuples(
            st.integers(0, 2 * HOUR), st.sampled_from([api.REFRESH_ACCESS, api.UPDATE_REFRESH])
        ),
        min_size=1,
        max_size=8,
    ),
)
@pytest.mark.case(53, "P5")
def test_however_often_it_is_prolonged_a_session_ends_in_time(
    mode: str,
    rotates: bool,
    on_access: bool,
    max_age: int | None,
    remembered: bool,
    steps: list[tuple[int, str]],
) -> None:
    idle = 2 * HOUR if remembered else HOUR
    chosen = {
        "DJWTO_MODE": mode,
        "DJWTO_ROTATE_REFRESH": rotates,
        "DJWTO_ROTATE_ON_ACCESS": on_access,
        "DJWTO_REFRESH_TOKEN_LIFETIME": timedelta(hours=1),
        "DJWTO_REMEMBER_LIFETIME": timedelta(hours=2),
        "DJWTO_SESSION_MAX_AGE": None if max_age is None else timedelta(seconds=max_age),
    }
    account = new_account()
    with override_settings(**chosen), turning() as clock:
        answer = api.log_in(account.username, PASSWORD, data={"remember": str(remembered)})
        began, issued, refresh = clock.now, [answer], token(answer, "refresh")
        end = LAST_NUMERIC_DATE if max_age is None else began + max_age
        exp = min(began + idle, end)
        assert api.claims_of(refresh)["exp"] == exp
        assert api.claims_of(token(answer, "access"))["exp"] == min(began + 5 * MINUTE, end)
        for seconds, path in steps:
            clock.turn(seconds)
            answer = api.send(path, refresh)
            if clock.now >= exp:
                assert (answer.status, answer.refresh, answer.access) == (401, None, None)
                continue
            assert answer.status == 200
            issued.append(answer)
            access = api.claims_of(token(answer, "access"))
            assert access["exp"] == min(clock.now + 5 * MINUTE, end)
            if path == api.UPDATE_REFRESH or (rotates and on_access):
                exp = min(clock.now + idle, end)
                refresh = token(answer, "refresh")
                assert api.claims_of(refresh)["exp"] == exp
                if mode != "JSON":
                    assert answer.cookies["jwt_refresh"]["max-age"] == exp - clock.now
            assert access["auth_time"] == api.claims_of(refresh)["auth_time"] == began
        # A limit that is set now, to what the session has reached, is for it too.
        clock.turn(1)
        limit = timedelta(seconds=clock.now - began)
        with override_settings(DJWTO_SESSION_MAX_AGE=limit):
            for one in issued:
                assert statuses(one) == {401}
            assert api.send(path, refresh).status == 401


@pytest.mark.clause("TOK-11")
@each_mode
@pytest.mark.parametrize("never", [False, True])
def test_a_session_that_is_as_old_as_it_may_be_is_over(
    mode: str, never: bool, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SESSION_MAX_AGE = None
    if never:
        settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    live = session()
    refresh, access = aged(live, HOUR), aged(live, HOUR, "access")
    calls = [
        (api.VALIDATE_ACCESS, access, False),
        ("/access/", access, False),
        (api.VALIDATE_REFRESH, refresh, True),
        (api.REFRESH_ACCESS, refresh, True),
        (api.UPDATE_REFRESH, refresh, True),
        (api.LOGOUT_ALL, refresh, True),
    ]
    for max_age, status in ((timedelta(hours=1), 401), (timedelta(hours=2), 200)):
        settings.DJWTO_SESSION_MAX_AGE = max_age
        for path, one, as_refresh in calls:
            assert api.send(path, one, as_refresh=as_refresh).status == status, path


@pytest.mark.clause("TOK-11")
def test_leeway_is_given_at_the_end_of_a_session_too(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = timedelta(hours=1)
    refresh = aged(session(), HOUR + 30)
    assert api.send(api.VALIDATE_REFRESH, refresh).status == 401
    settings.DJWTO_LEEWAY = 60
    assert api.send(api.VALIDATE_REFRESH, refresh).status == 200


@pytest.mark.clause("TOK-11")
def test_a_token_from_before_there_was_an_auth_time_counts_from_its_iat() -> None:
    now = int(time.time())
    claims = decode(token(session(), "refresh"), "refresh")
    del claims["auth_time"]
    assert api.send(api.REFRESH_ACCESS, encode({**claims, "iat": now - 29 * DAY})).status == 200
    assert api.send(api.REFRESH_ACCESS, encode({**claims, "iat": now - 31 * DAY})).status == 401
    updated = api.send(api.UPDATE_REFRESH, encode({**claims, "iat": now - 29 * DAY}))
    assert api.claims_of(token(updated, "refresh"))["auth_time"] == now - 29 * DAY


@pytest.mark.clause("TOK-11")
@pytest.mark.parametrize("leeway", [0, 60])
def test_a_session_ends_with_its_last_second(
    leeway: int, clock: Clock, settings: Settings
) -> None:
    settings.DJWTO_LEEWAY = leeway
    refresh = aged(session(), 30 * DAY + leeway - 1)
    assert decode(refresh, "refresh")
    clock.turn(1)
    with pytest.raises(InvalidToken, match="The session has reached its end"):
        decode(refresh, "refresh")


@pytest.mark.clause("TOK-11")
def test_a_token_that_tells_no_time_counts_from_its_update(settings: Settings) -> None:
    settings.DJWTO_IAT_CLAIM = False
    claims = decode(token(session(), "refresh"), "refresh")
    del claims["auth_time"]
    updated = api.send(api.UPDATE_REFRESH, encode(claims))
    assert abs(api.claims_of(token(updated, "refresh"))["auth_time"] - time.time()) < MINUTE


@pytest.mark.clause("TOK-14")
def test_who_asks_to_be_remembered_is_also_where_tokens_tell_no_time(settings: Settings) -> None:
    settings.DJWTO_IAT_CLAIM = False
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    create_alice()
    live = api.log_in(**CREDENTIALS, data={"remember": "true"})
    claims = api.claims_of(token(live, "refresh"))
    assert "iat" not in claims
    assert claims["exp"] == claims["auth_time"] + 14 * DAY


@pytest.mark.clause("TOK-3")
def test_what_no_longer_expires_is_issued_without_exp(settings: Settings) -> None:
    live = session()
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    settings.DJWTO_SESSION_MAX_AGE = None
    assert "exp" in api.claims_of(live.refresh)
    for _ in range(2):
        live = api.send(api.UPDATE_REFRESH, live.refresh)
        assert live.status == 200
        assert "exp" not in api.claims_of(live.refresh)
        assert "exp" not in api.claims_of(live.access)


@pytest.mark.clause("TOK-11")
def test_without_a_limit_a_session_goes_on(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = None
    assert session_end({"auth_time": 5}) is None
    assert api.send(api.UPDATE_REFRESH, aged(session(), 4000 * DAY)).status == 200


@pytest.mark.clause("TOK-11")
def test_where_no_token_expires_the_end_of_the_session_is_their_exp(settings: Settings) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    live = session()
    for type_ in ("refresh", "access"):
        claims = api.claims_of(token(live, type_))
        assert claims["exp"] == claims["auth_time"] + 30 * DAY


@pytest.mark.clause("TOK-11")
def test_a_hook_can_shorten_a_token_and_not_lengthen_the_session(settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.claims_for_a_year"
    claims = api.claims_of(token(session(), "refresh"))
    assert claims["exp"] == claims["auth_time"] + 30 * DAY
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.claims_for_a_minute"
    claims = api.claims_of(token(api.log_in(**CREDENTIALS), "refresh"))
    assert claims["exp"] == claims["iat"] + MINUTE


def claims_for_a_year(user: Any, request: Any, type_: str) -> dict[str, Any]:
    return claims_until(user, request, 365 * DAY)


def claims_for_a_minute(user: Any, request: Any, type_: str) -> dict[str, Any]:
    return claims_until(user, request, MINUTE)


def claims_until(user: Any, request: Any, seconds: int) -> dict[str, Any]:
    from djwto.claims import process_claims

    claims = process_claims(user, request)
    return {**claims, "exp": claims["iat"] + seconds}


def claims_of_the_idle(user: Any, request: Any, type_: str) -> dict[str, Any]:
    from djwto.claims import process_claims

    return {**process_claims(user, request), "idle": 1234}


def whoever_it_is(request: Any) -> Any:
    from django.contrib.auth.models import User

    return User.objects.get(username=request.body.decode())


def lifetime(claims: dict[str, Any]) -> int:
    seconds: int = claims["exp"] - claims["iat"]
    return seconds


FORM: dict[str, Any] = {}
JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.mark.clause("TOK-14")
@each_mode
@pytest.mark.parametrize("body", [FORM, JSON], ids=["form", "JSON"])
@pytest.mark.parametrize(
    ("said", "remembered"),
    [
        *((yes, True) for yes in ("true", "1", "on", "ON", True, 1)),
        *((no, False) for no in ("false", "0", "off", "Off", "", False, 0)),
    ],
)
def test_a_login_may_ask_to_be_remembered(
    mode: str,
    body: dict[str, Any],
    said: Any,
    remembered: bool,
    clock: Clock,
    settings: Settings,
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    create_alice()
    live = api.log_in(**CREDENTIALS, data={"remember": said}, **body)
    wanted = 14 * DAY if remembered else DAY
    assert lifetime(api.claims_of(token(live, "access"))) == 5 * MINUTE
    for _ in range(4):
        claims = api.claims_of(token(live, "refresh"))
        assert lifetime(claims) == wanted
        assert claims.get("idle") == (wanted if remembered else None)
        if mode != "JSON":
            assert live.cookies["jwt_refresh"]["max-age"] == wanted
        clock.turn(DAY // 2)
        live = api.send(api.UPDATE_REFRESH, live.refresh)
    assert live.status == 200


@pytest.mark.clause("TOK-14")
@each_mode
@pytest.mark.parametrize(
    ("said", "body"),
    [
        *((said, body) for said in ("maybe", "2", "yes!", "truefalse") for body in (FORM, JSON)),
        *((said, JSON) for said in (["true"], {"a": 1}, 1.5, 1.0, None, "\ud800")),
    ],
)
def test_an_answer_that_is_neither_yes_nor_no_is_refused(
    mode: str, said: Any, body: dict[str, Any], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    create_alice()
    message = "The field remember says neither yes nor no; send true or false."
    with Recorder() as recorder:
        answer = api.log_in(**CREDENTIALS, data={"remember": said}, **body)
    assert (answer.status, answer.body) == (400, {"error": message})
    assert (answer.refresh, answer.access, answer.cookies) == (None, None, {})
    assert [sent.kwargs["error"] for sent in recorder.sent] == [message]
    assert names(recorder) == ["jwt_login_fail"]


@pytest.mark.clause("TOK-14")
@each_mode
def test_a_second_that_ends_during_a_login_makes_no_token_last_longer(
    mode: str, clock: Clock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    settings.DJWTO_PROCESS_PERMS = "djwto.spec_tests.core.hooks.two_perms"

    def slow(user: Any) -> list[str]:
        clock.turn(1)
        return []

    monkeypatch.setattr(hooks, "two_perms", slow)
    create_alice()
    live = api.log_in(**CREDENTIALS, data={"remember": "true"})
    assert lifetime(api.claims_of(token(live, "refresh"))) == 14 * DAY
    assert lifetime(api.claims_of(token(live, "access"))) == 5 * MINUTE


@pytest.mark.clause("TOK-14")
def test_where_nobody_is_remembered_nobody_is_asked() -> None:
    create_alice()
    live = api.log_in(**CREDENTIALS, data={"remember": "maybe"})
    claims = api.claims_of(token(live, "refresh"))
    assert "idle" not in claims
    assert lifetime(claims) == DAY


@pytest.mark.clause("TOK-14")
def test_a_login_by_something_else_than_fields_is_not_asked(settings: Settings) -> None:
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    settings.DJWTO_USER_AUTHENTICATE = f"{__name__}.whoever_it_is"
    create_alice()
    answer = api.send(api.LOGIN, None, data="alice", content_type="text/plain")
    assert lifetime(api.claims_of(token(answer, "refresh"))) == DAY


@pytest.mark.clause("TOK-14")
def test_a_remembered_session_ends_like_any_other(clock: Clock, settings: Settings) -> None:
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=60)
    create_alice()
    live = api.log_in(**CREDENTIALS, data={"remember": "true"})
    assert lifetime(api.claims_of(token(live, "refresh"))) == 30 * DAY


@pytest.mark.clause("TOK-14")
def test_a_session_that_is_left_alone_for_its_lifetime_is_over(settings: Settings) -> None:
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=14)
    create_alice()
    live = api.log_in(**CREDENTIALS, data={"remember": "true"})
    claims = decode(token(live, "refresh"), "refresh")
    for left_alone, status in ((14 * DAY - MINUTE, 200), (14 * DAY, 401)):
        times = {name: claims[name] - left_alone for name in ("auth_time", "iat", "exp")}
        assert api.send(api.REFRESH_ACCESS, encode(claims | times)).status == status


@pytest.mark.clause("TOK-14")
def test_a_hook_may_say_how_long_a_session_may_be_left_alone(settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.claims_of_the_idle"
    live = session()
    updated = api.send(api.UPDATE_REFRESH, live.refresh)
    for answer in (live, updated):
        assert lifetime(api.claims_of(token(answer, "refresh"))) == 1234


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("claim", ["auth_time", "idle", "epoch"])
@pytest.mark.parametrize("value", [1.5, "1", True, None, [], -1, 10**12])
def test_a_time_of_a_session_that_is_no_time_is_refused(claim: str, value: Any) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    assert api.send(api.REFRESH_ACCESS, encode({**claims, claim: value})).status == 401


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("claim", ["gen", "auth_hash"])
@pytest.mark.parametrize("value", [1, True, None, [], {}])
def test_a_name_of_a_session_that_is_no_text_is_refused(claim: str, value: Any) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    for path in (api.REFRESH_ACCESS, api.VALIDATE_REFRESH):
        assert api.send(path, encode({**claims, claim: value})).status == 401


NOW = 2_000_000_000


@pytest.mark.clause("HTTP-14")
@pytest.mark.parametrize(
    ("claims", "until"),
    [
        # As good as the youngest that there can be of its lifetime, and that of the settings.
        ({"type": "refresh", "iat": NOW - 100, "exp": NOW - 100 + 14 * DAY}, NOW + 14 * DAY),
        ({"type": "refresh", "iat": NOW - 100, "exp": NOW - 100 + HOUR}, NOW + DAY),
        ({"type": "refresh", "exp": NOW + 14 * DAY}, None),
        ({"type": "refresh", "exp": NOW + HOUR, "auth_time": NOW}, NOW + 30 * DAY),
        # An access token does not tell how long the others are good.
        ({"type": "access", "iat": NOW, "exp": NOW + MINUTE, "auth_time": NOW}, NOW + 30 * DAY),
        ({"type": "access", "iat": NOW, "exp": NOW + MINUTE}, NOW + 30 * DAY),
        ({"type": "access", "exp": NOW + MINUTE}, None),
        # What is known of a session that was ended before the table was what it is.
        ({"exp": NOW + HOUR, "idle": 7 * DAY}, NOW + 7 * DAY),
        ({"exp": NOW + HOUR}, NOW + DAY),
        ({}, None),
    ],
)
def test_an_end_is_remembered_until_no_token_of_the_session_can_be_good(
    claims: dict[str, Any], until: int | None, settings: Settings
) -> None:
    for leeway in (0, 60):
        settings.DJWTO_LEEWAY = leeway
        # Clocks may differ by five minutes.
        assert kept_until(claims, NOW) == (until and until + leeway + 300)
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(days=20)
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    assert kept_until(claims, NOW) == (until and max(until, NOW + 20 * DAY) + leeway + 300)


@pytest.mark.clause("HTTP-14")
def test_an_end_is_remembered_to_the_end_of_time_at_the_longest(settings: Settings) -> None:
    claims = {"type": "refresh", "iat": NOW, "exp": LAST_NUMERIC_DATE - 1}
    assert kept_until(claims, NOW) == LAST_NUMERIC_DATE
    settings.DJWTO_SESSION_MAX_AGE = settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    assert kept_until({"type": "refresh", "iat": NOW, "auth_time": NOW}, NOW) is None


@pytest.mark.clause("TOK-11")
def test_the_expiry_is_the_first_of_the_ends(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = timedelta(seconds=100)
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(seconds=50)
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=10)
    began = {"auth_time": 1000}
    assert expiry("refresh", began, 1000) == 1050
    assert expiry("refresh", began, 1070) == 1100
    assert expiry("refresh", {**began, "idle": 20}, 1070) == 1090
    assert expiry("access", {**began, "idle": 20}, 1070) == 1080
    assert expiry("access", began, 1095) == 1100
