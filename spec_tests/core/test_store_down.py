"""HTTP-17 and HTTP-24: what is answered while the store of sessions is down, and afterwards."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from django.core.cache import caches
from django.db import InterfaceError, OperationalError, connection
from django.test import override_settings
from pytest_django import Settings

from djwto.blacklist import get_blacklist
from djwto.exceptions import STORE_FAILURES, BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    each_cookie_mode,
    each_mode,
    names,
    token,
)
from djwto.spec_tests.core.alice import session as alice_logs_in
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.subject import REDIS, new_key

pytestmark = pytest.mark.django_db(transaction=True)

DATABASE = {"BACKEND": "djwto.spec_tests.rogues.honest.Honest"}
DUMMY = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}

NEED_THE_STORE = [
    ("post", api.VALIDATE_ACCESS),
    ("post", api.VALIDATE_REFRESH),
    ("post", api.REFRESH_ACCESS),
    ("post", api.UPDATE_REFRESH),
    ("post", api.LOGOUT_ALL),
    ("post", api.LOGOUT),
    ("delete", api.LOGOUT),
]


def session() -> api.Answer:
    """The answer to a login of alice while there was a store yet."""
    with override_settings(DJWTO_BLACKLIST=DATABASE):
        return alice_logs_in()


class Redis:
    """A Redis that does not listen on its port until it is brought up."""

    def __init__(self) -> None:
        # Bound and not listening: nobody else is given the port, and connections are refused.
        self.reserved = socket.socket()
        self.reserved.bind(("127.0.0.1", 0))
        self.port = self.reserved.getsockname()[1]

    @property
    def setting(self) -> dict[str, Any]:
        return {"BACKEND": REDIS, "OPTIONS": {"url": f"redis://127.0.0.1:{self.port}/0"}}

    @contextmanager
    def up(self) -> Iterator[None]:
        from fakeredis import TcpFakeServer

        self.reserved.close()
        server = TcpFakeServer(("127.0.0.1", self.port), server_type="redis")
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def close(self) -> None:
        self.reserved.close()


class Database:
    """A database that lacks its table until it is brought up."""

    table = BlacklistEntry._meta.db_table
    setting: ClassVar[dict[str, Any]] = {
        "BACKEND": "djwto.backends.database.DatabaseBlacklist",
        "OPTIONS": {"using": "default"},
    }

    def __init__(self) -> None:
        self.is_up = True
        self.rename(self.table, f"{self.table}_away")

    def rename(self, old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")
        self.is_up = not self.is_up

    @contextmanager
    def up(self) -> Iterator[None]:
        self.rename(f"{self.table}_away", self.table)
        yield

    def close(self) -> None:
        if not self.is_up:
            self.rename(f"{self.table}_away", self.table)


class Cache:
    """A cache that keeps nothing, as one does whose server is down, until it is brought up."""

    def __init__(self, settings: Settings) -> None:
        # A server's has what other tests have told it of users with the same primary keys.
        self.setting = {
            "BACKEND": "djwto.backends.cache.CacheBlacklist",
            "OPTIONS": {"alias": "store", "key_prefix": new_key()},
        }
        settings.CACHES = {**settings.CACHES, "store": DUMMY}
        self.settings = settings

    @contextmanager
    def up(self) -> Iterator[None]:
        # Behind the settings' back, so that the same backend has to find its way back.
        caches["store"] = caches.create_connection("default")
        yield

    def close(self) -> None:
        """Leaves the cache as it is: it may be a server's, which other tests use beside this."""


Store = Redis | Database | Cache


@pytest.fixture(params=["redis", "database", "cache"])
def store(
    request: pytest.FixtureRequest, transactional_db: None, settings: Settings
) -> Iterator[Store]:
    """A store that is down, and in force."""
    store: Store
    if request.param == "redis":
        store = Redis()
    elif request.param == "database":
        store = Database()
    else:
        store = Cache(settings)
    settings.DJWTO_BLACKLIST = store.setting
    yield store
    store.close()


def call(method: str, path: str, live: api.Answer) -> api.Answer:
    return api.send(path, token(live, api.expects(path)), method=method)


def cookies_of(answer: api.Answer) -> dict[str, str]:
    """What a browser that was given this answer sends along."""
    return {name: morsel.value for name, morsel in answer.cookies.items()}


