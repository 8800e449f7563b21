"""RedisBlacklist with `wait_replicas`, `retries` and its checks, on a primary and its replicas."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest
import redis
from django.test import override_settings

from djwto.backends.redis import RedisBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests import api, profile
from djwto.spec_tests.checks.faults import at_once
from djwto.spec_tests.core import alice
from djwto.spec_tests.core.test_redis import pieces_sent
from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.servers import redis_server
from djwto.spec_tests.servers.process import until
from djwto.spec_tests.servers.redis_server import RedisServer
from djwto.spec_tests.subject import REDIS, Subject, new_key
from djwto.spec_tests.test_conformance import not_applicable

pytestmark = pytest.mark.xdist_group("redis-replicas")

PREFIX = "djwto:"
TIMEOUT = 2

Servers = tuple[RedisServer, RedisServer]
"""A primary and its replica."""


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    redis_server.require()
    with (
        redis_server.running() as primary,
        redis_server.running(replicaof=f"127.0.0.1 {primary.port}") as replica,
    ):
        yield primary, replica


def catch_up(servers: Servers) -> None:
    """Waits until the replica has all that the primary has."""
    # WAIT is for what its own connection has written.
    with redis.Redis(port=servers[0].port, single_connection_client=True) as client:
        until(lambda: client.set("last", 1) and client.wait(1, 100) == 1, "replica that follows")


@pytest.fixture(autouse=True)
def following(servers: Servers) -> None:
    catch_up(servers)


@pytest.fixture
def backend(servers: Servers) -> Iterator[RedisBlacklist]:
    options = {"url": servers[0].url, "timeout": TIMEOUT, "wait_replicas": 1}
    backend = RedisBlacklist(options)
    with closing(backend.client):
        yield backend


@pytest.fixture
def paused(servers: Servers) -> Iterator[RedisServer]:
    """The replica, which acknowledges nothing until it is resumed."""
    _, replica = servers
    replica.pause()
    yield replica
    replica.resume()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    return pieces_sent(monkeypatch)


@pytest.fixture(scope="module")
def subject(servers: Servers) -> Subject:
    """One for all clauses: what expires is awaited once."""
    return Subject(REDIS, {"url": servers[0].url, "timeout": 1, "wait_replicas": 1})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("clause_id", [*(c for c in in_order() if c[:3] == "BL-"), "HTTP-17"])
def test_clause(clause_id: str, subject: Subject) -> None:
    with not_applicable(clause_id, subject.make()), profile.use("quick"):
        CHECKS[clause_id](subject)


WRITES: list[tuple[str | None, Callable[[RedisBlacklist, str], bool], bool]] = [
    (None, lambda backend, key: backend.add(key, None), True),
    ("", lambda backend, key: backend.add(key, None), False),
    ("a", lambda backend, key: backend.add(key, None), False),
    (None, lambda backend, key: backend.compare_and_set(key, None, "b", None), True),
    ("a", lambda backend, key: backend.compare_and_set(key, None, "b", None), False),
    ("a", lambda backend, key: backend.compare_and_set(key, "a", "b", None), True),
    ("a", lambda backend, key: backend.compare_and_set(key, "", "b", None), False),
    (None, lambda backend, key: backend.compare_and_set(key, "a", "b", None), False),
]
"""A value that is there, what is done, and whether it takes effect."""


@pytest.mark.clause("RE-3")
def test_what_a_replica_has_not_acknowledged_is_unavailable_whatever_was_there(
    backend: RedisBlacklist, servers: Servers, request: pytest.FixtureRequest
) -> None:
    keys = [new_key() for _ in WRITES]
    for key, (before, _, _) in zip(keys, WRITES, strict=True):
        if before is not None:
            backend.compare_and_set(key, None, before, None)
    request.getfixturevalue("paused")
    # No connection of those that wait has written a thing before.
    fresh = [RedisBlacklist(backend.options) for _ in WRITES]
    begun = time.monotonic()
    said = at_once(
        partial(write, backend, key)
        for backend, key, (_, write, _) in zip(fresh, keys, WRITES, strict=True)
    )
    # Which is half of what an answer may take.
    assert TIMEOUT / 2 <= time.monotonic() - begun < TIMEOUT
    for backend, answer in zip(fresh, said, strict=True):
        backend.client.close()
        assert isinstance(answer, BlacklistUnavailable)
        assert re.search(r"0 of 1 replicas have .* within 1000 ms", str(answer))


@pytest.mark.clause("RE-3")
@pytest.mark.parametrize(("before", "write", "takes_effect"), WRITES)
def test_what_was_answered_the_replica_has(
    before: str | None,
    write: Callable[[RedisBlacklist, str], bool],
    takes_effect: bool,
    backend: RedisBlacklist,
    servers: Servers,
    sent: list[bytes],
) -> None:
    key = new_key()
    if before is not None:
        backend.compare_and_set(key, None, before, None)
    # It is connected.
    backend.contains(key)
    sent.clear()
    assert write(backend, key) is takes_effect
    # Both at once: the connection that wrote is the one that waits.
    [piece] = sent
    assert piece.count(b"WAIT") == 1
    primary, replica = servers
    assert replica.ask("GET", PREFIX + key) == primary.ask("GET", PREFIX + key)


@pytest.mark.clause("RE-3")
def test_who_adds_again_what_was_not_acknowledged_is_answered_when_it_is(
    backend: RedisBlacklist, servers: Servers, paused: RedisServer
) -> None:
    key, exp = new_key(), int(time.time()) + 1_000
    for _ in range(2):
        with pytest.raises(BlacklistUnavailable, match="0 of 1 replicas"):
            backend.add(key, exp)
    # What is there counts for those who read, and is as it was set first.
    assert backend.get_many([key]) == {key: ""}
    paused.resume()
    catch_up(servers)
    assert backend.add(key, exp + 5_000) is False
    for server in servers:
        assert 900 < server.ask("TTL", PREFIX + key) <= 1_000
        assert server.ask("GET", PREFIX + key) == b"0"


@pytest.mark.clause("RE-3")
def test_what_is_there_is_written_again_for_who_comes_second(
    backend: RedisBlacklist, servers: Servers
) -> None:
    """Redis up to 7.0 waits for all that was written; later ones for what the client wrote."""
    key = new_key()
    backend.add(key, None)
    primary, _ = servers

    def writes() -> int:
        return int(primary.ask("INFO", "commandstats")["cmdstat_set"]["calls"])

    before = writes()
    for answer in (
        backend.add(key, None),
        backend.compare_and_set(key, "a", "b", None),
        backend.compare_and_set(new_key(), "a", "b", None),
    ):
        assert answer is False
    assert writes() - before == 2


@pytest.mark.clause("RE-3")
@pytest.mark.django_db(transaction=True)
def test_a_logout_that_was_not_acknowledged_is_503_and_200_when_it_is_repeated(
    backend: RedisBlacklist, servers: Servers, paused: RedisServer
) -> None:
    with override_settings(DJWTO_BLACKLIST={"BACKEND": REDIS, "OPTIONS": backend.options}):
        refresh = alice.session().refresh
        assert api.send(api.LOGOUT, refresh).status == 503
        # Not logged out as far as anybody was told, and it fails closed.
        assert api.send(api.UPDATE_REFRESH, refresh).status == 401
        paused.resume()
        catch_up(servers)
        answer = api.send(api.LOGOUT, refresh)
    assert (answer.status, answer.body) == (200, {"msg": "Token was blacklisted before."})


@pytest.mark.clause("RE-3")
@pytest.mark.django_db(transaction=True)
def test_an_update_that_was_not_acknowledged_is_503_and_its_repetition_a_twin(
    backend: RedisBlacklist, servers: Servers, paused: RedisServer
) -> None:
    with override_settings(DJWTO_BLACKLIST={"BACKEND": REDIS, "OPTIONS": backend.options}):
        refresh = alice.session().refresh
        assert api.send(api.UPDATE_REFRESH, refresh).status == 503
        paused.resume()
        catch_up(servers)
        twin = api.send(api.UPDATE_REFRESH, refresh)
        assert twin.status == 200
        assert api.send(api.UPDATE_REFRESH, twin.refresh).status == 200
        # Its successor has been exchanged since: that is no twin any more.
        assert api.send(api.UPDATE_REFRESH, refresh).status == 401


@pytest.mark.clause("RE-3")
def test_by_default_no_replica_is_waited_for(
    servers: Servers, paused: RedisServer, sent: list[bytes]
) -> None:
    backend = RedisBlacklist({"url": servers[0].url})
    with closing(backend.client):
        assert backend.add(new_key(), None) is True
    assert not any(b"WAIT" in piece for piece in sent)


@pytest.mark.clause("RE-3")
def test_a_server_that_refuses_to_write_is_unavailable(
    backend: RedisBlacklist, servers: Servers
) -> None:
    primary, _ = servers
    primary.ask("CONFIG", "SET", "min-replicas-to-write", 5)
    try:
        with pytest.raises(BlacklistUnavailable, match="NOREPLICAS"):
            backend.add(new_key(), None)
    finally:
        primary.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    assert backend.add(new_key(), None) is True


@pytest.mark.clause("RE-5")
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_what_is_read_is_asked_for_again_so_often(retries: int, servers: Servers) -> None:
    key = new_key()
    with Proxy("127.0.0.1", servers[0].port) as proxy:
        host, port = proxy.address
        backend = RedisBlacklist({"url": f"redis://{host}:{port}/0", "retries": retries})
        with closing(backend.client):
            assert backend.add(key, None) is True
            before = proxy.connections
            proxy.cut_after(0)
            with pytest.raises(BlacklistUnavailable):
                backend.contains(key)
            # One for each time that it is asked again.
            assert proxy.connections - before == retries
            proxy.mend()
            proxy.cut_after(0, once=True)
            if retries:
                assert backend.get_many([key]) == {key: ""}
            else:
                with pytest.raises(BlacklistUnavailable):
                    backend.get_many([key])


@pytest.mark.clause("RE-5")
@pytest.mark.parametrize("wait_replicas", [0, 1])
@pytest.mark.parametrize("method", ["add", "compare_and_set"])
def test_what_is_written_is_never_sent_again(
    method: str, wait_replicas: int, servers: Servers, sent: list[bytes]
) -> None:
    key = new_key()
    with Proxy("127.0.0.1", servers[0].port) as proxy:
        host, port = proxy.address
        options = {"url": f"redis://{host}:{port}/0", "retries": 3}
        backend = RedisBlacklist({**options, "wait_replicas": wait_replicas})
        with closing(backend.client):
            assert backend.contains(key) is False
            proxy.cut_after(0, once=True)
            sent.clear()
            with pytest.raises(BlacklistUnavailable):
                getattr(backend, method)(*{"add": (key, None)}.get(method, (key, None, "a", None)))
            assert len([piece for piece in sent if key.encode() in piece]) == 1
            assert backend.contains(key) is True


@pytest.mark.clause("RE-5")
def test_a_silent_server_is_given_up_after_as_many_time_outs(paused: RedisServer) -> None:
    backend = RedisBlacklist({"url": paused.url, "timeout": 1, "retries": 2})
    begun = time.monotonic()
    with closing(backend.client), pytest.raises(BlacklistUnavailable):
        backend.contains("key")
    assert 3 <= time.monotonic() - begun < 4


@pytest.mark.clause("RE-6")
@pytest.mark.parametrize(
    ("save", "appendonly", "reported"),
    [("", "no", True), ("", "yes", False), ("3600 1", "no", False), ("3600 1", "yes", False)],
)
def test_a_server_that_keeps_nothing_over_a_restart_is_reported(
    save: str, appendonly: str, reported: bool
) -> None:
    redis_server.require()
    with redis_server.running(save=save, appendonly=appendonly) as server:
        backend = RedisBlacklist({"url": server.url})
        with closing(backend.client):
            messages = backend.check_deploy()
    assert [message.id for message in messages] == ["djwto.W015"] * reported
    assert all("Set appendonly yes" in message.msg for message in messages)


@pytest.mark.clause("RE-6")
@pytest.mark.parametrize(("wanted", "reported"), [(0, False), (1, False), (2, True)])
def test_a_server_with_fewer_replicas_than_are_waited_for_is_reported(
    wanted: int, reported: bool, servers: Servers
) -> None:
    backend = RedisBlacklist({"url": servers[0].url, "wait_replicas": wanted})
    with closing(backend.client):
        messages = backend.check_deploy()
    assert [message.id for message in messages] == ["djwto.W016"] * reported
    assert all("has 1 replicas" in m.msg and "wait_replicas is 2" in m.msg for m in messages)


@pytest.mark.clause("RE-6")
@pytest.mark.parametrize(
    ("forbidden", "reported"),
    [(["-config"], ["djwto.W016"]), (["-info"], []), (["-config", "-info"], [])],
)
def test_what_may_not_be_asked_is_not_reported(
    forbidden: list[str], reported: list[str], servers: Servers
) -> None:
    primary, _ = servers
    primary.ask("ACL", "SETUSER", "app", "on", ">word", "~*", "+@all", *forbidden)
    url = f"redis://app:word@127.0.0.1:{primary.port}/0"
    backend = RedisBlacklist({"url": url, "wait_replicas": 5})
    with closing(backend.client):
        assert [message.id for message in backend.check_deploy()] == reported
    primary.ask("ACL", "DELUSER", "app")
