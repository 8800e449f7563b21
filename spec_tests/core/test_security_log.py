"""LOG-1 to LOG-3: what `djwto.security` is told, and what it is never told."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import AsyncClient, Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from djwto import security_log, signals
from djwto.authentication import jwt_login_required
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.sessions import revoke_all
from djwto.signals import jwt_blacklisted
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    session,
)
from djwto.spec_tests.logged import Kept
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import SIGNALS

pytestmark = pytest.mark.django_db

OURS = {"event", "endpoint", "ip", "jti", "user_id", "except_jti", "retry_after"}
IP = "127.0.0.1"


class Log:
    """What the logger was told, each record as its level and its own attributes."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        self.records = records

    def take(self) -> list[dict[str, Any]]:
        told = [
            {"level": record.levelname}
            | {name: value for name, value in vars(record).items() if name in OURS}
            for record in self.records
        ]
        self.records.clear()
        return told


@pytest.fixture
def log() -> Iterator[Log]:
    """The log from here on."""
    kept, logger = Kept(), logging.getLogger("djwto.security")
    logger.addHandler(kept)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield Log(kept.records)
    logger.setLevel(level)
    logger.removeHandler(kept)


def warned(event: str, endpoint: str = "GetTokensView", **more: Any) -> dict[str, Any]:
    return {"level": "WARNING", "event": event, "endpoint": endpoint, "ip": IP, **more}


