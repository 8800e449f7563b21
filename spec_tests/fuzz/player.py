"""Sends the requests of the fuzzer, and has each judged by what was seen of it."""

from __future__ import annotations

import base64
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, RequestFactory, override_settings

from djwto import cutoff
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.claims import ACCESS, REFRESH, Claims
from djwto.conf import settings
from djwto.contrib.sessions.models import Session
from djwto.keys import key_ring
from djwto.login import new_session
from djwto.spec_tests import api
from djwto.spec_tests.fuzz.calls import PASSWORD, USERNAME, Call
from djwto.spec_tests.fuzz.oracle import LONGEST, Exchange, violations
from djwto.spec_tests.fuzz.tokens import Made, make
from djwto.spec_tests.recorder import Recorder
from djwto.transports import OneCookie, current

TURNS = 4
"""How often a request that took too long is sent again: a machine that is busy is not slow."""


class Rejected(AssertionError):
    """Something has happened that must never happen."""


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def log_lines() -> Iterator[list[str]]:
    """While entered, every line that is logged, with its traceback, by whatever logger."""
    root, handler = logging.getLogger(), _Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


class Player:
    """A live session of alice, and requests that have to do with it, with her, or with nothing."""

    def __init__(self) -> None:
        if (user := User.objects.filter(username=USERNAME).first()) is None:
            # Stores outlive the test, and others' users are counted from 1 on. Not of `random`,
            # which Hypothesis has say the same in each example.
            number = 2**30 + uuid.uuid4().int % 2**30
            user = User.objects.create_user(USERNAME, password=PASSWORD, pk=number)
        # Nobody has so many sessions that to list them takes long.
        Session.objects.all().delete()
        self.user_key = cutoff.user_key(user.pk)
        pair = new_session(user, RequestFactory().post(api.LOGIN))
        self.live = {
            REFRESH: Made(pair.refresh, pair.refresh_claims),
            ACCESS: Made(pair.access, pair.access_claims),
        }
        self.spent: set[str] = set()
        """The refresh tokens that were exchanged, where nobody gets a second answer."""

    def play(self, call: Call, *, longest: float = LONGEST) -> Exchange:
        """Sends one request; returns what was seen. Raises Rejected for what must never happen.

        `longest` is how many seconds of the processor's time it may take.
        """
        tokens = [make(recipe, self.live) for recipe in call.tokens]
        known = {made.text: made.claims for made in (*self.live.values(), *tokens) if made.claims}
        before = self._looked_up(known)
        sent = _filled(call, [made.text for made in tokens])
        with Recorder() as recorder, log_lines() as log:
            response, seconds = _timed(sent)
        for _ in range(TURNS):
            if seconds <= longest:
                break
            seconds = min(seconds, _timed(sent)[1])
        after = self._looked_up(known)
        transport = current()
        exchange = Exchange(
            mode=settings.mode,
            method=sent.method.upper(),
            path=sent.path,
            authorization=sent.headers.get("HTTP_AUTHORIZATION", ""),
            cookies=sent.headers.get("HTTP_COOKIE", ""),
            body=sent.body,
            status=response.status_code,
            headers=dict(response.headers),
            # Whether a CSRF token is renewed is for Django's middleware to say.
            set_cookies={n: m.value for n, m in response.cookies.items() if n != "csrftoken"},
            content=response.content,
            signals=recorder.sent,
            log=log,
            seconds=seconds * LONGEST / longest,
            password=PASSWORD,
            keys=_spelt(),
            cookie_names={type_: transport.cookie(type_) for type_ in (REFRESH, ACCESS)}
            if isinstance(transport, OneCookie)
            else {},
            believed=self._believed(known, before, sent),
            ended=_names(known, after) - _names(known, before),
            cut_off=after.get(self.user_key) != before.get(self.user_key),
        )
        if found := violations(exchange):
            raise Rejected("\n".join([*found, f"status {exchange.status}", *log]))
        if exchange.status == 200 and "jwt_refresh_updated" in _sent(recorder):
            self.spent |= exchange.shown(REFRESH)
        if settings.rotate_on_access and "jwt_access_refreshed" in _sent(recorder):
            self.spent |= exchange.shown(REFRESH)
        return exchange

    def _looked_up(self, known: Mapping[str, Claims]) -> dict[str, str]:
        keys = {blacklist_key(claims["jti"]) for claims in known.values()}
        return get_blacklist().get_many([*keys, self.user_key])

    def _believed(
        self, known: Mapping[str, Claims], before: Mapping[str, str], sent: Call
    ) -> dict[str, frozenset[str]]:
        # The views behind the decorators ask nobody whether a session goes on.
        asks = settings.check_access or not sent.path.startswith(("/access", "/perm", "/refresh"))
        # A logout takes any token of its session, as does the login that replaces it (HTTP-20).
        takes_spent = sent.path.endswith(("/logout/", "/login/")) or settings.reuse_grace
        spent = set() if takes_spent or not settings.rotate_refresh else self.spent
        over = {
            text
            for text, claims in known.items()
            if blacklist_key(claims["jti"]) in before or text in spent
        }
        return {
            type_: frozenset(
                text
                for text, claims in known.items()
                if claims["type"] == type_ and not (asks and text in over)
            )
            for type_ in (REFRESH, ACCESS)
        }


