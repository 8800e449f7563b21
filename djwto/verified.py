"""Verifies tokens, and remembers which it has, so that each signature is checked once (TOK-16).

Of a token a process keeps a digest, the claims, and when they are good. That is asked on each use,
and all is forgotten as soon as anything is set otherwise that the verification rests on. The
blacklist is no part of it.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any, NamedTuple

from django.utils.translation import gettext_noop
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    PyJWTError,
)
from jwt.utils import base64url_decode

from djwto.claims import Claims, end_after, rules, validate
from djwto.conf import NOT_GIVEN, given_each, seconds, seconds_or_none, settings
from djwto.exceptions import InvalidToken
from djwto.jose import Key
from djwto.keys import ENVIRONMENT_VARIABLE, NOT_IN_USE, key_ring, keys_given

_REASONS: dict[type[Exception], str] = {
    ExpiredSignatureError: gettext_noop("The token has expired."),
    ImmatureSignatureError: gettext_noop("The token is not valid yet."),
    InvalidSignatureError: gettext_noop("The signature of the token is wrong."),
    InvalidAlgorithmError: gettext_noop("The token is signed with another algorithm."),
}
_OTHERWISE = gettext_noop("The token is malformed or its claims are wrong.")

NOT_DECODED = (PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What PyJWT raises: beside its own errors, it lets through those of the parsers and of int() on
signed but senseless claims: an infinite exp, a lone surrogate, a payload 100,000 levels deep."""


def reason(error: Exception) -> str:
    """What to tell the client of one of `NOT_DECODED`."""
    return _REASONS.get(type(error), _OTHERWISE)


def demand_plain(header: Mapping[str, Any]) -> None:
    """Raises InvalidToken for a token whose header says that it is more, or other, than a JWT."""
    # RFC 8725 section 3.11: a token that says it is of another kind is not ours.
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise InvalidToken("The token is of another kind than JWT.")
    # RFC 7515 section 4.1.11, RFC 7797: no extension is understood, however it is asked for.
    if not header.keys().isdisjoint({"crit", "b64"}):
        raise InvalidToken("The header of the token asks for an extension.")


def demand_within_session(claims: Claims, longest: int | None, leeway: int) -> None:
    """Raises InvalidToken for a session that is `longest` seconds old, or older (TOK-11)."""
    end = end_after(claims, longest)
    if end is not None and end + leeway <= time.time():
        raise InvalidToken("The session has reached its end.")


RESTS_ON = (
    "DJWTO_KEYS",
    "DJWTO_SIGNING_KEY",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "DJWTO_ACCESS_TOKEN_LIFETIME",
    "DJWTO_ALGORITHM",
    "DJWTO_AUD_CLAIM",
    "DJWTO_CHECK_ACCESS",
    "DJWTO_IAT_CLAIM",
    "DJWTO_ISS_CLAIM",
    "DJWTO_LEEWAY",
    "DJWTO_MODE",
    "DJWTO_REFRESH_TOKEN_LIFETIME",
    "DJWTO_SESSION_MAX_AGE",
    "DJWTO_STRICT",
    "DJWTO_SUB_CLAIM",
    "DJWTO_VERIFIED_TOKENS",
    "DJWTO_VERIFYING_KEY",
)
"""The settings that InForce and a Verifier read, and those that theirs follow from."""


_CONTAINERS = frozenset({dict, list})

_Recipe = tuple[Any, tuple[tuple[Any, "_Recipe"], ...]]
"""A dict or a list, and where in it there are others."""


class _Unread(NamedTuple):
    """What is kept of a token that nobody has asked for again: many are sent once."""

    payload: str
    """Its segment of the token, which is nothing without the signature."""
    not_after: float
    """When the key is good no more."""


class _Entry(NamedTuple):
    begins: float
    ends: float
    claims: _Recipe
    """Made anew for each request, lest one changes another's."""


DEEPEST = 20
"""Claims in more levels than these are verified each time."""


def _recipe(value: dict[str, Any] | list[Any], levels: int = DEEPEST) -> _Recipe:
    """What `_copied` makes a copy of a value from, without a look at all that is in it.

    Raises RecursionError for one in more levels.
    """
    if not levels:
        raise RecursionError
    items = value.items() if type(value) is dict else enumerate(value)
    nested = [(at, _recipe(v, levels - 1)) for at, v in items if type(v) in _CONTAINERS]
    return value.copy(), tuple(nested)


def _copied(recipe: _Recipe) -> Any:
    value, nested = recipe
    copied = value.copy()
    for at, inner in nested:
        copied[at] = _copied(inner)
    return copied


