"""USER-8: the endpoints, awaited.

With `-p djwto.spec_tests.awaited` the other tests do so too. Three of the log fail then: that a
login failed is told after why it was refused, for signals are sent when the answer is there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, sync_to_async
from blockbuster import blockbuster_ctx
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, AsyncRequestFactory
from pytest_django import Settings

from djwto import flows, urls
from djwto.async_urls import VIEWS
from djwto.backends.redis_async import BRIEF, AsyncRedisBlacklist
from djwto.blacklist import get_blacklist
from djwto.claims import ACCESS
from djwto.exceptions import BlacklistUnavailable, InvalidToken
from djwto.flows import at_once
from djwto.routes import routes
from djwto.sessions import CLOCK_MARGIN, acut_off
from djwto.signals import jwt_blacklisted
from djwto.spec_tests import api
from djwto.spec_tests.core import test_async
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    session,
)
from djwto.spec_tests.recorder import SIGNALS, Recorder
from djwto.spec_tests.subject import new_key
from djwto.transports import OneCookie, current
from djwto.views import JWTView, LogoutAllView, ValidateTokensView

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clause("USER-8")]

threads, in_redis = test_async.threads, test_async.in_redis

WITHOUT_THREAD = ["validate_access", "validate_refresh", "logout", "logout_all", "jwks"]
"""The endpoints that ask nothing but the blacklist, or nothing."""


async def ask(endpoint: str, tokens: api.Answer, data: dict[str, str] | None = None) -> Any:
    """What an endpoint answers, without the threads that Django takes on the way to it."""
    view, transport = VIEWS[endpoint], current()
    factory = AsyncRequestFactory()
    headers = {}
    if isinstance(transport, OneCookie):
        for name, morsel in tokens.cookies.items():
            factory.cookies[name] = morsel.value
        factory.cookies["csrftoken"] = headers["X-CSRFToken"] = api.CSRF_TOKEN
    else:
        token = tokens.access if view.jwt_type == ACCESS else tokens.refresh
        headers["Authorization"] = f"Bearer {token}"
    send = factory.get if endpoint == "jwks" else factory.post
    request = send("/", data, headers=headers)
    request.session = SessionStore()
    return await view(request)


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens. The list of sessions does, for which a thread writes rows."""
    for signal in SIGNALS.values():
        monkeypatch.setattr(signal, "receivers", [])
        signal.sender_receivers_cache.clear()


def test_each_is_called_in_the_event_loop_and_none_of_the_others() -> None:
    for all_, awaits in ((urls.views(), False), (urls.views(awaits=True), True)):
        assert [iscoroutinefunction(view) for view in all_.values()] == [awaits] * len(all_)
        assert [route.name for route in urls.at_their_routes(all_)] == list(routes())
    assert list(VIEWS) == list(urls.VIEWS)
    assert all(iscoroutinefunction(view) for view in VIEWS.values())
    assert not any(iscoroutinefunction(view) for view in urls.VIEWS.values())
    for views in (VIEWS, urls.VIEWS):
        assert {name: view.jwt_type for name, view in views.items()} == {
            **dict.fromkeys(views, "refresh"),
            "login": "",
            "validate_access": "access",
            "jwks": "",
        }
    made: list[Any] = [ValidateTokensView.as_view(token_type="refresh"), LogoutAllView.as_view()]
    assert [view.jwt_type for view in made] == ["refresh", "refresh"]


