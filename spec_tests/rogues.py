"""Backends that break one clause each: a check counts once it has rejected one of these."""

from __future__ import annotations

import math
import random
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, ClassVar

from django.conf import settings

from djwto.blacklist import BlacklistBackend


class Rogue(BlacklistBackend):
    """A backend that is aimed at a clause."""

    breaks: ClassVar[str] = ""
    """The clause that must reject this backend."""


class Honest(Rogue):
    """Breaks nothing: a table in an SQLite file. What most rogues are made from."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.path = settings.FOLDER / f"{type(self).__name__}.sqlite3"
        self._run("PRAGMA journal_mode=WAL")
        self._run("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, exp INTEGER)")

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            cursor = connection.execute(statement, values)
            return cursor.fetchall(), cursor.rowcount

    def add(self, key: str, exp: int | None) -> bool:
        return self._run("INSERT OR IGNORE INTO entry VALUES (?, ?)", key, exp)[1] == 1

    def contains(self, key: str) -> bool:
        return bool(self._run("SELECT 1 FROM entry WHERE key = ?", key)[0])

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp < ?", int(time.time()))[1]


class AlwaysFirst(Honest):
    """Answers True to everyone."""

    breaks = "BL-1"

    def add(self, key: str, exp: int | None) -> bool:
        super().add(key, exp)
        return True


class FirstForEachExpiry(Honest):
    """Takes a key with another exp for another key."""

    breaks = "BL-1"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, exp) or super().add(f"{key}/{exp}", exp)


class ChecksThenAdds(Honest):
    """Looks and then leaps."""

    breaks = "BL-2"

    def add(self, key: str, exp: int | None) -> bool:
        if self.contains(key):
            return False
        super().add(key, exp)
        return True


class ChecksThenAddsToADict(Rogue):
    """Looks and then leaps, in less time than Python gives a thread."""

    breaks = "BL-2"
    supports_processes = False
    entries: ClassVar[dict[str, int | None]] = {}

    def add(self, key: str, exp: int | None) -> bool:
        if key in self.entries:
            return False
        self.entries[key] = exp
        return True

    def contains(self, key: str) -> bool:
        return key in self.entries

    def purge(self) -> int:
        return 0


class LocksInOneProcess(ChecksThenAdds):
    """Has a lock that the other process knows nothing of."""

    breaks = "BL-3"
    lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self.lock:
            return super().add(key, exp)


class OneDictAProcess(Rogue):
    """Is right in one process, and does not say that it is only there."""

    breaks = "BL-3"
    entries: ClassVar[dict[str, object]] = {}

    def add(self, key: str, exp: int | None) -> bool:
        mine = object()
        return self.entries.setdefault(key, mine) is mine

    def contains(self, key: str) -> bool:
        return key in self.entries

    def purge(self) -> int:
        return 0


class OneDictAnInstance(OneDictAProcess):
    """Forgets with the instance."""

    breaks = "BL-4"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.entries = {}  # type: ignore[misc]


class VisibleLater(Honest):
    """Writes behind the caller's back."""

    breaks = "BL-4"

    def add(self, key: str, exp: int | None) -> bool:
        if self.contains(key):
            return False
        threading.Timer(0.2, super().add, (key, exp)).start()
        return True


class Timed(Honest):
    """Drops entries at their time by itself; the rogues of time move that time."""

    def end(self, exp: int | None) -> float | None:
        return exp

    def add(self, key: str, exp: int | None) -> bool:
        end = self.end(exp)
        return super().add(key, None if end is None else math.ceil(end * 1000))

    def contains(self, key: str) -> bool:
        now = int(time.time() * 1000)
        self._run("DELETE FROM entry WHERE exp < ?", now)
        return super().contains(key)

    def purge(self) -> int:
        return 0


class ASecondEarly(Timed):
    """Off by one."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp - 1


class Milliseconds(Timed):
    """Takes the seconds that are left for milliseconds."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else time.time() + (exp - time.time()) / 1000


class WestOfGreenwich(Timed):
    """Stores a local time and reads it as another's."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp - 9 * 3600


class ThirtyTwoBits(Timed):
    """Wraps around in the year 2038."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp % 2**31


