"""HTTP-4 to HTTP-6: where a token is looked for, how its absence is answered, what cookies say."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from datetime import timedelta
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import clear_script_prefix, include
from django.urls import path as route
from hypothesis import given
from hypothesis import strategies as st
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
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import TokenPair, decode, encode
from djwto.transports import TRANSPORTS, OneCookie, readable_claims
from djwto.views import GetTokensView

pytestmark = pytest.mark.django_db

NO_TOKEN = (401, 'Bearer realm="api"')
INVALID_TOKEN = (401, 'Bearer realm="api", error="invalid_token"')
INVALID_REQUEST = (400, 'Bearer realm="api", error="invalid_request"')

ACCEPTED = [
    "Bearer {t}",
    "bearer {t}",
    "BEARER {t}",
    "bEaReR {t}",
    "Bearer  {t}",
    "Bearer      {t}",
    " Bearer {t}",
    "Bearer {t} ",
    "\tBearer {t}\t",
]
REFUSED = [
    (NO_TOKEN, ["", " ", "Bearer", "Bearer ", "bearer   ", "{t}", "Bearer\t{t}", "Bearer:{t}"]),
    (NO_TOKEN, ["Basic {t}", "Token {t}", "Basic xBearer {t}", "XBearer {t}", "Bearerx {t}"]),
    (NO_TOKEN, ["Basic YWxpY2U6cGFzcw==", "\x00Bearer {t}", "B\xe9arer {t}", ", Bearer {t}"]),
    (INVALID_REQUEST, ["Bearer a, Bearer {t}", "Bearer {t}, Bearer {t}", "Bearer {t},{t}"]),
    (INVALID_REQUEST, ["Bearer {t} {t}", "Bearer {t} trailing", "Bearer {t}, Basic x"]),
    (
        INVALID_TOKEN,
        ['Bearer "{t}"', "Bearer '{t}'", 'Bearer {t}"', "Bearer \t{t}", "Bearer =={t}"],
    ),
    (INVALID_TOKEN, ["Bearer {t}\x00", "Bearer \x00{t}", "Bearer \xe9{t}", "Bearer {t}X"]),
    (
        INVALID_TOKEN,
        ["Bearer a\nb", "Bearer {t}\n", "Bearer \x7f", "Bearer Bearer", "Bearer {t}."],
    ),
    (INVALID_TOKEN, ["Bearer .", "Bearer ..", "Bearer ....", "Bearer a.b.c", "Bearer {t}.{t}"]),
    (
        INVALID_TOKEN,
        ["Bearer " + "a" * 200_000, "Bearer {t}" + "A" * 200_000, "Bearer " + "." * 9999],
    ),
]


def authorized(path: str, header: str) -> HttpResponse:
    """The answer to this very header, whose characters are the bytes on the wire."""
    client = Client(raise_request_exception=False)
    return client.post(path, HTTP_AUTHORIZATION=header)  # type: ignore[return-value]


@pytest.mark.clause("HTTP-4")
@pytest.mark.parametrize("header", ACCEPTED, ids=repr)
@pytest.mark.parametrize("path", [api.VALIDATE_ACCESS, ACCESS_VIEW])
@pytest.mark.case(22)
def test_the_bearer_scheme_is_taken_in_any_case_and_with_any_number_of_spaces(
    path: str, header: str
) -> None:
    access = token(session(), "access")
    assert authorized(path, header.format(t=access)).status_code == 200


@pytest.mark.clause("HTTP-5")
@pytest.mark.parametrize(
    ("expected", "header"),
    [
        pytest.param(expected, header, id=repr(header[:30]))
        for expected, headers in REFUSED
        for header in headers
    ],
)
@pytest.mark.parametrize("path", [api.VALIDATE_ACCESS, ACCESS_VIEW])
@pytest.mark.case(21, 23, 24)
def test_any_other_header_is_refused_with_the_challenge_of_rfc_6750(
    path: str, header: str, expected: tuple[int, str]
) -> None:
    access = token(session(), "access")
    with Recorder() as recorder:
        response = authorized(path, header.format(t=access))
    assert (response.status_code, response.headers["WWW-Authenticate"]) == expected
    assert set(json.loads(response.content)) == {"error"}
    assert response.headers["Cache-Control"] == "no-store"
    assert access not in response.content.decode()
    assert names(recorder) == []


@pytest.mark.clause("HTTP-4")
@pytest.mark.parametrize("endpoint", [api.REFRESH_ACCESS, api.UPDATE_REFRESH, api.LOGOUT])
@pytest.mark.case(21)
def test_two_tokens_are_answered_400_and_do_nothing(endpoint: str) -> None:
    refresh = token(session(), "refresh")
    with Recorder() as recorder:
        response = authorized(endpoint, f"Bearer {refresh}, Bearer {refresh}")
    assert response.status_code == 400
    assert names(recorder) == []
    assert api.send(api.REFRESH_ACCESS, refresh).status == 200


@pytest.mark.clause("HTTP-4")
@each_mode
@pytest.mark.case(26)
def test_a_token_in_the_query_or_in_the_body_is_not_read(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    refresh = token(session(), "refresh")
    fields = dict.fromkeys(("jwt_refresh", "refresh", "token", "access_token"), refresh)
    query = "?" + "&".join(f"{name}={value}" for name, value in fields.items())
    for extra in (
        {"data": fields},
        {"data": fields, "content_type": "application/json"},
    ):
        answer = api.send(api.REFRESH_ACCESS + query, None, **extra)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == NO_TOKEN


@pytest.mark.clause("HTTP-4")
def test_json_mode_reads_no_cookie(settings: Settings) -> None:
    live = session()
    client = Client()
    for name, value in (
        ("jwt_refresh", token(live, "refresh")),
        ("jwt_access", token(live, "access")),
        ("jwt_access_token", token(live, "access")),
    ):
        client.cookies[name] = value
    for path in (api.VALIDATE_ACCESS, api.REFRESH_ACCESS, api.LOGOUT, ACCESS_VIEW):
        response = client.post(path)
        assert (response.status_code, response["WWW-Authenticate"]) == NO_TOKEN, path


@pytest.mark.clause("HTTP-4")
@each_cookie_mode
@pytest.mark.case(10)
def test_cookie_modes_take_no_notice_of_a_lone_bearer_header(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for path, one in (
        (api.VALIDATE_ACCESS, live.access),
        (ACCESS_VIEW, live.access),
        (api.REFRESH_ACCESS, live.refresh),
        (api.UPDATE_REFRESH, live.refresh),
    ):
        answer = api.send(path, None, headers={"Authorization": f"Bearer {one}"})
        assert (answer.status, answer.headers["WWW-Authenticate"]) == NO_TOKEN, path


@pytest.mark.clause("HTTP-4")
@each_cookie_mode
@pytest.mark.case(10)
def test_cookie_modes_refuse_a_bearer_header_that_disagrees_with_the_cookie(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    other = token(api.log_in(**CREDENTIALS), "refresh")
    for header, status in (
        (f"Bearer {other}", 401),
        ("Bearer garbage", 401),
        (f"Bearer {live.refresh}, Bearer {live.refresh}", 400),
        (f"Bearer {live.refresh}", 200),
        ("Basic YWxpY2U6cGFzcw==", 200),
    ):
        with Recorder() as recorder:
            answer = api.send(api.REFRESH_ACCESS, live.refresh, headers={"Authorization": header})
        assert answer.status == status, header
        assert names(recorder) == (["jwt_access_refreshed"] if status == 200 else [])


@pytest.mark.clause("HTTP-4")
@each_cookie_mode
def test_each_token_is_read_from_its_own_cookie_only(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    access_cookie = "jwt_access" if mode == "ONE-COOKIE" else "jwt_access_token"
    wanted = {access_cookie: api.VALIDATE_ACCESS, "jwt_refresh": api.VALIDATE_REFRESH}
    every = {"jwt_refresh", "jwt_access", "jwt_access_token", "jwt_access_payload", "token"}
    for name in sorted(every):
        for cookie, path in wanted.items():
            client = Client()
            client.cookies[name] = token(live, "refresh" if cookie == "jwt_refresh" else "access")
            assert client.post(path).status_code == (200 if name == cookie else 401), (name, path)


@pytest.mark.clause("HTTP-5")
@each_mode
@pytest.mark.case(23)
def test_the_challenge_has_an_error_code_only_if_a_token_was_sent(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    refresh = token(session(), "refresh")
    claims = decode(refresh, "refresh")
    bad = [
        "garbage",
        encode({**claims, "exp": 1}),
        encode({**claims, "type": "access"}),
        refresh[:-3] + "AAA",
    ]
    for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH, api.LOGOUT):
        for one in bad:
            answer = api.send(path, one)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == INVALID_TOKEN, path
            assert set(answer.body) == {"error"}
            assert not answer.cookies
    for path in (
        api.VALIDATE_REFRESH,
        api.REFRESH_ACCESS,
        api.UPDATE_REFRESH,
        api.VALIDATE_ACCESS,
    ):
        answer = api.send(path, None)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == NO_TOKEN, path
    assert api.send(api.LOGOUT, refresh).status == 200
    for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        answer = api.send(path, refresh)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == INVALID_TOKEN, path


def token_cookies(mode: str, cookies: dict[str, Any]) -> dict[str, Any]:
    """The cookies of tokens, without Django's csrftoken."""
    transport = TRANSPORTS[mode]
    assert isinstance(transport, OneCookie)
    expected = {"jwt_refresh", transport.access_cookie, *transport.extra_cookies}
    found = {name: morsel for name, morsel in cookies.items() if name != "csrftoken"}
    assert set(found) == expected
    return found


