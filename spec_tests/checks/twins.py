"""BL-13: what the methods that are awaited answer and do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import profile
from djwto.spec_tests.checks.calls import HOUR, MINUTE, frees_all
from djwto.spec_tests.checks.races import one_first
from djwto.spec_tests.clock import SetForward, clock_of
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.subject import Subject, close_connections, new_key

TASKS = 6
ROUNDS = 20
FEWEST_ROUNDS = 6
MANY = 110


@clause("BL-13")
def async_does_what_sync_does(subject: Subject) -> None:
    backend = subject.make()
    exp = int(time.time()) + HOUR

    async def calls(key: str) -> list[object]:
        answers = [
            await backend.acontains(key),
            await backend.aadd(key, exp),
            await backend.acontains(key),
            await backend.aadd(key, exp),
            type(await backend.apurge()),
            await backend.acontains(key),
        ]
        await sync_to_async(close_connections)()
        return answers

    key = new_key()
    expect(
        "acontains, aadd, acontains, aadd, the type of apurge, acontains",
        asyncio.run(calls(key)),
        [False, True, True, False, int, True],
    )
    expect("contains() after aadd()", backend.contains(key), True)
    expect("add() after aadd()", backend.add(key, exp), False)
    added = new_key()
    backend.add(added, None)
    expect(
        "the same calls after add()",
        asyncio.run(calls(added)),
        [True, False, True, False, int, True],
    )

    _awaited_values(backend, exp)
    _many_are_awaited(subject)
    _one_task_is_first(subject)
    _awaited_entries_end(subject)

    async def purge() -> object:
        answer = await backend.apurge()
        await sync_to_async(close_connections)()
        return answer

    frees_all("apurge()", backend, lambda: asyncio.run(purge()))


def _many_are_awaited(subject: Subject) -> None:
    backend = subject.make_untaped()
    absent, there = ([new_key() for _ in range(MANY)] for _ in range(2))
    for key in there:
        backend.add(key, None)

    async def found() -> int:
        answer = await backend.aget_many([*absent, *there])
        await sync_to_async(close_connections)()
        return len(answer)

    done = f"how many aget_many() finds of {MANY} keys that were never added and as many that were"
    expect(done, asyncio.run(found()), MANY)


def _awaited_entries_end(subject: Subject) -> None:
    """Where that can be seen without waiting; `add` and its like are awaited by BL-8."""
    with clock_of(subject) as clock:
        if not isinstance(clock, SetForward):
            return
        backend, added, set_ = subject.make(), new_key(), new_key()
        exp = int(time.time()) + HOUR

        async def calls() -> None:
            await backend.aadd(added, exp)
            await backend.acompare_and_set(set_, None, "", exp)
            await sync_to_async(close_connections)()

        asyncio.run(calls())
        clock.wait_until(exp - 1)
        for key in (added, set_):
            expect(f"contains({key!r}), awaited, before its end", backend.contains(key), True)
        clock.wait_until(exp + MINUTE)
        backend.purge()
        for key in (added, set_):
            expect(f"contains({key!r}), awaited, after its end", backend.contains(key), False)


def _awaited_values(backend: BlacklistBackend, exp: int) -> None:
    key, added, absent = new_key(), new_key(), new_key()
    backend.add(added, exp)
    answers: list[object] = []
    wanted: list[object] = []

    async def expect_of(call: Awaitable[object], answer: object) -> None:
        answers.append(await call)
        wanted.append(answer)

    async def calls() -> None:
        keys = [key, added, absent]
        value = "a" if backend.supports_values else ""
        await expect_of(backend.aget_many(keys), {added: ""})
        await expect_of(backend.acompare_and_set(key, None, "a", exp), True)
        await expect_of(backend.acompare_and_set(key, None, "b", exp), False)
        await expect_of(backend.acompare_and_set(added, None, "b", exp), False)
        await expect_of(backend.aget_many(keys), {key: value, added: ""})
        if backend.supports_values:
            await expect_of(backend.acompare_and_set(key, "b", "c", exp), False)
            await expect_of(backend.acompare_and_set(absent, "b", "c", exp), False)
            await expect_of(backend.acompare_and_set(key, "a", "b", exp), True)
            await expect_of(backend.acompare_and_set(added, "", "c", exp), True)
            await expect_of(backend.aget_many(keys), {key: "b", added: "c"})
        await sync_to_async(close_connections)()

    asyncio.run(calls())
    expect("aget_many() and acompare_and_set(), by turns", answers, wanted)
    values = {key: "b", added: "c"} if backend.supports_values else {key: "", added: ""}
    expect("get_many() after them", backend.get_many([key, added, absent]), values)
    expect("add() after acompare_and_set()", backend.add(key, exp), False)


def _one_task_is_first(subject: Subject) -> None:
    """Tasks of one event loop overlap wherever a method awaits."""
    backend = subject.make_untaped()

    def add(key: str, number: int) -> Awaitable[bool]:
        return backend.aadd(key, None)

    def set_from_none(key: str, number: int) -> Awaitable[bool]:
        return backend.acompare_and_set(key, None, str(number), None)

    def set_from_nothing(key: str, number: int) -> Awaitable[bool]:
        return backend.acompare_and_set(key, "", str(number), None)

    for _ in range(profile.times(ROUNDS, fewest=FEWEST_ROUNDS)):
        key, set_, changed = new_key(), new_key(), new_key()
        one_first(f"{TASKS} tasks awaited aadd({key!r}) at once", _in_tasks(add, key))
        done = f"{TASKS} tasks set {set_!r} from None at once"
        one_first(done, _in_tasks(set_from_none, set_))
        if backend.supports_values:
            backend.add(changed, None)
            answers = _in_tasks(set_from_nothing, changed)
            done = f"{TASKS} tasks set {changed!r} from '' at once"
            one_first(done, answers)
            value = str(answers.index(True))
            expect(f"get_many() after {done}", backend.get_many([changed]), {changed: value})


def _in_tasks(call: Callable[[str, int], Awaitable[bool]], key: str) -> list[Any]:
    async def at_once() -> list[Any]:
        calls = (call(key, number) for number in range(TASKS))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        await sync_to_async(close_connections)()
        return answers

    return asyncio.run(at_once())
