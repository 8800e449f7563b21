"""HTTP-20 and HTTP-21: a refresh token is exchanged once, and what becomes of who tries again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from djwto.blacklist import get_blacklist
from djwto.spec_tests import api, profile
from djwto.spec_tests.checks.sessions import status
from djwto.spec_tests.clock import Clock, SetForward, clock_of, with_hours_to_pass
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.stage import (
    HOUR,
    NO_GRACE,
    REUSE_SENDERS,
    Way,
    expect_cleared,
    in_each_way,
    logged_in,
    new_account,
)
from djwto.spec_tests.subject import Subject, close_connections

THREADS = 6
ROUNDS = 4

GRACE: dict[str, Any] = {"DJWTO_ROTATE_REFRESH": True, "DJWTO_REUSE_GRACE": HOUR}


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
    for way in in_each_way(subject, **NO_GRACE):
        for _ in range(profile.times(ROUNDS)):
            statuses, issued = _updated_at_once(logged_in(new_account()).refresh)
            expect(f"statuses of {done} in {way}", statuses, [200] + [401] * (THREADS - 1))
            expect(f"refresh tokens answered to {done} in {way}", len(issued), 1)
    _exchanges_where_it_is_told_to(subject)
    _remembers_it_as_long_as_the_token_lives(subject)
    _second(subject, 401, **NO_GRACE)
    if not subject.make().supports_values:
        return
    for way in in_each_way(subject, **GRACE):
        for _ in range(profile.times(ROUNDS)):
            statuses, issued = _updated_at_once(logged_in(new_account()).refresh)
            expect(f"statuses of {done} within the grace in {way}", statuses, [200] * THREADS)
            for claims in issued:
                expect(f"claims of the successor that {done} made in {way}", claims, issued[0])
    _second(subject, 200, **GRACE)


@contextmanager
def coming_first(another: Callable[[], Any]) -> Iterator[None]:
    """While entered, another call comes just before the first one that changes a value.

    What led to that was asked before. Whether threads at once come into this is a matter of luck.
    """
    backend = get_blacklist()
    compare_and_set = backend.compare_and_set

    def come_second(*arguments: Any) -> bool:
        leaving.close()
        another()
        return compare_and_set(*arguments)

    with ExitStack() as leaving:
        leaving.enter_context(patch.object(backend, "compare_and_set", come_second))
        yield


def _second(subject: Subject, wanted: int, **settings: Any) -> None:
    for way in in_each_way(subject, **settings):
        refresh = logged_in(new_account()).refresh
        firsts: list[api.Answer] = []

        def come(refresh: str | None = refresh, firsts: list[api.Answer] = firsts) -> None:
            firsts.append(api.send(api.UPDATE_REFRESH, refresh))

        with coming_first(come):
            second = api.send(api.UPDATE_REFRESH, refresh)
        done = (
            f"an update in {way} with a token that another has exchanged since it was asked about"
        )
        expect("how often a value is changed by an update", len(firsts), 1)
        expect(f"status of the update that comes before {done}", firsts[0].status, 200)
        expect(f"status of {done}", second.status, wanted)
        if second.refresh:
            claims = api.claims_of(firsts[0].refresh)
            expect(f"claims answered to {done}", api.claims_of(second.refresh), claims)


def _remembers_it_as_long_as_the_token_lives(subject: Subject) -> None:
    with clock_of(subject) as clock:
        if not isinstance(clock, SetForward):
            return
        for way in in_each_way(subject, **NO_GRACE):
            refresh = logged_in(new_account()).refresh
            expect(f"an update in {way}", status(api.UPDATE_REFRESH, refresh), 200)
            clock.wait_until(api.claims_of(refresh)["exp"] - 60)
            subject.make().purge()
            seen = status(api.UPDATE_REFRESH, refresh)
            expect(f"an update in {way}, the same a minute before exp, after purge()", seen, 401)


def _exchanges_where_it_is_told_to(subject: Subject) -> None:
    for rotates, on_access in ((False, False), (False, True), (True, False), (True, True)):
        settings: dict[str, Any] = {
            "DJWTO_ROTATE_REFRESH": rotates,
            "DJWTO_ROTATE_ON_ACCESS": on_access,
        }
        for way in in_each_way(subject, DJWTO_REUSE_GRACE=0, **settings):
            for path, exchanges in (
                (api.REFRESH_ACCESS, rotates and on_access),
                (api.UPDATE_REFRESH, rotates),
            ):
                refresh = logged_in(new_account()).refresh
                done = f"{path} in {way} with {settings}"
                answer = api.send(path, refresh)
                expect(done, answer.status, 200)
                if path == api.REFRESH_ACCESS and not exchanges:
                    # A browser keeps the one that it has.
                    kept = None if way.has_cookies else refresh
                    expect(f"the refresh token answered to {done}", answer.refresh, kept)
                expect(f"{done}, again", status(path, refresh), 401 if exchanges else 200)


@clause("HTTP-21")
def a_token_used_twice_ends_its_session(subject: Subject) -> None:
    for path in REUSE_SENDERS:
        for way in in_each_way(subject, **NO_GRACE):
            account = new_account()
            tokens, other = logged_in(account), logged_in(account)
            successor = api.send(api.UPDATE_REFRESH, tokens.refresh)
            done = f"{path} in {way} with a token that had been exchanged"
            answer = api.send(path, tokens.refresh)
            expect(done, answer.status, 401)
            expect_cleared(done, answer, tokens)
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
    for way in in_each_way(subject, **GRACE):
        first = logged_in(new_account())
        second = api.send(api.UPDATE_REFRESH, first.refresh)
        for path in (api.UPDATE_REFRESH, api.REFRESH_ACCESS):
            done = f"{path} in {way} within the grace, with the last token but one"
            twin = api.send(path, first.refresh)
            expect(f"status of {done}", twin.status, 200)
            claims = api.claims_of(second.refresh)
            expect(f"claims answered to {done}", api.claims_of(twin.refresh), claims)
        expect(f"{api.UPDATE_REFRESH} in {way}", status(api.UPDATE_REFRESH, second.refresh), 200)
        done = f"{api.UPDATE_REFRESH} in {way} within the grace, two tokens late"
        expect(done, status(api.UPDATE_REFRESH, first.refresh), 401)
        expect(f"{done}, then the one after", status(api.UPDATE_REFRESH, second.refresh), 401)
        with_hours_to_pass(subject, partial(_the_grace_passes, way))


def _the_grace_passes(way: Way, clock: Clock) -> None:
    first = logged_in(new_account())
    clock.wait_until(time.time() + 10)
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    clock.wait_until(time.time() + HOUR - 60)
    done = f"{api.UPDATE_REFRESH} in {way} a minute before the grace has passed"
    twin = api.send(api.UPDATE_REFRESH, first.refresh)
    expect(f"status of {done}", twin.status, 200)
    claims = api.claims_of(second.refresh)
    expect(f"claims answered to {done}", api.claims_of(twin.refresh), claims)
    clock.wait_until(time.time() + 120)
    done = f"{api.UPDATE_REFRESH} in {way} a minute after the grace has passed"
    expect(done, status(api.UPDATE_REFRESH, first.refresh), 401)
    expect(f"{done}, then the one after", status(api.UPDATE_REFRESH, second.refresh), 401)
