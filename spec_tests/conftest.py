"""The backends that the project's own tests run on: embedded stores, or servers by environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from djwto.spec_tests.fakeredis_server import fakeredis_server
from djwto.spec_tests.subject import REDIS, Subject

collect_ignore = ["servers"]
"""What `make test-services` names."""

SUBJECTS = ["database", "cache", "redis"]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """`DJWTO_TEST_REDIS`, else a fakeredis of this session's own."""
    if url := os.environ.get("DJWTO_TEST_REDIS"):
        yield url
        return
    with fakeredis_server() as url:
        yield url


@pytest.fixture(scope="session")
def subjects(redis_url: str) -> dict[str, Subject]:
    """The three backends that come with djwto, on the stores of this run."""
    # Tests that run side by side, and one day after another, have users of the same numbers.
    prefix = {"key_prefix": f"djwto-{uuid.uuid4().hex}:"}
    return {
        "database": Subject("djwto.backends.database.DatabaseBlacklist"),
        "cache": Subject("djwto.backends.cache.CacheBlacklist", prefix),
        "redis": Subject(REDIS, {"url": redis_url, **prefix}),
    }
