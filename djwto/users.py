"""Looks up the user of a session again, who may have been deactivated or deleted since."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError

from djwto.claims import Claims, user_id
from djwto.exceptions import InvalidToken


def refuse_departed(claims: Claims) -> None:
    """Raises InvalidToken unless the user of these claims exists and is active (HTTP-13).

    By primary key: a name can be changed, and be given to somebody else.
    """
    key = user_id(claims)
    try:
        user = get_user_model()._default_manager.get(pk=key)
    # A key of another type than the model's: the claims were signed by an older user model.
    except (ObjectDoesNotExist, ValueError, OverflowError, ValidationError, DataError) as error:
        raise InvalidToken("The user of the token does not exist.") from error
    if not user.is_active:
        raise InvalidToken("The user of the token is not active.")
