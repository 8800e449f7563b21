"""Rogues that are wrong about time: entries that end too early, too late or never."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from typing import Any

from djwto.spec_tests.rogues.honest import Honest, HonestWithoutValues

DAY = 86_400


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
    """Is off by one: an entry ends a second before its exp."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp - 1


class HalfItsTime(Timed):
    """Lets an entry end when half of its time is over."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp - max(0.0, exp - time.time()) / 2


class Milliseconds(Timed):
    """Takes the seconds that are left for milliseconds."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else time.time() + (exp - time.time()) / 1000


class WestOfGreenwich(Timed):
    """Stores a local time and reads it as another's, nine hours to the west."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp - 9 * 3600


class EastOfGreenwich(Timed):
    """Stores a local time and reads it as another's, nine hours to the east."""

    breaks = "BL-8"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp + 9 * 3600


class ThirtyTwoBits(Timed):
    """Wraps around in the year 2038."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp % 2**31


class ThirtyTwoBitsUnsigned(Timed):
    """Wraps around in the year 2106."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp % 2**32


class RelativeAboveAMonth(Timed):
    """Passes the seconds that are left to a memcached, which takes 31 days for a date."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        if exp is None or exp - time.time() <= 30 * DAY:
            return exp
        return exp - time.time()


class RoundsDownToTheMinute(Timed):
    """Keeps minutes, and drops the seconds of an exp."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else exp // 60 * 60


class NeverIsNow(Timed):
    """Takes an exp of None for zero."""

    breaks = "BL-6"

    def end(self, exp: int | None) -> float | None:
        return exp or 0


class RelativeTakenForAbsolute(Timed):
    """Takes the epoch second for a number of seconds from now."""

    breaks = "BL-8"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else time.time() + exp


class SecondsTakenForMilliseconds(Timed):
    """Keeps an entry a thousand times as long as it was told."""

    breaks = "BL-8"

    def end(self, exp: int | None) -> float | None:
        return None if exp is None else time.time() + (exp - time.time()) * 1000


class SlidesOnEachLook(Honest):
    """Lets an entry live for an hour more whenever somebody asks for it."""

    breaks = "BL-8"

    def contains(self, key: str) -> bool:
        later = int(time.time()) + 3600
        self._run("UPDATE entry SET exp = max(exp, ?) WHERE key = ?", later, key)
        return super().contains(key)


class RefusesTheElapsed(Honest):
    """Raises where an exp has passed already."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        if exp is not None and exp <= time.time():
            raise ValueError("exp is in the past")
        return super().add(key, exp)


class ElapsedLivesForEver(Honest):
    """Takes a time to live below zero for none at all."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, None if exp is not None and exp <= time.time() else exp)


class ElapsedLivesForAnHour(Honest):
    """Gives an entry whose exp has passed an hour, to be on the safe side."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        now = int(time.time())
        return super().add(key, now + 3600 if exp is not None and exp <= now else exp)


class KeepsTheFirstExp(Honest):
    """Sets the value, and leaves the expiry as it was."""

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


class NeverProlongs(Honest):
    """Takes the earlier of two expiries."""

    breaks = "BL-20"

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        earlier = "min(coalesce(exp, 1e12), coalesce(?, 1e12))"
        update = f"UPDATE entry SET value = ?, exp = {earlier} WHERE {where}"
        return self._run(update, value, exp, *values)[1]


class RefusesAndProlongs(Honest):
    """Answers False, and gives the entry the expiry that it refused."""

    breaks = "BL-20"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if not done:
            self._run("UPDATE entry SET exp = ? WHERE key = ?", exp, key)
        return done


class AddsAgainWithAnotherExp(Honest):
    """Answers False to a second `add`, and gives the entry the expiry of that."""

    breaks = "BL-20"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if not added:
            self._run("UPDATE entry SET exp = ? WHERE key = ?", exp, key)
        return added


class ASecondEarlyOnceSet(Timed):
    """Is off by one for what is set, and right for what is added."""

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


class CappedAtADay(Timed):
    """Keeps no entry for longer than a day."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        day = time.time() + DAY
        return None if exp is None else min(exp, day)


class CappedAtAMonth(Timed):
    """Keeps no entry for longer than 30 days."""

    breaks = "BL-5"

    def end(self, exp: int | None) -> float | None:
        month = time.time() + 30 * DAY
        return None if exp is None else min(exp, month)


class NeverIsADay(Timed):
    """Keeps an entry without an exp for a day."""

    breaks = "BL-6"

    def end(self, exp: int | None) -> float | None:
        return time.time() + DAY if exp is None else exp


class RefusalProlongs(HonestWithoutValues):
    """Answers False to a second `add`, and keeps the entry for the longer of the two."""

    breaks = "BL-8"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if not added:
            self._run("UPDATE entry SET exp = ? WHERE key = ? AND exp < ?", exp, key, exp)
        return added


class ZeroIsNever(Honest):
    """Takes an exp of zero for none."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, exp or None)


class NothingLeftIsNever(Honest):
    """Takes zero seconds that are left for no limit: what ends now never does."""

    breaks = "BL-9"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, None if exp == int(time.time()) else exp)


class SetToZeroIsNever(Honest):
    """Takes an exp of zero for none where a value is set, and is right where a key is added."""

    breaks = "BL-20"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return super().compare_and_set(key, old, new, exp or None)


class BelievesTheFirstExp(Honest):
    """Asks for a key once, and answers that it is there until the exp that it had then."""

    breaks = "BL-20"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.ends: dict[str, float] = {}

    def contains(self, key: str) -> bool:
        if self.ends.get(key, 0) > time.time():
            return True
        rows, _ = self._run("SELECT exp FROM entry WHERE key = ?", key)
        for (exp,) in rows:
            self.ends[key] = math.inf if exp is None else exp
        return bool(rows)