@pytest.mark.clause("HTTP-6")
@pytest.mark.urls("djwto.spec_tests.core.views")
@each_cookie_mode
@pytest.mark.parametrize("same_site", ["Lax", "Strict", "None"])
@pytest.mark.parametrize("domain", [None, "shop.example"])
@pytest.mark.case(76)
def test_cookies_have_the_attributes_of_the_settings_when_set_and_when_cleared(
    mode: str, same_site: str, domain: str | None, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SAME_SITE = same_site
    settings.DJWTO_DOMAIN = domain
    live = session()
    cookies = token_cookies(mode, live.cookies)
    for name, morsel in cookies.items():
        assert morsel["secure"] is True
        assert bool(morsel["httponly"]) is (name != "jwt_access_payload")
        assert morsel["samesite"] == same_site
        assert morsel["domain"] == (domain or "")
        assert morsel["path"] == ("/api/token/refresh" if name == "jwt_refresh" else "/")
    cleared = token_cookies(mode, api.send(api.LOGOUT, live.refresh).cookies)
    assert set(cleared) == set(cookies)
    for name, morsel in cleared.items():
        assert (morsel.value, morsel["max-age"]) == ("", 0)
        assert morsel["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        for attribute in ("path", "domain", "samesite", "secure"):
            assert morsel[attribute] == cookies[name][attribute], (name, attribute)


@pytest.mark.clause("HTTP-6")
@each_cookie_mode
def test_cookies_live_as_long_as_their_token(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=77)
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(hours=7)
    live = session()
    cookies = token_cookies(mode, live.cookies)
    ages = {name: morsel["max-age"] for name, morsel in cookies.items()}
    assert ages.pop("jwt_refresh") in range(7 * 3600 - 5, 7 * 3600 + 1)
    assert all(age in range(72, 78) for age in ages.values()), ages
    claims = decode(token(live, "refresh"), "refresh")
    end = int(time.time()) + 600
    older = encode({**claims, "auth_time": end - 30 * 86_400, "exp": end})
    again = token_cookies(mode, api.send(api.UPDATE_REFRESH, older).cookies)
    assert again["jwt_refresh"]["max-age"] in range(595, 601)


@pytest.mark.clause("HTTP-6")
@each_cookie_mode
def test_a_refresh_cookie_that_the_browser_has_is_not_set_again(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    refreshed = api.send(api.REFRESH_ACCESS, live.refresh)
    assert set(refreshed.cookies) == set(token_cookies(mode, live.cookies)) - {"jwt_refresh"}


@pytest.mark.clause("HTTP-6")
@each_cookie_mode
def test_cookies_of_tokens_that_never_expire_end_with_the_browser(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_SESSION_MAX_AGE = None
    cookies = token_cookies(mode, session().cookies)
    assert cookies["jwt_refresh"]["max-age"] == ""
    assert cookies["jwt_refresh"]["expires"] == ""


@pytest.mark.clause("HTTP-6")
@each_mode
def test_the_longest_lifetime_there_is_ends_with_the_year_9999(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta.max
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta.max
    settings.DJWTO_SESSION_MAX_AGE = None
    live = session()
    assert decode(token(live, "refresh"), "refresh")["exp"] == 253_402_300_799
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
    assert api.send(api.LOGOUT, live.refresh).status == 200


PREFIXES = {
    "/login/": "/api/token/refresh",
    "/spaced/login/": "/spaced/api/token/refresh",
    "/outer/in/login/": "/outer/in/api/token/refresh",
    "/tenants/acme/login/": "/tenants/acme/api/token/refresh",
    "/tenants/other/login/": "/tenants/other/api/token/refresh",
}


@pytest.mark.clause("HTTP-6")
@pytest.mark.urls("djwto.spec_tests.core.views")
@each_cookie_mode
@pytest.mark.parametrize("login", PREFIXES)
@pytest.mark.case(78)
def test_the_path_of_the_refresh_cookie_follows_the_prefix_of_the_urls(
    mode: str, login: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    path = PREFIXES[login]
    response = Client().post(login, CREDENTIALS)
    refresh = response.cookies["jwt_refresh"]
    assert refresh["path"] == path
    for endpoint in ("update_refresh", "logout"):
        answer = api.send(f"{path}/{endpoint}/", refresh.value)
        assert answer.status == 200
        assert answer.cookies["jwt_refresh"]["path"] == path
    other = Client().post(login, CREDENTIALS).cookies["jwt_refresh"]
    assert api.send(f"{path}/refresh_access/", other.value).status == 200
    cleared = api.send(f"{path}/logout_all/", other.value).cookies["jwt_refresh"]
    assert (cleared["path"], cleared["max-age"]) == (path, 0)


@pytest.mark.clause("HTTP-6")
@pytest.mark.urls("djwto.spec_tests.core.urls_twice")
@pytest.mark.parametrize("prefix", ["/", "/second/"])
def test_the_path_follows_the_prefix_also_where_the_urls_are_included_twice(
    prefix: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    create_alice()
    response = Client().post(f"{prefix}login/", CREDENTIALS)
    assert response.cookies["jwt_refresh"]["path"] == f"{prefix}api/token/refresh"


@pytest.mark.clause("HTTP-6")
@pytest.mark.parametrize("name", [None, "login"])
def test_the_path_is_that_of_the_endpoints_where_a_view_is_mounted_elsewhere(
    name: str | None, settings: Settings
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.ROOT_URLCONF = (
        route("auth/", include("djwto.urls")),
        route("enter/", GetTokensView.as_view(), name=name),
    )
    create_alice()
    response = Client().post("/enter/", CREDENTIALS)
    assert response.cookies["jwt_refresh"]["path"] == "/auth/api/token/refresh"


@pytest.mark.clause("HTTP-6")
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize(
    ("urls", "login"),
    [("djwto.urls", "/login/"), ("djwto.spec_tests.core.urls_by_hand", "/enter/")],
)
def test_the_path_follows_the_script_name(
    forced: bool, urls: str, login: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.ROOT_URLCONF = urls
    create_alice()
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = b"username=alice&password=pass"
    environ |= {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "" if forced else "/shop",
        "PATH_INFO": login,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    if forced:
        settings.FORCE_SCRIPT_NAME = "/shop"
    # As Django's own test client does: the test's transaction is in the connection.
    request_started.disconnect(close_old_connections)
    try:
        response: Any = WSGIHandler()(environ, lambda *arguments: bytes)
    finally:
        request_started.connect(close_old_connections)
        clear_script_prefix()
    assert response.status_code == 200
    assert response.cookies["jwt_refresh"]["path"] == "/shop/api/token/refresh"


@pytest.mark.clause("HTTP-6")
def test_the_payload_cookie_holds_the_access_claims_as_base64_json(settings: Settings) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    live = session()
    for answer in (
        live,
        api.send(api.REFRESH_ACCESS, live.refresh),
        api.send(api.UPDATE_REFRESH, live.refresh),
    ):
        payload = answer.cookies["jwt_access_payload"]
        assert payload.coded_value == payload.value
        claims = json.loads(base64.b64decode(payload.value, validate=True))
        assert claims == decode(token(answer, "access"), "access")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.clause("HTTP-6")
@search(examples=300)
@given(claims=st.dictionaries(st.text(), json_values, max_size=6))
def test_any_claims_go_into_the_payload_cookie_without_quoting(claims: dict[str, Any]) -> None:
    text = readable_claims(claims)
    assert not set(text) & set('=/"\\ ,;')
    assert json.loads(base64.b64decode(text, validate=True)) == claims
    response = HttpResponse()
    response.set_cookie("jwt_access_payload", text)
    assert (
        response.cookies["jwt_access_payload"]
        .OutputString()
        .startswith(f"jwt_access_payload={text};")
    )


@pytest.mark.clause("HTTP-6")
@each_cookie_mode
@pytest.mark.case(74)
def test_a_cookie_that_browsers_drop_is_logged(
    mode: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DJWTO_MODE = mode
    with caplog.at_level(logging.WARNING, "djwto.transports"):
        live = session()
        assert caplog.records == []
        claims = decode(token(live, "refresh"), "refresh")
        claims["user"]["perms"] = [f"shop.change_thing_number_{n:04}" for n in range(150)]
        answer = api.send(api.UPDATE_REFRESH, encode(claims))
    assert answer.status == 200
    large = {
        name
        for name, morsel in token_cookies(mode, answer.cookies).items()
        if len(name) + len(morsel.value) > 4096
    }
    assert large == set(token_cookies(mode, answer.cookies))
    logged = [record for record in caplog.records if record.name == "djwto.transports"]
    assert {record.levelname for record in logged} == {"WARNING"}
    assert {name for name in large if any(name in r.getMessage() for r in logged)} == large


@pytest.mark.clause("HTTP-6")
@pytest.mark.parametrize(("size", "logged"), [(4096, []), (4097, [4097])])
@pytest.mark.case(74)
def test_a_cookie_is_too_large_from_4097_bytes_on(
    size: int, logged: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    pair = TokenPair(
        refresh_claims={},
        access_claims={},
        refresh="r" * (size - len("jwt_refresh")),
        access="a",
    )
    # Of a request that no URL has led anywhere.
    request = RequestFactory().post("/")
    with caplog.at_level(logging.WARNING, "djwto.transports"):
        response = OneCookie().answer(request, pair, "")
    assert response.cookies["jwt_refresh"]["path"].endswith("/api/token/refresh")
    assert response.cookies["jwt_refresh"]["max-age"] == ""
    assert [
        record.args[1] for record in caplog.records if isinstance(record.args, tuple)
    ] == logged


@pytest.mark.clause("HTTP-6")
@pytest.mark.parametrize("text", ["", "a", "ab", "?", "a?", "??", "???"])
def test_the_payload_needs_no_padding_and_no_quotes(text: str) -> None:
    readable = readable_claims({"a": text})
    assert json.loads(base64.b64decode(readable)) == {"a": text}
    assert not set(readable) & set("=/")
