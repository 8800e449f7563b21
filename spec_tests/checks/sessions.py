"""HTTP-9 to HTTP-14, HTTP-25: what becomes of a session, as far as its blacklist has a say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet
from django.test import override_settings

from djwto.spec_tests import api
from djwto.spec_tests.clock import HOUR, SetForward, clock_of
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.stage import (
    MODES,
    PASSWORD,
    expect_trace,
    logged_in,
    new_account,
    playing,
)
from djwto.spec_tests.subject import Subject


def in_each_mode(subject: Subject, **settings: Any) -> Iterator[str]:
    """Each of the modes, in force with these settings."""
    for mode in MODES:
        with playing(subject, DJWTO_MODE=mode, **settings):
            yield mode


def status(path: str, token: str | None, *, method: str = "post") -> int:
    """The status that the endpoint answers to the token."""
    as_refresh = path != api.VALIDATE_ACCESS
    return api.send(path, token, method=method, as_refresh=as_refresh).status


@clause("HTTP-9")
def validation_asks_the_store(subject: Subject) -> None:
    for mode in in_each_mode(subject):
        tokens = logged_in(new_account())
        pair = [(api.VALIDATE_ACCESS, tokens.access), (api.VALIDATE_REFRESH, tokens.refresh)]
        for path, token in pair:
            expect(f"{path} in {mode}", status(path, token), 200)
        expect(f"logout in {mode}", status(api.LOGOUT, tokens.refresh), 200)
        for path, token in pair:
            expect(f"{path} in {mode} after logout", status(path, token), 401)


@clause("HTTP-10")
def a_refresh_gives_an_access_token(subject: Subject) -> None:
    for mode in in_each_mode(subject):
        tokens = logged_in(new_account())
        answer = api.send(api.REFRESH_ACCESS, tokens.refresh)
        expect(f"refresh_access in {mode}", answer.status, 200)
        # In a cookie mode the browser keeps the one that it has.
        expect(f"its refresh token in {mode}", answer.refresh or tokens.refresh, tokens.refresh)
        expect(f"its access token in {mode}", status(api.VALIDATE_ACCESS, answer.access), 200)
        status(api.LOGOUT, tokens.refresh)
        expect(
            f"refresh_access in {mode} after logout",
            status(api.REFRESH_ACCESS, tokens.refresh),
            401,
        )


@clause("HTTP-11")
def an_update_gives_a_pair(subject: Subject) -> None:
    for mode in in_each_mode(subject):
        tokens = logged_in(new_account())
        answer = api.send(api.UPDATE_REFRESH, tokens.refresh)
        expect(f"update_refresh in {mode}", answer.status, 200)
        for path, token in (
            (api.VALIDATE_ACCESS, answer.access),
            (api.VALIDATE_REFRESH, answer.refresh),
            (api.REFRESH_ACCESS, answer.refresh),
        ):
            expect(f"{path} with what it gave in {mode}", status(path, token), 200)
        status(api.LOGOUT, tokens.refresh)
        for token in (answer.refresh, tokens.refresh):
            seen = status(api.UPDATE_REFRESH, token)
            expect(f"update_refresh in {mode} after logout", seen, 401)
        with override_settings(DJWTO_ALLOW_REFRESH_UPDATE=False):
            answer = api.send(api.UPDATE_REFRESH, logged_in(new_account()).refresh)
            done = f"update_refresh in {mode} where it is off"
            expect(done, answer.status, 404)
            expect(f"tokens of {done}", [answer.refresh, answer.access], [None, None])


@clause("HTTP-12")
def a_logout_ends_the_session_and_no_other(subject: Subject) -> None:
    for mode in in_each_mode(subject):
        account = new_account()
        for method in ("post", "delete"):
            tokens, other = logged_in(account), logged_in(account)
            answer = api.send(api.LOGOUT, tokens.refresh, method=method)
            done = f"{method.upper()} logout in {mode}"
            expect(done, answer.status, 200)
            for name, cookie in answer.cookies.items():
                expect(f"Max-Age of {name} set by {done}", cookie["max-age"], 0)
            expect(f"whether {done} clears cookies", bool(answer.cookies), mode != "JSON")
            expect(f"a second {done}", status(api.LOGOUT, tokens.refresh, method=method), 200)
            expect(f"refreshing after {done}", status(api.REFRESH_ACCESS, tokens.refresh), 401)
            expect(
                f"refreshing another session of the user after {done}",
                status(api.REFRESH_ACCESS, other.refresh),
                200,
            )
        for token in (None, "no token"):
            answer = api.send(api.LOGOUT, token, method="delete")
            done = f"DELETE logout in {mode} with {token or 'nothing'}"
            expect(done, answer.status, 200)
            expect(f"whether {done} clears cookies", bool(answer.cookies), mode != "JSON")


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
    for mode in in_each_mode(subject):
        for done, depart in DEPARTURES.items():
            account = new_account()
            tokens = logged_in(account)
            depart(type(account.user)._default_manager.filter(pk=account.primary_key))
            for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
                expect(f"{path} in {mode} after the {done}", status(path, tokens.refresh), 401)


@clause("HTTP-14")
def an_ended_session_stays_ended(subject: Subject) -> None:
    for mode in in_each_mode(subject):
        oldest = logged_in(new_account())
        younger = api.send(api.UPDATE_REFRESH, oldest.refresh)
        youngest = api.send(api.UPDATE_REFRESH, younger.refresh)
        expect(f"logout with the oldest token in {mode}", status(api.LOGOUT, oldest.refresh), 200)
        for done in ("logout", "logout and purge()"):
            # The others are refused as exchanged, too, which ends the session once more.
            for name, tokens in (("last", youngest), ("younger", younger), ("oldest", oldest)):
                for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH):
                    seen = status(path, tokens.refresh)
                    expect(f"{path} with the {name} token in {mode} after {done}", seen, 401)
                seen = status(api.VALIDATE_ACCESS, tokens.access)
                expect(f"the {name} access token in {mode} after {done}", seen, 401)
            subject.make().purge()
        _ended_until_the_last_token_expires(subject, mode)


def _ended_until_the_last_token_expires(subject: Subject, mode: str) -> None:
    """The token that a logout is made with expires before others of its session do."""
    with clock_of(subject) as clock:
        if not isinstance(clock, SetForward):
            return
        oldest = logged_in(new_account())
        expires = api.claims_of(oldest.refresh or "")["exp"]
        clock.wait_until(expires - HOUR)
        younger = api.send(api.UPDATE_REFRESH, oldest.refresh)
        expect(f"update_refresh in {mode} an hour before the end", younger.status, 200)
        expect(f"logout with the old token in {mode}", status(api.LOGOUT, oldest.refresh), 200)
        clock.wait_until(expires + HOUR)
        subject.make().purge()
        for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH):
            done = f"{path} in {mode} after logout, purge() and the end of the token sent to it"
            expect(done, status(path, younger.refresh), 401)


@clause("HTTP-25")
def a_login_ends_the_session_it_replaces(subject: Subject) -> None:
    for mode in in_each_mode(subject):
        if mode == "JSON":
            continue
        account = new_account()
        first, other = logged_in(account), logged_in(account)
        cookies = {name: cookie.value for name, cookie in first.cookies.items()}
        with Recorder() as recorder:
            again = api.log_in(account.username, PASSWORD, cookies=cookies)
            done = f"a login in {mode} with the cookies of another session"
            expect(done, again.status, 200)
            expect_trace(done, recorder.take(), "jwt_blacklisted", "jwt_logged_in")
        for name, tokens, wanted in (("replaced", first, 401), ("other", other, 200)):
            seen = status(api.REFRESH_ACCESS, tokens.refresh)
            expect(f"{api.REFRESH_ACCESS} with the {name} session after {done}", seen, wanted)
