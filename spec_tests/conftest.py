"""The backends that the project's own tests run on: embedded stores, or servers by environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from djwto.blacklist import get_blacklist
from djwto.spec_tests.fakeredis_server import FakeRedis, fakeredis_server
from djwto.spec_tests.subject import REDIS, Subject

collect_ignore = ["servers"]
"""What `make test-services` names."""

SUBJECTS = ["database", "cache", "redis"]


@pytest.fixture(autouse=True)
def backend_of_its_own() -> Iterator[None]:
    """A test that patches a method of the backend in force leaves it to no other test."""
    yield
    # What monkeypatch puts back is an attribute of the instance, that hides the class's.
    get_blacklist.cache_clear()


@pytest.fixture(scope="session")
def fakeredis() -> Iterator[FakeRedis]:
    """A fakeredis of this session's own."""
    with fakeredis_server() as redis:
        yield redis


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """`DJWTO_TEST_REDIS`, else that of a fakeredis."""
    given = os.environ.get("DJWTO_TEST_REDIS")
    return given or str(request.getfixturevalue("fakeredis").url)


@pytest.fixture(scope="session")
def subjects(redis_url: str, request: pytest.FixtureRequest) -> dict[str, Subject]:
    """The three backends that come with djwto, on the stores of this run."""
    # Tests that run side by side, and one day after another, have users of the same numbers.
    prefix = {"key_prefix": f"djwto-{uuid.uuid4().hex}:"}
    is_real = "DJWTO_TEST_REDIS" in os.environ
    shift_clock = None if is_real else request.getfixturevalue("fakeredis").shift_clock
    return {
        "database": Subject("djwto.backends.database.DatabaseBlacklist"),
        "cache": Subject("djwto.backends.cache.CacheBlacklist", prefix),
        "redis": Subject(REDIS, {"url": redis_url, **prefix}, shift_clock=shift_clock),
    }
