"""The sessions of one's own: a list of them, and the end of one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_noop

from djwto.authentication import authenticate
from djwto.base_view import JWTView
from djwto.blacklist import KEY, blacklist_key
from djwto.claims import ACCESS
from djwto.contrib.sessions.models import Session, SessionQuerySet
from djwto.exceptions import Refusal
from djwto.responses import done
from djwto.sessions import ask
from djwto.users import refuse_departed

ENDED = gettext_noop("The session has been ended.")
ENDED_BEFORE = gettext_noop("The session had ended before.")

MOST = 1000
"""Sessions that the list names at most: nobody looks through more."""


class UnknownSession(Refusal):
    """There is no such session, or it is another user's; which of the two is not told."""

    status = HTTPStatus.NOT_FOUND


class OwnSessionsView(JWTView):
    """What the two share: an access token whose session goes on, and whose user does."""

    current: str
    """The key of the session at hand."""
    token_type = ACCESS

    def own(self, request: HttpRequest) -> SessionQuerySet:
        """The sessions of the user. Raises a Refusal, BlacklistUnavailable."""
        claims = authenticate(request, self.token_type)
        ask(claims)
        self.current = blacklist_key(claims["jti"])
        return Session.objects.of(refuse_departed(claims))


class SessionsView(OwnSessionsView):
    """Lists the sessions of the access token's user, the one used last first. GET only."""

    sender = "SessionsView"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        own = self.own(request)[:MOST]
        return JsonResponse({"sessions": [self.told(session) for session in own]})

    def told(self, session: Session) -> dict[str, Any]:
        """A session as JSON. Times are in epoch seconds, as in the claims of a token."""
        return {
            "id": session.key,
            "created": session.created,
            "refreshed": session.refreshed,
            "expires": session.expires,
            "ip": session.ip or None,
            "user_agent": session.user_agent or None,
            "current": session.key == self.current,
        }


class SessionView(OwnSessionsView):
    """Ends one session of the access token's user. DELETE only.

    Sends `jwt_blacklisted`, as a logout does, if it was this request that ended the session.
    Clears the cookies where that is the session at hand.
    """

    sender = "SessionView"

    def delete(self, request: HttpRequest, key: str, *args: Any, **kwargs: Any) -> HttpResponse:
        own = self.own(request)
        # Of what is no key some databases refuse to hear, and others take it for one.
        session = own.filter(key=key).first() if KEY.fullmatch(key) else None
        if session is None:
            raise UnknownSession("There is no such session.")
        ended = session.end(request)
        message = ENDED if ended else ENDED_BEFORE
        if session.key == self.current:
            return self.forgotten(request, message)
        return done(message)
