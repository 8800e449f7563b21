"""What the environment chooses: MODE, BACKEND, PORT, REDIS_URL and DEMO_DATABASE."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

MODES = ("JSON", "ONE-COOKIE", "TWO-COOKIES")
BACKENDS = ("database", "cache", "redis")


def _one_of(variable: str, valid: Sequence[str]) -> str:
    """The value of the variable; the first valid one if it is unset or empty."""
    value = os.environ.get(variable) or valid[0]
    if value not in valid:
        raise SystemExit(f"{variable} is {value!r}; use one of {', '.join(valid)}.")
    return value


def _port() -> int:
    value = os.environ.get("PORT") or "8000"
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 2**16):
        raise SystemExit(f"PORT is {value!r}; use a number from 1 to {2**16 - 1}.")
    return int(value)


MODE = _one_of("MODE", MODES)
BACKEND = _one_of("BACKEND", BACKENDS)
PORT = _port()
REDIS_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
DATABASE = Path(os.environ.get("DEMO_DATABASE") or Path(__file__).parents[1] / "db.sqlite3")
