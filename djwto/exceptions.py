"""What djwto raises. Everything descends from `DjwtoError`."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext, gettext_noop


class DjwtoError(Exception):
    """Root of all exceptions of djwto."""


class BlacklistUnavailable(DjwtoError):
    """A blacklist cannot answer for certain. The views turn it into 503 and issue nothing."""


class KeysUnavailable(DjwtoError):
    """There is no key to sign with, or none to be had. The views turn it into 503, too."""


class Refusal(DjwtoError):
    """A request is refused; its text is sent to the client and quotes nothing of the request.

    The text is translated into the language in force, and `%(name)s` in it is the argument `name`.
    """

    status: ClassVar[HTTPStatus]
    challenge: ClassVar[str | None] = None
    """Value of `WWW-Authenticate` (RFC 6750 section 3), None where no token would help."""
    retry_after: int | None = None
    """Seconds after which to ask again (RFC 9110 section 10.2.3), where that is known."""
    event: ClassVar[str | None] = None
    """What `djwto.security_log` calls it; None for what clients are answered all day."""

    def __init__(self, message: str, **arguments: object) -> None:
        translated = gettext(message)
        super().__init__(translated % arguments if arguments else translated)


class UnreadableBody(Refusal):
    """The body is not a form and not a JSON object, or is too large."""

    status = HTTPStatus.BAD_REQUEST


class RepeatedToken(Refusal):
    """More than one token was sent (RFC 6750 section 3.1: invalid_request)."""

    status = HTTPStatus.BAD_REQUEST
    challenge = 'Bearer realm="api", error="invalid_request"'


class LoginFailed(Refusal):
    """The credentials are wrong, or the user may not log in."""

    status = HTTPStatus.UNAUTHORIZED
    challenge = 'Bearer realm="api"'


class MissingToken(Refusal):
    """No token was sent (RFC 6750 section 3.1: no error code then)."""

    status = HTTPStatus.UNAUTHORIZED
    challenge = 'Bearer realm="api"'


class InvalidToken(Refusal):
    """A token was sent that is malformed, expired, revoked, of another kind or not ours."""

    status = HTTPStatus.UNAUTHORIZED
    challenge = 'Bearer realm="api", error="invalid_token"'


class ReusedToken(InvalidToken):
    """A refresh token was sent that has been exchanged for its successor (RFC 9700 4.14.2)."""


class MissingPermission(Refusal):
    """The token is valid and lacks a permission (RFC 6750 section 3.1: insufficient_scope)."""

    status = HTTPStatus.FORBIDDEN
    challenge = 'Bearer realm="api", error="insufficient_scope"'


class ForgedRequest(Refusal):
    """The CSRF check failed, or another site's page tried to log its visitor in."""

    status = HTTPStatus.FORBIDDEN
    event = "csrf_refused"


class Throttled(Refusal):
    """`DJWTO_THROTTLE` has the client wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    event = "throttled"

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__(gettext_noop("Too many requests; try again later."))
        self.retry_after = retry_after


class Disabled(Refusal):
    """The endpoint is switched off in the settings."""

    status = HTTPStatus.NOT_FOUND


class Unsupported(Refusal):
    """The blacklist in force lacks what this takes."""

    status = HTTPStatus.NOT_IMPLEMENTED


STORE_FAILURES = (BlacklistUnavailable, KeysUnavailable, OperationalError, InterfaceError)
"""Raised when the blacklist, what keeps the keys, or a database cannot be reached."""