@each_mode
def test_a_session_is_announced_to_both_kinds_of_receivers_each_in_its_place(
    mode: str, settings: Settings
) -> None:
    """An async receiver is awaited in the loop that answers, in the order of what has happened."""
    settings.DJWTO_MODE = mode
    settings.ROOT_URLCONF = "djwto.async_urls"
    create_alice()
    heard: list[tuple[str, Any]] = []

    def listening(name: str) -> Callable[..., Coroutine[Any, Any, None]]:
        async def listen(sender: str, request: HttpRequest, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            heard.append((name, asyncio.get_running_loop()))

        return listen

    async def whole(client: AsyncClient) -> tuple[list[int], asyncio.AbstractEventLoop]:
        first = await client.post(api.LOGIN, CREDENTIALS)
        tokens = first.json() if mode == "JSON" else {}

        async def send(path: str, type_: str) -> int:
            headers = {"Authorization": f"Bearer {tokens[type_]}"} if tokens else {}
            if "csrftoken" in client.cookies:
                headers["X-CSRFToken"] = client.cookies["csrftoken"].value
            answer = await client.post(path, headers=headers)
            if tokens and path == api.UPDATE_REFRESH:
                tokens.update(answer.json())
            return answer.status_code

        statuses = [first.status_code]
        for path in (api.VALIDATE_ACCESS, api.VALIDATE_REFRESH, api.REFRESH_ACCESS):
            statuses.append(await send(path, api.expects(path)))
        statuses += [await send(api.UPDATE_REFRESH, "refresh"), await send(api.LOGOUT, "refresh")]
        wrong = await client.post(api.LOGIN, {"username": "alice", "password": "wrong"})
        again = await client.post(api.LOGIN, CREDENTIALS)
        tokens = again.json() if mode == "JSON" else {}
        statuses += [wrong.status_code, await send(api.LOGOUT_ALL, "refresh")]
        return statuses, asyncio.get_running_loop()

    receivers = {name: listening(name) for name in SIGNALS}
    for name, receiver in receivers.items():
        SIGNALS[name].connect(receiver)
    try:
        with Recorder() as recorder:
            statuses, loop = asyncio.run(whole(AsyncClient(enforce_csrf_checks=True)))
    finally:
        for name, receiver in receivers.items():
            assert SIGNALS[name].disconnect(receiver)
    assert statuses == [200, 200, 200, 200, 200, 200, 401, 200]
    expected = [
        "jwt_logged_in",
        "jwt_token_validated",
        "jwt_token_validated",
        "jwt_access_refreshed",
        "jwt_refresh_updated",
        "jwt_blacklisted",
        "jwt_login_fail",
        "jwt_logged_in",
        "jwt_sessions_revoked",
    ]
    assert names(recorder) == expected
    assert heard == [(name, loop) for name in expected]


@pytest.mark.clause("HTTP-22")
@pytest.mark.parametrize("in_", ["database", "redis"])
def test_all_sessions_end_but_the_one_that_is_kept(
    in_: str, request: pytest.FixtureRequest
) -> None:
    if in_ == "redis":
        request.getfixturevalue("in_redis")
    kept = session()
    other = api.log_in(**CREDENTIALS)
    with Recorder() as recorder:
        answer = asyncio.run(ask("logout_all", kept, {"keep_current": "true"}))
    assert answer.status_code == 200
    (sent,) = recorder.sent
    claims = api.claims_of(kept.refresh)
    assert (sent.name, sent.sender) == ("jwt_sessions_revoked", "LogoutAllView")
    assert (sent.kwargs["user_id"], sent.kwargs["except_jti"]) == (
        claims["user"]["id"],
        claims["jti"],
    )
    assert api.send(api.VALIDATE_REFRESH, kept.refresh).status == 200
    assert api.send(api.VALIDATE_REFRESH, other.refresh).status == 401
    # Who has been cut off meanwhile cuts off nobody.
    with pytest.raises(InvalidToken), Recorder() as recorder:
        asyncio.run(acut_off(claims["user"]["id"], claims=api.claims_of(other.refresh)))
    assert recorder.sent == []
    assert api.send(api.VALIDATE_REFRESH, kept.refresh).status == 200


def test_a_logout_in_redis_is_kept_as_long_as_the_tokens_and_no_longer(
    in_redis: AsyncRedisBlacklist,
) -> None:
    tokens = session()
    claims = api.claims_of(tokens.refresh)
    assert asyncio.run(ask("logout", tokens)).status_code == 200
    left = in_redis.client.pttl(in_redis.prefix + claims["jti"]) / 1000
    assert 0 <= time.time() + left - claims["exp"] <= CLOCK_MARGIN + 30


@pytest.mark.clause("BL-20")
@pytest.mark.parametrize("asked_before", [0, BRIEF])
def test_what_is_awaited_expires_when_it_is_told_to(
    asked_before: int, in_redis: AsyncRedisBlacklist
) -> None:
    """Whether it is the loop's own client that writes, or one in a thread."""
    added, created, changed = new_key(), new_key(), new_key()
    exp = int(time.time()) + 100

    async def write() -> None:
        for _ in range(asked_before):
            await in_redis.acontains(new_key())
            assert in_redis._here.client is None
        assert await in_redis.aadd(added, exp)
        assert (in_redis._here.client is not None) is bool(asked_before)
        assert await in_redis.acompare_and_set(created, None, "a", exp + 1)
        assert await in_redis.acompare_and_set(changed, None, "a", None)
        assert await in_redis.acompare_and_set(changed, "a", "b", exp + 2)
        await in_redis.aclose()

    asyncio.run(write())
    stored = [in_redis.prefix + key for key in (added, created, changed)]
    left = [in_redis.client.pttl(name) / 1000 + time.time() - exp for name in stored]
    assert left == [pytest.approx(more, abs=0.9) for more in (0, 1, 2)]


def test_an_event_loop_has_the_connections_that_it_is_given() -> None:
    for options, told in (
        ({}, ("127.0.0.1", 6379, 0, 2.0, 50)),
        (
            {"url": "redis://10.0.0.1:7000/3", "timeout": 0.5, "max_connections": 1},
            ("10.0.0.1", 7000, 3, 0.5, 1),
        ),
    ):
        pool: Any = AsyncRedisBlacklist(options)._connected().connection_pool
        kwargs, timeout = pool.connection_kwargs, told[3]
        assert told == (
            *(kwargs[name] for name in ("host", "port", "db", "socket_timeout")),
            pool.max_connections,
        )
        assert kwargs["socket_connect_timeout"] == pool.timeout == timeout
        # What is written must not be written again, and what is read is asked for again above.
        assert kwargs["retry"]._retries == 0


@each_mode
@pytest.mark.parametrize("endpoint", WITHOUT_THREAD)
def test_what_asks_redis_alone_takes_no_thread(
    endpoint: str,
    mode: str,
    settings: Settings,
    in_redis: AsyncRedisBlacklist,
    unheard: None,
    threads: list[str],
) -> None:
    settings.DJWTO_MODE = mode
    tokens = session()

    async def ask_twice() -> list[Any]:
        for _ in range(BRIEF):
            await in_redis.aget_many([new_key()])
        threads.clear()
        with blockbuster_ctx():
            answers = [await ask(endpoint, tokens) for _ in range(2)]
        await in_redis.aclose()
        return answers

    first, second = asyncio.run(ask_twice())
    assert threads == []
    assert first.status_code == 200
    assert second.status_code == (401 if endpoint == "logout_all" else 200)
    ended = endpoint in {"logout", "logout_all"}
    assert (second.content != first.content) == ended
    assert api.send(api.VALIDATE_REFRESH, tokens.refresh).status == (401 if ended else 200)


@each_mode
def test_what_the_database_is_asked_for_is_one_threads(
    mode: str, settings: Settings, unheard: None, threads: list[str]
) -> None:
    """In which Django's own signal of a login is sent, and its receivers are called."""
    settings.DJWTO_MODE = mode
    tokens = session()

    async def taken(endpoint: str, data: dict[str, str] | None = None) -> list[str]:
        threads.clear()
        with blockbuster_ctx():
            assert (await ask(endpoint, tokens, data)).status_code == 200
        return list(threads)

    assert asyncio.run(taken("refresh_access")) == ["ExchangeView.exchanged"]
    assert asyncio.run(taken("update_refresh")) == ["UpdateRefreshView.exchanged"]
    assert asyncio.run(taken("login", CREDENTIALS)) == ["GetTokensView.logged_in"]


@pytest.mark.parametrize(
    ("endpoint", "taken"),
    [
        ("validate_access", ["get_many"]),
        ("logout", ["revoke"]),
        ("logout_all", ["get_many", "cut_off"]),
    ],
)
def test_a_store_that_blocks_is_asked_in_threads(
    endpoint: str, taken: list[str], unheard: None, threads: list[str]
) -> None:
    tokens = session()

    async def watched() -> int:
        with blockbuster_ctx():
            status: int = (await ask(endpoint, tokens)).status_code
        return status

    threads.clear()
    assert asyncio.run(watched()) == 200
    assert [name.rpartition(".")[2] for name in threads] == taken


@each_cookie_mode
@pytest.mark.parametrize("with_token", [True, False])
def test_a_csrf_token_in_djangos_session_is_looked_for_in_a_thread(
    with_token: bool, mode: str, settings: Settings, threads: list[str]
) -> None:
    settings.DJWTO_MODE = mode
    tokens = session()
    nothing = replace(tokens, cookies={})
    settings.CSRF_USE_SESSIONS = True

    threads.clear()
    answer = asyncio.run(ask("logout", tokens if with_token else nothing))
    assert answer.status_code == 403
    assert threads == ["presented"] + ["refuse_forged"] * (not with_token)


@pytest.mark.clause("HTTP-31")
def test_a_hook_that_throttles_may_block(settings: Settings, threads: list[str]) -> None:
    tokens = session()
    settings.DJWTO_THROTTLE = f"{__name__}.has_each_wait"
    threads.clear()

    async def both() -> list[Any]:
        return [await ask(endpoint, tokens) for endpoint in ("validate_access", "login")]

    with Recorder() as recorder:
        answers = asyncio.run(both())
    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(429, "7")] * 2
    assert threads[:2] == ["JWTView.refuse_throttled", "GetTokensView.refuse_throttled"]
    assert names(recorder) == ["jwt_login_fail"]


