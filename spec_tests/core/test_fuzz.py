"""HTTP-19: whatever a client sends, it is not answered 500, and gains nothing."""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from djwto.spec_tests import api
from djwto.spec_tests.core.alice import ACCESS_VIEW, MODES, names
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import encode

pytestmark = pytest.mark.django_db

MIDDLEWARE = [[], ["django.middleware.csrf.CsrfViewMiddleware"]]
JWT = re.compile(rb"eyJ[\w-]*\.[\w-]+\.[\w-]+")

paths = st.sampled_from(
    [
        api.LOGIN,
        api.VALIDATE_ACCESS,
        api.VALIDATE_REFRESH,
        api.REFRESH_ACCESS,
        api.UPDATE_REFRESH,
        api.LOGOUT,
        api.LOGOUT_ALL,
        ACCESS_VIEW,
        "/access/async/",
        "/refresh/",
        "/refresh/stacked/",
        "/perm/",
        "/perm/stacked/",
        "/prefix/login/",
    ]
)
methods = st.sampled_from(
    ["POST"] * 6 + ["DELETE"] * 2 + ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "FOO"]
)


def segment(of: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(of).encode()).rstrip(b"=").decode()


octets = st.text(st.characters(max_codepoint=255), max_size=20)
segments = st.builds(
    segment,
    st.dictionaries(
        st.sampled_from(
            ["alg", "typ", "kid", "crit", "b64", "jku", "jwk", "jti", "type", "exp", "iat", "user"]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.sampled_from(["HS256", "none", "JWT", "access", "refresh", "exp", "b64", ["b64"]])
        | st.lists(st.text(max_size=3), max_size=2),
        max_size=5,
    ),
) | octets.map(lambda text: text.replace(".", ""))
tokens = st.lists(segments, min_size=1, max_size=5).map(".".join)
authorizations = (
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["Bearer", "bearer", "Basic", "Token", "", "Digest"]) | octets,
        st.sampled_from([" ", "  ", "\t", "", ",", "="]),
        tokens,
    )
    | octets
)
cookies = st.lists(
    st.builds(
        "{}={}".format,
        st.sampled_from(
            ["jwt_refresh", "jwt_access", "jwt_access_token", "jwt_access_payload", "csrftoken"]
        )
        | octets,
        tokens | st.just(api.CSRF_TOKEN),
    ),
    max_size=4,
).map("; ".join)
content_types = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=edge",
        "multipart/form-data",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded; charset=nonsense",
        "text/plain",
        "",
    ]
)
fields = st.dictionaries(
    st.sampled_from(
        ["username", "password", "csrfmiddlewaretoken", "jwt_refresh", "remember", "keep_current"]
    )
    | octets,
    st.text(max_size=12) | st.integers() | st.none() | st.lists(st.none(), max_size=1),
    max_size=4,
)
bodies = (
    fields.map(lambda body: json.dumps(body).encode())
    | fields.map(
        lambda body: "&".join(f"{n}={v}" for n, v in body.items()).encode("utf-8", "replace")
    )
    | st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                b"--edge",
                b"--edge--",
                b"\r\n",
                b"\r\n\r\n",
                b"Content-Disposition: form-data; name=username",
                b'Content-Disposition: form-data; name="password"; filename="a"',
                b"Content-Transfer-Encoding: base64",
                b"alice",
                b"\xff",
            ]
        ),
        max_size=8,
    ).map(b"".join)
    | st.sampled_from([b"[" * 50_000, b'{"a":' * 50_000, b"9" * 50_000, b"\xff\xfe{\x00}\x00"])
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_AUTHORIZATION": authorizations,
        "HTTP_COOKIE": cookies,
        "HTTP_ORIGIN": st.sampled_from(["null", "http://testserver", "https://["]) | octets,
        "HTTP_REFERER": st.sampled_from(["https://testserver/", "https://["]) | octets,
        "HTTP_HOST": st.sampled_from(["testserver", "testserver:x", "[::1", ""]) | octets,
        "HTTP_SEC_FETCH_SITE": st.sampled_from(["cross-site", "same-origin", "none"]) | octets,
        "HTTP_X_CSRFTOKEN": st.just(api.CSRF_TOKEN) | octets,
        "HTTP_ACCEPT_LANGUAGE": octets,
        "HTTP_CONTENT_ENCODING": octets,
        "QUERY_STRING": octets,
    },
)


