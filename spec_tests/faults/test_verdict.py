"""Whether the verdict of a run under faults rejects what it has to, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from djwto.spec_tests.faults import verdict
from djwto.spec_tests.faults.record import (
    LOGIN,
    LOGOUT,
    LOGOUT_ALL,
    REFRESH_ACCESS,
    VALIDATE_REFRESH,
    VIEW,
    Fault,
    Heard,
    Request,
)
from djwto.spec_tests.faults.verdict import Run, judge

SETTLED = 50.0
PROCESSES = range(3)
FAULT = Fault("kill -9", 10.0, 12.0)
LIMIT = 2.0


def asked(operation: str, started: float, status: int | None = 200, **changed: Any) -> Request:
    """A request of session "a", which takes a tenth of a second."""
    told: dict[str, Any] = {"process": 0, "user": "user0", "session": "a", "ended": started + 0.1}
    if operation == LOGOUT and status == 200:
        told["ended_it"] = True
    return Request(operation=operation, started=started, status=status, **{**told, **changed})


def afterwards(status: int, at: float = SETTLED, session: str = "a") -> list[Request]:
    """What each process is asked of a session in the end."""
    return [asked(VALIDATE_REFRESH, at + n, status, process=n, session=session) for n in PROCESSES]


def signals(record: list[Request]) -> list[Heard]:
    """What a right application would have sent, as the documentation says it."""
    names = {
        LOGIN: "jwt_logged_in",
        VALIDATE_REFRESH: "jwt_token_validated",
        REFRESH_ACCESS: "jwt_access_refreshed",
        LOGOUT: "jwt_blacklisted",
        LOGOUT_ALL: "jwt_sessions_revoked",
    }
    return [
        Heard(names[r.operation], r.user if r.operation == LOGOUT_ALL else r.session)
        for r in record
        if r.status == 200 and r.operation in names and (r.operation != LOGOUT or r.ended_it)
    ]


def a_run(record: list[Request], *faults: Fault) -> Run:
    return Run(
        record=record,
        heard=signals(record),
        faults=[FAULT, *faults],
        limit=LIMIT,
        settled=SETTLED,
        processes=PROCESSES,
    )


def kinds(run: Run) -> list[str]:
    return [finding.kind for finding in judge(run)]


LOGGED_OUT = [asked(LOGIN, 1), asked(VIEW, 2), asked(LOGOUT, 3), *afterwards(401)]
GOES_ON = [asked(LOGIN, 1), asked(REFRESH_ACCESS, 11, 503), *afterwards(200)]
UNKNOWN = [
    *(asked(LOGIN, 1), asked(LOGOUT, 11, 503), *afterwards(401), asked(LOGOUT, 60)),
    *afterwards(401, at=61),
]
ANOTHERS = [asked(LOGOUT_ALL, 3, session="b"), asked(LOGIN, 1, session="b")]
EMPTIED = Fault("restart", 20.0, 25.0, emptied=True, forgot=21.0)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(a_run(LOGGED_OUT), id="a logout that is kept"),
        pytest.param(a_run(GOES_ON), id="a session that outlives a fault"),
        pytest.param(a_run(UNKNOWN), id="a logout that was not answered, and happened"),
        pytest.param(
            a_run(
                [
                    *(asked(LOGIN, 1), asked(LOGOUT, 11, 503), *afterwards(200)),
                    *(asked(LOGOUT, 60), *afterwards(401, at=61)),
                ]
            ),
            id="a logout that was not answered, and did not happen",
        ),
        pytest.param(
            a_run([*LOGGED_OUT, asked(VIEW, 2.95), asked(VIEW, 3.05, 401)]),
            id="questions at the time of the logout, answered either way",
        ),
        pytest.param(a_run([*LOGGED_OUT, asked(LOGOUT, 5, ended_it=False)]), id="a second logout"),
        pytest.param(
            a_run([asked(LOGIN, 1), *ANOTHERS, *afterwards(401), *afterwards(401, session="b")]),
            id="a logout everywhere",
        ),
        pytest.param(
            a_run([asked(LOGIN, 1), asked(VIEW, 22, 503), *afterwards(401)], EMPTIED),
            id="a store that was emptied",
        ),
        pytest.param(
            a_run([asked(LOGIN, 12.5), asked(LOGOUT_ALL, 13, 503), *afterwards(401)]),
            id="a logout everywhere that was not answered when all was well again",
        ),
        pytest.param(
            a_run(
                [
                    *(asked(LOGIN, 1, session="b"), asked(LOGOUT_ALL, 10.5, 503, session="b")),
                    *(asked(LOGIN, 11), *afterwards(401), *afterwards(401, session="b")),
                    asked(LOGOUT, 60, session="b", ended_it=False),
                ]
            ),
            id="a logout everywhere that was not answered, and happened later",
        ),
        pytest.param(
            a_run([*ANOTHERS, *afterwards(401, session="b"), asked(LOGIN, 4), *afterwards(200)]),
            id="a session that began after a logout everywhere",
        ),
        pytest.param(
            a_run(
                [
                    *(replace(r, user="user1") for r in ANOTHERS),
                    *(*afterwards(401, session="b"), asked(LOGIN, 1), *afterwards(200)),
                ]
            ),
            id="a logout everywhere of another user",
        ),
        pytest.param(
            a_run([asked(LOGIN, 26), *afterwards(200)], EMPTIED),
            id="a session that began after the store was emptied",
        ),
    ],
)
def test_what_was_as_it_should_be_is_not_found_fault_with(run: Run) -> None:
    assert judge(run) == []


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        pytest.param(
            a_run([*LOGGED_OUT[:3], *afterwards(401)[:2], asked(VALIDATE_REFRESH, 52, process=2)]),
            verdict.LOST,
            id="accepted by one process",
        ),
        pytest.param(
            a_run([*LOGGED_OUT, asked(VIEW, 10.5)]), verdict.LOST, id="accepted for a moment"
        ),
        pytest.param(
            a_run([*LOGGED_OUT, asked(LOGOUT, 11)]), verdict.LOST, id="ended a second time"
        ),
        pytest.param(
            a_run([asked(LOGIN, 1), *ANOTHERS, asked(VIEW, 4), *afterwards(401)]),
            verdict.LOST,
            id="accepted after a logout everywhere",
        ),
        pytest.param(
            a_run([*GOES_ON, asked(REFRESH_ACCESS, 11, 500)]), verdict.WRONG_STATUS, id="500"
        ),
        pytest.param(
            a_run([*GOES_ON, asked(LOGIN, 11, 401)]), verdict.WRONG_STATUS, id="no login"
        ),
        pytest.param(
            a_run([*GOES_ON, asked(VIEW, 11, 503, ended=13.5)]), verdict.LATE, id="a late 503"
        ),
        pytest.param(a_run([*GOES_ON, asked(VIEW, 11, None)]), verdict.NOT_ANSWERED, id="silence"),
        pytest.param(
            a_run([*GOES_ON, asked(VIEW, 30, 503)]), verdict.NO_FAULT, id="a needless 503"
        ),
        pytest.param(a_run([*GOES_ON, asked(VIEW, 5, 401)]), verdict.REFUSED, id="a wrong 401"),
        pytest.param(
            a_run([asked(LOGIN, 1), *afterwards(401)]),
            verdict.REFUSED,
            id="an end without a logout",
        ),
        pytest.param(
            a_run([asked(LOGOUT_ALL, 0, session="b"), asked(LOGIN, 1), *afterwards(401)]),
            verdict.REFUSED,
            id="ended by what came before it",
        ),
        pytest.param(
            a_run([*GOES_ON, asked(VIEW, 55, 503)]), verdict.NOT_AGAIN, id="503 for ever"
        ),
        pytest.param(
            a_run([*UNKNOWN, asked(LOGOUT, 64, 401)]), verdict.NOT_AGAIN, id="no second logout"
        ),
        pytest.param(
            a_run(
                [
                    *(asked(LOGIN, 1), asked(LOGOUT, 11, 503)),
                    *(*afterwards(401)[:2], *afterwards(200)[2:]),
                ]
            ),
            verdict.TWO_MINDS,
            id="ended here and not there",
        ),
        pytest.param(a_run(LOGGED_OUT[:-1]), verdict.NOT_ASKED, id="a process that nobody asked"),
        pytest.param(
            a_run([asked(LOGIN, 1), asked(VIEW, 22), *afterwards(401)], EMPTIED),
            verdict.BLIND,
            id="accepted by an empty store",
        ),
        pytest.param(
            a_run([asked(LOGIN, 1), *afterwards(200)], EMPTIED),
            verdict.LOST,
            id="accepted by the next application",
        ),
    ],
)
def test_what_was_not_is_found(run: Run, kind: str) -> None:
    assert kind in kinds(run)


@pytest.mark.parametrize("record", [LOGGED_OUT, GOES_ON, UNKNOWN])
def test_a_signal_more_or_less_is_found(record: list[Request]) -> None:
    run = a_run(record)
    for heard in set(run.heard):
        without = list(run.heard)
        without.remove(heard)
        assert kinds(replace(run, heard=without)) == [verdict.MISSING]
        assert kinds(replace(run, heard=[*run.heard, heard])) == [verdict.EXTRA]
    stranger = Heard("jwt_reuse_detected", "a")
    assert kinds(replace(run, heard=[*run.heard, stranger])) == [verdict.EXTRA]


def test_of_what_was_not_answered_one_signal_may_have_been_sent_or_none() -> None:
    run = a_run([*GOES_ON, asked(LOGIN, 11, None, session=""), asked(VALIDATE_REFRESH, 11, None)])
    unanswered = [verdict.NOT_ANSWERED, verdict.NOT_ANSWERED]
    either = [Heard("jwt_logged_in", "b"), Heard("jwt_token_validated", "a")]
    assert kinds(run) == unanswered
    assert kinds(replace(run, heard=[*run.heard, *either])) == unanswered
    twice = replace(run, heard=[*run.heard, *either, Heard("jwt_logged_in", "c")])
    assert kinds(twice) == [*unanswered, verdict.EXTRA]


def test_a_finding_tells_who_was_asked_what_and_when() -> None:
    [finding] = judge(a_run([*LOGGED_OUT, asked(VIEW, 10.5, process=1)]))
    assert str(finding) == (
        "lost logout: view of a at process 1, 10.500, answered 200 in 0.100 s, ended at 3.100"
    )
