"""Who calls an operation of Django Ninja, by the access token that is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja.security.base import AuthBase

from djwto import security_log, transports
from djwto.claims import ACCESS
from djwto.contrib.ninja.headers import Refused
from djwto.exceptions import STORE_FAILURES, MissingToken, Refusal
from djwto.request_user import aauthenticated_user, authenticated_user
from djwto.responses import RETRY_AFTER, UNAVAILABLE


class JWTAuth(AuthBase):
    """`auth=JWTAuth()`: the claims as `request.auth`, the user as `request.user` (USER-5).

    The user is what `DJWTO_REQUEST_USER` says. A token that is not valid is answered 401, an
    unsafe request over cookies without a CSRF token 403, and 503 is the answer while a store is
    down. Without a token Ninja asks the next of `auth`, and answers 401 if there is none.
    """

    def __init__(self) -> None:
        transport = transports.current()
        if isinstance(transport, transports.OneCookie):
            self.openapi_type = "apiKey"
            self.openapi_in = "cookie"
            self.openapi_name = transport.cookie(ACCESS)
        else:
            self.openapi_type = "http"
            self.openapi_scheme = "bearer"
            self.openapi_bearerFormat = "JWT"
        super().__init__()

    def __call__(self, request: HttpRequest) -> Any:
        with self._refusing(request):
            request.user = authenticated_user(request)  # type: ignore[assignment]
            return request.payload  # type: ignore[attr-defined]
        return None

    @contextmanager
    def _refusing(self, request: HttpRequest) -> Iterator[None]:
        try:
            yield
        except MissingToken:
            pass
        except Refusal as refusal:
            security_log.refused(request, refusal, type(self).__name__)
            headers = {"WWW-Authenticate": refusal.challenge} if refusal.challenge else {}
            raise Refused(refusal.status, str(refusal), headers) from refusal
        except STORE_FAILURES as error:
            security_log.store_unavailable(request, type(self).__name__)
            headers = {"Retry-After": str(RETRY_AFTER)}
            raise Refused(503, gettext(UNAVAILABLE), headers) from error


class AsyncJWTAuth(JWTAuth):
    """The same for async operations; in a thread only where what has to be asked takes one."""

    async def __call__(self, request: HttpRequest) -> Any:
        with self._refusing(request):
            request.user = await aauthenticated_user(request)  # type: ignore[assignment]
            return request.payload  # type: ignore[attr-defined]
        return None
