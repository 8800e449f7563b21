"""Tokens of a user for tests: as a login gives them, with whatever time left."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.test import RequestFactory

from djwto.claims import Claims, access_from, session_end
from djwto.conf import seconds
from djwto.login import new_session
from djwto.tokens import TokenPair, sign

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def tokens_for(
    user: AbstractBaseUser,
    *,
    lifetime: timedelta | None = None,
    access_lifetime: timedelta | None = None,
    request: HttpRequest | None = None,
) -> TokenPair:
    """The tokens of a new session of this user, who need not have a password (TEST-2).

    They expire `lifetime` from now, the access token `access_lifetime` from now if that is
    given; None is what the settings say. What is negative has passed already: the session began
    before. `request` is what the hooks for claims are given. No signal is sent, since nobody
    has logged in. Raises ValueError for a user who has not been saved, and for a token that
    would outlive its session.
    """
    if user.pk is None:
        raise ValueError(f"{user!r} has no primary key; save the user first.")
    pair = new_session(user, RequestFactory().post("/") if request is None else request)
    now = int(time.time())
    refresh_exp = _end("lifetime", lifetime, now)
    access_exp = _end("access_lifetime", access_lifetime, now)
    if access_exp is None:
        access_exp = refresh_exp
    if access_exp is None:
        return pair
    began = min(now, *(exp - 1 for exp in (refresh_exp, access_exp) if exp is not None))
    refresh = _since(began, pair.refresh_claims)
    if refresh_exp is not None:
        refresh["exp"] = refresh_exp
    access = access_from(refresh, refresh.get("iat", began)) | {"exp": access_exp}
    for claims in (refresh, access):
        _refuse_outliving(claims)
    return sign(refresh, access)


def _end(name: str, lifetime: timedelta | None, now: int) -> int | None:
    if lifetime is None:
        return None
    if not isinstance(lifetime, timedelta):
        raise TypeError(f"{name} is {lifetime!r}; write a timedelta, such as timedelta(hours=1).")
    return now + seconds(lifetime)


def _since(began: int, claims: Claims) -> Claims:
    """These claims, as they would be if the session had begun at this time."""
    earlier = claims["auth_time"] - began
    return claims | {
        name: claims[name] - earlier for name in ("auth_time", "iat", "nbf") if name in claims
    }


def _refuse_outliving(claims: Claims) -> None:
    end = session_end(claims)
    if end is not None and claims["exp"] > end:
        raise ValueError(
            f"The {claims['type']} token would expire {claims['exp'] - end} seconds after its "
            "session: shorten its lifetime, or set a longer DJWTO_SESSION_MAX_AGE."
        )
