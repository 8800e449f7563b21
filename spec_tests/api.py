"""Speaks to the endpoints of djwto as a client does, in whichever mode is in force."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from django.http import HttpRequest
from django.test import Client

from djwto.claims import ACCESS, REFRESH
from djwto.spec_tests import tape
from djwto.transports import OneCookie, current

LOGIN = "/login/"
VALIDATE_ACCESS = "/validate_access/"
VALIDATE_REFRESH = "/api/token/refresh/validate_refresh/"
REFRESH_ACCESS = "/api/token/refresh/refresh_access/"
UPDATE_REFRESH = "/api/token/refresh/update_refresh/"
LOGOUT = "/api/token/refresh/logout/"
LOGOUT_ALL = "/api/token/refresh/logout_all/"

ENDPOINTS = {
    LOGIN: "POST, OPTIONS",
    VALIDATE_ACCESS: "POST, OPTIONS",
    VALIDATE_REFRESH: "POST, OPTIONS",
    REFRESH_ACCESS: "POST, OPTIONS",
    UPDATE_REFRESH: "POST, OPTIONS",
    LOGOUT_ALL: "POST, OPTIONS",
    LOGOUT: "POST, DELETE, OPTIONS",
}
"""Each endpoint with the methods that it has."""

CSRF_COOKIE = "csrftoken"
CSRF_TOKEN = "a" * 32


def expects(path: str) -> str:
    """The type of the token that an endpoint expects."""
    return ACCESS if path == VALIDATE_ACCESS else REFRESH


def claims_of(token: str | None) -> dict[str, Any]:
    """The claims, unverified, of a token that an answer must have brought."""
    assert token is not None
    return jwt.decode(token, options={"verify_signature": False})


def forged(token: str | None, other: str | None) -> str:
    """The one token, which an answer must have brought, with the signature of the other."""
    assert token is not None
    assert other is not None
    made = ".".join([*token.split(".")[:2], other.split(".")[2]])
    if (running := tape.current()) is not None:
        called = running.name("forged", made)
        running.write(
            f"{called} = api.forged({_called(running, token)}, {_called(running, other)})"
        )
    return made


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered. A token is None where the answer brought none."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    cookies: dict[str, Any]
    refresh: str | None
    access: str | None
    request: HttpRequest = field(repr=False)
    """The very request that the view was given."""

    def token_for(self, path: str) -> str | None:
        """The token that an endpoint expects."""
        return self.access if expects(path) == ACCESS else self.refresh


def latest_request() -> HttpRequest | None:
    """The request that was answered last."""
    return _latest


_latest: HttpRequest | None = None


def log_in(username: str, password: object, *, cookies: Any = None, **extra: Any) -> Answer:
    """Posts credentials as a form, with the cookies that the client has, if any."""
    unusual = "".join(f", {name}={value!r}" for name, value in extra.items())
    data = {"username": username, "password": password} | extra.pop("data", {})
    answer = _send("post", LOGIN, {"data": data}, extra, cookies)
    if (running := tape.current()) is not None:
        known = running.names.get(username)
        who = f"{known}.username" if known else repr(username)
        if cookies:
            held = [f"{name!r}: {_called(running, cookies[name])}" for name in cookies]
            unusual = f", cookies={{{', '.join(held)}}}{unusual}"
        _write(running, f"api.log_in({who}, {password!r}{unusual})", answer)
    return answer


def send(
    path: str,
    token: str | None = None,
    *,
    method: str = "post",
    as_refresh: bool | None = None,
    csrf: bool = True,
    **extra: Any,
) -> Answer:
    """Sends one token, in the header or in the cookie that an endpoint expects it in.

    `as_refresh` tells which cookie, where it is not the one that the endpoint expects, and `csrf`
    whether a CSRF token goes along.
    """
    headers = dict(extra.pop("headers", {}))
    cookies: dict[str, str] = {}
    transport = current()
    if isinstance(transport, OneCookie):
        if token is not None:
            refreshes = expects(path) == REFRESH if as_refresh is None else as_refresh
            cookies[transport.cookie(REFRESH if refreshes else ACCESS)] = token
        if csrf:
            cookies[CSRF_COOKIE] = headers["X-CSRFToken"] = CSRF_TOKEN
    elif token is not None:
        headers["Authorization"] = f"Bearer {token}"
    answer = _send(method, path, {"headers": headers}, extra, cookies)
    if (running := tape.current()) is not None:
        given = {"method": method, "as_refresh": as_refresh, "csrf": csrf, **extra}
        usual = {"method": "post", "as_refresh": None, "csrf": True}
        unusual = [f"{k}={v!r}" for k, v in given.items() if (k, v) not in usual.items()]
        arguments = [repr(path), _called(running, token), *unusual]
        _write(running, f"api.send({', '.join(arguments)})", answer)
    return answer


def _called(running: tape.Tape, token: str | None) -> str:
    return running.names.get(token or "", repr(token))


def _write(running: tape.Tape, call: str, answer: Answer) -> None:
    name = running.name("answer")
    for kind, token in (("refresh", answer.refresh), ("access", answer.access)):
        if token is not None:
            running.names.setdefault(token, f"{name}.{kind}")
    running.write(f"{name} = {call}  # {answer.status}")


def _send(
    method: str,
    path: str,
    arguments: dict[str, Any],
    extra: dict[str, Any],
    cookies: dict[str, str] | None = None,
) -> Answer:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for name, value in (cookies or {}).items():
        client.cookies[name] = value
    response = getattr(client, method)(path, **arguments, **extra)
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    body = json.loads(response.content) if is_json else {}
    set_cookies = dict(response.cookies.items())
    transport = current()
    if isinstance(transport, OneCookie):
        refresh, access = (
            set_cookies[name].value or None if name in set_cookies else None
            for name in (transport.cookie(REFRESH), transport.cookie(ACCESS))
        )
    else:
        refresh, access = body.get("refresh"), body.get("access")
    global _latest
    _latest = response.wsgi_request
    return Answer(
        status=response.status_code,
        body=body,
        headers=dict(response.headers),
        cookies=set_cookies,
        refresh=refresh,
        access=access,
        request=response.wsgi_request,
    )
