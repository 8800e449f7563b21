"""HTTP-20 and HTTP-27: many clients with one refresh token, at the same time, on each backend."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from djwto import sessions
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.exceptions import BlacklistUnavailable, ReusedToken
from djwto.models import BlacklistEntry
from djwto.rotation import exchanged_at, generation_key, keys, successor
from djwto.spec_tests import api
from djwto.spec_tests.checks.rotations import GRACE, at_once
from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.core.alice import CREDENTIALS, each_mode, names, session, token
from djwto.spec_tests.core.keys_for_tests import EC_PRIVATE
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.stage import NO_GRACE, playing
from djwto.spec_tests.subject import Subject
from djwto.tokens import decode, encode

pytestmark = pytest.mark.django_db(transaction=True)

each_store = pytest.mark.parametrize("store", SUBJECTS)

THREADS = 12
ROUNDS = 4
"""For each mode, backend and grace: six dozen in all. `make race` does a thousand on each."""

Call = Callable[[], Any]


def claims_of(answer: api.Answer, type_: str = "refresh") -> dict[str, Any]:
    return api.claims_of(token(answer, type_))


def all_at_once(calls: list[Call]) -> list[Any]:
    """What each of the calls answered, all being made at the same time."""
    waiting = list(calls)
    answers = at_once(len(calls), lambda: waiting.pop()())
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    return answers


@contextmanager
def exchanges(meeting: int = 1) -> Iterator[list[str]]:
    """The keys that were exchanged, each as often as the store said so.

    So many requests wait for each other where each has been told that its token is new.
    """
    backend: Any = get_blacklist()
    exchanged: list[str] = []
    barrier = threading.Barrier(meeting, timeout=60)
    compare_and_set = backend.compare_and_set

    def recording(key: str, old: str | None, new: str, exp: int | None) -> bool:
        # What is added, as the end of a session is, has no value.
        if new:
            barrier.wait()
        done: bool = compare_and_set(key, old, new, exp)
        if done:
            exchanged.append(key)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "compare_and_set", recording)
        yield exchanged


def own_key(answer: api.Answer) -> str:
    claims = claims_of(answer)
    return generation_key(claims["jti"], claims["gen"])


@pytest.mark.clause("HTTP-20")
@pytest.mark.clause("HTTP-27")
@each_mode
@each_store
@pytest.mark.case(67)
def test_within_the_grace_all_are_answered_the_one_successor(
    mode: str, store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode, **GRACE), Recorder() as recorder:
        live = session()
        recorder.take()
        for number in range(ROUNDS):
            presented = live.refresh
            with exchanges(THREADS if number % 2 else 1) as exchanged:
                answers = at_once(THREADS, lambda: api.send(api.UPDATE_REFRESH, presented))  # noqa: B023
            assert [answer.status for answer in answers] == [200] * THREADS
            assert exchanged == [own_key(live)]
            # Signed by HS256, which signs one text alike: the tokens are the same to a letter.
            assert len({answer.refresh for answer in answers}) == 1
            assert len({answer.access for answer in answers}) == 1
            assert names(recorder) == ["jwt_refresh_updated"] * THREADS
            assert claims_of(answers[0])["gen"] != claims_of(live)["gen"]
            live = answers[0]
        assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("HTTP-20")
@pytest.mark.clause("HTTP-21")
@pytest.mark.clause("SIG-15")
@each_mode
@each_store
@pytest.mark.case(67)
def test_without_a_grace_one_is_answered_and_the_others_are_thieves(
    mode: str, store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode, **NO_GRACE), Recorder() as recorder:
        elsewhere = session()
        for number in range(ROUNDS):
            live = api.log_in(**CREDENTIALS)
            recorder.take()
            with exchanges(THREADS if number % 2 else 1) as exchanged:
                answers = at_once(THREADS, lambda: api.send(api.UPDATE_REFRESH, live.refresh))  # noqa: B023
            statuses = sorted(answer.status for answer in answers)
            assert statuses == [200] + [401] * (THREADS - 1)
            assert exchanged.count(own_key(live)) == 1
            assert sorted(names(recorder)) == ["jwt_refresh_updated", "jwt_reuse_detected"]
            (winner,) = [answer for answer in answers if answer.status == 200]
            for refused in answers:
                assert refused is winner or (refused.refresh, refused.access) == (None, None)
            assert api.send(api.VALIDATE_REFRESH, winner.refresh).status == 401
            assert api.send(api.VALIDATE_ACCESS, winner.access, as_refresh=False).status == 401
        assert api.send(api.VALIDATE_REFRESH, elsewhere.refresh).status == 200


@pytest.mark.clause("HTTP-20")
@each_mode
@each_store
def test_both_endpoints_at_once_make_one_successor(
    mode: str, store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode, DJWTO_ROTATE_ON_ACCESS=True, **GRACE):
        live = session()
        calls: list[Call] = [
            lambda path=path: api.send(path, live.refresh)  # type: ignore[misc]
            for path in (api.UPDATE_REFRESH, api.REFRESH_ACCESS)
            for _ in range(THREADS // 2)
        ]
        with exchanges(THREADS) as exchanged:
            answers = all_at_once(calls)
        assert [answer.status for answer in answers] == [200] * THREADS
        assert exchanged == [own_key(live)]
        assert len({answer.refresh for answer in answers}) == 1
        assert len({answer.access for answer in answers}) == 1


@pytest.mark.clause("HTTP-20")
def test_where_no_signature_is_like_another_the_claims_are(settings: Settings) -> None:
    settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = "ES256", EC_PRIVATE
    live = session()
    answers = at_once(4, lambda: api.send(api.UPDATE_REFRESH, live.refresh))
    assert len({answer.refresh for answer in answers}) > 1
    for type_ in ("refresh", "access"):
        for answer in answers:
            assert claims_of(answer, type_) == claims_of(answers[0], type_)


@pytest.mark.clause("HTTP-20")
@pytest.mark.clause("HTTP-27")
@each_store
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.case("P2")
def test_whatever_clients_do_with_whatever_they_hold_a_session_has_one_line_of_tokens(
    store: str, seed: int, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_ROTATE_ON_ACCESS=True, **GRACE):
        live = session()
        held = [token(live, "refresh")]
        became: list[tuple[str, str]] = []

        def client(number: int) -> None:
            chance = random.Random(100 * seed + number)
            for _ in range(6):
                # Mostly the last that anybody was answered; now and then one from before.
                presented = held[-1] if chance.random() < 0.9 else chance.choice(held)
                path = chance.choice([api.UPDATE_REFRESH, api.REFRESH_ACCESS])
                answer = api.send(path, presented)
                assert answer.status in {200, 401}, answer
                if answer.refresh:
                    became.append((presented, answer.refresh))
                    if answer.refresh not in held:
                        held.append(answer.refresh)

        all_at_once([lambda number=number: client(number) for number in range(6)])  # type: ignore[misc]
        after: dict[str, set[str]] = {}
        for presented, answered in became:
            after.setdefault(presented, set()).add(answered)
        assert all(len(answered) == 1 for answered in after.values())
        line = [held[0]]
        while line[-1] in after:
            line.extend(after[line[-1]])
        assert set(line) == set(held)
        # All but the last have been exchanged, and the last has not.
        found = get_blacklist().get_many([generation_key_of(one) for one in line])
        assert set(found) == {generation_key_of(one) for one in line[:-1]}


def generation_key_of(refresh: str) -> str:
    claims = api.claims_of(refresh)
    return generation_key(claims["jti"], claims["gen"])


@pytest.mark.clause("HTTP-14")
@pytest.mark.clause("HTTP-20")
@each_mode
@each_store
def test_a_logout_among_updates_leaves_none_of_their_tokens_alive(
    mode: str, store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode, **GRACE):
        for _ in range(ROUNDS):
            live = session() if not User.objects.exists() else api.log_in(**CREDENTIALS)
            update: Call = lambda: api.send(api.UPDATE_REFRESH, live.refresh)  # noqa: B023, E731
            logout: Call = lambda: api.send(api.LOGOUT, live.refresh)  # noqa: B023, E731
            answers = all_at_once([update, update, update, logout, update, update])
            assert {answer.status for answer in answers} <= {200, 401}
            for answer in [live, *answers]:
                if answer.refresh:
                    assert api.send(api.UPDATE_REFRESH, answer.refresh).status == 401
                    assert api.send(api.REFRESH_ACCESS, answer.refresh).status == 401
                if answer.access:
                    path = api.VALIDATE_ACCESS
                    assert api.send(path, answer.access, as_refresh=False).status == 401


@pytest.mark.clause("HTTP-20")
@each_mode
@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize("which", range(4))
def test_any_generation_logs_out_and_is_not_taken_for_a_thief(
    mode: str,
    method: str,
    which: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DJWTO_MODE = mode
    generations = [session()]
    for _ in range(3):
        generations.append(api.send(api.UPDATE_REFRESH, generations[-1].refresh))
    later = sessions.milliseconds() + 60_000
    monkeypatch.setattr(sessions, "milliseconds", lambda: later)
    with Recorder() as recorder:
        answer = api.send(api.LOGOUT, generations[which].refresh, method=method)
    assert answer.status == 200
    assert answer.body == {"msg": "Token successfully blacklisted."}
    assert names(recorder) == ["jwt_blacklisted"]
    for one in generations:
        assert api.send(api.VALIDATE_ACCESS, one.access, as_refresh=False).status == 401
        assert api.send(api.UPDATE_REFRESH, one.refresh).status == 401


@pytest.mark.clause("HTTP-27")
@each_store
def test_a_client_whose_answer_was_lost_gets_it_again(
    store: str, subjects: dict[str, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    with playing(subjects[store], DJWTO_REUSE_GRACE=10):
        live = session()
        lost = api.send(api.UPDATE_REFRESH, live.refresh)
        later = sessions.milliseconds() + 9_000
        monkeypatch.setattr(sessions, "milliseconds", lambda: later)
        assert api.send(api.UPDATE_REFRESH, live.refresh).refresh == lost.refresh
        later += 2_000
        with Recorder() as recorder:
            assert api.send(api.UPDATE_REFRESH, live.refresh).status == 401
        assert names(recorder) == ["jwt_reuse_detected"]
        assert api.send(api.UPDATE_REFRESH, lost.refresh).status == 401


@pytest.mark.clause("TOK-12")
@pytest.mark.parametrize(
    ("claims", "generation"),
    [
        ({"jti": "a"}, "de0702dbc15946d671f6d7fa74f73c4e"),
        ({"jti": "a", "gen": "b"}, "547d67b8390ceb0b3366ad6f3e44590e"),
        ({"jti": "\ud800", "gen": "\udfff"}, "5399a7b579ef4882e5e5ee10e5165a3e"),
    ],
)
def test_processes_of_two_releases_make_the_same_successor(
    claims: dict[str, str], generation: str
) -> None:
    assert successor(claims) == generation
    key = "~e1828ad839b2d384c97e329e887f50ffd2d36d6e6566a897418c20933aa5c8a9"
    assert generation_key("a", "b") == key


@pytest.mark.clause("HTTP-20")
def test_who_comes_second_is_told_when_the_first_came(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    at = sessions.exchange(claims)
    assert sessions.exchange(claims) == at
    another = decode(token(api.log_in(**CREDENTIALS), "refresh"), "refresh")
    # A store that says that the key is there, and then that it is not.
    monkeypatch.setattr(get_blacklist(), "compare_and_set", lambda *args: False)
    with pytest.raises(BlacklistUnavailable):
        sessions.exchange(another)


@pytest.mark.clause("HTTP-27")
def test_the_grace_ends_on_the_millisecond(settings: Settings) -> None:
    settings.DJWTO_REUSE_GRACE = 10
    # A token from before there were generations.
    claims = {"jti": "a", "type": "refresh"}
    own, _ = keys(claims)
    assert own == generation_key("a", "")
    assert exchanged_at(claims, {own: "5000"}, 14_999) == 5_000
    with pytest.raises(ReusedToken):
        exchanged_at(claims, {own: "5000"}, 15_000)


DAY = 86_400


@pytest.mark.clause("HTTP-14")
@pytest.mark.parametrize("path", [api.LOGOUT, api.UPDATE_REFRESH])
def test_a_session_that_an_old_token_ends_is_over_for_as_long_as_the_youngest_is_good(
    path: str, settings: Settings
) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=14)
    settings.DJWTO_REUSE_GRACE = 0
    claims = decode(token(session(), "refresh"), "refresh")
    old = encode({**claims, **{t: claims[t] - 5 * DAY for t in ("auth_time", "iat", "exp")}})
    youngest = api.send(api.UPDATE_REFRESH, old)
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    api.send(path, old)
    assert api.send(api.VALIDATE_REFRESH, youngest.refresh).status == 401
    entry = BlacklistEntry.objects.get(key=blacklist_key(claims["jti"]))
    assert entry.exp is None or entry.exp >= claims_of(youngest)["exp"]
