"""A store that faults are injected into, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from djwto.spec_tests.faults.injected import Inject

TIMEOUT = 1.0
"""Seconds that a client of a store waits for a connection, and for an answer."""

SLACK = 3.0
"""Seconds that a busy machine may need besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A store that runs, and what can be done to it."""

    settings: Mapping[str, Any]
    """Django's."""
    faults: Mapping[str, Inject]
    losing: str
    """The fault that an unsafe store does not survive without loss."""
    limit: float
    """Seconds within which a request is answered 503, if it is."""
    settle: Callable[[], None] = field(default=lambda: None)
    """Waits until what a fault has left behind is over."""
    emptied_by: Sequence[str] = ()
    """The faults after which nothing is left of what was kept."""


def home(folder: Path, name: str) -> Path:
    """A new folder in another, for a server's files."""
    home = folder / name
    home.mkdir()
    return home


def users(folder: Path) -> dict[str, Any]:
    """A database for users only, which is not at fault."""
    return {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(folder / "users.sqlite3"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            },
        }
    }
