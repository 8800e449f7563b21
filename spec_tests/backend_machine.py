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
from djwto.spec_tests.backend_calls import DAY, HOUR, YEAR
from djwto.spec_tests.profile import run_machine, search
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.subject import Subject, close_connections

# What is added to now: far enough off that no run of the machine sees it pass.
LIVES: list[int | None] = [None, HOUR, DAY, 10 * YEAR]
SUFFIXES = ["", "0", "00", "-"]


class BlacklistMachine(RuleBasedStateMachine):
    """Calls two instances at random, and a dict beside them."""

    subject: Subject

    @initialize()
    def start(self) -> None:
        self.prefix = uuid.uuid4().hex
        self.instances = [self.subject.make(), self.subject.make()]
        self.live: dict[str, int | None] = {}
        # Keys that were added with an exp gone by: the store may hold them yet, or not.
        self.elapsed: set[str] = set()

    def _key(self, suffix: str) -> str:
        return self.prefix + suffix

    @rule(
        at=st.integers(0, 1),
        suffix=st.sampled_from(SUFFIXES),
        life=st.sampled_from(LIVES),
        awaited=st.booleans(),
    )
    def add(self, at: int, suffix: str, life: int | None, awaited: bool) -> None:
        key, exp = self._key(suffix), None if life is None else int(time.time()) + life
        seen = _call(self.instances[at], "add", awaited, key, exp)
        if key not in self.elapsed:
            expect(f"add({key!r}, {exp!r})", seen, key not in self.live)
            self.live.setdefault(key, exp)
        elif seen is True:
            self.elapsed.discard(key)
            self.live[key] = exp
        self._live_keys_are_there()

    @rule(at=st.integers(0, 1), suffix=st.sampled_from(SUFFIXES), ago=st.sampled_from([2, DAY]))
    def add_elapsed(self, at: int, suffix: str, ago: int) -> None:
        key, exp = self._key(suffix), int(time.time()) - ago
        seen = self.instances[at].add(key, exp)
        if key in self.live:
            expect(f"add({key!r}, {exp!r}) of a live key", seen, False)
        else:
            self.elapsed.add(key)
        self._live_keys_are_there()

    @rule(at=st.integers(0, 1), suffix=st.sampled_from(SUFFIXES), awaited=st.booleans())
    def contains(self, at: int, suffix: str, awaited: bool) -> None:
        key = self._key(suffix)
        seen = _call(self.instances[at], "contains", awaited, key)
        if key not in self.elapsed:
            expect(f"contains({key!r})", seen, key in self.live)

    @rule(at=st.integers(0, 1), awaited=st.booleans())
    def purge(self, at: int, awaited: bool) -> None:
        expect("the type of purge()", type(_call(self.instances[at], "purge", awaited)), int)
        self._live_keys_are_there()

    @rule(at=st.integers(0, 1))
    def make_anew(self, at: int) -> None:
        self.instances[at] = self.subject.make()
        self._live_keys_are_there()

    def _live_keys_are_there(self) -> None:
        for key in self.live:
            expect(f"contains({key!r})", self.instances[0].contains(key), True)


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
    run_machine(BlacklistMachine, subject, search(examples=100, steps=30))
