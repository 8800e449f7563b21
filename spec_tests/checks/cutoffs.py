"""HTTP-22 to HTTP-24: all sessions of a user end at once, and access tokens with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from djwto.authentication import jwt_is_refresh, jwt_login_required, jwt_perm_required
from djwto.claims import ACCESS, REFRESH
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.checks.rotations import at_once, coming_first
from djwto.spec_tests.checks.sessions import status
from djwto.spec_tests.clock import HOUR, Clock, with_hours_to_pass
from djwto.spec_tests.outages import outage
from djwto.spec_tests.registry import NotApplicable, clause, expect
from djwto.spec_tests.stage import (
    Account,
    Way,
    but_with,
    expect_cleared,
    in_each_way,
    logged_in,
    new_account,
    playing,
)
from djwto.spec_tests.subject import Subject, close_connections
from djwto.transports import OneCookie, current


def _needs_values(subject: Subject) -> None:
    if not subject.make().supports_values:
        raise NotApplicable("supports_values is False: nobody can log out everywhere")


def _expect_alive(done: str, tokens: api.Answer, alive: bool) -> None:
    wanted = 200 if alive else 401
    for path, token in (
        (api.VALIDATE_ACCESS, tokens.access),
        (api.VALIDATE_REFRESH, tokens.refresh),
        (api.REFRESH_ACCESS, tokens.refresh),
    ):
        expect(f"{path} {done}", status(path, token), wanted)


@clause("HTTP-22")
def logging_out_everywhere_ends_every_session(subject: Subject) -> None:
    _needs_values(subject)
    for way in in_each_way(subject):
        account, stranger = new_account(), logged_in(new_account("Bob"))
        for keep in (False, True):
            this, other = logged_in(account), logged_in(account)
            answer = api.send(api.LOGOUT_ALL, this.refresh, data={"keep_current": str(keep)})
            done = f"after {api.LOGOUT_ALL} in {way} with keep_current {keep}"
            expect(f"the status {done}", answer.status, 200)
            if keep:
                expect(f"cookies set {done}", sorted(answer.cookies), [])
            else:
                expect_cleared(done, answer, this)
            _expect_alive(f"with the other session's token {done}", other, False)
            _expect_alive(f"with this session's token {done}", this, keep)
            _expect_alive(f"with a new login's token {done}", logged_in(account), True)
            _expect_alive(f"with another user's token {done}", stranger, True)
        subject.make().purge()
        _expect_alive(f"with the other session's token {done} and purge()", other, False)
    for way in in_each_way(subject):
        account = new_account()
        _sparing(account, way)
        _at_once(account, way)
        _another_first(account, way)
        with_hours_to_pass(subject, partial(_once_it_is_forgotten, subject, way))


def _sparing(account: Account, way: Way) -> None:
    """Whoever is spared later, what has ended stays so."""
    first, second = logged_in(account), logged_in(account)
    revoke_all(account.user, except_jti=_jti(first))
    done = f"in {way} after revoke_all but for the first session"
    _expect_alive(f"with its token {done}", first, True)
    _expect_alive(f"with the second one's token {done}", second, False)
    revoke_all(account.user, except_jti=_jti(first))
    _expect_alive(f"with its token {done}, twice", first, True)
    revoke_all(account.user, except_jti=_jti(second))
    done += ", then but for the second"
    _expect_alive(f"with the first one's token {done}", first, False)
    _expect_alive(f"with the second one's token {done}", second, False)


def _at_once(account: Account, way: Way) -> None:
    tokens = logged_in(account)
    answers = at_once(6, lambda: revoke_all(account.user))
    expect(f"what six calls of revoke_all in {way} at once answer", answers, [None] * 6)
    _expect_alive(f"in {way} after six calls of revoke_all at once", tokens, False)
    _expect_alive(f"in {way} with a login after them", logged_in(account), True)


def _another_first(account: Account, way: Way) -> None:
    for one, other in ((True, False), (False, True)):
        spared = logged_in(account)

        def all_but(keep: bool, jti: str = _jti(spared)) -> None:
            revoke_all(account.user, except_jti=jti if keep else None)

        with coming_first(partial(all_but, one)):
            all_but(other)
        done = f"in {way} with a token that one of two calls of revoke_all at once spares"
        _expect_alive(f"{done}, the {'first' if one else 'second'}", spared, False)


def _once_it_is_forgotten(subject: Subject, way: Way, clock: Clock) -> None:
    """The store forgets a log-out-everywhere once none of the tokens before can be valid."""
    account = new_account()
    with but_with(DJWTO_SESSION_MAX_AGE=timedelta(days=1)):
        older = logged_in(account)
        revoke_all(account.user)
        clock.wait_until(time.time() + 23 * HOUR)
        subject.make().purge()
        seen = status(api.REFRESH_ACCESS, older.refresh)
        expect(f"{api.REFRESH_ACCESS} in {way} 23 hours after revoke_all and purge()", seen, 401)
        younger = logged_in(account)
        clock.wait_until(time.time() + 2 * HOUR)
        subject.make().purge()
        seen = status(api.REFRESH_ACCESS, younger.refresh)
        expect(f"{api.REFRESH_ACCESS} in {way} a day after revoke_all", seen, 200)
        revoke_all(account.user)
        _expect_alive(f"in {way} after revoke_all, when the last was forgotten", younger, False)
        _expect_alive(f"in {way} with a login after that", logged_in(account), True)


def _jti(tokens: api.Answer) -> str:
    jti: str = api.claims_of(tokens.refresh or "")["jti"]
    return jti


def _set_password(user: Any, fields: list[str] | None = None) -> None:
    user.set_password("another password")
    user.save(update_fields=fields)


def _deactivate(user: Any, fields: list[str] | None = None) -> None:
    user.is_active = False
    user.save(update_fields=fields)


def _delete(user: Any) -> None:
    user.delete()


CHANGES: dict[str, Callable[[Any], None]] = {
    "the password was changed": _set_password,
    "the password alone was saved": partial(_set_password, fields=["password"]),
    "the user was deactivated": _deactivate,
    "is_active alone was saved": partial(_deactivate, fields=["is_active"]),
    "the user was deleted": _delete,
}


@clause("HTTP-23")
def another_password_ends_every_session(subject: Subject) -> None:
    _needs_values(subject)
    for way in in_each_way(subject):
        for done, change in CHANGES.items():
            account, stranger = new_account(), logged_in(new_account("Bob"))
            sessions = [logged_in(account), logged_in(account)]
            change(account.user)
            for tokens in sessions:
                _expect_alive(f"in {way} after {done}", tokens, False)
            _expect_alive(f"with another user's token in {way} after {done}", stranger, True)


GUARDS = {
    ACCESS: (jwt_login_required, jwt_perm_required([])),
    REFRESH: (jwt_is_refresh, lambda view: jwt_perm_required([])(jwt_is_refresh(view))),
}
"""What lets only those in who have a token of the type; the permissions are another matter."""


def _guarded(guard: Any, way: Way) -> Any:
    """A view behind a decorator, to be called as any."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    async def awaited(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    return async_to_sync(guard(awaited)) if way.awaited else guard(view)


