"""SIG-1 to SIG-7, SIG-9, SIG-10, SIG-15, SIG-16: each signal, its sender, kwargs and moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from djwto import signals
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.exceptions import InvalidToken
from djwto.sessions import ask, revoke_all
from djwto.spec_tests import api, hooks
from djwto.spec_tests.checks.receivers import receiving
from djwto.spec_tests.logged import logged_to
from djwto.spec_tests.profile import search, seeded
from djwto.spec_tests.recorder import Recorder, Sent
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.stage import (
    NO_GRACE,
    PASSWORD,
    REUSE_SENDERS,
    Account,
    but_with,
    expect_claims,
    expect_signal,
    expect_trace,
    logged_in,
    new_account,
    playing,
    settings_drawn,
    ways,
)
from djwto.spec_tests.subject import Subject, new_key
from djwto.transports import current

REFRESH_PATHS = (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH)

Scene = Callable[[Account, Recorder], None]


def _in_any_scene(subject: Subject, scene: Scene, examples: int = 12) -> None:
    @seeded
    @search(examples=examples)
    @given(settings=settings_drawn, permissions=st.integers(0, 4))
    def play(settings: dict[str, Any], permissions: int) -> None:
        with playing(subject, **settings), Recorder() as recorder:
            scene(new_account(permissions=permissions), recorder)

    # Hypothesis' first examples are alike: see that none of the ways is missed.
    for way in ways():
        with playing(subject, **way.settings), Recorder() as recorder:
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
        json = {"content_type": "application/json"}
        for done, username, password, how, status in (
            ("a login with a wrong password", account.username, "wrong", {}, 401),
            ("a login of an unknown user", account.username + "x", PASSWORD, {}, 401),
            ("a login without a password", account.username, "", {}, 401),
            ("a login with a number for a password", account.username, 1, json, 400),
        ):
            _fails(done, recorder, api.log_in(username, password, **how), status)
        if current().ambient:
            elsewhere = {"Sec-Fetch-Site": "cross-site"}
            answer = api.log_in(account.username, PASSWORD, headers=elsewhere)
            _fails("a login from another site's page", recorder, answer, 403)
        with but_with(DJWTO_THROTTLE=hooks.WAIT):
            answer = api.log_in(account.username, PASSWORD)
        _fails("a login that has to wait", recorder, answer, 429)
        with but_with(DJWTO_USER_AUTHENTICATE=hooks.FAIL), logged_to("django.request"):
            answer = api.log_in(account.username, PASSWORD)
        done = "a login that a hook fails"
        expect(f"status of {done}", answer.status, 500)
        sent = _only(done, recorder, "jwt_login_fail", api.LOGIN)
        expect(f"error of the signal of {done}", sent.kwargs["error"], hooks.FAILURE)
        type(account.user)._default_manager.filter(pk=account.primary_key).update(is_active=False)
        answer = api.log_in(account.username, PASSWORD)
        _fails("a login of a user who was deactivated", recorder, answer, 401)

    _in_any_scene(subject, scene)


def _fails(done: str, recorder: Recorder, answer: api.Answer, status: int) -> None:
    expect(f"status of {done}", answer.status, status)
    sent = _only(done, recorder, "jwt_login_fail", api.LOGIN)
    expect(f"error of the signal of {done}", sent.kwargs["error"], answer.body["error"])


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
    for way in ways():
        with playing(subject, **way.settings, **NO_GRACE):
            _ended_when_it_is_announced(new_account())
            _not_announced_if_rolled_back(new_account())
    with playing(subject, **NO_GRACE):
        _announced_once_it_is_committed(new_account())


Ending = tuple[str, Callable[[], object], Callable[[], bool]]
"""The signal that announces the end of a session, what ends it, and whether it has ended."""


def _endings(account: Account) -> Iterator[Ending]:
    refresh = logged_in(account).refresh
    yield "jwt_blacklisted", lambda: api.send(api.LOGOUT, refresh), _is_blacklisted(refresh)
    again = logged_in(account).refresh
    _update(again)
    yield "jwt_reuse_detected", lambda: _update(again), _is_blacklisted(again)
    if get_blacklist().supports_values:
        other = logged_in(account).refresh
        yield "jwt_sessions_revoked", lambda: revoke_all(account.user), _is_refused(other)


def _is_blacklisted(refresh: str | None) -> Callable[[], bool]:
    key = blacklist_key(_jti(refresh))
    return lambda: get_blacklist().contains(key)


def _is_refused(refresh: str | None) -> Callable[[], bool]:
    claims = api.claims_of(refresh or "")

    def is_refused() -> bool:
        try:
            ask(claims)
        except InvalidToken:
            return True
        return False

    return is_refused


def _ended_when_it_is_announced(account: Account) -> None:
    for name, end, is_ended in _endings(account):
        seen: list[bool] = []

        def receiver(sender: str, is_ended: Callable[[], bool] = is_ended, **kwargs: Any) -> None:
            seen.append(is_ended())  # noqa: B023  (it is called while it is this one)
            # It may end others as well.
            seen.append(get_blacklist().add(new_key(), None))  # noqa: B023

        with receiving(getattr(signals, name), receiver):
            end()
        done = f"receivers of {name}: is the session ended, and is another key added first"
        expect(done, seen, [True, True])


def _announced_once_it_is_committed(account: Account) -> None:
    for name, end, is_ended in _endings(account):
        with Recorder() as recorder:
            with _in_transactions():
                end()
            announced = [sent.name for sent in recorder.take()]
        done = "an end in a transaction that was committed"
        expect(f"signals sent by {done}", announced, [name])
        expect(f"whether the session is ended after {done}", is_ended(), True)


@contextmanager
def _in_transactions() -> Iterator[None]:
    with ExitStack() as stack:
        for alias in connections:
            stack.enter_context(transaction.atomic(using=alias))
        yield


def _not_announced_if_rolled_back(account: Account) -> None:
    for name, end, is_ended in _endings(account):
        with Recorder() as recorder:
            with _in_transactions():
                end()
                for alias in connections:
                    transaction.set_rollback(True, using=alias)
            announced = [sent.name for sent in recorder.take()]
        if announced and not is_ended():
            raise Broken(f"{name} of an end that was rolled back: expected none, saw {announced}")


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
        _a_good_token_is_refused(logged_in(account).refresh, recorder)

    _in_any_scene(subject, scene, examples=6)


def _a_good_token_is_refused(refresh: str | None, recorder: Recorder) -> None:
    recorder.take()
    for path in (*REFRESH_PATHS, api.LOGOUT, api.LOGOUT_ALL):
        done = f"{path} with a token that is good"
        expect(f"status of GET {done}", api.send(path, refresh, method="get").status, 405)
        with but_with(DJWTO_THROTTLE=hooks.WAIT):
            answer = api.send(path, refresh)
        expect(f"status of {done}, and has to wait", answer.status, 429)
        if current().ambient:
            answer = api.send(path, refresh, csrf=False)
            expect(f"status of {done}, without a CSRF token", answer.status, 403)
        expect_trace(done, recorder.take())


@clause("SIG-15")
def reuse_is_announced(subject: Subject) -> None:
    def scene(account: Account, recorder: Recorder) -> None:
        for path in REUSE_SENDERS:
            with but_with(**NO_GRACE):
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
    yield "a second logout", api.LOGOUT, ended.refresh, True, 200
    yield "validating an ended session", api.VALIDATE_ACCESS, ended.access, False, 401
    for path in REFRESH_PATHS:
        yield f"{path} of an ended session", path, ended.refresh, True, 401
    for path in (*REFRESH_PATHS, api.LOGOUT, api.LOGOUT_ALL):
        yield f"{path} with an access token", path, ended.access, True, 401
        yield f"{path} with garbage", path, "garbage", True, 401
    yield "validating a refresh token as access", api.VALIDATE_ACCESS, ended.refresh, False, 401


def _jti(token: str | None) -> str:
    jti: str = api.claims_of(token or "")["jti"]
    return jti
