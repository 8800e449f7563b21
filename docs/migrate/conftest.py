"""Projects that move: each of their phases is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sysconfig import get_path
from tempfile import mkdtemp
from typing import Any

import pytest

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
WHEEL = "djwto==0.0.4"

Play = Callable[..., Any]


def _run(script: str, *arguments: str, options: tuple[str, ...] = (), **environment: str) -> Any:
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("DJANGO", "DJWTO"))}
    done = subprocess.run(
        [sys.executable, *options, str(HERE / script), *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def play() -> Play:
    """Plays a phase, `play(script, *arguments)`; what was seen in it."""
    return _run


@pytest.fixture(scope="session")
def play_004() -> Play:
    """The same, with djwto 0.0.4 from its wheel, and no djwto besides."""
    folder = BUILD / WHEEL
    if not folder.exists():
        BUILD.mkdir(exist_ok=True)
        new = mkdtemp(dir=BUILD)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", new, WHEEL], check=True, capture_output=True)
        # Another run of the tests may have been as quick.
        with suppress(OSError):
            Path(new).rename(folder)
    path = os.pathsep.join([str(folder), get_path("purelib"), get_path("platlib")])

    def played(*arguments: str) -> Any:
        # -S: without what an editable installation of this checkout puts in the way.
        return _run(*arguments, options=("-S",), PYTHONPATH=path, DJWTO_SIGNING_KEY="has to be")

    return played
