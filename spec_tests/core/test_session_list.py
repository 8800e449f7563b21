"""`djwto.contrib.sessions`: the list of the sessions that go on, and how one is ended by it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.http import HttpRequest
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

import djwto
from djwto.backends.database import DatabaseBlacklist
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.claims import Claims, process_claims
from djwto.contrib.sessions import checks, models, receivers, views
from djwto.contrib.sessions.conf import NAMES
from djwto.contrib.sessions.device import remote_addr
from djwto.contrib.sessions.models import Session
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.sessions import CLOCK_MARGIN, revoke_all
from djwto.signals import jwt_blacklisted, jwt_logged_in, jwt_refresh_updated
from djwto.spec_tests import api
from djwto.spec_tests.core.admin_site import admin_test, browser, site, texts
from djwto.spec_tests.core.alice import (
    COOKIE_MODES,
    PASSWORD,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import decode

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("djwto.spec_tests.core.urls_session_list"),
]

DAY = 86_400
SESSIONS = "/me/sessions/"
TABLE = Session._meta.db_table
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

each_refresh = pytest.mark.parametrize("path", [api.REFRESH_ACCESS, api.UPDATE_REFRESH])


def log_in(name: str = "alice", **extra: Any) -> api.Answer:
    answer = api.log_in(name, PASSWORD, **extra)
    assert answer.status == 200, answer
    return answer


def create_bob() -> User:
    return User.objects.create_user("bob", password=PASSWORD)


def claims_of(answer: api.Answer) -> dict[str, Any]:
    """The claims of the refresh token that was answered."""
    return api.claims_of(token(answer, "refresh"))


def key_of(answer: api.Answer) -> str:
    """The key of the session that was answered."""
    return blacklist_key(claims_of(answer)["jti"])


def row_of(answer: api.Answer) -> Session:
    return Session.objects.get(key=key_of(answer))


def keys() -> set[str]:
    """What the table holds."""
    return set(Session.objects.values_list("key", flat=True))


def listed(live: api.Answer) -> api.Answer:
    """The answer to a request for the list, with the access token of a session."""
    return api.send(SESSIONS, live.access, method="get", as_refresh=False, csrf=False)


def end(live: api.Answer, key: str, **extra: Any) -> api.Answer:
    """The answer to a request to end a session, with the access token of one."""
    path = f"{SESSIONS}{key}/"
    return api.send(path, live.access, method="delete", as_refresh=False, **extra)


def goes_on(answer: api.Answer) -> bool:
    """Whether the session's access token is still taken where the store is asked."""
    status = api.send(api.VALIDATE_ACCESS, answer.access, as_refresh=False).status
    assert status in {200, 401}
    return status == 200


@contextmanager
def statements(*, of_table: bool = True) -> Iterator[list[str]]:
    """The first words of the SQL statements meanwhile, all or those about the list.

    That a statement is in a transaction of its own is not told.
    """
    words: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield words
    for query in queries.captured_queries:
        word = query["sql"].split()[0]
        if word not in {"BEGIN", "COMMIT"} and (TABLE in query["sql"] or not of_table):
            words.append(word)


# What is in the list.


