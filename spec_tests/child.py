"""A process that runs another module of the suite, and what is said to it over its pipes."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any


def child(
    module: str, *, says: IO[bytes] | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """Starts `python -m` with a module; we hold both its ends, and it finds what we find.

    `says` is for its standard error; `environment` goes over ours.
    """
    path = os.pathsep.join(path or os.curdir for path in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=says,
        env={**os.environ, "PYTHONPATH": path, **environment},
        # Who interrupts us at the console does not interrupt it as well.
        start_new_session=True,
    )


def answers() -> IO[bytes]:
    """In such a process: where its answers go. What is printed is not taken for one."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def write(stream: IO[bytes] | None, message: object) -> None:
    """Sends a message."""
    assert stream is not None
    stream.write(base64.b64encode(pickle.dumps(message)) + b"\n")
    stream.flush()


def messages(stream: IO[bytes] | None) -> Iterator[Any]:
    """Each message, until there is none to come."""
    assert stream is not None
    while line := stream.readline():
        yield pickle.loads(base64.b64decode(line))


def read(stream: IO[bytes] | None) -> Any:
    """The next message. Raises EOFError if there is none to come."""
    for message in messages(stream):
        return message
    raise EOFError("The other process ended; what it said stands above.")
