"""RedisBlacklist on a Redis Cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from djwto.backends.redis import RedisBlacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests import profile
from djwto.spec_tests.checks import faults
from djwto.spec_tests.outages import CutOrSilent
from djwto.spec_tests.registry import CHECKS
from djwto.spec_tests.runner import in_order
from djwto.spec_tests.servers import redis_cluster, redis_server
from djwto.spec_tests.servers.process import until
from djwto.spec_tests.servers.redis_cluster import LoopbackCluster, Node
from djwto.spec_tests.subject import REDIS, Subject, new_key
from djwto.spec_tests.test_conformance import not_applicable

pytestmark = pytest.mark.xdist_group("redis-cluster")

HERE = __name__
PREFIX = "djwto:"
TIMEOUT = 0.5
PATIENT = 2.0
"""Twice as long as a replica has to say that it knows, on a machine that is busy as well."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackCluster]:
    redis_server.require()
    with redis_cluster.running(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def commands_known(cluster: LoopbackCluster) -> Iterator[None]:
    """Each client asks what commands there are, and reads 200 kB; the suite makes hundreds."""
    first: Any = redis.RedisCluster.from_url(f"redis://{cluster.nodes[0].address}")
    parser = first.commands_parser
    first.disconnect_connection_pools()
    with patch.object(redis.cluster, "CommandsParser", lambda client: parser):
        yield


@pytest.fixture(scope="module")
def subject(cluster: LoopbackCluster) -> Subject:
    """One for all clauses: what expires is awaited once."""
    return Subject(REDIS, {"url": cluster.url, "timeout": 1})


def close(backend: RedisBlacklist) -> None:
    """Closes the connections of a backend: redis-py's `close` does not, of what a URL made."""
    store: Any = backend.store
    store.client.disconnect_connection_pools()
    for stranger in store._strangers.values():
        stranger.redis_connection.connection_pool.disconnect()


@pytest.fixture
def backend(cluster: LoopbackCluster) -> Iterator[RedisBlacklist]:
    backend = RedisBlacklist({"url": cluster.url, "timeout": TIMEOUT})
    yield backend
    close(backend)


@pytest.fixture
def client(cluster: LoopbackCluster, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a function that returns a RedisCluster, as a project would have it; its path."""

    def having(**options: Any) -> str:
        def make() -> redis.RedisCluster:
            return redis.RedisCluster.from_url(f"redis://{cluster.nodes[0].address}", **options)

        monkeypatch.setitem(globals(), "made_by_the_project", make)
        return f"{HERE}.made_by_the_project"

    return having


def keys_of(cluster: LoopbackCluster, node: Node, count: int) -> list[str]:
    """So many new keys that a primary keeps."""
    keys: list[str] = []
    while len(keys) < count:
        key = new_key()
        if cluster.owner(PREFIX + key) is node:
            keys.append(key)
    return keys


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, bytes]]]:
    """What is said of keys while it is entered, each with the port that it is sent to."""
    sent: list[tuple[int, bytes]] = []
    send = redis.Connection.send_packed_command

    def count(connection: Any, command: Any, *args: Any, **kwargs: Any) -> None:
        text = command if isinstance(command, bytes) else b"".join(command)
        if PREFIX.encode() in text:
            sent.append((connection.port, text))
        send(connection, command, *args, **kwargs)  # type: ignore[no-untyped-call]

    with monkeypatch.context() as patch:
        patch.setattr(redis.Connection, "send_packed_command", count)
        yield sent


@pytest.fixture
def taken_away_by_proxies(cluster: LoopbackCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite knows no way to take a store away of which the options name some nodes."""

    @contextmanager
    def outage(subject: Subject) -> Iterator[CutOrSilent]:
        yield CutOrSilent(subject, [node.proxy for node in cluster.nodes])

    monkeypatch.setattr(faults, "outage", outage)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("taken_away_by_proxies")
@pytest.mark.parametrize("clause_id", [*(c for c in in_order() if c[:3] == "BL-"), "HTTP-17"])
def test_clause(clause_id: str, subject: Subject) -> None:
    with not_applicable(clause_id, subject.make()), profile.use("quick"):
        CHECKS[clause_id](subject)


@pytest.mark.clause("BL-17")
def test_each_node_is_asked_once_for_many_keys(
    cluster: LoopbackCluster, backend: RedisBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key for node in cluster.primaries for key in keys_of(cluster, node, 4)]
    for key in keys[::2]:
        assert backend.compare_and_set(key, None, key, None) is True
    for asked, nodes in ((keys, cluster.primaries), (keys[:4], cluster.primaries[:1])):
        with counting(monkeypatch) as sent:
            found = backend.get_many(asked)
        assert found == {key: key for key in asked if key in keys[::2]}
        assert sorted(port for port, _ in sent) == sorted(n.proxy.address[1] for n in nodes)


@pytest.mark.clause("BL-19")
def test_a_value_is_set_in_one_round_trip_and_with_its_expiry(
    backend: RedisBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, exp = new_key(), int(time.time()) + 1_000
    assert backend.add(key, exp) is True
    assert 900 < backend.client.ttl(PREFIX + key) <= 1_000
    with counting(monkeypatch) as sent:
        assert backend.compare_and_set(key, "", "a", exp + 1_000) is True
        assert backend.compare_and_set(key, "", "b", exp) is False
    assert len(sent) == 2
    assert 1_900 < backend.client.ttl(PREFIX + key) <= 2_000
    assert backend.compare_and_set(key, "a", "b", None) is True
    assert backend.client.ttl(PREFIX + key) == -1
    assert backend.compare_and_set(new_key(), "", "a", None) is False


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("method", ["add", "compare_and_set"])
@pytest.mark.parametrize("retries", [{}, {"retry": 3}])
def test_what_may_have_been_done_is_not_repeated(
    method: str,
    retries: dict[str, int],
    client: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options = {name: Retry(NoBackoff(), count) for name, count in retries.items()}
    backend = RedisBlacklist({"client": client(**options)})
    key = new_key()
    if method == "compare_and_set":
        backend.compare_and_set(key, None, "a", None)
    read = redis.Connection.read_response
    lost: list[int] = []

    def lose_one(connection: redis.Connection, *args: Any, **kwargs: Any) -> Any:
        answer = read(connection, *args, **kwargs)
        if not lost and sent:
            lost.append(1)
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("Connection closed by server.")
        return answer

    with counting(monkeypatch) as sent, monkeypatch.context() as patch:
        patch.setattr(redis.Connection, "read_response", lose_one)
        with pytest.raises(BlacklistUnavailable, match="closed by server"):
            getattr(backend, method)(*{"add": (key, None)}.get(method, (key, "a", "b", None)))
    assert len(sent) == 1
    assert backend.get_many([key]) == {key: "" if method == "add" else "b"}
    close(backend)


@pytest.mark.clause("BL-16")
def test_a_client_that_reads_from_replicas_is_refused(client: Callable[..., str]) -> None:
    from redis.cluster import LoadBalancingStrategy

    path = client(load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN)
    with pytest.raises(ImproperlyConfigured, match="reads from replicas"):
        RedisBlacklist({"client": path})


@pytest.mark.clause("BL-17")
def test_a_slot_that_moves_is_followed(
    cluster: LoopbackCluster, backend: RedisBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All in one slot, of a node that has not been heard of before.
    tag = new_key()
    there, absent, changed, added = (f"{{{tag}}}{n}" for n in range(4))
    source, target = cluster.owner(PREFIX + there), cluster.spare
    slot = cluster.slot(PREFIX + there)
    backend.compare_and_set(there, None, "a", None)
    backend.compare_and_set(changed, None, "a", None)
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))
    names = [PREFIX + key for key in (there, changed)]
    source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 1_000, "KEYS", *names)
    # On its way: who does not say so is sent back.
    assert backend.get_many([there, absent]) == {there: "a"}
    assert backend.add(there, None) is False
    assert backend.add(added, None) is True
    assert backend.compare_and_set(changed, "a", "b", None) is True
    assert backend.compare_and_set(changed, "a", "c", None) is False
    for node in (target, source):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.ask("CLUSTER", "MYID"))
    # It has moved, and backends that knew it elsewhere are told once.
    assert backend.compare_and_set(changed, "b", "c", None) is True
    assert backend.add(added, None) is False
    assert backend.get_many([there, absent, changed, added]) == {
        there: "a",
        changed: "c",
        added: "",
    }

    # One that was asked who has the slot may have known it late.
    def asks_the_right_one() -> bool:
        with counting(monkeypatch) as sent:
            backend.get_many([there])
        return [port for port, _ in sent] == [target.proxy.address[1]]

    until(asks_the_right_one, "news of the slot")


@pytest.mark.clause("RE-3")
def test_the_replicas_of_the_primary_that_has_the_key_are_waited_for(
    cluster: LoopbackCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = RedisBlacklist({"url": cluster.url, "timeout": PATIENT, "wait_replicas": 1})
    replicated, alone, *_ = cluster.primaries
    [kept], [unsure] = keys_of(cluster, replicated, 1), keys_of(cluster, alone, 1)
    backend.contains(kept)
    with counting(monkeypatch) as sent:
        assert backend.add(kept, None) is True
        assert backend.add(kept, None) is False
        assert backend.compare_and_set(kept, "", "a", None) is True
        assert backend.compare_and_set(kept, "", "b", None) is False
    assert [text.count(b"WAIT") for _, text in sent] == [1] * 4
    for _ in range(2):
        with pytest.raises(BlacklistUnavailable, match="0 of 1 replicas"):
            backend.add(unsure, None)
    close(backend)


@pytest.mark.clause("RE-3")
def test_of_a_slot_that_moves_the_replicas_are_waited_for_where_it_goes(
    cluster: LoopbackCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = RedisBlacklist({"url": cluster.url, "timeout": PATIENT, "wait_replicas": 1})
    target, source, *_ = cluster.primaries
    [tag] = keys_of(cluster, source, 1)
    first, second = f"{{{PREFIX}{tag}}}1", f"{{{PREFIX}{tag}}}2"
    slot = cluster.slot(PREFIX + first)
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))
    with counting(monkeypatch) as sent:
        assert backend.add(first, None) is True
        assert backend.add(first, None) is False
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.ask("CLUSTER", "MYID"))
        assert backend.compare_and_set(first, "", "a", None) is True
        assert backend.add(second, None) is True
    assert sum(b"ASKING" in text for _, text in sent) == 2
    assert all(b"WAIT" in text for _, text in sent)
    assert backend.get_many([first, second]) == {first: "a", second: ""}
    close(backend)