class NeverIsNow(Timed):
    """Takes None for zero."""

    breaks = "BL-6"

    def end(self, exp: int | None) -> float | None:
        return exp or 0


class PurgesNone(Honest):
    """Purges what never expires."""

    breaks = "BL-6"

    def purge(self) -> int:
        return super().purge() + self._run("DELETE FROM entry WHERE exp IS NULL")[1]


class PurgesEverything(Honest):
    """Cleans up thoroughly."""

    breaks = "BL-7"

    def purge(self) -> int:
        return self._run("DELETE FROM entry")[1]


class PurgesTheSoonToExpire(Honest):
    """Compares with a time in another zone."""

    breaks = "BL-7"

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp < ?", int(time.time()) + 3600)[1]


class NeverPurges(Honest):
    """Grows."""

    breaks = "BL-8"

    def purge(self) -> int:
        return 0


class Miscounts(Honest):
    """Counts one too many."""

    breaks = "BL-8"

    def purge(self) -> int:
        return super().purge() + 1


class RelativeTakenForAbsolute(Timed):
    """Takes the epoch second for a number of seconds from now."""

    breaks = "BL-8"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else time.time() + exp


class RefusesTheElapsed(Honest):
    """Raises where there is nothing to keep."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        if exp is not None and exp <= time.time():
            raise ValueError("exp is in the past")
        return super().add(key, exp)


class ElapsedLivesForEver(Honest):
    """Takes a negative time to live for none."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, None if exp is not None and exp <= time.time() else exp)


class Evicts(Honest):
    """Makes room at a thousand."""

    breaks = "BL-10"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if random.random() < 0.05:
            self._run(
                "DELETE FROM entry WHERE rowid NOT IN "
                "(SELECT rowid FROM entry ORDER BY rowid DESC LIMIT 1000)"
            )
        return added


class Rekeyed(Honest):
    """Makes another key of the key."""

    def rekey(self, key: str) -> str:
        return key

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(self.rekey(key), exp)

    def contains(self, key: str) -> bool:
        return super().contains(self.rekey(key))


class Truncates(Rekeyed):
    """Has room for 64 characters."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key[:64]


class StripsHyphens(Rekeyed):
    """Takes every key for a UUID."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        return key.replace("-", "")


class HashesTo16Bits(Rekeyed):
    """Has a small table."""

    breaks = "BL-11"

    def rekey(self, key: str) -> str:
        total = 0
        for character in key:
            total = (total * 31 + ord(character)) % 2**16
        return str(total)


class MatchesPrefixes(Honest):
    """Asks with LIKE."""

    breaks = "BL-11"

    def contains(self, key: str) -> bool:
        return bool(self._run("SELECT 1 FROM entry WHERE key LIKE ?", key + "%")[0])


class AnswersOne(Honest):
    """Answers what merely counts as True."""

    breaks = "BL-12"

    def contains(self, key: str) -> bool:
        return len(self._run("SELECT 1 FROM entry WHERE key = ?", key)[0])  # type: ignore[return-value]


class PurgeAnswersNone(Honest):
    """Has nothing to say of a purge."""

    breaks = "BL-12"

    def purge(self) -> int:
        super().purge()
        return None  # type: ignore[return-value]


class AsyncTwinLies(Honest):
    """Says yes when awaited, and does nothing."""

    breaks = "BL-13"

    async def aadd(self, key: str, exp: int | None) -> bool:
        return not self.contains(key)


class AsyncTwinIsBlind(Honest):
    """Never finds anything when awaited."""

    breaks = "BL-13"

    async def acontains(self, key: str) -> bool:
        return False


class AsyncPurgeIsLazy(Honest):
    """Purges nothing when awaited."""

    breaks = "BL-13"

    async def apurge(self) -> int:
        return 0


class ForgetsWhenAskedTwice(Honest):
    """Drops a live key that is added again."""

    breaks = "BL-14"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if not added and exp is None:
            self._run("DELETE FROM entry WHERE key = ? AND exp IS NOT NULL", key)
        return added


def rogues() -> list[type[Rogue]]:
    """Every backend above that breaks a clause."""
    here = [value for value in globals().values() if isinstance(value, type)]
    return [rogue for rogue in here if issubclass(rogue, Rogue) and rogue.breaks]
