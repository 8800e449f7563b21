"""The user of a session, looked up again: who may have left or have another password since."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.utils.crypto import constant_time_compare

from djwto.blacklist import get_blacklist
from djwto.claims import Claims, user_id
from djwto.exceptions import InvalidToken
from djwto.lookups import user_by_pk
from djwto.sessions import cut_off


def auth_hash(user: AbstractBaseUser) -> str | None:
    """What a token says of the user's password: a digest of Django's keyed session hash (TOK-13).

    None for a user model that has no such hash.
    """
    keyed = getattr(user, "get_session_auth_hash", None)
    return _digest(keyed()) if keyed else None


def password_claims(user: AbstractBaseUser) -> Claims:
    """The claim `auth_hash`, where there is one to be made."""
    value = auth_hash(user)
    return {} if value is None else {"auth_hash": value}


def _digest(session_hash: str) -> str:
    return sha256(session_hash.encode()).hexdigest()[:32]


def refuse_departed(
    claims: Claims, look_up: Callable[[int | str], AbstractBaseUser] = user_by_pk
) -> AbstractBaseUser:
    """The user of these claims, who exists, is active and has the password of then (HTTP-13).

    By primary key: a name can be changed, and be given to somebody else. Raises InvalidToken.
    """
    key = user_id(claims)
    try:
        user = look_up(key)
    # A key of another type than the model's: the claims were signed by an older user model.
    except (ObjectDoesNotExist, ValueError, OverflowError, ValidationError, DataError) as error:
        raise InvalidToken("The user of the token does not exist.") from error
    if not user.is_active:
        raise InvalidToken("The user of the token is not active.")
    if "auth_hash" in claims and not _same_password(user, claims["auth_hash"]):
        raise InvalidToken("The password of the token's user has been changed.")
    return user


def _same_password(user: AbstractBaseUser, stated: str) -> bool:
    current = auth_hash(user)
    if current is not None and constant_time_compare(current, stated):
        return True
    # Keys of SECRET_KEY_FALLBACKS, while SECRET_KEY is exchanged.
    fallbacks = getattr(user, "get_session_auth_fallback_hash", lambda: ())
    return any(constant_time_compare(_digest(old), stated) for old in fallbacks())


def watch() -> None:
    """Has the models of users report what ends the sessions of one (HTTP-23)."""
    for model in apps.get_models():
        # Not every model: a receiver of post_delete makes Django delete row by row.
        if issubclass(model, AbstractBaseUser):
            pre_save.connect(_before_save, sender=model)
            post_save.connect(_after_save, sender=model)
            post_delete.connect(_after_delete, sender=model)


def _before_save(instance: Any, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    instance._djwto_before = None
    touched = update_fields is None or {"password", "is_active"} & set(update_fields)
    if touched and not raw and instance.pk is not None:
        rows = type(instance)._base_manager.using(using)
        instance._djwto_before = rows.filter(pk=instance.pk).first()


def _after_save(instance: Any, using: str, **kwargs: Any) -> None:
    before = vars(instance).pop("_djwto_before", None)
    if before and (
        auth_hash(before) != auth_hash(instance) or (before.is_active and not instance.is_active)
    ):
        _end_sessions(instance, using)


def _after_delete(instance: Any, using: str, **kwargs: Any) -> None:
    _end_sessions(instance, using)


def _end_sessions(user: Any, using: str) -> None:
    key = user.pk

    def end() -> None:
        # A backend that cannot leaves it to the next refresh to notice.
        if isinstance(user, get_user_model()) and get_blacklist().supports_values:
            cut_off(key if isinstance(key, int) else str(key))

    # robust: what a store does not take must not undo what was done to the user.
    transaction.on_commit(end, using=using, robust=True)
