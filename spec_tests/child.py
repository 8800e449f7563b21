"""A process that runs another module of the suite, and ends with its standard input."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO


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
    )
