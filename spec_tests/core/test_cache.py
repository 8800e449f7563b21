"""The cache backend, beyond what every backend promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings

from djwto.backends import cache as cache_backend
from djwto.backends.cache import LOCK_SECONDS, CacheBlacklist
from djwto.blacklist import digest_key
from djwto.claims import LAST_NUMERIC_DATE
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests.core import hooks
from djwto.spec_tests.subject import new_key

HOOKS = "djwto.spec_tests.core.hooks"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"

CACHES = {
    "default": {"BACKEND": LOCMEM, "LOCATION": "test-default"},
    "other": {"BACKEND": LOCMEM, "LOCATION": "test-other"},
    "dummy": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    "broken": {"BACKEND": f"{HOOKS}.BrokenCache"},
    "lying": {"BACKEND": f"{HOOKS}.LyingCache", "LOCATION": "test-lying"},
    "full": {"BACKEND": f"{HOOKS}.FullCache", "LOCATION": "test-full"},
    "down": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": "127.0.0.1:1",
    },
}
CALLS: dict[str, tuple[Any, ...]] = {
    "add": ("key", None),
    "contains": ("key",),
    "get_many": (["key"],),
    "compare_and_set": ("key", "a", "b", None),
}


@pytest.fixture(autouse=True)
def some_caches() -> Iterator[None]:
    with override_settings(CACHES=CACHES):
        for alias in ("default", "other", "lying", "full"):
            caches[alias].clear()
        yield


def call(backend: CacheBlacklist, method: str) -> Any:
    return getattr(backend, method)(*CALLS[method])


@pytest.mark.clause("CA-1")
@pytest.mark.parametrize("method", list(CALLS))
@pytest.mark.case("B10", "B16")
def test_a_cache_that_was_emptied_is_unavailable(method: str) -> None:
    backend = CacheBlacklist({})
    key = new_key()
    backend.add(key, None)
    caches["default"].clear()
    with pytest.raises(
        BlacklistUnavailable, match=r"has lost what it kept.*restart the processes"
    ):
        call(backend, method)


@pytest.mark.clause("CA-1")
def test_another_process_s_canary_does_not_make_up_for_it() -> None:
    backend = CacheBlacklist({})
    backend.add("key", None)
    caches["default"].clear()
    newcomer = CacheBlacklist({})
    assert newcomer.contains("key") is False
    with pytest.raises(BlacklistUnavailable):
        backend.contains("key")


@pytest.mark.clause("CA-1")
@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("method", list(CALLS))
@pytest.mark.parametrize("alias", ["dummy", "broken", "down"])
@pytest.mark.case("B9")
def test_a_cache_that_keeps_nothing_is_unavailable(alias: str, method: str) -> None:
    backend = CacheBlacklist({"alias": alias})
    for _ in range(3):
        # pymemcache raises once, and then takes the server for one without the key.
        with pytest.raises(BlacklistUnavailable, match=f"Cache '{alias}'"):
            call(backend, method)


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("alias", ["lying", "full"])
def test_an_entry_that_is_not_kept_is_not_answered_for(alias: str) -> None:
    backend = CacheBlacklist({"alias": alias})
    assert backend.contains("key") is False
    with pytest.raises(BlacklistUnavailable, match="did not keep what was added"):
        backend.add("key", None)


@pytest.mark.clause("BL-16")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"using": "x"}, "it has alias, key_prefix"),
        ({"alias": "nowhere"}, "alias.*'nowhere'"),
        ({"alias": None}, "is None, which is not in CACHES; write one of 'default'"),
        ({"alias": []}, "which is not in CACHES"),
        ({"key_prefix": 7}, "key_prefix of CacheBlacklist is 7; write a text"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason):
        CacheBlacklist(options)


@pytest.mark.clause("CA-1")
def test_the_canary_outlives_the_cache_s_own_timeout() -> None:
    short_lived = {"default": {"BACKEND": LOCMEM, "LOCATION": "test-short", "TIMEOUT": 0}}
    with override_settings(CACHES=short_lived):
        backend = CacheBlacklist({})
        assert backend.add("key", None) is True
        assert backend.contains("key") is True


@pytest.mark.clause("BL-5")
@pytest.mark.parametrize("exp", [2**31 - 2, 2**31 - 1, 2**31, 2**40])
@pytest.mark.case("B13")
def test_what_memcached_would_take_for_the_past_is_kept_for_good(exp: int) -> None:
    assert CacheBlacklist({"alias": "down"})._timeout(exp) is None


@pytest.mark.clause("BL-8")
@pytest.mark.parametrize(("exp", "for_good"), [(2**31, False), (LAST_NUMERIC_DATE, True)])
def test_other_caches_keep_for_good_what_ends_after_all_dates(exp: int, for_good: bool) -> None:
    assert (CacheBlacklist({})._timeout(exp) is None) is for_good


@pytest.mark.clause("BL-4")
@pytest.mark.case("B16")
def test_options_tell_sets_of_keys_apart() -> None:
    backends = [
        CacheBlacklist(options) for options in ({}, {"alias": "other"}, {"key_prefix": "another:"})
    ]
    key = new_key()
    for backend in backends:
        assert backend.contains(key) is False
        assert backend.add(key, int(time.time()) + 60) is True
    assert CacheBlacklist({}).contains(key) is True


@pytest.mark.clause("BL-3")
@pytest.mark.case("B8")
def test_a_cache_of_one_process_says_so() -> None:
    assert CacheBlacklist({}).supports_processes is False
    assert CacheBlacklist({"alias": "down"}).supports_processes is True


LOCK = "djwto:" + digest_key("djwto.lock", "key")


@pytest.fixture
def backend() -> CacheBlacklist:
    """A backend that has the value "a" for "key"."""
    backend = CacheBlacklist({})
    backend.compare_and_set("key", None, "a", None)
    return backend


@pytest.mark.clause("BL-17")
def test_many_keys_are_asked_for_at_once(
    backend: CacheBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    ask = caches["default"].get_many

    def count(keys: list[str]) -> Any:
        asked.append(keys)
        return ask(keys)

    monkeypatch.setattr(caches["default"], "get_many", count)
    assert backend.get_many(["key", "another", "third"]) == {"key": "a"}
    assert [len(keys) for keys in asked] == [4]


@pytest.mark.clause("BL-15")
def test_a_value_that_another_has_locked_is_given_up(
    backend: CacheBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_backend, "LOCK_WAIT", 0.1)
    caches["default"].add(LOCK, "", LOCK_SECONDS)
    start = time.monotonic()
    with pytest.raises(BlacklistUnavailable, match="key is locked by another"):
        backend.compare_and_set("key", "a", "b", None)
    assert time.monotonic() - start >= 0.1
    assert backend.get_many(["key"]) == {"key": "a"}
    assert caches["default"].get(LOCK) == ""


@pytest.mark.clause("BL-19")
def test_other_keys_are_not_locked(backend: CacheBlacklist) -> None:
    caches["default"].add(LOCK, "", LOCK_SECONDS)
    backend.add("another", None)
    assert backend.compare_and_set("another", "", "b", None) is True


@pytest.mark.clause("BL-19")
@pytest.mark.parametrize("old", ["a", "not a"])
def test_the_lock_is_given_back(old: str, backend: CacheBlacklist) -> None:
    assert backend.compare_and_set("key", old, "b", None) is (old == "a")
    assert caches["default"].get(LOCK) is None


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("method", ["get", "set"])
def test_the_lock_is_given_back_after_a_failure(
    method: str, backend: CacheBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionResetError("the cable is out")

    with monkeypatch.context() as patched:
        patched.setattr(caches["default"], method, fail)
        with pytest.raises(BlacklistUnavailable, match="the cable is out"):
            backend.compare_and_set("key", "a", "b", None)
    assert caches["default"].get(LOCK) is None
    assert backend.compare_and_set("key", "a", "b", None) is True


@pytest.mark.clause("BL-15")
def test_a_value_that_is_not_kept_is_not_answered_for(
    backend: CacheBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches["default"], "set", lambda *args, **kwargs: None)
    with pytest.raises(BlacklistUnavailable, match="did not keep what was set"):
        backend.compare_and_set("key", "a", "b", None)


class Clock:
    """Stands still, until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    stopped = SimpleNamespace(time=time.time, sleep=time.sleep, monotonic=clock.monotonic)
    monkeypatch.setattr(cache_backend, "time", stopped)
    return clock


