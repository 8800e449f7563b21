"""Rogues that guess, hide it or stay silent while their store cannot be reached."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from django.core.checks import CheckMessage, Error

from djwto.backends.redis import RedisBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests.rogues.honest import Honest, Rogue


class ContainsFailsOpen(Honest):
    """Answers `contains` with False while its store is down."""

    breaks = "BL-15"

    def contains(self, key: str) -> bool:
        try:
            return super().contains(key)
        except BlacklistUnavailable:
            return False


class ContainsFailsShut(Honest):
    """Answers `contains` with True while its store is down."""

    breaks = "BL-15"

    def contains(self, key: str) -> bool:
        try:
            return super().contains(key)
        except BlacklistUnavailable:
            return True


class GetManyFailsOpen(Honest):
    """Finds none of many keys while its store is down."""

    breaks = "BL-15"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        try:
            return super().get_many(keys)
        except BlacklistUnavailable:
            return {}


class AddsInVain(Honest):
    """Answers `add` with True while its store is down."""

    breaks = "BL-15"

    def add(self, key: str, exp: int | None) -> bool:
        try:
            return super().add(key, exp)
        except BlacklistUnavailable:
            return True


class AddsBeforehand(Honest):
    """Answers `add` with False while its store is down, as if another had come first."""

    breaks = "BL-15"

    def add(self, key: str, exp: int | None) -> bool:
        try:
            return super().add(key, exp)
        except BlacklistUnavailable:
            return False


class SetsInVain(Honest):
    """Answers `compare_and_set` with True while its store is down."""

    breaks = "BL-15"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        try:
            return super().compare_and_set(key, old, new, exp)
        except BlacklistUnavailable:
            return True


class SetsNothingQuietly(Honest):
    """Answers `compare_and_set` with False while its store is down."""

    breaks = "BL-15"

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        try:
            return super().compare_and_set(key, old, new, exp)
        except BlacklistUnavailable:
            return False


class PurgesNothingQuietly(Honest):
    """Answers `purge` with 0 while its store is down."""

    breaks = "BL-15"

    def purge(self) -> int:
        try:
            return super().purge()
        except BlacklistUnavailable:
            return 0


class RaisesTheDriversOwn(Honest):
    """Raises the exception of its driver, which no view turns into a 503."""

    breaks = "BL-15"

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        return self._ask(statement, *values)


class PurgeRaisesTheDriversOwn(Honest):
    """Raises the exception of its driver from `purge` only."""

    breaks = "BL-15"

    def purge(self) -> int:
        return self._ask("DELETE FROM entry WHERE exp < ?", int(time.time()))[1]


class RaisesABuiltIn(Honest):
    """Raises a ConnectionError for whatever its driver raises."""

    breaks = "BL-15"

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        try:
            return self._ask(statement, *values)
        except sqlite3.Error as error:
            raise ConnectionError(str(error)) from error


class TakesItsTime(Honest):
    """Tries for 12 seconds before it says that its store is down."""

    breaks = "BL-15"

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        try:
            return super()._run(statement, *values)
        except BlacklistUnavailable:
            time.sleep(12)
            raise


class OnRedis(RedisBlacklist, Rogue):
    """Breaks nothing: what the rogues are made from whose server goes away and comes back."""


class ChecksItsServer(OnRedis):
    """Has the checks of every start tell whether its server is there."""

    breaks = "BL-23"

    def check(self) -> list[CheckMessage]:
        with suppress(BlacklistUnavailable):
            self.contains("0")
            return []
        return [Error("The server is down.", id="rogues.E001")]


class ChecksWhatItKeeps(OnRedis):
    """Looks at an entry in its checks, which nothing starts without."""

    breaks = "BL-23"

    def check(self) -> list[CheckMessage]:
        self.get_many(["0"])
        return []


class ChecksForTrue(Honest):
    """Answers its checks with True, since all is well."""

    breaks = "BL-23"

    def check(self) -> list[CheckMessage]:
        return True  # type: ignore[return-value]


class SwallowsTimeouts(OnRedis):
    """Takes a time-out for "not there"."""

    breaks = "BL-15"

    def contains(self, key: str) -> bool:
        import redis

        try:
            return bool(self.client.exists(self.prefix + key))
        except (redis.RedisError, OSError):
            return False


class AnswersWhatItLastSaw(OnRedis):
    """Answers from its memory while its server is down."""

    breaks = "BL-15"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.seen: dict[str, str] = {}

    def contains(self, key: str) -> bool:
        return key in self.get_many([key])

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        try:
            self.seen |= super().get_many(keys)
        except BlacklistUnavailable:
            if not any(key in self.seen for key in keys):
                raise
        return {key: self.seen[key] for key in keys if key in self.seen}


class GivesUpForGood(OnRedis):
    """Never answers again after one failure."""

    breaks = "BL-15"
    gave_up = False

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        if self.gave_up:
            raise BlacklistUnavailable("The server failed before.")
        try:
            return super().get_many(keys)
        except BlacklistUnavailable:
            self.gave_up = True
            raise

    def contains(self, key: str) -> bool:
        return key in self.get_many([key])


class QueuesWhatItCannotAdd(OnRedis):
    """Answers `add` with True while its server is down, and adds the key at the next call."""

    breaks = "BL-15"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.queue: list[tuple[str, int | None]] = []

    def add(self, key: str, exp: int | None) -> bool:
        try:
            while self.queue:
                super().add(*self.queue[-1])
                self.queue.pop()
            return super().add(key, exp)
        except BlacklistUnavailable:
            self.queue.append((key, exp))
            return True


class AsksAgain(OnRedis):
    """Adds once more when the answer is lost, and finds what it has added itself."""

    breaks = "BL-15"

    def add(self, key: str, exp: int | None) -> bool:
        for _ in range(20):
            try:
                return super().add(key, exp)
            except BlacklistUnavailable:
                time.sleep(0.05)
        return super().add(key, exp)


class TakesALostAnswerForYes(OnRedis):
    """Answers that it has added the key when the answer of its server is lost."""

    breaks = "BL-15"

    def add(self, key: str, exp: int | None) -> bool:
        try:
            return super().add(key, exp)
        except BlacklistUnavailable as error:
            if "refused" in str(error):
                raise
            return True


class WaitsForEver(OnRedis):
    """Sets no time-out: a server that says nothing is waited for."""

    breaks = "BL-15"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__({**options, "timeout": 3600})


class AsyncTwinFailsOpen(Honest):
    """Answers False while its store is down, when `contains` is awaited."""

    breaks = "BL-15"

    async def acontains(self, key: str) -> bool:
        try:
            return await super().acontains(key)
        except BlacklistUnavailable:
            return False


class GetManyAnswersWhatItLastSaw(OnRedis):
    """Remembers what `get_many` found, and answers with that while the server is away."""

    breaks = "BL-15"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.seen: dict[str, str] = {}

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        try:
            found = super().get_many(keys)
        except BlacklistUnavailable:
            seen = {key: self.seen[key] for key in keys if key in self.seen}
            if not seen:
                raise
            return seen
        self.seen.update(found)
        return found


class AnswersWithWhatItHasGot(OnRedis):
    """Asks for one key after the other, and answers with what it has when the server goes away."""

    breaks = "BL-15"

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key in keys:
            try:
                found |= super().get_many([key])
            except BlacklistUnavailable:
                if not found:
                    raise
                return found
        return found
