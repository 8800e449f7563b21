"""The cut-off of a user's sessions, the one thing that the store is told of a user (HTTP-22).

It has an `epoch`, an integer that only grows. A login takes it into the tokens as a claim; a
session is cut off when the cut-off of its user has a later one. The epoch is counted, not timed:
a login in the very second of a cut-off, on a server whose clock is behind, is a later one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from djwto.blacklist import blacklist_key, digest_key
from djwto.claims import Claims
from djwto.exceptions import BlacklistUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """What the store holds of a user."""

    epoch: int = 0
    floor: int = 0
    """The epoch before, which the session that was spared must have had: none that was dead
    comes back by being spared."""
    spared: str = ""
    """The key of the session that goes on, if one does."""

    def ends(self, claims: Claims) -> bool:
        """Whether the session of these claims is cut off."""
        began = claims.get("epoch", 0)
        if self.spared == blacklist_key(claims["jti"]):
            return bool(began < self.floor)
        return bool(began < self.epoch)

    def next(self, spared: str, now: int) -> Cutoff:
        """The cut-off after this one, in epoch seconds, or a second more than the last.

        So it is later than any that the store has forgotten, as it may when the tokens of
        before have expired.
        """
        return Cutoff(
            epoch=max(self.epoch + 1, now),
            floor=self.floor if spared and spared == self.spared else self.epoch,
            spared=spared,
        )

    def __str__(self) -> str:
        return f"{self.epoch}:{self.floor}:{self.spared}"


@lru_cache(maxsize=1024, typed=True)
def user_key(user_id: int | str) -> str:
    """The key of a user's cut-off."""
    return digest_key("djwto.user", str(user_id))


def read(found: Mapping[str, str], key: str) -> Cutoff:
    """The cut-off among what the store was found to hold. Raises BlacklistUnavailable."""
    if not found.get(key):
        return Cutoff()
    try:
        epoch, floor, spared = found[key].split(":")
        return Cutoff(epoch=int(epoch), floor=int(floor), spared=spared)
    except ValueError as error:
        raise BlacklistUnavailable(f"The cut-off {key} is {found[key]!r}.") from error
