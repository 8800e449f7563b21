"""RedisBlacklist on the primary that Sentinels name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.sentinel import Sentinel

from djwto.backends.redis import RedisBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests import profile
from djwto.spec_tests.checks.faults import at_once
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.servers import redis_sentinel, redis_server
from djwto.spec_tests.servers.process import until
from djwto.spec_tests.servers.redis_sentinel import SERVICE, SentinelProcess, WatchedServers
from djwto.spec_tests.servers.redis_server import RedisServer
from djwto.spec_tests.subject import REDIS, Subject, new_key
from djwto.spec_tests.test_conformance import not_applicable

pytestmark = pytest.mark.xdist_group("redis-sentinel")

TIMEOUT = 0.5

NEED_AN_OUTAGE = {"BL-15", "BL-23"}
"""The suite knows no way to take the primary away. The tests below do."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServers]:
    redis_server.require()
    with redis_sentinel.running(tmp_path_factory.mktemp("sentinel")) as running:
        yield running


@contextmanager
def made(url: str, **options: Any) -> Iterator[RedisBlacklist]:
    """A backend, whose connections are closed at the end: to the Sentinels as well."""
    backend = RedisBlacklist({"url": url, "timeout": TIMEOUT, **options})
    yield backend
    backend.client.close()
    for sentinel in backend.client.connection_pool.sentinel_manager.sentinels:
        sentinel.close()


@pytest.fixture
def backend(watched: WatchedServers) -> Iterator[RedisBlacklist]:
    with made(watched.url, wait_replicas=1) as backend:
        yield backend


def questions(backend: RedisBlacklist) -> list[Callable[[], bool]]:
    """What reads, and what writes."""
    return [lambda: backend.contains("a"), lambda: backend.add("a", None)]


def until_served(call: Callable[[], Any]) -> Any:
    """What a call answers as soon as it does; until then it is unavailable, and nothing else."""
    answers: list[Any] = []

    def is_served() -> bool:
        try:
            answers.append(call())
        except BlacklistUnavailable:
            return False
        return True

    until(is_served, "answer")
    return answers[0]


@pytest.fixture(scope="module")
def subject(watched: WatchedServers) -> Subject:
    """One for all clauses: what expires is awaited once."""
    return Subject(REDIS, {"url": watched.url, "wait_replicas": 1})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "clause_id", [c for c in in_order() if c[:3] == "BL-" and c not in NEED_AN_OUTAGE]
)
def test_clause(clause_id: str, subject: Subject) -> None:
    with not_applicable(clause_id, subject.make()), profile.use("quick"):
        CHECKS[clause_id](subject)


@pytest.mark.clause("RE-4")
def test_it_is_the_primary_that_is_asked(watched: WatchedServers, backend: RedisBlacklist) -> None:
    key = new_key()
    assert backend.add(key, None) is True
    assert watched.master_process().ask("EXISTS", f"djwto:{key}") == 1
    assert backend.check_deploy() == []


@pytest.mark.clause("RE-6")
def test_fewer_replicas_than_are_waited_for_are_reported(watched: WatchedServers) -> None:
    with made(watched.url, wait_replicas=3) as backend:
        [message] = backend.check_deploy()
    assert message.id == "djwto.W016"


@pytest.mark.clause("RE-4")
@pytest.mark.parametrize(
    ("service", "reason"), [("nobody", "No master found for 'nobody'"), ("a%2Fb", "'a/b'")]
)
def test_a_service_that_nobody_watches_is_unavailable(
    service: str, reason: str, watched: WatchedServers
) -> None:
    with made(watched.url.replace(SERVICE, service)) as backend:
        for call in questions(backend):
            with pytest.raises(BlacklistUnavailable, match=reason):
                call()


@pytest.mark.clause("RE-4")
def test_passwords_of_servers_and_of_sentinels_are_told_to_each(tmp_path: Path) -> None:
    redis_server.require()
    homes = [tmp_path / name for name in ("server", "sentinel")]
    for home in homes:
        home.mkdir()
    server = RedisServer(homes[0], {"save": "", "requirepass": "of-the-server"})
    watching = [
        f"monitor {SERVICE} 127.0.0.1 {server.port} 1",
        f"auth-pass {SERVICE} of-the-server",
    ]
    sentinel = SentinelProcess(homes[1], {"sentinel": watching, "requirepass": "of/the@sentinel"})
    address = f"127.0.0.1:{sentinel.port}/{SERVICE}/1"
    told = f"redis+sentinel://:of-the-server@{address}?sentinel_password=of%2Fthe%40sentinel"
    try:
        server.start()
        sentinel.start()
        with made(told) as backend:
            until_served(lambda: backend.contains("a"))
            assert backend.add("a", None) is True
            assert backend.client.connection_pool.connection_kwargs["db"] == 1
        for wrong in (
            f"redis+sentinel://:of-the-server@{address}",
            f"redis+sentinel://{address}?sentinel_password=of%2Fthe%40sentinel",
        ):
            with made(wrong) as backend, pytest.raises(BlacklistUnavailable, match="uth"):
                backend.contains("a")
    finally:
        sentinel.kill()
        server.kill()


