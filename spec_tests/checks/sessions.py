"""HTTP-9 to HTTP-14, HTTP-25: what becomes of a session, as far as its blacklist has a say."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet

from djwto.blacklist import blacklist_key
from djwto.claims import ACCESS, REFRESH
from djwto.spec_tests import api, hooks
from djwto.spec_tests.clock import HOUR, Clock, SetForward, clock_of, with_hours_to_pass
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.stage import (
    PASSWORD,
    Account,
    Way,
    but_with,
    expect_cleared,
    expect_signal,
    expect_trace,
    in_each_way,
    logged_in,
    new_account,
)
from djwto.spec_tests.subject import Subject
from djwto.transports import OneCookie, current


def status(path: str, token: str | None, *, method: str = "post") -> int:
    """The status that the endpoint answers to the token."""
    return api.send(path, token, method=method).status


@clause("HTTP-9")
def validation_asks_the_store(subject: Subject) -> None:
    for way in in_each_way(subject):
        tokens = logged_in(new_account())
        pair = [(api.VALIDATE_ACCESS, tokens.access), (api.VALIDATE_REFRESH, tokens.refresh)]
        for (path, token), (_, other) in zip(pair, reversed(pair), strict=True):
            expect(f"{path} in {way}", status(path, token), 200)
            expect(f"{path} in {way} with the other token", status(path, other), 401)
            seen = status(path, api.forged(token, other))
            expect(f"{path} in {way} with the signature of the other token", seen, 401)
        expect(f"logout in {way}", status(api.LOGOUT, tokens.refresh), 200)
        for path, token in pair:
            expect(f"{path} in {way} after logout", status(path, token), 401)
        with_hours_to_pass(subject, partial(_validated_until_they_expire, way))


def _validated_until_they_expire(way: Way, clock: Clock) -> None:
    tokens = logged_in(new_account())
    for (path, token), wanted in (
        ((api.VALIDATE_ACCESS, tokens.access), 200),
        ((api.VALIDATE_REFRESH, tokens.refresh), 401),
    ):
        clock.wait_until(api.claims_of(token)["exp"] + 1)
        expect(f"{path} in {way} once the token has expired", status(path, token), 401)
        seen = status(api.VALIDATE_REFRESH, tokens.refresh)
        expect(f"{api.VALIDATE_REFRESH} in {way} at that time", seen, wanted)


@clause("HTTP-10")
def a_refresh_gives_an_access_token(subject: Subject) -> None:
    for way in in_each_way(subject):
        tokens = logged_in(new_account())
        answer = api.send(api.REFRESH_ACCESS, tokens.refresh)
        expect(f"refresh_access in {way}", answer.status, 200)
        # A browser keeps the one that it has.
        kept = None if way.has_cookies else tokens.refresh
        expect(f"its refresh token in {way}", answer.refresh, kept)
        expect(f"its access token in {way}", status(api.VALIDATE_ACCESS, answer.access), 200)
        status(api.LOGOUT, tokens.refresh)
        expect(
            f"refresh_access in {way} after logout",
            status(api.REFRESH_ACCESS, tokens.refresh),
            401,
        )


@clause("HTTP-11")
def an_update_gives_a_pair(subject: Subject) -> None:
    for way in in_each_way(subject, DJWTO_REUSE_GRACE=0):
        tokens = logged_in(new_account())
        answer = api.send(api.UPDATE_REFRESH, tokens.refresh)
        expect(f"update_refresh in {way}", answer.status, 200)
        for path, token in (
            (api.VALIDATE_ACCESS, answer.access),
            (api.VALIDATE_REFRESH, answer.refresh),
            (api.REFRESH_ACCESS, answer.refresh),
        ):
            expect(f"{path} with what it gave in {way}", status(path, token), 200)
        status(api.LOGOUT, tokens.refresh)
        for token in (answer.refresh, tokens.refresh):
            seen = status(api.UPDATE_REFRESH, token)
            expect(f"update_refresh in {way} after logout", seen, 401)
        refresh = logged_in(new_account()).refresh
        done = f"update_refresh in {way} where it is off"
        with but_with(DJWTO_ALLOW_REFRESH_UPDATE=False):
            answer = api.send(api.UPDATE_REFRESH, refresh)
            expect(done, answer.status, 404)
            expect(f"tokens of {done}", [answer.refresh, answer.access], [None, None])
        seen = status(api.UPDATE_REFRESH, refresh)
        expect(f"{done}, then with the same token where it is on", seen, 200)


@clause("HTTP-12")
def a_logout_ends_the_session_and_no_other(subject: Subject) -> None:
    for way in in_each_way(subject):
        account = new_account()
        for method in ("post", "delete"):
            tokens, other = logged_in(account), logged_in(account)
            answer = api.send(api.LOGOUT, tokens.refresh, method=method)
            done = f"{method.upper()} logout in {way}"
            expect(done, answer.status, 200)
            expect_cleared(done, answer, tokens)
            again = api.send(api.LOGOUT, tokens.refresh, method=method)
            expect(f"a second {done}", again.status, 200)
            expect_cleared(f"a second {done}", again, tokens)
            expect(f"refreshing after {done}", status(api.REFRESH_ACCESS, tokens.refresh), 401)
            expect(
                f"refreshing another session of the user after {done}",
                status(api.REFRESH_ACCESS, other.refresh),
                200,
            )
        for token in (None, "no token"):
            answer = api.send(api.LOGOUT, token, method="delete")
            done = f"DELETE logout in {way} with {token or 'nothing'}"
            expect(done, answer.status, 200)
            expect_cleared(done, answer, tokens)
        _refused_logouts_do_nothing(account, way)


def _refused_logouts_do_nothing(account: Account, way: Way) -> None:
    tokens = logged_in(account)
    for method in ("post", "delete"):
        for token in (tokens.refresh, None):
            sent = "a token" if token else "none"
            done = f"{method.upper()} logout in {way} with {sent}"
            with but_with(DJWTO_THROTTLE=hooks.WAIT):
                answer = api.send(api.LOGOUT, token, method=method)
            expect(f"{done} that has to wait", answer.status, 429)
            expect(f"cookies set by {done} that has to wait", sorted(answer.cookies), [])
            if way.has_cookies:
                answer = api.send(api.LOGOUT, token, method=method, csrf=False)
                done += ", without a CSRF token,"
                expect(done, answer.status, 403)
                expect(f"cookies set by {done}", sorted(answer.cookies), [])
    done = f"refreshing in {way} after logouts that were refused"
    expect(done, status(api.REFRESH_ACCESS, tokens.refresh), 200)


def _deactivate(found: QuerySet[Any]) -> None:
    found.update(is_active=False)


def _delete(found: QuerySet[Any]) -> None:
    for permission in ("user_permissions", "groups"):
        getattr(found.get(), permission).clear()
    found._raw_delete(found.db)


def _set_password(found: QuerySet[Any]) -> None:
    found.update(password=make_password("another password"))


DEPARTURES = {
    "user was deactivated": _deactivate,
    "user was deleted": _delete,
    "password was changed": _set_password,
}
"""What is done behind the back of Django's signals, so that only a look at the user tells."""


