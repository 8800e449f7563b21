"""Signs claims into tokens and turns tokens back into claims that can be believed."""

from __future__ import annotations

from dataclasses import dataclass

from djwto.claims import Claims
from djwto.conf import settings
from djwto.exceptions import InvalidToken
from djwto.verified import InForce, in_force, verifier

LONGEST = 65_536
"""Characters of a token beyond which it is refused unread: more than servers take in a header."""


def demand_signer() -> None:
    """Raises KeysUnavailable or Disabled where no token can be signed.

    Asked before anything is done, that nothing is done for tokens which then cannot be issued.
    """
    verifier().keys.signer()


def encode(claims: Claims) -> str:
    """Signs the claims, with the first of the keys in force (TOK-17)."""
    return verifier().keys.signer().sign(claims)


def decode(token: str, type_: str, under: InForce | None = None) -> Claims:
    """The claims of a token that is ours, of this type and within its time (TOK-4 to TOK-7).

    `type_` is "access" or "refresh"; `under` are the settings in force, where they have been read.
    During a change-over those of a token of simplejwt as well, translated (MIG-2). Raises
    InvalidToken, for whatever a client may send.
    """
    if len(token) > LONGEST:
        raise InvalidToken("The token is too long.")
    try:
        return (under or in_force()).verifier().claims(token, type_)
    except InvalidToken:
        if settings.accept_simplejwt is None:
            raise
        from djwto.simplejwt.tokens import translated

        theirs = translated(token, type_)
        if theirs is None:
            raise
        return theirs


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
