"""BL-14: any sequence of calls is answered as a dictionary would answer it."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from asgiref.sync import sync_to_async
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
)

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import tape
from djwto.spec_tests.checks.calls import DAY, HOUR, YEAR
from djwto.spec_tests.profile import run_machine, search
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.subject import Subject, close_connections

# What is added to now: far enough off that no run of the machine sees it pass.
LIVES: list[int | None] = [None, HOUR, DAY, 10 * YEAR]
GONE = [-2, -DAY]
SUFFIXES = ["", "0", "00", "-"]
VALUES = ["", "0", "00", "a", "A"]


class BlacklistMachine(RuleBasedStateMachine):
    """Calls two instances at random, and a dict beside them."""

    subject: Subject

    @initialize()
    def start(self) -> None:
        if (running := tape.current()) is not None:
            running.clear()
        self.prefix = uuid.uuid4().hex
        self.instances = [self.subject.make(), self.subject.make()]
        self.live: dict[str, str] = {}
        # Keys that were given an exp gone by: the store may hold them yet, or not.
        self.elapsed: dict[str, str] = {}
        # There is something to lose from the beginning, so that each purge and each write may.
        for suffix, life in (("a", None), ("b", DAY)):
            key, value = self._key(suffix), "a" if self.instances[0].supports_values else ""
            self.instances[0].compare_and_set(key, None, value, _after(life))
            self.live[key] = value

    def _key(self, suffix: str) -> str:
        return self.prefix + suffix

    @rule(
        at=st.integers(0, 1),
        suffix=st.sampled_from(SUFFIXES),
        life=st.sampled_from(LIVES),
        awaited=st.booleans(),
    )
    def add(self, at: int, suffix: str, life: int | None, awaited: bool) -> None:
        key, exp = self._key(suffix), _after(life)
        seen = _call(self.instances[at], "add", awaited, key, exp)
        if key not in self.elapsed:
            expect(f"add({key!r}, {exp!r})", seen, key not in self.live)
            self.live.setdefault(key, "")
        elif seen is True:
            del self.elapsed[key]
            self.live[key] = ""
        self._live_keys_are_there(key)

    @rule(at=st.integers(0, 1), suffix=st.sampled_from(SUFFIXES), ago=st.sampled_from(GONE))
    def add_elapsed(self, at: int, suffix: str, ago: int) -> None:
        key, exp = self._key(suffix), _after(ago)
        seen = self.instances[at].add(key, exp)
        if key in self.live:
            expect(f"add({key!r}, {exp!r}) of a live key", seen, False)
        elif seen is True:
            self.elapsed[key] = ""
        else:
            self.elapsed.setdefault(key, "")
        self._live_keys_are_there(key)

    @rule(
        at=st.integers(0, 1),
        suffix=st.sampled_from(SUFFIXES),
        old=st.sampled_from(["as it is", None, *VALUES]),
        new=st.sampled_from(VALUES),
        life=st.sampled_from([*LIVES, *GONE]),
        awaited=st.booleans(),
    )
    def compare_and_set(
        self, at: int, suffix: str, old: str | None, new: str, life: int | None, awaited: bool
    ) -> None:
        key, exp = self._key(suffix), _after(life)
        if old == "as it is":
            old = self.live.get(key, self.elapsed.get(key))
        if not self.instances[at].supports_values:
            # It is `add` then (BL-22).
            old, new = None, ""
        seen = _call(self.instances[at], "compare_and_set", awaited, key, old, new, exp)
        done = f"compare_and_set({key!r}, {old!r}, {new!r}, {exp!r})"
        if key not in self.elapsed:
            expect(done, seen, self.live.get(key) == old)
        elif old is not None and old != self.elapsed[key]:
            expect(done, seen, False)
        if seen is True:
            self.live.pop(key, None)
            self.elapsed.pop(key, None)
            (self.elapsed if life in GONE else self.live)[key] = new
        self._live_keys_are_there(key)

    @rule(at=st.integers(0, 1), suffix=st.sampled_from(SUFFIXES), awaited=st.booleans())
    def contains(self, at: int, suffix: str, awaited: bool) -> None:
        key = self._key(suffix)
        seen = _call(self.instances[at], "contains", awaited, key)
        if key not in self.elapsed:
            expect(f"contains({key!r})", seen, key in self.live)

    @rule(
        at=st.integers(0, 1),
        suffixes=st.lists(st.sampled_from(SUFFIXES)),
        awaited=st.booleans(),
    )
    def get_many(self, at: int, suffixes: list[str], awaited: bool) -> None:
        keys = [self._key(suffix) for suffix in suffixes]
        seen = _call(self.instances[at], "get_many", awaited, keys)
        expect("the type of get_many()", type(seen), dict)
        for key, value in self.elapsed.items():
            if key in seen:
                expect(f"value of {key!r}, expired, in get_many()", seen.pop(key), value)
        wanted = {key: self.live[key] for key in keys if key in self.live}
        expect(f"get_many({keys!r})", seen, wanted)

    @rule(at=st.integers(0, 1), awaited=st.booleans())
    def purge(self, at: int, awaited: bool) -> None:
        expect("the type of purge()", type(_call(self.instances[at], "purge", awaited)), int)
        self._live_keys_are_there()

    @rule(at=st.integers(0, 1))
    def make_anew(self, at: int) -> None:
        self.instances[at] = self.subject.make()
        self._live_keys_are_there()

    def _live_keys_are_there(self, touched: str | None = None) -> None:
        seen = self.instances[0].get_many(list(self.live))
        expect("get_many() of all live keys", seen, self.live)
        for key in self.live if touched is None else {touched} & self.live.keys():
            expect(f"contains({key!r})", self.instances[0].contains(key), True)


def _after(life: int | None) -> int | None:
    return None if life is None else int(time.time()) + life


def _call(backend: BlacklistBackend, method: str, awaited: bool, *arguments: Any) -> Any:
    if not awaited:
        return getattr(backend, method)(*arguments)

    async def call() -> Any:
        answer = await getattr(backend, f"a{method}")(*arguments)
        # The thread that Django's databases are called in ends with the event loop.
        await sync_to_async(close_connections)()
        return answer

    return asyncio.run(call())


@clause("BL-14")
def answers_as_a_dictionary_would(subject: Subject) -> None:
    run_machine(BlacklistMachine, subject, search(examples=60, steps=30))
