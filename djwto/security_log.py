"""Tells the log `djwto.security` what an operator has to see (LOG-1 to LOG-3).

Each record has an `event` and its particulars as attributes, for a formatter that writes JSON, and
says the same in its message. No token, password, key or cookie is among them, nor a name that
somebody tried to log in with, which is now and then a password.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from django.http import HttpRequest

from djwto import signals
from djwto.blacklist import blacklist_key
from djwto.claims import Claims
from djwto.exceptions import Refusal

logger = logging.getLogger("djwto.security")

LONGEST = 200
"""Characters of a text that are logged."""

_SUSPECT = re.compile(r"[^!-~]|\\")
"""What could end a line, or begin another field of it, or hide either (CWE-117)."""


def write(
    level: int,
    event: str,
    request: HttpRequest | None,
    *,
    failure: bool = False,
    **particulars: Any,
) -> None:
    """Logs an event with those of its particulars that are known, and the exception at hand if
    it tells of a `failure`."""
    if request is not None:
        particulars["ip"] = request.META.get("REMOTE_ADDR") or None
    known = {k: _harmless(v) for k, v in particulars.items() if v is not None}
    line = " ".join([event, *(f"{name}={value}" for name, value in known.items())])
    logger.log(level, line, extra={"event": event} | known, exc_info=failure)


def refused(request: HttpRequest, refusal: Refusal, endpoint: str) -> None:
    """Logs a refusal that has an `event`; the others clients are answered all day."""
    if refusal.event:
        write(
            logging.WARNING,
            refusal.event,
            request,
            endpoint=endpoint,
            retry_after=refusal.retry_after,
        )


def store_unavailable(request: HttpRequest, endpoint: str) -> None:
    """Logs the exception at hand, for which 503 is the answer."""
    write(logging.ERROR, "store_unavailable", request, failure=True, endpoint=endpoint)


def connect() -> None:
    """Has the signals written down that tell of what has happened."""
    signals.jwt_login_fail.log = _login_failed
    signals.jwt_reuse_detected.log = _reuse_detected
    signals.jwt_blacklisted.log = _session_revoked
    signals.jwt_sessions_revoked.log = _sessions_revoked


def _harmless(value: object) -> object:
    if isinstance(value, int):
        return value
    text = str(value)[:LONGEST]
    return _SUSPECT.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)


def _user_id(claims: Claims) -> object:
    return claims.get("user", {}).get("id")


def _login_failed(sender: str, request: HttpRequest, **kwargs: Any) -> None:
    write(logging.WARNING, "login_failed", request, endpoint=sender)


def _reuse_detected(
    sender: str, request: HttpRequest, jti: str, claims: Claims, **kwargs: Any
) -> None:
    write(
        logging.ERROR,
        "reuse_detected",
        request,
        endpoint=sender,
        jti=blacklist_key(jti),
        user_id=_user_id(claims),
    )


def _session_revoked(sender: str, request: HttpRequest | None, jti: str, **kwargs: Any) -> None:
    claims: Claims = getattr(request, "payload", {})
    write(
        logging.INFO,
        "session_revoked",
        request,
        endpoint=sender,
        jti=blacklist_key(jti),
        # It may be another session than that of the request, and then perhaps another user's.
        user_id=_user_id(claims) if claims.get("jti") == jti else None,
    )


def _sessions_revoked(
    sender: str,
    request: HttpRequest | None,
    user_id: int | str,
    except_jti: str | None,
    **kwargs: Any,
) -> None:
    write(
        logging.INFO,
        "sessions_revoked",
        request,
        endpoint=sender,
        user_id=user_id,
        except_jti=None if except_jti is None else blacklist_key(except_jti),
    )
