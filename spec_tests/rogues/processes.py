"""Examines rogues in processes with a project each, which patches of the core stay in."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from djwto.spec_tests.project_setup import project

if TYPE_CHECKING:
    from djwto.spec_tests.rogues.gallery import Examine, Finding, Task

_project = ExitStack()


@contextmanager
def processes(jobs: int, folder: str) -> Iterator[Examine]:
    """While entered, so many processes, whose stores are in this folder."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, initializer=_begin, initargs=(folder,)) as pool:

        def examine(tasks: Sequence[Task]) -> Iterator[Finding]:
            running = [pool.submit(_examine, exhibit.name, asked) for exhibit, asked in tasks]
            for finding in as_completed(running):
                yield finding.result()

        yield examine


def _begin(folder: str) -> None:
    os.environ["DJWTO_TEST_FOLDER"] = tempfile.mkdtemp(dir=folder)
    atexit.register(_project.close)
    _project.enter_context(project())


def _examine(name: str, clauses: tuple[str, ...]) -> Finding:
    from djwto.spec_tests.rogues import gallery

    # By its name: a core is made of functions that no process can be sent.
    shown = gallery.whole()
    known = {one.name: one for one in (*shown.rogues, *shown.baselines, shown.canary)}
    return gallery.examine(known[name], clauses)