@pytest.mark.clause("RE-6")
def test_a_primary_with_fewer_replicas_than_are_waited_for_is_reported(
    cluster: LoopbackCluster,
) -> None:
    backend = RedisBlacklist({"url": cluster.url, "wait_replicas": 1})
    [message] = backend.check_deploy()
    assert message.id == "djwto.W016"
    assert "has 0 replicas" in message.msg
    close(backend)


@pytest.mark.clause("BL-15")
def test_of_slots_that_nobody_has_only_their_own_keys_are_unavailable(
    cluster: LoopbackCluster,
) -> None:
    node, other = cluster.primaries[1:]
    [lost], [kept] = keys_of(cluster, node, 1), keys_of(cluster, other, 1)
    slot = cluster.slot(PREFIX + lost)
    for each in cluster.nodes:
        each.ask("CLUSTER", "DELSLOTS", slot)
    backend = RedisBlacklist({"url": cluster.url, "timeout": TIMEOUT})
    try:
        assert backend.add(kept, None) is True
        with pytest.raises(BlacklistUnavailable, match=r"not (covered|served)"):
            backend.add(lost, None)
    finally:
        node.ask("CLUSTER", "ADDSLOTS", slot)
        # The next test's cluster is a whole one.
        cluster.settle()
    until(lambda: _adds(backend, lost), "slot that is back")
    close(backend)


