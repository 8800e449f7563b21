"""Ends sessions, and tells whether they have ended. The only callers of the blacklist.

A session is a login and all that follows from it; its name is the `jti` of its tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.dispatch import Signal

from djwto import cutoff, rotation
from djwto.blacklist import BlacklistBackend, blacklist_key, get_blacklist
from djwto.claims import (
    ACCESS,
    LAST_NUMERIC_DATE,
    REFRESH,
    Claims,
    expiry,
    session_end,
    user_id,
)
from djwto.conf import seconds, settings
from djwto.exceptions import BlacklistUnavailable, InvalidToken, Unsupported
from djwto.flows import AtOnce, at_once
from djwto.signals import jwt_sessions_revoked

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

CLOCK_MARGIN = 300
"""Seconds by which the clocks of two servers, or of a server and its store, may disagree."""

ATTEMPTS = 100
"""How often a cut-off is tried again that another one came before."""


def milliseconds() -> int:
    """The time now, as the store is told it."""
    return time.time_ns() // 1_000_000


def ask(claims: Claims) -> int | None:
    """Refuses the token of a session that has ended. One round trip to the store.

    Returns when the token was exchanged for its successor, in epoch milliseconds, and None if
    it was not. Raises InvalidToken if the session has ended, ReusedToken if the token was
    exchanged and is not within the grace, BlacklistUnavailable.
    """
    return _judged(claims, get_blacklist().get_many(_keys(claims)))


async def aask(claims: Claims) -> int | None:
    """`ask`, awaited: without a thread where the backend needs none (USER-6)."""
    return _judged(claims, await get_blacklist().aget_many(_keys(claims)))


def _keys(claims: Claims) -> list[str]:
    """What the store is asked about a token."""
    keys = [blacklist_key(claims["jti"]), *rotation.keys(claims)]
    user = _user_key(claims)
    return [*keys, user] if user else keys


def _judged(claims: Claims, found: Mapping[str, str]) -> int | None:
    """What follows from what the store was found to hold."""
    if not found:
        return None
    if blacklist_key(claims["jti"]) in found or cutoff.read(found, _user_key(claims)).ends(claims):
        raise InvalidToken("The token is blacklisted.")
    return rotation.exchanged_at(claims, found, milliseconds())


def exchange(claims: Claims) -> int:
    """Uses up the refresh token of these claims; returns when, in epoch milliseconds (HTTP-20).

    Of any number of requests one is the first; the others are told its time within the grace,
    and make the same successor of it. To be called after `ask`. Raises as that does.
    """
    now = milliseconds()
    own, _ = rotation.keys(claims)
    until = _kept(claims.get("exp"))
    if get_blacklist().compare_and_set(own, None, str(now), until):
        return now
    at = ask(claims)
    if at is None:
        raise BlacklistUnavailable("The blacklist says both that a key is there and is not.")
    return at


def epoch(user_id: int | str) -> int:
    """The epoch of a session that begins now (see `djwto.cutoff`)."""
    backend = get_blacklist()
    if not backend.supports_values:
        return 0
    key = cutoff.user_key(user_id)
    return cutoff.read(backend.get_many([key]), key).epoch


def revoke(claims: Claims, announce: Callable[[], None]) -> bool:
    """Ends the session of these claims; True if it was this call that ended it (BL-1).

    `announce` is called then, and only then, once the end is durable (SIG-9).
    Raises BlacklistUnavailable.
    """
    return revoke_key(blacklist_key(claims["jti"]), claims, announce)


async def arevoke(claims: Claims, announce: Callable[[], None]) -> bool:
    """`revoke`, awaited: in a thread unless the backend has an `aadd` of its own (USER-8)."""
    backend = get_blacklist()
    if not _overrides(backend, "aadd"):
        # Whole: it is that thread's transaction that may take back what is written.
        return await sync_to_async(revoke)(claims, announce)
    return await _revoke(backend, backend, blacklist_key(claims["jti"]), claims, announce)


def _overrides(backend: BlacklistBackend, *names: str) -> bool:
    """Whether a backend has all of these methods of its own."""
    return all(
        getattr(type(backend), name) is not getattr(BlacklistBackend, name) for name in names
    )


def revoke_key(key: str, claims: Claims | None, announce: Callable[[], None]) -> bool:
    """`revoke` by the key of the session; the claims tell how long its tokens may live.

    None is for claims that nobody knows: then it is as long as any token may.
    """
    backend = get_blacklist()
    return at_once(_revoke(backend, AtOnce(backend), key, claims, announce))


async def _revoke(
    backend: BlacklistBackend,
    asked: BlacklistBackend | AtOnce,
    key: str,
    claims: Claims | None,
    announce: Callable[[], None],
) -> bool:
    now = int(time.time())
    until = _last_of_all(now) if claims is None else kept_until(claims, now)
    ended = await asked.aadd(key, until)
    if ended:
        backend.on_durable(announce)
    return ended


def revoke_all(user: AbstractBaseUser, except_jti: str | None = None) -> None:
    """Ends all sessions of a user but the one named, if one is (HTTP-22).

    One write of constant size, however many sessions there are. A later login works at once;
    no token issued before does. Sends `jwt_sessions_revoked` (SIG-16). Raises
    BlacklistUnavailable, Unsupported if the backend in force keeps no values, and ValueError
    for a user without a primary key, who was not saved or has been deleted.
    """
    if user.pk is None:
        raise ValueError(f"{user!r} has no primary key; call revoke_all before delete().")
    cut_off(user.pk if isinstance(user.pk, int) else str(user.pk), except_jti)


def _announce(signal: Signal, **kwargs: Any) -> None:
    """Sends a signal of what happened outside of a request."""
    signal.send_robust(sender="revoke_all", request=None, **kwargs)


def cut_off(
    user_id: int | str,
    except_jti: str | None = None,
    *,
    claims: Claims | None = None,
    announce: Callable[..., None] = _announce,
) -> None:
    """`revoke_all` by the user's primary key, with what is to send its signal.

    `claims` are those of the session that asks for it, if one does. Raises InvalidToken if that
    has been cut off itself meanwhile.
    """
    backend = get_blacklist()
    at_once(_cut_off(backend, AtOnce(backend), user_id, except_jti, claims, announce))


async def acut_off(
    user_id: int | str,
    except_jti: str | None = None,
    *,
    claims: Claims | None = None,
    announce: Callable[..., None] = _announce,
) -> None:
    """`cut_off`, awaited: in a thread unless the backend awaits by methods of its own (USER-8)."""
    backend = get_blacklist()
    if _overrides(backend, "aget_many", "acompare_and_set"):
        return await _cut_off(backend, backend, user_id, except_jti, claims, announce)
    return await sync_to_async(cut_off)(user_id, except_jti, claims=claims, announce=announce)


async def _cut_off(
    backend: BlacklistBackend,
    asked: BlacklistBackend | AtOnce,
    user_id: int | str,
    except_jti: str | None,
    claims: Claims | None,
    announce: Callable[..., None],
) -> None:
    if not backend.supports_values:
        raise Unsupported(
            "%(backend)s cannot end all sessions of a user: it keeps no values.",
            backend=type(backend).__name__,
        )
    key = cutoff.user_key(user_id)
    spared = "" if except_jti is None else blacklist_key(except_jti)
    for _ in range(ATTEMPTS):
        found = await asked.aget_many([key])
        now = int(time.time())
        before = cutoff.read(found, key)
        if claims is not None and before.ends(claims):
            raise InvalidToken("The token is blacklisted.")
        after = before.next(spared, now)
        if await asked.acompare_and_set(key, found.get(key), str(after), _last_of_all(now)):
            break
    else:
        raise BlacklistUnavailable(f"Another cut-off came first, {ATTEMPTS} times over.")
    ended = {"user_id": user_id, "except_jti": except_jti}
    backend.on_durable(lambda: announce(jwt_sessions_revoked, **ended))


def kept_until(claims: Claims, now: int) -> int | None:
    """How long to remember that a session ended now: until no token of it can be valid (HTTP-14).

    The token at hand may not be the session's youngest: another may have been issued in this
    very second, with the longest lifetime there is. None is for ever.
    """
    ends = [claims.get("exp"), expiry(ACCESS, claims, now), expiry(REFRESH, claims, now)]
    if claims.get("type") == REFRESH and {"iat", "exp"} <= claims.keys():
        # By the lifetime of then, which the settings may have shortened since.
        ends.append(now + claims["exp"] - claims["iat"])
    elif "type" in claims:
        # An access token says nothing of how long the refresh tokens live.
        ends.append(session_end(claims))
    known = [end for end in ends if end is not None]
    return _kept(max(known)) if len(known) == len(ends) else None


def _last_of_all(now: int) -> int | None:
    """How long to remember what ends now: until no token issued before can be valid."""
    longest = settings.session_max_age
    # Without a limit only the tokens know how long they live.
    return None if longest is None else _kept(now + seconds(longest))


def _kept(end: int | None) -> int | None:
    if end is None:
        return None
    return min(end + seconds(settings.leeway) + CLOCK_MARGIN, LAST_NUMERIC_DATE)


def _user_key(claims: Claims) -> str:
    """The key of the user's cut-off; "" for a token that names no user, as a hook may make."""
    try:
        return cutoff.user_key(user_id(claims))
    except InvalidToken:
        return ""
