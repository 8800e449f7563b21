"""HTTP-3: what Django has to do with a login, and what it is told of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import Signal

from djwto.claims import REFRESH
from djwto.spec_tests import api
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.stage import PASSWORD, Account, Way, in_each_way, new_account
from djwto.spec_tests.subject import Subject
from djwto.transports import OneCookie, current


@contextmanager
def _hearing(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """What a signal of Django's is sent with while this is entered."""
    heard: list[dict[str, Any]] = []

    def hear(**named: Any) -> None:
        heard.append(named)

    signal.connect(hear)
    try:
        yield heard
    finally:
        signal.disconnect(hear)


@clause("HTTP-3")
def a_login_goes_through_django(subject: Subject) -> None:
    for way in in_each_way(subject):
        account = new_account()
        with _hearing(user_logged_in) as logins, _hearing(user_login_failed) as failures:
            _fails(account, way, failures)
            expect(f"user_logged_in sent by a login in {way} that fails", len(logins), 0)
            for brings, brought in (("nothing", {}), ("a token that is none", _none())):
                _succeeds(account, f"a login in {way} that brings {brings}", logins, brought)
            expect(f"user_login_failed sent by logins in {way}", len(failures), 0)


def _fails(account: Account, way: Way, failures: list[dict[str, Any]]) -> None:
    done = f"a login in {way} with a wrong password"
    expect(done, api.log_in(account.username, "wrong").status, 401)
    expect(f"user_login_failed sent by {done}, how often", len(failures), 1)
    [failure] = failures
    failures.clear()
    _expect_the_request(f"user_login_failed sent by {done}", failure)
    # Of the credentials Django tells no secret.
    named = failure["credentials"]["username"]
    expect(f"username of user_login_failed sent by {done}", named, account.username)


def _succeeds(
    account: Account, done: str, logins: list[dict[str, Any]], brought: dict[str, Any]
) -> None:
    expect(done, api.log_in(account.username, PASSWORD, **brought).status, 200)
    expect(f"user_logged_in sent by {done}, how often", len(logins), 1)
    [login] = logins
    logins.clear()
    _expect_the_request(f"user_logged_in sent by {done}", login)
    expect(f"sender of user_logged_in sent by {done}", login["sender"], type(account.user))
    expect(f"user of user_logged_in sent by {done}", login["user"].pk, account.user.pk)


def _none() -> dict[str, Any]:
    """What is no token, where a client has its own."""
    transport = current()
    if isinstance(transport, OneCookie):
        return {"cookies": {transport.cookie(REFRESH): "none"}}
    return {"headers": {"Authorization": "Bearer none"}}


def _expect_the_request(about: str, named: dict[str, Any]) -> None:
    is_the_one = named.get("request") is api.latest_request()
    expect(f"whether the request of {about} is the one that was answered", is_the_one, True)
