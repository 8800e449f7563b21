"""Reads a token of simplejwt, and says in claims of ours what it says (MIG-1 to MIG-4)."""

from __future__ import annotations

from hashlib import md5
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string
from jwt.exceptions import DecodeError, InvalidAlgorithmError

from djwto.claims import ACCESS, REFRESH, Claims, Rules, Translated, as_decoded, user_id, validate
from djwto.conf import seconds, seconds_or_none, settings
from djwto.exceptions import InvalidToken
from djwto.keys import NOT_IN_USE
from djwto.simplejwt.setting import ChangeOver, change_over
from djwto.users import refuse_departed
from djwto.verified import NOT_DECODED, demand_plain, demand_within_session, reason

_DEMANDED = ("exp", "iat", "jti", "type")
_RULES = Rules(required={ACCESS: _DEMANDED, REFRESH: _DEMANDED}, iss=None)


class SimpleJWTClaims(Translated):
    """What a token of theirs says. Of the user it is the id, until `complete` has looked."""

    over: ChangeOver
    theirs: Claims
    """The claims as they are in the token."""

    def complete(self) -> None:
        """Has the claims say of the user what a login would (MIG-3).

        Raises InvalidToken for a user who does not exist, is not active or, where their tokens
        tell, has another password.
        """
        rows, field = get_user_model()._default_manager, self.over.user_id_field
        user: Any = refuse_departed(self, lambda key: rows.get(**{field: key}))
        claim = self.over.password_claim
        if claim is not None:
            current = md5(user.password.encode(), usedforsecurity=False).hexdigest().upper()
            if not constant_time_compare(current, str(self.theirs.get(claim))):
                raise InvalidToken("The password of the token's user has been changed.")
        self["user"] = as_decoded(import_string(settings.process_user)(user))


def translated(token: str, type_: str) -> SimpleJWTClaims | None:
    """What a token of theirs says; None for one that is none of theirs. Asks no store.

    Raises InvalidToken for one of theirs that is not to be believed.
    """
    over = change_over()
    if over is None:
        return None
    leeway = seconds(settings.leeway)
    try:
        decoded = over.key.codec.decode_complete(
            token,
            over.key.verifying,
            algorithms=[over.key.algorithm],
            audience=over.audience,
            issuer=over.issuer,
            leeway=leeway,
        )
    # One that is signed otherwise, or no token at all.
    except (DecodeError, InvalidAlgorithmError):
        return None
    except NOT_DECODED as error:
        raise InvalidToken(reason(error)) from error
    if over.key.is_over():
        raise InvalidToken(NOT_IN_USE)
    demand_plain(decoded["header"])
    theirs: Claims = decoded["payload"]
    names = {"type": over.type_claim, "jti": over.jti_claim, "iat": "iat", "exp": "exp"}
    # Also where none is expected, which PyJWT would not look at.
    names |= {"iss": "iss"} if over.issuer is None else {}
    said = {ours: theirs[name] for ours, name in names.items() if name in theirs}
    claims = SimpleJWTClaims(said)
    claims["user"] = {"id": theirs.get(over.user_id_claim)}
    validate(claims, type_, _RULES)
    user_id(claims)
    # A session's age is counted from the oldest that is known of it.
    claims["auth_time"] = claims["iat"]
    demand_within_session(claims, seconds_or_none(settings.session_max_age), leeway)
    if type_ == ACCESS and settings.check_access:
        # Theirs do not say of which session they are.
        raise InvalidToken("This access token does not name its session; refresh it.")
    claims.over, claims.theirs = over, theirs
    return claims
