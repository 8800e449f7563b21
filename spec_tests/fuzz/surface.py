"""The property that is fuzzed: whatever is sent, nothing happens that must not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from djwto.spec_tests.fuzz.calls import Call, calls, settings_drawn
from djwto.spec_tests.fuzz.oracle import LONGEST, Exchange
from djwto.spec_tests.fuzz.player import Rejected, at_work
from djwto.spec_tests.profile import search
from djwto.spec_tests.subject import Subject


def surface(
    subjects: Sequence[Subject],
    *,
    examples: int,
    longest: float = LONGEST,
    seen: Callable[[Exchange], object] = lambda exchange: None,
) -> Callable[[], None]:
    """The test, on one of these backends each time; `longest` is in seconds of processor time.

    `seen` is told of each request that was passed. Raises Rejected, with what was sent.
    """

    @search(examples=examples)
    @given(
        subject=st.sampled_from(subjects),
        drawn=settings_drawn,
        requests=st.lists(calls, min_size=1, max_size=6),
    )
    def whatever_is_sent(subject: Subject, drawn: dict[str, Any], requests: list[Call]) -> None:
        with at_work(drawn, subject.setting) as player:
            for request in requests:
                try:
                    seen(player.play(request, longest=longest))
                except Rejected as error:
                    raise Rejected(f"{error}\n{subject}\n{drawn}\n{requests}") from None

    return whatever_is_sent
