"""Whether what clients recorded, and receivers heard, is what djwto promises under faults.

Nothing is asked here: a verdict is a function of the record.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from djwto.spec_tests.faults.record import (
    ENDING,
    LOGIN,
    LOGOUT,
    LOGOUT_ALL,
    QUESTIONS,
    REFRESH_ACCESS,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
    Fault,
    Heard,
    Request,
)

LOST = "lost logout"
WRONG_STATUS = "answered otherwise than documented"
LATE = "late"
NOT_ANSWERED = "not answered"
NO_FAULT = "503 without a fault"
REFUSED = "refused without a logout"
NOT_AGAIN = "does not work again"
TWO_MINDS = "processes do not agree"
NOT_ASKED = "not asked in the end"
MISSING = "effect without its signal"
EXTRA = "signal without its effect"
BLIND = "accepted after the store was emptied"

SIGNALS = {
    LOGIN: "jwt_logged_in",
    VALIDATE_ACCESS: "jwt_token_validated",
    VALIDATE_REFRESH: "jwt_token_validated",
    REFRESH_ACCESS: "jwt_access_refreshed",
    UPDATE_REFRESH: "jwt_refresh_updated",
    LOGOUT: "jwt_blacklisted",
    LOGOUT_ALL: "jwt_sessions_revoked",
}
"""What tells of each operation that succeeded; a view behind a decorator sends nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that is known of a run on one store."""

    record: Sequence[Request]
    heard: Sequence[Heard]
    faults: Sequence[Fault]
    limit: float
    """Seconds within which a request is answered 503, if it is."""
    settled: float
    """When the last fault was over, and all that was asked then had been answered."""
    processes: Collection[int]
    """Those that were asked of each session after that."""


def judge(run: Run) -> list[Finding]:
    """All promises that were broken; none where the run was as it should be."""
    sessions: dict[str, list[Request]] = defaultdict(list)
    for request in sorted(run.record, key=lambda r: r.started):
        if request.session:
            sessions[request.session].append(request)
    ends = {jti: _Ends(run, requests) for jti, requests in sessions.items()}
    return [
        *_answers(run),
        *_blind(run),
        *(f for jti, requests in sessions.items() for f in _session(run, requests, ends[jti])),
        *_signals(run),
    ]


class _Ends:
    """When a session may have ended, and when it has."""

    def __init__(self, run: Run, requests: Sequence[Request]) -> None:
        login = requests[0]
        own = [r for r in requests if r.operation == LOGOUT]
        of_user = [r for r in run.record if r.operation == LOGOUT_ALL and r.user == login.user]
        may_be = [r for r in of_user if _until(run, r) > login.started]
        surely = [r for r in of_user if r.started > login.ended]
        # The keys are others after the store was emptied, so no token of before is good.
        over = [f for f in run.faults if f.emptied and f.healed > login.ended]
        self.possible = min(
            [*(r.started for r in (*own, *may_be)), *(f.began for f in over)], default=inf
        )
        self.certain = min(
            [*(r.ended for r in (*own, *surely) if r.status == 200), *(f.healed for f in over)],
            default=inf,
        )


def _until(run: Run, request: Request) -> float:
    """Until when a request may have its effect: without an answer, until the fault is over.

    Of two servers that both take themselves for the primary one may have done it, while the other
    is asked by who logs in.
    """
    if request.status == 200:
        return request.ended
    during = (f.healed for f in run.faults if may_be_of(f, request, run.limit))
    return max([request.ended, *during])


def _answers(run: Run) -> Iterator[Finding]:
    allowed = {200, 401, 503, None}
    for request in run.record:
        took = request.ended - request.started
        if request.status not in allowed or (request.status == 401 and request.operation == LOGIN):
            yield Finding(WRONG_STATUS, _said(request))
        if request.status is None:
            yield Finding(NOT_ANSWERED, _said(request))
        elif request.status == 503:
            if took > run.limit:
                yield Finding(LATE, f"{_said(request)}, which may take {run.limit:g} s")
            if not any(may_be_of(fault, request, run.limit) for fault in run.faults):
                yield Finding(NO_FAULT, _said(request))


def may_be_of(fault: Fault, request: Request, limit: float) -> bool:
    """Whether a request may have been refused for a fault."""
    return fault.began <= request.ended and request.started <= fault.healed + limit


def _blind(run: Run) -> Iterator[Finding]:
    for fault in run.faults:
        if fault.emptied:
            for r in run.record:
                if r.status == 200 and fault.forgot <= r.started and r.ended <= fault.healed:
                    yield Finding(BLIND, _said(r))


def _session(run: Run, requests: Sequence[Request], ends: _Ends) -> Iterator[Finding]:
    questions = [r for r in requests if r.operation in QUESTIONS]
    for request in questions:
        if request.status == 200 and request.started > ends.certain:
            yield Finding(LOST, f"{_said(request)}, ended at {ends.certain:.3f}")
        if request.status == 401 and request.ended < ends.possible:
            yield Finding(REFUSED, _said(request))
    firsts = [r for r in requests if r.ended_it]
    for again in firsts[1:]:
        yield Finding(LOST, f"{_said(again)}, and was told that it was the first")
    yield from _afterwards(run, requests, questions)


def _afterwards(
    run: Run, requests: Sequence[Request], questions: Sequence[Request]
) -> Iterator[Finding]:
    after = [r for r in questions if r.started >= run.settled]
    jti = requests[0].session
    for process in run.processes:
        if not any(r.process == process for r in after):
            yield Finding(NOT_ASKED, f"session {jti} at process {process}")
    late = [r for r in requests if r.started >= run.settled]
    for request in late:
        if request.status == 503 or (request.operation == LOGOUT and request.status != 200):
            yield Finding(NOT_AGAIN, _said(request))
    ending = min((r.started for r in late if r.operation in ENDING), default=inf)
    statuses = {r.status for r in after if r.ended < ending and r.status in (200, 401)}
    if len(statuses) > 1:
        yield Finding(TWO_MINDS, f"of session {jti}, which nobody ended meanwhile")


def _signals(run: Run) -> Iterator[Finding]:
    heard = Counter(run.heard)
    effects = Counter(map(_announced, filter(_has_effect, run.record)))
    # Who was not answered may have done it.
    unknown = Counter(_announced(r) for r in run.record if r.status is None and _is_announced(r))
    for each, count in (effects - heard).items():
        yield Finding(MISSING, f"{each.signal} of {each.subject}, {count} times")
    nameless = unknown.pop(Heard(SIGNALS[LOGIN], ""), 0)
    for each, count in (heard - effects - unknown).items():
        if each.signal == SIGNALS[LOGIN] and nameless:
            nameless -= 1
        else:
            yield Finding(EXTRA, f"{each.signal} of {each.subject}, {count} times")


def _is_announced(request: Request) -> bool:
    return request.operation in SIGNALS


def _has_effect(request: Request) -> bool:
    if request.status != 200 or not _is_announced(request):
        return False
    return request.ended_it if request.operation == LOGOUT else True


def _announced(request: Request) -> Heard:
    of_user = request.operation == LOGOUT_ALL
    return Heard(SIGNALS[request.operation], request.user if of_user else request.session)


def effects(record: Sequence[Request]) -> int:
    """How many requests had an effect of which a signal tells."""
    return sum(map(_has_effect, record))


def lost(findings: Sequence[Finding]) -> int:
    """How many times a session was accepted that had ended."""
    return sum(finding.kind == LOST for finding in findings)


def _said(request: Request) -> str:
    took = request.ended - request.started
    return (
        f"{request.operation} of {request.session or request.user} at process {request.process}, "
        f"{request.started:.3f}, answered {request.status} in {took:.3f} s"
    )
