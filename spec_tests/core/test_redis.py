"""The Redis backend, beyond what every backend promises."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from djwto.backends.redis import RedisBlacklist
from djwto.backends.redis_cluster import node_urls
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests.core.resp_server import serving
from djwto.spec_tests.subject import new_key

HOOKS = "djwto.spec_tests.core.hooks"


def run_python(program: str) -> str:
    """What a fresh interpreter prints for a program."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


@pytest.mark.clause("RE-1")
def test_redis_is_imported_by_the_constructor() -> None:
    said = run_python(
        "import sys; from djwto.backends.redis import RedisBlacklist; "
        "print('redis' in sys.modules); RedisBlacklist({}); print('redis' in sys.modules)"
    )
    assert said.split() == ["False", "True"]


@pytest.mark.clause("RE-1")
def test_it_says_what_to_install() -> None:
    said = run_python(
        "import sys; sys.modules['redis'] = None\n"
        "from djwto.backends.redis import RedisBlacklist\n"
        "try: RedisBlacklist({})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert said == "ImproperlyConfigured RedisBlacklist needs redis-py: pip install djwto[redis]."


def pieces_sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is sent to servers from now on, each in one piece."""
    pieces: list[bytes] = []
    send = redis.Connection.send_packed_command

    def note(connection: redis.Connection, command: Any, *args: Any, **kwargs: Any) -> None:
        pieces.append(command if isinstance(command, bytes) else b"".join(command))
        send(connection, command, *args, **kwargs)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(redis.Connection, "send_packed_command", note)
    return pieces


@pytest.mark.clause("RE-2")
@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl"])
@pytest.mark.case("B17")
def test_a_server_that_may_evict_is_reported(policy: str) -> None:
    with serving({"maxmemory-policy": policy}) as url:
        backend = RedisBlacklist({"url": url})
        assert backend.check() == []
        [message] = backend.check_deploy()
        backend.client.close()
    assert message.id == "djwto.W014"
    assert policy in message.msg
    assert "Set maxmemory-policy noeviction" in message.msg


@pytest.mark.clause("RE-2")
@pytest.mark.parametrize("settings", [{"maxmemory-policy": "noeviction"}, {}, None])
def test_one_that_does_not_or_does_not_tell_is_not(settings: dict[str, str] | None) -> None:
    with serving(settings) as url:
        backend = RedisBlacklist({"url": url})
        assert backend.check_deploy() == []
        backend.client.close()


@pytest.mark.clause("RE-6")
@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"save": "", "appendonly": "no"}, 1),
        ({"save": "3600 1", "appendonly": "no"}, 0),
        ({"save": "", "appendonly": "yes"}, 0),
        ({"save": ""}, 0),
        ({"appendonly": "no"}, 0),
        (None, 0),
    ],
)
def test_a_server_that_keeps_nothing_over_a_restart_is_reported(
    settings: dict[str, str] | None, reported: int
) -> None:
    with serving(settings) as url:
        backend = RedisBlacklist({"url": url})
        messages = backend.check_deploy()
        backend.client.close()
    assert [message.id for message in messages] == ["djwto.W015"] * reported
    assert all("Set appendonly yes" in message.msg for message in messages)


@pytest.mark.clause("RE-6")
@pytest.mark.parametrize(
    ("wanted", "settings", "reported"), [(0, {}, 0), (1, {}, 0), (2, {}, 1), (2, None, 0)]
)
def test_a_server_with_fewer_replicas_than_are_waited_for_is_reported(
    wanted: int, settings: dict[str, str] | None, reported: int
) -> None:
    with serving(settings, replicas=1) as url:
        backend = RedisBlacklist({"url": url, "wait_replicas": wanted})
        messages = backend.check_deploy()
        backend.client.close()
    assert [message.id for message in messages] == ["djwto.W016"] * reported
    assert all("has 1 replicas connected, and wait_replicas is 2" in m.msg for m in messages)


@pytest.mark.clause("RE-3")
@pytest.mark.parametrize(("timeout", "milliseconds"), [(2, 1_000), (0.3, 150), (0.0001, 1)])
def test_so_many_replicas_are_waited_for_and_half_as_long_as_for_an_answer(
    timeout: float, milliseconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real ones are in `servers/test_redis_replicas.py`."""
    sent = pieces_sent(monkeypatch)
    with serving({}, replicas=1) as url:
        for wanted in (1, 2):
            backend = RedisBlacklist({"url": url, "timeout": 5, "wait_replicas": wanted})
            backend.options["timeout"] = timeout
            if wanted == 1:
                assert backend.add("key", None) is True
            else:
                reason = rf"1 of 2 replicas have acknowledged .* within {milliseconds} ms"
                with pytest.raises(BlacklistUnavailable, match=reason):
                    backend.compare_and_set("key", "a", "b", None)
            assert sent[-1].endswith(
                b"WAIT\r\n$1\r\n%d\r\n$%d\r\n%d\r\n"
                % (wanted, len(str(milliseconds)), milliseconds)
            )
            backend.client.close()


@pytest.mark.clause("RE-5")
@pytest.mark.parametrize("error", [redis.ConnectionError, redis.TimeoutError, OSError])
@pytest.mark.parametrize(("retries", "lost", "answered"), [(0, 1, 0), (1, 1, 1), (2, 3, 0)])
def test_what_is_read_is_asked_for_again_and_what_is_written_is_not(
    retries: int,
    lost: int,
    answered: bool,
    error: type[Exception],
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = RedisBlacklist({"url": redis_url, "retries": retries})
    key = new_key()
    assert backend.contains(key) is False
    read = redis.Connection.read_response
    losses: list[int] = []

    def lose(connection: redis.Connection, *args: Any, **kwargs: Any) -> Any:
        answer = read(connection, *args, **kwargs)
        if len(losses) < lost and sent and key.encode() in sent[-1]:
            losses.append(1)
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise error("lost")
        return answer

    sent = pieces_sent(monkeypatch)
    monkeypatch.setattr(redis.Connection, "read_response", lose)
    if answered:
        assert backend.get_many([key]) == {}
    else:
        with pytest.raises(BlacklistUnavailable, match="lost"):
            backend.get_many([key])
    assert len([piece for piece in sent if key.encode() in piece]) == retries + 1
    writes: list[Callable[[], bool]] = [
        lambda: backend.add(key, None),
        lambda: backend.compare_and_set(key, "", "a", 1),
    ]
    for write in writes:
        losses.clear()
        sent.clear()
        with pytest.raises(BlacklistUnavailable, match="lost"):
            write()
        assert len(losses) == 1
    backend.client.close()


@pytest.mark.clause("RE-2")
@pytest.mark.parametrize(("policy", "reported"), [(b"noeviction", 0), (b"allkeys-lru", 1)])
def test_a_client_may_be_told_the_policy_in_bytes(
    policy: bytes, reported: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = RedisBlacklist({})
    told = {"maxmemory-policy": policy}
    monkeypatch.setattr(backend.client, "config_get", lambda name: told)
    assert len(backend.check_deploy()) == reported


@pytest.mark.clause("RE-2")
def test_one_that_is_down_is_no_matter_of_configuration() -> None:
    assert RedisBlacklist({"url": "redis://127.0.0.1:1/0"}).check_deploy() == []


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("add", ("key", None)),
        ("contains", ("key",)),
        ("get_many", (["key"],)),
        ("compare_and_set", ("key", None, "a", None)),
        ("compare_and_set", ("key", "a", "b", None)),
    ],
)
def test_a_server_that_is_down_is_unavailable(method: str, arguments: tuple[Any, ...]) -> None:
    backend = RedisBlacklist({"url": "redis://127.0.0.1:1/0"})
    with pytest.raises(BlacklistUnavailable, match="Redis: "):
        getattr(backend, method)(*arguments)


@pytest.mark.clause("BL-15")
def test_a_server_that_does_not_answer_is_given_up(silent_port: int) -> None:
    backend = RedisBlacklist({"url": f"redis://127.0.0.1:{silent_port}/0", "timeout": 0.2})
    start = time.monotonic()
    with pytest.raises(BlacklistUnavailable):
        backend.contains("key")
    # redis-py's own time-out is five.
    assert time.monotonic() - start < 4


@pytest.mark.clause("BL-16")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"host": "x"},
            "no option host; it has client, key_prefix, retries, timeout, url, wait_replicas",
        ),
        ({"url": "http://x"}, "RedisBlacklist is 'http://x': Redis URL must specify"),
        ({"url": 7}, "The option url of RedisBlacklist is 7"),
        ({"url": "redis://x/0?nonsense=1"}, "nonsense"),
        ({"url": "redis+cluster://x,y:port"}, "port"),
        ({"url": "redis+cluster://x,"}, "a host is missing"),
        ({"url": "redis+cluster://x,y/1"}, "a cluster has no database but 0"),
        ({"url": "rediss+cluster://x,y?nonsense=1"}, "nonsense"),
        (
            {"url": "redis+sentinel://x,y"},
            "write redis\\+sentinel://host:26379,host:26379/SERVICE/0",
        ),
        ({"url": "redis+sentinel://x,y/"}, "name that the Sentinels have for the primary"),
        ({"url": "redis+sentinel://x,y/mine/first"}, "the number of the database"),
        ({"url": "redis+sentinel://x,y/mine/1/2"}, "the number of the database"),
        ({"url": "redis+sentinel:///mine/0"}, "a host is missing"),
        ({"url": "redis+sentinel://x,/mine/0"}, "a host is missing"),
        ({"url": "redis+sentinel://:26379,x/mine/0"}, "a host is missing"),
        ({"url": "redis+sentinel://x:port/mine"}, "port"),
        ({"url": "redis+sentinel://x/mine?nonsense=1"}, "nonsense"),
        ({"url": "redis+sentinel://x/mine?sentinel_nonsense=1"}, "nonsense"),
        ({"url": "http+sentinel://x/mine"}, "Redis URL must specify"),
        ({"url": "unix+sentinel://x/mine"}, "Redis URL must specify"),
        ({"wait_replicas": -1}, "wait_replicas is -1; write a whole number, or 0"),
        ({"wait_replicas": True}, "wait_replicas is True"),
        ({"wait_replicas": "1"}, "wait_replicas is '1'"),
        ({"retries": 1.5}, "retries is 1.5; write a whole number, or 0"),
        (
            {"wait_replicas": 1, "client": f"{HOOKS}.fake_redis"},
            "wait_replicas takes url, not client",
        ),
        ({"client": "no.where"}, "The option client of RedisBlacklist is 'no.where'"),
        ({"client": "math.pi"}, "is 'math.pi'"),
        ({"timeout": 0}, "timeout is 0; write seconds above 0"),
        ({"timeout": "soon"}, "timeout is 'soon'"),
        ({"key_prefix": None}, "key_prefix is None; write a text"),
        ({"url": "redis://x", "client": f"{HOOKS}.fake_redis"}, "url or client, not both"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason):
        RedisBlacklist(options)


