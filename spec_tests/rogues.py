"""Backends that break one clause each: a check counts once it has rejected one of these."""

from __future__ import annotations

import math
import random
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Any, ClassVar

from django.conf import settings

from djwto.blacklist import BlacklistBackend


class Rogue(BlacklistBackend):
    """A backend that is aimed at a clause."""

    breaks: ClassVar[str] = ""
    """The clause that must reject this backend."""


class HonestWithoutValues(Rogue):
    """Breaks nothing, and keeps no values: a table in an SQLite file."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.path = settings.FOLDER / f"{type(self).__name__}.sqlite3"
        self._run("PRAGMA journal_mode=WAL")
        self._run(
            "CREATE TABLE IF NOT EXISTS entry "
            "(key TEXT PRIMARY KEY, value TEXT NOT NULL DEFAULT '', exp INTEGER)"
        )

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            cursor = connection.execute(statement, values)
            return cursor.fetchall(), cursor.rowcount

    def add(self, key: str, exp: int | None) -> bool:
        return self._run("INSERT OR IGNORE INTO entry (key, exp) VALUES (?, ?)", key, exp)[1] == 1

    def contains(self, key: str) -> bool:
        return bool(self._run("SELECT 1 FROM entry WHERE key = ?", key)[0])

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp < ?", int(time.time()))[1]


class Honest(HonestWithoutValues):
    """Breaks nothing, and keeps values. What most rogues are made from."""

    supports_values = True

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(keys))
        return dict(self._run(f"SELECT key, value FROM entry WHERE key IN ({marks})", *keys)[0])

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            insert = "INSERT OR IGNORE INTO entry VALUES (?, ?, ?)"
            return self._run(insert, key, new, exp)[1] == 1
        return self._set("key = ? AND value = ?", key, old, value=new, exp=exp) == 1

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        update = f"UPDATE entry SET value = ?, exp = ? WHERE {where}"
        return self._run(update, value, exp, *values)[1]


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

    def _milliseconds(self, exp: int | None) -> int | None:
        end = self.end(exp)
        return None if end is None else math.ceil(end * 1000)

    def _drop_expired(self) -> None:
        self._run("DELETE FROM entry WHERE exp < ?", int(time.time() * 1000))

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, self._milliseconds(exp))

    def contains(self, key: str) -> bool:
        self._drop_expired()
        return super().contains(key)

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        self._drop_expired()
        return super().get_many(keys)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return super().compare_and_set(key, old, new, self._milliseconds(exp))

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

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many([self.rekey(key) for key in keys])
        return {key: found[self.rekey(key)] for key in keys if self.rekey(key) in found}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return super().compare_and_set(self.rekey(key), old, new, exp)


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


class CountsRows(Honest):
    """Answers how many rows it changed."""

    breaks = "BL-12"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return int(super().compare_and_set(key, old, new, exp))  # type: ignore[return-value]


class AsyncSetLies(Honest):
    """Says yes when awaited, and sets nothing."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.get_many([key]).get(key) == old


class AsyncSetAddsOnly(Honest):
    """Does without the value when awaited."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.compare_and_set(key, old, "", exp)


class AsyncGetManyIsBlind(HonestWithoutValues):
    """Never finds anything when awaited."""

    breaks = "BL-13"

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        return {}


class PurgeTakesValues(Honest):
    """Keeps the key and forgets the value."""

    breaks = "BL-14"

    def purge(self) -> int:
        self._run("UPDATE entry SET value = '' WHERE exp IS NOT NULL")
        return super().purge()


class MissesTheLast(Honest):
    """Reads a hundred keys and no more."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return super().get_many(list(keys)[:100])


class AnswersForTheAbsent(Honest):
    """Has None for what is not there."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return dict.fromkeys(keys) | super().get_many(keys)  # type: ignore[return-value]


class AnswersForNeighbours(Honest):
    """Asks with LIKE, for many."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key in keys:
            found.update(self._run("SELECT key, value FROM entry WHERE key LIKE ?", f"{key}%")[0])
        return found


