"""The headers of what is refused, for which Django Ninja has no place but an exception handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError

from djwto.exceptions import MissingToken


class Refused(HttpError):
    """A request that JWTAuth lets nobody make."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(status, message)
        self.headers = headers


def send_headers(api: NinjaAPI) -> None:
    """Has an API answer 401 with WWW-Authenticate and 503 with Retry-After (USER-5).

    RFC 9110 section 15.5.2 and RFC 6750 section 3 demand the first. To be called once, after the
    API was made; handlers of these two exceptions that the project adds later replace it.
    """

    def answer(request: HttpRequest, error: Any) -> HttpResponse:
        response = api.create_response(request, {"detail": str(error)}, status=error.status_code)
        headers = error.headers if isinstance(error, Refused) else _CHALLENGE
        for name, value in headers.items():
            response[name] = value
        return response

    for kind in (Refused, AuthenticationError):
        api.add_exception_handler(kind, answer)


_CHALLENGE = {"WWW-Authenticate": MissingToken.challenge or ""}