@pytest.mark.clause("RE-1")
def test_by_default_it_is_the_server_of_this_machine_and_given_two_seconds() -> None:
    told = RedisBlacklist({}).client.connection_pool.connection_kwargs
    wanted = {
        "host": "127.0.0.1",
        "port": 6379,
        "db": 0,
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
    }
    assert {name: told[name] for name in wanted} == wanted


@pytest.mark.clause("RE-1")
def test_each_node_of_a_cluster_is_one_of_redis_py() -> None:
    assert node_urls("rediss+cluster://me:word@a:1,[::1]:2,b/0?ssl_cert_reqs=none") == [
        "rediss://me:word@a:1/0?ssl_cert_reqs=none",
        "rediss://me:word@[::1]:2/0?ssl_cert_reqs=none",
        "rediss://me:word@b/0?ssl_cert_reqs=none",
    ]


@pytest.mark.clause("RE-4")
def test_servers_and_sentinels_are_told_what_the_url_says_to_each() -> None:
    backend = RedisBlacklist(
        {
            "url": "rediss+sentinel://me:a%2Fb@one,[::1]:7/my%20own/3"
            "?sentinel_username=you&sentinel_password=c%2Fd&ssl_cert_reqs=none",
            "timeout": 1,
        }
    )
    pool = backend.client.connection_pool
    of_all = {"socket_timeout": 1, "socket_connect_timeout": 1, "ssl_cert_reqs": "none"}
    server = {**of_all, "username": "me", "password": "a/b", "db": 3}
    assert {name: pool.connection_kwargs[name] for name in server} == server
    assert pool.service_name == "my own"
    assert pool.is_master is True
    assert issubclass(pool.connection_class, redis.SSLConnection)
    sentinels = [s.connection_pool for s in pool.sentinel_manager.sentinels]
    of_each = {**of_all, "username": "you", "password": "c/d", "db": 0}
    for sentinel, (host, port) in zip(sentinels, [("one", 26_379), ("::1", 7)], strict=True):
        told = {**of_each, "host": host, "port": port}
        assert {name: sentinel.connection_kwargs[name] for name in told} == told
        assert issubclass(sentinel.connection_class, redis.SSLConnection)


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("url", [None, "redis+sentinel://127.0.0.1:1/mine"])
def test_nothing_is_asked_a_second_time(url: str | None) -> None:
    options = {} if url is None else {"url": url}
    retry = RedisBlacklist(options).client.connection_pool.connection_kwargs["retry"]
    for error in (redis.ConnectionError, redis.TimeoutError):
        tried: list[type[Exception]] = []

        def fail(error: type[Exception] = error, tried: list[Any] = tried) -> None:
            tried.append(error)
            raise error

        start = time.monotonic()
        with pytest.raises(error):
            retry.call_with_retry(fail, lambda error: None)
        assert len(tried) == 1
        assert time.monotonic() - start < 1


