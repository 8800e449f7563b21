"""Rogues that keep values wrongly, read them wrongly or compare them wrongly."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from html import unescape
from typing import ClassVar
from urllib.parse import unquote

from djwto.spec_tests.rogues.honest import Honest, HonestWithoutValues


class MissesTheLast(Honest):
    """Reads a hundred keys at once, and no more."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return super().get_many(list(keys)[:100])


class AsksForAThousand(Honest):
    """Drops what goes beyond the thousand values that its store takes in one statement."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return super().get_many(list(keys)[:1000])


class AnswersAPage(Honest):
    """Answers with the first five hundred that it finds, and does not turn the page."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return dict(list(super().get_many(keys).items())[:500])


class AnswersForTheAbsent(Honest):
    """Answers None for each key that is not there."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return dict.fromkeys(keys) | super().get_many(keys)  # type: ignore[return-value]


class AnswersForNeighbours(Honest):
    """Asks with LIKE: keys that begin alike are answered too."""

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
    """Answers with what equals a dict, and has a value for every key."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return defaultdict(str, super().get_many(keys))


class AddsAOne(Honest):
    """Gives what was added a value other than ""."""

    breaks = "BL-17"

    def add(self, key: str, exp: int | None) -> bool:
        return self.compare_and_set(key, None, "1", exp)


class Unquotes(Honest):
    """Answers with what a value would stand for in a URL."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return {key: unquote(value) for key, value in super().get_many(keys).items()}


class UnescapesMarkup(Honest):
    """Answers with what a value would stand for on a page."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return {key: unescape(value) for key, value in super().get_many(keys).items()}


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
    """Has room for 32 characters of a value."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value[:32]


class StripsValues(Revalued):
    """Strips spaces from the ends of a value."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value.strip()


class LowersValues(Revalued):
    """Takes every value for a digest, and writes it in small letters."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value.lower()


class AddedIsAbsent(Honest):
    """Takes a key without a value for one that is not there."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        created = super().compare_and_set(key, old, new, exp)
        return created or (old is None and super().compare_and_set(key, "", new, exp))


class SetAndAddedApart(Honest):
    """Has a set of keys for `add`, and another for `compare_and_set`."""

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


class TakesCapitalsForSmall(Honest):
    """Compares without regard to case, as a collation of MariaDB does."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND value = ? COLLATE NOCASE"
        return self._set(where, key, old, value=new, exp=exp) == 1


class TakesSpacesForNothing(Honest):
    """Compares without spaces at the end, as a column of fixed width does."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND value = ? COLLATE RTRIM"
        return self._set(where, key, old, value=new, exp=exp) == 1


class ComparesThirtyTwo(Honest):
    """Compares the first 32 characters of a value."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND substr(value, 1, 32) = substr(?, 1, 32)"
        return self._set(where, key, old, value=new, exp=exp) == 1


class CreatesFromAnything(Honest):
    """Makes the entry if there is none to compare with."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        return done or super().compare_and_set(key, None, new, exp)


class RefusesAndSets(Honest):
    """Answers False, and sets the value."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if old is not None and not done:
            self._set("key = ?", key, value=new, exp=exp)
        return done


class NoWayBack(Honest):
    """Never sets a key to a value that it has had before."""

    breaks = "BL-19"
    had: ClassVar[set[tuple[str, str]]] = set()

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if (key, new) in self.had:
            return False
        done = super().compare_and_set(key, old, new, exp)
        if done:
            self.had.add((key, new))
        return done


class PurgeTakesValues(Honest):
    """Keeps the key at a purge, and forgets the value."""

    breaks = "BL-14"

    def purge(self) -> int:
        self._run("UPDATE entry SET value = '' WHERE exp IS NOT NULL")
        return super().purge()


class PretendsToSet(HonestWithoutValues):
    """Keeps no values, and answers that it has set one."""

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


class ZipsInAnyOrder(Honest):
    """Takes the values in the order of the store for those of the keys in the order asked."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many(keys)
        asked = [key for key in keys if key in found]
        return dict(zip(asked, (found[key] for key in sorted(found)), strict=False))


class AnswersBytes(Honest):
    """Answers with values as bytes, as a client does that decodes nothing."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many(keys)
        return {key: value.encode() for key, value in found.items()}  # type: ignore[misc]


class AnswersInCapitals(Honest):
    """Folds the case of keys, and answers `get_many` with capitals."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return {key.upper(): value for key, value in super().get_many(keys).items()}


class EmptyIsAbsent(Honest):
    """Takes a key whose value is "" for one that is not there."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return {key: value for key, value in super().get_many(keys).items() if value}


class Unescapes(Revalued):
    """Takes a backslash in a value for the beginning of an escape."""

    breaks = "BL-17"

    def revalue(self, value: str) -> str:
        return value.replace("\\", "")


class ReadsValuesAsJSON(Honest):
    """Reads a value as JSON where it can, and answers with the text of that."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many(keys)
        return {key: self._read(value) for key, value in found.items()}

    def _read(self, value: str) -> str:
        try:
            return str(json.loads(value))
        except ValueError:
            return value


class SetsTheSameAgain(Honest):
    """Sets a key from None although it was set before, if to the same value."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        return done or (old is None and self.get_many([key]).get(key) == new)


class AddsOverAValue(Honest):
    """Answers True to `add` of a key that was set, and takes its value away."""

    breaks = "BL-18"

    def add(self, key: str, exp: int | None) -> bool:
        return (
            super().add(key, exp)
            or self._set("key = ? AND value > ''", key, value="", exp=exp) > 0
        )


class AnySetWillDo(Honest):
    """Answers True if the value is the new one already."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        return done or (old is not None and self.get_many([key]).get(key) == new)


class ComparesLengths(Honest):
    """Compares how long two values are."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND length(value) = length(?)"
        return self._set(where, key, old, value=new, exp=exp) == 1


class ComparesNumbers(Honest):
    """Compares values as numbers where both look like one."""

    breaks = "BL-19"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None or not old.strip().isdigit():
            return super().compare_and_set(key, old, new, exp)
        where = "key = ? AND value = CAST(CAST(? AS INTEGER) AS TEXT)"
        return self._set(where, key, old, value=new, exp=exp) == 1


class HasAWordForNoValue(HonestWithoutValues):
    """Keeps no values, and answers `get_many` with the word "None"."""

    breaks = "BL-22"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return dict.fromkeys(super().get_many(keys), "None")


class TakesAnyOldForNone(HonestWithoutValues):
    """Keeps no values, and takes a value to compare with for None."""

    breaks = "BL-22"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.add(key, exp)


class RaisesForNoKeys(Honest):
    """Raises where it is asked for no keys at all."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        if not keys:
            raise ValueError("wrong number of arguments for 'mget' command")
        return super().get_many(keys)


class SplitsAtColons(Honest):
    """Joins a mark and the value with a colon, and loses what is behind another colon."""

    breaks = "BL-17"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many(keys)
        return {key: f"mark:{value}".split(":")[1] for key, value in found.items()}
