"""USER-7: who opens a WebSocket, and for how long it is theirs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import SyncToAsync
from blockbuster import blockbuster_ctx
from django.contrib.auth.models import AnonymousUser, User
from django.db import OperationalError
from pytest_django import Settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from djwto.contrib.websocket import socket
from djwto.contrib.websocket.handshake import request_of
from djwto.contrib.websocket.middleware import JWTWebSocketMiddleware
from djwto.contrib.websocket.subprotocol import without_token
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    COOKIE_MODES,
    CREDENTIALS,
    each_cookie_mode,
    each_mode,
    session,
)
from djwto.spec_tests.core.served import served
from djwto.spec_tests.core.test_async import ASYNC_REDIS
from djwto.spec_tests.core.test_request_user import written
from djwto.spec_tests.subject import Subject
from djwto.transports import OneCookie, current

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clause("USER-7")]

HERE = "http://testserver"
DENIAL = "websocket.http.response"
CONNECT = {"type": "websocket.connect"}

App = Callable[..., Awaitable[None]]


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    """An application that accepts, and stays until it is told to go."""
    assert await receive() == CONNECT
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@dataclass
class Opened:
    """What came of a handshake."""

    scope: dict[str, Any] | None = None
    """As the application saw it, None if it was not asked."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What the server was told."""
    heard: list[dict[str, Any]] = field(default_factory=list)
    """What the application was told."""

    @property
    def name(self) -> str:
        """Who opened it."""
        assert self.scope is not None
        name: str = self.scope["user"].get_username()
        return name

    @property
    def status(self) -> int:
        """As of HTTP."""
        first = self.sent[0]
        if first["type"] == "websocket.accept":
            return 101
        assert self.scope is None
        return 403 if first["type"] == "websocket.close" else int(first["status"])


def headers_of(token: str | None, origin: str | None = HERE) -> list[tuple[bytes, bytes]]:
    """Those of a handshake that brings a token where the mode in force has it."""
    headers = [(b"host", b"testserver")]
    transport = current()
    if token is not None and isinstance(transport, OneCookie):
        headers.append((b"cookie", f"{transport.cookie('access')}={token}".encode()))
    elif token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return headers


async def opening(
    headers: list[tuple[bytes, bytes]],
    *,
    app: App = accepting,
    stays: float | None = None,
    events: tuple[dict[str, Any], ...] = (),
    close_when_expired: bool = True,
    **scope: Any,
) -> Opened:
    """Opens a WebSocket, as a server does; the client goes away again, or `stays` for seconds."""
    opened = Opened()
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    taken: list[dict[str, Any]] = []

    async def seen(scope: Any, receive: Any, send: Any) -> None:
        opened.scope = scope

        async def hearing() -> Any:
            opened.heard.append(await receive())
            return opened.heard[-1]

        await app(scope, hearing, send)

    async def receive() -> dict[str, Any]:
        taken.append(await queue.get())
        return taken[-1]

    async def send(message: dict[str, Any]) -> None:
        if opened.scope is None:
            assert taken == [CONNECT]
        opened.sent.append(message)
        if message["type"] == "websocket.close":
            for event in events:
                queue.put_nowait(event)
            queue.put_nowait({"type": "websocket.disconnect", "code": message.get("code", 1000)})

    queue.put_nowait(CONNECT)
    if stays is None:
        queue.put_nowait({"type": "websocket.disconnect", "code": 1001})
    middleware = JWTWebSocketMiddleware(seen, close_when_expired=close_when_expired)
    handshake = {
        "type": "websocket",
        "path": "/",
        "query_string": b"",
        "scheme": "ws",
        "client": ("10.1.2.3", 5000),
        "subprotocols": [],
        "extensions": {DENIAL: {}},
        "headers": headers,
        **scope,
    }
    await asyncio.wait_for(middleware(handshake, receive, send), stays)
    return opened


def opened(token: str | None, origin: str | None = HERE, **kwargs: Any) -> Opened:
    """A handshake that brings a token."""
    return asyncio.run(opening(headers_of(token, origin), **kwargs))


def page(*offered: str, **kwargs: Any) -> Opened:
    """A handshake of a page, which can offer subprotocols and do no more."""
    header = (b"sec-websocket-protocol", ", ".join(offered).encode())
    headers = [*headers_of(None), header, *kwargs.pop("headers", [])]
    return asyncio.run(opening(headers, subprotocols=list(offered), **kwargs))


# Who it is.


