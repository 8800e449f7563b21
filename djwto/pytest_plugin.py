"""The fixtures for pytest: a client that can log in, and a recorder of signals.

pytest loads this wherever djwto is installed, so it imports nothing until a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from djwto.testing import AsyncJWTClient, JWTClient, Recorder


@pytest.fixture
def jwt_client() -> JWTClient:
    """A test client that carries tokens: `jwt_client.login(user)` (TEST-1)."""
    from djwto.testing import JWTClient

    return JWTClient()


@pytest.fixture
def async_jwt_client() -> AsyncJWTClient:
    """The same for async tests: `await async_jwt_client.alogin(user)` (TEST-1)."""
    from djwto.testing import AsyncJWTClient

    return AsyncJWTClient()


@pytest.fixture
def jwt_signals() -> Iterator[Recorder]:
    """The signals that are sent during the test (TEST-3)."""
    from djwto.testing import recorded_signals

    with recorded_signals() as recorder:
        yield recorder
