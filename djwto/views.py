"""The endpoints. Each reads a request, does one thing, and announces it by a signal."""

from __future__ import annotations

import time
from asyncio import iscoroutine
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, ParamSpec, TypeVar

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_logged_in
from django.db import connections, transaction
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_noop
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from djwto import csrf, throttle, transports
from djwto.authentication import aauthenticate, authenticate
from djwto.body import flag
from djwto.claims import ACCESS, REFRESH, Claims, Translated, access_from, user_id
from djwto.conf import settings
from djwto.exceptions import STORE_FAILURES, Disabled, MissingToken, Refusal, ReusedToken
from djwto.flows import at_once, to_the_end
from djwto.login import adopted, authenticated, new_session
from djwto.responses import done, refused, unavailable
from djwto.rotation import renewed, rotates
from djwto.sessions import (
    aask,
    acut_off,
    arevoke,
    ask,
    cut_off,
    exchange,
    milliseconds,
    revoke,
)
from djwto.signals import (
    jwt_access_refreshed,
    jwt_blacklisted,
    jwt_logged_in,
    jwt_login_fail,
    jwt_refresh_updated,
    jwt_reuse_detected,
    jwt_token_validated,
)
from djwto.tokens import TokenPair, decode, demand_signer, sign
from djwto.users import password_claims, refuse_departed

P = ParamSpec("P")
T = TypeVar("T")