class AnswersForTheFirstOnly(HonestWithoutValues):
    """Keeps no values, and stops at the first key that is not there."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = {}
        for key in keys:
            if not self.contains(key):
                break
            found[key] = ""
        return found


class AnswersALikeness(Honest):
    """Answers what merely looks like a dict."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return defaultdict(str, super().get_many(keys))


class AddsAOne(Honest):
    """Has another value than "" for what was added."""

    breaks = "BL-17"

    def add(self, key: str, exp: int | None) -> bool:
        return self.compare_and_set(key, None, "1", exp)


class TakesNumbersForNumbers(Honest):
    """Answers with a number where a value looks like one."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many(keys)
        return {k: int(v) if v.isdigit() else v for k, v in found.items()}  # type: ignore[misc]


class Revalued(Honest):
    """Makes another value of the value."""

    def revalue(self, value: str) -> str:
        return value

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        old = None if old is None else self.revalue(old)
        return super().compare_and_set(key, old, self.revalue(new), exp)


class TruncatesValues(Revalued):
    """Has room for 32 characters."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value[:32]


class StripsValues(Revalued):
    """Takes a space at an end for nothing."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value.strip()


class LowersValues(Revalued):
    """Takes every value for a digest."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value.lower()


class RemembersWhatItRead(Honest):
    """Has a cache of values in each instance, and none of what is not there."""

    breaks = "BL-17"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.read: dict[str, str] = {}

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        unread = [key for key in keys if key not in self.read]
        self.read.update(super().get_many(unread))
        return {key: self.read[key] for key in keys if key in self.read}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        self.read.pop(key, None)
        return super().compare_and_set(key, old, new, exp)


class ReadsValuesInOneProcess(RemembersWhatItRead):
    """Has a cache of values in each process."""

    breaks = "BL-17"
    shared: ClassVar[dict[str, str]] = {}

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.read = self.shared


class SetLater(Honest):
    """Sets behind the caller's back."""

    breaks = "BL-17"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if self.get_many([key]).get(key) != old:
            return False
        threading.Timer(0.2, super().compare_and_set, (key, old, new, exp)).start()
        return True


class ChecksThenCreates(Honest):
    """Looks and then leaps, where nothing is there."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is not None:
            return super().compare_and_set(key, old, new, exp)
        if self.contains(key):
            return False
        super().compare_and_set(key, old, new, exp)
        return True


class ChecksThenCreatesWithoutValues(HonestWithoutValues):
    """Looks and then leaps, and keeps no values."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if self.contains(key):
            return False
        self.add(key, exp)
        return True


class CreatesInOneProcess(ChecksThenCreates):
    """Has a lock for what is new that the other process knows nothing of."""

    breaks = "BL-18"
    lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self.lock:
            return super().add(key, exp)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        with self.lock:
            return super().compare_and_set(key, old, new, exp)


class AddedIsAbsent(Honest):
    """Takes a key without a value for one that is not there."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        created = super().compare_and_set(key, old, new, exp)
        return created or (old is None and super().compare_and_set(key, "", new, exp))


class LastIsRead(Honest):
    """Answers the first True, and writes what all the others had as well."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if old is None and not done:
            self._set("key = ?", key, value=new, exp=exp)
        return done


class SetAndAddedApart(Honest):
    """Has a set of keys for each of the two ways to make one."""

    breaks = "BL-18"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(f"{key}+", exp)

    def contains(self, key: str) -> bool:
        return super().contains(f"{key}+") or super().contains(key)

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        added = super().get_many([f"{key}+" for key in keys])
        return {key[:-1]: "" for key in added} | super().get_many(keys)


class IgnoresOld(Honest):
    """Sets, whatever the value is."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        return self._set("key = ?", key, value=new, exp=exp) == 1


class ChecksThenSets(Honest):
    """Reads and then writes."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        if self.get_many([key]).get(key) != old:
            return False
        return self._set("key = ?", key, value=new, exp=exp) == 1


