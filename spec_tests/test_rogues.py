"""Each check rejects an implementation that breaks its clause, and passes one that does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from djwto import (
    authentication,
    cutoff,
    rotation,
    sessions,
    signals,
    transports,
    users,
    views,
)
from djwto.blacklist import BlacklistBackend, get_blacklist
from djwto.claims import user_id
from djwto.exceptions import ReusedToken
from djwto.spec_tests import profile
from djwto.spec_tests.registry import CHECKS, Broken
from djwto.spec_tests.rogues import Honest, HonestWithoutValues, Rogue, rogues
from djwto.spec_tests.runner import FAILS, run_one
from djwto.spec_tests.subject import Subject
from djwto.spec_tests.test_conformance import WAITING, cases, not_applicable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def soon_short_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejection is wanted here, not a short one."""
    monkeypatch.setattr(profile, "SHRINKING_SECONDS", 2)


def _subject(backend: type[BlacklistBackend]) -> Subject:
    return Subject(f"djwto.spec_tests.rogues.{backend.__name__}")


@pytest.fixture(scope="module")
def honest() -> Subject:
    return _subject(Honest)


@pytest.fixture(scope="module")
def honest_ones(honest: Subject) -> dict[str, Subject]:
    return {"honest": honest, "without values": _subject(HonestWithoutValues)}


# On a backend of three methods test_command.py runs the clauses that are not a backend's own.
HONEST_CASES = [
    *cases("honest"),
    *(case for case in cases("without values") if case.values[0].startswith("BL-")),
]


@pytest.mark.parametrize(("clause_id", "name"), HONEST_CASES)
def test_an_honest_backend_passes(
    clause_id: str, name: str, honest_ones: dict[str, Subject]
) -> None:
    with not_applicable(clause_id, honest_ones[name].make()):
        CHECKS[clause_id](honest_ones[name])


@pytest.mark.parametrize(
    "rogue", [rogue for rogue in rogues() if rogue.breaks not in WAITING], ids=lambda r: r.__name__
)
def test_the_aimed_clause_rejects(rogue: type[Rogue]) -> None:
    with pytest.raises(Broken, match="expected"):
        CHECKS[rogue.breaks](_subject(rogue))


def test_the_clauses_of_time_reject() -> None:
    waiting = [rogue for rogue in rogues() if rogue.breaks in WAITING]

    def reject(rogue: type[Rogue]) -> type[Exception] | None:
        try:
            CHECKS[rogue.breaks](_subject(rogue))
        except Exception as error:
            return type(error)
        return None

    with ThreadPoolExecutor(len(waiting)) as pool:
        found = dict(zip(waiting, pool.map(reject, waiting), strict=True))
    assert found == dict.fromkeys(waiting, Broken)


Patch = tuple[Any, str, Any]


def _announcing(
    name: str, change: Callable[[dict[str, Any]], dict[str, Any]], times: int
) -> Patch:
    """A core that announces one signal wrongly, and the others rightly."""

    def announce(view: views.JWTView, signal: Any, **kwargs: Any) -> None:
        arguments = {"signal": signal, "sender": view.sender, "request": view.request, **kwargs}
        wrong = name == "all" or signal is getattr(signals, name)
        for _ in range(times if wrong else 1):
            sent = change(arguments) if wrong else arguments
            sent.pop("signal").send_robust(**sent)

    return views.JWTView, "announce", announce


def _wrong(name: str, *, without: str = "", **changes: Any) -> Patch:
    """One signal with other arguments than documented."""
    return _announcing(
        name, lambda kwargs: {k: v for k, v in kwargs.items() if k != without} | changes, 1
    )


def _later(claims: Any) -> Any:
    return {**claims, "exp": 1} if isinstance(claims, dict) else claims


def _raising(view: views.JWTView, signal: Any, **kwargs: Any) -> None:
    signal.send(sender=view.sender, request=view.request, **kwargs)


def _announce_at_once(claims: Any, announce: Callable[[], None]) -> bool:
    announce()
    return sessions.revoke(claims, lambda: None)


def _announce_always(claims: Any, announce: Callable[[], None]) -> bool:
    announce()
    return sessions.revoke(claims, announce)