@pytest.mark.clause("BL-4")
def test_a_client_may_be_made_by_a_function_of_the_project() -> None:
    key = new_key()
    backend = RedisBlacklist({"client": f"{HOOKS}.fake_redis"})
    assert backend.add(key, None) is True
    assert RedisBlacklist({"client": f"{HOOKS}.fake_redis"}).contains(key) is True


@pytest.mark.clause("BL-11")
def test_prefixes_tell_sets_of_keys_apart(redis_url: str) -> None:
    key = new_key()
    for prefix in ("one:", "another:"):
        backend = RedisBlacklist({"url": redis_url, "key_prefix": prefix})
        assert backend.add(key, int(time.time()) + 60) is True
        assert backend.client.get(prefix + key) == b"0"
        backend.client.close()


@pytest.mark.clause("BL-9")
@pytest.mark.parametrize("exp", [0, -1, 1])
@pytest.mark.case("B21")
def test_a_time_before_all_times_has_passed(exp: int, redis_url: str) -> None:
    backend = RedisBlacklist({"url": redis_url})
    key = new_key()
    backend.add(key, exp)
    assert backend.contains(key) is False
    backend.client.close()


@pytest.fixture
def backend(redis_url: str) -> Iterator[RedisBlacklist]:
    backend = RedisBlacklist({"url": redis_url})
    yield backend
    backend.client.close()


