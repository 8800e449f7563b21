"""The endpoints. Each reads a request, does one thing, and announces it by a signal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.signals import user_logged_in
from django.db import InterfaceError, OperationalError, connections, transaction
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from djwto import csrf, transports
from djwto.authentication import authenticate
from djwto.claims import ACCESS, REFRESH, Claims, access_from, updated
from djwto.conf import settings
from djwto.exceptions import BlacklistUnavailable, Disabled, MissingToken, Refusal
from djwto.login import authenticated, new_session
from djwto.responses import refused, unavailable
from djwto.revocation import refuse_revoked, revoke
from djwto.signals import (
    jwt_access_refreshed,
    jwt_blacklisted,
    jwt_logged_in,
    jwt_login_fail,
    jwt_refresh_updated,
    jwt_token_validated,
)
from djwto.tokens import sign
from djwto.users import refuse_departed

logger = logging.getLogger(__name__)

STORE_FAILURES = (BlacklistUnavailable, OperationalError, InterfaceError)
"""Raised when the blacklist, or the database of the users, cannot be reached."""


class JWTView(View):
    """What the endpoints share: refusals as JSON, and nothing cached or rolled back."""

    sender: ClassVar[str]
    """The sender of the view's signals; a subclass keeps its parent's unless it sets its own."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view, which checks CSRF itself and is in no ATOMIC_REQUESTS transaction (SIG-9)."""
        view: Callable[..., HttpResponseBase] = csrf_exempt(super().as_view(**initkwargs))
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Refusal as refusal:
            response = refused(refusal)
        except STORE_FAILURES:
            logger.exception("%s could not reach a store and answered 503.", self.sender)
            response = unavailable()
        response["Cache-Control"] = "no-store"
        return response

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        allowed = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return JsonResponse(
            {"error": f"The method is not allowed; use {allowed}."},
            status=405,
            headers={"Allow": allowed},
        )

    def announce(self, signal: Signal, **kwargs: Any) -> None:
        """Sends a signal from this view; a receiver that raises is logged (SIG-11)."""
        signal.send_robust(sender=self.sender, request=self.request, **kwargs)


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class GetTokensView(JWTView):
    """Logs in: credentials for a pair of tokens. POST only (HTTP-1 to HTTP-3).

    Sends `jwt_logged_in` or `jwt_login_fail`, and Django's `user_logged_in`. Tokens that come
    with the request are not looked at.
    """

    sender = "GetTokensView"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return self._log_in(request)
        except STORE_FAILURES:
            raise
        except Exception as error:
            self.announce(jwt_login_fail, error=str(error))
            raise

    def _log_in(self, request: HttpRequest) -> HttpResponse:
        transport = transports.current()
        if transport.ambient:
            csrf.refuse_cross_site(request)
        user = authenticated(request)
        pair = new_session(user, request)
        response = transport.answer(request, pair, "Tokens successfully created.")
        if transport.ambient and settings.csrf:
            csrf.hand_out_token(request, response)
        request.user = user  # type: ignore[assignment]
        user_logged_in.send_robust(sender=type(user), request=request, user=user)
        self.announce(
            jwt_logged_in, refresh_claims=pair.refresh_claims, access_claims=pair.access_claims
        )
        return response


class ValidateTokensView(JWTView):
    """Tells whether a token is valid and its session goes on. POST only (HTTP-9).

    Sends `jwt_token_validated`. `as_view(token_type="refresh")` for the refresh token.
    """

    sender = "ValidateTokensView"
    token_type = ACCESS

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refuse_revoked(authenticate(request, self.token_type))
        self.announce(jwt_token_validated)
        return JsonResponse({"msg": "Token is valid."})


class RefreshAccessView(JWTView):
    """Issues a new access token for a refresh token. POST only (HTTP-10).

    Sends `jwt_access_refreshed`.
    """

    sender = "RefreshAccessView"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refresh_claims = authenticate(request, REFRESH)
        refuse_revoked(refresh_claims)
        refuse_departed(refresh_claims)
        pair = sign(
            refresh_claims,
            access_from(refresh_claims, int(time.time())),
            refresh=request.token,  # type: ignore[attr-defined]
        )
        response = transports.current().answer(request, pair, "Access token refreshed.")
        self.announce(
            jwt_access_refreshed,
            refresh_claims=pair.refresh_claims,
            access_claims=pair.access_claims,
        )
        return response


class UpdateRefreshView(JWTView):
    """Issues a new pair of tokens, so that the session lasts longer. POST only (HTTP-11).

    Sends `jwt_refresh_updated`. Off if `DJWTO_ALLOW_REFRESH_UPDATE` is False.
    """

    sender = "UpdateRefreshView"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.allow_refresh_update:
            raise Disabled("Refresh tokens are not updated here.")
        presented = authenticate(request, REFRESH)
        refuse_revoked(presented)
        refuse_departed(presented)
        now = int(time.time())
        refresh_claims = updated(presented, now)
        pair = sign(refresh_claims, access_from(refresh_claims, now))
        response = transports.current().answer(request, pair, "Refresh token updated.")
        self.announce(
            jwt_refresh_updated,
            refresh_claims=pair.refresh_claims,
            access_claims=pair.access_claims,
        )
        return response


class BlackListTokenView(JWTView):
    """Logs out: ends the session of a refresh token and clears the cookies (HTTP-12).

    POST needs a valid refresh token; in cookie modes none at all will do as well, since that is
    what a client has that logged out before. DELETE clears the cookies in any case, and ends the
    session of the refresh token that it is sent if that is valid. Sends `jwt_blacklisted` if it
    was this request that ended the session.
    """

    sender = "BlackListTokenView"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            claims = authenticate(request, REFRESH)
        except MissingToken:
            if not transports.current().ambient:
                raise
            return self._clear_cookies(request)
        return self._end_session(request, claims)

    def delete(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            claims = authenticate(request, REFRESH)
        except Refusal:
            return self._clear_cookies(request)
        return self._end_session(request, claims)

    def _end_session(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        if revoke(claims, lambda: self.announce(jwt_blacklisted, jti=claims["jti"])):
            return self._forgotten(request, "Token successfully blacklisted.")
        return self._forgotten(request, "Token was blacklisted before.")

    def _clear_cookies(self, request: HttpRequest) -> HttpResponse:
        # Without this another site's page could log its visitors out.
        if transports.current().ambient and settings.csrf:
            csrf.refuse_forged(request)
        return self._forgotten(request, "There was no session to end.")

    def _forgotten(self, request: HttpRequest, message: str) -> HttpResponse:
        response = JsonResponse({"msg": message})
        transports.current().forget(request, response)
        return response
