"""Runs Python as a backend's author does: in a folder of their own, apart from other runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OURS = ("DJANGO_", "PYTEST_", "DJWTO_TEST_FOLDER")
"""How the variables begin with which this run of the tests finds its own project and databases."""


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m` with these arguments, and these variables besides those of the machine."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        env={**inherited, **environment},
        check=False,
        # What it sends to its group of processes does not reach us.
        start_new_session=True,
    )
