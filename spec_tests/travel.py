"""Python's clock, held by a hand that can set it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def travelling() -> Iterator[Callable[[float], None]]:
    """What shifts this process's clock by so many seconds; it is right before, and afterwards."""
    # Where there is a pytest this imports it, which takes a while.
    import time_machine

    with time_machine.travel(time.time(), tick=True) as traveller:
        # On a busy machine it may be seconds since it was told what time it is.
        traveller.shift(time_machine.escape_hatch.time.time() - time.time())
        yield traveller.shift
