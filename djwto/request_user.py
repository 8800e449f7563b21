"""The user of a request that has an access token, for whatever keeps users on requests."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from djwto.authentication import admit, asks_a_store
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
    return user_of(admit(request, ACCESS))


def is_told_by_the_token() -> bool:
    """Whether the user is found without a database, and without asking any store."""
    return settings.request_user == TOKEN and not asks_a_store()


def user_of(claims: Claims) -> AbstractBaseUser | TokenUser:
    """The same, of claims that are known to be valid."""
    if settings.request_user == TOKEN:
        return TokenUser(claims)
    # A view may read any field.
    return refuse_departed(claims, lambda key: get_user_model()._default_manager.get(pk=key))
