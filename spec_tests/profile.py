"""How hard the suite looks: how many examples, rounds and seconds a check may take, and the seed.

The checks name what they do by default; `--profile` makes that less or more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EFFORTS = {"quick": 0.2, "default": 1.0, "thorough": 10.0}
"""The profiles, and what each makes of a number that a check names."""

SHRINKING_SECONDS = 10
"""How long a counterexample is made shorter, before it is shown as short as it got."""


class _InForce:
    name = "default"
    seed: int | None = None


def current() -> str:
    """The name of the profile in force."""
    return _InForce.name


@contextmanager
def use(name: str, seed: int | None = None) -> Iterator[int]:
    """Puts a profile in force, with a seed for what Hypothesis generates; yields the seed."""
    before = _InForce.name, _InForce.seed
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    _InForce.name, _InForce.seed = name, seed
    try:
        yield seed
    finally:
        _InForce.name, _InForce.seed = before


def times(count: int, fewest: int = 1) -> int:
    """How often to do what is done so often by default."""
    return max(fewest, round(count * EFFORTS[_InForce.name]))


def seconds(most: float) -> float:
    """How long to do what is done for so long by default."""
    return most * EFFORTS[_InForce.name]


def search(*, examples: int, steps: int = 1) -> hypothesis.settings:
    """Settings for so many examples, of so many steps each, on a store of any speed."""
    return hypothesis.settings(
        max_examples=times(examples, fewest=2),
        stateful_step_count=steps,
        # How fast a server answers is not what is tested, nor is what an earlier run found.
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        report_multiple_bugs=False,
        print_blob=False,
    )


def seeded(test: Callable[..., Any]) -> Any:
    """The same test, which generates what the seed in force says."""
    return test if _InForce.seed is None else hypothesis.seed(_InForce.seed)(test)


def run_machine(
    machine: type[RuleBasedStateMachine], subject: Any, settings: hypothesis.settings
) -> None:
    """Lets a state machine loose on a subject. Raises what the shortest failing run raised."""
    bound: Any = seeded(type(machine.__name__, (machine,), {"subject": subject}))
    # No setting of Hypothesis has a say in this; its five minutes are more than a person waits.
    with patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINKING_SECONDS):
        run_state_machine_as_test(bound, settings=settings)