@pytest.mark.clause("SL-1")
@each_mode
def test_a_login_makes_one_row(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    before = int(time.time())
    live = log_in(REMOTE_ADDR="203.0.113.77", headers={"User-Agent": FIREFOX})
    (row,) = Session.objects.all()
    claims = claims_of(live)
    assert (row.key, row.user) == (claims["jti"], alice)
    assert (row.created, row.exp) == (claims["auth_time"], claims["exp"])
    assert before <= row.refreshed <= time.time()
    assert (row.ip, row.user_agent) == ("203.0.113.0/24", FIREFOX)
    assert str(row) == row.key


@pytest.mark.clause("SL-1")
@each_mode
def test_no_row_holds_anything_of_a_token_but_its_key_and_its_times(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    api.send(api.UPDATE_REFRESH, live.refresh)
    (row,) = Session.objects.values()
    assert set(row) == {"key", "user_id", "created", "refreshed", "exp", "ip", "user_agent"}
    texts = {str(value) for value in row.values()}
    parts = {part for t in (live.refresh, live.access) for part in str(t).split(".")}
    assert not texts & (parts | {str(live.refresh), str(live.access), claims_of(live)["gen"]})


@pytest.mark.clause("SL-1")
@each_mode
@each_refresh
def test_a_refresh_is_noted_in_the_row(mode: str, path: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live, other = session(), log_in()
    Session.objects.update(refreshed=5, exp=6, ip="", user_agent="")
    settings.DJWTO_SESSION_IP = "full"
    answer = api.send(
        path, live.refresh, REMOTE_ADDR="203.0.113.78", headers={"User-Agent": FIREFOX}
    )
    assert answer.status == 200
    row = row_of(live)
    assert row.created == claims_of(live)["auth_time"]
    assert time.time() - 60 < row.refreshed <= time.time()
    assert row.exp == api.claims_of(answer.refresh or token(live, "refresh"))["exp"]
    assert (row.ip, row.user_agent) == ("203.0.113.78", FIREFOX)
    assert row_of(other).refreshed == 5


@pytest.mark.clause("SL-1")
@each_mode
def test_what_is_refused_is_not_noted(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    Session.objects.update(refreshed=5)
    api.send(api.REFRESH_ACCESS, "garbage")
    api.log_in("alice", "wrong")
    api.send(api.VALIDATE_REFRESH, live.refresh)
    assert [row.refreshed for row in Session.objects.all()] == [5]


@pytest.mark.clause("SL-1")
def test_an_older_token_that_is_still_good_brings_no_end_forward(settings: Settings) -> None:
    settings.DJWTO_ROTATE_REFRESH = False
    older = session()
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=2)
    younger = api.send(api.UPDATE_REFRESH, older.refresh)
    assert api.send(api.REFRESH_ACCESS, older.refresh).status == 200
    assert claims_of(older)["exp"] < claims_of(younger)["exp"] == row_of(older).exp


@pytest.mark.clause("SL-1")
def test_a_session_without_an_end_has_none_in_the_list(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = None
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    live = session()
    assert row_of(live).exp is None
    Session.objects.update(refreshed=5, exp=6)
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
    assert (row_of(live).exp, row_of(live).refreshed > 5) == (None, True)
    (told,) = listed(live).body["sessions"]
    assert told["expires"] is None
    # Its first token still has no end.
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    jwt_refresh_updated.send(
        "UpdateRefreshView",
        request=HttpRequest(),
        refresh_claims={**claims_of(live), "exp": int(time.time()) + DAY},
        access_claims={},
    )
    assert row_of(live).exp is None


@pytest.mark.clause("SL-1")
@each_mode
@each_refresh
def test_a_session_that_is_not_in_the_list_is_put_there_by_a_refresh(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    Session.objects.all().delete()
    with statements() as words:
        assert api.send(path, live.refresh).status == 200
    assert words == ["UPDATE", "INSERT"]
    row = row_of(live)
    assert (row.user.username, row.created) == ("alice", claims_of(live)["auth_time"])


@pytest.mark.clause("SL-1")
@pytest.mark.parametrize(
    ("stated", "began"),
    [({"auth_time": 50, "iat": 60}, 50), ({"iat": 60}, 60), ({}, None)],
    ids=["auth_time", "iat", "neither"],
)
def test_a_session_that_is_found_late_began_when_its_token_says(
    stated: dict[str, int], began: int | None
) -> None:
    live = session()
    Session.objects.all().delete()
    timeless = {n: v for n, v in claims_of(live).items() if n not in {"auth_time", "iat"}}
    access = decode(token(live, "access"), "access")
    late = {"request": HttpRequest(), "refresh_claims": timeless | stated, "access_claims": access}
    jwt_refresh_updated.send("UpdateRefreshView", **late)
    row = row_of(live)
    # Where it does not say, when it was found.
    assert row.created == (row.refreshed if began is None else began)


@pytest.mark.clause("SL-1")
def test_of_two_first_refreshes_at_once_both_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    live = session()
    Session.objects.all().delete()
    create = receivers._create

    def create_twice(request: HttpRequest, claims: Claims) -> None:
        create(request, claims)
        create(request, claims)

    monkeypatch.setattr(receivers, "_create", create_twice)
    sent = [
        error
        for _, error in jwt_refresh_updated.send_robust(
            "UpdateRefreshView",
            request=HttpRequest(),
            refresh_claims=claims_of(live),
            access_claims=api.claims_of(token(live, "access")),
        )
    ]
    assert sent == [None]
    # The transaction that it is in has seen no error.
    assert User.objects.count() == 1


@pytest.mark.clause("SL-1")
@pytest.mark.django_db(transaction=True)
@each_mode
def test_refreshes_at_once_leave_one_row(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    Session.objects.all().delete()
    together = threading.Barrier(6)
    statuses: list[int] = []

    def refresh() -> None:
        try:
            together.wait()
            statuses.append(api.send(api.UPDATE_REFRESH, live.refresh).status)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=refresh) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 6
    assert keys() == {key_of(live)}


@pytest.mark.clause("SL-6")
@pytest.mark.django_db(transaction=True)
@each_mode
def test_each_signal_costs_one_statement(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    with statements() as words:
        live = log_in()
    assert words == ["INSERT"]
    for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        with statements() as words:
            answer = api.send(path, live.refresh)
        assert words == ["UPDATE"]
    with statements() as words:
        assert api.send(api.LOGOUT_ALL, answer.refresh).status == 200
    assert words == ["DELETE"]
    again = log_in()
    with statements() as words:
        api.send(api.VALIDATE_ACCESS, again.access, as_refresh=False)
    assert words == []
    with statements() as words:
        assert api.send(api.LOGOUT, again.refresh).status == 200
    assert words == ["DELETE"]


# What takes a session off the list.


@pytest.mark.clause("SL-2")
@each_mode
@pytest.mark.parametrize("method", ["post", "delete"])
def test_a_logout_takes_the_session_off_the_list(
    mode: str, method: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live, other = session(), log_in()
    api.send(api.LOGOUT, live.refresh, method=method)
    assert keys() == {key_of(other)}


@pytest.mark.clause("SL-2")
@each_mode
def test_so_does_a_token_that_is_used_twice(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    live, other = session(), log_in()
    api.send(api.UPDATE_REFRESH, live.refresh)
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 401
    assert keys() == {key_of(other)}


@pytest.mark.clause("SL-2")
@each_mode
@pytest.mark.parametrize("keep", ["true", "false"])
def test_so_does_a_logout_everywhere(mode: str, keep: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    log_in()
    create_bob()
    bobs = log_in("bob")
    answer = api.send(api.LOGOUT_ALL, live.refresh, data={"keep_current": keep})
    assert answer.status == 200
    assert keys() == {key_of(bobs)} | ({key_of(live)} if keep == "true" else set())


@pytest.mark.clause("SL-2")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["revoke_all", "password", "is_active", "delete"])
def test_so_does_what_ends_all_sessions_of_a_user(how: str) -> None:
    alice = create_alice()
    create_bob()
    log_in()
    log_in()
    bobs = log_in("bob")
    if how == "revoke_all":
        revoke_all(alice)
    elif how == "delete":
        alice.delete()
    else:
        if how == "password":
            alice.set_password("another")
        else:
            alice.is_active = False
        alice.save()
    assert keys() == {key_of(bobs)}


@pytest.mark.clause("SL-2")
@each_cookie_mode
def test_so_does_a_login_that_replaces_it(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    cookies = {name: morsel.value for name, morsel in live.cookies.items()}
    again = log_in(cookies=cookies)
    assert keys() == {key_of(again)}


@pytest.mark.clause("SL-2")
@pytest.mark.parametrize("by_cutoff", [True, False])
def test_a_refresh_that_is_late_puts_nothing_back(by_cutoff: bool) -> None:
    live = session()
    refresh, access = claims_of(live), decode(token(live, "access"), "access")
    if by_cutoff:
        revoke_all(User.objects.get())
    else:
        api.send(api.LOGOUT, live.refresh)
    late = {"request": HttpRequest(), "refresh_claims": refresh, "access_claims": access}
    jwt_refresh_updated.send("UpdateRefreshView", **late)
    assert keys() == set()


# What is known of the device.


@pytest.mark.clause("SL-3")
@pytest.mark.parametrize(
    ("address", "full", "network"),
    [
        ("203.0.113.77", "203.0.113.77", "203.0.113.0/24"),
        ("2001:DB8:aa:bb::1", "2001:db8:aa:bb::1", "2001:db8:aa::/48"),
        ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::1", "fe80::/48"),
        ("::1", "::1", "::/48"),
        (" 203.0.113.77 ", "203.0.113.77", "203.0.113.0/24"),
        # gunicorn on a unix socket.
        ("", "", ""),
        ("unix:", "", ""),
        ("203.0.113.77:8080", "", ""),
        ("203.0.113.77, 10.0.0.1", "", ""),
        ("203.0.113.0/24", "", ""),
        ("203.0.113.077", "", ""),
        ("\x00\ud800" * 10_000, "", ""),
    ],
)
def test_as_much_of_the_address_is_kept_as_is_set(
    address: str, full: str, network: str, settings: Settings
) -> None:
    create_alice()
    for kept, expected in ((None, network), ("network", network), ("full", full), ("none", "")):
        if kept is not None:
            settings.DJWTO_SESSION_IP = kept
        assert row_of(log_in(REMOTE_ADDR=address)).ip == expected


@pytest.mark.clause("SL-3")
@pytest.mark.parametrize("stated", [{}, {"REMOTE_ADDR": ""}, {"REMOTE_ADDR": None}])
def test_of_a_server_that_names_no_address_none_is_told(stated: dict[str, Any]) -> None:
    request = HttpRequest()
    request.META.update(stated)
    assert remote_addr(request) == ""


@pytest.mark.clause("SL-3")
def test_the_longest_network_fits() -> None:
    create_alice()
    live = log_in(REMOTE_ADDR="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    assert row_of(live).ip == "ffff:ffff:ffff::/48"
    with override_settings(DJWTO_SESSION_IP="full"):
        longest = ":".join(["fffe"] * 8)
        row = row_of(log_in(REMOTE_ADDR=longest))
    assert row.ip == longest
    row.full_clean()


def first_forwarded(request: HttpRequest) -> str:
    """A hook, for a project whose proxy sets the header anew."""
    return request.headers["X-Forwarded-For"].split(",")[0]


def nothing(request: HttpRequest) -> None:
    """A hook that does not know."""


@pytest.mark.clause("SL-3")
def test_a_proxy_is_believed_by_a_hook_only(settings: Settings) -> None:
    create_alice()
    sent = {"X-Forwarded-For": "198.51.100.4, 10.0.0.1"}
    assert row_of(log_in(headers=sent)).ip == "127.0.0.0/24"
    settings.DJWTO_SESSION_CLIENT_IP = f"{__name__}.first_forwarded"
    assert row_of(log_in(headers=sent)).ip == "198.51.100.0/24"
    settings.DJWTO_SESSION_CLIENT_IP = f"{__name__}.nothing"
    assert row_of(log_in(headers=sent)).ip == ""


@pytest.mark.clause("SL-3")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (FIREFOX, FIREFOX),
        ("x" * 10_000, "x" * 200),
        ("one\x00two\r\nthree\x1b[31m", "one two  three [31m"),
        ("half \ud800 a pair", "half   a pair"),
        ("backwards \u202e", "backwards"),
        ("<script>", "<script>"),
        (" \x00 ", ""),
        ("", ""),
    ],
)
def test_the_start_of_the_user_agent_is_kept(sent: str, kept: str, settings: Settings) -> None:
    create_alice()
    row = row_of(log_in(headers={"User-Agent": sent}))
    assert row.user_agent == kept
    row.refresh_from_db()
    assert row.user_agent == kept
    settings.DJWTO_SESSION_USER_AGENT = "none"
    assert row_of(log_in(headers={"User-Agent": sent})).user_agent == ""


@pytest.mark.clause("SL-3")
def test_what_is_kept_no_more_goes_with_the_next_refresh(settings: Settings) -> None:
    create_alice()
    live = log_in(headers={"User-Agent": FIREFOX})
    settings.DJWTO_SESSION_IP = settings.DJWTO_SESSION_USER_AGENT = "none"
    api.send(api.UPDATE_REFRESH, live.refresh)
    assert (row_of(live).ip, row_of(live).user_agent) == ("", "")


@pytest.mark.clause("SIG-11")
@each_mode
def test_a_login_and_a_refresh_that_cannot_be_noted_are_none_the_worse(
    mode: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DJWTO_MODE = mode
    # It raises KeyError: the header is not there.
    settings.DJWTO_SESSION_CLIENT_IP = f"{__name__}.first_forwarded"
    live = session()
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    assert keys() == set()
    assert [record.name for record in caplog.records] == ["django.dispatch"] * 2


@pytest.mark.clause("SIG-11")
@pytest.mark.django_db(transaction=True)
def test_an_error_of_the_list_breaks_no_transaction(caplog: pytest.LogCaptureFixture) -> None:
    create_alice()
    with without_table():
        with transaction.atomic():
            live = log_in()
            assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
            # PostgreSQL would refuse this in a transaction that has seen an error.
            assert User.objects.count() == 1
        assert api.send(api.LOGOUT, live.refresh).status == 200
        assert not goes_on(live)
    errors = [record.name for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["django.dispatch"] * 3


@contextmanager
def without_table() -> Iterator[None]:
    """The project was not migrated after the app was added to it."""
    with connection.schema_editor() as editor:
        editor.delete_model(Session)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(Session)


# The list.


@pytest.mark.clause("SL-4")
@each_mode
def test_one_sees_all_of_ones_own_sessions_and_no_others(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    create_bob()
    first = log_in(REMOTE_ADDR="203.0.113.77", headers={"User-Agent": FIREFOX})
    second, bobs = log_in(REMOTE_ADDR=""), log_in("bob")
    Session.objects.filter(key=key_of(first)).update(refreshed=2_000_000_000)
    answer = listed(second)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body == {
        "sessions": [
            {
                "id": key_of(first),
                "created": claims_of(first)["auth_time"],
                "refreshed": 2_000_000_000,
                "expires": claims_of(first)["exp"],
                "ip": "203.0.113.0/24",
                "user_agent": FIREFOX,
                "current": False,
            },
            {
                "id": key_of(second),
                "created": claims_of(second)["auth_time"],
                "refreshed": row_of(second).refreshed,
                "expires": claims_of(second)["exp"],
                "ip": None,
                "user_agent": None,
                "current": True,
            },
        ]
    }
    assert [told["id"] for told in listed(bobs).body["sessions"]] == [key_of(bobs)]


@pytest.mark.clause("SL-4")
def test_the_order_is_the_same_each_time() -> None:
    alice = create_alice()
    for number in "3", "1", "2":
        Session.objects.create(key=number * 32, user=alice, created=10**10, refreshed=1)
    told = [row.key for row in Session.objects.of(alice)]
    assert told == ["1" * 32, "2" * 32, "3" * 32]


@pytest.mark.clause("SL-4")
def test_what_has_expired_is_not_listed(settings: Settings) -> None:
    live, old = session(), log_in()
    now = int(time.time())
    Session.objects.filter(key=key_of(old)).update(exp=now - 10)
    assert [told["id"] for told in listed(live).body["sessions"]] == [key_of(live)]
    settings.DJWTO_LEEWAY = 60
    assert len(listed(live).body["sessions"]) == 2
    settings.DJWTO_LEEWAY = 0
    Session.objects.filter(key=key_of(old)).update(exp=now + DAY, created=now - 29 * DAY)
    assert len(listed(live).body["sessions"]) == 2
    # No token of it is taken any more, whatever its exp says.
    Session.objects.filter(key=key_of(old)).update(created=now - 30 * DAY - 1)
    assert len(listed(live).body["sessions"]) == 1
    settings.DJWTO_SESSION_MAX_AGE = None
    assert len(listed(live).body["sessions"]) == 2


@pytest.mark.clause("SL-4")
def test_a_session_expires_when_it_reaches_its_longest_age(settings: Settings) -> None:
    live = session()
    settings.DJWTO_SESSION_MAX_AGE = timedelta(hours=1)
    (told,) = listed(live).body["sessions"]
    assert told["expires"] == claims_of(live)["auth_time"] + 3600 < claims_of(live)["exp"]


@pytest.mark.clause("SL-4")
def test_no_list_is_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    live = session()
    log_in()
    log_in()
    assert len(listed(live).body["sessions"]) == 2


@pytest.mark.clause("SL-4")
@each_mode
def test_the_list_is_for_access_tokens_of_sessions_and_users_that_go_on(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for wrong in (None, "garbage", live.refresh):
        answer = api.send(SESSIONS, wrong, method="get", as_refresh=False)
        assert (answer.status, set(answer.body)) == (401, {"error"})
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        answer = api.send(f"{SESSIONS}{key_of(live)}/", wrong, method="delete", as_refresh=False)
        assert (answer.status, set(answer.body)) == (401, {"error"})
    assert goes_on(live)
    other = log_in()
    api.send(api.LOGOUT, live.refresh)
    # DJWTO_CHECK_ACCESS is off, and the store is asked all the same.
    assert listed(live).status == 401
    assert end(live, key_of(other)).status == 401
    User.objects.update(is_active=False)
    assert listed(other).status == 401
    assert end(other, key_of(other)).status == 401
    assert keys() == {key_of(other)}


@pytest.mark.clause("HTTP-18")
@each_mode
def test_other_methods_are_refused(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for method, path, allowed in (
        ("post", SESSIONS, "GET"),
        ("delete", SESSIONS, "GET"),
        ("get", f"{SESSIONS}{key_of(live)}/", "DELETE"),
        ("post", f"{SESSIONS}{key_of(live)}/", "DELETE"),
    ):
        answer = api.send(path, live.access, method=method, as_refresh=False)
        assert (answer.status, set(answer.body)) == (405, {"error"})
        assert allowed in answer.headers["Allow"].split(", ")
        assert answer.headers["Cache-Control"] == "no-store"
    assert goes_on(live)


# The end of a session.


@pytest.mark.clause("SL-5")
@each_mode
def test_one_ends_another_session_of_ones_own(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live, other = session(), log_in()
    with Recorder() as recorder:
        answer = end(live, key_of(other))
    assert (answer.status, answer.body) == (200, {"msg": "The session has been ended."})
    assert not answer.cookies
    (sent,) = recorder.take()
    assert (sent.name, sent.sender) == ("jwt_blacklisted", "BlackListTokenView")
    assert set(sent.kwargs) == {"signal", "request", "jti"}
    assert sent.kwargs["jti"] == claims_of(other)["jti"]
    assert sent.kwargs["request"].path == f"{SESSIONS}{key_of(other)}/"
    assert (goes_on(live), goes_on(other)) == (True, False)
    for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        assert api.send(path, other.refresh).status == 401
    assert keys() == {key_of(live)}
    # It is gone.
    assert end(live, key_of(other)).status == 404


@pytest.mark.clause("SL-5")
@each_mode
def test_to_end_the_session_at_hand_is_to_log_out(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    answer = end(live, key_of(live))
    assert (answer.status, answer.body) == (200, {"msg": "The session has been ended."})
    logged_out = api.send(api.LOGOUT, log_in().refresh)
    assert set(answer.cookies) == set(logged_out.cookies)
    for name, morsel in answer.cookies.items():
        assert (morsel.value, morsel["max-age"]) == ("", 0)
        assert morsel["path"] == logged_out.cookies[name]["path"]
    assert bool(answer.cookies) == (mode in COOKIE_MODES)
    assert not goes_on(live)


@pytest.mark.clause("SL-5")
@each_mode
def test_anothers_session_and_none_at_all_are_answered_alike(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    create_bob()
    bobs, expired = log_in("bob"), log_in()
    Session.objects.filter(key=key_of(expired)).update(exp=5)
    nobodys = "00000000-0000-4000-8000-000000000000"
    answers = [end(live, key) for key in (key_of(bobs), nobodys, key_of(expired), "~" + "0" * 64)]
    shouted = key_of(live).upper().replace("-", "A")
    with statements() as words:
        answers += [
            end(live, no_key)
            for no_key in (shouted, f"{key_of(live)}%20", "%00", "%ED%A0%80", "x" * 5_000)
        ]
    # What is no key no database is asked for: some fail, and others take it for one.
    assert words == []
    assert {answer.status for answer in answers} == {404}
    assert {answer.body["error"] for answer in answers} == {"There is no such session."}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert goes_on(live)
    assert goes_on(bobs)


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
def test_another_sites_page_ends_no_session(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    assert listed(live).status == 200
    answer = end(live, key_of(live), csrf=False)
    assert (answer.status, set(answer.body)) == (403, {"error"})
    assert goes_on(live)
    settings.DJWTO_CSRF = False
    assert end(live, key_of(live), csrf=False).status == 200


@pytest.mark.clause("SL-5")
def test_a_session_that_had_ended_unnoticed_is_taken_off_the_list_and_not_announced() -> None:
    live, other = session(), log_in()
    get_blacklist().add(key_of(other), None)
    with Recorder() as recorder:
        answer = end(live, key_of(other))
    assert (answer.status, answer.body) == (200, {"msg": "The session had ended before."})
    assert names(recorder) == []
    assert keys() == {key_of(live)}


@pytest.mark.clause("HTTP-17")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.parametrize("down", ["get_many", "add"])
def test_while_the_store_is_down_nothing_is_ended(
    mode: str, down: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = mode
    live, other = session(), log_in()
    with Recorder() as recorder, monkeypatch.context() as patched:
        patched.setattr(DatabaseBlacklist, down, unavailable)
        answers = [end(live, key_of(other)), end(live, key_of(live))]
        if down == "get_many":
            answers.append(listed(live))
    for answer in answers:
        assert (answer.status, set(answer.body)) == (503, {"error"})
        assert int(answer.headers["Retry-After"]) > 0
        assert not answer.cookies
    assert names(recorder) == []
    assert keys() == {key_of(live), key_of(other)}
    assert goes_on(live)
    assert goes_on(other)


def unavailable(*args: Any) -> Any:
    raise BlacklistUnavailable("The store is down.")


@pytest.mark.clause("SL-6")
@pytest.mark.django_db(transaction=True)
@each_mode
def test_each_endpoint_takes_so_many_statements(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live, other = session(), log_in()
    for _ in range(5):
        log_in()
    with statements(of_table=False) as words:
        assert listed(live).status == 200
    # The store, the user and the list.
    assert words == ["SELECT"] * 3
    with statements(of_table=False) as words:
        assert end(live, key_of(other)).status == 200
    assert words == ["SELECT"] * 3 + ["INSERT", "DELETE"]


@pytest.mark.clause("HTTP-14")
def test_the_end_is_remembered_for_as_long_as_a_token_may_live(settings: Settings) -> None:
    create_alice()

    def remembered(**fields: Any) -> int | None:
        """How long after now the end of a new session is remembered."""
        row = row_of(log_in())
        Session.objects.filter(key=row.key).update(**fields)
        row.refresh_from_db()
        assert row.end() is True
        exp = BlacklistEntry.objects.get(key=row.key).exp
        return None if exp is None else exp - CLOCK_MARGIN - int(time.time())

    # A receiver has missed that the session was refreshed since.
    stale = {"exp": int(time.time()) + 5}
    for fields in ({}, stale):
        kept = remembered(**fields)
        assert kept is not None
        assert 30 * DAY - 5 <= kept <= 30 * DAY
    settings.DJWTO_SESSION_MAX_AGE = None
    kept = remembered(**stale)
    assert kept is not None
    assert DAY - 5 <= kept <= DAY
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=90)
    kept = remembered(**stale)
    assert kept is not None
    assert 90 * DAY - 5 <= kept <= 90 * DAY
    kept = remembered(exp=int(time.time()) + 200 * DAY)
    assert kept is not None
    assert 200 * DAY - 5 <= kept <= 200 * DAY
    assert remembered(exp=None) is None
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    assert remembered(**stale) is None


def unsafe_jti(user: Any, request: HttpRequest, type_: str, **kwargs: Any) -> Claims:
    """A hook whose `jti` is none that every store takes."""
    return process_claims(user, request, type_) | {"jti": f"Session {time.time_ns()} \ud800"}


@pytest.mark.clause("SL-5")
def test_a_session_whose_jti_is_not_its_key_is_ended_by_its_key(settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.unsafe_jti"
    live, other = session(), log_in()
    assert key_of(other).startswith("~")
    with Recorder() as recorder:
        assert end(live, key_of(other)).status == 200
    assert [sent.kwargs["jti"] for sent in recorder.sent] == [key_of(other)]
    assert (goes_on(live), goes_on(other)) == (True, False)
    assert keys() == {key_of(live)}
    api.send(api.LOGOUT, live.refresh)
    assert keys() == set()


# Python.


@pytest.mark.clause("SL-5")
@pytest.mark.django_db(transaction=True)
def test_python_lists_and_ends_sessions() -> None:
    alice, bob = create_alice(), create_bob()
    first, second, bobs = log_in(), log_in(), log_in("bob")
    Session.objects.filter(key=key_of(second)).update(refreshed=5)
    assert [row.key for row in Session.objects.of(alice)] == [key_of(first), key_of(second)]
    assert [row.key for row in Session.objects.of(bob)] == [key_of(bobs)]
    assert list(alice.jwt_sessions.of(bob)) == []
    row = row_of(first)
    with Recorder() as recorder:
        assert row.end() is True
        assert row.end() is False
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_blacklisted", "BlackListTokenView")
    assert (sent.kwargs["jti"], sent.kwargs["request"]) == (row.key, None)
    assert (goes_on(first), goes_on(second)) == (False, True)
    assert keys() == {key_of(second), key_of(bobs)}


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
def test_an_end_that_is_rolled_back_has_not_been() -> None:
    live = session()
    with Recorder() as recorder:
        with transaction.atomic():
            assert row_of(live).end() is True
            transaction.set_rollback(True)
        assert names(recorder) == []
        assert goes_on(live)
        recorder.take()
        assert keys() == {key_of(live)}
        with transaction.atomic():
            assert row_of(live).end() is True
            assert names(recorder) == []
        assert names(recorder) == ["jwt_blacklisted"]
    assert keys() == set()


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
def test_a_receiver_finds_the_session_ended() -> None:
    live = session()
    found: list[bool] = []

    def receive(jti: str, **kwargs: Any) -> None:
        found.append(get_blacklist().contains(blacklist_key(jti)))

    jwt_blacklisted.connect(receive)
    try:
        assert end(live, key_of(live)).status == 200
    finally:
        jwt_blacklisted.disconnect(receive)
    assert found == [True]


# delete_tokens.


def fill(expired: int) -> None:
    """So many rows that have expired, and alice's that has not."""
    live = session()
    user = row_of(live).user
    now = int(time.time())
    Session.objects.bulk_create(
        Session(key=f"{number:032x}", user=user, created=0, refreshed=0, exp=now - 10 - number)
        for number in range(expired)
    )
    Session.objects.create(key="f" * 32, user=user, created=0, refreshed=0, exp=None)


@pytest.mark.clause("SL-7")
@pytest.mark.django_db(transaction=True)
def test_expired_rows_are_deleted_in_batches_by_delete_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "BATCH", 10)
    fill(25)
    said = StringIO()
    with statements() as words:
        call_command("delete_tokens", stdout=said)
    assert words.count("DELETE") == 3
    assert said.getvalue().splitlines() == [
        "10 expired entries of JWT sessions deleted",
        "20 expired entries of JWT sessions deleted",
        "25 expired entries of JWT sessions deleted",
        "Done: 25 expired entries deleted.",
    ]
    assert Session.objects.count() == 2
    assert list(Session.objects.purge_in_batches()) == []


@pytest.mark.clause("SL-7")
@pytest.mark.django_db(transaction=True)
def test_delete_tokens_speaks_one_language() -> None:
    fill(1)
    said = StringIO()
    with translation.override("de"):
        call_command("delete_tokens", stdout=said)
    assert said.getvalue().startswith("1 expired entries of JWT sessions deleted")


@pytest.mark.clause("SL-7")
def test_what_a_leeway_keeps_alive_is_not_deleted(settings: Settings) -> None:
    fill(0)
    Session.objects.filter(exp__gt=0).update(exp=int(time.time()) - 10)
    settings.DJWTO_LEEWAY = 60
    assert list(Session.objects.purge_in_batches()) == []
    settings.DJWTO_LEEWAY = 0
    assert list(Session.objects.purge_in_batches()) == [1]


@pytest.mark.clause("SL-7")
@pytest.mark.django_db(transaction=True)
def test_delete_tokens_says_which_table_it_could_not_reach() -> None:
    with (
        without_table(),
        pytest.raises(CommandError, match=r"(?s)table of JWT sessions is unavailable after 0"),
    ):
        call_command("delete_tokens", stdout=StringIO())


@pytest.mark.clause("SL-7")
def test_the_models_have_their_migrations() -> None:
    call_command("makemigrations", "djwto_sessions", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.clause("SL-1")
def test_the_core_knows_nothing_of_the_list() -> None:
    root = Path(djwto.__file__).parent
    others = {"contrib", "spec_tests"}
    core = [path for path in root.rglob("*.py") if not others & set(path.relative_to(root).parts)]
    assert len(core) > 20
    knowing = re.compile(r"djwto\.contrib|djwto_sessions")
    assert [path for path in core if knowing.search(path.read_text())] == []


# The settings.


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    ("check_id", "overrides", "phrase"),
    [
        ("E050", {"DJWTO_SESSION_IP": "half"}, "expected 'full' or 'network' or 'none'"),
        ("E050", {"DJWTO_SESSION_IP": None}, "each a text"),
        ("E050", {"DJWTO_SESSION_IP": ["full"]}, "each a text"),
        ("E051", {"DJWTO_SESSION_USER_AGENT": "network"}, "expected 'full' or 'none'"),
        ("E051", {"DJWTO_SESSION_USER_AGENT": None}, "each a text"),
        ("E052", {"DJWTO_SESSION_CLIENT_IP": "nowhere.hook"}, "called as hook(request)"),
        ("E052", {"DJWTO_SESSION_CLIENT_IP": None}, "called as hook(request)"),
        ("E052", {"DJWTO_SESSION_CLIENT_IP": "djwto.claims.updated"}, "called as hook(request)"),
        ("E052", {"DJWTO_SESSION_CLIENT_IP": "djwto.claims.ACCESS"}, "called as hook(request)"),
    ],
)
def test_what_is_wrong_has_an_id_and_a_mend(
    check_id: str, overrides: dict[str, Any], phrase: str
) -> None:
    with override_settings(**overrides):
        (message,) = checks.check_settings()
        assert message in run_checks()
    assert message.id == f"djwto.{check_id}"
    assert message.is_serious()
    assert next(iter(overrides)) in message.msg
    assert phrase in message.msg


@pytest.mark.clause("SET-1")
def test_what_is_right_is_not_reported() -> None:
    for overrides in (
        {"DJWTO_SESSION_IP": "full", "DJWTO_SESSION_USER_AGENT": "none"},
        {"DJWTO_SESSION_IP": "network", "DJWTO_SESSION_USER_AGENT": "full"},
        {"DJWTO_SESSION_IP": "none", "DJWTO_SESSION_CLIENT_IP": f"{__name__}.nothing"},
    ):
        with override_settings(**overrides):
            assert checks.check_settings() == []


@pytest.mark.clause("SET-4")
def test_the_settings_of_the_list_are_known_and_meant() -> None:
    names = ("DJWTO_SESSION_CLIENT_IP", "DJWTO_SESSION_IP", "DJWTO_SESSION_USER_AGENT")
    assert tuple(sorted(NAMES)) == names
    with override_settings(DJWTO_SESSION_IP="none"):
        assert run_checks() == []
    with override_settings(DJWTO_SESSION_IPS="none"):
        (message,) = run_checks()
    assert (message.id, message.hint) == ("djwto.W035", "Did you mean DJWTO_SESSION_IP?")


# The admin.


@pytest.fixture
def root(settings: Settings, transactional_db: None) -> Iterator[Client]:
    """A browser in which a superuser has logged in to Django's admin."""
    with site(settings):
        yield browser(User.objects.create_superuser("root", password=PASSWORD))


CHANGELIST = "/admin/djwto_sessions/session/"


def select(client: Client, *keys: str, across: bool = False) -> Any:
    """The page after the action was chosen."""
    return client.post(
        CHANGELIST,
        {
            "action": "delete_selected",
            "_selected_action": list(keys),
            "select_across": "1" if across else "0",
        },
        follow=True,
    )


@pytest.mark.clause("SL-8")
@admin_test
def test_the_admin_lists_the_sessions_that_go_on(root: Client) -> None:
    create_alice()
    create_bob()
    live = log_in(REMOTE_ADDR="203.0.113.77", headers={"User-Agent": "<b>Firefox</b>"})
    expired = log_in("bob")
    Session.objects.filter(key=key_of(expired)).update(exp=5)
    with statements(of_table=False) as words:
        page = root.get(CHANGELIST)
    assert page.status_code == 200
    assert [row.key for row in page.context["cl"].result_list] == [key_of(live)]
    shown = page.content.decode()
    for text in ("alice", "203.0.113.0/24", "&lt;b&gt;Firefox&lt;/b&gt;"):
        assert text in shown
    for name in ("carol", "dave", "erin"):
        User.objects.create_user(name, password=PASSWORD)
        log_in(name)
    with statements(of_table=False) as more_words:
        page = root.get(CHANGELIST)
    assert len(page.context["cl"].result_list) == 4
    assert more_words == words


@pytest.mark.clause("SL-8")
@admin_test
def test_the_admin_searches_by_username(root: Client) -> None:
    create_alice()
    create_bob()
    log_in()
    bobs = log_in("bob")
    page = root.get(CHANGELIST, {"q": "bob"})
    assert [row.key for row in page.context["cl"].result_list] == [key_of(bobs)]


@pytest.mark.clause("SL-8")
@admin_test
@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("exp", [None, 253_402_300_799])
def test_the_admin_shows_one_session_and_changes_none(
    exp: int | None, use_tz: bool, root: Client, settings: Settings
) -> None:
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = "Asia/Tokyo"
    live = session()
    settings.DJWTO_SESSION_MAX_AGE = None
    Session.objects.update(created=0, refreshed=86_400 * 365, exp=exp)
    path = f"{CHANGELIST}{key_of(live)}/change/"
    shown = root.get(path).content.decode()
    assert "Jan. 1, 1970, 9 a.m." in shown
    assert "Jan. 1, 1971, 9 a.m." in shown
    assert "never" in shown
    assert root.post(path, {"ip": "changed"}).status_code == 403
    assert root.get(f"{CHANGELIST}add/").status_code == 403
    assert row_of(live).ip == "127.0.0.0/24"


@pytest.mark.clause("SL-8")
@admin_test
def test_the_admin_ends_the_selected_sessions(root: Client) -> None:
    chosen, other = session(), log_in()
    with Recorder() as recorder:
        page = select(root, key_of(chosen))
    assert texts(page) == ["Sessions ended: 1."]
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_blacklisted", "BlackListTokenView")
    assert sent.kwargs["request"].user.username == "root"
    assert (goes_on(chosen), goes_on(other)) == (False, True)
    assert keys() == {key_of(other)}
    choices = dict(page.context["action_form"].fields["action"].choices)
    assert choices.pop("delete_selected") == "End the selected sessions"
    assert list(choices) == [""]


@pytest.mark.clause("SL-8")
@admin_test
def test_the_admin_ends_many_in_batches(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "BATCH", 10)
    live = session()
    user = row_of(live).user
    now = int(time.time())
    Session.objects.bulk_create(
        Session(key=f"{number:032x}", user=user, created=now, refreshed=now, exp=now + DAY)
        for number in range(134)
    )
    page = select(root, key_of(live), across=True)
    assert texts(page) == ["Sessions ended: 135."]
    assert keys() == set()
    assert BlacklistEntry.objects.filter(key__startswith="0000").count() == 134
    assert not goes_on(live)


@pytest.mark.clause("SL-8")
@admin_test
def test_the_admin_tells_how_far_it_came_before_the_store_failed(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_alice()
    live = [log_in() for _ in range(5)]
    add = DatabaseBlacklist.add
    done: list[str] = []

    def add_two(self: DatabaseBlacklist, key: str, exp: int | None) -> bool:
        if len(done) == 2:
            raise BlacklistUnavailable("The store is down.")
        done.append(key)
        return add(self, key, exp)

    with monkeypatch.context() as patched, Recorder() as recorder:
        patched.setattr(DatabaseBlacklist, "add", add_two)
        page = select(root, *map(key_of, live))
    (text,) = texts(page)
    assert "unavailable: The store is down. Sessions ended: 2. All others go on" in text
    assert names(recorder) == ["jwt_blacklisted"] * 2
    assert sum(map(goes_on, live)) == 3
    assert keys() == {key_of(each) for each in live} - set(done)


@pytest.mark.clause("SL-8")
@admin_test
def test_to_delete_a_session_in_the_admin_is_to_end_it(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = session()
    path = f"{CHANGELIST}{key_of(live)}/delete/"
    assert root.get(path).status_code == 200
    with monkeypatch.context() as patched:
        patched.setattr(DatabaseBlacklist, "add", unavailable)
        page = root.post(path, {"post": "yes"}, follow=True)
    assert texts(page) == ["The blacklist is unavailable: The store is down. The session goes on."]
    assert goes_on(live)
    assert keys() == {key_of(live)}
    with Recorder() as recorder:
        page = root.post(path, {"post": "yes"}, follow=True)
    assert names(recorder) == ["jwt_blacklisted"]
    assert "was deleted successfully" in texts(page)[0]
    assert not goes_on(live)
    assert keys() == set()


@pytest.mark.clause("SL-8")
@admin_test
def test_who_may_only_look_ends_nothing(root: Client) -> None:
    live = session()
    looker = User.objects.create_user("looker", password=PASSWORD, is_staff=True)
    content = Permission.objects.filter(content_type__app_label="djwto_sessions")
    looker.user_permissions.set(content.filter(codename="view_session"))
    client = Client()
    client.force_login(looker)
    page = client.get(CHANGELIST)
    assert page.status_code == 200
    assert page.context["action_form"] is None
    select(client, key_of(live))
    assert client.post(f"{CHANGELIST}{key_of(live)}/delete/", {"post": "yes"}).status_code == 403
    assert goes_on(live)


@pytest.mark.clause("SL-8")
@admin_test
def test_other_code_that_deletes_by_the_admin_ends_sessions_too(root: Client) -> None:
    from django.contrib import admin

    live, other = session(), log_in()
    model_admin = admin.site.get_model_admin(Session)
    model_admin.delete_queryset(HttpRequest(), Session.objects.filter(key=key_of(live)))
    assert (goes_on(live), goes_on(other)) == (False, True)
    assert keys() == {key_of(other)}


@pytest.mark.clause("SL-1")
def test_the_receivers_are_connected_once() -> None:
    create_alice()
    receivers.connect()
    with statements() as words:
        log_in()
    assert words == ["INSERT"]
    assert jwt_logged_in.has_listeners("GetTokensView")
