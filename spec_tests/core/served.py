"""A server of tests in a process of its own, which is told its settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from djwto.spec_tests.child import child


@contextmanager
def served(module: str, settings: dict[str, Any]) -> Iterator[int]:
    """The port at which a module serves that reads its settings as `uvicorn_server` does."""
    with child(module) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        yield int(process.stdout.readline())
