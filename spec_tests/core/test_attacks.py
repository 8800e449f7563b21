"""Attacks that are on the list and that no clause is about, through HTTP (docs/security_cases)."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.urls import include, path
from pytest_django import Settings

from djwto.blacklist import get_blacklist
from djwto.models import BlacklistEntry
from djwto.spec_tests import api
from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.core.tokens_by_hand import HEADER, b64, by_hand, good
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.stage import playing
from djwto.spec_tests.subject import Subject
from djwto.tokens import decode, encode

pytestmark = [pytest.mark.django_db, pytest.mark.clause("HTTP-19")]

INVALID_TOKEN = 'Bearer realm="api", error="invalid_token"'
FORM = "application/x-www-form-urlencoded"

urlpatterns = [path("<str:anything>/", include("djwto.urls"))]


def raw(method: str, path: str, body: bytes = b"", **environ: Any) -> Any:
    """The answer to a request with these very headers, spelt as WSGI has them."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    content_type = environ.pop("content_type", "application/json")
    return client.generic(method, path, body, content_type, **environ)


def assert_nothing_came_of_it(response: Any, recorder: Recorder, *statuses: int) -> None:
    assert response.status_code in statuses
    assert names(recorder) == []
    assert not response.cookies
    assert b"eyJ" not in response.content


# Kind of token.


