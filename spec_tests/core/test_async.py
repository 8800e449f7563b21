"""USER-6: what an event loop is spared of, with whoever blocks it caught in the act."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from blockbuster import blockbuster_ctx
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient, AsyncRequestFactory, Client
from django.views import View
from ninja.errors import HttpError
from pytest_django import Settings

from djwto.authentication import jwt_login_required, jwt_perm_required
from djwto.backends.redis import RedisBlacklist
from djwto.backends.redis_async import BRIEF, AsyncRedisBlacklist
from djwto.blacklist import get_blacklist
from djwto.contrib.ninja.security import AsyncJWTAuth
from djwto.exceptions import BlacklistUnavailable
from djwto.middleware import JWTAuthenticationMiddleware
from djwto.mixins import JWTLoginRequiredMixin
from djwto.signals import SenderNameSignal, jwt_logged_in
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import CREDENTIALS, create_alice, each_mode, session
from djwto.spec_tests.core.urls_request_user import protected_async
from djwto.spec_tests.subject import Subject, new_key
from djwto.transports import OneCookie, current

pytestmark = pytest.mark.django_db(transaction=True)

ASYNC_REDIS = "djwto.backends.redis_async.AsyncRedisBlacklist"


@jwt_login_required
async def decorated(request: HttpRequest) -> JsonResponse:
    """Behind the decorator."""
    assert api.claims_of(request.token) == request.payload  # type: ignore[attr-defined]
    return JsonResponse(request.payload["user"])  # type: ignore[attr-defined]


@jwt_perm_required([])
@jwt_login_required
async def decorated_twice(request: HttpRequest) -> JsonResponse:
    """Behind two."""
    return JsonResponse(request.payload["user"])  # type: ignore[attr-defined]


class Guarded(JWTLoginRequiredMixin, View):
    """Behind a mixin."""

    async def post(self, request: HttpRequest) -> JsonResponse:
        """Tells who it is."""
        return JsonResponse(request.payload["user"])  # type: ignore[attr-defined]


async def awaits(request: HttpRequest) -> JsonResponse:
    """Awaits the user."""
    user = await request.auser()
    if not user.is_authenticated:
        return JsonResponse({"error": "nobody"}, status=401)
    return JsonResponse({"username": user.username})


async def of_ninja(request: HttpRequest) -> JsonResponse:
    """Asks as an operation of Ninja does."""
    try:
        claims = await AsyncJWTAuth()(request)
    except HttpError as error:
        return JsonResponse({"error": str(error)}, status=error.status_code)
    return JsonResponse(claims["user"])


VIEWS: dict[str, Callable[[HttpRequest], Awaitable[Any]]] = {
    "decorator": decorated,
    "decorators": decorated_twice,
    "mixin": Guarded.as_view(),
    "middleware": JWTAuthenticationMiddleware(awaits),  # type: ignore[dict-item]
    "ninja": of_ninja,
}

each_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def asked(token: str | None) -> HttpRequest:
    """An unsafe request, as a server of ASGI makes it, with its CSRF token."""
    transport = current()
    factory = AsyncRequestFactory()
    if not isinstance(transport, OneCookie):
        return factory.post("/", headers={"Authorization": f"Bearer {token}"})
    factory.cookies[transport.cookie("access")] = token or ""
    factory.cookies["csrftoken"] = api.CSRF_TOKEN
    return factory.post("/", headers={"X-CSRFToken": api.CSRF_TOKEN})


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is done in threads from now on."""
    done: list[str] = []
    call = SyncToAsync.__call__

    async def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        done.append(self.func.__qualname__)
        return await call(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", noting)
    return done


@pytest.fixture
def in_redis(settings: Settings, subjects: dict[str, Subject]) -> Iterator[AsyncRedisBlacklist]:
    """The blacklist, which is asked about each token."""
    settings.DJWTO_REQUEST_USER = "token"
    settings.DJWTO_CHECK_ACCESS = True
    settings.DJWTO_BLACKLIST = {"BACKEND": ASYNC_REDIS, "OPTIONS": subjects["redis"].options}
    backend = get_blacklist()
    assert isinstance(backend, AsyncRedisBlacklist)
    yield backend
    backend.client.close()


@pytest.mark.clause("USER-6")
@each_view
@each_mode
def test_what_is_only_computed_takes_no_thread(
    settings: Settings, mode: str, view: Any, threads: list[str]
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REQUEST_USER = "token"
    access = session().access
    threads.clear()

    async def ask() -> list[Any]:
        with blockbuster_ctx():
            return [await view(asked(token)) for token in (access, access, "a.b.c")]

    first, again, refused = asyncio.run(ask())
    assert json.loads(first.content)["username"] == "alice"
    assert again.content == first.content
    assert refused.status_code == 401
    assert threads == []


@pytest.mark.clause("USER-6")
@each_view
@each_mode
def test_redis_is_asked_in_the_event_loop_itself(
    settings: Settings, mode: str, view: Any, in_redis: AsyncRedisBlacklist, threads: list[str]
) -> None:
    settings.DJWTO_MODE = mode
    tokens = session()

    async def ask(token: str | None) -> tuple[list[str], list[Any]]:
        for _ in range(BRIEF):
            await in_redis.aget_many(["a"])
        threads.clear()
        with blockbuster_ctx():
            answers = [await view(asked(token))]
            answers += await asyncio.gather(*(view(asked(token)) for _ in range(8)))
        await in_redis.aclose()
        return list(threads), answers

    taken, answers = asyncio.run(ask(tokens.access))
    assert {json.loads(answer.content)["username"] for answer in answers} == {"alice"}
    assert taken == []
    assert api.send(api.LOGOUT, tokens.refresh).status == 200
    taken, answers = asyncio.run(ask(tokens.access))
    assert {answer.status_code for answer in answers} == {401}
    assert taken == []


@pytest.mark.clause("USER-6")
@each_view
def test_a_store_that_blocks_is_asked_in_one_thread(
    settings: Settings, view: Any, threads: list[str]
) -> None:
    settings.DJWTO_REQUEST_USER = "token"
    settings.DJWTO_CHECK_ACCESS = True
    access = session().access
    threads.clear()

    async def ask() -> Any:
        with blockbuster_ctx():
            return await view(asked(access))

    assert asyncio.run(ask()).status_code == 200
    assert threads == ["DatabaseBlacklist.get_many"]


@pytest.mark.clause("USER-6")
@each_view
def test_keys_are_called_for_in_a_thread(
    settings: Settings, view: Any, threads: list[str], tmp_path: Any
) -> None:
    """And once for all tokens of the next minute."""
    file = tmp_path / "key"
    file.write_text("a key for tests, which is long enough to sign with")

    def keys() -> list[dict[str, Any]]:
        return [{"kid": "file", "algorithm": "HS256", "key": file.read_text()}]

    settings.DJWTO_REQUEST_USER = "token"
    settings.DJWTO_KEYS = keys
    access = session().access
    threads.clear()
    # Equal to no other, so that it is called again.
    settings.DJWTO_KEYS = lambda: keys()

    async def ask() -> list[Any]:
        with blockbuster_ctx():
            return [await view(asked(access)) for _ in range(3)]

    assert {answer.status_code for answer in asyncio.run(ask())} == {200}
    assert threads == ["presented"]


@pytest.mark.clause("USER-6")
@pytest.mark.parametrize("down", [False, True])
def test_djangos_check_in_the_event_loop_waits_for_no_keys(
    settings: Settings, down: bool, threads: list[str]
) -> None:
    """Its decorator of an async view is called there, and cannot await."""
    calls: list[bool] = []
    settings.DJWTO_KEYS = [{"kid": "a", "algorithm": "HS256", "key": "k" * 32}]
    keys, access = settings.DJWTO_KEYS, session().access
    threads.clear()

    def vault() -> Any:
        calls.append(asyncio._get_running_loop() is not None)
        if down:
            raise OSError("the vault is down")
        return keys

    settings.DJWTO_KEYS = vault
    middleware: Any = JWTAuthenticationMiddleware(protected_async)

    async def ask() -> list[int]:
        return [(await middleware(asked(access))).status_code for _ in range(2)]

    assert asyncio.run(ask()) == ([503, 503] if down else [200, 200])
    # In a thread each time, and once it has answered no more.
    assert calls == ([False, False] if down else [False])
    assert threads == ["presented"] * len(calls)


@pytest.mark.clause("USER-6")
def test_awaited_it_finds_what_it_finds_when_it_is_called(in_redis: AsyncRedisBlacklist) -> None:
    keys = [new_key() for _ in range(9)]
    for key in keys[:3]:
        assert in_redis.add(key, None)
    for at, key in enumerate(keys[3:6]):
        assert in_redis.compare_and_set(key, None, "0" * at or "1:2:x", None)

    async def found() -> list[Any]:
        await in_redis.aclose()
        answers: list[Any] = []
        for _ in range(BRIEF + 2):
            answers.append((await in_redis.aget_many(keys), await in_redis.aget_many([])))
            assert await in_redis.acontains(keys[0]) is True
            assert await in_redis.acontains(keys[8]) is False
        assert in_redis._here.client is not None
        await in_redis.aclose()
        assert in_redis._here.client is None
        return answers

    nothing: dict[str, str] = {}
    expected = in_redis.get_many(keys), nothing
    assert len(expected[0]) == 6
    assert asyncio.run(found()) == [expected] * (BRIEF + 2)


@pytest.mark.clause("USER-6")
@each_view
def test_a_redis_that_is_down_is_503_in_the_event_loop_too(
    settings: Settings, view: Any, in_redis: AsyncRedisBlacklist
) -> None:
    access = session().access
    url = f"redis://127.0.0.1:{free_port()}/0"
    settings.DJWTO_BLACKLIST = {"BACKEND": ASYNC_REDIS, "OPTIONS": {"url": url, "retries": 1}}

    async def answered() -> int:
        try:
            status: int = (await view(asked(access))).status_code
        except BlacklistUnavailable:
            # Django, which calls the middleware's process_exception, is not here.
            assert view is VIEWS["middleware"]
            return 503
        return status

    async def ask() -> set[int]:
        seen = {await answered() for _ in range(BRIEF + 3)}
        with pytest.raises(BlacklistUnavailable, match=r"^Redis: "):
            await get_blacklist().aget_many(["a"])
        await get_blacklist().aclose()  # type: ignore[attr-defined]
        return seen

    assert asyncio.run(ask()) == {503}


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.clause("USER-6")
def test_loops_that_end_soon_are_given_no_connection(in_redis: AsyncRedisBlacklist) -> None:
    """As under WSGI each request to an async view has its own."""
    for _ in range(3 * BRIEF):
        assert asyncio.run(in_redis.aget_many([new_key()])) == {}
        assert in_redis._here.client is None


@pytest.mark.clause("SIG-11")
@pytest.mark.parametrize("under", ["WSGI", "ASGI"])
def test_receivers_are_sync_or_async_and_one_that_raises_changes_nothing(
    under: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = "djwto.urls"
    create_alice()
    heard: list[tuple[str, str]] = []

    def sync(sender: str, request: HttpRequest, refresh_claims: Any, **kwargs: Any) -> None:
        heard.append(("sync", refresh_claims["user"]["username"]))

    async def awaited(sender: str, request: HttpRequest, refresh_claims: Any, **kw: Any) -> None:
        await asyncio.sleep(0)
        heard.append(("async", refresh_claims["user"]["username"]))

    async def raising(sender: str, **kwargs: Any) -> None:
        raise ZeroDivisionError("of the receiver")

    receivers: list[Any] = [raising, sync, awaited]
    for receiver in receivers:
        jwt_logged_in.connect(receiver, sender="GetTokensView")
    try:
        if under == "WSGI":
            answer: Any = Client().post(api.LOGIN, CREDENTIALS)
        else:
            answer = asyncio.run(AsyncClient().post(api.LOGIN, CREDENTIALS))
    finally:
        for receiver in receivers:
            assert jwt_logged_in.disconnect(receiver, sender="GetTokensView")
    assert answer.status_code == 200
    assert sorted(heard) == [("async", "alice"), ("sync", "alice")]
    assert "ZeroDivisionError: of the receiver" in caplog.text


@pytest.mark.clause("SIG-11")
def test_a_signal_that_is_awaited_is_heard_by_both_kinds_too() -> None:
    """For a project that sends one itself, from async code."""
    heard: list[str] = []

    def sync(sender: str, jti: str, **kwargs: Any) -> None:
        heard.append(f"sync {jti}")

    async def awaited(sender: str, jti: str, **kwargs: Any) -> None:
        heard.append(f"async {jti}")

    async def raising(sender: str, **kwargs: Any) -> None:
        raise ZeroDivisionError

    signal = SenderNameSignal()
    for receiver in (sync, raising, awaited):
        signal.connect(receiver, sender="BlackListTokenView")

    async def send() -> list[Any]:
        with blockbuster_ctx():
            return await signal.asend_robust(sender="BlackListTokenView", jti="x")

    answers = dict(asyncio.run(send()))
    assert sorted(heard) == ["async x", "sync x"]
    assert isinstance(answers.pop(raising), ZeroDivisionError)
    assert answers == {sync: None, awaited: None}


@pytest.mark.clause("USER-6")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "redis+cluster://127.0.0.1:6379"}, "takes the url of one server"),
        ({"url": "redis+sentinel://127.0.0.1:26379/main/0"}, "takes the url of one server"),
        ({"client": "djwto.spec_tests.core.hooks.fake_redis"}, "takes the url of one server"),
        ({"max_connections": 0}, "max_connections is 0; write a number above 0"),
        ({"max_connections": True}, "max_connections is True; write a number above 0"),
        ({"max_connections": "50"}, "max_connections is '50'; write a number above 0"),
        ({"wait": 1}, "has no option wait"),
    ],
)
def test_what_it_does_not_take_it_says(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=says):
        AsyncRedisBlacklist(options)


def test_it_is_a_redis_blacklist_in_all_else(in_redis: AsyncRedisBlacklist) -> None:
    assert issubclass(AsyncRedisBlacklist, RedisBlacklist)
    assert in_redis.supports_values