@pytest.mark.clause("LOG-1")
@each_mode
def test_a_failed_login_is_told_and_one_that_succeeds_is_not(
    mode: str, log: Log, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    session()
    assert log.take() == []
    assert api.log_in("alice", "wrong").status == 401
    assert Client().post(api.LOGIN, b"{", "application/json").status_code == 400
    # It is no fault of the server's.
    assert not any(record.exc_info for record in log.records)
    assert log.take() == [warned("login_failed")] * 2


@pytest.mark.clause("LOG-1")
@pytest.mark.django_db(transaction=True)
def test_what_an_event_loop_answers_is_told_as_well(log: Log, settings: Settings) -> None:
    settings.ROOT_URLCONF = "djwto.async_urls"
    tokens = session()
    log.take()
    send = async_to_sync(AsyncClient().post)
    assert send(api.LOGIN, CREDENTIALS | {"password": "wrong"}).status_code == 401
    bearer = {"authorization": f"Bearer {tokens.refresh}"}
    assert send(api.LOGOUT, headers=bearer).status_code == 200
    failed, ended = log.take()
    assert failed == warned("login_failed")
    assert (ended["event"], ended["endpoint"]) == ("session_revoked", "BlackListTokenView")
    assert ended["user_id"] == api.claims_of(tokens.refresh)["user"]["id"]


@pytest.mark.clause("LOG-1")
def test_what_no_handler_takes_fails_nobody(caplog: pytest.LogCaptureFixture, log: Log) -> None:
    def failing(**named: Any) -> None:
        raise ZeroDivisionError

    with patch.object(signals.jwt_logged_in, "log", failing):
        assert session().status == 200
    told = [record for record in caplog.records if record.name == "django.dispatch"]
    assert [record.getMessage() for record in told] == ["The log of a signal failed."]
    assert told[0].exc_info


@pytest.mark.clause("LOG-1")
def test_each_end_of_a_session_has_its_line() -> None:
    security_log.connect()
    logs = {name: getattr(signal, "log") for name, signal in SIGNALS.items()}  # noqa: B009
    assert {name: log for name, log in logs.items() if log is not None} == {
        "jwt_login_fail": security_log._login_failed,
        "jwt_reuse_detected": security_log._reuse_detected,
        "jwt_blacklisted": security_log._session_revoked,
        "jwt_sessions_revoked": security_log._sessions_revoked,
    }


@pytest.mark.clause("LOG-1")
def test_a_session_of_nobody_is_told_as_one() -> None:
    assert security_log._user_id({}) is None
    assert security_log._user_id({"user": {"id": 7}}) == 7


@pytest.mark.clause("LOG-1")
@each_mode
def test_what_ends_a_session_is_told_once(mode: str, log: Log, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    first = session()
    claims = api.claims_of(first.refresh)
    for _ in range(2):
        assert api.send(api.LOGOUT, first.refresh).status == 200
    ended = {"event": "session_revoked", "endpoint": "BlackListTokenView", "ip": IP}
    whose = {"jti": claims["jti"], "user_id": claims["user"]["id"]}
    assert log.take() == [{"level": "INFO", **ended, **whose}]


@pytest.mark.clause("LOG-1")
@each_cookie_mode
def test_the_session_that_a_login_replaces_is_told_without_a_guess_at_its_user(
    mode: str, log: Log, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    first = session()
    cookies = {name: morsel.value for name, morsel in first.cookies.items()}
    assert api.log_in(**CREDENTIALS, cookies=cookies).status == 200
    (told,) = log.take()
    assert told == {
        "level": "INFO",
        "event": "session_revoked",
        "endpoint": "BlackListTokenView",
        "ip": IP,
        "jti": api.claims_of(first.refresh)["jti"],
    }


@pytest.mark.clause("LOG-1")
@each_mode
def test_reuse_is_told_once_as_an_error(mode: str, log: Log, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    first = session()
    claims = api.claims_of(first.refresh)
    assert api.send(api.UPDATE_REFRESH, first.refresh).status == 200
    assert log.take() == []
    for _ in range(2):
        assert api.send(api.REFRESH_ACCESS, first.refresh).status == 401
    assert log.take() == [
        {
            "level": "ERROR",
            "event": "reuse_detected",
            "endpoint": "RefreshAccessView",
            "ip": IP,
            "jti": claims["jti"],
            "user_id": claims["user"]["id"],
        }
    ]


@pytest.mark.clause("LOG-1")
@each_mode
def test_the_end_of_all_sessions_is_told_with_or_without_a_request(
    mode: str, log: Log, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    alice = User.objects.get()
    told = {"level": "INFO", "event": "sessions_revoked", "user_id": alice.pk}
    kept = api.claims_of(live.refresh)["jti"]
    keep = {"keep_current": "true"}
    assert api.send(api.LOGOUT_ALL, live.refresh, data=keep).status == 200
    assert log.take() == [told | {"endpoint": "LogoutAllView", "ip": IP, "except_jti": kept}]
    revoke_all(alice)
    assert log.take() == [told | {"endpoint": "revoke_all"}]


@pytest.mark.clause("LOG-1")
@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_told(log: Log, settings: Settings) -> None:
    settings.DJWTO_BLACKLIST = {"BACKEND": "djwto.backends.database.DatabaseBlacklist"}
    alice = create_alice()
    with transaction.atomic():
        revoke_all(alice)
        assert connection.in_atomic_block
        transaction.set_rollback(True)
    assert log.take() == []
    with transaction.atomic():
        revoke_all(alice)
        assert log.take() == []
    (told,) = log.take()
    assert told["event"] == "sessions_revoked"


@pytest.mark.clause("LOG-1")
@each_cookie_mode
def test_a_forged_request_is_told_of_wherever_it_is_refused(
    mode: str, log: Log, settings: Settings, rf: Any
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    assert api.send(api.REFRESH_ACCESS, live.refresh, csrf=False).status == 403
    evil = {"Origin": "https://evil.example"}
    assert Client(headers=evil).post(api.LOGIN, CREDENTIALS).status_code == 403
    assert log.take() == [
        warned("csrf_refused", "RefreshAccessView"),
        warned("login_failed"),
        warned("csrf_refused"),
    ]
    request = rf.post("/orders/")
    request.COOKIES = {
        name: live.access for name in ("jwt_access", "jwt_access_token") if live.access
    }

    @jwt_login_required
    def orders(request: Any) -> Any:
        raise NotImplementedError

    @jwt_login_required
    async def awaited_orders(request: Any) -> Any:
        raise NotImplementedError

    assert orders(request).status_code == 403
    assert async_to_sync(awaited_orders)(request).status_code == 403
    called, awaited = log.take()
    for told, name in ((called, "orders"), (awaited, "awaited_orders")):
        assert told["endpoint"].endswith(f".{name}")
        assert told == warned("csrf_refused", told["endpoint"])


def has_everyone_wait(request: Any, sender: str) -> int:
    """What DJWTO_THROTTLE names here."""
    return 30


@pytest.mark.clause("LOG-1")
def test_who_has_to_wait_is_told_of(log: Log, settings: Settings) -> None:
    settings.DJWTO_THROTTLE = f"{__name__}.has_everyone_wait"
    assert api.log_in(**CREDENTIALS).status == 429
    assert api.send(api.REFRESH_ACCESS).status == 429
    assert log.take() == [
        warned("login_failed"),
        warned("throttled", retry_after=30),
        warned("throttled", "RefreshAccessView", retry_after=30),
    ]


def fails(*arguments: Any) -> Any:
    """A store that is down."""
    raise BlacklistUnavailable("The disk is full.")


@pytest.mark.clause("LOG-1")
def test_a_store_that_is_down_is_told_of_with_the_reason(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = session()
    monkeypatch.setattr(get_blacklist(), "get_many", fails)
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 503
    (record,) = log.records
    assert record.exc_info
    assert isinstance(record.exc_info[1], BlacklistUnavailable)
    (told,) = log.take()
    assert told["level"] == "ERROR"
    assert told["event"] == "store_unavailable"
    assert told["endpoint"] == "RefreshAccessView"


@pytest.mark.clause("LOG-1")
@pytest.mark.parametrize("path", [api.VALIDATE_ACCESS, api.REFRESH_ACCESS])
def test_what_clients_are_answered_all_day_is_not_told(path: str, log: Log) -> None:
    session()
    for sent in (None, "garbage"):
        assert api.send(path, sent).status == 401
    assert log.take() == []


@pytest.mark.clause("LOG-2")
@each_mode
def test_no_secret_is_told(
    mode: str, log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    settings.DJWTO_SIGNING_KEY = "the-key-that-signs-" * 4
    name, password, typo = "alice-the-user", "the-right-password", "the-wrong-password"
    user = User.objects.create_user(name, password=password)
    lives = [api.log_in(name, password) for _ in range(4)]
    secrets = {name, password, typo, settings.DJWTO_SIGNING_KEY, api.CSRF_TOKEN}
    for live in lives:
        assert live.refresh
        assert live.access
        secrets |= {live.refresh, live.access, live.refresh.split(".")[2]}
        secrets |= {morsel.value for morsel in live.cookies.values()}
    api.log_in(name, typo)
    api.log_in(typo, name)
    api.log_in(name, typo, headers={"Origin": f"https://{typo}.example"})
    api.send(api.LOGOUT, lives[0].refresh)
    secrets.add(str(api.send(api.UPDATE_REFRESH, lives[1].refresh).refresh))
    api.send(api.UPDATE_REFRESH, lives[1].refresh)
    api.send(api.REFRESH_ACCESS, lives[2].refresh, csrf=False)
    revoke_all(user)
    with monkeypatch.context() as patch:
        patch.setattr(get_blacklist(), "get_many", fails)
        api.send(api.REFRESH_ACCESS, lives[3].refresh)
        api.log_in(name, password)
    events = {vars(record)["event"] for record in log.records}
    assert events >= {"login_failed", "reuse_detected", "session_revoked", "sessions_revoked"}
    assert "store_unavailable" in events
    full = logging.Formatter("%(message)s")
    for record in log.records:
        everything = full.format(record) + repr(vars(record))
        assert [secret for secret in secrets if secret in everything] == []
        assert not hasattr(record, "request")


texts = st.text() | st.text(alphabet=" =\\\r\n\u2028\x1b[\u202eab", max_size=12)


@pytest.mark.clause("LOG-3")
@search(examples=300)
@given(address=texts, jti=texts, user_id=texts | st.integers())
def test_no_text_forges_a_line_or_a_field(address: str, jti: str, user_id: str | int) -> None:
    event = "session_revoked"
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    kept, logger = Kept(), logging.getLogger("djwto.security")
    logger.addHandler(kept)
    try:
        security_log.write(logging.WARNING, event, request, jti=jti, user_id=user_id)
    finally:
        logger.removeHandler(kept)
    (record,) = kept.records
    message = record.getMessage()
    assert re.fullmatch(r"[!-~]+(?: [!-~]*)*", message)
    told, *fields = message.split(" ")
    assert told == event
    expected = ["jti", "user_id", *(["ip"] if address else [])]
    assert [field.partition("=")[0] for field in fields] == expected
    for field in fields:
        name, _, value = field.partition("=")
        assert str(vars(record)[name]) == value


@pytest.mark.clause("LOG-3")
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("10.0.0.1\nlogin_failed ip=10.0.0.2", r"10.0.0.1\u{a}login_failed\u{20}ip=10.0.0.2"),
        (r"a\u{a}", r"a\u{5c}u{a}"),
        ("x" * 300, "x" * 200),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_an_address_that_a_proxy_was_made_to_believe_is_told_harmlessly(
    address: str, told: str, log: Log
) -> None:
    assert Client(REMOTE_ADDR=address).post(api.LOGIN, {}).status_code == 401
    assert log.records[0].getMessage() == f"login_failed endpoint=GetTokensView ip={told}"


@pytest.mark.clause("LOG-3")
def test_a_session_is_named_by_its_key(log: Log) -> None:
    jti = "a session\r\nof two lines"
    jwt_blacklisted.send_robust("BlackListTokenView", request=None, jti=jti)
    (told,) = log.take()
    assert told["jti"] == blacklist_key(jti)
    assert "ip" not in told


@pytest.mark.clause("LOG-1")
def test_who_ends_a_session_of_another_is_not_taken_for_its_user(log: Log, rf: Any) -> None:
    request = rf.post("/")
    request.payload = {"jti": "1", "user": {"id": 7}}
    for jti in "1", "2":
        jwt_blacklisted.send_robust("BlackListTokenView", request=request, jti=jti)
    assert [told.get("user_id") for told in log.take()] == [7, None]