@pytest.mark.parametrize("of", ["database", "token"])
@each_mode
def test_who_opens_it_is_who_the_token_names(settings: Settings, mode: str, of: str) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REQUEST_USER = of
    settings.DJWTO_CHECK_ACCESS = True
    tokens = session()
    found = opened(tokens.access)
    assert found.status == 101
    assert found.scope is not None
    assert type(found.scope["user"]).__name__ == ("User" if of == "database" else "TokenUser")
    assert found.scope["user"].pk == User.objects.get().pk
    assert found.scope["auth"] == api.claims_of(tokens.access)


@each_mode
def test_without_a_token_it_is_who_it_was_before(settings: Settings, mode: str) -> None:
    settings.DJWTO_MODE = mode
    nobody = opened(None, origin="https://elsewhere.example")
    assert nobody.scope is not None
    assert (nobody.scope["user"], nobody.scope["auth"]) == (AnonymousUser(), {})
    bob = User(username="bob")
    assert opened(None, user=bob).name == "bob"
    assert opened(session().access, user=bob).name == "alice"


def test_another_scheme_of_authorization_is_no_token() -> None:
    """As of a site that is behind a password as a whole."""
    basic = (b"authorization", b"Basic YTpi")
    assert page(headers=[basic]).name == ""
    assert page("djwto.bearer", session().access or "", headers=[basic]).name == "alice"


@pytest.mark.parametrize("kind", ["http", "lifespan"])
def test_what_is_no_websocket_goes_on_as_it_was(kind: str) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.extend(given)

    given = {"type": kind}, object(), object()
    asyncio.run(JWTWebSocketMiddleware(app)(*given))  # type: ignore[arg-type]
    assert seen == list(given)
    assert seen[0] == {"type": kind}


def test_a_server_need_not_say_the_scheme() -> None:
    """ASGI has it default to ws."""
    assert request_of({"path": "/", "headers": []}).scheme == "http"
    assert request_of({"path": "/", "headers": [], "scheme": "wss"}).scheme == "https"
    assert request_of({"path": "/", "headers": [], "scheme": "https"}).scheme == "https"


def test_an_application_gets_what_else_there_is() -> None:
    kept = (b"origin", b"null")
    scope = {"subprotocols": ["a", "djwto.bearer", "b"], "headers": [kept], "path": "/"}
    assert without_token(scope) == {
        "subprotocols": ["a"],
        "headers": [kept, (b"sec-websocket-protocol", b"a")],
        "path": "/",
    }
    # ASGI lets a server leave them out.
    assert without_token({"subprotocols": ["djwto.bearer"]})["headers"] == []


# Who is refused.


@pytest.mark.parametrize("why", ["garbage", "refresh", "departed", "ended"])
@each_mode
def test_a_token_that_is_not_valid_opens_nothing(settings: Settings, mode: str, why: str) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    tokens = session()
    token = {"garbage": "a.b.c", "refresh": tokens.refresh}.get(why, tokens.access)
    if why == "departed":
        User.objects.update(is_active=False)
    if why == "ended":
        assert api.send(api.LOGOUT, tokens.refresh).status == 200
    told = opened(token)
    assert told.status == 401
    assert dict(told.sent[0]["headers"])[b"www-authenticate"].endswith(b'error="invalid_token"')
    assert set(json.loads(told.sent[1]["body"])) == {"error"}
    # A server that cannot answer with HTTP makes 403 of it.
    assert opened(token, extensions=None).sent == [{"type": "websocket.close"}]


@each_cookie_mode
def test_a_token_that_is_not_where_the_mode_has_it_opens_nothing(
    settings: Settings, mode: str
) -> None:
    """Rather than have its owner be nobody."""
    settings.DJWTO_MODE = mode
    access = session().access or ""
    assert page("djwto.bearer", access).status == 401
    bearer = (b"authorization", f"Bearer {access}".encode())
    assert page(headers=[bearer]).status == 401


@pytest.mark.clause("LOG-1")
@pytest.mark.parametrize("down", ["keys", "database"])
def test_while_a_store_is_down_nobody_is_let_in(
    settings: Settings, down: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    access = session().access

    def raising(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("down")

    if down == "keys":
        settings.DJWTO_KEYS = raising
    else:
        monkeypatch.setattr("django.db.models.query.QuerySet.get", raising)
    told = opened(access)
    assert told.status == 503
    assert dict(told.sent[0]["headers"])[b"retry-after"] == b"5"
    assert written(caplog) == [("store_unavailable", "JWTWebSocketMiddleware", "10.1.2.3")]
    assert opened(access, extensions={}).sent == [{"type": "websocket.close"}]


@pytest.mark.case(115)
@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://testserver",
        "http://testserver.elsewhere.example",
        "http://elsewhere.example",
        "http://testserver, http://elsewhere.example",
        "https://trusted.example.elsewhere.example",
        "http://[",
    ],
)
@each_cookie_mode
def test_a_page_of_another_site_opens_nothing_with_its_visitors_cookies(
    settings: Settings, mode: str, origin: str | None, caplog: Any
) -> None:
    settings.DJWTO_MODE = mode
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example"]
    settings.DJWTO_CSRF = False
    tokens = session()
    assert opened(tokens.access, origin).status == 403
    assert written(caplog) == [("csrf_refused", "JWTWebSocketMiddleware", "10.1.2.3")]
    assert opened(tokens.access, "https://trusted.example").name == "alice"
    assert opened(tokens.access, "https://testserver", scheme="wss").name == "alice"


