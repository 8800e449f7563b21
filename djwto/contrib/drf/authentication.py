"""Who asks a view of Django REST framework, by the access token that is sent."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    ParseError,
    PermissionDenied,
)
from rest_framework.request import Request

from djwto import security_log
from djwto.claims import Claims
from djwto.exceptions import (
    STORE_FAILURES,
    ForgedRequest,
    MissingToken,
    Refusal,
    RepeatedToken,
)
from djwto.request_user import authenticated_user
from djwto.responses import RETRY_AFTER, UNAVAILABLE


class Unavailable(APIException):
    """A store is down: 503, and when to ask again."""

    status_code = 503
    default_code = "unavailable"

    def __init__(self) -> None:
        super().__init__(gettext(UNAVAILABLE))
        self.wait = RETRY_AFTER


class JWTAuthentication(BaseAuthentication):
    """`request.user` by `DJWTO_REQUEST_USER`, and the claims as `request.auth` (USER-4).

    Where a view has no token it goes on to the next class. One that is not valid is answered 401,
    two at once 400, an unsafe request over cookies without a CSRF token 403, and 503 is the answer
    while a store is down.
    """

    def authenticate(self, request: Request) -> tuple[Any, Claims] | None:
        """The user and the claims, or None where there is no token."""
        asked = request._request
        try:
            user = authenticated_user(asked)
        except MissingToken:
            return None
        except ForgedRequest as refusal:
            security_log.refused(asked, refusal, type(self).__name__)
            raise PermissionDenied(str(refusal)) from refusal
        except RepeatedToken as refusal:
            raise ParseError(str(refusal)) from refusal
        except Refusal as refusal:
            # Another instance is asked what to challenge with.
            asked.jwt_challenge = refusal.challenge
            raise AuthenticationFailed(str(refusal)) from refusal
        except STORE_FAILURES as error:
            security_log.store_unavailable(asked, type(self).__name__)
            raise Unavailable from error
        return user, asked.payload

    def authenticate_header(self, request: Request) -> str | None:
        """The value of WWW-Authenticate (RFC 6750 section 3)."""
        challenge: str | None = getattr(request._request, "jwt_challenge", MissingToken.challenge)
        return challenge
