"""Rogues that purge too much or too little, or miscount what they purged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from djwto.spec_tests.rogues.honest import Honest


class PurgesNone(Honest):
    """Purges what never expires."""

    breaks = "BL-6"

    def purge(self) -> int:
        return super().purge() + self._run("DELETE FROM entry WHERE exp IS NULL")[1]


class PurgesEverything(Honest):
    """Purges every entry there is."""

    breaks = "BL-7"

    def purge(self) -> int:
        return self._run("DELETE FROM entry")[1]


class PurgesTheLive(Honest):
    """Has the comparison the wrong way round."""

    breaks = "BL-7"

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp > ?", int(time.time()))[1]


class PurgesTheSoonToExpire(Honest):
    """Compares with the time an hour from now, in another zone."""

    breaks = "BL-7"

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp < ?", int(time.time()) + 3600)[1]


class PurgesTheFarOff(Honest):
    """Takes an exp beyond 32 bits for a mistake, and purges the entry."""

    breaks = "BL-7"

    def purge(self) -> int:
        return super().purge() + self._run("DELETE FROM entry WHERE exp >= ?", 2**31)[1]


class NeverPurges(Honest):
    """Purges nothing: the store grows for ever."""

    breaks = "BL-8"

    def purge(self) -> int:
        return 0


class PurgesTheFirstBatch(Honest):
    """Purges a batch of ten, and does not go on with the next."""

    breaks = "BL-8"

    def purge(self) -> int:
        batch = "SELECT key FROM entry WHERE exp < ? LIMIT 10"
        return self._run(f"DELETE FROM entry WHERE key IN ({batch})", int(time.time()))[1]


class BatchesOnce(Honest):
    """Shows a command the first hundred that it purges, and leaves the rest."""

    breaks = "BL-8"

    def purge_in_batches(self) -> Iterator[int]:
        batch = "SELECT key FROM entry WHERE exp < ? LIMIT 100"
        yield self._run(f"DELETE FROM entry WHERE key IN ({batch})", int(time.time()))[1]


class PurgesLater(Honest):
    """Purges what expired an hour ago or earlier."""

    breaks = "BL-8"

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp < ?", int(time.time()) - 3600)[1]


class Miscounts(Honest):
    """Counts one purged entry too many."""

    breaks = "BL-8"

    def purge(self) -> int:
        return super().purge() + 1


class CountsWhatIsLeft(Honest):
    """Answers how many entries there are, not how many it has purged."""

    breaks = "BL-8"

    def purge(self) -> int:
        super().purge()
        return len(self._run("SELECT key FROM entry")[0]) + 1


class CountsStatements(Honest):
    """Answers how many statements it took to purge, not how many entries it has purged."""

    breaks = "BL-8"

    def purge(self) -> int:
        return min(1, super().purge())


class PurgesASecondEarly(Honest):
    """Purges an entry in the second before its exp."""

    breaks = "BL-5"

    def purge(self) -> int:
        return self._run("DELETE FROM entry WHERE exp <= ?", int(time.time()) + 1)[1]


class ComparesTimesAsTexts(Honest):
    """Compares an exp with the time as texts: an exp of 11 digits comes before one of 10."""

    breaks = "BL-7"

    def purge(self) -> int:
        now = str(int(time.time()))
        return self._run("DELETE FROM entry WHERE CAST(exp AS TEXT) < ?", now)[1]


class PurgesOneBatch(Honest):
    """Purges a batch of a thousand, and does not go on with the next."""

    breaks = "BL-8"

    def purge(self) -> int:
        batch = "SELECT key FROM entry WHERE exp < ? LIMIT 1000"
        return self._run(f"DELETE FROM entry WHERE key IN ({batch})", int(time.time()))[1]


class PurgesItsOwnOnly(Honest):
    """Purges what this instance has added or set, and leaves what others have."""

    breaks = "BL-8"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.own: set[str] = set()

    def add(self, key: str, exp: int | None) -> bool:
        self.own.add(key)
        return super().add(key, exp)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        self.own.add(key)
        return super().compare_and_set(key, old, new, exp)

    def purge(self) -> int:
        own, self.own = self.own, set()
        delete = "DELETE FROM entry WHERE exp < ? AND key = ?"
        freed = {key: self._run(delete, int(time.time()), key)[1] for key in own}
        self.own = {key for key in own if not freed[key]}
        return sum(freed.values())


class PurgesWhatWasProlonged(Honest):
    """Looks what has expired and then deletes that, though it was set to live on meanwhile."""

    breaks = "BL-20"

    def purge(self) -> int:
        expired = self._run("SELECT key FROM entry WHERE exp < ?", int(time.time()))[0]
        time.sleep(0.005)
        return sum(self._run("DELETE FROM entry WHERE key = ?", key)[1] for (key,) in expired)


class PurgesByRebuilding(Honest):
    """Empties the store at a purge, and puts back what is live: in between it is gone."""

    breaks = "BL-7"

    def purge(self) -> int:
        now = int(time.time())
        live = self._run("SELECT * FROM entry WHERE exp IS NULL OR exp >= ?", now)[0]
        deleted = self._run("DELETE FROM entry")[1]
        for row in live:
            self._run("INSERT OR IGNORE INTO entry VALUES (?, ?, ?)", *row)
        return deleted - len(live)


class EmptiesInBatches(Honest):
    """Purges rightly in one go, and every entry there is in batches."""

    breaks = "BL-7"

    def purge_in_batches(self) -> Iterator[int]:
        yield self._run("DELETE FROM entry")[1]


class ForgetsToPurgeInBatches(Honest):
    """Purges in one go, and nothing in batches."""

    breaks = "BL-8"

    def purge_in_batches(self) -> Iterator[int]:
        yield 0


class CountsItsBatchesTwice(Honest):
    """Tells after each batch how many entries it has freed in all, not in this batch."""

    breaks = "BL-8"

    def purge_in_batches(self) -> Iterator[int]:
        freed = self.purge()
        yield freed
        yield freed