class JWTView(View):
    """What the endpoints share: refusals as JSON, and nothing cached or rolled back."""

    sender: ClassVar[str]
    """The sender of the view's signals; a subclass keeps its parent's unless it sets its own."""
    token_type: str = ""
    """The type of the token that it takes, ACCESS or REFRESH; "" if it takes none."""
    awaits: bool = False
    """Is it awaited, under ASGI? Then so is what its handlers return (USER-8).

    One with handlers that are coroutine functions is. For another it can be said to `as_view`.
    """
    _unheard: list[tuple[Signal, dict[str, Any]]] | None = None
    """The signals of a request that is being answered, where it is awaited."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view, which checks CSRF itself and is in no ATOMIC_REQUESTS transaction (SIG-9).

        Django's LoginRequiredMiddleware lets it through (HTTP-33).
        """
        awaits = initkwargs.setdefault("awaits", cls.awaits or cls.view_is_async)
        called: Any = super().as_view(**initkwargs)
        if awaits:
            markcoroutinefunction(called)
        view: Any = csrf_exempt(login_not_required(called))
        # As the decorators have it.
        view.jwt_type = initkwargs.get("token_type", cls.token_type)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        made: Callable[..., HttpResponseBase] = view
        return made

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = self._answer(request, *args, **kwargs)
        return to_the_end(self._announced(answer)) if self.awaits else at_once(answer)

    async def _announced(self, answer: Coroutine[Any, Any, HttpResponseBase]) -> HttpResponseBase:
        """The answer, after its signals: each receiver is called or awaited, as it is one."""
        unheard: list[tuple[Signal, dict[str, Any]]] = []
        self._unheard = unheard
        try:
            return await answer
        finally:
            self._unheard = None
            for signal, named in unheard:
                await signal.asend_robust(**named)

    async def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = await self._answer_watching_reuse(request, *args, **kwargs)
        except Refusal as refusal:
            response = refused(request, refusal, self.sender)
        except STORE_FAILURES:
            response = unavailable(request, self.sender)
        response.setdefault("Cache-Control", "no-store")
        return response

    async def _answer_watching_reuse(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            if settings.throttle is not None:
                throttled = self.refuse_throttled
                await self.either(throttled, sync_to_async(throttled), request)
            handled: Any = super().dispatch(request, *args, **kwargs)
            answered: HttpResponseBase = await handled if iscoroutine(handled) else handled
            return answered
        except ReusedToken as refusal:
            # Two hold tokens of one session, and which of them is the thief nobody knows.
            claims: Claims = request.payload  # type: ignore[attr-defined]
            await self.either(self.end, self.aend, claims, jwt_reuse_detected, claims=claims)
            response = refused(request, refusal, self.sender)
            transports.current().forget(request, response)
            return response

    async def either(
        self,
        called: Callable[P, T],
        awaited: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What the one of two functions that do the same returns for which this view may wait."""
        return await awaited(*args, **kwargs) if self.awaits else called(*args, **kwargs)

    def run(self, flow: Coroutine[Any, Any, HttpResponse]) -> Any:
        """What a handler returns: what a flow does or, in a view that is awaited, the flow."""
        return flow if self.awaits else at_once(flow)

    def refuse_throttled(self, request: HttpRequest) -> None:
        """Raises Throttled for a request that comes too soon (HTTP-31).

        One that nothing would be done about is not counted: a preflight of CORS, another method.
        """
        hook = settings.throttle
        if hook is not None and request.method in {*self._allowed_methods()} - {"OPTIONS"}:  # type: ignore[attr-defined]
            throttle.ask(hook, request, self.sender)

    def end(self, claims: Claims, signal: Signal, /, **kwargs: Any) -> bool:
        """Ends a session and announces it; False if it had ended before."""
        return revoke(claims, lambda: self.announce(signal, jti=claims["jti"], **kwargs))

    async def aend(self, claims: Claims, signal: Signal, /, **kwargs: Any) -> bool:
        """As `end`, awaited."""
        return await arevoke(claims, lambda: self.announce(signal, jti=claims["jti"], **kwargs))

    async def claims(self, request: HttpRequest) -> Claims:
        """The claims of the token that it takes. Raises as `authenticate`."""
        return await self.either(authenticate, aauthenticate, request, self.token_type)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        allowed = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return JsonResponse(
            {"error": gettext("The method is not allowed; use %s.") % allowed},
            status=405,
            headers={"Allow": allowed},
        )

    def forgotten(self, request: HttpRequest, message: str) -> HttpResponse:
        """A response that makes the client forget its tokens."""
        response = done(message)
        transports.current().forget(request, response)
        return response

    def announce(self, signal: Signal, **kwargs: Any) -> None:
        """Sends a signal from this view; a receiver that raises is logged (SIG-11)."""
        named = {"sender": self.sender, "request": self.request} | kwargs
        if self._unheard is None:
            signal.send_robust(**named)
        else:
            self._unheard.append((signal, named))


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class GetTokensView(JWTView):
    """Logs in: credentials for a pair of tokens. POST only (HTTP-1 to HTTP-3).

    Sends `jwt_logged_in` or `jwt_login_fail`, and Django's `user_logged_in`. A token that comes
    with the request has no say in it; a session whose cookies are replaced ends.
    """

    sender = "GetTokensView"

    def refuse_throttled(self, request: HttpRequest) -> None:
        """As for each endpoint, and announced: a login that has to wait has failed."""
        with self._announcing_failure():
            super().refuse_throttled(request)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # The user is looked for in a database: all of it is one thread's.
        return self.run(self.either(self.logged_in, sync_to_async(self.logged_in), request))

    def logged_in(self, request: HttpRequest) -> HttpResponse:
        """The response to a request with the right credentials."""
        with self._announcing_failure():
            return self._log_in(request)

    @contextmanager
    def _announcing_failure(self) -> Iterator[None]:
        try:
            yield
        except STORE_FAILURES:
            raise
        except Exception as error:
            self.announce(jwt_login_fail, error=str(error))
            raise

    def _log_in(self, request: HttpRequest) -> HttpResponse:
        demand_signer()
        transport = transports.current()
        if transport.ambient:
            csrf.refuse_cross_site(request)
        user = authenticated(request)
        pair = new_session(user, request)
        if transport.ambient:
            self._end_replaced(request)
        response = transport.answer(request, pair, "Tokens successfully created.")
        if transport.ambient and settings.csrf:
            csrf.hand_out_token(request, response)
        request.user = user  # type: ignore[assignment]
        user_logged_in.send_robust(sender=type(user), request=request, user=user)
        self.announce(
            jwt_logged_in, refresh_claims=pair.refresh_claims, access_claims=pair.access_claims
        )
        return response

    def _end_replaced(self, request: HttpRequest) -> None:
        """Ends the session whose cookies those of this login are about to replace (HTTP-25)."""
        for type_ in (ACCESS, REFRESH):
            try:
                replaced = decode(transports.current().read(request, type_), type_)
            except Refusal:
                continue
            self.end(replaced, jwt_blacklisted, sender=BlackListTokenView.sender)


class ValidateTokensView(JWTView):
    """Tells whether a token is valid and its session goes on. POST only (HTTP-9).

    Sends `jwt_token_validated`. `as_view(token_type="refresh")` for the refresh token.
    """

    sender = "ValidateTokensView"
    token_type = ACCESS

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.validated(request))

    async def validated(self, request: HttpRequest) -> HttpResponse:
        """The response to a request with a token that is good."""
        await self.either(ask, aask, await self.claims(request))
        self.announce(jwt_token_validated)
        return done("Token is valid.")


class ExchangeView(JWTView):
    """What the two share that answer a refresh token with tokens (HTTP-20, HTTP-27)."""

    signal: ClassVar[Signal]
    message: ClassVar[str]
    token_type = REFRESH

    def renews(self) -> bool:
        """Whether the refresh token is answered with another."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # As a login.
        return self.run(self.either(self.exchanged, sync_to_async(self.exchanged), request))

    def exchanged(self, request: HttpRequest) -> HttpResponse:
        """The response to a request with a token that is good."""
        demand_signer()
        presented = authenticate(request, self.token_type)
        pair = self._exchanged(request, presented)
        transport = transports.current()
        response = transport.answer(request, pair, self.message)
        if isinstance(presented, Translated) and transport.ambient and settings.csrf:
            # Its next request has cookies, and needs one.
            csrf.hand_out_token(request, response)
        self.announce(
            self.signal, refresh_claims=pair.refresh_claims, access_claims=pair.access_claims
        )
        return response

    def _exchanged(self, request: HttpRequest, presented: Claims) -> TokenPair:
        at = ask(presented)
        user = refuse_departed(presented)
        carried_over = isinstance(presented, Translated)
        if at is None and (carried_over or self.renews()):
            at = exchange(presented) if rotates(presented) else milliseconds()
        if at is None:
            token: str = request.token  # type: ignore[attr-defined]
            return sign(presented, access_from(presented, int(time.time())), refresh=token)
        # Dated by the exchange, not by this request: a twin is answered the very same claims.
        claims = adopted(user, request, presented) if carried_over else presented
        claims = renewed(claims, at // 1000) | password_claims(user)
        return sign(claims, access_from(claims, at // 1000))


class RefreshAccessView(ExchangeView):
    """Issues a new access token for a refresh token. POST only (HTTP-10).

    Sends `jwt_access_refreshed`. Exchanges the refresh token as well if `DJWTO_ROTATE_ON_ACCESS`
    is on.
    """

    sender = "RefreshAccessView"
    signal = jwt_access_refreshed
    message = gettext_noop("Access token refreshed.")

    def renews(self) -> bool:
        return settings.rotate_refresh and settings.rotate_on_access


class UpdateRefreshView(ExchangeView):
    """Issues a new pair of tokens, so that the session lasts longer. POST only (HTTP-11).

    Sends `jwt_refresh_updated`. Off if `DJWTO_ALLOW_REFRESH_UPDATE` is False.
    """

    sender = "UpdateRefreshView"
    signal = jwt_refresh_updated
    message = gettext_noop("Refresh token updated.")

    def renews(self) -> bool:
        return True

    def exchanged(self, request: HttpRequest) -> HttpResponse:
        if not settings.allow_refresh_update:
            raise Disabled("Refresh tokens are not updated here.")
        return super().exchanged(request)


class BlackListTokenView(JWTView):
    """Logs out: ends the session of a refresh token and clears the cookies (HTTP-12).

    POST needs a valid refresh token; in cookie modes none at all will do as well, since that is
    what a client has that logged out before. DELETE clears the cookies in any case, and ends the
    session of the refresh token that it is sent if that is valid. Sends `jwt_blacklisted` if it
    was this request that ended the session.
    """

    sender = "BlackListTokenView"
    token_type = REFRESH

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.logged_out(request))

    def delete(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.logged_out_anyway(request))

    async def logged_out(self, request: HttpRequest) -> HttpResponse:
        """The response to a request with a valid token or, where cookies are used, with none."""
        try:
            claims = await self.claims(request)
        except MissingToken:
            if not transports.current().ambient:
                raise
            return await self._clear_cookies(request)
        return await self._end_session(request, claims)

    async def logged_out_anyway(self, request: HttpRequest) -> HttpResponse:
        """The response to a request with any token or with none."""
        try:
            claims = await self.claims(request)
        except Refusal:
            return await self._clear_cookies(request)
        return await self._end_session(request, claims)

    async def _end_session(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        if await self.either(self.end, self.aend, claims, jwt_blacklisted):
            return self.forgotten(request, "Token successfully blacklisted.")
        return self.forgotten(request, "Token was blacklisted before.")

    async def _clear_cookies(self, request: HttpRequest) -> HttpResponse:
        # Without this another site's page could log its visitors out.
        if transports.current().ambient and settings.csrf:
            await self.either(csrf.refuse_forged, csrf.arefuse_forged, request)
        return self.forgotten(request, "There was no session to end.")


class LogoutAllView(JWTView):
    """Logs out everywhere: ends all sessions of a refresh token's user. POST only (HTTP-22).

    With `keep_current` true in the body, all but that of the token. Sends `jwt_sessions_revoked`.
    """

    sender = "LogoutAllView"
    token_type = REFRESH

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.logged_out_everywhere(request))

    async def logged_out_everywhere(self, request: HttpRequest) -> HttpResponse:
        """The response to a request with a token that is good."""
        claims = await self.claims(request)
        await self.either(ask, aask, claims)
        keep = flag(request, "keep_current")
        await self.either(
            cut_off,
            acut_off,
            user_id(claims),
            claims["jti"] if keep else None,
            claims=claims,
            announce=self.announce,
        )
        if keep:
            return done("All other sessions ended.")
        return self.forgotten(request, "All sessions ended.")