def assert_gains_nothing(response: Any, recorder: Recorder) -> None:
    assert response.status_code < 500
    content = response.content + b" ".join(
        morsel.value.encode() for name, morsel in response.cookies.items() if name != "csrftoken"
    )
    assert not JWT.search(content)
    assert set(names(recorder)) <= {"jwt_login_fail"}


@pytest.mark.clause("HTTP-19")
@search(examples=1500)
@given(
    mode=st.sampled_from(MODES),
    csrf=st.booleans(),
    middleware=st.sampled_from(MIDDLEWARE),
    method=methods,
    path=paths,
    secure=st.booleans(),
    headers=headers,
    content_type=content_types,
    body=bodies,
)
def test_nothing_that_a_stranger_sends_is_answered_500_or_gains_anything(
    mode: str,
    csrf: bool,
    middleware: list[str],
    method: str,
    path: str,
    secure: bool,
    headers: dict[str, str],
    content_type: str,
    body: bytes,
) -> None:
    with (
        override_settings(
            DJWTO_MODE=mode,
            DJWTO_CSRF=csrf,
            DJWTO_REMEMBER_LIFETIME=timedelta(days=14),
            MIDDLEWARE=middleware,
        ),
        Recorder() as recorder,
    ):
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        response = client.generic(
            method,
            path,
            body,
            content_type=content_type,
            secure=secure,
            **headers,  # type: ignore[arg-type]
        )
        assert_gains_nothing(response, recorder)
        if response.status_code >= 400 and path != "/prefix/login/":
            assert response["Content-Type"] == "application/json"
            assert method == "HEAD" or set(response.json()) == {"error"}


claims = st.dictionaries(
    st.sampled_from(
        [
            *("iss", "sub", "aud", "iat", "exp", "nbf", "jti", "type", "user", "refresh_iat"),
            *("perms", "auth_time", "auth_hash", "epoch", "gen", "idle"),
        ]
    )
    | st.text(max_size=3),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.sampled_from([1, 2**31, 253_402_300_799, 10**30, "\ud800", "\x00", "access"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["id", "perms", "username"]), inner, max_size=3)
        ),
        max_leaves=4,
    ),
    max_size=8,
)
# Those that Django's test client can encode.
known_types = content_types.filter(lambda text: "charset" not in text)
usable = {"jti": "0b", "exp": 253_402_300_799, "iat": int(time.time()), "user": {"id": 1}}


@pytest.mark.clause("HTTP-19")
@search(examples=700)
@given(
    mode=st.sampled_from(MODES),
    drawn=claims,
    like=st.sampled_from([{}, usable, usable]),
    type_=st.sampled_from(["access", "refresh"]),
    strict=st.booleans(),
    calls=st.lists(
        st.tuples(st.sampled_from(["post", "post", "delete", "get"]), paths, known_types, bodies),
        min_size=1,
        max_size=3,
    ),
)
def test_no_claims_that_the_key_has_signed_are_answered_500(
    mode: str,
    drawn: dict[str, Any],
    like: dict[str, Any],
    type_: str,
    strict: bool,
    calls: list[tuple[str, str, str, bytes]],
) -> None:
    try:
        token = encode({"type": type_, **like, **drawn})
    except (TypeError, ValueError):
        # PyJWT signs no iss but a text; whoever does is refused by its decode all the same.
        return
    # For the drawn id to be somebody's: beyond this lookup there is more to go wrong.
    User.objects.get_or_create(pk=1, defaults={"username": "alice"})
    for method, path, content_type, body in calls:
        extra = {"content_type": content_type, "data": body}
        sent: dict[str, Any] = {} if method == "get" else extra
        with override_settings(DJWTO_MODE=mode, DJWTO_STRICT=strict):
            as_refresh = type_ == "refresh"
            answer = api.send(path, token, method=method, as_refresh=as_refresh, **sent)
        assert answer.status < 500, path
