"""Rogues that take one key for another."""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

from djwto.spec_tests.rogues.honest import Honest


class Rekeyed(Honest):
    """Makes another key of the key."""

    def rekey(self, key: str) -> str:
        return key

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(self.rekey(key), exp)

    def contains(self, key: str) -> bool:
        return super().contains(self.rekey(key))

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many([self.rekey(key) for key in keys])
        return {key: found[self.rekey(key)] for key in keys if self.rekey(key) in found}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return super().compare_and_set(self.rekey(key), old, new, exp)


class Truncates(Rekeyed):
    """Has room for 64 characters of a key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key[:64]


class TruncatesToAUUID(Rekeyed):
    """Has room for 36 characters of a key: as many as a UUID has."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key[:36]


class DropsTheFirst(Rekeyed):
    """Cuts a prefix off that is one character too long."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key[1:]


class StripsHyphens(Rekeyed):
    """Takes every key for a UUID, and hyphens for nothing."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key.replace("-", "")


class StripsTildes(Rekeyed):
    """Strips what it takes for no part of a key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key.strip("~")


class HashesTo16Bits(Rekeyed):
    """Keeps a hash of 16 bits of each key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return str(crc32(key.encode()) % 2**16)


class HashesTheFirstHalf(Rekeyed):
    """Keeps a hash of half of each key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return str(crc32(key[: len(key) // 2].encode()))


class MatchesPrefixes(Honest):
    """Asks with LIKE: a key is found by the beginning of it."""

    breaks = "BL-11"

    def contains(self, key: str) -> bool:
        return bool(self._run("SELECT 1 FROM entry WHERE key LIKE ?", key + "%")[0])


class MatchesSuffixes(Honest):
    """Asks with LIKE: a key is found by the end of it."""

    breaks = "BL-11"

    def contains(self, key: str) -> bool:
        return bool(self._run("SELECT 1 FROM entry WHERE key LIKE ?", "%" + key)[0])


class AddsByPrefix(Honest):
    """Takes a key for added if a longer one that begins like it is there."""

    breaks = "BL-11"

    def add(self, key: str, exp: int | None) -> bool:
        like = "SELECT 1 FROM entry WHERE key LIKE ?"
        return not self._run(like, key[:-1] + "%")[0] and super().add(key, exp)


class KeepsKeysAsNumbers(Rekeyed):
    """Keeps a key in a column for numbers: "007" and "7" are one, and "1e3" is "1000"."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        try:
            return str(float(key))
        except ValueError:
            return key


class StripsZeros(Rekeyed):
    """Strips zeros from the beginning of a key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key.lstrip("0")


class StripsHyphensAtTheEnds(Rekeyed):
    """Strips hyphens from the ends of a key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key.strip("-")


class TakesOnlyLongKeys(Rekeyed):
    """Takes all keys of fewer than eight characters for one."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key if len(key) >= 8 else "short"


class HashesTo24Bits(Rekeyed):
    """Keeps a hash of 24 bits of each key."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return str(crc32(key.encode()) % 2**24)