def _view_status(view: Any, type_: str, token: str | None) -> int:
    request = RequestFactory().get("/")
    transport = current()
    if isinstance(transport, OneCookie):
        request.COOKIES[transport.cookie(type_)] = token or ""
    else:
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    status: int = view(request).status_code
    return status


@clause("HTTP-24")
def access_tokens_can_be_checked(subject: Subject) -> None:
    for checked in (False, True):
        for way in in_each_way(subject, DJWTO_CHECK_ACCESS=checked):
            tokens = logged_in(new_account())
            for done, wanted in (("", 200), (" after logout", 401 if checked else 200)):
                if done:
                    api.send(api.LOGOUT, tokens.refresh)
                for type_, token in ((ACCESS, tokens.access), (REFRESH, tokens.refresh)):
                    for number, guard in enumerate(GUARDS[type_]):
                        seen = _view_status(_guarded(guard, way), type_, token)
                        about = f"a view for {type_} tokens in {way}{done}"
                        about += " that names permissions" if number else ""
                        expect(f"{about}, DJWTO_CHECK_ACCESS being {checked}", seen, wanted)
    with suppress(NotApplicable):
        _views_are_unavailable_while_the_store_is(subject)


def _views_are_unavailable_while_the_store_is(subject: Subject) -> None:
    with outage(subject) as store:
        kind = store.kinds[0]
        for way in in_each_way(store.subject, DJWTO_CHECK_ACCESS=True):
            tokens = logged_in(new_account())
            with store.away(kind), playing(store.during, **way.settings, DJWTO_CHECK_ACCESS=True):
                close_connections()
                view = _guarded(jwt_login_required, way)
                seen = _view_status(view, ACCESS, tokens.access)
            done = f"a view for access tokens in {way} while the store {kind}"
            expect(f"{done}, DJWTO_CHECK_ACCESS being True", seen, 503)
