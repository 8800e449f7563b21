"""Lets requests with a valid token in: the decorators for views, and what the endpoints use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from inspect import iscoroutine
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from djwto import csrf, sessions, transports
from djwto.claims import ACCESS, REFRESH, Claims, Translated
from djwto.conf import settings
from djwto.exceptions import STORE_FAILURES, MissingPermission, Refusal
from djwto.keys import are_to_be_called_for
from djwto.responses import refused, unavailable
from djwto.tokens import decode
from djwto.transports import varying
from djwto.verified import InForce, in_force

View = TypeVar("View", bound=Callable[..., Any])


def presented(
    request: HttpRequest, type_: str, under: InForce | None = None
) -> tuple[str, Claims]:
    """The token that a request brings, and its claims.

    `type_` is "access" or "refresh"; `under` is as for `decode`. Raises a Refusal: MissingToken,
    RepeatedToken, InvalidToken, or ForgedRequest where cookies are used and `DJWTO_CSRF` is on.
    Asks no store.
    """
    under = under or in_force()
    transport = transports.TRANSPORTS[under.mode]
    if isinstance(transport, transports.OneCookie):
        return _presented_by_cookie(request, type_, transport, under)
    token = transport.read(request, type_)
    return token, decode(token, type_, under)


def _presented_by_cookie(
    request: HttpRequest, type_: str, transport: transports.OneCookie, under: InForce
) -> tuple[str, Claims]:
    if _is_carried_over(request, transport.cookie(type_)):
        token = transports.BEARER.read(request, type_)
        claims = decode(token, type_, under)
        if not isinstance(claims, Translated):
            # Ours have a cookie.
            transport.read(request, type_)
        return token, claims
    token = transport.read(request, type_)
    claims = decode(token, type_, under)
    if settings.csrf:
        csrf.refuse_forged(request)
    return token, claims


async def apresented(
    request: HttpRequest, type_: str, under: InForce | None = None
) -> tuple[str, Claims]:
    """As `presented`; in a thread only where the CSRF token or the keys have to be fetched."""
    if django_settings.CSRF_USE_SESSIONS or are_to_be_called_for():
        return await sync_to_async(presented)(request, type_, under)
    return presented(request, type_, under)


def authenticate(request: HttpRequest, type_: str) -> Claims:
    """The claims of the request's token, kept as `request.payload`; the token as `request.token`.

    Raises as `presented`. Asks no store, but for the user of a token of simplejwt (MIG-3).
    """
    return _kept(request, *presented(request, type_))


async def aauthenticate(request: HttpRequest, type_: str) -> Claims:
    """As `authenticate`; in a thread only where what has to be asked takes one (USER-6)."""
    return await _akept(request, *await apresented(request, type_))


def admit(request: HttpRequest, type_: str) -> Claims:
    """As `authenticate`, and with `DJWTO_CHECK_ACCESS` its session must go on (HTTP-24).

    Raises InvalidToken if it does not, BlacklistUnavailable while the store is down.
    """
    under = in_force()
    token, claims = presented(request, type_, under)
    if under.check_access:
        sessions.ask(claims)
    return _kept(request, token, claims)


async def aadmit(request: HttpRequest, type_: str) -> Claims:
    """As `admit`; in a thread only where what has to be asked takes one (USER-6)."""
    under = in_force()
    token, claims = await apresented(request, type_, under)
    if under.check_access:
        await sessions.aask(claims)
    return await _akept(request, token, claims)


def _kept(request: HttpRequest, token: str, claims: Claims) -> Claims:
    if isinstance(claims, Translated):
        claims.complete()
    request.payload = claims  # type: ignore[attr-defined]
    request.token = token  # type: ignore[attr-defined]
    return claims


async def _akept(request: HttpRequest, token: str, claims: Claims) -> Claims:
    if isinstance(claims, Translated):
        return await sync_to_async(_kept)(request, token, claims)
    return _kept(request, token, claims)


def _is_carried_over(request: HttpRequest, cookie: str) -> bool:
    """Whether a token of simplejwt may be where its clients have it, and not in a cookie (MIG-5).

    No CSRF token is asked for there: no page of another site can have a browser send the header.
    """
    return (
        settings.accept_simplejwt is not None
        and not request.COOKIES.get(cookie)
        and transports.bearer_token(request) is not None
    )


def jwt_login_required(view: View) -> View:
    """Answers 401 unless an access token is sent that is valid (HTTP-15).

    With `DJWTO_CHECK_ACCESS` its session must go on, too, and 503 is the answer while the store
    is down (HTTP-24). The view finds the claims in `request.payload` and the token in
    `request.token`. Around a view that `jwt_is_refresh` guards it asks for the refresh token, as
    that does.
    """
    type_ = getattr(view, "jwt_type", ACCESS)
    return _guard(view, type_)


def jwt_is_refresh(view: View) -> View:
    """As `jwt_login_required`, for a refresh token (HTTP-15)."""
    return _guard(view, REFRESH)


def jwt_perm_required(perms: Sequence[str]) -> Callable[[View], View]:
    """Answers 403 unless the token grants all these permissions (HTTP-16).

    `perms` is a list of names such as "shop.add_order". Implies `jwt_login_required`.
    """
    if isinstance(perms, str):
        raise TypeError(f"jwt_perm_required takes a list of permissions: write [{perms!r}].")
    wanted = frozenset(perms)

    return lambda view: _guard(view, getattr(view, "jwt_type", ACCESS), wanted)


def _guard(view: View, type_: str, wanted: frozenset[str] | None = None) -> View:
    """The view behind a token of this type; with `wanted` behind one that grants these."""
    name = getattr(view, "__qualname__", type(view).__qualname__)

    def admitted(request: HttpRequest) -> Claims | None:
        """The claims, where another decorator has admitted the request."""
        claims: Claims = getattr(request, "payload", {})
        return claims if wanted is not None or claims.get("type") == type_ else None

    def demand(claims: Claims) -> None:
        if wanted is None:
            return
        granted = claims.get("user", {}).get("perms")
        if not isinstance(granted, list) or not wanted.issubset(map(str, granted)):
            raise MissingPermission("The token lacks a permission that this needs.")

    def instead(request: HttpRequest, error: Exception) -> HttpResponse:
        """What a request is answered that is not let in. To be called where it is caught."""
        if isinstance(error, Refusal):
            return refused(request, error, name)
        return unavailable(request, name)

    async def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            demand(admitted(request) or await aadmit(request, type_))
        except (Refusal, *STORE_FAILURES) as error:
            return varying(instead(request, error))
        response: HttpResponseBase = await view(request, *args, **kwargs)
        return varying(response)

    guarded: Any
    if iscoroutinefunction(view):
        guarded = wraps(view)(answer)
    else:

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            # The dispatch of an async class-based view is no coroutine function, but is called
            # in the event loop all the same, and what it answers is awaited.
            if asyncio._get_running_loop() is not None and _asks_a_store():
                return answer(request, *args, **kwargs)
            try:
                demand(admitted(request) or admit(request, type_))
            except (Refusal, *STORE_FAILURES) as error:
                return varying(instead(request, error))
            response = view(request, *args, **kwargs)
            return _awaited(response) if iscoroutine(response) else varying(response)

    guarded.jwt_type = type_
    # Django's middleware would ask for a CSRF token in JSON mode too, where no page of another
    # site can set the header; with cookies, presented() has asked already.
    guarded.csrf_exempt = True
    wrapped: View = guarded
    return wrapped


async def _awaited(response: Coroutine[Any, Any, HttpResponseBase]) -> HttpResponseBase:
    return varying(await response)


def _asks_a_store() -> bool:
    """Whether to admit a request takes more than to compute."""
    return (
        django_settings.CSRF_USE_SESSIONS
        or settings.check_access
        or are_to_be_called_for()
        or settings.accept_simplejwt is not None
    )
