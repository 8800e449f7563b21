"""What a token says: the claims of a session, and the rules that any claims must meet.

Claims are RFC 7519's; times are NumericDates in whole seconds. The functions are pure: what
they answer follows from their arguments and the settings.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from djwto.conf import seconds, seconds_or_none, settings
from djwto.exceptions import InvalidToken

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

Claims = dict[str, Any]


class Translated(dict[str, Any]):
    """Claims in our form, of a token that is another library's: nobody has signed them so."""

    def complete(self) -> None:
        """Has the claims say of the user what a login would. Asks a database.

        Raises InvalidToken for a user who may not log in.
        """
        raise NotImplementedError


ACCESS = "access"
REFRESH = "refresh"

_OF_THE_OTHER_TYPE = {
    ACCESS: gettext_noop("This is not an access token."),
    REFRESH: gettext_noop("This is not a refresh token."),
}

LAST_NUMERIC_DATE = 253_402_300_799
"""The last second of the year 9999: later ones fit in no database's and no language's dates."""


def process_perms(user: AbstractBaseUser) -> list[str]:
    """The permissions that go into the claims. Replaced by `DJWTO_PROCESS_PERMS` (TOK-1)."""
    # Models, which are not there yet where a settings module imports this one.
    from djwto.lookups import all_permissions

    return sorted(all_permissions(user))


def process_user(user: AbstractBaseUser) -> Claims:
    """The `user` claim. Replaced by `DJWTO_PROCESS_USER`, whose answer needs an `id` too (TOK-1).

    Returns `{<USERNAME_FIELD>, id, perms}`; an `id` that JSON has no type for is its text.
    """
    return {
        user.USERNAME_FIELD: user.get_username(),  # type: ignore[attr-defined]
        "id": user.pk if isinstance(user.pk, int) else str(user.pk),
        "perms": import_string(settings.process_perms)(user),
    }


def process_claims(
    user: AbstractBaseUser, request: HttpRequest, type_: str = REFRESH, *args: Any, **kwargs: Any
) -> Claims:
    """The claims of a new session's refresh token. Replaced by `DJWTO_PROCESS_CLAIMS` (TOK-1).

    A replacement may call this one and add to what it returns. `type_` is always "refresh":
    the access token's claims are made from the answer.
    """
    now = int(time.time())
    optional = {
        "iss": settings.iss_claim,
        "sub": settings.sub_claim,
        "aud": settings.aud_claim,
        "iat": now if settings.iat_claim else None,
        "exp": expiry(REFRESH, {}, now),
        "nbf": now + seconds(settings.nbf_lifetime) if seconds(settings.nbf_lifetime) else None,
    }
    return {name: value for name, value in optional.items() if value is not None} | {
        "jti": str(uuid.uuid4()),
        "type": type_,
        "user": import_string(settings.process_user)(user),
    }