@pytest.mark.clause("BL-19")
@pytest.mark.parametrize("method", ["add", "get"])
def test_who_was_held_up_for_too_long_writes_nothing(
    method: str, backend: CacheBlacklist, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = caches["default"]
    call = getattr(cache, method)

    def take_long(*args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs)
        # The lock has gone by then, and is another's.
        clock.now += LOCK_SECONDS
        cache.set(LOCK, "another's", LOCK_SECONDS)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(cache, method, take_long)
        with pytest.raises(BlacklistUnavailable, match="too slow to be locked"):
            backend.compare_and_set("key", "a", "b", None)
    assert backend.get_many(["key"]) == {"key": "a"}
    assert cache.get(LOCK) == "another's"


@pytest.mark.clause("BL-19")
def test_who_was_held_up_for_half_of_the_time_writes(
    backend: CacheBlacklist, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = caches["default"]
    add = cache.add

    def take_long(*args: Any, **kwargs: Any) -> Any:
        clock.now += LOCK_SECONDS / 2
        return add(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(cache, "add", take_long)
        assert backend.compare_and_set("key", "a", "b", None) is True
    assert cache.get(LOCK) is None


@pytest.mark.clause("BL-19")
def test_who_finds_it_locked_asks_again_soon_and_for_two_seconds(
    backend: CacheBlacklist, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = caches["default"]
    cache.add(LOCK, "another's", LOCK_SECONDS)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            clock.now += 2
        else:
            cache.delete(LOCK)

    monkeypatch.setattr("djwto.backends.cache.time.sleep", sleep)
    assert backend.compare_and_set("key", "a", "b", None) is True
    assert len(slept) == 2
    assert max(slept) < 0.1
    assert cache.get(LOCK) is None


NOW = 2_000_000_000


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time that the backend is told, in the middle of a second."""
    stopped = SimpleNamespace(time=lambda: NOW - 0.5, monotonic=time.monotonic)
    monkeypatch.setattr(cache_backend, "time", stopped)
    return stopped


@pytest.mark.clause("BL-5")
@pytest.mark.parametrize(
    ("exp", "seconds"),
    [
        (NOW - 100, 2),
        (NOW, 2),
        (NOW + 1, 3),
        (NOW + 100, 102),
        (2**31, 2**31 - NOW + 2),
        (LAST_NUMERIC_DATE - 3, LAST_NUMERIC_DATE - 3 - NOW + 2),
        (LAST_NUMERIC_DATE - 2, None),
        (None, None),
    ],
)
@pytest.mark.case("B14")
def test_the_cache_is_told_to_keep_an_entry_for_so_many_seconds(
    exp: int | None,
    seconds: int | None,
    backend: CacheBlacklist,
    stopped: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = caches["default"]
    told: list[tuple[Any, ...]] = []

    def telling(method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def tell(*args: Any) -> Any:
            told.append((method, args[0], args[2]))
            return call(*args)

        return tell

    for method in ("add", "set"):
        monkeypatch.setattr(cache, method, telling(method, getattr(cache, method)))
    assert backend.add("another", exp) is True
    assert backend.compare_and_set("third", None, "b", exp) is True
    assert backend.compare_and_set("key", "a", "b", exp) is True
    assert told == [
        ("add", "djwto:another", seconds),
        ("add", "djwto:third", seconds),
        ("add", LOCK, LOCK_SECONDS),
        ("set", "djwto:key", seconds),
    ]
    assert backend.purge() == 0


@pytest.mark.clause("BL-15")
def test_a_client_that_cannot_even_be_closed_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("no socket to close")

    monkeypatch.setattr(hooks.BrokenCache, "close", fail)
    with pytest.raises(BlacklistUnavailable, match="nobody listens"):
        CacheBlacklist({"alias": "broken"}).contains("key")


@pytest.mark.clause("SIG-9")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("cache", "inside"),
    [("django.core.cache.backends.db.DatabaseCache", []), (LOCMEM, ["called"])],
)
def test_what_a_table_keeps_is_durable_when_its_transaction_is(
    cache: str, inside: list[str]
) -> None:
    called: list[str] = []
    with override_settings(CACHES={"default": {"BACKEND": cache, "LOCATION": "entries"}}):
        backend = CacheBlacklist({})
        with transaction.atomic():
            backend.on_durable(lambda: called.append("called"))
            assert called == inside
    assert called == ["called"]
