"""HTTP-20 and HTTP-21: a refresh token is exchanged once, and what becomes of who tries again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from djwto.spec_tests import api, profile
from djwto.spec_tests.checks.sessions import in_each_mode, status
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.stage import HOUR, REUSE_SENDERS, logged_in, new_account
from djwto.spec_tests.subject import Subject, close_connections

THREADS = 6
ROUNDS = 8

NO_GRACE = {"DJWTO_ROTATE_REFRESH": True, "DJWTO_REUSE_GRACE": 0}
GRACE = {"DJWTO_ROTATE_REFRESH": True, "DJWTO_REUSE_GRACE": HOUR}


def at_once(times: int, call: Callable[[], Any]) -> list[Any]:
    """What so many threads were answered, or raised, that made one call at the same time."""
    barrier = threading.Barrier(times, timeout=60)
    answers: list[Any] = []

    def make() -> None:
        try:
            barrier.wait()
            answers.append(call())
        except Exception as error:
            answers.append(error)
        finally:
            close_connections()

    threads = [threading.Thread(target=make) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _updated_at_once(token: str | None) -> tuple[list[int], list[dict[str, Any]]]:
    answers = at_once(THREADS, lambda: api.send(api.UPDATE_REFRESH, token))
    for answer in answers:
        if isinstance(answer, Exception):
            raise Broken(f"{THREADS} updates with one token at once: one raised {answer!r}")
    issued = [api.claims_of(answer.refresh) for answer in answers if answer.refresh]
    return sorted(answer.status for answer in answers), issued


@clause("HTTP-20")
def a_refresh_token_is_exchanged_once(subject: Subject) -> None:
    done = f"{THREADS} updates with one token at once"
    for mode in in_each_mode(subject, **NO_GRACE):
        for _ in range(profile.times(ROUNDS)):
            statuses, issued = _updated_at_once(logged_in(new_account()).refresh)
            expect(f"statuses of {done} in {mode}", statuses, [200] + [401] * (THREADS - 1))
            expect(f"refresh tokens answered to {done} in {mode}", len(issued), 1)
    _refresh_access_exchanges_where_it_is_told_to(subject)
    if not subject.make().supports_values:
        return
    for mode in in_each_mode(subject, **GRACE):
        for _ in range(profile.times(ROUNDS)):
            statuses, issued = _updated_at_once(logged_in(new_account()).refresh)
            expect(f"statuses of {done} within the grace in {mode}", statuses, [200] * THREADS)
            for claims in issued:
                expect(f"claims of the successor that {done} made in {mode}", claims, issued[0])


def _refresh_access_exchanges_where_it_is_told_to(subject: Subject) -> None:
    for exchanges in (False, True):
        for mode in in_each_mode(subject, **NO_GRACE, DJWTO_ROTATE_ON_ACCESS=exchanges):
            refresh = logged_in(new_account()).refresh
            done = f"{api.REFRESH_ACCESS} in {mode}, DJWTO_ROTATE_ON_ACCESS being {exchanges}"
            expect(done, status(api.REFRESH_ACCESS, refresh), 200)
            seen = status(api.REFRESH_ACCESS, refresh)
            expect(f"{done}, a second time", seen, 401 if exchanges else 200)


@clause("HTTP-21")
def a_token_used_twice_ends_its_session(subject: Subject) -> None:
    for path in REUSE_SENDERS:
        for mode in in_each_mode(subject, **NO_GRACE):
            account = new_account()
            tokens, other = logged_in(account), logged_in(account)
            successor = api.send(api.UPDATE_REFRESH, tokens.refresh)
            done = f"{path} in {mode} with a token that had been exchanged"
            answer = api.send(path, tokens.refresh)
            expect(done, answer.status, 401)
            for name, cookie in answer.cookies.items():
                expect(f"Max-Age of {name} set by {done}", cookie["max-age"], 0)
            expect(f"whether {done} clears cookies", bool(answer.cookies), mode != "JSON")
            for dead, token in (
                (api.UPDATE_REFRESH, successor.refresh),
                (api.REFRESH_ACCESS, successor.refresh),
                (api.VALIDATE_ACCESS, successor.access),
            ):
                expect(f"{dead} with the successor after {done}", status(dead, token), 401)
            seen = status(api.REFRESH_ACCESS, other.refresh)
            expect(f"another session of the user after {done}", seen, 200)


@clause("HTTP-27")
def the_grace_is_for_the_last_token_only(subject: Subject) -> None:
    if not subject.make().supports_values:
        raise NotApplicable("supports_values is False: there is no grace")
    for mode in in_each_mode(subject, **GRACE):
        first = logged_in(new_account())
        second = api.send(api.UPDATE_REFRESH, first.refresh)
        for path in (api.UPDATE_REFRESH, api.REFRESH_ACCESS):
            done = f"{path} in {mode} within the grace, with the last token but one"
            twin = api.send(path, first.refresh)
            expect(f"status of {done}", twin.status, 200)
            claims = api.claims_of(second.refresh or "")
            expect(f"claims answered to {done}", api.claims_of(twin.refresh or ""), claims)
        expect(f"{api.UPDATE_REFRESH} in {mode}", status(api.UPDATE_REFRESH, second.refresh), 200)
        done = f"{api.UPDATE_REFRESH} in {mode} within the grace, two tokens late"
        expect(done, status(api.UPDATE_REFRESH, first.refresh), 401)
        expect(f"{done}, then the one after", status(api.UPDATE_REFRESH, second.refresh), 401)
