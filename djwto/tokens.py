"""Signs claims into tokens and turns tokens back into claims that can be believed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    PyJWTError,
)

from djwto.claims import Claims, session_end, validate
from djwto.conf import seconds, settings
from djwto.exceptions import InvalidToken
from djwto.keys import key_pair
from djwto.verified import memory

LONGEST = 65_536
"""Characters of a token beyond which it is refused unread: more than servers take in a header."""

_REASONS: dict[type[Exception], str] = {
    ExpiredSignatureError: "The token has expired.",
    ImmatureSignatureError: "The token is not valid yet.",
    InvalidSignatureError: "The signature of the token is wrong.",
    InvalidAlgorithmError: "The token is signed with another algorithm.",
}


def encode(claims: Claims) -> str:
    """Signs the claims in the compact form (RFC 7515 section 3.1)."""
    keys = key_pair()
    return jwt.encode(claims, keys.signing, algorithm=keys.algorithm)


def decode(token: str, type_: str, *, early: int = 0) -> Claims:
    """The claims of a token that is ours, of this type and within its time (TOK-4 to TOK-7).

    `type_` is "access" or "refresh"; `early` adds seconds to the leeway. Raises InvalidToken,
    for whatever a client may send.
    """
    if len(token) > LONGEST:
        raise InvalidToken("The token is too long.")
    verified = memory()
    claims = verified.recall(token, type_)
    if claims is None:
        claims = _verify(token, type_, early)
        if not early:
            verified.remember(token, type_, claims)
    return claims


def _verify(token: str, type_: str, early: int) -> Claims:
    keys = key_pair()
    leeway = seconds(settings.leeway) + early
    try:
        decoded = jwt.decode_complete(
            token,
            keys.verifying,
            algorithms=[keys.algorithm],
            subject=settings.sub_claim,
            audience=settings.aud_claim,
            leeway=leeway,
        )
    # Beside its own errors, PyJWT lets through those of the parsers and of int() on signed
    # but senseless claims: an infinite exp, a lone surrogate, a payload 100,000 levels deep.
    except (PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = _REASONS.get(type(error), "The token is malformed or its claims are wrong.")
        raise InvalidToken(reason) from error
    # RFC 8725 section 3.11: a token that says it is of another kind is not ours.
    if str(decoded["header"].get("typ", "JWT")).upper() != "JWT":
        raise InvalidToken("The token is of another kind than JWT.")
    claims: Claims = decoded["payload"]
    validate(claims, type_)
    end = session_end(claims)
    if end is not None and end + leeway <= time.time():
        raise InvalidToken("The session has reached its end.")
    return claims


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """A refresh token and an access token of one session, and what they say."""

    refresh_claims: Claims
    access_claims: Claims
    refresh: str
    access: str
    client_has_refresh: bool = False
    """Is the refresh token the one that the client sent?"""


def sign(refresh_claims: Claims, access_claims: Claims, refresh: str | None = None) -> TokenPair:
    """The tokens for these claims; `refresh` is the refresh token if the client has it."""
    return TokenPair(
        refresh_claims=refresh_claims,
        access_claims=access_claims,
        refresh=refresh or encode(refresh_claims),
        access=encode(access_claims),
        client_has_refresh=refresh is not None,
    )
