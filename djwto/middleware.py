"""`request.user`, `request.auser` and `request.auth` of requests that have an access token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from djwto import transports
from djwto.authentication import aadmit, admit, apresented, presented
from djwto.claims import ACCESS, Claims
from djwto.csrf import SAFE_METHODS
from djwto.exceptions import STORE_FAILURES, Refusal
from djwto.keys import are_to_be_called_for
from djwto.request_user import auser_of, user_of
from djwto.responses import unavailable
from djwto.transports import varying


class JWTAuthenticationMiddleware:
    """Who sends a valid access token is `request.user`; it is looked up when it is asked for.

    `request.auth` is the token's claims. Without a token, or with one that is not valid, it is
    empty, and `request.user` is who it was before: a user with a session of Django's, if its
    AuthenticationMiddleware stands above, else AnonymousUser. `await request.auser()` is for
    async views. While a store is down, a request that asks is answered 503 (USER-2).
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        who = _Who(request)
        request._djwto_who = who  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(who.user)  # type: ignore[assignment]
        request.auser = who.auser
        request.auth = SimpleLazyObject(who.claims)  # type: ignore[attr-defined]
        may_be_exempt = who.may_be_exempt()
        if may_be_exempt:
            # Its truth is found out when Django's check asks for it.
            request._dont_enforce_csrf_checks = SimpleLazyObject(who.is_exempt)  # type: ignore[attr-defined]
        if self.is_async:
            return self._awaited(request, who, may_be_exempt)
        return self._finished(request, who, self.get_response(request))

    async def _awaited(
        self, request: HttpRequest, who: _Who, may_be_exempt: bool
    ) -> HttpResponseBase:
        if may_be_exempt and are_to_be_called_for():
            # Django's decorator csrf_protect looks in the event loop, where nothing can wait.
            await who.find_out_whether_exempt()
        return self._finished(request, who, await self.get_response(request))

    def _finished(
        self, request: HttpRequest, who: _Who, response: HttpResponseBase
    ) -> HttpResponseBase:
        failure = who.behind(response)
        if failure is not None:
            try:
                raise failure
            except STORE_FAILURES:
                return unavailable(request, type(self).__name__)
        return varying(response) if who.was_asked else response

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
        self.was_asked = False
        self.presents: bool | Exception | None = None
        self._found: tuple[Claims, Any] | None = None

    def may_be_exempt(self) -> bool:
        """Whether Django's CSRF check is of no use if there is a valid token.

        A page of another site can make a browser send cookies, and no such header. Django's own
        middleware does not know which of the two it was.
        """
        if self.request.method in SAFE_METHODS or transports.current().ambient:
            return False
        # Django's test client has said so before.
        return not getattr(self.request, "_dont_enforce_csrf_checks", False)

    def is_exempt(self) -> bool:
        """Whether a valid token came in the header. As long as nobody knows it is not exempt."""
        return self._presents() is True

    def _presents(self) -> bool | Exception:
        """The same, found out once, so that what was exempt stays so; or why nobody knows."""
        if self.presents is None:
            with self._finding_out():
                presented(self.request, ACCESS)
        assert self.presents is not None
        return self.presents

    async def find_out_whether_exempt(self) -> None:
        """Has `is_exempt` say later what is found out now."""
        with self._finding_out():
            await apresented(self.request, ACCESS)

    @contextmanager
    def _finding_out(self) -> Iterator[None]:
        try:
            yield
            self.presents = True
        except Refusal:
            self.presents = False
        except STORE_FAILURES as error:
            self.presents = error

    def behind(self, response: HttpResponseBase) -> Exception | None:
        """The failure of a store for which this is not the answer, if there was one."""
        # Of a failure in another middleware Django has made a 500, and told none below.
        if response.status_code == 500:
            return self.failure
        # Django's check has refused what it might have let through.
        if response.status_code == 403 and isinstance(self.presents, Exception):
            return self.presents
        return None

    def claims(self) -> Claims:
        """The claims, or none."""
        return self._find()[0]

    def user(self) -> Any:
        """The user of the token, or whoever there was before."""
        user = self._find()[1]
        if user is not None:
            return user
        return AnonymousUser() if self.before is None else self.before

    async def auser(self) -> Any:
        """As `user`; in a thread only where what has to be asked takes one (USER-6)."""
        if self._found is None:
            with self._finding():
                claims = await aadmit(self.request, ACCESS)
                self._found = claims, await auser_of(claims)
        if self._find()[1] is None and self.abefore is not None:
            return await self.abefore()
        return self.user()

    def _find(self) -> tuple[Claims, Any]:
        if self._found is None:
            with self._finding():
                claims = admit(self.request, ACCESS)
                self._found = claims, user_of(claims)
        assert self._found is not None
        return self._found

    @contextmanager
    def _finding(self) -> Iterator[None]:
        self.was_asked = True
        try:
            yield
        except Refusal:
            self._found = {}, None
            if self._is_over():
                self.before = self.abefore = None
        except STORE_FAILURES as error:
            self.failure = error
            raise

    def _is_over(self) -> bool:
        """Whether a token of ours came in the header, of which the session or the user is gone.

        It spared the request Django's CSRF check, for nobody but who it names.
        """
        return not transports.current().ambient and self._presents() is not False
