"""A process that runs another module of the suite, and ends with its standard input."""

from __future__ import annotations

import os
import subprocess
import sys


def child(module: str) -> subprocess.Popen[bytes]:
    """Starts `python -m` with a module; we hold both its ends, and it finds what we find."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)},
    )