@clause("HTTP-13")
def the_departed_get_nothing(subject: Subject) -> None:
    for way in in_each_way(subject):
        for done, depart in DEPARTURES.items():
            account = new_account()
            tokens = logged_in(account)
            depart(type(account.user)._default_manager.filter(pk=account.primary_key))
            for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
                expect(f"{path} in {way} after the {done}", status(path, tokens.refresh), 401)


@clause("HTTP-14")
def an_ended_session_stays_ended(subject: Subject) -> None:
    for way in in_each_way(subject):
        oldest = logged_in(new_account())
        younger = api.send(api.UPDATE_REFRESH, oldest.refresh)
        youngest = api.send(api.UPDATE_REFRESH, younger.refresh)
        expect(f"logout with the oldest token in {way}", status(api.LOGOUT, oldest.refresh), 200)
        for done in ("logout", "logout and purge()"):
            # The others are refused as exchanged, too, which ends the session once more.
            for name, tokens in (("last", youngest), ("younger", younger), ("oldest", oldest)):
                for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH):
                    seen = status(path, tokens.refresh)
                    expect(f"{path} with the {name} token in {way} after {done}", seen, 401)
                seen = status(api.VALIDATE_ACCESS, tokens.access)
                expect(f"the {name} access token in {way} after {done}", seen, 401)
            subject.make().purge()
        _ended_until_the_last_token_expires(subject, way)