def has_each_wait(request: HttpRequest, sender: str) -> int:
    """A hook."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    return 7


@each_mode
def test_a_token_that_was_used_twice_ends_its_session_in_redis(
    mode: str, settings: Settings, in_redis: AsyncRedisBlacklist
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    tokens = session()

    async def twice() -> list[int]:
        return [(await ask("update_refresh", tokens)).status_code for _ in range(2)]

    with Recorder() as recorder:
        assert asyncio.run(twice()) == [200, 401]
    updated, detected = recorder.take()
    assert (updated.name, detected.name) == ("jwt_refresh_updated", "jwt_reuse_detected")
    assert detected.kwargs["claims"] == api.claims_of(tokens.refresh)
    assert api.send(api.VALIDATE_ACCESS, tokens.access, as_refresh=False).status == 401


@pytest.mark.clause("SIG-9")
def test_who_leaves_before_the_answer_has_logged_out_and_it_is_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Django cancels what it awaits for a client that has left."""
    tokens = session()
    backend = get_blacklist()
    heard = asyncio.Event()

    async def listen(sender: str, **kwargs: Any) -> None:
        heard.set()

    async def leave() -> None:
        adding, may_add = asyncio.Event(), asyncio.Event()

        async def slowly(self: Any, key: str, exp: int | None) -> bool:
            adding.set()
            await may_add.wait()
            return await sync_to_async(backend.add)(key, exp)

        monkeypatch.setattr(type(backend), "aadd", slowly)
        asked = asyncio.ensure_future(ask("logout", tokens))
        begun = asyncio.ensure_future(adding.wait())
        await asyncio.wait({asked, begun}, return_when=asyncio.FIRST_COMPLETED)
        assert adding.is_set()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        # A loop itself would let it go.
        assert [task.done() for task in flows._running] == [False]
        may_add.set()
        await asyncio.wait_for(heard.wait(), 10)
        await asyncio.wait(flows._running)

    jwt_blacklisted.connect(listen)
    try:
        asyncio.run(leave())
    finally:
        assert jwt_blacklisted.disconnect(listen)
    assert not flows._running
    assert api.send(api.VALIDATE_REFRESH, tokens.refresh).status == 401


