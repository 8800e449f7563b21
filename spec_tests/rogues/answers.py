"""Rogues whose answers are wrong, or are of another type than they should be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError

from djwto.spec_tests.rogues.honest import Honest, HonestWithoutValues


class AlwaysFirst(Honest):
    """Answers True to everyone who adds a key."""

    breaks = "BL-1"

    def add(self, key: str, exp: int | None) -> bool:
        super().add(key, exp)
        return True


class NeverFirst(Honest):
    """Answers False to everyone who adds a key."""

    breaks = "BL-1"

    def add(self, key: str, exp: int | None) -> bool:
        super().add(key, exp)
        return False


class FirstForEachExpiry(Honest):
    """Takes a key with another exp for another key."""

    breaks = "BL-1"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, exp) or super().add(f"{key}/{exp}", exp)


class FirstForEachInstance(Honest):
    """Answers True once for each instance."""

    breaks = "BL-1"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.added: set[str] = set()

    def add(self, key: str, exp: int | None) -> bool:
        super().add(key, exp)
        first = key not in self.added
        self.added.add(key)
        return first


class ClearsOnStart(Honest):
    """Begins with an empty store whenever an instance is made."""

    breaks = "BL-4"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._run("DELETE FROM entry")


class GoneWithItsProcess(Honest):
    """Holds a key for as long as the process that added it goes on."""

    breaks = "BL-4"

    def add(self, key: str, exp: int | None) -> bool:
        self._run("CREATE TABLE IF NOT EXISTS holder (key TEXT PRIMARY KEY, process INTEGER)")
        self._run("INSERT OR IGNORE INTO holder VALUES (?, ?)", key, os.getpid())
        return super().add(key, exp)

    def contains(self, key: str) -> bool:
        if not super().contains(key):
            return False
        for (process,) in self._run("SELECT process FROM holder WHERE key = ?", key)[0]:
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                return False
        return True


class ContainsEverything(Honest):
    """Finds any key that it is asked for."""

    breaks = "BL-5"

    def contains(self, key: str) -> bool:
        return True


class ContainsNothing(Honest):
    """Finds no key, whatever was added."""

    breaks = "BL-5"

    def contains(self, key: str) -> bool:
        return False


class AnswersOne(Honest):
    """Answers `contains` with what merely counts as True or False: how many rows there are."""

    breaks = "BL-12"

    def contains(self, key: str) -> bool:
        return len(self._run("SELECT 1 FROM entry WHERE key = ?", key)[0])  # type: ignore[return-value]


class AnswersTheKey(Honest):
    """Answers `contains` with the key or with None."""

    breaks = "BL-12"

    def contains(self, key: str) -> bool:
        return key if super().contains(key) else None  # type: ignore[return-value]


class AddAnswersNone(Honest):
    """Answers None, not False, to a second `add`."""

    breaks = "BL-12"

    def add(self, key: str, exp: int | None) -> bool:
        return super().add(key, exp) or None  # type: ignore[return-value]


class Likeness:
    """Equals a bool and counts as one, as numpy's does, and is none."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return self.value

    def __eq__(self, other: object) -> bool:
        return self.value == other

    def __hash__(self) -> int:
        return hash(self.value)


class AnswersALikenessOfABool(Honest):
    """Answers `add` with what equals a bool, as numpy's does, and is none."""

    breaks = "BL-12"

    def add(self, key: str, exp: int | None) -> bool:
        return Likeness(super().add(key, exp))  # type: ignore[return-value]


class PurgeAnswersNone(Honest):
    """Answers None, not a number, to `purge`."""

    breaks = "BL-12"

    def purge(self) -> int:
        super().purge()
        return None  # type: ignore[return-value]


class PurgeAnswersABool(Honest):
    """Answers whether it has purged something, not how many."""

    breaks = "BL-12"

    def purge(self) -> int:
        return super().purge() > 0


class PurgeAnswersAFloat(Honest):
    """Answers `purge` with a float."""

    breaks = "BL-12"

    def purge(self) -> int:
        return float(super().purge())  # type: ignore[return-value]


class CountsRows(Honest):
    """Answers `compare_and_set` with how many rows it changed."""

    breaks = "BL-12"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return int(super().compare_and_set(key, old, new, exp))  # type: ignore[return-value]


class ForgetsWhenAskedTwice(Honest):
    """Drops a live key that is added again."""

    breaks = "BL-14"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if not added and exp is None:
            self._run("DELETE FROM entry WHERE key = ? AND exp IS NOT NULL", key)
        return added


class RefusalShortens(HonestWithoutValues):
    """Answers False to a second `add`, and ends the entry when that one would."""

    breaks = "BL-14"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if not added:
            self._run("UPDATE entry SET exp = ? WHERE key = ?", exp, key)
        return added


class LookingAdds(Honest):
    """Makes an entry of a key that it is asked for."""

    breaks = "BL-14"

    def contains(self, key: str) -> bool:
        found = super().contains(key)
        self.add(key, None)
        return found


class ForgetsItsNeighbour(Honest):
    """Drops the key that was added before when one is added that begins with it."""

    breaks = "BL-14"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        if added:
            self._run("DELETE FROM entry WHERE key = ?", key[:-1])
        return added


class RaisesForAKnownKey(Honest):
    """Raises an IntegrityError where a key is added a second time."""

    breaks = "BL-1"

    def add(self, key: str, exp: int | None) -> bool:
        if not super().add(key, exp):
            raise IntegrityError(f"The key {key} is there.")
        return True
