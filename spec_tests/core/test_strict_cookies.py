"""HTTP-4 and HTTP-6 with `DJWTO_COOKIE_PREFIX`, and with `DJWTO_STRICT`, which has one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    ACCESS_VIEW,
    CREDENTIALS,
    each_cookie_mode,
    names,
    session,
)
from djwto.spec_tests.recorder import Recorder

pytestmark = pytest.mark.django_db

PREFIX = "__Secure-"
NAMES = {
    "ONE-COOKIE": {"jwt_refresh", "jwt_access"},
    "TWO-COOKIES": {"jwt_refresh", "jwt_access_token", "jwt_access_payload"},
}

each_way = pytest.mark.parametrize(
    "way",
    [{"DJWTO_COOKIE_PREFIX": PREFIX}, {"DJWTO_STRICT": True}],
    ids=lambda way: next(iter(way)),
)


def choose(settings: Settings, mode: str, way: dict[str, Any]) -> None:
    settings.DJWTO_MODE = mode
    for name, value in way.items():
        setattr(settings, name, value)


def without_csrf(answer: api.Answer) -> dict[str, Any]:
    """The cookies of tokens; that of the CSRF token is Django's to name."""
    return {name: morsel for name, morsel in answer.cookies.items() if name != "csrftoken"}


def sent_by_browser(answer: api.Answer, prefix: str) -> dict[str, str]:
    """The cookies of an answer, by the names that they have under another prefix."""
    return {
        prefix + name.removeprefix(PREFIX): morsel.value
        for name, morsel in without_csrf(answer).items()
    }


@pytest.mark.clause("HTTP-6")
@each_cookie_mode
@each_way
@pytest.mark.case(76)
def test_every_cookie_of_a_token_has_the_prefix_and_what_it_takes(
    mode: str, way: dict[str, Any], settings: Settings
) -> None:
    choose(settings, mode, way)
    live = session()
    updated = api.send(api.UPDATE_REFRESH, live.refresh)
    expected = {PREFIX + name for name in NAMES[mode]}
    for answer in (live, updated):
        found = without_csrf(answer)
        assert set(found) == expected
        # RFC 6265bis section 4.1.3.1: a browser drops one that is not Secure.
        assert all(morsel["secure"] is True for morsel in found.values())
        assert {name for name, m in found.items() if not m["httponly"]} <= {
            f"{PREFIX}jwt_access_payload"
        }
        assert found[f"{PREFIX}jwt_refresh"]["path"] == "/api/token/refresh"


@pytest.mark.clause("HTTP-6")
@each_cookie_mode
@each_way
@pytest.mark.parametrize("how", ["logout", "logout everywhere", "reuse"])
def test_they_are_cleared_by_the_names_that_they_have(
    mode: str, way: dict[str, Any], how: str, settings: Settings
) -> None:
    choose(settings, mode, way)
    settings.DJWTO_REUSE_GRACE = 0
    live = session()
    if how == "reuse":
        assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
    path = {"logout": api.LOGOUT, "logout everywhere": api.LOGOUT_ALL}.get(how, api.UPDATE_REFRESH)
    cleared = api.send(path, live.refresh).cookies
    assert set(cleared) == {PREFIX + name for name in NAMES[mode]}
    for name, morsel in cleared.items():
        assert (morsel.value, morsel["max-age"], morsel["secure"]) == ("", 0, True)
        assert morsel["path"] == without_csrf(live)[name]["path"]


def posted(path: str, cookies: dict[str, str]) -> int:
    """The status of a request with these cookies and a CSRF token."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for name, value in (cookies | {"csrftoken": api.CSRF_TOKEN}).items():
        client.cookies[name] = value
    return client.post(path, headers={"X-CSRFToken": api.CSRF_TOKEN}).status_code


@pytest.mark.clause("HTTP-4")
@each_cookie_mode
@each_way
@pytest.mark.parametrize(
    "path", [api.VALIDATE_ACCESS, ACCESS_VIEW, api.VALIDATE_REFRESH, api.REFRESH_ACCESS]
)
@pytest.mark.case(109)
def test_a_cookie_of_another_name_is_not_read(
    mode: str, way: dict[str, Any], path: str, settings: Settings
) -> None:
    choose(settings, mode, way)
    live = session()
    for prefix, status in (("", 401), ("__secure-", 401), ("__Host-", 401), (PREFIX, 200)):
        assert posted(path, sent_by_browser(live, prefix)) == status, prefix
    settings.DJWTO_COOKIE_PREFIX = ""
    for prefix, status in ((PREFIX, 401), ("", 200)):
        assert posted(path, sent_by_browser(live, prefix)) == status, prefix


@pytest.mark.clause("HTTP-25")
@each_cookie_mode
@each_way
def test_a_login_ends_the_session_of_the_cookies_that_it_replaces_and_of_no_others(
    mode: str, way: dict[str, Any], settings: Settings
) -> None:
    choose(settings, mode, way)
    live = session()
    for prefix, ended in (("", []), (PREFIX, ["jwt_blacklisted"])):
        with Recorder() as recorder:
            api.log_in(**CREDENTIALS, cookies=sent_by_browser(live, prefix))
        assert names(recorder) == [*ended, "jwt_logged_in"]
    assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 401
