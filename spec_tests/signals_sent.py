"""SIG-1 to SIG-7, SIG-9 to SIG-11, SIG-15, SIG-16: each signal, its sender, kwargs and moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections, transaction
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from djwto import signals
from djwto.blacklist import blacklist_key
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import Recorder, Sent
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.stage import (
    MODES,
    PASSWORD,
    REUSE_SENDERS,
    Account,
    expect_claims,
    expect_signal,
    expect_trace,
    logged_in,
    new_account,
    playing,
    settings_drawn,
)
from djwto.spec_tests.subject import Subject

Scene = Callable[[Account, Recorder], None]


def _in_any_scene(subject: Subject, scene: Scene, examples: int = 12) -> None:
    @search(examples=examples)
    @given(settings=settings_drawn, permissions=st.integers(0, 4))
    def play(settings: dict[str, Any], permissions: int) -> None:
        with playing(subject, **settings), Recorder() as recorder:
            scene(new_account(permissions=permissions), recorder)

    # Hypothesis' first examples are alike: see that none of the modes is missed.
    for mode in MODES:
        with playing(subject, DJWTO_MODE=mode), Recorder() as recorder:
            scene(new_account(permissions=1), recorder)
    play()


def _only(done: str, recorder: Recorder, name: str, path: str) -> Sent:
    sent = recorder.take()
    expect_trace(done, sent, name)
    expect_signal(done, sent[0], path)
    return sent[0]


@clause("SIG-1")
def a_login_is_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        logged_in(account)
        sent = _only("a login", recorder, "jwt_logged_in", api.LOGIN)
        for name in ("refresh_claims", "access_claims"):
            user = sent.kwargs[name]["user"]
            expect(f"id of the user in {name}", str(user["id"]), str(account.user.pk))
            expect(f"perms of the user in {name}", user["perms"], account.perms)

    _in_any_scene(subject, scene)


@clause("SIG-2")
def a_failed_login_is_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        for done, username, password in (
            ("a login with a wrong password", account.username, "wrong"),
            ("a login of an unknown user", account.username + "x", PASSWORD),
            ("a login without a password", account.username, ""),
        ):
            answer = api.log_in(username, password)
            expect(f"status of {done}", answer.status, 401)
            sent = _only(done, recorder, "jwt_login_fail", api.LOGIN)
            expect(f"error of the signal of {done}", sent.kwargs["error"], answer.body["error"])

    _in_any_scene(subject, scene)


@clause("SIG-3")
def a_logout_is_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        for method in ("post", "delete"):
            refresh = logged_in(account).refresh
            recorder.take()
            done = f"{method.upper()} logout"
            answer = api.send(api.LOGOUT, refresh, method=method)
            expect(f"status of {done}", answer.status, 200)
            sent = _only(done, recorder, "jwt_blacklisted", api.LOGOUT)
            expect(f"jti of the signal of {done}", sent.kwargs["jti"], _jti(refresh))

    _in_any_scene(subject, scene)


@clause("SIG-4")
def a_validation_is_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        tokens = logged_in(account)
        recorder.take()
        for path, token, as_refresh in (
            (api.VALIDATE_ACCESS, tokens.access, False),
            (api.VALIDATE_REFRESH, tokens.refresh, True),
        ):
            expect(f"status of {path}", api.send(path, token, as_refresh=as_refresh).status, 200)
            _only(path, recorder, "jwt_token_validated", path)

    _in_any_scene(subject, scene)


@clause("SIG-5")
def a_refresh_is_announced(subject: Subject) -> None:
    _in_any_scene(subject, _issuing(api.REFRESH_ACCESS, "jwt_access_refreshed"))


@clause("SIG-6")
def an_update_is_announced(subject: Subject) -> None:
    _in_any_scene(subject, _issuing(api.UPDATE_REFRESH, "jwt_refresh_updated"))


def _issuing(path: str, name: str) -> Scene:
    def scene(account: Account, recorder: Recorder) -> None:
        refresh = logged_in(account).refresh
        recorder.take()
        expect(f"status of {path}", api.send(path, refresh).status, 200)
        sent = _only(path, recorder, name, path)
        for claims in ("refresh_claims", "access_claims"):
            expect(f"jti in {claims} of {name}", sent.kwargs[claims]["jti"], _jti(refresh))

    return scene


@clause("SIG-7")
def the_claims_are_those_of_the_tokens(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        answer = logged_in(account)
        expect_claims("a login", recorder.take()[-1], answer)
        refresh = answer.refresh
        for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
            answer = api.send(path, refresh)
            expect_claims(path, recorder.take()[-1], answer, refresh)
            refresh = answer.refresh or refresh

    _in_any_scene(subject, scene)


@clause("SIG-9")
def a_signal_follows_its_effect(subject: Subject) -> None:
    def ended(jti: str) -> bool:
        return subject.make().contains(blacklist_key(jti))

    seen: list[bool] = []

    def receiver(sender: str, jti: str, **kwargs: Any) -> None:
        seen.append(ended(jti))

    for mode in MODES:
        with playing(subject, DJWTO_MODE=mode):
            account = new_account()
            with _receiving(signals.jwt_blacklisted, receiver):
                api.send(api.LOGOUT, logged_in(account).refresh)
            expect("whether receivers of jwt_blacklisted find the session ended", seen, [True])
            seen.clear()
            refresh = logged_in(account).refresh
            with Recorder() as recorder:
                for alias in connections:
                    with transaction.atomic(using=alias):
                        api.send(api.LOGOUT, refresh)
                        transaction.set_rollback(True, using=alias)
                announced = [sent.name for sent in recorder.take()]
            if announced and not ended(_jti(refresh)):
                raise Broken(f"a logout that was rolled back: expected no signal, saw {announced}")


@clause("SIG-10")
def a_refusal_is_not_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        tokens = logged_in(account)
        api.send(api.LOGOUT, tokens.refresh)
        recorder.take()
        for done, path, token, as_refresh, status in _refusals(tokens):
            answer = api.send(path, token, as_refresh=as_refresh)
            expect(f"status of {done}", answer.status, status)
            expect_trace(done, recorder.take())

    _in_any_scene(subject, scene, examples=6)


@clause("SIG-15")
def reuse_is_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        for path in REUSE_SENDERS:
            with override_settings(DJWTO_ROTATE_REFRESH=True, DJWTO_REUSE_GRACE=0):
                old = logged_in(account).refresh
                expect(f"status of {api.UPDATE_REFRESH}", _update(old).status, 200)
                recorder.take()
                done = f"{path} with a token that had been exchanged"
                expect(f"status of {done}", api.send(path, old).status, 401)
                sent = _only(done, recorder, "jwt_reuse_detected", path)
                expect(f"jti of the signal of {done}", sent.kwargs["jti"], _jti(old))
                claims = api.claims_of(old or "")
                expect(f"claims of the signal of {done}", sent.kwargs["claims"], claims)
                expect(f"status of {done} again", api.send(path, old).status, 401)
                expect_trace(f"{done} again", recorder.take())

    _in_any_scene(subject, scene, examples=6)


@clause("SIG-16")
def logging_out_everywhere_is_announced(subject: Subject) -> None:
    if not subject.make().supports_values:
        raise NotApplicable("supports_values is False: nobody can log out everywhere")

    def scene(account: Account, recorder: Recorder) -> None:
        for keep in (False, True):
            refresh = logged_in(account).refresh
            recorder.take()
            done = f"{api.LOGOUT_ALL} with keep_current {keep}"
            answer = api.send(api.LOGOUT_ALL, refresh, data={"keep_current": str(keep)})
            expect(f"status of {done}", answer.status, 200)
            sent = _only(done, recorder, "jwt_sessions_revoked", api.LOGOUT_ALL)
            expect(f"user_id of the signal of {done}", sent.kwargs["user_id"], _user_id(refresh))
            spared = _jti(refresh) if keep else None
            expect(f"except_jti of the signal of {done}", sent.kwargs["except_jti"], spared)
        revoke_all(account.user, except_jti="any")
        expect_trace("revoke_all", all_sent := recorder.take(), "jwt_sessions_revoked")
        expect("sender of its signal", all_sent[0].sender, "revoke_all")
        kwargs = {k: v for k, v in all_sent[0].kwargs.items() if k != "signal"}
        wanted = {"request": None, "user_id": _user_id(refresh), "except_jti": "any"}
        expect("kwargs of its signal", kwargs, wanted)

    _in_any_scene(subject, scene, examples=6)


def _update(token: str | None) -> api.Answer:
    return api.send(api.UPDATE_REFRESH, token)


def _user_id(token: str | None) -> Any:
    return api.claims_of(token or "")["user"]["id"]


def _refusals(ended: api.Answer) -> Iterator[tuple[str, str, str | None, bool, int]]:
    refresh_paths = (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH)
    yield "a second logout", api.LOGOUT, ended.refresh, True, 200
    yield "validating an ended session", api.VALIDATE_ACCESS, ended.access, False, 401
    for path in refresh_paths:
        yield f"{path} of an ended session", path, ended.refresh, True, 401
    for path in (*refresh_paths, api.LOGOUT):
        yield f"{path} with an access token", path, ended.access, True, 401
        yield f"{path} with garbage", path, "garbage", True, 401
    yield "validating a refresh token as access", api.VALIDATE_ACCESS, ended.refresh, False, 401


@clause("SIG-11")
def a_receiver_that_raises_changes_nothing(subject: Subject) -> None:
    def receiver(sender: str, **kwargs: Any) -> None:
        raise RuntimeError("raised by a receiver, as this check has it")

    for mode in MODES:
        with playing(subject, DJWTO_MODE=mode):
            account = new_account()
            with _silent("django.dispatch") as logged:
                for name in ("jwt_logged_in", "jwt_access_refreshed", "jwt_blacklisted"):
                    getattr(signals, name).connect(receiver)
                try:
                    with Recorder() as recorder:
                        refresh = logged_in(account).refresh
                        statuses = [
                            api.send(path, refresh).status
                            for path in (api.REFRESH_ACCESS, api.LOGOUT, api.REFRESH_ACCESS)
                        ]
                        sent = recorder.take()
                finally:
                    for name in ("jwt_logged_in", "jwt_access_refreshed", "jwt_blacklisted"):
                        getattr(signals, name).disconnect(receiver)
            expect(
                "statuses of refresh_access, logout, refresh_access with receivers that raise",
                statuses,
                [200, 200, 401],
            )
            expect_trace(
                "them, heard by others", sent, "jwt_logged_in", "jwt_access_refreshed",
                "jwt_blacklisted",
            )  # fmt: skip
            expect("errors of receivers logged", len(logged), 3)


def _jti(token: str | None) -> str:
    jti: str = api.claims_of(token or "")["jti"]
    return jti


class _receiving:
    """While entered, a receiver of a signal."""

    def __init__(self, signal: Any, receiver: Any) -> None:
        self.signal, self.receiver = signal, receiver

    def __enter__(self) -> None:
        self.signal.connect(self.receiver)

    def __exit__(self, *error: object) -> None:
        self.signal.disconnect(self.receiver)


class _silent(logging.Handler):
    """While entered, takes a logger's records instead of having them printed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.logger = logging.getLogger(name)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def __enter__(self) -> list[logging.LogRecord]:
        self.before = self.logger.propagate
        self.logger.propagate = False
        self.logger.addHandler(self)
        return self.records

    def __exit__(self, *error: object) -> None:
        self.logger.removeHandler(self)
        self.logger.propagate = self.before
