"""`request.user`, `request.auser` and `request.auth` of requests that have an access token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import SimpleLazyObject, cached_property

from djwto import transports
from djwto.authentication import admit, presented
from djwto.claims import ACCESS, Claims
from djwto.exceptions import STORE_FAILURES, Refusal
from djwto.request_user import is_told_by_the_token, user_of
from djwto.responses import unavailable

SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class JWTAuthenticationMiddleware:
    """Who sends a valid access token is `request.user`; it is looked up when it is asked for.

    `request.auth` is the token's claims. Without a token, or with one that is not valid, it is
    empty, and `request.user` is who it was before: a user with a session of Django's, if its
    AuthenticationMiddleware stands above, else AnonymousUser. `await request.auser()` is for
    async views. While a store is down, a view that asks is answered 503 (USER-2).
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        who = _Who(request)
        request._djwto_who = who  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(lambda: who.user)  # type: ignore[assignment]
        request.auser = who.auser
        request.auth = SimpleLazyObject(lambda: who.claims)  # type: ignore[attr-defined]
        # A page of another site can make a browser send cookies, and no such header. Django's
        # own middleware does not know which of the two it was.
        if request.method not in SAFE and not transports.current().ambient and who.signed:
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        response: HttpResponseBase | Awaitable[HttpResponseBase] = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """503 where it was by asking for the user that a view has failed."""
        if exception is request._djwto_who.failure:  # type: ignore[attr-defined]
            return unavailable(request, type(self).__name__)
        return None


class _Who:
    """What is found out of a request, once, when it is asked for."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.before: Any = getattr(request, "user", None)
        self.abefore: Any = getattr(request, "auser", None)
        self.failure: Exception | None = None

    @cached_property
    def signed(self) -> Claims:
        """The claims of the access token, of which no store was asked; or none."""
        try:
            return presented(self.request, ACCESS)[1]
        except Refusal:
            return {}

    @cached_property
    def _found(self) -> tuple[Claims, Any]:
        try:
            claims = admit(self.request, ACCESS)
            return claims, user_of(claims)
        except Refusal:
            return {}, None
        except STORE_FAILURES as error:
            self.failure = error
            raise

    @property
    def claims(self) -> Claims:
        """The claims, or none."""
        return self._found[0]

    @property
    def user(self) -> Any:
        """The user of the token, or whoever there was before."""
        user = self._found[1]
        if user is None:
            return AnonymousUser() if self.before is None else self.before
        return user

    async def auser(self) -> Any:
        """As `user`, without a thread where nothing has to be asked."""
        if not is_told_by_the_token():
            await sync_to_async(lambda: self._found)()
        if self._found[1] is None and self.abefore is not None:
            return await self.abefore()
        return self.user