def _announce_before_commit(claims: Any, announce: Callable[[], None]) -> bool:
    if ended := sessions.revoke(claims, lambda: None):
        announce()
    return ended


def _ends_nothing(claims: Any, announce: Callable[[], None]) -> bool:
    announce()
    return True


def _any_type(token: str, type_: str) -> Any:
    from djwto.exceptions import InvalidToken
    from djwto.tokens import decode

    try:
        return decode(token, "access")
    except InvalidToken:
        return decode(token, "refresh")


def _key_of_a_token(jti: str) -> str:
    return f"{id(jti):x}"


def _end_all(claims: Any, announce: Callable[[], None]) -> bool:
    sessions.cut_off(user_id(claims))
    return sessions.revoke(claims, announce)


def _look_then_exchange(claims: Any) -> int:
    own, _ = rotation.keys(claims)
    now = sessions.milliseconds()
    backend = get_blacklist()
    if own in backend.get_many([own]):
        raise ReusedToken("The token has been exchanged for another before.")
    time.sleep(0.01)
    backend.compare_and_set(own, None, str(now), None)
    return now


def _grace_for_all(claims: Any, found: Any, now: int) -> int | None:
    own = rotation.keys(claims)[:1]
    return int(found[own[0]]) if own and own[0] in found else None


def _no_grace(claims: Any, found: Any, now: int) -> None:
    if set(rotation.keys(claims)[:1]) & set(found):
        raise ReusedToken("The token has been exchanged for another before.")


def _by_the_second(self: cutoff.Cutoff, claims: Any) -> bool:
    return bool(claims["auth_time"] <= self.epoch)


def _without_floor(self: cutoff.Cutoff, spared: str, now: int) -> cutoff.Cutoff:
    return cutoff.Cutoff(epoch=max(self.epoch + 1, now), spared=spared)


def _sparing_nobody(self: cutoff.Cutoff, spared: str, now: int) -> cutoff.Cutoff:
    return cutoff.Cutoff(epoch=max(self.epoch + 1, now))


def _from_nowhere(*args: Any, sender: str, request: Any) -> None:
    sessions.cut_off(*args, request=request)


ANY: Callable[..., Any] = lambda *args, **kwargs: None  # noqa: E731

