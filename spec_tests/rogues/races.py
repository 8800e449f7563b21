"""Rogues that are right while nobody else calls: between threads, instances and processes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, ClassVar

from django.db import connection, transaction

from djwto.spec_tests.rogues.honest import Honest, HonestWithoutValues, Rogue


class ChecksThenAdds(Honest):
    """Looks whether the key is there and then adds it, in two steps."""

    breaks = "BL-2"

    def add(self, key: str, exp: int | None) -> bool:
        if self.contains(key):
            return False
        super().add(key, exp)
        return True


class ChecksThenAddsToADict(Rogue):
    """Looks and then adds, in less time than Python gives a thread."""

    breaks = "BL-2"
    supports_processes = False
    default_options: ClassVar[Mapping[str, Any] | None] = {}
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


class LocksEachInstance(ChecksThenAdds):
    """Has a lock for its two steps, and a lock of its own for each instance."""

    breaks = "BL-2"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self.lock:
            return super().add(key, exp)


class CountsThenDecides(Honest):
    """Adds, reads how many entries there are now, and takes itself for the first if it is one."""

    breaks = "BL-2"

    def add(self, key: str, exp: int | None) -> bool:
        before = self.contains(key)
        super().add(key, exp)
        return self.contains(key) and not before


class OneDictAThread(Rogue):
    """Keeps the keys in a threading.local: each thread knows its own only."""

    breaks = "BL-2"
    supports_processes = False
    default_options: ClassVar[Mapping[str, Any] | None] = {}
    own = threading.local()

    def _entries(self) -> set[str]:
        if not hasattr(self.own, "entries"):
            self.own.entries = set()
        entries: set[str] = self.own.entries
        return entries

    def add(self, key: str, exp: int | None) -> bool:
        entries = self._entries()
        first = key not in entries
        entries.add(key)
        return first

    def contains(self, key: str) -> bool:
        return key in self._entries()

    def purge(self) -> int:
        return 0


class LocksInOneProcess(ChecksThenAdds):
    """Has a lock for its two steps that the other process knows nothing of."""

    breaks = "BL-3"
    lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self.lock:
            return super().add(key, exp)


class OneDictAProcess(Rogue):
    """Is right in one process, and does not say that it is right only there."""

    breaks = "BL-3"
    default_options: ClassVar[Mapping[str, Any] | None] = {}
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


class AnswersThreadsApart(Honest):
    """Keeps a transaction's worth of additions in each thread until there are a thousand."""

    breaks = "BL-4"
    pending = threading.local()

    def _own(self) -> dict[str, int | None]:
        if not hasattr(self.pending, "added"):
            self.pending.added = {}
        added: dict[str, int | None] = self.pending.added
        return added

    def add(self, key: str, exp: int | None) -> bool:
        own = self._own()
        if key in own or super().contains(key):
            return False
        own[key] = exp
        if len(own) >= 1000:
            for added, until in own.items():
                super().add(added, until)
            own.clear()
        return True

    def contains(self, key: str) -> bool:
        return key in self._own() or super().contains(key)


class VisibleLater(Honest):
    """Answers an addition first and makes it later."""

    breaks = "BL-4"

    def add(self, key: str, exp: int | None) -> bool:
        if self.contains(key):
            return False
        threading.Timer(0.2, super().add, (key, exp)).start()
        return True


class RemembersTheAbsent(Honest):
    """Has a cache of what is not there in each instance."""

    breaks = "BL-4"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.absent: set[str] = set()

    def add(self, key: str, exp: int | None) -> bool:
        self.absent.discard(key)
        return super().add(key, exp)

    def contains(self, key: str) -> bool:
        if key in self.absent or not super().contains(key):
            self.absent.add(key)
            return False
        return True


class ReadsALaggingReplica(Honest):
    """Writes to the primary, and asks `contains` of a replica that is 50 ms behind."""

    breaks = "BL-4"
    written: ClassVar[dict[str, float]] = {}

    def add(self, key: str, exp: int | None) -> bool:
        self.written[key] = time.monotonic()
        return super().add(key, exp)

    def contains(self, key: str) -> bool:
        return time.monotonic() - self.written.get(key, 0) > 0.05 and super().contains(key)


