"""HTTP-12, HTTP-14, SIG-3, SIG-9 and SIG-10: how a session ends, and that it stays ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponseBase
from django.test import Client
from pytest_django import Settings

from djwto.blacklist import blacklist_key
from djwto.claims import LAST_NUMERIC_DATE
from djwto.models import BlacklistEntry
from djwto.sessions import CLOCK_MARGIN, kept_until
from djwto.signals import jwt_blacklisted
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

pytestmark = pytest.mark.django_db

DAY = 86_400
TOKEN_COOKIES = {
    "JSON": set(),
    "ONE-COOKIE": {"jwt_refresh", "jwt_access"},
    "TWO-COOKIES": {"jwt_refresh", "jwt_access_token", "jwt_access_payload"},
}

each_method = pytest.mark.parametrize("method", ["post", "delete"])


def jti_of(answer: api.Answer) -> str:
    return str(api.claims_of(token(answer, "refresh"))["jti"])


def is_over(answer: api.Answer) -> bool:
    """Whether every token of the answer is refused everywhere."""
    statuses = [
        api.send(path, answer.refresh).status
        for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH)
    ]
    statuses.append(api.send(api.VALIDATE_ACCESS, answer.access, as_refresh=False).status)
    assert set(statuses) in ({200}, {401})
    return statuses[0] == 401


def cleared(answer: api.Answer) -> set[str]:
    """The cookies that the answer clears; it has to set none."""
    for morsel in answer.cookies.values():
        assert (morsel.value, morsel["max-age"]) == ("", 0)
    return set(answer.cookies)


@pytest.mark.clause("HTTP-12")
@each_mode
@each_method
@pytest.mark.case(57, 58)
def test_a_logout_ends_the_session_and_clears_the_cookies_in_one_answer(
    mode: str, method: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live, other = session(), api.log_in(**CREDENTIALS)
    with Recorder() as recorder:
        answer = api.send(api.LOGOUT, live.refresh, method=method)
    assert (answer.status, set(answer.body)) == (200, {"msg"})
    assert cleared(answer) == TOKEN_COOKIES[mode]
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_blacklisted", "BlackListTokenView")
    assert set(sent.kwargs) == {"signal", "request", "jti"}
    assert sent.kwargs["jti"] == jti_of(live)
    assert is_over(live)
    assert not is_over(other)


@pytest.mark.clause("HTTP-12")
@each_mode
@pytest.mark.parametrize("first", ["post", "delete"])
@pytest.mark.parametrize("second", ["post", "delete"])
@pytest.mark.case(60, "P8")
def test_a_second_logout_answers_as_the_first_and_is_not_announced(
    mode: str, first: str, second: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    assert api.send(api.LOGOUT, live.refresh, method=first).status == 200
    for _ in range(2):
        with Recorder() as recorder:
            answer = api.send(api.LOGOUT, live.refresh, method=second)
        assert (answer.status, set(answer.body)) == (200, {"msg"})
        assert cleared(answer) == TOKEN_COOKIES[mode]
        assert names(recorder) == []


@pytest.mark.clause("HTTP-12")
@each_cookie_mode
@each_method
def test_a_browser_that_has_logged_out_can_do_so_again(
    mode: str, method: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    client = Client(enforce_csrf_checks=True)
    client.post(api.LOGIN, CREDENTIALS)
    csrf = {"X-CSRFToken": client.cookies["csrftoken"].value}
    for _ in range(3):
        response = getattr(client, method)(api.LOGOUT, headers=csrf)
        assert response.status_code == 200
        assert set(response.cookies) >= TOKEN_COOKIES[mode]
        assert {client.cookies[name].value for name in TOKEN_COOKIES[mode]} == {""}


@pytest.mark.clause("HTTP-12")
@each_mode
@pytest.mark.parametrize("kind", ["none", "garbage", "expired", "access", "ended", "two headers"])
@pytest.mark.case(59, "P8")
def test_delete_clears_the_cookies_whatever_it_is_sent(
    mode: str, kind: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    claims = decode(token(live, "refresh"), "refresh")
    ended = token(api.log_in(**CREDENTIALS), "refresh")
    api.send(api.LOGOUT, ended)
    one = {
        "none": None,
        "garbage": "garbage",
        "expired": encode({**claims, "exp": 1}),
        "access": live.access,
        "ended": ended,
        "two headers": live.refresh if mode != "JSON" else None,
    }[kind]
    headers = {"Authorization": "Bearer a, Bearer b"} if kind == "two headers" else {}
    with Recorder() as recorder:
        answer = api.send(api.LOGOUT, one, method="delete", headers=headers)
    assert (answer.status, set(answer.body)) == (200, {"msg"})
    assert cleared(answer) == TOKEN_COOKIES[mode]
    assert names(recorder) == []
    assert not is_over(live)


@pytest.mark.clause("HTTP-12")
def test_a_post_without_a_token_is_refused_where_no_cookie_can_be_cleared() -> None:
    answer = api.send(api.LOGOUT, None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.clause("HTTP-12")
@each_mode
@pytest.mark.case(1, 4)
def test_an_access_token_does_not_log_out(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    answer = api.send(api.LOGOUT, live.access)
    assert answer.status == 401
    assert not answer.cookies
    assert not is_over(live)


@pytest.mark.clause("HTTP-12")
@each_mode
def test_a_deactivated_user_can_log_out(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    User.objects.update(is_active=False)
    with Recorder() as recorder:
        assert api.send(api.LOGOUT, live.refresh).status == 200
    assert [sent.kwargs["jti"] for sent in recorder.sent] == [jti_of(live)]


@pytest.mark.clause("HTTP-12")
@pytest.mark.parametrize("jti", ["a", "A", "é", "\x00", "\ud800", " ", "~", "x" * 10_000])
@pytest.mark.case(33, 34, "B4")
def test_a_session_of_any_name_can_be_ended(jti: str) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    refresh = encode({**claims, "jti": jti})
    neighbour = encode({**claims, "jti": jti + "b"})
    assert api.send(api.REFRESH_ACCESS, refresh).status == 200
    with Recorder() as recorder:
        assert api.send(api.LOGOUT, refresh).status == 200
    assert [sent.kwargs["jti"] for sent in recorder.sent] == [jti]
    assert api.send(api.REFRESH_ACCESS, refresh).status == 401
    assert api.send(api.REFRESH_ACCESS, neighbour).status == 200


@pytest.mark.clause("HTTP-12")
def test_a_logout_says_what_there_was_to_end(settings: Settings) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.DJWTO_CSRF = False
    live = session()
    bodies = [api.send(api.LOGOUT, sent).body for sent in (live.refresh, live.refresh, None)]
    assert bodies == [
        {"msg": "Token successfully blacklisted."},
        {"msg": "Token was blacklisted before."},
        {"msg": "There was no session to end."},
    ]


@pytest.mark.clause("HTTP-14")
@pytest.mark.parametrize(
    ("jti", "key"),
    [
        ("0-9a-f", "0-9a-f"),
        ("A", "~559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd"),
        ("\ud800", "~91a681b998555fb475479817b126c94e57e52011fa1842c5d188795a4a05226b"),
    ],
)
def test_another_release_finds_a_session_that_this_one_has_ended(jti: str, key: str) -> None:
    assert blacklist_key(jti) == key


def family() -> list[api.Answer]:
    """Answers with tokens of one session: a login and what it was prolonged by."""
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    third = api.send(api.UPDATE_REFRESH, second.refresh)
    access = api.send(api.REFRESH_ACCESS, first.refresh)
    return [first, second, third, replace(access, refresh=first.refresh)]


@pytest.mark.clause("HTTP-14")
@each_mode
@pytest.mark.parametrize("which", range(4))
@pytest.mark.case(56, "P6")
def test_any_sibling_ends_the_session_of_all(mode: str, which: int, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_ROTATE_REFRESH = False
    siblings = family()
    assert {jti_of(one) for one in siblings} == {jti_of(siblings[0])}
    assert not any(is_over(one) for one in siblings)
    with Recorder() as recorder:
        assert api.send(api.LOGOUT, siblings[which].refresh).status == 200
        for one in siblings:
            assert api.send(api.LOGOUT, one.refresh).status == 200
    assert names(recorder) == ["jwt_blacklisted"]
    assert all(is_over(one) for one in siblings)
    call_command("delete_tokens", verbosity=0)
    assert all(is_over(one) for one in siblings)


@pytest.mark.clause("HTTP-20")
@each_mode
@pytest.mark.parametrize("which", range(3))
def test_any_generation_ends_the_session(mode: str, which: int, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    third = api.send(api.UPDATE_REFRESH, second.refresh)
    with Recorder() as recorder:
        assert api.send(api.LOGOUT, (first, second, third)[which].refresh).status == 200
        assert api.send(api.UPDATE_REFRESH, third.refresh).status == 401
    assert names(recorder) == ["jwt_blacklisted"]


@pytest.mark.clause("HTTP-14")
@pytest.mark.case("P7")
def test_the_end_is_remembered_until_the_last_token_that_a_sibling_may_have_got(
    settings: Settings,
) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    now = 1_000_000_000
    nearly_over = {"exp": now + 10}
    assert kept_until(nearly_over, now) == now + DAY + CLOCK_MARGIN
    assert CLOCK_MARGIN > 0


@pytest.mark.clause("HTTP-14")
@pytest.mark.parametrize(
    ("refresh", "access", "exp", "expected"),
    [
        (timedelta(days=1), timedelta(minutes=5), 10, DAY),
        (timedelta(days=1), timedelta(minutes=5), 30 * DAY, 30 * DAY),
        (timedelta(days=1), timedelta(days=9), 10, 9 * DAY),
        (timedelta(seconds=1), timedelta(seconds=1), 10, 10),
        (None, timedelta(minutes=5), 10, None),
        (timedelta(days=1), None, 10, None),
        (None, None, 10, None),
        (timedelta(days=1), timedelta(minutes=5), None, None),
        (None, timedelta(minutes=5), None, None),
    ],
)
def test_lifetimes_that_were_changed_are_reckoned_with(
    refresh: timedelta | None,
    access: timedelta | None,
    exp: int | None,
    expected: int | None,
    settings: Settings,
) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = refresh
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = access
    now = 1_000_000_000
    claims = {} if exp is None else {"exp": now + exp}
    wanted = None if expected is None else now + expected + CLOCK_MARGIN
    assert kept_until(claims, now) == wanted


@pytest.mark.clause("HTTP-14")
@pytest.mark.parametrize("leeway", [600, timedelta(minutes=10)])
def test_leeway_is_added(leeway: Any, settings: Settings) -> None:
    settings.DJWTO_LEEWAY = leeway
    now = 1_000_000_000
    assert kept_until({"exp": now + 2 * DAY}, now) == now + 2 * DAY + 600 + CLOCK_MARGIN


@pytest.mark.clause("HTTP-14")
def test_no_end_is_remembered_beyond_the_year_9999(settings: Settings) -> None:
    settings.DJWTO_LEEWAY = 600
    assert kept_until({"exp": LAST_NUMERIC_DATE}, 1_000_000_000) == LAST_NUMERIC_DATE
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta.max
    assert kept_until({"exp": 1_000_000_010}, 1_000_000_000) == LAST_NUMERIC_DATE
    live = session()
    assert api.send(api.LOGOUT, live.refresh).status == 200
    assert is_over(live)


@pytest.mark.clause("HTTP-14")
@pytest.mark.case(62)
def test_an_older_sibling_with_a_longer_life_does_not_outlive_the_logout(
    settings: Settings,
) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=30)
    older = session()
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    younger = api.send(api.UPDATE_REFRESH, older.refresh)
    assert younger.status == 200
    assert api.send(api.LOGOUT, younger.refresh).status == 200
    entry = BlacklistEntry.objects.get(key=blacklist_key(jti_of(older)))
    last = api.claims_of(token(older, "refresh"))["exp"]
    assert entry.exp is None or entry.exp >= last


@pytest.mark.clause("HTTP-14")
def test_the_store_is_told_no_earlier_end_than_that(settings: Settings) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=3)
    claims = decode(token(session(), "refresh"), "refresh")
    nearly_over = encode({**claims, "exp": int(time.time()) + 20})
    before = int(time.time())
    assert api.send(api.LOGOUT, nearly_over).status == 200
    entry = BlacklistEntry.objects.get(key=blacklist_key(claims["jti"]))
    assert entry.exp is not None
    assert (
        before + 3 * DAY + CLOCK_MARGIN <= entry.exp <= int(time.time()) + 3 * DAY + CLOCK_MARGIN
    )
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_SESSION_MAX_AGE = None
    forever = api.log_in(**CREDENTIALS)
    assert api.send(api.LOGOUT, forever.refresh).status == 200
    assert BlacklistEntry.objects.get(key=blacklist_key(jti_of(forever))).exp is None


@pytest.mark.clause("SIG-3")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.case(64, 65)
def test_of_logouts_at_once_all_succeed_and_one_is_announced(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    together = threading.Barrier(8)
    answers: list[api.Answer] = []

    def log_out(method: str) -> None:
        try:
            together.wait()
            answers.append(api.send(api.LOGOUT, live.refresh, method=method))
        finally:
            connections.close_all()

    with Recorder() as recorder:
        threads = [
            threading.Thread(target=log_out, args=("delete" if n == 0 else "post",))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.status for answer in answers] == [200] * 8
    assert all(cleared(answer) == TOKEN_COOKIES[mode] for answer in answers)
    assert names(recorder) == ["jwt_blacklisted"]
    assert is_over(live)


@pytest.fixture
def atomic_requests(transactional_db: None) -> Iterator[None]:
    """ATOMIC_REQUESTS, which Django reads from the connection, is on."""
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


class Receiver:
    """While entered, a receiver of jwt_blacklisted that notes how it finds the world."""

    def __init__(self, raises: bool = False) -> None:
        self.raises = raises
        self.found: list[dict[str, Any]] = []

    def __enter__(self) -> list[dict[str, Any]]:
        jwt_blacklisted.connect(self.receive)
        return self.found

    def __exit__(self, *error: object) -> None:
        jwt_blacklisted.disconnect(self.receive)

    def receive(self, sender: Any, jti: str, **kwargs: Any) -> None:
        ended: list[bool] = []

        def look() -> None:
            # From a connection of its own: what is not committed cannot be seen there.
            ended.append(BlacklistEntry.objects.filter(key=blacklist_key(jti)).exists())
            connections.close_all()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        self.found.append({"atomic": connection.in_atomic_block, "ended": ended})
        if self.raises:
            raise RuntimeError("The receiver is broken.")


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.case("P12")
def test_a_receiver_finds_the_session_ended(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Receiver() as found:
        assert api.send(api.LOGOUT, live.refresh).status == 200
    assert found == [{"atomic": False, "ended": [True]}]


@pytest.mark.clause("SIG-9")
@pytest.mark.usefixtures("atomic_requests")
@pytest.mark.urls("djwto.spec_tests.core.views")
@each_mode
@pytest.mark.parametrize("logout", [api.LOGOUT, "/quiet/logout/"])
@pytest.mark.case(69)
def test_endpoints_run_outside_atomic_requests(mode: str, logout: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    assert Client().get("/in-transaction/").json() == {"atomic": True}
    live = session()
    with Receiver(raises=True) as found:
        assert api.send(logout, live.refresh).status == 200
    assert found == [{"atomic": False, "ended": [True]}]
    assert is_over(live)


class Undone(Exception):
    """What makes a transaction roll back."""


def log_out_and_undo(live: api.Answer, method: str) -> None:
    with transaction.atomic():
        assert api.send(api.LOGOUT, live.refresh, method=method).status == 200
        raise Undone


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
@each_mode
@each_method
@pytest.mark.case(69)
def test_a_logout_that_is_rolled_back_is_not_announced(
    mode: str, method: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        with pytest.raises(Undone):
            log_out_and_undo(live, method)
        assert names(recorder) == []
        assert not is_over(live)
        recorder.take()
        assert api.send(api.LOGOUT, live.refresh, method=method).status == 200
        assert names(recorder) == ["jwt_blacklisted"]


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
@each_mode
def test_a_logout_in_a_transaction_is_announced_when_that_is_committed(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder, Receiver(raises=True) as found:
        with transaction.atomic():
            assert api.send(api.LOGOUT, live.refresh).status == 200
            assert api.send(api.LOGOUT, live.refresh).status == 200
            assert names(recorder) == []
        assert names(recorder) == ["jwt_blacklisted"]
    assert found == [{"atomic": False, "ended": [True]}]


class AllOrNothing:
    """Middleware that puts whole requests into a transaction and undoes them."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with transaction.atomic():
            response: HttpResponseBase = self.get_response(request)
            if "X-Undo" in request.headers:
                transaction.set_rollback(True)
        return response


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.case("B2")
def test_a_logout_that_middleware_undoes_is_not_announced(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    settings.MIDDLEWARE = [f"{__name__}.AllOrNothing"]
    with Recorder() as recorder:
        api.send(api.LOGOUT, live.refresh, headers={"X-Undo": "yes"})
        assert names(recorder) == []
        api.send(api.LOGOUT, live.refresh)
        assert names(recorder) == ["jwt_blacklisted"]


@pytest.mark.clause("SIG-9")
@pytest.mark.usefixtures("atomic_requests")
@each_mode
def test_no_signal_is_sent_from_within_a_transaction_of_its_request(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 3600
    create_alice()
    atomic: list[bool] = []

    def receive(**kwargs: Any) -> None:
        atomic.append(connection.in_atomic_block)

    for signal in SIGNALS.values():
        signal.connect(receive)
    try:
        live = api.log_in(**CREDENTIALS)
        api.log_in("alice", "wrong")
        paths = (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH)
        for path in (*paths, api.LOGOUT_ALL, api.LOGOUT):
            assert api.send(path, live.refresh).status == 200
        settings.DJWTO_REUSE_GRACE = 0
        live = api.log_in(**CREDENTIALS)
        for status in (200, 401):
            assert api.send(api.UPDATE_REFRESH, live.refresh).status == status
    finally:
        for signal in SIGNALS.values():
            signal.disconnect(receive)
    assert atomic == [False] * 10
