"""The stores that faults are injected into, each with servers of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from djwto.spec_tests.faults.on_cluster import cluster
from djwto.spec_tests.faults.on_memcached import memcached
from djwto.spec_tests.faults.on_postgresql import postgresql
from djwto.spec_tests.faults.on_redis import redis_alone
from djwto.spec_tests.faults.on_sentinel import sentinel
from djwto.spec_tests.faults.store import Store

STORES: Mapping[str, Callable[[Path, bool], AbstractContextManager[Store]]] = {
    "postgresql": postgresql,
    "redis": redis_alone,
    "sentinel": sentinel,
    "cluster": cluster,
    "memcached": memcached,
}
"""By the name that the command knows them by."""
