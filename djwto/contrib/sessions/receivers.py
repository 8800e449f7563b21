"""Keeps the list by djwto's signals, and by nothing else.

What is done here is no more than a note of what has happened already. Whatever fails is logged
by `send_robust`, and the session is none the worse for it: the next refresh makes up for a row
that is missing, and a row that is left over is deleted when it has expired.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import IntegrityError, connections, router, transaction
from django.db.models import BigIntegerField, Case, F, Value, When
from django.http import HttpRequest

from djwto.blacklist import KEY, blacklist_key
from djwto.claims import Claims, user_id
from djwto.contrib.sessions import device
from djwto.contrib.sessions.models import Session
from djwto.exceptions import InvalidToken
from djwto.sessions import ask
from djwto.signals import (
    jwt_access_refreshed,
    jwt_blacklisted,
    jwt_logged_in,
    jwt_refresh_updated,
    jwt_reuse_detected,
    jwt_sessions_revoked,
)


def connect() -> None:
    """Has every receiver hear its signal, however often this is called."""
    for signal, receiver in (
        (jwt_logged_in, begun),
        (jwt_access_refreshed, refreshed),
        (jwt_refresh_updated, refreshed),
        (jwt_blacklisted, ended),
        (jwt_reuse_detected, ended),
        (jwt_sessions_revoked, all_ended),
    ):
        signal.connect(receiver)


def begun(request: HttpRequest, refresh_claims: Claims, **kwargs: Any) -> None:
    """A login: one INSERT."""
    with _apart():
        _create(request, refresh_claims)


def refreshed(
    request: HttpRequest, refresh_claims: Claims, access_claims: Claims, **kwargs: Any
) -> None:
    """A refresh: one UPDATE. A session that is not in the list yet is put there."""
    exp = refresh_claims.get("exp")
    # While refresh tokens are not rotated, one that was issued before may outlive this one.
    later = None if exp is None else Case(When(exp__lt=exp, then=_big(exp)), default=F("exp"))
    with _apart():
        known = Session.objects.filter(key=blacklist_key(refresh_claims["jti"])).update(
            refreshed=int(time.time()),
            exp=later,
            ip=device.ip(request),
            user_agent=device.user_agent(request),
        )
    if not known:
        _catch_up(request, refresh_claims, access_claims)


def _big(number: int) -> Value:
    return Value(number, output_field=BigIntegerField())


def _catch_up(request: HttpRequest, refresh_claims: Claims, access_claims: Claims) -> None:
    """Puts a session into the list that began before there was one, or that it has lost."""
    try:
        with _apart():
            _create(request, refresh_claims)
    except IntegrityError:
        # Another refresh of the session came first.
        return
    # The row may be missing because the session has just ended. Asked after the row is there:
    # whoever ends the session from now on deletes it.
    try:
        ask(access_claims)
    except InvalidToken:
        ended(refresh_claims["jti"])


def _create(request: HttpRequest, claims: Claims) -> None:
    now = int(time.time())
    # As session_end() has it, for tokens from before there was an auth_time.
    created = claims["auth_time"] if "auth_time" in claims else claims.get("iat", now)
    Session.objects.create(
        key=blacklist_key(claims["jti"]),
        user_id=user_id(claims),
        created=created,
        refreshed=now,
        exp=claims.get("exp"),
        ip=device.ip(request),
        user_agent=device.user_agent(request),
    )


def ended(jti: str, **kwargs: Any) -> None:
    """A session ended: one DELETE."""
    keys = {blacklist_key(jti)}
    if KEY.fullmatch(jti):
        # Session.end() knows no other name of the session than its key.
        keys.add(jti)
    with _apart():
        Session.objects.filter(key__in=keys).delete()


def all_ended(user_id: int | str, except_jti: str | None, **kwargs: Any) -> None:
    """All sessions of a user ended, but one perhaps: one DELETE."""
    rows = Session.objects.filter(user_id=user_id)
    if except_jti is not None:
        rows = rows.exclude(key=blacklist_key(except_jti))
    with _apart():
        rows.delete()


def _apart() -> AbstractContextManager[Any]:
    """PostgreSQL goes on in no transaction of the caller's that has seen an error."""
    alias = router.db_for_write(Session)
    if connections[alias].in_atomic_block:
        return transaction.atomic(using=alias)
    return nullcontext()