@pytest.mark.parametrize("in_sessions", [True, False])
@each_cookie_mode
def test_its_own_site_needs_no_csrf_token(
    settings: Settings, mode: str, in_sessions: bool
) -> None:
    settings.DJWTO_MODE = mode
    access = session().access
    settings.CSRF_USE_SESSIONS = in_sessions
    assert opened(access).name == "alice"


def test_a_header_is_no_cookie_and_may_come_from_anywhere() -> None:
    assert opened(session().access, "http://elsewhere.example").name == "alice"


@pytest.mark.case(116)
def test_a_token_in_the_query_is_not_read() -> None:
    access = session().access or ""
    asked = request_of({"path": "/", "headers": [], "query_string": b"token=a.b.c"})
    assert asked.META["QUERY_STRING"] == ""
    for name in ("token", "access", "access_token", "Authorization", "jwt_access"):
        assert opened(None, query_string=f"{name}={access}".encode()).name == ""
    assert opened(access, query_string=b"\xff\xfe").name == "alice"


@pytest.mark.case(117)
def test_two_tokens_at_once_open_nothing() -> None:
    """Not even twice the same: which of them an application echoes is not known."""
    access = session().access or ""
    bearer = (b"authorization", f"Bearer {access}".encode())
    assert page("djwto.bearer", access, headers=[bearer]).status == 400
    assert page("djwto.bearer", access, "djwto.bearer", access).status == 400
    assert asyncio.run(opening([*headers_of(access), bearer])).status == 400


# What a page offers.


@pytest.mark.case(119)
@pytest.mark.parametrize("own", [[], ["chat.v2"], ["chat.v2", "chat.v1"]])
@pytest.mark.parametrize("at", [0, 1])
def test_no_application_sees_or_echoes_the_token_of_a_page(own: list[str], at: int) -> None:
    access = session().access or ""

    async def echoing(scope: Any, receive: Any, send: Any) -> None:
        offered = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})

    found = page(*own[:at], "djwto.bearer", access, *own[at:], app=echoing)
    assert found.name == "alice"
    assert access not in str(found.scope | {"auth": None})  # type: ignore[operator]
    assert found.scope is not None
    assert found.scope["subprotocols"] == own
    kept = [value.decode() for name, value in found.scope["headers"] if b"protocol" in name]
    assert kept == ([", ".join(own)] if own else [])
    # Browsers demand one of those that were offered.
    assert found.sent[0]["subprotocol"] == (own[-1] if own else "djwto.bearer")


def test_a_page_without_a_token_is_nobody_and_is_answered_too() -> None:
    found = page("djwto.bearer")
    assert found.name == ""
    assert found.sent[0]["subprotocol"] == "djwto.bearer"
    assert page("a.b.c", "djwto.bearer").name == ""
    assert page("djwto.bearer", "a.b.c").status == 401


def test_to_who_offers_no_subprotocol_none_is_named() -> None:
    assert "subprotocol" not in opened(session().access).sent[0]
    found = page("chat.v1")
    assert found.scope is not None
    assert found.scope["subprotocols"] == ["chat.v1"]
    assert "subprotocol" not in found.sent[0]


# How long it lasts.


@pytest.fixture
def brief(settings: Settings) -> Iterator[str]:
    """An access token that expires in a second."""
    settings.DJWTO_REQUEST_USER = "token"
    access = session().access
    with time_machine.travel(api.claims_of(access)["exp"] - 1, tick=True):
        assert access
        yield access


def since_it_expired(access: str) -> float:
    """Seconds. What a timer counts, and what the clock does, may differ by a few hundredths."""
    expired: int = api.claims_of(access)["exp"]
    return time.time() - expired + 0.05


