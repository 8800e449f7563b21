"""Lets requests with a valid token in: the decorators for views, and what the endpoints use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from djwto import csrf, sessions, transports
from djwto.claims import ACCESS, REFRESH, Claims, Translated
from djwto.conf import settings
from djwto.exceptions import STORE_FAILURES, MissingPermission, Refusal
from djwto.responses import refused, unavailable
from djwto.tokens import decode

View = TypeVar("View", bound=Callable[..., Any])


def presented(request: HttpRequest, type_: str) -> tuple[str, Claims]:
    """The token that a request brings, and its claims.

    `type_` is "access" or "refresh". Raises a Refusal: MissingToken, RepeatedToken,
    InvalidToken, or ForgedRequest where cookies are used and `DJWTO_CSRF` is on. Asks no store.
    """
    transport = transports.current()
    carried_over = _is_carried_over(request, type_)
    token = (transports.BEARER if carried_over else transport).read(request, type_)
    claims = decode(token, type_)
    if carried_over:
        if not isinstance(claims, Translated):
            # Ours have a cookie.
            transport.read(request, type_)
    elif transport.ambient and settings.csrf:
        csrf.refuse_forged(request)
    return token, claims


def authenticate(request: HttpRequest, type_: str) -> Claims:
    """The claims of the request's token, kept as `request.payload`; the token as `request.token`.

    Raises as `presented`. Asks no store, but for the user of a token of simplejwt (MIG-3).
    """
    return _kept(request, *presented(request, type_))


def admit(request: HttpRequest, type_: str) -> Claims:
    """As `authenticate`, and with `DJWTO_CHECK_ACCESS` its session must go on (HTTP-24).

    Raises InvalidToken if it does not, BlacklistUnavailable while the store is down.
    """
    token, claims = presented(request, type_)
    if settings.check_access:
        sessions.ask(claims)
    return _kept(request, token, claims)


def _kept(request: HttpRequest, token: str, claims: Claims) -> Claims:
    if isinstance(claims, Translated):
        claims.complete()
    request.payload = claims  # type: ignore[attr-defined]
    request.token = token  # type: ignore[attr-defined]
    return claims


def _is_carried_over(request: HttpRequest, type_: str) -> bool:
    """Whether a token of simplejwt may be where its clients have it, in cookie modes (MIG-5).

    No CSRF token is asked for there: no page of another site can have a browser send the header.
    """
    transport = transports.current()
    return (
        isinstance(transport, transports.OneCookie)
        and settings.accept_simplejwt is not None
        and not request.COOKIES.get(transport.cookie(type_))
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
    return _guard(view, type_, lambda request: _authenticate_once(request, type_))


def jwt_is_refresh(view: View) -> View:
    """As `jwt_login_required`, for a refresh token (HTTP-15)."""
    return _guard(view, REFRESH, lambda request: _authenticate_once(request, REFRESH))


def jwt_perm_required(perms: Sequence[str]) -> Callable[[View], View]:
    """Answers 403 unless the token grants all these permissions (HTTP-16).

    `perms` is a list of names such as "shop.add_order". Implies `jwt_login_required`.
    """
    if isinstance(perms, str):
        raise TypeError(f"jwt_perm_required takes a list of permissions: write [{perms!r}].")
    wanted = frozenset(perms)

    def decorate(view: View) -> View:
        type_ = getattr(view, "jwt_type", ACCESS)

        def check(request: HttpRequest) -> None:
            claims = getattr(request, "payload", None) or admit(request, type_)
            granted = claims.get("user", {}).get("perms")
            if not isinstance(granted, list) or not wanted.issubset(map(str, granted)):
                raise MissingPermission("The token lacks a permission that this needs.")

        return _guard(view, type_, check)

    return decorate


def _authenticate_once(request: HttpRequest, type_: str) -> None:
    if getattr(request, "payload", {}).get("type") != type_:
        admit(request, type_)


def _guard(view: View, type_: str, check: Callable[[HttpRequest], None]) -> View:
    name = getattr(view, "__qualname__", type(view).__qualname__)

    def refusal_of(request: HttpRequest) -> HttpResponse | None:
        """What the request is answered instead; None lets it in."""
        try:
            check(request)
        except Refusal as refusal:
            return refused(request, refusal, name)
        except STORE_FAILURES:
            return unavailable(request, name)
        return None

    async def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        refusal = (
            await sync_to_async(refusal_of)(request) if asks_a_store() else refusal_of(request)
        )
        if refusal is not None:
            return refusal
        response: HttpResponseBase = await view(request, *args, **kwargs)
        return response

    guarded: Any
    if iscoroutinefunction(view):
        guarded = wraps(view)(answer)
    else:

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            # The dispatch of an async class-based view is no coroutine function, but is called
            # in the event loop all the same, and what it answers is awaited.
            if asyncio._get_running_loop() is not None and asks_a_store():
                return answer(request, *args, **kwargs)
            refusal = refusal_of(request)
            return view(request, *args, **kwargs) if refusal is None else refusal

    guarded.jwt_type = type_
    # Django's middleware would ask for a CSRF token in JSON mode too, where no page of another
    # site can set the header; with cookies, authenticate() has asked already.
    guarded.csrf_exempt = True
    wrapped: View = guarded
    return wrapped


def asks_a_store() -> bool:
    """Whether a check takes a database, or whatever the blacklist is kept in."""
    return (
        django_settings.CSRF_USE_SESSIONS
        or settings.check_access
        or settings.accept_simplejwt is not None
    )
