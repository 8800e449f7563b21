"""Which requests there can be: the strategies of the fuzzer.

In a header, in a body and in the query `<0>` and `<1>` stand for the tokens of the call.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from djwto.claims import ACCESS, REFRESH
from djwto.spec_tests import api
from djwto.spec_tests.fuzz.oracle import GUARDED
from djwto.spec_tests.fuzz.tokens import CHANGES, Live, Recipe, Signed, Text, segment
from djwto.transports import (
    ACCESS_COOKIE,
    PAYLOAD_COOKIE,
    REFRESH_COOKIE,
    TOKEN_COOKIE,
    TRANSPORTS,
)

USERNAME = "alice"
PASSWORD = "a-password-of-alice-alone"


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    tokens: tuple[Recipe, Recipe]
    headers: dict[str, str]
    content_type: str
    body: bytes
    secure: bool
    awaited: bool
    """Is it served by Django's handler for ASGI?"""


# What there is to call.

ENDPOINTS = [
    api.LOGIN,
    api.VALIDATE_ACCESS,
    api.VALIDATE_REFRESH,
    api.REFRESH_ACCESS,
    api.UPDATE_REFRESH,
    api.LOGOUT,
    api.LOGOUT_ALL,
]
NEAR_MISSES = [
    "/login",
    "//login/",
    "/LOGIN/",
    "/login//",
    "/login/%00",
    "/login/%2e%2e/access/",
    "/login/;a=b/",
    "/api/token/refresh/logout/%e2%80%ae",
    "/api/token/refresh/../refresh/logout/",
    "/api/token/refresh/validate_access/",
    "/prefix/prefix/login/",
    "/me/sessions/%ff/",
    "/me/sessions/0b/",
    "/me/sessions/%00/",
    "/me/sessions/" + "9" * 300 + "/",
]
endpoints = st.sampled_from(ENDPOINTS)
paths = st.one_of(
    endpoints,
    endpoints,
    endpoints,
    endpoints.map(lambda path: f"/prefix{path}"),
    st.sampled_from([*GUARDED, "/.well-known/jwks.json"]),
    st.sampled_from(NEAR_MISSES),
)
odd_methods = st.sampled_from(["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "FOO", "post"])
methods = st.sampled_from(["POST", "POST", "POST", "DELETE"]) | odd_methods
octets = st.text(st.characters(max_codepoint=255), max_size=20)

# Tokens.

NASTY: list[Any] = [
    *(0, -1, 1, 2**31, 2**63, 253_402_300_799, 253_402_300_800, 10**30, 1e400, -0.0, 1.5),
    *("", "\x00", "\ud800", "access", "refresh", "1", "a" * 300, "../../etc/passwd", "' OR 1=1"),
    *("http://127.0.0.1:9/keys", None, True, False, [], {}, [[]], {"id": 1}, ["HS256"]),
]
nasty = st.sampled_from(NASTY) | st.integers() | st.floats() | st.text(max_size=5)
header_names = st.sampled_from(
    ["alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "x5c", "cty", "zip", "enc", "epk"]
)
claim_names = st.sampled_from(
    [
        *("iss", "sub", "aud", "iat", "exp", "nbf", "jti", "type", "user", "refresh_iat"),
        *("auth_time", "auth_hash", "epoch", "gen", "idle"),
    ]
)
users = st.dictionaries(st.sampled_from(["id", "perms", "username"]), nasty, max_size=3)
documents = st.sampled_from(
    [
        *(b"", b"{", b"[]", b"null", b'"a"', b"NaN", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"{}"),
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","alg":"none"}',
        b'{"type":"access","type":"refresh","jti":"a","iat":1,"exp":253402300799}',
        b'{"type":"refresh","jti":"a","iat":1,"exp":1e400}',
        b'{"type":"refresh","jti":"a","iat":-0,"exp":253402300799}',
    ]
) | st.sampled_from(
    [
        (b'{"type":"refresh","jti":"a","iat":1,"exp":', b"9", 5_000, b"}"),
        (
            b'{"type":"refresh","jti":"a","iat":1,"exp":253402300799,"deep":',
            b"[",
            900,
            b"0" + b"]" * 900 + b"}",
        ),
        (b"", b"[", 50_000, b""),
    ]
).map(lambda of: of[0] + of[1] * of[2] + of[3])
changed_claim = nasty | users | st.just(...)
types = st.sampled_from([ACCESS, REFRESH])
segments = st.builds(
    segment, st.dictionaries(header_names | claim_names, nasty, max_size=5)
) | octets.map(lambda text: text.replace(".", ""))


def recipes_of(types: st.SearchStrategy[str]) -> st.SearchStrategy[Recipe]:
    """Tokens of the live session of these types, changed by somebody with a key or without."""
    return st.one_of(
        st.builds(Live, types, st.sampled_from(sorted(CHANGES)), st.integers(0, 400)),
        st.builds(
            Signed, types, st.just({}), st.dictionaries(claim_names, changed_claim, max_size=2)
        ),
        st.builds(
            Signed,
            types,
            st.dictionaries(header_names, nasty | st.just(...), max_size=2) | documents,
            st.dictionaries(claim_names, changed_claim, max_size=2) | documents,
        ),
    )


recipes: st.SearchStrategy[Recipe] = st.one_of(
    st.builds(Live, types),
    recipes_of(types),
    recipes_of(types),
    st.builds(Text, st.lists(segments, min_size=1, max_size=5).map(".".join)),
)

# Headers.

schemes = st.sampled_from(["Bearer "] * 6 + ["bearer  ", "Basic ", "Token ", "Bearer\t", "", "="])
authorizations = (
    st.builds(
        "{}{}".format, schemes | octets, st.sampled_from(["<0>"] * 6 + ["<0>,<1>", "<0> <1>"])
    )
    | st.sampled_from(["Bearer <0>, Bearer <1>", "Bearer <0>" * 50])
    | st.sampled_from([4_000, 70_000]).map(lambda count: "Bearer " + "a" * count)
    | octets
)
cookie_names = st.sampled_from(
    [
        prefix + name
        for prefix in ("", "", "__Secure-")
        for name in (REFRESH_COOKIE, ACCESS_COOKIE, TOKEN_COOKIE, PAYLOAD_COOKIE)
    ]
)
cookies = st.lists(
    st.builds("{}={}".format, cookie_names, st.sampled_from(["<0>", "<0>", "<1>", '"<0>"', ""]))
    | st.builds("{}={}".format, cookie_names | octets, octets)
    | st.just(f"csrftoken={api.CSRF_TOKEN}"),
    max_size=5,
).map("; ".join)
cookies |= st.sampled_from(["a=b; ", ";"]).map(lambda piece: piece * 9_000 + "jwt_refresh=<0>")
content_types = st.sampled_from(
    [
        "application/json",
        "application/json",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=edge",
        "multipart/form-data",
        "multipart/form-data; boundary=" + "e" * 300,
        "application/json; charset=utf-16",
        "application/json; charset=\xe9",
        "application/x-www-form-urlencoded; charset=nonsense",
        "application/x-www-form-urlencoded; charset=base64",
        "multipart/form-data; boundary=edge; charset=zlib",
        "multipart/form-data; boundary=edge; charset=undefined",
        "application/json; charset=rot13",
        "APPLICATION/JSON;;;=",
        "text/plain",
        "",
    ]
)
ODD_HEADERS: dict[str, st.SearchStrategy[str]] = {
    "HTTP_ORIGIN": st.sampled_from(["null", "http://testserver", "https://["]) | octets,
    "HTTP_REFERER": st.sampled_from(["https://testserver/", "https://[", "https://evil/<0>"])
    | octets,
    "HTTP_HOST": st.sampled_from(["testserver", "testserver:x", "[::1", ""]) | octets,
    "HTTP_SEC_FETCH_SITE": st.sampled_from(["cross-site", "same-origin", "none"]) | octets,
    "HTTP_X_CSRFTOKEN": octets,
    "HTTP_X_HTTP_METHOD_OVERRIDE": methods,
    "HTTP_X_FORWARDED_FOR": st.sampled_from(["127.0.0.1", "'", "::1%eth0", "1, 2"]),
    "HTTP_USER_AGENT": st.sampled_from(["\x00", "\xe2\x80\xaeabc"]) | octets,
    "HTTP_ACCEPT_LANGUAGE": octets,
    "HTTP_CONTENT_ENCODING": st.sampled_from(["gzip", "br", "identity, gzip"]) | octets,
    "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "gzip, chunked"]),
    "CONTENT_LENGTH": st.sampled_from(["0", "1", "99999999999999999999", "x", "+5", "1_0"]),
    "QUERY_STRING": st.sampled_from(["access_token=<0>", "jwt_refresh=<0>&token=<1>"]) | octets,
}
odd_headers = st.lists(
    st.one_of([st.tuples(st.just(name), value) for name, value in ODD_HEADERS.items()]),
    max_size=3,
).map(dict)
EVERY_COOKIE = "; ".join(
    f"{prefix}{name}=<0>"
    for prefix in ("", "__Secure-")
    for name in (REFRESH_COOKIE, ACCESS_COOKIE, TOKEN_COOKIE)
)
LIKELY_HEADERS = {
    "HTTP_AUTHORIZATION": "Bearer <0>",
    "HTTP_COOKIE": f"csrftoken={api.CSRF_TOKEN}; {EVERY_COOKIE}",
    "HTTP_X_CSRFTOKEN": api.CSRF_TOKEN,
}
headers = st.builds(
    lambda authorization, cookies, odd: {
        **LIKELY_HEADERS,
        "HTTP_AUTHORIZATION": authorization,
        "HTTP_COOKIE": cookies,
        **odd,
    },
    authorizations,
    cookies,
    odd_headers,
)

# Bodies.

fields = st.dictionaries(
    st.sampled_from(
        ["username", "password", "csrfmiddlewaretoken", "jwt_refresh", "remember", "keep_current"]
    )
    | octets,
    st.text(max_size=12)
    | st.sampled_from(
        [USERNAME, PASSWORD, "<0>", "true", "on", "\uff21lice", "ali\u202ece", "\ud800"]
    )
    | nasty,
    max_size=4,
)
credentials = fields.map(lambda extra: {**extra, "username": USERNAME, "password": PASSWORD})


def _form(body: dict[str, Any]) -> bytes:
    return "&".join(f"{name}={value}" for name, value in body.items()).encode("utf-8", "replace")


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


MULTIPART = [
    b"--edge",
    b"--edge--",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Disposition: form-data; name=username",
    b'Content-Disposition: form-data; name="password"; filename="a"',
    b"Content-Disposition: form-data; name*=utf-8''%ff",
    b"Content-Transfer-Encoding: base64",
    b"alice",
    b"\xff",
]
HUGE = [
    (b"", b"[", 50_000, b""),
    (b"", b'{"a":', 50_000, b""),
    (b"", b"9", 50_000, b""),
    (b'{"username":"a","password":"', b"a", 2_000_000, b'"}'),
    (b"username=a&password=", b"%41", 800_000, b""),
    (b"", b"a=&", 900, b""),
    (b"", b"a=&", 2_000, b""),
    (b"", b"--edge\r\n", 20_000, b""),
    (b"", b"a", 3_000_000, b""),
]
"""What a body begins with, what it repeats, how often, and what it ends with."""

bodies = st.one_of(
    credentials.map(_json),
    credentials.map(_form),
    credentials.map(lambda body: _json(body).decode().encode("utf-16")),
    fields.map(_json),
    fields.map(_form),
    st.binary(max_size=60),
    st.lists(st.sampled_from(MULTIPART), max_size=8).map(b"".join),
    st.sampled_from(
        [
            f'{{"username":"{USERNAME}","username":"x","password":"{PASSWORD}"}}'.encode(),
            b"\xff\xfe{\x00}\x00",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
        ]
    ),
    st.sampled_from(HUGE).map(lambda of: of[0] + of[1] * of[2] + of[3]),
)

awaited = st.sampled_from([False, False, False, True])
wild_calls = st.builds(
    Call,
    method=methods,
    path=paths,
    tokens=st.tuples(recipes, recipes),
    headers=headers,
    content_type=content_types,
    body=bodies,
    secure=st.booleans(),
    awaited=awaited,
)


def _likely(path: str) -> st.SearchStrategy[Call]:
    """Requests that are as they should be, but for one thing."""
    type_ = GUARDED.get(path, api.expects(path))
    right = Live(type_)
    likely: dict[str, Any] = {
        "method": st.just("GET" if path in GUARDED else "POST"),
        "path": st.just(path),
        "tokens": st.tuples(st.just(right), recipes),
        "headers": st.just(LIKELY_HEADERS),
        "content_type": st.just("application/json"),
        "body": st.just(b'{"username": "alice", "password": "a-password-of-alice-alone"}'),
        "secure": st.booleans(),
        "awaited": awaited,
    }
    odd: list[dict[str, st.SearchStrategy[Any]]] = [
        {},
        {"tokens": st.tuples(recipes, recipes)},
        {"tokens": st.tuples(recipes_of(st.just(type_)), recipes)},
        {"headers": odd_headers.map(lambda odd: {**LIKELY_HEADERS, **odd})},
        {"headers": headers},
        {"method": methods},
        {"body": bodies},
        {"body": bodies, "content_type": content_types},
    ]
    if path == api.LOGIN:
        odd = [{}, *odd[3:], {"body": bodies}]
    return st.one_of([st.builds(Call, **{**likely, **changed}) for changed in odd])


likely_calls = st.sampled_from([*ENDPOINTS, *ENDPOINTS, *GUARDED]).flatmap(_likely)
calls = likely_calls | likely_calls | wild_calls
settings_drawn = st.fixed_dictionaries(
    {
        "DJWTO_MODE": st.sampled_from(list(TRANSPORTS)),
        "DJWTO_CSRF": st.booleans(),
        "DJWTO_ROTATE_REFRESH": st.booleans(),
        "DJWTO_ROTATE_ON_ACCESS": st.booleans(),
        "DJWTO_REUSE_GRACE": st.sampled_from([0, 3600]),
        "DJWTO_CHECK_ACCESS": st.booleans(),
        "DJWTO_COOKIE_PREFIX": st.sampled_from(["", "", "__Secure-"]),
        "DJWTO_REMEMBER_LIFETIME": st.sampled_from([None, timedelta(days=14)]),
        "MIDDLEWARE": st.sampled_from([[], ["django.middleware.csrf.CsrfViewMiddleware"]]),
    }
)
