"""What the tests of a project need that uses djwto: a client that is logged in, tokens, signals.

It works with `unittest`, Django's test cases and pytest. Under pytest the fixtures `jwt_client`,
`async_jwt_client` and `jwt_signals` are there without an import (see `djwto.pytest_plugin`).
"""

from __future__ import annotations

from djwto.testing.client import AsyncJWTClient, JWTClient
from djwto.testing.recorder import Recorder, Sent, recorded_signals
from djwto.testing.tokens import tokens_for

__all__ = [
    "AsyncJWTClient",
    "JWTClient",
    "Recorder",
    "Sent",
    "recorded_signals",
    "tokens_for",
]