def as_decoded(made: Any) -> Any:
    """What a hook has made, as a client will decode it: a tuple is a list, a UUID a text.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    return json.loads(json.dumps(made, cls=DjangoJSONEncoder, allow_nan=False))


def expiry(type_: str, session: Claims, now: int) -> int | None:
    """The `exp` of a token of this type, issued now for a session; None if it never expires.

    A refresh token is good for the session's `idle` seconds where its login asked for as many,
    and no token outlives its session.
    """
    lifetime = seconds_or_none(
        settings.access_token_lifetime if type_ == ACCESS else settings.refresh_token_lifetime
    )
    if type_ == REFRESH:
        lifetime = session.get("idle", lifetime)
    ends = [None if lifetime is None else now + lifetime, session_end(session)]
    known = [end for end in ends if end is not None]
    return min(*known, LAST_NUMERIC_DATE) if known else None


def session_end(session: Claims) -> int | None:
    """When the session ends whatever is done to prolong it; None if that is not limited (TOK-11).

    Counted from `auth_time` (OpenID Connect Core, section 2). Tokens from before there was one
    count from their own `iat`.
    """
    return end_after(session, seconds_or_none(settings.session_max_age))


def end_after(session: Claims, longest: int | None) -> int | None:
    """`session_end` where sessions last for so many seconds at the longest."""
    began = session.get("auth_time", session.get("iat"))
    return None if longest is None or began is None else began + longest


def access_from(refresh: Claims, now: int) -> Claims:
    """The access claims of a session: the refresh claims, with a life of their own (TOK-2)."""
    access = _dated(refresh, ACCESS, now)
    if "iat" in refresh:
        access["refresh_iat"] = refresh["iat"]
    return access


def updated(refresh: Claims, now: int) -> Claims:
    """The same session's refresh claims, issued anew: same `jti`, later `exp` (TOK-3).

    Never an earlier one, where the lifetime was shortened since: a logout is remembered for as
    long as the token it is made with says, and must outlast this one too (HTTP-14).
    """
    claims = _dated(refresh, REFRESH, now)
    claims.setdefault("auth_time", refresh.get("iat", now))
    if not settings.allow_refresh_update and "exp" in refresh:
        claims["exp"] = refresh["exp"]
    elif "exp" in claims and "exp" in refresh:
        claims["exp"] = max(claims["exp"], refresh["exp"])
    return claims


def _dated(claims: Claims, type_: str, now: int) -> Claims:
    dated = {**claims, "type": type_}
    if "iat" in dated:
        dated["iat"] = now
    exp = expiry(type_, claims, now)
    if exp is None:
        dated.pop("exp", None)
    else:
        dated["exp"] = exp
    return dated


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings demand of claims, beside the times and what PyJWT judges (TOK-4)."""

    required: Mapping[str, Sequence[str]]
    """The claims that a token must have, by its type."""
    iss: str | None


def rules() -> Rules:
    """The rules of the settings in force."""
    configured = {
        "iss": settings.iss_claim,
        "sub": settings.sub_claim,
        "aud": settings.aud_claim,
        "iat": settings.iat_claim,
    }
    names = [name for name, wanted in configured.items() if wanted]
    required = {}
    for type_ in (ACCESS, REFRESH):
        expires = ["exp"] if expiry(type_, {}, 0) is not None else []
        required[type_] = [*names, *expires, "jti", "type"]
    return Rules(required=required, iss=settings.iss_claim)


_INTEGERS = ("exp", "iat", "nbf", "refresh_iat", "auth_time", "idle", "epoch")


def validate(claims: Any, type_: str, rules: Rules) -> None:
    """Demands the presence and the JSON type of each claim, and the token's type (TOK-4, TOK-5).

    Raises InvalidToken. Signature, times, subject and audience are PyJWT's to judge, in
    `djwto.verified`.
    """
    if not isinstance(claims, dict):
        raise InvalidToken("The claims of the token are not a JSON object.")
    for name in rules.required[type_]:
        if name not in claims:
            raise InvalidToken("The token has no %(name)s claim.", name=name)
    if claims["type"] != type_:
        raise InvalidToken(_OF_THE_OTHER_TYPE[type_])
    for name in _INTEGERS:
        value = claims.get(name, 0)
        # A bool is an int to Python; a float or a text is a number to PyJWT.
        if type(value) is not int:
            raise InvalidToken("The %(name)s claim of the token is not an integer.", name=name)
        if not 0 <= value <= LAST_NUMERIC_DATE:
            raise InvalidToken("The %(name)s claim of the token is out of range.", name=name)
    if not isinstance(claims["jti"], str) or not claims["jti"]:
        raise InvalidToken("The jti claim of the token is not a text.")
    for name in ("gen", "auth_hash"):
        if not isinstance(claims.get(name, ""), str):
            raise InvalidToken("The %(name)s claim of the token is not a text.", name=name)
    # Also where none is expected, which PyJWT would not look at.
    if "iss" in claims and claims["iss"] != rules.iss:
        raise InvalidToken("The iss claim of the token is not the expected one.")
    if not isinstance(claims.get("user", {}), dict):
        raise InvalidToken("The user claim of the token is not a JSON object.")


def user_id(claims: Claims) -> int | str:
    """The primary key of the session's user. Raises InvalidToken where there is none."""
    value = claims.get("user", {}).get("id")
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise InvalidToken("The token names no user id.")
    return value
