"""Ends a session, and tells whether it has ended. The only callers of the blacklist."""

from __future__ import annotations

import time
from collections.abc import Callable

from djwto.blacklist import blacklist_key, get_blacklist
from djwto.claims import ACCESS, LAST_NUMERIC_DATE, REFRESH, Claims, expiry
from djwto.conf import seconds, settings
from djwto.exceptions import InvalidToken

CLOCK_MARGIN = 300
"""Seconds by which the clocks of two servers, or of a server and its store, may disagree."""


def revoke(claims: Claims, announce: Callable[[], None]) -> bool:
    """Ends the session of these claims; True if it was this call that ended it (BL-1).

    `announce` is called then, and only then, once the end is durable (SIG-9).
    Raises BlacklistUnavailable.
    """
    backend = get_blacklist()
    ended = backend.add(blacklist_key(claims["jti"]), kept_until(claims, int(time.time())))
    if ended:
        backend.on_durable(announce)
    return ended


def refuse_revoked(claims: Claims) -> None:
    """Raises InvalidToken if the session of these claims has ended, or BlacklistUnavailable."""
    if get_blacklist().contains(blacklist_key(claims["jti"])):
        raise InvalidToken("The token is blacklisted.")


def kept_until(claims: Claims, now: int) -> int | None:
    """How long to remember that a session ended now: until no token of it can be valid (HTTP-14).

    The token at hand may not be the session's youngest: another may have been issued in this
    very second, with the longest lifetime there is. None is for ever.
    """
    ends = [claims.get("exp"), expiry(ACCESS, now), expiry(REFRESH, now)]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return None
    return min(max(known) + seconds(settings.leeway) + CLOCK_MARGIN, LAST_NUMERIC_DATE)