def _ended_until_the_last_token_expires(subject: Subject, way: Way) -> None:
    """The token that a logout is made with expires before others of its session do."""
    with clock_of(subject) as clock:
        if not isinstance(clock, SetForward):
            return
        oldest = logged_in(new_account())
        expires = api.claims_of(oldest.refresh or "")["exp"]
        clock.wait_until(expires - HOUR)
        younger = api.send(api.UPDATE_REFRESH, oldest.refresh)
        expect(f"update_refresh in {way} an hour before the end", younger.status, 200)
        expect(f"logout with the old token in {way}", status(api.LOGOUT, oldest.refresh), 200)
        clock.wait_until(expires + HOUR)
        subject.make().purge()
        for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH):
            done = f"{path} in {way} after logout, purge() and the end of the token sent to it"
            expect(done, status(path, younger.refresh), 401)
        clock.wait_until(api.claims_of(younger.refresh)["exp"] + 24 * HOUR)
        subject.make().purge()
        key = blacklist_key(api.claims_of(younger.refresh)["jti"])
        done = f"contains() of a session that ended in {way}, a day after the last exp and purge()"
        expect(done, subject.make().contains(key), False)
        _ended_while_tokens_are_taken_late(subject, way, clock)
        if way.has_cookies:
            _ended_for_good_by_an_access_token(subject, way, clock)


def _ended_while_tokens_are_taken_late(subject: Subject, way: Way, clock: Clock) -> None:
    with but_with(DJWTO_LEEWAY=timedelta(hours=2)):
        late = logged_in(new_account())
        expect(f"logout in {way} with a leeway", status(api.LOGOUT, late.refresh), 200)
        clock.wait_until(api.claims_of(late.refresh)["exp"] + HOUR)
        subject.make().purge()
        done = f"{api.REFRESH_ACCESS} in {way} after logout, purge() and exp, within the leeway"
        expect(done, status(api.REFRESH_ACCESS, late.refresh), 401)


def _ended_for_good_by_an_access_token(subject: Subject, way: Way, clock: Clock) -> None:
    """It does not tell how long the refresh tokens of its session live."""
    lasting = {"DJWTO_REFRESH_TOKEN_LIFETIME": None, "DJWTO_SESSION_MAX_AGE": None}
    with but_with(**lasting):
        account = new_account()
        ended = logged_in(account)
        done = f"a login in {way} with the access cookie of another session"
        again = api.log_in(account.username, PASSWORD, cookies=_as_cookies(access=ended.access))
        expect(done, again.status, 200)
        clock.wait_until(time.time() + 90 * 24 * HOUR)
        subject.make().purge()
        seen = status(api.REFRESH_ACCESS, ended.refresh)
        expect(f"{api.REFRESH_ACCESS} in {way} after {done}, 90 days and purge()", seen, 401)


def _as_cookies(**tokens: str | None) -> dict[str, str]:
    """Tokens by their types, as the cookies that a browser has them in."""
    transport = current()
    assert isinstance(transport, OneCookie)
    return {transport.cookie(type_): token or "" for type_, token in tokens.items()}


@clause("HTTP-25")
def a_login_ends_the_session_it_replaces(subject: Subject) -> None:
    for way in in_each_way(subject):
        if way.has_cookies:
            for types in ((REFRESH, ACCESS), (REFRESH,), (ACCESS,)):
                _replaced(way, types)


def _replaced(way: Way, types: tuple[str, ...]) -> None:
    account = new_account()
    first, other = logged_in(account), logged_in(account)
    tokens = {REFRESH: first.refresh, ACCESS: first.access}
    cookies = _as_cookies(**{type_: tokens[type_] for type_ in types})
    about = f"a login in {way} with the cookies of another session ({', '.join(types)})"
    with Recorder() as recorder:
        done = f"{about} and a wrong password"
        expect(done, api.log_in(account.username, "wrong", cookies=cookies).status, 401)
        expect_trace(done, recorder.take(), "jwt_login_fail")
    expect(
        f"{api.VALIDATE_REFRESH} after {done}", status(api.VALIDATE_REFRESH, first.refresh), 200
    )
    with Recorder() as recorder:
        expect(about, api.log_in(account.username, PASSWORD, cookies=cookies).status, 200)
        sent = recorder.take()
        expect_trace(about, sent, "jwt_blacklisted", "jwt_logged_in")
        expect_signal(about, sent[0], api.LOGIN)
        jti = api.claims_of(first.refresh)["jti"]
        expect(f"jti of jwt_blacklisted sent by {about}", sent[0].kwargs["jti"], jti)
    for name, session, wanted in (("replaced", first, 401), ("other", other, 200)):
        seen = status(api.REFRESH_ACCESS, session.refresh)
        expect(f"{api.REFRESH_ACCESS} with the {name} session after {about}", seen, wanted)
