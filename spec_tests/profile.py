"""How long Hypothesis looks for a counterexample."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SHRINKING_SECONDS = 10
"""How long a counterexample is made shorter, before it is shown as short as it got."""


def search(*, examples: int, steps: int = 1) -> settings:
    """Settings for so many examples, of so many steps each, on a store of any speed."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        # How fast a server answers is not what is tested, nor is what an earlier run found.
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        report_multiple_bugs=False,
        print_blob=False,
    )


def run_machine(machine: type[RuleBasedStateMachine], subject: Any, settings: settings) -> None:
    """Lets a state machine loose on a subject. Raises what the shortest failing run raised."""
    bound: Any = type(machine.__name__, (machine,), {"subject": subject})
    # No setting of Hypothesis has a say in this; its five minutes are more than a person waits.
    with patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINKING_SECONDS):
        run_state_machine_as_test(bound, settings=settings)
