"""What `DJWTO_ACCEPT_SIMPLEJWT` says: which of their tokens are taken, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured

from djwto.conf import settings
from djwto.jose import Key, is_symmetric
from djwto.keys import key_of

NAME = "DJWTO_ACCEPT_SIMPLEJWT"

DEFAULTS: dict[str, Any] = {
    "UNTIL": None,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": None,
    "VERIFYING_KEY": None,
    "AUDIENCE": None,
    "ISSUER": None,
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
    "TOKEN_TYPE_CLAIM": "token_type",
    "JTI_CLAIM": "jti",
    "CHECK_REVOKE_TOKEN": False,
    "REVOKE_TOKEN_CLAIM": "hash_password",
}
"""The members of the dict: `UNTIL`, and those of SIMPLE_JWT that say how a token is read."""

CLAIMS = ("USER_ID_CLAIM", "TOKEN_TYPE_CLAIM", "JTI_CLAIM", "REVOKE_TOKEN_CLAIM")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOver:
    """How their tokens are read."""

    key: Key
    """The one that verifies them, by its one algorithm, with UNTIL as its end."""
    audience: str | list[str] | None
    issuer: str | None
    user_id_field: str
    user_id_claim: str
    type_claim: str
    jti_claim: str
    password_claim: str | None
    """The claim with a digest of the user's password, where CHECK_REVOKE_TOKEN is on."""


def change_over() -> ChangeOver | None:
    """The change-over as it is set, None if there is none. Raises ImproperlyConfigured."""
    given: Any = settings.accept_simplejwt
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(
            f"{NAME} is of type {type(given).__name__}; expected a dict with UNTIL, or None."
        )
    if unknown := sorted(map(str, given.keys() - DEFAULTS.keys())):
        # Not quoted with what they are: there may be a key among it.
        raise ImproperlyConfigured(
            f"{NAME} has {', '.join(unknown)}; it takes {', '.join(DEFAULTS)}. Leave out "
            "what else SIMPLE_JWT has. Sliding tokens and a JWK_URL are not supported."
        )
    said = DEFAULTS | dict(given)
    until = said["UNTIL"]
    if not isinstance(until, datetime) or until.tzinfo is None:
        raise ImproperlyConfigured(
            f"UNTIL of {NAME} is {until!r}; expected a datetime with a time zone, by which the "
            "last refresh token of then has expired."
        )
    _demand_claims(said)
    _demand_unique(said["USER_ID_FIELD"])
    return ChangeOver(
        key=key_of(NAME, _key_given(said, until)),
        audience=said["AUDIENCE"],
        issuer=said["ISSUER"],
        user_id_field=said["USER_ID_FIELD"],
        user_id_claim=said["USER_ID_CLAIM"],
        type_claim=said["TOKEN_TYPE_CLAIM"],
        jti_claim=said["JTI_CLAIM"],
        password_claim=said["REVOKE_TOKEN_CLAIM"] if said["CHECK_REVOKE_TOKEN"] else None,
    )


def _key_given(said: Mapping[str, Any], until: datetime) -> dict[str, Any]:
    """The key, as an entry of `DJWTO_KEYS` has it."""
    if is_symmetric(str(said["ALGORITHM"])):
        # As their default has it.
        material = said["SIGNING_KEY"] or django_settings.SECRET_KEY
    else:
        material = said["VERIFYING_KEY"] or said["SIGNING_KEY"]
    return {"key": material, "algorithm": said["ALGORITHM"], "not_after": until}


def _demand_claims(said: Mapping[str, Any]) -> None:
    for name in CLAIMS:
        if not isinstance(said[name], str) or not said[name]:
            raise ImproperlyConfigured(
                f"{name} of {NAME} is {said[name]!r}; expected the name of a claim. A token that "
                "has no such claim cannot be taken."
            )
    for name in ("AUDIENCE", "ISSUER"):
        value = said[name]
        members = value if name == "AUDIENCE" and isinstance(value, list) else [value]
        if value is not None and not (members and all(isinstance(m, str) and m for m in members)):
            raise ImproperlyConfigured(
                f"{name} of {NAME} is {value!r}; expected what SIMPLE_JWT has: a text, or None."
            )
    if not isinstance(said["CHECK_REVOKE_TOKEN"], bool):
        raise ImproperlyConfigured(
            f"CHECK_REVOKE_TOKEN of {NAME} is {said['CHECK_REVOKE_TOKEN']!r}; expected True or "
            "False."
        )


def _demand_unique(name: Any) -> None:
    try:
        unique = bool(get_user_model()._meta.get_field(name).unique)  # type: ignore[union-attr]
    except (FieldDoesNotExist, AttributeError, TypeError):
        unique = False
    if not unique:
        raise ImproperlyConfigured(
            f"USER_ID_FIELD of {NAME} is {name!r}; expected a field of the user model that is "
            "unique, such as 'id'."
        )
