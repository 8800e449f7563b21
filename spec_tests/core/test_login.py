"""HTTP-1 to HTTP-3, SIG-1 and SIG-2: what a login takes, answers and announces."""

from __future__ import annotations

import io
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import PermissionDenied
from django.dispatch import Signal
from django.test import Client
from pytest_django import Settings

from djwto.claims import process_claims
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    session,
    token,
)
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import decode, encode

pytestmark = pytest.mark.django_db

WRONG = (
    '{"__all__": ["Please enter a correct username and password. '
    'Note that both fields may be case-sensitive."]}'
)
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=edge"
HOOKS = "djwto.spec_tests.core.login_hooks"

COOKIES = {
    "JSON": set(),
    "ONE-COOKIE": {"jwt_refresh", "jwt_access", "csrftoken"},
    "TWO-COOKIES": {"jwt_refresh", "jwt_access_token", "jwt_access_payload", "csrftoken"},
}

ENCODINGS: dict[str, dict[str, Any]] = {
    "form": {"data": "username=alice&password=pass", "content_type": FORM},
    "multipart": {"data": CREDENTIALS},
    "JSON": {"data": CREDENTIALS, "content_type": "application/json"},
    "JSON with a charset": {
        "data": json.dumps(CREDENTIALS).encode(),
        "content_type": "Application/JSON; charset=utf-8",
    },
}


def post(body: dict[str, Any], **headers: str) -> Any:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(api.LOGIN, **body, headers=headers)