@pytest.mark.clause("HTTP-17")
@each_mode
@pytest.mark.case(72, "P10")
def test_without_its_store_an_endpoint_answers_503_and_does_nothing(
    mode: str, store: Store, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for method, path in NEED_THE_STORE:
        with Recorder() as recorder:
            answer = call(method, path, live)
        assert (answer.status, set(answer.body)) == (503, {"error"}), path
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
        assert not answer.cookies
        assert (answer.refresh, answer.access) == (None, None)
        assert names(recorder) == []


@pytest.mark.clause("HTTP-17")
def test_the_client_is_told_to_try_again_and_the_log_who_met_with_what(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    live = session()
    with caplog.at_level(logging.ERROR, "djwto.security"):
        answer = call("post", api.REFRESH_ACCESS, live)
    assert answer.body == {"error": "The service is unavailable; try again later."}
    (record,) = (record for record in caplog.records if record.name == "djwto.security")
    assert record.getMessage() == "store_unavailable endpoint=RefreshAccessView ip=127.0.0.1"
    assert record.exc_info
    assert isinstance(record.exc_info[1], STORE_FAILURES)


@pytest.mark.clause("HTTP-17")
@each_mode
@pytest.mark.case(72)
def test_without_the_store_nobody_logs_in(mode: str, store: Store, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    session()
    with Recorder() as recorder:
        answer = api.log_in(**CREDENTIALS)
        assert (answer.status, answer.refresh, answer.access) == (503, None, None)
        assert not answer.cookies
        assert names(recorder) == []
        assert api.log_in("alice", "wrong").status == 401
    assert names(recorder) == ["jwt_login_fail"]


@pytest.mark.clause("HTTP-17")
@each_mode
def test_without_the_store_what_needs_none_is_answered_as_ever(
    mode: str, store: Store, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for method, path in NEED_THE_STORE[:-1]:
        assert api.send(path, "garbage", method=method).status == 401
    assert api.send(api.LOGOUT, None, method="delete").status == 200
    assert api.send(api.LOGOUT, "garbage", method="delete").status == 200
    assert api.send("/access/", live.access, as_refresh=False).status == 200
    assert api.send(api.LOGOUT, None, method="get").status == 405
    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 404


@pytest.mark.clause("HTTP-17")
@each_cookie_mode
def test_without_the_store_no_login_replaces_a_session(
    mode: str, store: Store, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        answer = api.log_in(**CREDENTIALS, cookies=cookies_of(live))
    assert (answer.status, answer.cookies, names(recorder)) == (503, {}, [])
    with store.up():
        assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("HTTP-17")
@each_cookie_mode
@pytest.mark.parametrize("error", [BlacklistUnavailable, OperationalError, InterfaceError])
def test_a_login_whose_old_session_cannot_be_ended_begins_no_new_one(
    mode: str, error: type[Exception], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = mode
    live = session()

    def fail(key: str, exp: int | None) -> bool:
        raise error("The disk is full.")

    with monkeypatch.context() as patch, Recorder() as recorder:
        patch.setattr(get_blacklist(), "add", fail)
        answer = api.log_in(**CREDENTIALS, cookies=cookies_of(live))
        assert (answer.status, answer.cookies, names(recorder)) == (503, {}, [])
        assert (answer.refresh, answer.access) == (None, None)
        # Where there is none to be ended nothing has to be written.
        assert api.log_in(**CREDENTIALS).status == 200
    assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 200


ASKING = {
    "/access/": "access",
    "/access/async/": "access",
    "/refresh/": "refresh",
    "/refresh/stacked/": "refresh",
    "/perm/": "access",
    "/perm/stacked/": "access",
}
"""Views behind the decorators, and the token that each asks for."""


@pytest.mark.clause("HTTP-24")
@each_mode
def test_without_the_store_no_view_is_called_that_asks_it(
    mode: str, store: Store, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_PROCESS_PERMS = "djwto.spec_tests.core.hooks.add_user_only"
    live = session()
    calls = [(path, token(live, type_), type_ == "refresh") for path, type_ in ASKING.items()]
    for path, one, as_refresh in calls:
        settings.DJWTO_CHECK_ACCESS = False
        assert api.send(path, one, as_refresh=as_refresh).status == 200, path
        settings.DJWTO_CHECK_ACCESS = True
        answer = api.send(path, one, as_refresh=as_refresh)
        assert (answer.status, set(answer.body)) == (503, {"error"}), path
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
    with store.up():
        for path, one, as_refresh in calls:
            assert api.send(path, one, as_refresh=as_refresh).status == 200, path


@pytest.mark.clause("HTTP-17")
@each_mode
def test_when_the_store_is_back_the_sessions_go_on(
    mode: str, store: Store, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 3600
    live = session()
    for method, path in NEED_THE_STORE:
        assert call(method, path, live).status == 503
    with store.up(), Recorder() as recorder:
        for method, path in NEED_THE_STORE[:-1]:
            assert call(method, path, live).status == 200, path
        assert names(recorder) == [
            "jwt_token_validated",
            "jwt_token_validated",
            "jwt_access_refreshed",
            "jwt_refresh_updated",
            "jwt_sessions_revoked",
            "jwt_blacklisted",
        ]
        assert call("post", api.REFRESH_ACCESS, live).status == 401
