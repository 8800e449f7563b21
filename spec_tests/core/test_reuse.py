"""HTTP-20, HTTP-21 and HTTP-27 as time goes by, and what becomes of the signals (SIG-15)."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from djwto import rotation, sessions, signals
from djwto.blacklist import BlacklistBackend, blacklist_key, get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.spec_tests import api
from djwto.spec_tests.checks.rotations import at_once
from djwto.spec_tests.core.alice import CREDENTIALS, each_mode, names, session, token
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.stage import REUSE_SENDERS
from djwto.tokens import decode

pytestmark = pytest.mark.django_db

each_path = pytest.mark.parametrize("path", REUSE_SENDERS)


class Clock:
    """The time that sessions are told."""

    def __init__(self) -> None:
        self.start = time.time()
        self.ahead = 0.0

    def __call__(self) -> int:
        return int((self.start + self.ahead) * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sessions, "milliseconds", clock)
    return clock


def claims_of(answer: api.Answer) -> dict[str, Any]:
    return decode(token(answer, "refresh"), "refresh")


@pytest.mark.clause("HTTP-27")
@each_mode
@pytest.mark.parametrize("grace", [10, timedelta(seconds=10)])
def test_a_late_twin_is_answered_the_same_until_the_grace_is_over(
    mode: str, grace: Any, clock: Clock, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = grace
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    for ahead in (0.0, 5.0, 9.5):
        clock.ahead = ahead
        for path in (api.UPDATE_REFRESH, api.REFRESH_ACCESS):
            twin = api.send(path, first.refresh)
            assert claims_of(twin) == claims_of(second)
            assert api.claims_of(token(twin, "access")) == api.claims_of(token(second, "access"))
        assert api.send(api.VALIDATE_REFRESH, first.refresh).status == 200
    clock.ahead = 10.5
    assert api.send(api.UPDATE_REFRESH, first.refresh).status == 401
    assert api.send(api.UPDATE_REFRESH, second.refresh).status == 401


@pytest.mark.clause("HTTP-27")
@each_mode
@pytest.mark.parametrize("ahead", [0.0, 60.0])
@pytest.mark.parametrize("which", range(4))
@each_path
@pytest.mark.case(52, "P4")
def test_no_generation_but_the_last_comes_back(
    mode: str, ahead: float, which: int, path: str, clock: Clock, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    generations = [session()]
    for _ in range(4):
        generations.append(api.send(api.UPDATE_REFRESH, generations[-1].refresh))
    clock.ahead = ahead
    answer = api.send(path, generations[which].refresh)
    if ahead == 0.0 and which == 3:
        assert answer.status == 200
        return
    assert (answer.status, answer.refresh, answer.access) == (401, None, None)
    for one in generations:
        assert api.send(api.REFRESH_ACCESS, one.refresh).status == 401
        assert api.send(api.VALIDATE_ACCESS, one.access, as_refresh=False).status == 401


@pytest.mark.clause("HTTP-27")
@each_mode
def test_within_the_grace_no_second_branch_lives(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    twin = api.send(api.UPDATE_REFRESH, first.refresh)
    third = api.send(api.UPDATE_REFRESH, second.refresh)
    other = api.send(api.UPDATE_REFRESH, twin.refresh)
    assert claims_of(other) == claims_of(third)


@pytest.mark.clause("SIG-15")
@each_mode
@each_path
@pytest.mark.case(52, "P3")
def test_reuse_is_announced_once_the_session_has_ended(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    first = session()
    other = api.log_in(**CREDENTIALS)
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    jti = claims_of(first)["jti"]
    seen: list[Any] = []

    def receive(sender: str, **kwargs: Any) -> None:
        seen.append((sender, set(kwargs), kwargs["jti"], kwargs["claims"]))
        seen.append(get_blacklist().contains(blacklist_key(jti)))
        raise RuntimeError("The receiver is broken.")

    logging.getLogger("django.dispatch").disabled = True
    signals.jwt_reuse_detected.connect(receive)
    try:
        answer = api.send(path, first.refresh)
        assert api.send(path, first.refresh).status == 401
        assert api.send(path, second.refresh).status == 401
    finally:
        signals.jwt_reuse_detected.disconnect(receive)
        logging.getLogger("django.dispatch").disabled = False
    assert seen == [
        (REUSE_SENDERS[path], {"signal", "request", "jti", "claims"}, jti, claims_of(first)),
        True,
    ]
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert all(morsel["max-age"] == 0 for morsel in answer.cookies.values())
    assert bool(answer.cookies) == (mode != "JSON")
    assert api.send(api.REFRESH_ACCESS, other.refresh).status == 200


@pytest.mark.clause("SIG-15")
@pytest.mark.django_db(transaction=True)
def test_of_thieves_at_once_one_is_announced(settings: Settings) -> None:
    settings.DJWTO_REUSE_GRACE = 0
    first = session()
    api.send(api.UPDATE_REFRESH, first.refresh)
    with Recorder() as recorder:
        answers = at_once(8, lambda: api.send(api.UPDATE_REFRESH, first.refresh).status)
    assert answers == [401] * 8
    assert names(recorder) == ["jwt_reuse_detected"]


@pytest.mark.clause("HTTP-21")
@each_mode
def test_reuse_that_cannot_be_written_down_is_503_and_ends_nothing(
    mode: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)

    def fail(key: str, exp: int | None) -> bool:
        raise BlacklistUnavailable("The disk is full.")

    with monkeypatch.context() as patch, Recorder() as recorder:
        patch.setattr(get_blacklist(), "add", fail)
        answer = api.send(api.UPDATE_REFRESH, first.refresh)
        assert (answer.status, answer.cookies, names(recorder)) == (503, {}, [])
    assert api.send(api.VALIDATE_REFRESH, second.refresh).status == 200


@pytest.mark.clause("HTTP-20")
@each_mode
def test_refreshing_exchanges_too_where_that_is_wanted(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_ROTATE_ON_ACCESS = True
    first = session()
    second = api.send(api.REFRESH_ACCESS, first.refresh)
    assert claims_of(second)["gen"] != claims_of(first)["gen"]
    assert claims_of(api.send(api.UPDATE_REFRESH, first.refresh)) == claims_of(second)
    third = api.send(api.UPDATE_REFRESH, second.refresh)
    assert claims_of(api.send(api.REFRESH_ACCESS, second.refresh)) == claims_of(third)


@pytest.mark.clause("HTTP-20")
@each_mode
def test_by_default_refreshing_exchanges_nothing(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    live = session()
    for _ in range(3):
        assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
    assert BlacklistEntry.objects.count() == 1


@pytest.mark.clause("HTTP-20")
def test_where_sessions_are_not_prolonged_an_exchange_does_not_either(settings: Settings) -> None:
    settings.DJWTO_ROTATE_ON_ACCESS = True
    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(hours=1)
    first = session()
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(hours=2)
    second = api.send(api.REFRESH_ACCESS, first.refresh)
    assert claims_of(second)["exp"] == claims_of(first)["exp"]
    assert api.send(api.UPDATE_REFRESH, second.refresh).status == 404


@pytest.mark.clause("HTTP-20")
def test_an_exchange_is_remembered_until_the_token_has_expired() -> None:
    first = session()
    api.send(api.UPDATE_REFRESH, first.refresh)
    claims = claims_of(first)
    entry = BlacklistEntry.objects.get(key=rotation.generation_key(claims["jti"], claims["gen"]))
    assert entry.exp == claims["exp"] + sessions.CLOCK_MARGIN


class ThreeMethods(BlacklistBackend):
    """What a backend was before there were values."""

    keys: ClassVar[set[str]] = set()

    def add(self, key: str, exp: int | None) -> bool:
        is_new = key not in self.keys
        self.keys.add(key)
        return is_new

    def contains(self, key: str) -> bool:
        return key in self.keys

    def purge(self) -> int:
        return 0


class Told(BlacklistBackend):
    """Keeps nothing but what it was told."""

    def __init__(self) -> None:
        super().__init__({})
        self.told: list[Any] = []

    def add(self, key: str, exp: int | None) -> bool:
        self.told.append((key, exp))
        return True

    def contains(self, key: str) -> bool:
        self.told.append(key)
        return key != "absent"

    def purge(self) -> int:
        self.told.append("purge")
        return 3


class ToldOfValues(Told):
    """The same, with values."""

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        self.told.append(list(keys))
        return dict.fromkeys(keys, "v")

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        self.told.append((key, old, new, exp))
        return True


@pytest.mark.clause("BL-13")
def test_what_is_awaited_is_told_the_same() -> None:
    backend = ToldOfValues()

    async def awaited() -> list[Any]:
        return [
            await backend.aadd("a", 7),
            await backend.acontains("absent"),
            await backend.apurge(),
            await backend.aget_many(["a", "b"]),
            await backend.acompare_and_set("a", "old", "new", 8),
        ]

    assert async_to_sync(awaited)() == [True, False, 3, {"a": "v", "b": "v"}, True]
    assert backend.told == [("a", 7), "absent", "purge", ["a", "b"], ("a", "old", "new", 8)]


@pytest.mark.clause("BL-22")
def test_without_values_the_three_methods_do() -> None:
    backend = Told()
    assert backend.compare_and_set("a", None, "new", 7)
    assert backend.get_many(["a", "absent"]) == {"a": ""}
    assert list(backend.purge_in_batches()) == [3]
    assert backend.told == [("a", 7), "a", "absent", "purge"]
    with pytest.raises(NotImplementedError, match="Told keeps no values"):
        backend.compare_and_set("a", "", "new", 7)


@pytest.fixture
def three_methods(settings: Settings) -> Iterator[None]:
    settings.DJWTO_BLACKLIST = {"BACKEND": f"{__name__}.ThreeMethods"}
    yield
    ThreeMethods.keys.clear()


@pytest.mark.clause("HTTP-21")
@each_mode
def test_without_values_a_twin_is_a_thief(
    mode: str, three_methods: None, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 3600
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    third = api.send(api.UPDATE_REFRESH, second.refresh)
    assert third.status == 200
    with Recorder() as recorder:
        assert api.send(api.UPDATE_REFRESH, second.refresh).status == 401
    assert names(recorder) == ["jwt_reuse_detected"]
    assert api.send(api.REFRESH_ACCESS, third.refresh).status == 401


@pytest.mark.clause("HTTP-22")
@each_mode
def test_without_values_nobody_logs_out_everywhere_and_is_told_so(
    mode: str, three_methods: None, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        answer = api.send(api.LOGOUT_ALL, live.refresh)
    assert answer.status == 501
    assert answer.body["error"] == (
        "ThreeMethods cannot end all sessions of a user: it keeps no values."
    )
    assert (answer.cookies, names(recorder)) == ({}, [])
    assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 200