@pytest.mark.case(9)
@each_cookie_mode
def test_what_a_request_calls_its_token_is_not_read(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for type_ in ("refresh", "access", "bogus"):
        for extra in (
            {"data": {"jwt_type": type_}},
            {"query_params": {"jwt_type": type_}},
            {"data": {"jwt_type": type_}, "content_type": "application/json"},
            {"data": f"jwt_type={type_}&jwt_type=access", "content_type": FORM},
        ):
            answer = api.send(api.VALIDATE_ACCESS, live.access, as_refresh=False, **extra)
            assert answer.status == 200
            answer = api.send(api.VALIDATE_REFRESH, live.refresh, **extra)
            assert answer.status == 200
            # The access token where the refresh token belongs.
            assert api.send(api.REFRESH_ACCESS, live.access, **extra).status == 401


# Claims.


@pytest.mark.case(40)
def test_of_members_with_one_name_the_last_counts_and_all_of_the_token_is_judged_by_it() -> None:
    create_alice(pk=1)
    claims = json.dumps(good())
    for first, last, status in (("access", "refresh", 200), ("refresh", "access", 401)):
        twice = claims.replace('"type": "refresh"', f'"type": "{first}", "type": "{last}"')
        sent = by_hand(HEADER, twice.encode())
        assert api.send(api.VALIDATE_REFRESH, sent).status == status
        assert api.send(api.REFRESH_ACCESS, sent).status == status


@pytest.mark.case(92)
@each_mode
def test_a_header_that_names_two_algorithms_gets_nobody_in(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice(pk=1)
    for header in (b'{"alg":"none","alg":"HS256"}', b'{"alg":"HS256","alg":"none"}'):
        unsigned = by_hand(header, good()).rpartition(".")[0] + "."
        forged = by_hand(header, good(), key=b"a key of the attacker's own, long enough")
        for sent in (unsigned, forged):
            with Recorder() as recorder:
                answer = api.send(api.REFRESH_ACCESS, sent)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, INVALID_TOKEN)
            assert names(recorder) == []


HEADERS: dict[int, tuple[dict[str, Any], bytes]] = {
    93: ({**HEADER, "zip": "DEF"}, zlib.compress(json.dumps(good()).encode())[2:-4]),
    94: ({**HEADER, "cty": "JWT"}, by_hand(HEADER, good()).encode()),
}


@pytest.mark.case(93, 94)
@each_mode
@pytest.mark.parametrize("case", HEADERS)
def test_a_payload_that_has_to_be_unpacked_first_is_refused(
    mode: str, case: int, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice(pk=1)
    with Recorder() as recorder:
        answer = api.send(api.REFRESH_ACCESS, by_hand(*HEADERS[case]))
    assert (answer.status, names(recorder)) == (401, [])


@pytest.mark.case(96)
@pytest.mark.parametrize(
    "kid",
    [
        *("../../../../dev/null", "/etc/passwd", "file:///dev/null", "http://127.0.0.1:9/key"),
        *("' UNION SELECT '' -- ", "key; rm -rf /", "\x00", "\ud800", "a" * 5000, "__proto__"),
    ],
)
def test_the_name_of_a_key_is_looked_up_nowhere(kid: str, settings: Settings) -> None:
    create_alice(pk=1)
    settings.DJWTO_KEYS = [{"kid": "ours", "algorithm": "HS256", "key": "k" * 32}]
    assert api.send(api.REFRESH_ACCESS, by_hand({**HEADER, "kid": "ours"}, good())).status == 200
    header = {**HEADER, "kid": kid}
    for key in (b"", b"\0", kid.encode("utf-8", "replace"), b"root:x:0:0"):
        assert api.send(api.REFRESH_ACCESS, by_hand(header, good(), key=key)).status == 401


@pytest.mark.case(97)
@each_mode
def test_five_parts_are_no_token(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    refresh = token(live, "refresh")
    sealed = b64(b'{"alg":"dir","enc":"A256GCM"}').decode() + "..AAAA.AAAA.AAAA"
    for sent in (sealed, f"{refresh}.AAAA.AAAA", f"AAAA.AAAA.{refresh}"):
        with Recorder() as recorder:
            answer = api.send(api.UPDATE_REFRESH, sent)
        assert (answer.status, names(recorder)) == (401, [])


@pytest.mark.case(98)
@pytest.mark.parametrize("type_", ["refresh", "access"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "-0", "4e9", "4000000000.0", "0x7fffffff"])
def test_a_number_that_is_spelt_oddly_is_no_time(type_: str, number: str) -> None:
    create_alice(pk=1)
    payload = json.dumps(good(type_, exp=4_000_000_000)).replace("4000000000", number)
    path = api.VALIDATE_REFRESH if type_ == "refresh" else api.VALIDATE_ACCESS
    assert api.send(path, by_hand(HEADER, good(type_, exp=4_000_000_000))).status == 200
    assert api.send(path, by_hand(HEADER, payload.encode())).status == 401


# Login.


@pytest.mark.case(80)
@each_mode
def test_of_two_names_in_a_body_the_last_is_meant_and_its_password_asked_for(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    User.objects.create_user("bob", password="bobs")
    bodies = {
        "application/json": b'{"username":"alice","password":"pass","username":"bob"}',
        FORM: b"username=alice&password=pass&username=bob",
    }
    for content_type, body in bodies.items():
        response = raw("POST", api.LOGIN, body, content_type=content_type)
        assert response.status_code == 401
        assert not response.cookies


@pytest.mark.case(82)
@each_mode
def test_a_name_that_looks_like_another_is_another(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    for name in ("\u0430lice", "alic\u0435", "ali\u200bce", "a\u0301lice", "al\u0131ce", "ALICE"):
        answer = api.log_in(name, "pass")
        # A collation of MariaDB takes letters with and without accents for the same.
        assert answer.status == 401 or (connection.vendor == "mysql" and whose(answer) == "alice")
    # Of what Unicode calls compatible, Django's form makes one name; the claims say whose.
    assert whose(api.log_in("\uff41lice", "pass")) == "alice"


def whose(answer: api.Answer) -> str:
    return str(decode(token(answer, "access"), "access")["user"]["username"])


@pytest.mark.case(83, 105)
@each_mode
@pytest.mark.parametrize(
    "name",
    ["alice\nCRITICAL root has-logged-in", "\u202eecila root-is-here", "\x1b[2J a-screen-wiped"],
)
def test_a_name_that_cannot_log_in_is_in_no_log_line_and_in_no_answer(
    mode: str, name: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    with caplog.at_level(logging.DEBUG), Recorder() as recorder:
        answer = api.log_in(name, "a wrong password")
    assert answer.status == 401
    assert names(recorder) == ["jwt_login_fail"]
    said = "\n".join([*(record.getMessage() for record in caplog.records), str(answer.body)])
    assert said
    assert name not in said
    assert name.split()[-1] not in said
    assert "a wrong password" not in said


@pytest.mark.case(81)
@each_mode
@pytest.mark.parametrize("content_type", [FORM, "application/json"])
@pytest.mark.parametrize("length", ["", "0", "x", "-7", "7", "9" * 20, "1e9", "\xb2", "7, 7"])
def test_a_length_that_is_not_the_bodys_is_refused(
    mode: str, length: str, content_type: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    body = b"username=alice&password=pass" if content_type == FORM else b'{"username": "alice"}'
    given = {"CONTENT_LENGTH": length, "wsgi.input": BytesIO(body), "content_type": content_type}
    with Recorder() as recorder:
        response = raw("POST", api.LOGIN, body, **given)
    assert response.status_code in {400, 401}
    assert names(recorder) == ["jwt_login_fail"]
    assert not response.cookies
    live = api.log_in(**CREDENTIALS)
    cookies = f"jwt_refresh={live.refresh}; csrftoken={api.CSRF_TOKEN}"
    with Recorder() as recorder:
        response = raw("POST", api.LOGOUT_ALL, body, HTTP_COOKIE=cookies, **given)
    assert_nothing_came_of_it(response, recorder, 400, 401, 403)


@pytest.mark.case(88)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity, gzip", "br"])
def test_a_body_is_not_unpacked(coding: str) -> None:
    create_alice()
    body = json.dumps(CREDENTIALS).encode()
    packed = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    with Recorder() as recorder:
        response = raw("POST", api.LOGIN, packed, HTTP_CONTENT_ENCODING=coding)
    assert (response.status_code, names(recorder)) == (400, ["jwt_login_fail"])


@pytest.mark.case(100)
@pytest.mark.parametrize("charset", ["zlib", "base64", "rot13", "undefined", "idna", "utf-7"])
@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=edge", "application/json"])
def test_a_charset_that_is_none_does_no_harm(kind: str, charset: str) -> None:
    create_alice()
    body = zlib.compress(b"username=alice&password=pass")
    with Recorder() as recorder:
        response = raw("POST", api.LOGIN, body, content_type=f"{kind}; charset={charset}")
    assert response.status_code in {400, 401}
    assert names(recorder) == ["jwt_login_fail"]


# Requests.


@pytest.mark.case(79)
@each_cookie_mode
def test_of_two_cookies_with_one_name_one_is_believed_and_only_its_session_ends(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    first = session()
    second = api.log_in(**CREDENTIALS)
    both = f"csrftoken={api.CSRF_TOKEN}; jwt_refresh={first.refresh}; jwt_refresh={second.refresh}"
    with Recorder() as recorder:
        response = raw("POST", api.LOGOUT, HTTP_COOKIE=both, HTTP_X_CSRFTOKEN=api.CSRF_TOKEN)
    assert response.status_code == 200
    (sent,) = recorder.sent
    over = second if sent.kwargs["jti"] == api.claims_of(second.refresh)["jti"] else first
    other = first if over is second else second
    assert api.send(api.REFRESH_ACCESS, over.refresh).status == 401
    assert api.send(api.REFRESH_ACCESS, other.refresh).status == 200


@pytest.mark.case(84)
@each_mode
def test_thousands_of_cookies_do_no_harm(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    many = "; ".join(f"jwt_refresh{number}=a" for number in range(5_000))
    with Recorder() as recorder:
        response = raw("POST", api.REFRESH_ACCESS, HTTP_COOKIE=many)
    assert_nothing_came_of_it(response, recorder, 401)


@pytest.mark.case(85)
@each_mode
@pytest.mark.parametrize(
    "name", ["HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE"]
)
def test_the_method_is_what_the_request_line_says(
    mode: str, name: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    sent: dict[str, Any] = {
        "HTTP_AUTHORIZATION": f"Bearer {live.refresh}",
        "HTTP_COOKIE": f"jwt_refresh={live.refresh}; csrftoken={api.CSRF_TOKEN}",
        "HTTP_X_CSRFTOKEN": api.CSRF_TOKEN,
    }
    for method, pretended in (("GET", "POST"), ("GET", "DELETE"), ("PUT", "POST")):
        with Recorder() as recorder:
            response = raw(method, api.LOGOUT, **(sent | {name: pretended}))
        assert_nothing_came_of_it(response, recorder, 405)
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200


@pytest.mark.case(87)
@each_mode
@pytest.mark.parametrize(
    "path",
    [
        *("{}%00", "{}%2e", "{}/", "{}..%2flogout/", "{};a=b", "{}%e2%80%ae", "{}%0d%0aX: y"),
        *("{}%5c", "{}%3f", "{}%20", "/.{}", "/%00{}", "/LOGOUT/"),
    ],
)
def test_what_is_nearly_the_path_of_an_endpoint_is_none(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    for endpoint in (api.REFRESH_ACCESS, api.LOGOUT):
        with Recorder() as recorder:
            answer = api.send(path.format(endpoint), live.refresh)
        assert (answer.status, names(recorder)) == (404, [])
        assert "X" not in answer.headers
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200


@pytest.mark.case(102)
@each_cookie_mode
def test_no_cookie_follows_the_host_that_a_request_names(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    response = raw(
        "POST",
        api.LOGIN,
        json.dumps(CREDENTIALS).encode(),
        HTTP_HOST="evil.example",
        HTTP_X_FORWARDED_HOST="evil.example",
    )
    assert response.status_code == 200
    assert {morsel["domain"] for morsel in response.cookies.values()} == {""}
    assert "evil" not in str(response.cookies)
    assert "evil" not in str(decode(response.cookies["jwt_refresh"].value, "refresh"))


@pytest.mark.case(103)
@each_cookie_mode
@pytest.mark.parametrize(
    "prefix",
    ["a; Domain=evil.example", "a%3B%20HttpOnly", "a%0d%0aSet-Cookie: b=c", "a, b=c", "%22", "é"],
)
@pytest.mark.urls("djwto.spec_tests.core.test_attacks")
def test_no_path_adds_an_attribute_to_a_cookie(mode: str, prefix: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    response = raw("POST", f"/{prefix}/login/", json.dumps(CREDENTIALS).encode())
    assert response.status_code == 200
    cookie = response.cookies["jwt_refresh"]
    assert cookie["domain"] == ""
    assert cookie["httponly"]
    path_ = cookie["path"]
    assert path_.isascii()
    assert not set(path_) & set('; "\r\n')
    assert "\n" not in cookie.OutputString()


@pytest.mark.case(108)
@each_cookie_mode
def test_a_csrf_token_in_the_query_is_none(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        response = raw(
            "POST",
            f"{api.LOGOUT}?csrfmiddlewaretoken={api.CSRF_TOKEN}&X-CSRFToken={api.CSRF_TOKEN}",
            HTTP_COOKIE=f"jwt_refresh={live.refresh}; csrftoken={api.CSRF_TOKEN}",
        )
    assert_nothing_came_of_it(response, recorder, 403)
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200


# Stores.


@pytest.mark.case(73)
@each_mode
@pytest.mark.parametrize("store", SUBJECTS)
def test_a_token_that_no_index_would_take_is_logged_out(
    mode: str, store: str, subjects: dict[str, Subject]
) -> None:
    # No other test has logged this user out everywhere, on a store that outlives it.
    alice = create_alice(pk=73_000_073)
    perms = [f"some_application.may_do_thing_number_{number:05}" for number in range(300)]
    long = encode(good(user={"username": "alice", "id": alice.pk, "perms": perms}))
    assert len(long) > 12_000
    with playing(subjects[store], DJWTO_MODE=mode):
        assert api.send(api.REFRESH_ACCESS, long).status == 200
        assert api.send(api.LOGOUT, long).status == 200
        assert api.send(api.REFRESH_ACCESS, long).status == 401


@pytest.mark.case(75, "B6")
@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Chicago", "UTC"])
def test_an_end_is_remembered_for_as_long_in_every_time_zone(zone: str, use_tz: bool) -> None:
    live = session()
    with override_settings(TIME_ZONE=zone, USE_TZ=use_tz):
        assert api.send(api.LOGOUT, live.refresh).status == 200
        (entry,) = BlacklistEntry.objects.all()
        claims = api.claims_of(live.refresh)
        assert claims["exp"] <= entry.exp <= claims["exp"] + timedelta(hours=1).total_seconds()
        assert get_blacklist().purge() == 0
        assert api.send(api.REFRESH_ACCESS, live.refresh).status == 401