def _adds(backend: RedisBlacklist, key: str) -> bool:
    try:
        return backend.add(key, None)
    except BlacklistUnavailable:
        return False


@pytest.mark.clause("RE-2")
def test_a_node_that_may_evict_is_reported(
    cluster: LoopbackCluster, backend: RedisBlacklist
) -> None:
    assert backend.check_deploy() == []
    node = cluster.primaries[1]
    node.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    [message] = backend.check_deploy()
    node.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert message.id == "djwto.W014"
    assert "allkeys-lru" in message.msg


@pytest.mark.clause("BL-15")
def test_one_that_is_made_while_the_cluster_is_down_is_there_when_that_is(
    cluster: LoopbackCluster, client: Callable[..., str]
) -> None:
    for node in cluster.nodes:
        node.proxy.cut()
    backends = [RedisBlacklist({"url": cluster.url}), RedisBlacklist({"client": client()})]
    for backend in backends:
        assert backend.check_deploy() == []
        with pytest.raises(BlacklistUnavailable, match="cannot be connected"):
            backend.contains(new_key())
    for node in cluster.nodes:
        node.proxy.mend()
    for backend in backends:
        assert backend.add(new_key(), None) is True
        close(backend)


@pytest.mark.clause("BL-15")
def test_a_silent_cluster_is_given_up_by_many_at_once(cluster: LoopbackCluster) -> None:
    url = f"redis+cluster://{cluster.nodes[1].address}"
    backend = RedisBlacklist({"url": url, "timeout": TIMEOUT})
    known = new_key()
    backend.add(known, None)
    for node in cluster.nodes:
        node.proxy.stall()
    begun = time.monotonic()
    said = faults.at_once([lambda: backend.contains(known)] * 8)
    took = time.monotonic() - begun
    for node in cluster.nodes:
        node.proxy.mend()
    assert {type(answer) for answer in said} == {BlacklistUnavailable}
    # The node of the key, then the one that was named: nobody waits for another who does so.
    assert took < 4 * TIMEOUT
    until(lambda: _is_known(backend, known), "cluster that is back")
    close(backend)


