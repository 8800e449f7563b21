"""HTTP-7 and HTTP-8: what other sites' pages cannot do with their visitors' cookies."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings
from pytest_django import Settings

from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    ACCESS_VIEW,
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.recorder import Recorder

pytestmark = pytest.mark.django_db

MIDDLEWARE = "django.middleware.csrf.CsrfViewMiddleware"

UNSAFE = [
    ("post", api.VALIDATE_ACCESS, False),
    ("post", api.VALIDATE_REFRESH, True),
    ("post", api.REFRESH_ACCESS, True),
    ("post", api.UPDATE_REFRESH, True),
    ("post", ACCESS_VIEW, False),
    ("put", ACCESS_VIEW, False),
    ("delete", ACCESS_VIEW, False),
    ("patch", ACCESS_VIEW, False),
    ("post", "/refresh/", True),
    ("post", api.LOGOUT_ALL, True),
    ("post", api.LOGOUT, True),
    ("delete", api.LOGOUT, True),
]
"""Method, path and kind of token of every unsafe request but the login."""

installed = pytest.mark.parametrize(
    "middleware", [[], [MIDDLEWARE]], ids=["without the middleware", "with the middleware"]
)


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
@installed
@pytest.mark.parametrize(("method", "path", "as_refresh"), UNSAFE)
@pytest.mark.case(77)
def test_an_unsafe_request_without_a_csrf_token_is_answered_403_in_json(
    mode: str,
    middleware: list[str],
    method: str,
    path: str,
    as_refresh: bool,
    settings: Settings,
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = middleware
    live = session()
    one = token(live, "refresh" if as_refresh else "access")
    with Recorder() as recorder:
        answer = api.send(path, one, method=method, as_refresh=as_refresh, csrf=False)
    assert answer.status == 403
    assert set(answer.body) == {"error"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers
    assert not answer.cookies
    assert names(recorder) == []
    assert api.send(path, one, method=method, as_refresh=as_refresh).status == 200


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
@pytest.mark.parametrize(
    ("cookie", "header"),
    [
        ("a" * 32, "b" * 32),
        ("a" * 32, ""),
        ("a" * 32, "a" * 31),
        ("a" * 32, "b" + "a" * 63),
        ("", "a" * 32),
        ("a" * 31, "a" * 31),
        ("a" * 32, "\xe9" * 32),
        ("%" * 32, "%" * 32),
    ],
)
def test_a_wrong_csrf_token_is_none(
    mode: str, cookie: str, header: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["jwt_refresh"] = token(session(), "refresh")
    client.cookies["csrftoken"] = cookie
    response = client.post(api.REFRESH_ACCESS, HTTP_X_CSRFTOKEN=header)
    assert (response.status_code, set(response.json())) == (403, {"error"})


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
def test_a_csrf_token_may_come_as_a_field_of_a_form(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    client = Client(enforce_csrf_checks=True)
    client.cookies["jwt_refresh"] = token(session(), "refresh")
    client.cookies["csrftoken"] = api.CSRF_TOKEN
    form = {"csrfmiddlewaretoken": api.CSRF_TOKEN}
    assert client.post(api.REFRESH_ACCESS, form).status_code == 200
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    form["padding"] = "a" * 20
    response = client.post(
        api.REFRESH_ACCESS,
        "&".join(f"{name}={value}" for name, value in form.items()),
        content_type="application/x-www-form-urlencoded",
    )
    assert (response.status_code, set(response.json())) == (400, {"error"})


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
def test_a_csrf_token_does_not_help_another_sites_page(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    refresh = token(session(), "refresh")
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        ("http://testserver.evil.example", 403),
        ("http://testserver:81", 403),
        ("http://testserver", 200),
    ):
        answer = api.send(api.REFRESH_ACCESS, refresh, headers={"Origin": origin})
        assert answer.status == status, origin


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
def test_over_https_the_referer_has_to_be_the_sites_own(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    refresh = token(session(), "refresh")
    for headers, status in (
        ({}, 403),
        ({"Referer": "https://evil.example/"}, 403),
        ({"Referer": "http://testserver/"}, 403),
        ({"Referer": "https://["}, 403),
        ({"Referer": "https://testserver/page"}, 200),
        ({"Origin": "https://testserver"}, 200),
    ):
        answer = api.send(api.REFRESH_ACCESS, refresh, headers=headers, secure=True)
        assert answer.status == status, headers


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
@installed
def test_csrf_is_switched_by_the_setting_at_run_time(
    mode: str, middleware: list[str], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = middleware
    live = session()
    calls = [
        (method, path, token(live, "refresh" if as_refresh else "access"), as_refresh)
        for method, path, as_refresh in UNSAFE
    ]
    for csrf, statuses in ((True, {403}), (False, {200}), (True, {403})):
        with override_settings(DJWTO_CSRF=csrf):
            found = {
                api.send(path, one, method=method, as_refresh=as_refresh, csrf=False).status
                for method, path, one, as_refresh in (calls[:-2] if not csrf else calls)
            }
        assert found == statuses
    with override_settings(DJWTO_CSRF=False):
        for method, path, one, _ in calls[-2:]:
            assert api.send(path, one, method=method, csrf=False).status == 200


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
def test_a_safe_request_needs_no_csrf_token(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    access = session().access
    for method in ("get", "options"):
        answer = api.send(ACCESS_VIEW, access, method=method, as_refresh=False, csrf=False)
        assert answer.status == 200, method


@pytest.mark.clause("HTTP-7")
@installed
@pytest.mark.parametrize(("method", "path", "as_refresh"), UNSAFE)
def test_json_mode_needs_no_csrf_token(
    middleware: list[str], method: str, path: str, as_refresh: bool, settings: Settings
) -> None:
    settings.MIDDLEWARE = middleware
    one = token(session(), "refresh" if as_refresh else "access")
    headers = {"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"}
    answer = api.send(path, one, method=method, headers=headers)
    assert answer.status == 200


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize("cookie", [None, "garbage"])
def test_another_sites_page_cannot_log_its_visitors_out(
    mode: str, method: str, cookie: str | None, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    # SameSite keeps the tokens from a cross-site request, and its answer may clear them still.
    headers = {"Origin": "https://evil.example"}
    answer = api.send(api.LOGOUT, cookie, method=method, csrf=False, headers=headers)
    if method == "post" and cookie:
        assert answer.status in {401, 403}
    else:
        assert answer.status == 403
    assert set(answer.body) == {"error"}
    assert not answer.cookies
    answer = api.send(api.LOGOUT, cookie, method=method, csrf=True, headers=headers)
    assert answer.status in {401, 403}
    assert not answer.cookies


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
@installed
def test_a_login_needs_no_csrf_token_and_hands_out_one_that_works(
    mode: str, middleware: list[str], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = middleware
    create_alice()
    client = Client(enforce_csrf_checks=True)
    response = client.post(api.LOGIN, CREDENTIALS)
    assert response.status_code == 200
    assert not response.cookies["csrftoken"]["httponly"]
    csrf = {"X-CSRFToken": client.cookies["csrftoken"].value}
    assert client.post(api.VALIDATE_ACCESS).status_code == 403
    assert client.post(api.VALIDATE_ACCESS, headers=csrf).status_code == 200
    assert client.post(api.REFRESH_ACCESS, headers=csrf).status_code == 200
    assert client.post(api.VALIDATE_ACCESS, headers=csrf).status_code == 200
    assert client.post(api.UPDATE_REFRESH, headers=csrf).status_code == 200
    assert client.post(api.LOGOUT, headers=csrf).status_code == 200
    assert client.post(api.VALIDATE_ACCESS, headers=csrf).status_code == 401


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
@installed
def test_a_login_replaces_the_csrf_token_that_it_finds(
    mode: str, middleware: list[str], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = middleware
    create_alice()
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32
    client.post(api.LOGIN, CREDENTIALS)
    assert client.cookies["csrftoken"].value not in {"", "a" * 32}


@pytest.mark.clause("HTTP-8")
@each_mode
def test_no_csrf_token_is_handed_out_where_none_is_asked_for(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CSRF = False
    assert "csrftoken" not in session().cookies


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
def test_a_login_that_fails_hands_out_nothing(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    answer = api.log_in("alice", "wrong")
    assert (answer.status, answer.cookies) == (401, {})


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver:8080"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://["},
    {"Origin": "\xe9"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "Same-Origin, cross-site"},
]
OWN: list[dict[str, str]] = [
    {},
    {"Origin": "http://testserver"},
    {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


def log_in_from(headers: dict[str, str], **extra: Any) -> Any:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(api.LOGIN, CREDENTIALS, headers=headers, **extra)


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
@pytest.mark.parametrize("csrf", [True, False])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.case(44)
def test_a_cross_site_login_is_answered_403_in_json_and_sets_no_cookie(
    mode: str, csrf: bool, headers: dict[str, str], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CSRF = csrf
    create_alice()
    with Recorder() as recorder:
        response = log_in_from(headers)
    assert (response.status_code, set(response.json())) == (403, {"error"})
    assert not response.cookies
    assert response["Cache-Control"] == "no-store"
    assert names(recorder) == ["jwt_login_fail"]


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
@pytest.mark.parametrize("headers", OWN, ids=str)
def test_a_login_from_the_sites_own_page_or_from_no_browser_is_let_in(
    mode: str, headers: dict[str, str], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    assert log_in_from(headers).status_code == 200


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
def test_csrf_trusted_origins_are_let_in_as_the_setting_stands(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    app = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    deep = {"Origin": "https://a.shop.example"}
    for trusted, statuses in (
        ([], (403, 403)),
        (["https://app.example"], (200, 403)),
        (["https://*.shop.example"], (403, 200)),
        (["http://app.example"], (403, 403)),
        (["https://app.example", "https://*.shop.example"], (200, 200)),
        ([], (403, 403)),
    ):
        settings.CSRF_TRUSTED_ORIGINS = trusted
        found = tuple(log_in_from(headers).status_code for headers in (app, deep))
        assert found == statuses, trusted


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
def test_csrf_trusted_origins_may_use_a_session_as_the_setting_stands(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    refresh = token(session(), "refresh")
    for trusted, status in (([], 403), (["https://app.example"], 200), ([], 403)):
        settings.CSRF_TRUSTED_ORIGINS = trusted
        answer = api.send(api.REFRESH_ACCESS, refresh, headers={"Origin": "https://app.example"})
        assert answer.status == status, trusted


@pytest.mark.clause("HTTP-8")
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_login_in_json_mode_may_come_from_anywhere(headers: dict[str, str]) -> None:
    create_alice()
    assert log_in_from(headers).status_code == 200


@pytest.mark.clause("HTTP-7")
@each_cookie_mode
@pytest.mark.parametrize(
    ("headers", "secure", "checking"),
    [
        ({"Origin": "https://evil.example/?note=private"}, False, "Origin"),
        ({"Referer": "https://evil.example/?note=private"}, True, "Referer"),
        ({"Referer": "https://evil.example/private"}, True, "Referer"),
    ],
)
@pytest.mark.case(106)
def test_a_refusal_quotes_nothing_of_the_page_that_asked(
    mode: str, headers: dict[str, str], secure: bool, checking: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    answer = api.send(api.LOGOUT, session().refresh, headers=headers, secure=secure)
    assert answer.status == 403
    assert answer.body["error"] == (
        f"CSRF verification failed. {checking} checking failed - the page does not match any "
        "trusted origins."
    )


@pytest.mark.clause("HTTP-8")
@each_cookie_mode
def test_behind_a_proxy_that_ends_tls_django_has_to_be_told(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    sent = {
        "Host": "shop.example",
        "Origin": "https://shop.example",
        "X-Forwarded-Proto": "https",
    }
    assert Client(headers=sent).post(api.LOGIN, CREDENTIALS).status_code == 403
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert Client(headers=sent).post(api.LOGIN, CREDENTIALS).status_code == 200