@pytest.mark.case(118)
@each_mode
def test_it_is_closed_when_its_token_expires(settings: Settings, mode: str, brief: str) -> None:
    settings.DJWTO_MODE = mode
    late = {"type": "websocket.receive", "text": "late"}
    found = opened(brief, stays=10.0, events=(late, late))
    closed = {"type": "websocket.close", "code": 4401, "reason": "The token has expired."}
    assert found.sent[1:] == [closed]
    assert since_it_expired(brief) >= 0
    # What the client sent after that is not heard any more.
    assert found.heard == [CONNECT, {"type": "websocket.disconnect", "code": 4401}]


def test_it_lasts_as_long_as_the_leeway_has_its_token_be_valid(
    settings: Settings, brief: str
) -> None:
    settings.DJWTO_LEEWAY = 1
    assert opened(brief, stays=10.0).sent[1]["code"] == 4401
    assert since_it_expired(brief) >= 1


async def patient(scope: Any, receive: Any, send: Any) -> None:
    """An application that says something when the token has expired."""
    await send({"type": "websocket.accept"})
    await asyncio.sleep(1.5)
    await send({"type": "websocket.send", "text": "still here"})


def test_it_lasts_where_that_is_wanted(brief: str) -> None:
    found = opened(brief, app=patient, stays=10.0, close_when_expired=False)
    assert [message["type"] for message in found.sent] == ["websocket.accept", "websocket.send"]
    ends = opened(brief, app=patient, stays=10.0)
    assert ends.status == 401


@pytest.mark.parametrize("limited", [True, False])
def test_it_lasts_as_long_as_its_session_where_its_token_has_no_end(
    settings: Settings, limited: bool
) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    settings.DJWTO_SESSION_MAX_AGE = None
    access = session().access
    claims = api.claims_of(access)
    assert "exp" not in claims
    if limited:
        settings.DJWTO_SESSION_MAX_AGE = timedelta(hours=1)
    with time_machine.travel(claims["auth_time"] + 3599, tick=True):
        found = opened(access, app=patient, stays=10.0)
    last = "websocket.close" if limited else "websocket.send"
    assert [message["type"] for message in found.sent] == ["websocket.accept", last]