ROGUE_CORES: list[tuple[str, str, Patch]] = [
    ("SIG-1", "another sender", _wrong("jwt_logged_in", sender="Login")),
    ("SIG-1", "a kwarg too many", _wrong("jwt_logged_in", user=1)),
    ("SIG-1", "a kwarg too few", _wrong("jwt_logged_in", without="access_claims")),
    ("SIG-1", "sent twice", _announcing("jwt_logged_in", dict, times=2)),
    ("SIG-2", "not sent", _announcing("jwt_login_fail", dict, times=0)),
    ("SIG-2", "another text", _wrong("jwt_login_fail", error="failed")),
    ("SIG-3", "another jti", _wrong("jwt_blacklisted", jti="~")),
    ("SIG-3", "a class for its name", _wrong("jwt_blacklisted", sender=views.BlackListTokenView)),
    ("SIG-4", "claims as well", _wrong("jwt_token_validated", claims={})),
    ("SIG-4", "another signal", _wrong("jwt_token_validated", signal=signals.jwt_logged_in)),
    ("SIG-5", "no request", _wrong("jwt_access_refreshed", without="request")),
    ("SIG-6", "another sender", _wrong("jwt_refresh_updated", sender="RefreshAccessView")),
    ("SIG-7", "other claims", _announcing("all", lambda kw: {k: _later(kw[k]) for k in kw}, 1)),
    ("SIG-9", "before the effect", (views, "revoke", _announce_at_once)),
    ("SIG-9", "in a transaction that is rolled back", (views, "revoke", _announce_before_commit)),
    ("SIG-10", "for a second logout too", (views, "revoke", _announce_always)),
    ("SIG-11", "send for send_robust", (views.JWTView, "announce", _raising)),
    ("SIG-12", "validation without the store", (views, "ask", ANY)),
    ("SIG-12", "departed users", (views, "refuse_departed", ANY)),
    ("SIG-12", "any type of token", (authentication, "decode", _any_type)),
    ("SIG-12", "tokens exchanged twice", (rotation, "exchanged_at", ANY)),
    ("SIG-15", "other claims", _wrong("jwt_reuse_detected", claims={})),
    ("SIG-15", "not sent", _announcing("jwt_reuse_detected", dict, times=0)),
    ("SIG-15", "for every replay", (views, "revoke", _announce_always)),
    ("SIG-16", "another sender", (views, "cut_off", _from_nowhere)),
    ("SIG-16", "not sent", (sessions, "jwt_sessions_revoked", signals.SenderNameSignal())),
    ("HTTP-9", "validation without the store", (views, "ask", ANY)),
    ("HTTP-10", "refresh without the store", (views, "ask", ANY)),
    ("HTTP-11", "update without the store", (views, "ask", ANY)),
    ("HTTP-12", "nothing ended", (views, "revoke", _ends_nothing)),
    ("HTTP-12", "cookies kept", (transports.OneCookie, "forget", ANY)),
    ("HTTP-13", "departed users", (views, "refuse_departed", ANY)),
    ("HTTP-14", "ended by token, not by session", (sessions, "blacklist_key", _key_of_a_token)),
    ("HTTP-20", "nothing used up", (views, "exchange", lambda claims: sessions.milliseconds())),
    ("HTTP-20", "looks and then exchanges", (views, "exchange", _look_then_exchange)),
    ("HTTP-20", "a successor each", (rotation, "successor", lambda claims: uuid4().hex)),
    ("HTTP-21", "the session goes on", (views, "revoke", _ends_nothing)),
    ("HTTP-21", "every session ends", (views, "revoke", _end_all)),
    ("HTTP-21", "cookies kept", (transports.OneCookie, "forget", ANY)),
    ("HTTP-22", "by the second", (cutoff.Cutoff, "ends", _by_the_second)),
    ("HTTP-22", "the dead come back", (cutoff.Cutoff, "next", _without_floor)),
    ("HTTP-22", "nobody is spared", (cutoff.Cutoff, "next", _sparing_nobody)),
    ("HTTP-23", "nobody watches", (users, "_end_sessions", ANY)),
    ("HTTP-24", "never asks", (authentication, "_authenticate", authentication.authenticate)),
    ("HTTP-27", "for every generation", (rotation, "exchanged_at", _grace_for_all)),
    ("HTTP-27", "for none", (rotation, "exchanged_at", _no_grace)),
]


@contextmanager
def _patched(patch: Patch) -> Iterator[None]:
    owner, name, replacement = patch
    original = owner.__dict__[name]
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)


@pytest.mark.parametrize(
    ("clause_id", "way", "patch"), ROGUE_CORES, ids=[f"{c}-{w}" for c, w, _ in ROGUE_CORES]
)
def test_a_core_that_breaks_the_clause_is_rejected(
    clause_id: str, way: str, patch: Patch, honest: Subject, subjects: dict[str, Subject]
) -> None:
    # A transaction can be rolled back in the database only.
    subject = subjects["database"] if clause_id == "SIG-9" else honest
    with _patched(patch), pytest.raises(Broken, match="expected"):
        CHECKS[clause_id](subject)


def test_every_clause_has_a_rogue() -> None:
    aimed = {rogue.breaks for rogue in rogues()} | {clause for clause, _, _ in ROGUE_CORES}
    assert aimed == set(CHECKS)


def test_a_crash_is_a_failure_that_says_so(honest: Subject) -> None:
    def crash(subject: Subject) -> None:
        raise ZeroDivisionError("by zero")

    verdict = run_one("BL-1", crash, honest)
    assert (verdict.result, verdict.reason) == (FAILS, "ZeroDivisionError: by zero")


def test_the_shrunk_steps_are_shown() -> None:
    from djwto.spec_tests.rogues import ForgetsWhenAskedTwice

    verdict = run_one("BL-14", CHECKS["BL-14"], _subject(ForgetsWhenAskedTwice))
    assert verdict.result == FAILS
    steps = verdict.example.splitlines()
    assert all(step.startswith("state.") for step in steps)
    assert any("life=None" in step for step in steps)