@pytest.mark.clause("HTTP-1")
@each_mode
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.case(43)
def test_login_takes_a_form_or_json_and_answers_both_tokens_where_the_mode_puts_them(
    mode: str, encoding: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    response = post(ENCODINGS[encoding])
    assert response.status_code == 200
    assert set(response.cookies) == COOKIES[mode]
    body = response.json()
    if mode == "JSON":
        assert set(body) == {"refresh", "access"}
        refresh, access = body["refresh"], body["access"]
    else:
        assert body == {"msg": "Tokens successfully created."}
        access_cookie = "jwt_access" if mode == "ONE-COOKIE" else "jwt_access_token"
        refresh, access = (response.cookies[name].value for name in ("jwt_refresh", access_cookie))
    for type_, one in (("refresh", refresh), ("access", access)):
        assert decode(one, type_)["user"] == {"username": "alice", "id": alice.pk, "perms": []}


@pytest.mark.clause("HTTP-1")
@pytest.mark.parametrize("encoding", ["form", "JSON"])
def test_names_and_passwords_may_be_any_text(encoding: str) -> None:
    name, password = "Ünal漢", ' p&=ß"\\é漢 \N{PILE OF POO}'
    User.objects.create_user(name, password=password)
    extra = {"content_type": "application/json"} if encoding == "JSON" else {}
    response = post({"data": {"username": name, "password": password}, **extra})
    assert response.status_code == 200
    assert decode(response.json()["access"], "access")["user"]["username"] == name


@pytest.mark.clause("SIG-1")
@each_mode
def test_a_login_is_announced_once_with_the_claims_of_its_tokens(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    with Recorder() as recorder:
        answer = api.log_in(**CREDENTIALS)
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_logged_in", "GetTokensView")
    assert set(sent.kwargs) == {"signal", "request", "refresh_claims", "access_claims"}
    assert sent.kwargs["refresh_claims"] == decode(token(answer, "refresh"), "refresh")
    assert sent.kwargs["access_claims"] == decode(token(answer, "access"), "access")
    assert sent.kwargs["request"].path == api.LOGIN


def assert_refused(response: Any, recorder: Recorder, status: int) -> str:
    """Asserts a refusal that is announced once, with the text that is answered; returns it."""
    assert response.status_code == status
    (sent,) = recorder.take()
    assert (sent.name, sent.sender) == ("jwt_login_fail", "GetTokensView")
    assert set(sent.kwargs) == {"signal", "request", "error"}
    assert response.json() == {"error": sent.kwargs["error"]}
    assert isinstance(sent.kwargs["error"], str)
    assert sent.kwargs["error"]
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    return str(sent.kwargs["error"])


@pytest.mark.clause("HTTP-3")
@each_mode
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("alice", "Pass"),
        ("nobody", "pass"),
        ("inactive", "pass"),
        ("unusable", ""),
        ("alice", "pass\x00"),
        ("a" * 10_000, "pass"),
        ("alice", "p" * 100_000),
    ],
    ids=repr,
)
@pytest.mark.parametrize("json_body", [False, True], ids=["form", "JSON"])
def test_wrong_credentials_are_answered_401_and_announced_with_the_text_answered(
    mode: str, username: str, password: str, json_body: bool, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    User.objects.create_user("inactive", password="pass", is_active=False)
    User.objects.create_user("unusable")
    body: dict[str, Any] = {"data": {"username": username, "password": password}}
    if json_body:
        body["content_type"] = "application/json"
    with Recorder() as recorder:
        response = post(body)
    assert_refused(response, recorder, 401)
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.clause("SIG-2")
@pytest.mark.parametrize(
    ("username", "password"), [("alice", "wrong"), ("nobody", "pass"), ("inactive", "pass")]
)
@pytest.mark.case(45)
def test_the_text_does_not_tell_a_wrong_password_from_an_unknown_or_a_deactivated_user(
    username: str, password: str
) -> None:
    create_alice()
    User.objects.create_user("inactive", password="pass", is_active=False)
    with Recorder() as recorder:
        response = post({"data": {"username": username, "password": password}})
    assert assert_refused(response, recorder, 401) == WRONG


@pytest.mark.clause("HTTP-3")
@pytest.mark.parametrize(
    "fields",
    [
        {"other": "1"},
        {"username": "alice"},
        {"password": "pass"},
        {"username": "", "password": ""},
        {"username": "ali\x00ce", "password": "pass"},
        {"Username": "alice", "Password": "pass"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("content_type", [FORM, MULTIPART, "application/json"])
@pytest.mark.case(45)
def test_missing_and_impossible_credentials_are_wrong_credentials(
    fields: dict[str, str], content_type: str
) -> None:
    create_alice()
    body: dict[str, Any] = {"data": fields}
    if content_type != MULTIPART:
        data = urlencode(fields) if content_type == FORM else json.dumps(fields)
        body = {"data": data, "content_type": content_type}
    with Recorder() as recorder:
        response = post(body)
    assert_refused(response, recorder, 401)


class CutOff(io.RawIOBase):
    """A body whose sender hangs up."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raise OSError("connection reset by peer")


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "application/json"),
    "an empty body as JSON": (b"", "application/json"),
    "a JSON list": (b"[]", "application/json"),
    "a JSON text": (b'"alice"', "application/json"),
    "a JSON null": (b"null", "application/json"),
    "JSON nested 100000 deep": (b"[" * 100_000, "application/json"),
    "objects nested 100000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json"),
    "invalid UTF-8": (b'{"username": "\xff\xfe", "password": "pass"}', "application/json"),
    "a surrogate in the name": (
        rb'{"username": "\ud800", "password": "pass"}',
        "application/json",
    ),
    "a surrogate in the password": (
        rb'{"username": "alice", "password": "\ud800"}',
        "application/json",
    ),
    "a number as the name": (b'{"username": 1, "password": "pass"}', "application/json"),
    "an endless number": (b'{"username": ' + b"9" * 50_000 + b"}", "application/json"),
    "a list as the password": (b'{"username": "alice", "password": ["pass"]}', "application/json"),
    "null as the password": (b'{"username": "alice", "password": null}', "application/json"),
    "true as the password": (b'{"username": "alice", "password": true}', "application/json"),
    "a foreign content type": (b"username: alice", "text/yaml"),
    "no content type": (b"username=alice&password=pass", ""),
    "a senseless content type": (b"username=alice&password=pass", ";;=\x7f"),
    "a form in another charset": (
        b"username=alice&password=pass",
        "application/x-www-form-urlencoded; charset=utf-16",
    ),
    "multipart without a boundary": (b"--edge--", "multipart/form-data"),
    "multipart with a senseless boundary": (b"--edge--", "multipart/form-data; boundary=\xe9"),
    "multipart with broken base64": (
        b"--edge\r\nContent-Disposition: form-data; name=username; filename=a\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n*x*\r\n--edge--\r\n",
        MULTIPART,
    ),
}


@pytest.mark.clause("HTTP-2")
@each_mode
@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.case(101)
def test_a_body_that_cannot_be_read_is_answered_400_and_announced(
    mode: str, kind: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    data, content_type = UNREADABLE[kind]
    with Recorder() as recorder:
        response = post({"data": data, "content_type": content_type})
    assert_refused(response, recorder, 400)
    assert "WWW-Authenticate" not in response


@pytest.mark.clause("HTTP-2")
@pytest.mark.parametrize("name", ["username", "password"])
def test_the_field_that_is_missing_or_no_text_is_named(name: str) -> None:
    create_alice()
    other = "password" if name == "username" else "username"
    missing = post({"data": {other: CREDENTIALS[other]}}).json()["error"]
    assert json.loads(missing).keys() == {name}
    assert "required" in missing
    body = json.dumps(CREDENTIALS | {name: 7})
    refused = post({"data": body, "content_type": "application/json"})
    assert refused.json() == {"error": f"The field {name} is not a text."}


@pytest.mark.clause("HTTP-2")
@pytest.mark.parametrize("content_type", [FORM, MULTIPART, "application/json"])
@pytest.mark.case(45)
def test_a_body_that_is_too_large_is_answered_400(content_type: str, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50
    body = {
        FORM: b"username=" + b"a" * 60,
        MULTIPART: b"--edge\r\nContent-Disposition: form-data; name=username\r\n\r\n"
        + b"a" * 60
        + b"\r\n--edge--\r\n",
        "application/json": b'{"username": "' + b"a" * 60 + b'"}',
    }[content_type]
    with Recorder() as recorder:
        response = post({"data": body, "content_type": content_type})
    assert_refused(response, recorder, 400)


@pytest.mark.clause("HTTP-2")
@pytest.mark.parametrize("content_type", [FORM, MULTIPART])
@pytest.mark.case(113)
def test_a_form_of_too_many_fields_is_answered_400(content_type: str, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2
    body: dict[str, Any] = {"data": {**CREDENTIALS, "a": "1"}}
    if content_type == FORM:
        body = {"data": "username=alice&password=pass&a=1", "content_type": FORM}
    with Recorder() as recorder:
        response = post(body)
    assert_refused(response, recorder, 400)


@pytest.mark.clause("HTTP-2")
@pytest.mark.parametrize("content_type", [FORM, MULTIPART, "application/json"])
@pytest.mark.case(107)
def test_a_body_whose_sender_hangs_up_is_answered_400(content_type: str) -> None:
    environ: dict[str, Any] = {
        "wsgi.input": CutOff(),
        "CONTENT_LENGTH": "100",
        "CONTENT_TYPE": content_type,
    }
    with Recorder() as recorder:
        response = Client(raise_request_exception=False).generic("POST", api.LOGIN, **environ)
    assert_refused(response, recorder, 400)


MULTIPART_BODY = (
    b"--edge\r\nContent-Disposition: form-data; name=username\r\n\r\nalice\r\n"
    b"--edge\r\nContent-Disposition: form-data; name=password\r\n\r\npass\r\n--edge--\r\n"
)


@pytest.mark.clause("HTTP-2")
@pytest.mark.case(107)
def test_multipart_that_is_cut_off_anywhere_is_refused_until_the_credentials_are_whole() -> None:
    create_alice()
    whole = MULTIPART_BODY.index(b"pass\r\n--edge--") + len(b"pass")
    statuses = set()
    for length in range(whole):
        with Recorder() as recorder:
            response = post({"data": MULTIPART_BODY[:length], "content_type": MULTIPART})
        statuses.add(response.status_code)
        assert_refused(response, recorder, response.status_code)
    assert statuses <= {400, 401}
    assert post({"data": MULTIPART_BODY, "content_type": MULTIPART}).status_code == 200


def strangers() -> dict[str, str]:
    """Tokens that a browser may still have, of every kind that is not a session of alice's."""
    User.objects.create_user("bob", password="pass")
    live = api.log_in("bob", "pass")
    claims = decode(token(live, "refresh"), "refresh")
    assert api.send(api.LOGOUT, live.refresh).status == 200
    return {
        "garbage": "garbage",
        "a token of a session that has ended": token(live, "refresh"),
        "an expired token": encode({**claims, "exp": 1}),
        "an unsigned token": "eyJhbGciOiJub25lIn0.e30.",
    }


@pytest.mark.clause("HTTP-3")
@each_mode
@pytest.mark.parametrize("password", ["pass", "wrong"])
@pytest.mark.case(41)
def test_a_login_takes_no_notice_of_tokens_that_come_with_it(
    mode: str, password: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    for kind, stale in strangers().items():
        client = Client(enforce_csrf_checks=True)
        for name in ("jwt_refresh", "jwt_access", "jwt_access_token", "jwt_access_payload"):
            client.cookies[name] = stale
        with Recorder() as recorder:
            response = client.post(
                api.LOGIN,
                {"username": "alice", "password": password},
                headers={"Authorization": f"Bearer {stale}"},
            )
        if password == "wrong":
            assert assert_refused(response, recorder, 401) == WRONG
            continue
        assert response.status_code == 200, kind
        (sent,) = recorder.sent
        assert sent.name == "jwt_logged_in", kind
        assert sent.kwargs["refresh_claims"]["user"]["id"] == alice.pk, kind


@pytest.mark.clause("HTTP-3")
@each_mode
def test_a_second_login_is_a_session_of_its_own(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    first = session()
    second = api.log_in(**CREDENTIALS)
    jtis = {api.claims_of(token(one, "refresh"))["jti"] for one in (first, second)}
    assert len(jtis) == 2
    assert api.send(api.LOGOUT, first.refresh).status == 200
    assert api.send(api.REFRESH_ACCESS, second.refresh).status == 200


class Heard:
    """While entered, keeps what Django's own signal was sent with."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.calls: list[dict[str, Any]] = []

    def __enter__(self) -> list[dict[str, Any]]:
        self.signal.connect(self.hear)
        return self.calls

    def __exit__(self, *error: object) -> None:
        self.signal.disconnect(self.hear)

    def hear(self, **kwargs: Any) -> None:
        self.calls.append(kwargs)


@pytest.mark.clause("HTTP-3")
@each_mode
@pytest.mark.case(47)
def test_a_login_sends_user_logged_in_and_sets_last_login(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    with Heard(user_logged_in) as calls, Heard(user_login_failed) as failures:
        assert api.log_in(**CREDENTIALS).status == 200
    (call,) = calls
    assert (call["sender"], call["user"]) == (User, alice)
    assert call["request"].path == api.LOGIN
    assert call["request"].user == alice
    assert failures == []
    assert alice.last_login is None
    alice.refresh_from_db()
    assert alice.last_login is not None


@pytest.mark.clause("HTTP-3")
@each_mode
@pytest.mark.case(47)
def test_wrong_credentials_send_user_login_failed_with_the_request_and_no_password(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    with Heard(user_login_failed) as failures, Heard(user_logged_in) as calls:
        assert api.log_in("alice", "wrong").status == 401
    (failure,) = failures
    assert failure["request"].path == api.LOGIN
    assert failure["credentials"]["username"] == "alice"
    assert "wrong" not in failure["credentials"].values()
    assert calls == []


@pytest.mark.clause("HTTP-3")
@pytest.mark.urls("djwto.spec_tests.core.views")
@pytest.mark.case(47)
def test_authentication_backends_are_given_the_request(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{HOOKS}.PathBackend"]
    create_alice()
    assert Client().post("/login/", CREDENTIALS).status_code == 200
    assert Client().post("/tenants/acme/login/", CREDENTIALS).status_code == 401


@pytest.mark.clause("HTTP-3")
def test_a_backend_that_forbids_a_login_ends_it_with_401(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = [
        f"{HOOKS}.ForbiddingBackend",
        "django.contrib.auth.backends.ModelBackend",
    ]
    create_alice()
    with Recorder() as recorder:
        response = post({"data": CREDENTIALS})
    assert assert_refused(response, recorder, 401) == WRONG


@pytest.mark.clause("HTTP-3")
def test_a_deactivated_user_whom_a_backend_lets_in_is_refused(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    create_alice(is_active=False)
    with Recorder() as recorder:
        response = post({"data": CREDENTIALS})
    assert_refused(response, recorder, 401)


@pytest.mark.clause("HTTP-3")
@each_mode
def test_a_hook_says_who_logs_in(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_USER_AUTHENTICATE = f"{HOOKS}.by_header"
    alice = create_alice()
    with Recorder() as recorder:
        response = post({"data": b"", "content_type": ""}, **{"X-Remote-User": "alice"})
    assert response.status_code == 200
    (sent,) = recorder.sent
    assert sent.name == "jwt_logged_in"
    assert sent.kwargs["access_claims"]["user"]["id"] == alice.pk


@pytest.mark.clause("HTTP-3")
def test_a_hook_cannot_let_a_deactivated_user_in(settings: Settings) -> None:
    settings.DJWTO_USER_AUTHENTICATE = f"{HOOKS}.by_header"
    create_alice(is_active=False)
    with Recorder() as recorder:
        response = post({"data": b"", "content_type": ""}, **{"X-Remote-User": "alice"})
    assert_refused(response, recorder, 401)


@pytest.mark.clause("SIG-2")
@each_mode
@pytest.mark.parametrize(
    ("hook", "text"),
    [
        ("refuses", "The one-time code is wrong."),
        ("refuses_twice", "The code is wrong. The account is locked."),
        ("forbids", "Too many attempts."),
        ("forbids_without_a_word", None),
        ("nobody", None),
    ],
)
def test_a_login_that_a_hook_refuses_is_answered_401_and_announced_in_its_words(
    mode: str, hook: str, text: str | None, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_USER_AUTHENTICATE = f"{HOOKS}.{hook}"
    with Recorder() as recorder:
        response = post({"data": CREDENTIALS})
    said = assert_refused(response, recorder, 401)
    assert text is None or said == text


@pytest.mark.clause("SIG-2")
def test_a_hook_that_breaks_is_announced_in_its_own_words(settings: Settings) -> None:
    settings.DJWTO_USER_AUTHENTICATE = f"{HOOKS}.breaks"
    with Recorder() as recorder:
        response = post({"data": CREDENTIALS})
    assert response.status_code == 500
    sent = recorder.take()
    assert [(one.name, one.kwargs["error"]) for one in sent] == [
        ("jwt_login_fail", "The directory's certificate has expired.")
    ]


@pytest.mark.clause("SIG-2")
@each_cookie_mode
def test_a_cross_site_login_is_announced_as_failed_in_the_words_of_the_answer(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    with Recorder() as recorder:
        response = post({"data": CREDENTIALS}, Origin="https://evil.example")
    assert_refused(response, recorder, 403)


@pytest.mark.clause("HTTP-3")
@pytest.mark.parametrize(("field", "status"), [("username", 200), ("email", 200), ("name", 401)])
def test_a_name_is_sent_as_username_or_as_the_user_model_calls_it(
    field: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("alice", "alice@shop.example", "pass")
    monkeypatch.setattr(User, "USERNAME_FIELD", "email")
    response = Client().post("/login/", {field: "alice@shop.example", "password": "pass"})
    assert response.status_code == status


def claims_of_a_while_ago(user: Any, request: Any, type_: str) -> dict[str, Any]:
    told = {"path": request.path, "type": type_}
    return {**process_claims(user, request), "iat": int(time.time()) - 100, "told": told}


@pytest.mark.clause("TOK-1")
def test_a_hook_is_told_the_request_and_both_tokens_are_issued_when_it_says(
    settings: Settings,
) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.claims_of_a_while_ago"
    live = session()
    refresh, access = (api.claims_of(live.refresh), api.claims_of(live.access))
    assert refresh["told"] == {"path": "/login/", "type": "refresh"}
    assert access["iat"] == access["refresh_iat"] == refresh["iat"] < time.time() - 90


def refuses_without_a_word(request: Any) -> Any:
    raise PermissionDenied


@pytest.mark.clause("HTTP-3")
def test_who_is_refused_without_a_word_is_told_so(settings: Settings) -> None:
    settings.DJWTO_USER_AUTHENTICATE = f"{__name__}.refuses_without_a_word"
    answer = api.log_in(**CREDENTIALS)
    assert (answer.status, answer.body) == (401, {"error": "The login was refused."})