def test_what_is_sent_after_that_is_dropped_and_who_stays_is_shown_out(
    monkeypatch: pytest.MonkeyPatch, brief: str
) -> None:
    monkeypatch.setattr(socket, "GRACE", 0.3)
    ended: list[str] = []

    async def sending(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        try:
            while True:
                await asyncio.sleep(0.05)
                await send({"type": "websocket.send", "text": "tick"})
        finally:
            ended.append("cancelled")

    found = opened(brief, app=sending, stays=10.0)
    kinds = [message["type"] for message in found.sent]
    assert kinds.index("websocket.close") == len(kinds) - 1 > 1
    assert ended == ["cancelled"]


@pytest.mark.parametrize("by", ["app", "denial", "client", "lost"])
def test_what_is_over_is_not_closed_again(by: str, brief: str) -> None:
    async def lingering(scope: Any, receive: Any, send: Any) -> None:
        if by != "denial":
            await send({"type": "websocket.accept"})
        if by == "app":
            await send({"type": "websocket.close", "code": 1000})
        elif by == "denial":
            await send({"type": f"{DENIAL}.start", "status": 404, "headers": []})
            await send({"type": f"{DENIAL}.body", "body": b""})
        elif by == "client":
            while (await receive())["type"] != "websocket.disconnect":
                pass
        await asyncio.sleep(1.5)

    found = opened(brief, app=lingering, stays=10.0 if by in {"app", "denial"} else None)
    codes = [sent.get("code") for sent in found.sent if sent["type"] == "websocket.close"]
    assert codes == {"app": [1000], "denial": [], "client": [], "lost": [4401]}[by]


def test_a_client_that_is_gone_is_no_failure(brief: str) -> None:
    """Servers raise an OSError for it, since ASGI 2.4."""
    told: list[str] = []

    async def gone(message: Any) -> None:
        told.append(message["type"])
        raise BrokenPipeError

    async def lingering(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1.5)

    scope = {"type": "websocket", "path": "/", "headers": headers_of(brief)}
    asyncio.run(JWTWebSocketMiddleware(lingering)(scope, gone, gone))  # type: ignore[arg-type]
    assert told == ["websocket.close"]


def test_what_an_application_raises_is_raised() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        opened(session().access, app=failing)


def test_who_is_cancelled_takes_the_application_along() -> None:
    access = session().access
    ended: list[str] = []

    async def staying(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def cancelled() -> list[str]:
        with pytest.raises(asyncio.TimeoutError):
            await opening(headers_of(access), app=staying, stays=0.5)
        # Before the loop ends, which cancels whatever is left in it.
        await asyncio.sleep(0.1)
        return list(ended)

    assert asyncio.run(cancelled()) == ["cancelled"]


# The event loop.


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is done in threads from now on."""
    done: list[str] = []
    call = SyncToAsync.__call__

    async def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        done.append(self.func.__name__)
        return await call(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", noting)
    return done


@pytest.mark.clause("USER-6")
@pytest.mark.parametrize("asks", ["nobody", "redis", "store", "database"])
@each_mode
def test_it_takes_a_thread_only_for_a_database(
    settings: Settings,
    mode: str,
    asks: str,
    threads: list[str],
    subjects: dict[str, Subject],
) -> None:
    """And closes there what nobody else would: no request of HTTP ends."""
    settings.DJWTO_MODE = mode
    settings.DJWTO_REQUEST_USER = "database" if asks == "database" else "token"
    settings.DJWTO_CHECK_ACCESS = asks in {"redis", "store"}
    if asks == "redis":
        options = subjects["redis"].options
        settings.DJWTO_BLACKLIST = {"BACKEND": ASYNC_REDIS, "OPTIONS": options}
    access = session().access

    async def ask() -> tuple[Opened, list[str]]:
        from djwto.blacklist import get_blacklist

        backend: Any = get_blacklist()
        if asks == "redis":
            for _ in range(20):
                await backend.aget_many(["a"])
        threads.clear()
        with blockbuster_ctx():
            found = await opening(headers_of(access))
        taken = list(threads)
        if asks == "redis":
            await backend.aclose()
        return found, taken

    found, taken = asyncio.run(ask())
    assert found.name == "alice"
    asked = {"store": ["get_many"], "database": ["user_of"]}.get(asks)
    closes = "close_old_connections"
    assert taken == ([closes, *asked, closes] if asked else [])


# Behind a server.


@pytest.mark.parametrize("mode", ["JSON", COOKIE_MODES[0]])
def test_behind_uvicorn_with_channels_a_client_is_who_it_is(settings: Settings, mode: str) -> None:
    given = {
        "SECRET_KEY": settings.SECRET_KEY,
        "DJWTO_REQUEST_USER": "token",
        "DJWTO_MODE": mode,
    }
    for name, value in given.items():
        setattr(settings, name, value)
    tokens = session()
    jti = api.claims_of(tokens.access)["jti"]
    known = {"name": "alice", "jti": jti, "subprotocols": []}

    async def answered(port: int, token: str | None, **kwargs: Any) -> Any:
        """What the application told, or the status of who was refused."""
        extra = {name.decode(): value.decode() for name, value in headers_of(token, None)}
        extra.pop("host")
        kwargs.setdefault("origin", Origin(f"http://127.0.0.1:{port}"))
        url = f"ws://127.0.0.1:{port}/told/"
        try:
            async with connect(url, additional_headers=extra, **kwargs) as client:
                first = json.loads(await client.recv())
                if token is not None:
                    await client.send('"echo"')
                    assert json.loads(await client.recv()) == "echo"
                return first, client.subprotocol
        except InvalidStatus as refused:
            return refused.response.status_code

    async def watched(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /watched/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.read()
        writer.close()
        await writer.wait_closed()

    async def lasting(port: int, brief: str) -> tuple[int | None, str]:
        extra = {name.decode(): value.decode() for name, value in headers_of(brief, None)[1:]}
        origin = Origin(f"http://127.0.0.1:{port}")
        url = f"ws://127.0.0.1:{port}/told/"
        async with connect(url, additional_headers=extra, origin=origin) as client:
            await client.recv()
            with pytest.raises(ConnectionClosed):
                await client.recv()
            return client.close_code, client.close_reason or ""

    async def ask(port: int, brief: str) -> None:
        assert await lasting(port, brief) == (4401, "The token has expired.")
        assert since_it_expired(brief) >= 0
        assert await answered(port, brief) == 401
        # All has been imported.
        await watched(port)
        assert await answered(port, tokens.access) == (known, None)
        nobody: dict[str, Any] = {"name": "", "jti": None, "subprotocols": []}
        assert await answered(port, None) == (nobody, None)
        assert await answered(port, "a.b.c") == 401
        elsewhere = await answered(port, tokens.access, origin=Origin("https://elsewhere.example"))
        assert elsewhere == ((known, None) if mode == "JSON" else 403)
        offered = [Subprotocol("djwto.bearer"), Subprotocol(tokens.access or "")]
        by_page = await answered(port, None, subprotocols=offered)
        assert by_page == ((known, "djwto.bearer") if mode == "JSON" else 401)

    with served("djwto.spec_tests.core.websocket_server", given) as port:
        settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=3)
        asyncio.run(ask(port, api.log_in(**CREDENTIALS).access or ""))