def test_what_a_view_leaves_in_a_context_variable_is_there_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the connections of Django's caches are, which are closed when a request ends."""
    kept: ContextVar[str] = ContextVar("kept", default="")
    failing = iter([False, True])

    async def leave(view: JWTView, request: HttpRequest) -> HttpResponse:
        kept.set(kept.get() + "left")
        if next(failing):
            raise RuntimeError
        return HttpResponse()

    monkeypatch.setattr(ValidateTokensView, "validated", leave)

    async def called() -> str:
        tokens = await sync_to_async(session)()
        kept.set("before, ")
        assert (await ask("validate_access", tokens)).status_code == 200
        with pytest.raises(RuntimeError):
            await ask("validate_access", tokens)
        return kept.get()

    assert asyncio.run(called()) == "before, leftleft"


@pytest.mark.clause("HTTP-12")
@each_cookie_mode
def test_who_has_no_cookies_may_clear_them_with_a_csrf_token_only(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    nobody = replace(session(), cookies={})
    assert asyncio.run(ask("logout", nobody)).status_code == 200
    settings.CSRF_HEADER_NAME = "HTTP_X_ANOTHER"
    assert asyncio.run(ask("logout", nobody)).status_code == 403


@pytest.mark.parametrize("endpoint", ["validate_refresh", "logout", "logout_all"])
def test_a_store_that_is_down_is_503_and_nothing_is_announced(
    endpoint: str, settings: Settings, in_redis: AsyncRedisBlacklist
) -> None:
    tokens = session()
    url = f"redis://127.0.0.1:{test_async.free_port()}/0"
    settings.DJWTO_BLACKLIST = {"BACKEND": test_async.ASYNC_REDIS, "OPTIONS": {"url": url}}

    async def ask_often() -> set[int]:
        seen = {(await ask(endpoint, tokens)).status_code for _ in range(BRIEF + 3)}
        with pytest.raises(BlacklistUnavailable):
            await get_blacklist().aadd(new_key(), None)
        await get_blacklist().aclose()  # type: ignore[attr-defined]
        return seen

    with Recorder() as recorder:
        assert asyncio.run(ask_often()) == {503}
    assert names(recorder) == []


def test_what_is_awaited_is_written_as_what_is_called(in_redis: AsyncRedisBlacklist) -> None:
    """By the loop's own connections and, where a value is replaced, in a thread."""
    far = 2**33

    async def write() -> list[list[bool]]:
        answers = []
        for _ in range(BRIEF):
            key, value = new_key(), new_key()
            answers.append(
                [
                    await in_redis.aadd(key, far),
                    await in_redis.aadd(key, None),
                    await in_redis.acontains(key),
                    await in_redis.acompare_and_set(key, None, "1", far),
                    await in_redis.acompare_and_set(key, "1", "2", far),
                    await in_redis.acompare_and_set(key, "", "3", far),
                    await in_redis.acompare_and_set(value, None, "0", None),
                    await in_redis.aget_many([key, value]) == {key: "3", value: "0"},
                    # It has passed, and is forgotten at once.
                    await in_redis.aadd(new_key(), -1),
                ]
            )
        assert in_redis._here.client is not None
        await in_redis.aclose()
        return answers

    assert (
        asyncio.run(write()) == [[True, False, True, False, False, True, True, True, True]] * BRIEF
    )


class Waiting(JWTView):
    """A view of a project, which waits for something itself."""

    sender = "Waiting"
    token_type = ACCESS

    async def post(self, request: HttpRequest) -> HttpResponse:
        """Takes its time."""
        claims = await self.claims(request)
        await asyncio.sleep(0)
        return JsonResponse({"name": claims["user"]["username"]})


class Partners(ValidateTokensView):
    """A subclass of an endpoint."""

    async def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """As documented."""
        response: HttpResponse = await super().post(request, *args, **kwargs)
        response["X-Partner"] = "yes"
        return response


def test_a_view_of_ones_own_awaits() -> None:
    headers = {"Authorization": f"Bearer {session().access}"}

    def asked(view: type[JWTView], *, headers: Any = None, **said: Any) -> HttpResponse:
        made = view.as_view(**said)
        assert iscoroutinefunction(made)
        request: Any = made(AsyncRequestFactory().post("/", headers=headers))
        answer: HttpResponse = asyncio.run(request)
        return answer

    assert json.loads(asked(Waiting, headers=headers).content) == {"name": "alice"}
    assert asked(Waiting).status_code == 401
    assert asked(Partners, headers=headers)["X-Partner"] == "yes"
    with pytest.raises(RuntimeError, match=r"write as_view\(awaits=True\)"):
        asked(Waiting, headers=headers, awaits=False)


def test_what_never_waits_is_run_at_once_and_what_waits_is_not() -> None:
    async def never() -> int:
        return 7

    async def waits() -> None:
        await asyncio.sleep(0)

    async def fails() -> None:
        raise ZeroDivisionError

    assert at_once(never()) == 7
    with pytest.raises(RuntimeError, match=r"write as_view\(awaits=True\)"):
        at_once(waits())
    with pytest.raises(ZeroDivisionError):
        at_once(fails())