def _filled(call: Call, texts: Sequence[str]) -> Call:
    def filled(text: str) -> str:
        return text.replace("<0>", texts[0]).replace("<1>", texts[1])

    # On the wire a header is bytes, which WSGI spells as Latin-1.
    headers = {
        name: filled(text).encode("utf-8", "replace").decode("latin-1")
        if not filled(text).isascii() and "<" in text
        else filled(text)
        for name, text in call.headers.items()
    }
    if "charset" in call.content_type:
        # Django reads the query in the charset of the body, and fails on some charsets before it
        # looks for a view.
        headers.pop("QUERY_STRING", None)
    body = call.body
    if b"<0>" in body:
        body = body.replace(b"<0>", texts[0].encode("utf-8", "replace"))
    return Call(
        method=call.method,
        path=call.path,
        tokens=call.tokens,
        headers=headers,
        content_type=call.content_type,
        body=body,
        secure=call.secure,
        awaited=call.awaited,
    )


def _timed(call: Call) -> tuple[Any, float]:
    start = time.process_time()
    response = _answered(call)
    return response, time.process_time() - start


def _answered(call: Call) -> Any:
    kind: Any = AsyncClient if call.awaited else Client
    client = kind(enforce_csrf_checks=True, raise_request_exception=False)
    headers: dict[str, Any] = dict(call.headers)
    if call.awaited:
        # Under ASGI they are bytes with a name in lower case, and a length is what it is.
        named = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in headers.items()
            if name.startswith("HTTP_")
        }
        if query := headers.get("QUERY_STRING"):
            named["QUERY_STRING"] = query
        headers = named
    else:
        # The client of Django's tests will not send less than it has said.
        headers["wsgi.input"] = BytesIO(call.body)
    content_type = call.content_type
    if call.awaited:
        # So it is taken by the client of Django's tests, though not by it alone.
        content_type = content_type.encode("ascii", "replace").decode()
    arguments = (call.method, call.path, call.body, content_type, call.secure)
    if not call.awaited:
        return client.generic(*arguments, **headers)

    async def awaited() -> Any:
        return await client.generic(*arguments, **headers)

    return async_to_sync(awaited)()


def _spelt() -> list[str]:
    signing: bytes = key_ring().keys[0].signing
    return [
        django_settings.SECRET_KEY,
        signing.hex(),
        base64.b64encode(signing).decode(),
        base64.urlsafe_b64encode(signing).decode(),
        repr(signing),
    ]


def _names(known: Mapping[str, Claims], found: Mapping[str, str]) -> frozenset[str]:
    """The sessions among those known that have ended, by their names and by their keys."""
    ended = {c["jti"] for c in known.values() if blacklist_key(c["jti"]) in found}
    return frozenset(ended)


def _sent(recorder: Recorder) -> set[str]:
    return {sent.name for sent in recorder.sent}


@contextmanager
def at_work(drawn: Mapping[str, Any], blacklist: Mapping[str, Any]) -> Iterator[Player]:
    """A player, with these settings in force."""
    with override_settings(
        ROOT_URLCONF="djwto.spec_tests.fuzz.urls", DJWTO_BLACKLIST=blacklist, **drawn
    ):
        yield Player()
