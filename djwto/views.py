"""The endpoints. Each reads a request, does one thing, and announces it by a signal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.contrib.auth.signals import user_logged_in
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters

from djwto import csrf, transports
from djwto.authentication import authenticate
from djwto.base_view import JWTView as JWTView
from djwto.body import flag
from djwto.claims import ACCESS, REFRESH, Claims, Translated, access_from, user_id
from djwto.conf import settings
from djwto.exceptions import STORE_FAILURES, Disabled, MissingToken, Refusal
from djwto.login import adopted, authenticated, new_session
from djwto.responses import done
from djwto.rotation import renewed, rotates
from djwto.sessions import (
    aask,
    acut_off,
    ask,
    cut_off,
    exchange,
    milliseconds,
)
from djwto.signals import (
    jwt_access_refreshed,
    jwt_blacklisted,
    jwt_logged_in,
    jwt_login_fail,
    jwt_refresh_updated,
    jwt_token_validated,
)
from djwto.tokens import TokenPair, decode, demand_signer, sign
from djwto.users import password_claims, refuse_departed


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
        return self.in_a_thread(self.logged_in, request)

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
        return self.in_a_thread(self.exchanged, request)

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