@pytest.mark.clause("BL-19")
def test_a_value_is_set_from_what_it_is_and_with_its_expiry(backend: RedisBlacklist) -> None:
    key, absent = new_key(), new_key()
    exp = int(time.time()) + 1_000

    def left() -> int:
        seconds: int = backend.client.ttl(f"djwto:{key}")
        return seconds

    assert [backend.add(key, exp), backend.add(key, exp + 500)] == [True, False]
    assert 900 < left() <= 1_000
    assert backend.compare_and_set(key, "another", "a", None) is False
    assert backend.compare_and_set(absent, "", "a", None) is False
    assert backend.get_many([key, absent]) == {key: ""}
    assert backend.compare_and_set(key, "", "a", exp + 1_000) is True
    assert 1_900 < left() <= 2_000
    assert backend.compare_and_set(key, "a", "b", None) is True
    assert left() == -1
    assert backend.purge() == 0
    assert backend.get_many([key]) == {key: "b"}


@pytest.mark.clause("BL-17")
def test_many_keys_are_asked_for_at_once(
    backend: RedisBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [new_key() for _ in range(3)]
    backend.compare_and_set(keys[1], None, "a", None)
    sent = pieces_sent(monkeypatch)
    assert backend.get_many(keys) == {keys[1]: "a"}
    assert len(sent) == 1


@pytest.mark.clause("BL-19")
@pytest.mark.parametrize("value", ["", "0", "00", "10", "01", "X", "X0"])
def test_values_of_zeros_are_told_apart(value: str, backend: RedisBlacklist) -> None:
    key = new_key()
    others = {"", "0", "00", "000", "10", "01"} - {value}
    for before in (None, "a"):
        assert backend.compare_and_set(key, before, value, None) is True
        assert backend.get_many([key]) == {key: value}
        assert not any(backend.compare_and_set(key, other, "b", None) for other in others)
        assert backend.compare_and_set(key, value, "a", None) is True


@pytest.mark.clause("BL-20")
def test_a_client_that_asks_again_is_told_the_expiry_as_well(
    backend: RedisBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.store, "asks_once", False)
    key = new_key()
    assert backend.add(key, int(time.time()) + 1_000) is True
    assert backend.add(key, None) is False
    assert 900 < backend.client.ttl(f"djwto:{key}") <= 1_000


@pytest.mark.clause("BL-17")
def test_of_no_keys_none_is_there() -> None:
    assert RedisBlacklist({"url": "redis://127.0.0.1:1/0"}).get_many([]) == {}


@pytest.mark.clause("BL-17")
def test_a_client_may_decode_what_it_is_answered(redis_url: str) -> None:
    sign = "&" if "?" in redis_url else "?"
    backend = RedisBlacklist({"url": f"{redis_url}{sign}decode_responses=true"})
    key = new_key()
    assert backend.compare_and_set(key, None, "a", None) is True
    assert backend.compare_and_set(key, "a", "b", None) is True
    assert backend.get_many([key]) == {key: "b"}
    backend.client.close()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    """Has something happen between the look at a value and the write."""
    multi = redis.client.Pipeline.multi

    def set_up(happen: Callable[[Any], Any]) -> None:
        def wait(pipeline: Any) -> None:
            happen(pipeline)
            multi(pipeline)

        monkeypatch.setattr(redis.client.Pipeline, "multi", wait)

    return set_up


@pytest.mark.clause("BL-19")
def test_who_comes_second_is_told_so(
    backend: RedisBlacklist, redis_url: str, meanwhile: Callable[[Callable[[Any], Any]], None]
) -> None:
    key = new_key()
    backend.compare_and_set(key, None, "a", None)
    other = redis.Redis.from_url(redis_url)
    meanwhile(lambda pipeline: other.set(f"djwto:{key}", "another's"))
    assert backend.compare_and_set(key, "a", "b", None) is False
    assert backend.get_many([key]) == {key: "another's"}
    other.close()


@pytest.mark.clause("BL-15")
def test_who_loses_the_connection_is_not_told_that_another_came_first(
    backend: RedisBlacklist, meanwhile: Callable[[Callable[[Any], Any]], None]
) -> None:
    key = new_key()
    backend.compare_and_set(key, None, "a", None)
    # redis-py raises WatchError then too.
    meanwhile(lambda pipeline: pipeline.connection._sock.shutdown(socket.SHUT_RDWR))
    with pytest.raises(BlacklistUnavailable, match="Redis: "):
        backend.compare_and_set(key, "a", "b", None)
    assert backend.get_many([key]) == {key: "a"}


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("method", ["add", "compare_and_set"])
def test_who_was_not_answered_in_time_is_not_told_that_another_came_first(
    method: str, backend: RedisBlacklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    assert backend.contains(key) is False
    read = redis.Connection.read_response
    late: list[redis.Connection] = []

    def time_out_once(connection: redis.Connection, *args: Any, **kwargs: Any) -> Any:
        answer = read(connection, *args, **kwargs)
        if not late:
            late.append(connection)
            raise redis.TimeoutError("Timeout reading from socket")
        return answer

    monkeypatch.setattr(redis.Connection, "read_response", time_out_once)
    with pytest.raises(BlacklistUnavailable, match="Timeout"):
        getattr(backend, method)(*{"add": (key, None)}.get(method, (key, None, "a", None)))
    assert backend.contains(key) is True
