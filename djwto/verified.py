"""Which tokens this process has verified, so that each signature is checked once (TOK-16).

Of a token it keeps a digest, the claims, and when they are good. That is asked on each use, and
all is forgotten as soon as anything is set otherwise that the verification rests on. The blacklist
is no part of it.
"""

from __future__ import annotations

import marshal
import math
import os
import time
from hashlib import sha256
from typing import Any, NamedTuple

from djwto.claims import Claims, session_end
from djwto.conf import given_each, seconds, settings
from djwto.keys import ENVIRONMENT_VARIABLE

RESTS_ON = (
    "SECRET_KEY",
    "DJWTO_ACCESS_TOKEN_LIFETIME",
    "DJWTO_ALGORITHM",
    "DJWTO_AUD_CLAIM",
    "DJWTO_IAT_CLAIM",
    "DJWTO_ISS_CLAIM",
    "DJWTO_LEEWAY",
    "DJWTO_REFRESH_TOKEN_LIFETIME",
    "DJWTO_SESSION_MAX_AGE",
    "DJWTO_SIGNING_KEY",
    "DJWTO_STRICT",
    "DJWTO_SUB_CLAIM",
    "DJWTO_VERIFIED_TOKENS",
    "DJWTO_VERIFYING_KEY",
)
"""The settings that `djwto.tokens.decode` reads, and those that theirs follow from."""


class _Entry(NamedTuple):
    begins: float
    ends: float
    claims: bytes
    """Marshalled: to make them anew for each request, lest one changes another's, takes a tenth of
    what a deep copy does."""


class Memory:
    """The tokens that were verified under one and the same settings."""

    def __init__(self, rests_on: list[Any]) -> None:
        self.rests_on = rests_on
        self.size = settings.verified_tokens
        self._recent: dict[bytes, _Entry] = {}
        self._earlier: dict[bytes, _Entry] = {}

    def recall(self, token: str, type_: str) -> Claims | None:
        """The claims of a token of this type that was verified and is within its time, or None."""
        if not self.size:
            return None
        digest = _digest(token, type_)
        entry = self._recent.get(digest)
        if entry is None:
            entry = self._earlier.get(digest)
            if entry is None:
                return None
            self._keep(digest, entry)
        if entry.begins <= time.time() < entry.ends:
            claims: Claims = marshal.loads(entry.claims)
            return claims
        return None

    def remember(self, token: str, type_: str, claims: Claims) -> None:
        """Takes note of a token that has just been verified, unless the settings changed then."""
        if self.size and _rests_on() == self.rests_on:
            try:
                marshalled = marshal.dumps(claims)
            except ValueError:
                # A depth that JSON has and marshal does not.
                return
            self._keep(_digest(token, type_), _Entry(*_within(claims), marshalled))

    def _keep(self, digest: bytes, entry: _Entry) -> None:
        # Half is dropped at a time: what was not asked for since the last half was.
        if len(self._recent) >= self.size // 2:
            self._earlier, self._recent = self._recent, {}
        self._recent[digest] = entry


def _digest(token: str, type_: str) -> bytes:
    return sha256(f"{type_} {token}".encode("utf-8", "surrogatepass")).digest()


def _within(claims: Claims) -> tuple[float, float]:
    """The times between which these claims are good, as PyJWT and `decode` reckon them."""
    leeway = seconds(settings.leeway)
    ends = (claims.get("exp"), session_end(claims))
    return (
        max(claims.get("nbf", 0), claims.get("iat", 0)) - leeway,
        min((end + leeway for end in ends if end is not None), default=math.inf),
    )


def _rests_on() -> list[Any]:
    return [*given_each(RESTS_ON), os.environ.get(ENVIRONMENT_VARIABLE)]


_memory: Memory | None = None


def memory() -> Memory:
    """What is remembered under the settings in force."""
    global _memory
    current, rests_on = _memory, _rests_on()
    if current is None or current.rests_on != rests_on:
        current = _memory = Memory(rests_on)
    return current
