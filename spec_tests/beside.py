"""Clauses that are checked beside others, in a second process and on a store of its own.

A check waits much of its time, for a server or for other processes, so that two at once take
less than one after the other.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO

from djwto.spec_tests import child
from djwto.spec_tests.project_setup import OURS, Unable, project
from djwto.spec_tests.report import Verdict

FAMILIES = ("SIG", "HTTP")
"""The families that are: about half of the time."""


def can_check(backend: str) -> bool:
    """Whether a second process checks the same as this one would, and sooner.

    It does not where something else was run here before the suite, and may have changed what is
    to be checked, nor where both would find one store.
    """
    from djwto.spec_tests.project import settings

    nothing_before = sys.orig_argv[1:3] == ["-m", __package__]
    in_our_project = os.environ.get("DJANGO_SETTINGS_MODULE") == OURS
    is_embedded = backend.startswith("djwto.backends.") and not settings.DATABASE + settings.CACHE
    return nothing_before and in_our_project and is_embedded and os.cpu_count() != 1


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be checked, of a backend on its embedded store."""

    backend: str
    clauses: list[str]
    opt_outs: dict[str, str]
    profile: str
    seed: int


@contextmanager
def checking(work: Work) -> Iterator[Iterator[Verdict]]:
    """While entered, a process checks; the verdict of each clause, as soon as it is known.

    There are fewer than clauses if a call never returns. Raises Unable if the process ends.
    """
    from djwto.spec_tests.project.settings import FOLDER

    # Whatever it leaves goes with what is ours.
    folder = tempfile.mkdtemp(dir=FOLDER)
    with child.child("djwto.spec_tests.beside", DJWTO_TEST_FOLDER=folder) as process:
        try:
            child.write(process.stdin, work)
            yield _verdicts(process.stdout)
        finally:
            process.kill()


def _verdicts(stream: IO[bytes] | None) -> Iterator[Verdict]:
    try:
        while (verdict := child.read(stream)) is not None:
            yield verdict
    except EOFError as error:
        raise Unable(str(error)) from error


def _serve() -> None:
    to = child.answers()
    work: Work = child.read(sys.stdin.buffer)
    threading.Thread(target=_end_with_input, daemon=True).start()
    tell = partial(child.write, to)

    def give_up(verdict: Verdict) -> None:
        tell(verdict)
        tell(None)

    with project():
        from djwto.spec_tests import profile, runner
        from djwto.spec_tests.subject import on_embedded_store

        gc.freeze()
        with (
            on_embedded_store(work.backend, None) as subject,
            profile.use(work.profile, work.seed),
        ):
            runner.run_watched(subject, work.clauses, work.opt_outs, tell, give_up)
            tell(None)


def _end_with_input() -> None:
    # Not by way of `sys.stdin`, which this would hold on to when all is done.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    _serve()