@pytest.mark.clause("RE-4")
def test_a_replica_that_a_sentinel_takes_for_the_primary_is_not_asked(
    watched: WatchedServers, tmp_path: Path
) -> None:
    replica = watched.replica_processes()[0]
    told = [
        f"monitor {SERVICE} 127.0.0.1 {replica.port} 1",
        # It does nothing about it in the meantime.
        f"down-after-milliseconds {SERVICE} 60000",
    ]
    sentinel = SentinelProcess(tmp_path, {"sentinel": told})
    try:
        sentinel.start()
        with made(f"redis+sentinel://127.0.0.1:{sentinel.port}/{SERVICE}") as backend:
            for call in questions(backend):
                with pytest.raises(BlacklistUnavailable, match=f"{replica.port} is a slave"):
                    call()
    finally:
        sentinel.kill()


@pytest.mark.clause("RE-4")
def test_of_those_that_ask_at_once_none_loses_a_sentinel_for_the_others(
    watched: WatchedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py puts the one that answers first, in place."""
    together = threading.Barrier(2, timeout=10)
    check: Any = Sentinel.check_master_state

    def check_together(*args: Any) -> Any:
        together.wait()
        return check(*args)

    gone, *there = watched.sentinels
    gone.pause()
    try:
        with made(watched.url) as backend, monkeypatch.context() as patch:
            patch.setattr(Sentinel, "check_master_state", check_together)
            assert at_once([lambda: backend.contains("a")] * 2) == [False, False]
            sentinels = backend.client.connection_pool.sentinel_manager.sentinels
            ports = [s.connection_pool.connection_kwargs["port"] for s in sentinels]
    finally:
        gone.resume()
    assert sorted(ports) == sorted(sentinel.port for sentinel in watched.sentinels)
    assert ports[0] == there[0].port


@pytest.mark.clause("RE-4")
def test_while_all_are_silent_each_is_waited_for_once(watched: WatchedServers) -> None:
    with made(watched.url, timeout=1) as backend:
        for sentinel in watched.sentinels:
            sentinel.pause()
        begun = time.monotonic()
        with pytest.raises(BlacklistUnavailable, match="No master found"):
            backend.contains("a")
        took = time.monotonic() - begun
        # One that finds that it was stopped for two seconds does nothing for thirty.
        for sentinel in watched.sentinels:
            sentinel.kill()
        watched.settle()
        assert 3 <= took < 4
        assert until_served(lambda: backend.contains("a")) is False


@pytest.mark.clause("RE-4")
def test_a_primary_that_has_become_a_replica_is_unavailable(watched: WatchedServers) -> None:
    """The Sentinels have not noticed yet, and neither has who is connected to it."""
    primary, other = watched.master_process(), watched.replica_processes()[0]
    with made(watched.url) as backend:
        assert backend.add(new_key(), None) is True
        for sentinel in watched.sentinels:
            sentinel.pause()
        primary.ask("REPLICAOF", "127.0.0.1", other.port)
        with pytest.raises(BlacklistUnavailable, match="previous master is now"):
            backend.add(new_key(), None)
        primary.ask("REPLICAOF", "NO", "ONE")
        for sentinel in watched.sentinels:
            sentinel.resume()
        assert until_served(lambda: backend.add(new_key(), None)) is True
    watched.settle()


@pytest.mark.clause("RE-4")
@pytest.mark.parametrize("away", ["killed", "paused"])
def test_the_successor_of_a_primary_has_all_that_was_answered(
    away: str, watched: WatchedServers, backend: RedisBlacklist
) -> None:
    """The last test: it takes the servers seconds to mend."""
    watched.settle()
    before = watched.master_process()
    added, changed = [new_key() for _ in range(50)], new_key()
    for key in added:
        assert backend.add(key, None) is True
    assert backend.compare_and_set(changed, None, "a", None) is True
    before.kill() if away == "killed" else before.pause()
    calls: list[Callable[[], bool]] = [
        *questions(backend),
        lambda: backend.compare_and_set(changed, "a", "b", None),
    ]
    for call in calls:
        begun = time.monotonic()
        with pytest.raises(BlacklistUnavailable):
            call()
        assert time.monotonic() - begun < 4 * TIMEOUT
    after = watched.succeeded(before)
    # Who was not there in the meantime asks the Sentinels when it has to connect.
    assert until_served(lambda: backend.compare_and_set(changed, "a", "b", None)) is True
    assert backend.get_many([*added, changed]) == {**dict.fromkeys(added, ""), changed: "b"}
    assert backend.client.connection_pool.master_address == ("127.0.0.1", after.port)
    assert backend.add(added[0], None) is False
    if away == "paused":
        before.resume()
    # One that comes back is a replica as soon as the Sentinels have told it, and nobody asks it.
    assert until_served(lambda: backend.get_many([changed])) == {changed: "b"}
    watched.settle()
    assert backend.get_many([changed]) == {changed: "b"}
