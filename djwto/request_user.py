"""The user of a request that has an access token, for whatever keeps users on requests."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from djwto import transports
from djwto.authentication import aadmit, admit
from djwto.claims import ACCESS, Claims
from djwto.conf import settings
from djwto.token_user import TokenUser
from djwto.users import refuse_departed

DATABASE = "database"
TOKEN = "token"


def authenticated_user(request: HttpRequest) -> AbstractBaseUser | TokenUser:
    """The user of the request's access token; the claims are kept as `request.payload` (USER-1).

    By `DJWTO_REQUEST_USER` a row of the user model, of somebody who may still log in, or a
    TokenUser, for which no database is asked. With `DJWTO_CHECK_ACCESS` the session has to go on.
    Raises a Refusal, as `admit` does; BlacklistUnavailable, or a database's
    OperationalError or InterfaceError, while a store is down.
    """
    claims = admit(request, ACCESS)
    _keep_from_cache(request)
    return user_of(claims)


async def aauthenticated_user(request: HttpRequest) -> AbstractBaseUser | TokenUser:
    """The same, awaited; in a thread only where what has to be asked takes one (USER-6)."""
    claims = await aadmit(request, ACCESS)
    _keep_from_cache(request)
    return await auser_of(claims)


def _keep_from_cache(request: HttpRequest) -> None:
    """Has Django's cache middleware keep nothing that a cookie let somebody see (HTTP-32).

    Who asks has no response at hand, to have it vary. That of a header varies by itself.
    """
    if transports.current().ambient:
        request._cache_update_cache = False  # type: ignore[attr-defined]


def user_of(claims: Claims) -> AbstractBaseUser | TokenUser:
    """The same, of claims that are known to be valid."""
    if settings.request_user == TOKEN:
        return TokenUser(claims)
    # A view may read any field.
    return refuse_departed(claims, lambda key: get_user_model()._default_manager.get(pk=key))


async def auser_of(claims: Claims) -> AbstractBaseUser | TokenUser:
    """The same, awaited."""
    if settings.request_user == TOKEN:
        return TokenUser(claims)
    return await sync_to_async(user_of)(claims)
