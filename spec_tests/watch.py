"""Notices a call that never returns, which would keep the suite from ending."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from djwto.blacklist import BlacklistBackend
from djwto.spec_tests import profile
from djwto.spec_tests.frames import is_of_the_suite, module_of

PATIENCE = 20
"""Seconds after which a call is taken for one that never answers: BL-15 allows ten."""

WORK_PATIENCE = 180
"""The same for what a check waits for that makes many calls: a thread, or another process."""

EVERY = 1.0


@contextmanager
def watching(never_answers: Callable[[str], None]) -> Iterator[None]:
    """While entered, is told of the call of this thread that has lasted too long.

    In a thread of its own: Python cannot end the call.
    """
    over = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(threading.get_ident(), over, never_answers), daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(thread: int, over: threading.Event, never_answers: Callable[[str], None]) -> None:
    seen: FrameType | None = None
    since = time.monotonic()
    patience: float = PATIENCE
    while not over.wait(EVERY):
        called = _called(sys._current_frames().get(thread))
        # The frame is kept, so that no other can be taken for it.
        if called is None or called is not seen:
            seen, since = called, time.monotonic()
            is_one = isinstance(called and called.f_locals.get("self"), BlacklistBackend)
            # More is done in a thread where the profile is a thorough one.
            patience = PATIENCE if is_one else max(WORK_PATIENCE, profile.seconds(WORK_PATIENCE))
        elif time.monotonic() - since > patience:
            never_answers(
                f"{called.f_code.co_name}(): expected an answer, saw none in {patience:g} s"
            )
            return


def _called(frame: FrameType | None) -> FrameType | None:
    """What a check has called and waits for; None while it, or Hypothesis, is at work itself."""
    called = None
    while frame is not None and not is_of_the_suite(frame):
        called, frame = frame, frame.f_back
    if called is None or frame is None or module_of(called).startswith("hypothesis."):
        return None
    return called
