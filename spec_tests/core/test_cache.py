"""The cache backend, beyond what every backend promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from djwto.backends.cache import CacheBlacklist, _timeout
from djwto.exceptions import BlacklistUnavailable
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


@pytest.fixture(autouse=True)
def some_caches() -> Iterator[None]:
    with override_settings(CACHES=CACHES):
        for alias in ("default", "other", "lying", "full"):
            caches[alias].clear()
        yield


def call(backend: CacheBlacklist, method: str) -> Any:
    return getattr(backend, method)(*{"add": ("key", None), "contains": ("key",)}[method])


@pytest.mark.clause("CA-1")
@pytest.mark.parametrize("method", ["add", "contains"])
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
@pytest.mark.parametrize("method", ["add", "contains"])
@pytest.mark.parametrize("alias", ["dummy", "broken", "down"])
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
def test_what_memcached_would_take_for_the_past_is_kept_for_good(exp: int) -> None:
    assert _timeout(exp) is None


@pytest.mark.clause("BL-4")
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
def test_a_cache_of_one_process_says_so() -> None:
    assert CacheBlacklist({}).supports_processes is False
    assert CacheBlacklist({"alias": "down"}).supports_processes is True
