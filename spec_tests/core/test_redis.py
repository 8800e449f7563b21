"""The Redis backend, beyond what every backend promises."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from djwto.backends.redis import RedisBlacklist
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


@pytest.mark.clause("RE-2")
@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl"])
def test_a_server_that_may_evict_is_reported(policy: str) -> None:
    with serving(policy) as url:
        backend = RedisBlacklist({"url": url})
        assert backend.check() == []
        [message] = backend.check_deploy()
        backend.client.close()
    assert message.id == "djwto.W014"
    assert policy in message.msg
    assert "Set maxmemory-policy noeviction" in message.msg


@pytest.mark.clause("RE-2")
@pytest.mark.parametrize("policy", ["noeviction", None])
def test_one_that_does_not_or_does_not_tell_is_not(policy: str | None) -> None:
    with serving(policy) as url:
        backend = RedisBlacklist({"url": url})
        assert backend.check_deploy() == []
        backend.client.close()


@pytest.mark.clause("RE-2")
def test_one_that_is_down_is_no_matter_of_configuration() -> None:
    assert RedisBlacklist({"url": "redis://127.0.0.1:1/0"}).check_deploy() == []


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.mark.clause("BL-15")
@pytest.mark.parametrize("method", ["add", "contains"])
def test_a_server_that_is_down_is_unavailable(method: str) -> None:
    backend = RedisBlacklist({"url": "redis://127.0.0.1:1/0"})
    with pytest.raises(BlacklistUnavailable, match="Redis: "):
        getattr(backend, method)(*{"add": ("key", None), "contains": ("key",)}[method])


@pytest.mark.clause("BL-15")
def test_a_server_that_does_not_answer_is_given_up(silent_port: int) -> None:
    backend = RedisBlacklist({"url": f"redis://127.0.0.1:{silent_port}/0", "timeout": 0.2})
    start = time.monotonic()
    with pytest.raises(BlacklistUnavailable):
        backend.contains("key")
    # Two attempts of 0.2 seconds; redis-py's own time-out is five.
    assert time.monotonic() - start < 4


@pytest.mark.clause("BL-16")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"host": "x"}, "no option host; it has client, key_prefix, timeout, url"),
        ({"url": "http://x"}, "RedisBlacklist is 'http://x': Redis URL must specify"),
        ({"url": 7}, "The option url of RedisBlacklist is 7"),
        ({"url": "redis://x/0?nonsense=1"}, "nonsense"),
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
        assert backend.client.get(prefix + key) == b""
        backend.client.close()


@pytest.mark.clause("BL-9")
@pytest.mark.parametrize("exp", [0, -1, 1])
def test_a_time_before_all_times_has_passed(exp: int, redis_url: str) -> None:
    backend = RedisBlacklist({"url": redis_url})
    key = new_key()
    backend.add(key, exp)
    assert backend.contains(key) is False
    backend.client.close()
