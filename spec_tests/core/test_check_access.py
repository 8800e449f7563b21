"""HTTP-24: with `DJWTO_CHECK_ACCESS` the views behind the decorators know who has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from djwto.blacklist import get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.core.alice import CREDENTIALS, MODES, create_alice, each_mode, names, token
from djwto.spec_tests.core.views import PERMS
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.stage import playing
from djwto.spec_tests.subject import Subject, close_connections
from djwto.transports import OneCookie, current

pytestmark = [
    # A view that is awaited asks the store in a thread of its own.
    pytest.mark.django_db(transaction=True),
    pytest.mark.clause("HTTP-24"),
    pytest.mark.urls("djwto.spec_tests.core.views"),
]

each_mode_and_store = pytest.mark.parametrize(
    ("mode", "store"), list(zip(MODES, SUBJECTS, strict=True))
)
ACCESS_VIEWS = [
    "/login-required/",
    "/login-required-async/",
    "/items/7/",
    "/class/",
    "/class-async/",
    "/class-around/",
    "/class-methods/",
    "/perms/",
    "/perms-async/",
    "/login-perms/",
    "/login-perms-async/",
    "/perms-login/",
    "/perms-login-async/",
]
REFRESH_VIEWS = [
    "/is-refresh/",
    "/is-refresh-async/",
    "/login-refresh/",
    "/login-refresh-async/",
    "/refresh-perms/",
    "/refresh-perms-async/",
    "/perms-refresh/",
    "/perms-refresh-async/",
    "/login-perms-refresh/",
    "/login-perms-refresh-async/",
    "/class-refresh/",
]
VIEWS = ACCESS_VIEWS + REFRESH_VIEWS

each_view_served_either_way = pytest.mark.parametrize(
    ("under", "path"),
    [
        *(("WSGI", path) for path in VIEWS),
        *(("ASGI", path) for path in VIEWS),
    ],
)

CHALLENGE = 'Bearer realm="api", error="invalid_token"'


@pytest.fixture
def alice() -> User:
    """alice, who may do what the views ask for."""
    alice = create_alice()
    codenames = [name.partition(".")[2] for name in PERMS]
    alice.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return alice


def log_in() -> api.Answer:
    answer = api.log_in(**CREDENTIALS)
    assert answer.status == 200, answer
    return answer


def seen(path: str, live: api.Answer, under: str = "WSGI") -> tuple[int, dict[str, str]]:
    """The status and the headers that a view answers to the token that it asks for."""
    as_refresh = path in REFRESH_VIEWS
    one = token(live, "refresh" if as_refresh else "access")
    if under == "WSGI":
        answer = api.send(path, one, method="get", as_refresh=as_refresh)
        return answer.status, answer.headers
    client = AsyncClient(raise_request_exception=False)
    headers = {}
    transport = current()
    if isinstance(transport, OneCookie):
        client.cookies[transport.cookie("refresh" if as_refresh else "access")] = one
    else:
        headers["Authorization"] = f"Bearer {one}"

    async def get() -> Any:
        response = await client.get(path, headers=headers)
        # Else the thread that asked the store keeps a connection to a database that is dropped.
        await sync_to_async(close_connections)()
        return response

    response = asyncio.run(get())
    return response.status_code, dict(response.headers)


def log_out(live: api.Answer) -> None:
    assert api.send(api.LOGOUT, live.refresh).status == 200


def log_out_everywhere(live: api.Answer) -> None:
    assert api.send(api.LOGOUT_ALL, live.refresh).status == 200


def log_out_the_others(live: api.Answer) -> None:
    own = log_in()
    assert api.send(api.LOGOUT_ALL, own.refresh, data={"keep_current": "1"}).status == 200


def change_the_password(live: api.Answer) -> None:
    alice = User.objects.get()
    alice.set_password("another")
    alice.save()


def leave(live: api.Answer) -> None:
    User.objects.get().delete()


def steal(live: api.Answer) -> None:
    second = api.send(api.UPDATE_REFRESH, live.refresh)
    assert api.send(api.UPDATE_REFRESH, second.refresh).status == 200
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 401


ENDS = [log_out, log_out_everywhere, log_out_the_others, change_the_password, leave, steal]


@each_mode_and_store
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.case(54)
def test_no_view_lets_in_a_session_that_has_ended(
    mode: str,
    store: str,
    end: Callable[[api.Answer], None],
    alice: User,
    subjects: dict[str, Subject],
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode, DJWTO_CHECK_ACCESS=True):
        live = log_in()
        for path in VIEWS:
            assert seen(path, live)[0] == 200, path
        end(live)
        for path in VIEWS:
            status, headers = seen(path, live)
            assert (status, headers["WWW-Authenticate"]) == (401, CHALLENGE), path


@each_mode
@each_view_served_either_way
def test_served_either_way(
    mode: str, under: str, path: str, alice: User, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    live = log_in()
    assert seen(path, live, under)[0] == 200
    log_out(live)
    status, headers = seen(path, live, under)
    assert (status, headers["WWW-Authenticate"]) == (401, CHALLENGE)


@each_mode
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.case(54)
def test_by_default_a_token_is_believed_and_nobody_is_asked(
    mode: str, end: Callable[[api.Answer], None], alice: User, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = log_in()
    end(live)
    for path in VIEWS:
        with CaptureQueriesContext(connection) as captured:
            assert seen(path, live)[0] == 200, path
        assert len(captured) == 0, path


@contextmanager
def store_that_is_down() -> Iterator[None]:
    def fail(*arguments: Any) -> Any:
        raise BlacklistUnavailable("The disk is full.")

    with pytest.MonkeyPatch.context() as patch:
        for method in ("contains", "get_many"):
            patch.setattr(get_blacklist(), method, fail)
        yield


@each_mode
@each_view_served_either_way
def test_while_the_store_is_down_nobody_is_let_in(
    mode: str, under: str, path: str, alice: User, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    live = log_in()
    with store_that_is_down():
        status, headers = seen(path, live, under)
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert "WWW-Authenticate" not in headers
        settings.DJWTO_CHECK_ACCESS = False
        assert seen(path, live, under)[0] == 200
    settings.DJWTO_CHECK_ACCESS = True
    assert seen(path, live, under)[0] == 200


@each_mode
def test_a_token_that_is_wrong_in_itself_needs_no_store(
    mode: str, alice: User, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    live = log_in()
    with store_that_is_down():
        for path in VIEWS:
            as_refresh = path in REFRESH_VIEWS
            other = token(live, "access" if as_refresh else "refresh")
            for sent in (None, "garbage", other):
                answer = api.send(path, sent, method="get", as_refresh=as_refresh)
                assert answer.status == 401, path


@each_mode
@pytest.mark.parametrize("path", VIEWS)
def test_however_many_decorators_there_are_the_store_is_asked_once(
    mode: str, path: str, alice: User, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    live = log_in()
    backend: Any = get_blacklist()
    asked: list[int] = []
    get_many = backend.get_many

    def counting(keys: Any) -> dict[str, str]:
        asked.append(len(keys))
        found: dict[str, str] = get_many(keys)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "get_many", counting)
        patch.setattr(backend, "contains", None)
        assert seen(path, live)[0] == 200
    # The session and the user, and of a refresh token its generation and the next.
    assert asked == [4 if path in REFRESH_VIEWS else 2]


@each_mode
@pytest.mark.parametrize("path", ["/perms/", "/perms-async/", "/login-perms/", "/perms-login/"])
def test_one_who_has_left_is_not_told_what_is_lacking(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    create_alice()
    live = log_in()
    assert seen(path, live)[0] == 403
    log_out(live)
    assert seen(path, live)[0] == 401


@each_mode_and_store
def test_a_session_that_was_spared_is_let_in(
    mode: str, store: str, alice: User, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode, DJWTO_CHECK_ACCESS=True):
        live, other = log_in(), log_in()
        revoke_all(alice, except_jti=api.claims_of(token(live, "access"))["jti"])
        for path in VIEWS:
            assert seen(path, live)[0] == 200, path
            assert seen(path, other)[0] == 401, path


@each_mode_and_store
@pytest.mark.parametrize("grace", [0, 3600])
def test_a_refresh_token_that_was_exchanged_is_let_in_within_the_grace_only(
    mode: str, store: str, grace: int, alice: User, subjects: dict[str, Subject]
) -> None:
    with playing(
        subjects[store], DJWTO_MODE=mode, DJWTO_CHECK_ACCESS=True, DJWTO_REUSE_GRACE=grace
    ):
        first = log_in()
        second = api.send(api.UPDATE_REFRESH, first.refresh)
        for path in REFRESH_VIEWS:
            status, headers = seen(path, first)
            assert status == (200 if grace else 401), path
            assert headers.get("WWW-Authenticate") == (None if grace else CHALLENGE)
            assert seen(path, second)[0] == 200, path
        third = api.send(api.UPDATE_REFRESH, second.refresh)
        assert third.status == 200
        for path in REFRESH_VIEWS:
            assert seen(path, first)[0] == 401, path
            assert seen(path, third)[0] == 200, path
        # An access token is good for its own time, whichever came after.
        for path in ACCESS_VIEWS:
            for one in (first, second, third):
                assert seen(path, one)[0] == 200, path


@each_mode
def test_a_view_sends_no_signal(mode: str, alice: User, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    live, ended = log_in(), log_in()
    log_out(ended)
    with Recorder() as recorder:
        for path in VIEWS:
            seen(path, live)
            seen(path, ended)
    assert names(recorder) == []


@each_mode
def test_a_backend_without_values_is_asked_too(mode: str, alice: User) -> None:
    backend = Subject("djwto.spec_tests.rogues.honest.HonestWithoutValues")
    with playing(backend, DJWTO_MODE=mode, DJWTO_CHECK_ACCESS=True, DJWTO_REUSE_GRACE=3600):
        live = log_in()
        second = api.send(api.UPDATE_REFRESH, live.refresh)
        for path in VIEWS:
            assert seen(path, second)[0] == 200, path
            # There is no grace.
            assert seen(path, live)[0] == (401 if path in REFRESH_VIEWS else 200), path
        log_out(second)
        for path in VIEWS:
            assert seen(path, second)[0] == 401, path