def _is_known(backend: RedisBlacklist, key: str) -> bool:
    try:
        return backend.contains(key)
    except BlacklistUnavailable:
        return False


@pytest.mark.clause("BL-15")
def test_of_a_node_that_is_killed_only_its_own_keys_are_unavailable(
    cluster: LoopbackCluster, backend: RedisBlacklist
) -> None:
    """The last test: the replica of the first node is the primary from then on."""
    lost, others = ([*keys_of(cluster, node, 2)] for node in cluster.primaries[:2])
    for key in (*lost, *others):
        assert backend.compare_and_set(key, None, "a", None) is True
    first = cluster.nodes[0]
    assert first.ask("WAIT", 1, 1_000) == 1
    first.kill()
    for call in (
        lambda: backend.contains(lost[0]),
        lambda: backend.get_many([others[0], lost[0]]),
        lambda: backend.add(lost[0], None),
        lambda: backend.compare_and_set(lost[0], "a", "b", None),
    ):
        begun = time.monotonic()
        with pytest.raises(BlacklistUnavailable):
            call()
        assert time.monotonic() - begun < 4 * TIMEOUT
    assert backend.compare_and_set(others[0], "a", "b", None) is True
    assert backend.get_many(others) == {others[0]: "b", others[1]: "a"}
    until(lambda: _is_known(backend, lost[0]), "replica that takes over")
    assert backend.compare_and_set(lost[0], "a", "b", None) is True
    assert backend.get_many([*lost, *others]) == {
        lost[0]: "b",
        lost[1]: "a",
        others[0]: "b",
        others[1]: "a",
    }
