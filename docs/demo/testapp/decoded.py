"""Tokens and cookies as one can read them. Nothing is verified, and no token is shown whole."""

from __future__ import annotations

import base64
import json
from http.cookies import Morsel
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from djwto.claims import ACCESS, REFRESH
from djwto.transports import PAYLOAD_COOKIE, TRANSPORTS, OneCookie, prefixed, refresh_path


def shortened(token: str) -> str:
    """The beginning of a token: enough to tell it apart by no more than its kind."""
    return f"{token[:10]}…" if len(token) > 10 else token


def token(text: str) -> dict[str, Any] | None:
    """The header and the claims of a token; None if it is none."""
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        return None
    return {"header": parts["header"], "claims": parts["payload"]}


def cookies_held(request: HttpRequest) -> list[dict[str, Any]]:
    """The cookies that came with a request to a refresh endpoint, which is sent them all."""
    return [
        {"name": name, "path": path, "says": _says(name, request.COOKIES[name])}
        for name, path in _paths(request).items()
        if name in request.COOKIES
    ]


def cookies_changed(response: HttpResponse) -> list[dict[str, Any]]:
    """The cookies that a response sets, or deletes, with their attributes."""
    return [
        {
            "name": name,
            "path": morsel["path"],
            "deleted": not morsel.value,
            "attributes": _attributes(morsel),
            "says": _says(name, morsel.value),
        }
        for name, morsel in response.cookies.items()
    ]


def _attributes(morsel: Morsel[str]) -> list[str]:
    flags = [name for name in ("HttpOnly", "Secure") if morsel[name.lower()]]
    return flags + [
        f"{name}={morsel[name.lower()]}"
        for name in ("SameSite", "Max-Age")
        if morsel[name.lower()] != ""
    ]


def _paths(request: HttpRequest) -> dict[str, str]:
    """The path of each cookie of djwto's, in whatever mode, and of Django's CSRF token."""
    paths = {}
    for transport in TRANSPORTS.values():
        if isinstance(transport, OneCookie):
            paths[transport.cookie(REFRESH)] = refresh_path(request)
            names = (transport.cookie(ACCESS), *map(prefixed, transport.extra_cookies))
            paths.update(dict.fromkeys(names, "/"))
    return {**paths, settings.CSRF_COOKIE_NAME: settings.CSRF_COOKIE_PATH}


def _says(name: str, value: str) -> dict[str, Any] | None:
    """What is in a cookie; None where that is nothing to read."""
    if name != prefixed(PAYLOAD_COOKIE):
        return token(value)
    try:
        return {"claims": json.loads(base64.b64decode(value))}
    except (ValueError, RecursionError):
        return None
