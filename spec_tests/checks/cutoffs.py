"""HTTP-22 to HTTP-24: all sessions of a user end at once, and access tokens with them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from djwto.authentication import jwt_is_refresh, jwt_login_required
from djwto.claims import ACCESS, REFRESH
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.checks.rotations import at_once
from djwto.spec_tests.checks.sessions import in_each_mode, status
from djwto.spec_tests.outages import outage
from djwto.spec_tests.registry import NotApplicable, clause, expect
from djwto.spec_tests.stage import Account, logged_in, new_account, playing
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
    for mode in in_each_mode(subject):
        account, stranger = new_account(), logged_in(new_account("Bob"))
        for keep in (False, True):
            this, other = logged_in(account), logged_in(account)
            answer = api.send(api.LOGOUT_ALL, this.refresh, data={"keep_current": str(keep)})
            done = f"after {api.LOGOUT_ALL} in {mode} with keep_current {keep}"
            expect(f"the status {done}", answer.status, 200)
            clears = not keep and mode != "JSON"
            expect(f"whether cookies are cleared {done}", bool(answer.cookies), clears)
            _expect_alive(f"with the other session's token {done}", other, False)
            _expect_alive(f"with this session's token {done}", this, keep)
            _expect_alive(f"with a new login's token {done}", logged_in(account), True)
            _expect_alive(f"with another user's token {done}", stranger, True)
        subject.make().purge()
        _expect_alive(f"with the other session's token {done} and purge()", other, False)
        _sparing(account, mode)
        _at_once(account, mode)


def _sparing(account: Account, mode: str) -> None:
    """Whoever is spared later, what has ended stays so."""
    first, second = logged_in(account), logged_in(account)
    revoke_all(account.user, except_jti=_jti(first))
    done = f"in {mode} after revoke_all but for the first session"
    _expect_alive(f"with its token {done}", first, True)
    _expect_alive(f"with the second one's token {done}", second, False)
    revoke_all(account.user, except_jti=_jti(first))
    _expect_alive(f"with its token {done}, twice", first, True)
    revoke_all(account.user, except_jti=_jti(second))
    done += ", then but for the second"
    _expect_alive(f"with the first one's token {done}", first, False)
    _expect_alive(f"with the second one's token {done}", second, False)


def _at_once(account: Account, mode: str) -> None:
    tokens = logged_in(account)
    answers = at_once(6, lambda: revoke_all(account.user))
    expect(f"what six calls of revoke_all in {mode} at once answer", answers, [None] * 6)
    _expect_alive(f"in {mode} after six calls of revoke_all at once", tokens, False)
    _expect_alive(f"in {mode} with a login after them", logged_in(account), True)


def _jti(tokens: api.Answer) -> str:
    jti: str = api.claims_of(tokens.refresh or "")["jti"]
    return jti


def _set_password(user: Any) -> None:
    user.set_password("another password")
    user.save()


def _deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def _delete(user: Any) -> None:
    user.delete()


CHANGES: dict[str, Callable[[Any], None]] = {
    "the password was changed": _set_password,
    "the user was deactivated": _deactivate,
    "the user was deleted": _delete,
}


@clause("HTTP-23")
def another_password_ends_every_session(subject: Subject) -> None:
    _needs_values(subject)
    for mode in in_each_mode(subject):
        for done, change in CHANGES.items():
            account, stranger = new_account(), logged_in(new_account("Bob"))
            sessions = [logged_in(account), logged_in(account)]
            change(account.user)
            for tokens in sessions:
                _expect_alive(f"in {mode} after {done}", tokens, False)
            _expect_alive(f"with another user's token in {mode} after {done}", stranger, True)


@jwt_login_required
def _access_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@jwt_is_refresh
def _refresh_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _view_status(view: Callable[[HttpRequest], HttpResponse], type_: str, token: str) -> int:
    request = RequestFactory().get("/")
    transport = current()
    if isinstance(transport, OneCookie):
        request.COOKIES[transport.cookie(type_)] = token
    else:
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return view(request).status_code


@clause("HTTP-24")
def access_tokens_can_be_checked(subject: Subject) -> None:
    for checked in (False, True):
        for mode in in_each_mode(subject, DJWTO_CHECK_ACCESS=checked):
            tokens = logged_in(new_account())
            for done, wanted in (("", 200), (" after logout", 401 if checked else 200)):
                if done:
                    api.send(api.LOGOUT, tokens.refresh)
                for view, type_, token in (
                    (_access_view, ACCESS, tokens.access or ""),
                    (_refresh_view, REFRESH, tokens.refresh or ""),
                ):
                    seen = _view_status(view, type_, token)
                    about = f"a view for {type_} tokens in {mode}{done}"
                    expect(f"{about}, DJWTO_CHECK_ACCESS being {checked}", seen, wanted)
    with suppress(NotApplicable):
        _views_are_unavailable_while_the_store_is(subject)


def _views_are_unavailable_while_the_store_is(subject: Subject) -> None:
    with outage(subject) as store:
        kind = store.kinds[0]
        for mode in in_each_mode(store.subject, DJWTO_CHECK_ACCESS=True):
            tokens = logged_in(new_account())
            with store.away(kind), playing(store.during, DJWTO_MODE=mode, DJWTO_CHECK_ACCESS=True):
                close_connections()
                seen = _view_status(_access_view, ACCESS, tokens.access or "")
            done = f"a view for access tokens in {mode} while the store {kind}"
            expect(f"{done}, DJWTO_CHECK_ACCESS being True", seen, 503)