class Verifier:
    """Verifies tokens under the settings that were in force when it was made."""

    def __init__(self) -> None:
        self.keys = key_ring()
        self.rules = rules()
        self.subject = settings.sub_claim
        self.audience = settings.aud_claim
        self.leeway = seconds(settings.leeway)
        self.longest = seconds_or_none(settings.session_max_age)
        self.size = settings.verified_tokens
        self._recent: dict[bytes, _Entry | _Unread] = {}
        self._earlier: dict[bytes, _Entry | _Unread] = {}

    def claims(self, token: str, type_: str) -> Claims:
        """The claims of a token that is ours, of this type and within its time (TOK-4 to TOK-7).

        Raises InvalidToken.
        """
        if not self.size:
            return self.verify(token, type_)
        digest = _digest(token, type_)
        claims = self._recall(digest)
        if claims is None:
            claims, key = self._verify(token, type_)
            self._keep(digest, _unread(token, key))
        return claims

    def verify(self, token: str, type_: str, early: int = 0) -> Claims:
        """`claims` without a look at what is remembered; `early` adds seconds to the leeway."""
        return self._verify(token, type_, early)[0]

    def _verify(self, token: str, type_: str, early: int = 0) -> tuple[Claims, Key]:
        leeway = self.leeway + early
        try:
            decoded, key = self._decoded(token, leeway)
        except NOT_DECODED as error:
            raise InvalidToken(reason(error)) from error
        demand_plain(decoded["header"])
        claims: Claims = decoded["payload"]
        validate(claims, type_, self.rules)
        demand_within_session(claims, self.longest, leeway)
        return claims, key

    def _decoded(self, token: str, leeway: int) -> tuple[dict[str, Any], Key]:
        """What PyJWT makes of a token, and the key that it is signed with."""
        *others, last = self.keys.of(token)
        for key in others:
            with suppress(InvalidSignatureError):
                return self._decoded_with(key, token, leeway), key
        return self._decoded_with(last, token, leeway), last

    def _decoded_with(self, key: Key, token: str, leeway: int) -> dict[str, Any]:
        if key.is_over():
            raise InvalidToken(NOT_IN_USE)
        return key.codec.decode_complete(
            token,
            key.verifying,
            algorithms=[key.algorithm],
            subject=self.subject,
            audience=self.audience,
            leeway=leeway,
        )

    def remember(self, token: str, type_: str) -> None:
        """Takes note of a token that `verify` would find to be ours, of this type."""
        if self.size:
            self._keep(_digest(token, type_), _unread(token, self.keys.of(token)[0]))

    def _recall(self, digest: bytes) -> Claims | None:
        entry = self._recent.get(digest)
        if entry is None:
            entry = self._earlier.get(digest)
            if entry is None:
                return None
            self._keep(digest, entry)
        if isinstance(entry, _Unread):
            try:
                entry = self._read(entry)
            except RecursionError:
                return None
            self._recent[digest] = entry
        if entry.begins <= time.time() < entry.ends:
            claims: Claims = _copied(entry.claims)
            return claims
        return None

    def _read(self, unread: _Unread) -> _Entry:
        claims: Claims = json.loads(base64url_decode(unread.payload))
        begins, ends = self._within(claims)
        return _Entry(begins, min(ends, unread.not_after), _recipe(claims))

    def _within(self, claims: Claims) -> tuple[float, float]:
        """The times between which these claims are good, as PyJWT and `verify` reckon them."""
        ends = (claims.get("exp"), end_after(claims, self.longest))
        return (
            max(claims.get("nbf", 0), claims.get("iat", 0)) - self.leeway,
            min((end + self.leeway for end in ends if end is not None), default=math.inf),
        )

    def _keep(self, digest: bytes, entry: _Entry | _Unread) -> None:
        # Half is dropped at a time: what was not asked for since the last half was.
        if len(self._recent) >= self.size // 2:
            self._earlier, self._recent = self._recent, {}
        self._recent[digest] = entry


def _unread(token: str, key: Key) -> _Unread:
    return _Unread(token.split(".")[1], key.not_after)


def _digest(token: str, type_: str) -> bytes:
    return blake2b(f"{type_} {token}".encode("utf-8", "surrogatepass")).digest()


class InForce:
    """The settings that a request with a token meets, read once for as long as they stay."""

    def __init__(self, given: list[Any]) -> None:
        self.given = given
        """The values of `RESTS_ON`."""
        self.mode = settings.mode
        self.check_access = settings.check_access
        self._made: tuple[Any, Verifier] | None = None

    def verifier(self) -> Verifier:
        """The verifier for these settings.

        Raises ImproperlyConfigured for keys of no use, and KeysUnavailable for none to be had.
        """
        made, beside = self._made, self._beside()
        if made is None or made[0] != beside:
            made = beside, Verifier()
            # What was changed while it was made may be both in it.
            if given_each(RESTS_ON) == self.given and self._beside() == beside:
                self._made = made
        return made[1]

    def _beside(self) -> Any:
        """What the keys rest on that is no setting."""
        keys, signing = self.given[:2]
        if keys is not NOT_GIVEN and keys is not None:
            return keys_given()
        if signing is NOT_GIVEN or not signing:
            return os.environ.get(ENVIRONMENT_VARIABLE)
        return None


_current: InForce | None = None


def in_force() -> InForce:
    """The settings in force. Asks for no keys."""
    global _current
    current, given = _current, given_each(RESTS_ON)
    if current is None or current.given != given:
        current = InForce(given)
        # As above.
        if given_each(RESTS_ON) == given:
            _current = current
    return current


def verifier() -> Verifier:
    """The verifier for the settings in force. Raises as `InForce.verifier`."""
    return in_force().verifier()
