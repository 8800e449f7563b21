"""The generations of a refresh token: each is exchanged once, for its successor (TOK-12)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import blake2b

from djwto.blacklist import digest_key
from djwto.claims import REFRESH, Claims, updated
from djwto.conf import seconds, settings
from djwto.exceptions import BlacklistUnavailable, ReusedToken


def first_generation() -> str:
    """The `gen` of a login's refresh token."""
    return secrets.token_hex(16)


def rotates(claims: Claims) -> bool:
    """Whether the token of these claims is exchanged only once."""
    return settings.rotate_refresh and claims["type"] == REFRESH


def successor(claims: Claims) -> str:
    """The `gen` after that of these claims: whoever computes it computes the same.

    Keyed with the session rather than with a secret: a `gen` is believed only inside a signed
    token, and processes that differ in their keys, while those change, must not differ in this.
    """
    session = blake2b(claims["jti"].encode("utf-8", "surrogatepass")).digest()
    generation = claims.get("gen", "").encode("utf-8", "surrogatepass")
    return blake2b(generation, key=session, digest_size=16).hexdigest()


def generation_key(jti: str, generation: str) -> str:
    """The key under which the store remembers that this generation has been exchanged."""
    return digest_key("djwto.gen", jti, generation)


def keys(claims: Claims) -> tuple[str, ...]:
    """What to ask the store about these claims: their own generation and the next."""
    if not rotates(claims):
        return ()
    return (
        generation_key(claims["jti"], claims.get("gen", "")),
        generation_key(claims["jti"], successor(claims)),
    )


def exchanged_at(claims: Claims, found: Mapping[str, str], now: int) -> int | None:
    """When the generation of these claims was exchanged; None if it was not. In milliseconds.

    `found` is what the store holds of `keys(claims)`. Raises ReusedToken unless that was within
    `DJWTO_REUSE_GRACE` and the successor has not been exchanged in its turn (HTTP-27), and
    BlacklistUnavailable if what is found makes no sense.
    """
    if not rotates(claims):
        return None
    own, next_ = keys(claims)
    if own not in found:
        return None
    try:
        # A backend without values knows that, but not when.
        at = int(found[own] or 0)
    except ValueError as error:
        raise BlacklistUnavailable(f"The exchange {own} was at {found[own]!r}.") from error
    if next_ in found or now - at >= 1000 * seconds(settings.reuse_grace):
        raise ReusedToken("The token has been exchanged for another before.")
    return at


def renewed(claims: Claims, now: int) -> Claims:
    """The claims of the refresh token that these are exchanged for (TOK-3, TOK-12)."""
    renewed = updated(claims, now)
    return renewed | {"gen": successor(claims)} if rotates(claims) else renewed
