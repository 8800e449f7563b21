"""What a run was, in one line for each thing that is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from djwto.spec_tests.faults import verdict
from djwto.spec_tests.faults.record import ENDING, Request
from djwto.spec_tests.faults.run import Result
from djwto.spec_tests.faults.verdict import may_be_of


def figures(result: Result) -> Iterator[str]:
    """The lines."""
    run = result.run
    refused = [r for r in run.record if r.status == 503]
    logouts = sum(r.operation in ENDING and r.status == 200 for r in run.record)
    errors = sum(r.status == 500 for r in run.record)
    yield (
        f"{len(run.record)} requests, the longest {_longest(run.record):.1f} s; {len(refused)} "
        f"answered 503, the longest {_longest(refused):.1f} s of {run.limit:g} s; "
        f"{errors} answered 500"
    )
    yield (
        f"{logouts} logouts, lost {verdict.lost(result.findings)}; {len(run.heard)} signals of "
        f"{verdict.effects(run.record)} effects"
    )
    yield f"{len(run.faults)} faults, with the 503 that may be for them:"
    for kind, count in sorted(Counter(fault.kind for fault in run.faults).items()):
        faults = [fault for fault in run.faults if fault.kind == kind]
        of_them = sum(any(may_be_of(f, r, 0) for f in faults) for r in refused)
        yield f"  {kind}: {count}, {of_them} times 503"


def _longest(requests: Sequence[Request]) -> float:
    return max((r.ended - r.started for r in requests), default=0)