class RemembersWhatItRead(Honest):
    """Has a cache of the values that it has read in each instance."""

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
    """Has a cache of the values that it has read in each process."""

    breaks = "BL-17"
    shared: ClassVar[dict[str, str]] = {}

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.read = self.shared


class SetLater(Honest):
    """Answers that a value is set first, and sets it later."""

    breaks = "BL-17"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if self.get_many([key]).get(key) != old:
            return False
        threading.Timer(0.2, super().compare_and_set, (key, old, new, exp)).start()
        return True


class ChecksThenCreates(Honest):
    """Looks whether the key is there and then sets it from None, in two steps."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is not None:
            return super().compare_and_set(key, old, new, exp)
        if self.contains(key):
            return False
        super().compare_and_set(key, old, new, exp)
        return True


class ChecksThenCreatesWithoutValues(HonestWithoutValues):
    """Looks and then sets from None, in two steps, and keeps no values."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if self.contains(key):
            return False
        self.add(key, exp)
        return True


class CreatesInOneProcess(ChecksThenCreates):
    """Has a lock for what is set from None that the other process knows nothing of."""

    breaks = "BL-18"
    lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self.lock:
            return super().add(key, exp)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        with self.lock:
            return super().compare_and_set(key, old, new, exp)


class LastIsRead(Honest):
    """Answers True to the first, and writes what all the others had as well."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if old is None and not done:
            self._set("key = ?", key, value=new, exp=exp)
        return done


class ChecksThenSets(Honest):
    """Reads the value and then writes another, in two steps: updates get lost."""

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


class CachedForAMoment(Honest):
    """Answers `contains` for 50 ms from what this instance was told before."""

    breaks = "BL-21"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.told: dict[str, tuple[float, bool]] = {}

    def contains(self, key: str) -> bool:
        at, answer = self.told.get(key, (0.0, False))
        if time.monotonic() - at > 0.05:
            answer = super().contains(key)
            self.told[key] = time.monotonic(), answer
        return answer


class AcknowledgesFirst(Honest):
    """Answers an addition 20 ms before anybody sees it."""

    breaks = "BL-21"
    claimed: ClassVar[dict[str, object]] = {}

    def add(self, key: str, exp: int | None) -> bool:
        mine = object()
        if self.claimed.setdefault(key, mine) is not mine or super().contains(key):
            return False
        threading.Timer(0.02, super().add, (key, exp)).start()
        return True


class RefusesTooSoon(Honest):
    """Answers False to the second addition of a key before the first one is visible."""

    breaks = "BL-21"

    def add(self, key: str, exp: int | None) -> bool:
        if not super().add(f"{key}?", None):
            return False
        time.sleep(0.005)
        super().compare_and_set(key, None, "", exp)
        return True


class RefusesToSetTooSoon(Honest):
    """Answers False to who is too late to set a value before the value is visible."""

    breaks = "BL-21"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None or not super().add(f"{key}?{old}", None):
            return old is None and super().compare_and_set(key, old, new, exp)
        try:
            time.sleep(0.02)
            return super().compare_and_set(key, old, new, exp)
        finally:
            # Else the value could never come back to what it was.
            self._run("DELETE FROM entry WHERE key = ?", f"{key}?{old}")


class SetsByDeletingFirst(Honest):
    """Sets a value by deleting the entry and making another: in between there is none."""

    breaks = "BL-21"

    def _set(self, where: str, *values: Any, value: str, exp: int | None) -> int:
        key = values[0]
        deleted = self._run(f"DELETE FROM entry WHERE {where}", *values)[1]
        if deleted:
            time.sleep(0.002)
            self._run("INSERT INTO entry VALUES (?, ?, ?)", key, value, exp)
        return deleted


class GoesBack(Honest):
    """Reads by turns from two copies, of which one is 20 ms behind."""

    breaks = "BL-21"
    before: ClassVar[dict[str, tuple[float, str]]] = {}
    turn = 0

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found = super().get_many(keys)
        self.turn += 1
        if self.turn % 2:
            return found
        now = time.monotonic()
        late = {key: value for key, (at, value) in self.before.items() if now - at < 0.02}
        return {key: late.get(key, value) for key, value in found.items()}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        done = super().compare_and_set(key, old, new, exp)
        if done and old is not None:
            self.before[key] = time.monotonic(), old
        return done


class LosesUpdatesWhenBusy(Honest):
    """Takes two steps to set a value while others are setting values, and one else."""

    breaks = "BL-21"
    setting: ClassVar[list[str]] = []

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        self.setting.append(key)
        try:
            if old is None or len(self.setting) < 2:
                return super().compare_and_set(key, old, new, exp)
            if self.get_many([key]).get(key) != old:
                return False
            time.sleep(0.02)
            return self._set("key = ?", key, value=new, exp=exp) == 1
        finally:
            self.setting.remove(key)


class ShowsWhatItUndoes(Honest):
    """Writes the new value first and takes it back where the old one was another."""

    breaks = "BL-21"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        found = self._run("SELECT value, exp FROM entry WHERE key = ?", key)[0]
        if not found or found[0][0] == old:
            return super().compare_and_set(key, old, new, exp)
        before, until = found[0]
        if self._set("key = ? AND value = ?", key, before, value=new, exp=exp):
            time.sleep(0.002)
            self._set("key = ? AND value = ?", key, new, value=before, exp=until)
        return False


class SeenAMomentLater(Honest):
    """Has a replica to read from, which follows in 20 milliseconds."""

    breaks = "BL-21"
    since: ClassVar[dict[str, float]] = {}

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        self.since.setdefault(key, time.monotonic() + 0.02)
        return added

    def contains(self, key: str) -> bool:
        return self.since.get(key, 0) < time.monotonic() and super().contains(key)


class RemembersAbsence(Honest):
    """Has in each instance what was not there a tenth of a second ago."""

    breaks = "BL-21"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.absent: dict[str, float] = {}

    def contains(self, key: str) -> bool:
        if self.absent.get(key, 0) > time.monotonic():
            return False
        found = super().contains(key)
        if not found:
            self.absent[key] = time.monotonic() + 0.1
        return found


class PurgesByRewriting(Honest):
    """Takes the youngest entries out and puts them back, as they were."""

    breaks = "BL-21"

    def purge(self) -> int:
        youngest = "SELECT key, value, exp FROM entry ORDER BY rowid DESC LIMIT 20"
        for key, value, exp in self._run(youngest)[0]:
            self._run("DELETE FROM entry WHERE key = ?", key)
            self._run("INSERT OR IGNORE INTO entry VALUES (?, ?, ?)", key, value, exp)
        return super().purge()


class HindersRenewals(Honest):
    """Takes a key for changed if it was written, though to the same value: as WATCH does."""

    breaks = "BL-19"
    written: ClassVar[dict[str, int]] = defaultdict(int)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return super().compare_and_set(key, old, new, exp)
        before = self.written[key]
        if self.get_many([key]).get(key) != old or self.written[key] != before:
            return False
        if not super().compare_and_set(key, old, new, exp):
            return False
        self.written[key] += 1
        return True


class RemovesTheExpired(Honest):
    """Looks for an expired entry and then removes what is there; the rogues differ in when."""

    def _make_way(self, key: str) -> None:
        expired = "SELECT 1 FROM entry WHERE key = ? AND exp < ?"
        if self._run(expired, key, int(time.time()))[0]:
            self._run("DELETE FROM entry WHERE key = ?", key)


class RemovesTheExpiredAndAdds(RemovesTheExpired):
    """Looks whether an entry has expired, and removes what is there, which another has added."""

    breaks = "BL-2"

    def add(self, key: str, exp: int | None) -> bool:
        self._make_way(key)
        return super().add(key, exp)


class RemovesTheExpiredAndSets(RemovesTheExpired):
    """Looks whether an entry has expired, and removes what is there, which another has set."""

    breaks = "BL-18"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            self._make_way(key)
        return super().compare_and_set(key, old, new, exp)


class AddsAfterTheCommit(Honest):
    """Answers within a transaction of the default database, and adds when that is committed."""

    breaks = "BL-4"

    def add(self, key: str, exp: int | None) -> bool:
        if not connection.in_atomic_block:
            return super().add(key, exp)
        transaction.on_commit(partial(super().add, key, exp))
        return not self.contains(key)


class SetsOutsideOfTransactionsOnly(Honest):
    """Answers within a transaction of the default database, and sets nothing."""

    breaks = "BL-17"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if not connection.in_atomic_block:
            return super().compare_and_set(key, old, new, exp)
        return self.get_many([key]).get(key) == old