class ChecksThenSetsADict(ChecksThenAddsToADict):
    """Reads and then writes, in less time than Python gives a thread."""

    breaks = "BL-19"
    supports_values = True
    values: ClassVar[dict[str, str]] = {}

    def add(self, key: str, exp: int | None) -> bool:
        return self.compare_and_set(key, None, "", exp)

    def contains(self, key: str) -> bool:
        return key in self.values

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return {key: self.values[key] for key in keys if key in self.values}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if self.values.get(key) != old:
            return False
        self.values[key] = new
        return True


class SetsInOneProcess(ChecksThenSets):
    """Has a lock for values that the other process knows nothing of."""

    breaks = "BL-19"
    lock = threading.Lock()

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        with self.lock:
            return super().compare_and_set(key, old, new, exp)


class TakesCapitalsForSmall(Honest):
    """Compares as a collation of MariaDB does."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND value = ? COLLATE NOCASE"
        return self._set(where, key, old, value=new, exp=exp) == 1


class TakesSpacesForNothing(Honest):
    """Compares as a column of fixed width does."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND value = ? COLLATE RTRIM"
        return self._set(where, key, old, value=new, exp=exp) == 1


class ComparesThirtyTwo(Honest):
    """Compares the first 32 characters."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND substr(value, 1, 32) = substr(?, 1, 32)"
        return self._set(where, key, old, value=new, exp=exp) == 1


class CreatesFromAnything(Honest):
    """Makes the entry, if there is none to compare with."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        return done or super().compare_and_set(key, None, new, exp)


class RefusesAndSets(Honest):
    """Says no, and does it."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if old is not None and not done:
            self._set("key = ?", key, value=new, exp=exp)
        return done


class NoWayBack(Honest):
    """Sets a key to a value that it has had only once."""

    breaks = "BL-19"
    had: ClassVar[set[tuple[str, str]]] = set()

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if (key, new) in self.had:
            return False
        done = super().compare_and_set(key, old, new, exp)
        if done:
            self.had.add((key, new))
        return done


class KeepsTheFirstExp(Honest):
    """Sets the value, and leaves the expiry."""

    breaks = "BL-20"

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        return self._run(f"UPDATE entry SET value = ? WHERE {where}", value, *values)[1]


class SetIsForEver(Honest):
    """Forgets the expiry with the old value."""

    breaks = "BL-20"

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        return super()._set(where, *values, value=value, exp=None)


class NeverShortens(Honest):
    """Takes the later of two expiries."""

    breaks = "BL-20"

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        update = f"UPDATE entry SET value = ?, exp = max(exp, ?) WHERE {where}"
        return self._run(update, value, exp, *values)[1]


class RefusesAndProlongs(Honest):
    """Says no, and keeps the entry for longer, or for less."""

    breaks = "BL-20"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if not done:
            self._run("UPDATE entry SET exp = ? WHERE key = ?", exp, key)
        return done


class ASecondEarlyOnceSet(Timed):
    """Off by one, for what is set."""

    breaks = "BL-20"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return super().compare_and_set(key, old, new, None if exp is None else exp - 1)


class RefusesToSetTheElapsed(Honest):
    """Raises where there is nothing to keep a value for."""

    breaks = "BL-20"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if exp is not None and exp <= time.time():
            raise ValueError("exp is in the past")
        return super().compare_and_set(key, old, new, exp)


class PretendsToSet(HonestWithoutValues):
    """Keeps no values, and says that it has set one."""

    breaks = "BL-22"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.add(key, exp) if old is None else self.contains(key)


class RefusesInSilence(HonestWithoutValues):
    """Keeps no values, and answers False as if another had come first."""

    breaks = "BL-22"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return old is None and self.add(key, exp)


class AddsAndRefuses(HonestWithoutValues):
    """Keeps no values, says so, and adds the key all the same."""

    breaks = "BL-22"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        added = self.add(key, exp)
        if old is not None:
            raise NotImplementedError
        return added


class HidesItsValues(Honest):
    """Keeps values, and says that it does not."""

    breaks = "BL-22"
    supports_values = False


def rogues() -> list[type[Rogue]]:
    """Every backend above that breaks a clause."""
    here = [value for value in globals().values() if isinstance(value, type)]
    return [rogue for rogue in here if issubclass(rogue, Rogue) and rogue.breaks]
