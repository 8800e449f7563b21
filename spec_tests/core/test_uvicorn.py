"""USER-6 behind a server: many requests at once, one event loop, and nothing that blocks it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from djwto.spec_tests import api
from djwto.spec_tests.core.alice import PASSWORD, create_alice, session
from djwto.spec_tests.core.served import served
from djwto.spec_tests.core.test_async import ASYNC_REDIS
from djwto.spec_tests.core.uvicorn_server import WAIT
from djwto.spec_tests.subject import Subject
from djwto.testing import tokens_for

pytestmark = [pytest.mark.django_db, pytest.mark.clause("USER-6")]

AT_ONCE = 60


@pytest.fixture
def port(settings: Settings, subjects: dict[str, Subject]) -> Iterator[int]:
    """Where the server is, which asks the Redis about each token, as this process does."""
    given = {
        "SECRET_KEY": settings.SECRET_KEY,
        "DJWTO_REQUEST_USER": "token",
        "DJWTO_CHECK_ACCESS": True,
        "DJWTO_BLACKLIST": {"BACKEND": ASYNC_REDIS, "OPTIONS": subjects["redis"].options},
    }
    for name, value in given.items():
        setattr(settings, name, value)
    with served("djwto.spec_tests.core.uvicorn_server", given) as port:
        yield port


async def send(method: str, port: int, path: str, token: str | None) -> tuple[int, dict[str, Any]]:
    """The status of an answer, and what is in it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    writer.write(f"{head}\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    # Among the sizes of its chunks.
    body = re.search(r"{.*}", answer)
    return int(answer.split()[1]), json.loads(body[0]) if body else {}


async def get(port: int, path: str, token: str | None = None) -> tuple[int, str | None]:
    """The status of an answer, and the name in it."""
    status, found = await send("GET", port, path, token)
    assert found.get("name") == found.get("user")
    return status, found.get("name") or None


async def get_all(port: int, paths: list[str], tokens: list[str | None]) -> list[tuple[int, str]]:
    """What is answered to all of them at once."""
    pairs = [(path, token) for token in tokens for path in paths]
    asked = (get(port, *pairs[at % len(pairs)]) for at in range(AT_ONCE))
    return list(await asyncio.gather(*asked))  # type: ignore[arg-type]


def test_many_at_once_are_who_they_are_and_nobody_blocks_the_loop(port: int) -> None:
    User.objects.create_user("bob", password=PASSWORD)
    alices = session()
    bobs = api.log_in("bob", PASSWORD)
    tokens = [alices.access, bobs.access, "a.b.c"]
    paths = ["/guarded/", "/asked/"]
    expected = [(200, "alice"), (200, "alice"), (200, "bob"), (200, "bob"), (401, None)]
    expected = [*expected, expected[-1]] * (AT_ONCE // 6)
    # All is imported, and the loop has its connections.
    assert asyncio.run(get_all(port, paths, tokens)) == expected
    assert asyncio.run(get(port, "/watched/")) == (200, None)

    began = time.monotonic()
    assert asyncio.run(get_all(port, paths, tokens)) == expected
    # One after the other they would take as long as they wait.
    assert time.monotonic() - began < AT_ONCE * 2 / 3 * WAIT

    assert api.send(api.LOGOUT, alices.refresh).status == 200
    ended = [(401, None) if name == "alice" else (status, name) for status, name in expected]
    assert asyncio.run(get_all(port, paths, tokens)) == ended


@pytest.mark.clause("USER-8")
def test_endpoints_that_are_awaited_end_each_session_once_and_nobody_blocks_the_loop(
    port: int,
) -> None:
    refresh = "/auth/api/token/refresh/"
    alice = create_alice()
    sessions = [tokens_for(alice).refresh for _ in range(AT_ONCE)]

    async def all_of(path: str, tokens: list[str]) -> list[tuple[int, Any]]:
        asked = (send("POST", port, refresh + path, token) for token in tokens)
        answers = await asyncio.gather(*asked)
        return [(status, body.get("msg", body.get("error"))) for status, body in answers]

    # All is imported, and the loop has its connections.
    asyncio.run(all_of("logout/", [tokens_for(alice).refresh for _ in range(AT_ONCE)]))
    assert asyncio.run(get(port, "/watched/")) == (200, None)
    valid, over = (200, "Token is valid."), (401, "The token is blacklisted.")
    first, second = (
        (200, "Token successfully blacklisted."),
        (200, "Token was blacklisted before."),
    )
    assert asyncio.run(all_of("validate_refresh/", sessions)) == [valid] * AT_ONCE
    half = sessions[: AT_ONCE // 2]
    ended = asyncio.run(all_of("logout/", half * 2))
    for at in range(len(half)):
        assert {ended[at], ended[at + len(half)]} == {first, second}
    others = [valid] * (AT_ONCE - len(half))
    assert asyncio.run(all_of("validate_refresh/", sessions)) == [over] * len(half) + others
    assert asyncio.run(all_of("logout_all/", sessions[-1:])) == [(200, "All sessions ended.")]
    assert asyncio.run(all_of("validate_refresh/", sessions)) == [over] * AT_ONCE
