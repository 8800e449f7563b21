"""BL-17 to BL-19 and BL-22: the values that a backend keeps with its keys, or does not keep."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from django.db import transaction

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import profile, tape
from djwto.spec_tests.checks.calls import (
    HOUR,
    in_thread,
    live_expiries,
    neighbours,
    shapes_of_keys,
)
from djwto.spec_tests.checks.races import (
    Caller,
    add_expired,
    one_first,
    one_first_at_most,
    processes,
    rounds,
    threads,
)
from djwto.spec_tests.interleaving import Call, Jitter
from djwto.spec_tests.other_process import OtherProcess
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.subject import Subject, new_key

LONGEST = "0123456789" * 20

COUNTS = (10, 110, 1_100)
"""Of keys that are there, asked for in one go with as many that are not: stores have limits."""

VALUES = [
    "0",
    "1764000000000",
    "1764000000 0 5f0e6c1a-6f63-4b8f-9d0c-0f6f1e6f0a01",
    "::1:~:0f6f1e6f0a01:-:2::",
    "a",
    "A",
    "a ",
    " a",
    " ",
    "-0",
    "007",
    "1e3",
    "None",
    "true",
    "%s %(key)s {0} $1 \\0 \\x41 ' OR ''='",
    "%41+%2B%25 &lt;&#65; \\u0041\\101 =41 ${HOME} ~",
    "".join(map(chr, range(32, 127))),
    LONGEST,
    "~" * 200,
]
"""Texts that a store may shorten, trim or take for something else than a text."""

RENEWING = 3
"""Threads that set a key from one value, all but one of them to the same again."""

INCREASING = 4
"""Threads that increase one number at once."""

SECONDS = 0.4
"""How long they do, and as long do processes."""


def needs_values(subject: Subject) -> None:
    """Raises NotApplicable for a backend that keeps no values."""
    if not subject.make().supports_values:
        raise NotApplicable("this backend keeps keys only (supports_values is False)")


def _in_an_hour() -> int:
    return int(time.time()) + HOUR


def _expect_texts(done: str, seen: Any, wanted: dict[str, str]) -> None:
    """Raises Broken unless this is a dict, of texts, and the one that was wanted."""
    if type(seen) is dict and seen != wanted:
        for key in sorted({*seen, *wanted}, key=str):
            if key not in wanted:
                raise Broken(f"{done}: expected nothing of {key!r}, saw {seen[key]!r}")
            expect(f"value of {key!r} in {done}", seen.get(key, "nothing of it"), wanted[key])
    expect(done, seen, wanted)
    for text in (*seen, *seen.values()):
        if type(text) is not str:
            raise Broken(f"{done}: expected texts of type str, saw a {type(text).__name__}")


def _expect_value(done: str, backend: BlacklistBackend, key: str, value: str | None) -> None:
    wanted = {} if value is None else {key: value}
    _expect_texts(f"get_many([{key!r}]) {done}", backend.get_many([key]), wanted)


@clause("BL-17")
def get_many_answers_what_is_there(subject: Subject) -> None:
    backend, older = subject.make(), subject.make()
    _added_keys_are_there(backend, older)
    if backend.supports_values:
        _values_are_as_set(backend, older)
        _set_is_visible_everywhere(subject, backend, older)
    _any_number_is_answered_in_one_go(subject)


def _added_keys_are_there(backend: BlacklistBackend, older: BlacklistBackend) -> None:
    expiries = list(live_expiries().values())
    absent = [new_key() for _ in expiries]
    _expect_texts("get_many([])", backend.get_many([]), {})
    _expect_texts("get_many() of keys that were never added", older.get_many(absent), {})
    added = {new_key(): "" for _ in expiries}
    for key, exp in zip(added, expiries, strict=True):
        backend.add(key, exp)
    mixed = [key for pair in zip(added, absent, strict=True) for key in pair]
    for kind in (list, tuple, set, frozenset, dict.fromkeys):
        keys: Any = kind(mixed)
        done = f"get_many() of a {type(keys).__name__} of keys that were added and others"
        for asked in (backend, older):
            _expect_texts(done, asked.get_many(keys), added)
    for key in list(added)[:3]:
        _expect_texts("get_many() of one key, twice", backend.get_many([key, key]), {key: ""})
    for key in shapes_of_keys():
        near = list(neighbours(key))
        backend.add(key, None)
        done = f"get_many() of {key!r}, which was added, and of near ones that were not"
        _expect_texts(done, backend.get_many([key, *near]), {key: ""})
        _expect_texts(f"get_many() of near ones of {key!r}", backend.get_many(near), {})


def _any_number_is_answered_in_one_go(subject: Subject) -> None:
    backend = subject.make_untaped()
    for count in COUNTS:
        with _told_briefly(count):
            there = [new_key() for _ in range(count)]
            absent = [new_key() for _ in range(count)]
            for key in there:
                backend.add(key, None)
            found = backend.get_many([*absent, *there])
        done = (
            f"get_many() of {count} keys that were never added and, after them, {count} that were"
        )
        if type(found) is dict and len(found) != count:
            raise Broken(f"{done}: expected {count} of them, saw {len(found)}")
        _expect_texts(done, found, dict.fromkeys(there, ""))


def _told_briefly(count: int) -> AbstractContextManager[None]:
    """Has the steps say how so many keys were made: nobody reads hundreds of them."""
    if (running := tape.current()) is None:
        return nullcontext()
    running.clear()
    backend, there, absent = map(running.name, ("backend", "there", "absent"))
    return running.instead(
        f"{backend} = load_backend(SETTING)",
        f"{there} = [new_key() for _ in range({count})]",
        f"{absent} = [new_key() for _ in range({count})]",
        f"[{backend}.add(key, None) for key in {there}].count(True)",
        f"len({backend}.get_many([*{absent}, *{there}]))",
    )


def _values_are_as_set(backend: BlacklistBackend, older: BlacklistBackend) -> None:
    values = {new_key(): value for value in VALUES}
    for key, value in values.items():
        backend.compare_and_set(key, None, value, _in_an_hour())
        _expect_value("after it was set from None", backend, key, value)
    _expect_texts("get_many() of keys set from None", older.get_many(list(values)), values)
    for key, value in values.items():
        for old, new in ((value, LONGEST[::-1]), (LONGEST[::-1], ""), ("", value)):
            backend.compare_and_set(key, old, new, None)
            _expect_value(f"after it was set from {old!r} to {new!r}", older, key, new)
    key = new_key()
    backend.add(key, _in_an_hour())
    _expect_value("after add()", older, key, "")
    backend.compare_and_set(key, "", "1", None)
    _expect_value("after add() and compare_and_set()", older, key, "1")


def _set_is_visible_everywhere(
    subject: Subject, backend: BlacklistBackend, older: BlacklistBackend
) -> None:
    key, done = new_key(), "after it was set to {!r} by another"
    steps = [(None, "0"), *((str(number), str(number + 1)) for number in range(5))]
    for old, new in steps:
        backend.compare_and_set(key, old, new, _in_an_hour())
        for where, asked in (("an older", older), ("a newer", subject.make())):
            _expect_value(f"on {where} instance {done.format(new)}", asked, key, new)
        seen = in_thread(lambda: backend.get_many([key]))
        _expect_texts(f"get_many() in another thread {done.format(new)}", seen, {key: new})
    key = new_key()
    with transaction.atomic():
        backend.compare_and_set(key, None, "0", _in_an_hour())
        backend.compare_and_set(key, "0", "1", _in_an_hour())
        _expect_value("in the transaction in which it was set", backend, key, "1")
    _expect_value("after the commit of that transaction", older, key, "1")
    if not backend.supports_processes:
        return
    key, value = new_key(), "0"
    backend.compare_and_set(key, None, value, None)
    with OtherProcess(subject) as other:
        for number in range(1, 10):
            old, value = value, str(number)
            # Both have read the old value, and both have set one.
            if number % 2:
                backend.compare_and_set(key, old, value, None)
            else:
                other.ask("compare_and_set", key, old, value, None)
            done = f"after it was set to {value!r} in {'one' if number % 2 else 'another'} process"
            _expect_value(done, backend, key, value)
            seen = other.ask("get_many", [key])
            _expect_texts(f"get_many() in another process, {done}", seen, {key: value})


@clause("BL-18")
def one_is_first_to_set(subject: Subject) -> None:
    backend, other = subject.make(), subject.make()
    for name, exp in live_expiries().items():
        added, key = new_key(), new_key()
        done = f"of a key that expires {name}"
        backend.add(added, exp)
        for asked in (backend, other):
            seen = asked.compare_and_set(added, None, "a", None)
            expect(f"compare_and_set() from None {done}, after add()", seen, False)
        _expect_value(f"{done}, added, after compare_and_set() from None", backend, added, "")
        seen = backend.compare_and_set(key, None, "a", exp)
        expect(f"compare_and_set() from None {done}", seen, True)
        for asked, new in ((backend, "b"), (other, "a")):
            seen = asked.compare_and_set(key, None, new, None)
            expect(f"compare_and_set() from None to {new!r} {done}, once more", seen, False)
            seen = asked.add(key, None)
            expect(f"add() {done}, after compare_and_set()", seen, False)
        expect(f"contains() {done}, after compare_and_set()", other.contains(key), True)
        value = "a" if backend.supports_values else ""
        _expect_value(f"{done}, set, then set and added again", backend, key, value)
    with threads(subject) as callers:
        _one_sets_first(backend, callers, "threads")
        _one_sets_first_what_expired(subject, callers)
    if backend.supports_processes:
        with OtherProcess(subject) as process, processes(subject, process) as callers:
            _one_sets_first(backend, callers, "processes")


def _set_from_none(key: str, number: int) -> Call:
    return "compare_and_set", key, None, str(number), None


def _one_sets_first(backend: BlacklistBackend, callers: list[Caller], who: str) -> None:
    def every_second_adds(key: str, number: int) -> Call:
        return _set_from_none(key, number) if number % 2 else ("add", key, None)

    for what, call in (("set", _set_from_none), ("set or added", every_second_adds)):
        for key, answers in rounds(callers, call):
            done = f"{len(answers)} {who} {what} {key!r} from None at once"
            one_first(done, answers)
            first = answers.index(True)
            has_value = backend.supports_values and call(key, first)[0] == "compare_and_set"
            _expect_value(f"after {done}", backend, key, str(first) if has_value else "")


def _one_sets_first_what_expired(subject: Subject, callers: list[Caller]) -> None:
    backend = subject.make_untaped()
    expired = partial(add_expired, backend)
    for key, answers in rounds(callers, _set_from_none, before=expired):
        done = f"{len(answers)} threads set {key!r}, whose exp had passed, from None at once"
        one_first_at_most(done, answers)
        if backend.supports_values and True in answers:
            _expect_value(f"after {done}", backend, key, str(answers.index(True)))


@clause("BL-19")
def a_value_is_set_from_what_it_is(subject: Subject) -> None:
    needs_values(subject)
    backend, other = subject.make(), subject.make()
    _another_value_changes_nothing(backend, other)
    _a_value_may_come_back(backend, other)
    with threads(subject) as callers:
        _one_sets_from_a_value(backend, callers, "threads")
        _a_renewal_hinders_nobody(backend, callers[:RENEWING], "threads")
        _no_increment_is_lost(backend, callers[:INCREASING], "threads")
    if backend.supports_processes:
        with OtherProcess(subject) as process, processes(subject, process) as callers:
            _one_sets_from_a_value(backend, callers, "processes")
            _a_renewal_hinders_nobody(backend, callers, "processes")
            _no_increment_is_lost(backend, callers, "processes")


def _near_values(value: str) -> list[str]:
    near = [
        value.swapcase(),
        value + " ",
        " " + value,
        value.strip(),
        value[:-1],
        value + "0",
        value[:32],
        value[:-1] + "!",
        "0" + value,
        "",
        "None",
        "*",
        "%",
    ]
    return [other for other in near if other != value and len(other) <= 200]


def _another_value_changes_nothing(backend: BlacklistBackend, other: BlacklistBackend) -> None:
    for value in ("", *VALUES):
        key = new_key()
        if value:
            backend.compare_and_set(key, None, value, _in_an_hour())
        else:
            backend.add(key, _in_an_hour())
        for wrong in _near_values(value):
            done = f"compare_and_set() from {wrong!r} of a key whose value is {value!r}"
            expect(done, backend.compare_and_set(key, wrong, "changed", None), False)
            _expect_value(f"after {done}", other, key, value)
        done = f"compare_and_set() from {value!r}, which the value is"
        expect(done, other.compare_and_set(key, value, "changed", None), True)
        _expect_value(f"after {done}", backend, key, "changed")
        done = f"compare_and_set() from {value!r}, which the value was"
        expect(done, backend.compare_and_set(key, value, "again", None), False)
        _expect_value(f"after {done}", backend, key, "changed")
    for old in ("", "0", "None", "a"):
        key = new_key()
        done = f"compare_and_set() from {old!r} of a key that is not there"
        expect(done, backend.compare_and_set(key, old, "1", None), False)
        _expect_value(f"after {done}", backend, key, None)
        expect(f"contains() after {done}", backend.contains(key), False)
        expect(f"add() after {done}", backend.add(key, _in_an_hour()), True)


def _a_value_may_come_back(backend: BlacklistBackend, other: BlacklistBackend) -> None:
    key = new_key()
    steps = [(None, "a"), ("a", "b"), ("b", "a"), ("a", "b"), ("b", "b"), ("b", ""), ("", "a")]
    for number, (old, new) in enumerate(steps):
        asked = (backend, other)[number // 2 % 2]
        path = "None, a, b, a, b, b, '', a"
        done = f"compare_and_set() from {old!r} to {new!r}, which is step {number + 1} of {path}"
        expect(done, asked.compare_and_set(key, old, new, _in_an_hour()), True)
        _expect_value(f"after {done}", backend, key, new)
    expect("add() of a key that was set to and fro", other.add(key, None), False)
    _expect_value("after that", backend, key, "a")


def _one_sets_from_a_value(backend: BlacklistBackend, callers: list[Caller], who: str) -> None:
    def add(key: str) -> None:
        backend.add(key, None)

    def set_from_nothing(key: str, number: int) -> Call:
        return "compare_and_set", key, "", str(number), None

    for key, answers in rounds(callers, set_from_nothing, before=add):
        done = f"{len(answers)} {who} set {key!r} from '' at once"
        one_first(done, answers)
        _expect_value(f"after {done}", backend, key, str(answers.index(True)))


def _a_renewal_hinders_nobody(backend: BlacklistBackend, callers: list[Caller], who: str) -> None:
    def add(key: str) -> None:
        backend.add(key, None)

    def all_but_one_keep_it(key: str, number: int) -> Call:
        return "compare_and_set", key, "", "" if number else "1", None

    for key, answers in rounds(callers, all_but_one_keep_it, before=add):
        done = f"one of {len(answers)} {who} set {key!r} from '' to '1', the others to '' again"
        expect(f"compare_and_set() to '1', when {done}", answers[0], True)
        _expect_value(f"after {done}", backend, key, "1")


def increase(backend: BlacklistBackend, key: str, seconds: float) -> list[str]:
    """Adds 1 to a number again and again; the values that this was answered True from."""
    over = time.monotonic() + seconds
    increased = []
    tries = 0
    while tries < 5 or time.monotonic() < over:
        tries += 1
        old = backend.get_many([key])[key]
        if backend.compare_and_set(key, old, str(int(old) + 1), None):
            increased.append(old)
    return increased


def _no_increment_is_lost(backend: BlacklistBackend, callers: list[Caller], who: str) -> None:
    key = new_key()
    backend.compare_and_set(key, None, "0", None)
    for caller in callers:
        caller.start(Jitter(), (increase, key, profile.seconds(SECONDS)))
    done = f"{len(callers)} {who} that increased one number at once"
    increased = []
    for caller in callers:
        answer = caller.result().answer
        if isinstance(answer, Exception):
            raise Broken(f"{done}: expected answers, and one raised {answer!r}")
        increased += answer
    if not increased:
        raise Broken(f"{done}: expected True for one of them, saw it for none")
    value, times = Counter(increased).most_common(1)[0]
    expect(f"{done}: how many were answered True to setting it from {value!r}", times, 1)
    _expect_value(f"after {done} {len(increased)} times", backend, key, str(len(increased)))


@clause("BL-22")
def a_backend_without_values_says_so(subject: Subject) -> None:
    backend, other = subject.make(), subject.make()
    if backend.supports_values:
        raise NotApplicable("this backend keeps values (supports_values is True)")
    absent = new_key()
    keys: list[str] = []
    for name, exp in live_expiries().items():
        added, key = new_key(), new_key()
        done = f"of a key that expires {name}"
        expect(f"add() {done}", backend.add(added, exp), True)
        seen = backend.compare_and_set(key, None, "a", exp)
        expect(f"compare_and_set() from None {done}", seen, True)
        for there in (added, key, absent):
            for old in ("", "a", "None"):
                _expect_refusal(backend, there, old)
        keys += [added, key]
    backend.purge()
    for key in keys:
        expect(f"contains({key!r}), added or set from None", other.contains(key), True)
    expect("contains() of a key that was set from a value", other.contains(absent), False)
    found = other.get_many([*keys, absent])
    _expect_texts("get_many() of all of these", found, dict.fromkeys(keys, ""))


def _expect_refusal(backend: BlacklistBackend, key: str, old: str) -> None:
    try:
        seen = backend.compare_and_set(key, old, "b", None)
    except NotImplementedError:
        return
    done = f"compare_and_set() from {old!r}"
    raise Broken(f"{done}: expected NotImplementedError to be raised, saw {seen!r}")
