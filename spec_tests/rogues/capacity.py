"""Rogues that have no room: an entry that is live yet has to make way for another."""

from __future__ import annotations

import threading
import time
from typing import ClassVar

from djwto.spec_tests.rogues.honest import Honest, Rogue


class Full(Honest):
    """Has room for so many entries; the rogues of capacity differ in which must go."""

    room = 1000
    victims = ""

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        excess = f"max(0, (SELECT count(*) FROM entry) - {self.room})"
        victims = f"SELECT rowid FROM entry {self.victims} LIMIT {excess}"
        self._run(f"DELETE FROM entry WHERE rowid IN ({victims})")
        return added


class EvictsTheOldest(Full):
    """Evicts the oldest entry when there are more than a thousand."""

    breaks = "BL-10"
    victims = "ORDER BY rowid"


class EvictsAt300(Full):
    """Evicts the oldest entry when there are more than 300."""

    breaks = "BL-10"
    room = 300
    victims = "ORDER BY rowid"


class EvictsTheNewest(Full):
    """Answers that a key was added, and keeps no more than a thousand."""

    breaks = "BL-10"
    victims = "ORDER BY rowid DESC"


class EvictsTheFirstToExpire(Full):
    """Evicts what expires first when there are more than a thousand."""

    breaks = "BL-10"
    victims = "WHERE exp IS NOT NULL ORDER BY exp"


class EvictsWhatNeverExpires(Honest):
    """Keeps a hundred entries that never expire, and any number of others."""

    breaks = "BL-10"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        last = "SELECT rowid FROM entry WHERE exp IS NULL ORDER BY rowid DESC LIMIT 100"
        self._run(f"DELETE FROM entry WHERE exp IS NULL AND rowid NOT IN ({last})")
        return added


class Culls(Honest):
    """Drops every third entry when there are more than 300."""

    breaks = "BL-10"

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        full = "(SELECT count(*) FROM entry) > 300"
        self._run(f"DELETE FROM entry WHERE rowid % 3 = 0 AND {full}")
        return added


class EvictsTheLeastRecentlyUsed(Honest):
    """Evicts what nobody has asked for the longest, when there are more than a thousand."""

    breaks = "BL-10"

    def _touch(self, key: str) -> None:
        newest = "(SELECT max(rowid) + 1 FROM entry)"
        self._run(f"UPDATE entry SET rowid = {newest} WHERE key = ?", key)

    def add(self, key: str, exp: int | None) -> bool:
        added = super().add(key, exp)
        oldest = "SELECT rowid FROM entry ORDER BY rowid DESC LIMIT -1 OFFSET 1000"
        self._run(f"DELETE FROM entry WHERE rowid IN ({oldest})")
        return added

    def contains(self, key: str) -> bool:
        self._touch(key)
        return super().contains(key)


class EvictsAt1500(Rogue):
    """Keeps the newest 1500 keys in a dict."""

    breaks = "BL-10"
    supports_processes = False
    entries: ClassVar[dict[str, int | None]] = {}
    lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self.lock:
            if key in self.entries:
                return False
            self.entries[key] = exp
            for oldest in list(self.entries)[:-1500]:
                del self.entries[oldest]
            return True

    def contains(self, key: str) -> bool:
        return key in self.entries

    def purge(self) -> int:
        with self.lock:
            expired = [k for k, exp in self.entries.items() if exp and exp < time.time()]
            for key in expired:
                del self.entries[key]
            return len(expired)
