"""MIG-8: tokens as djwto 0.0.4 has issued them. docs/migrate has its wheel issue some."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from djwto.spec_tests import api
from djwto.spec_tests.core.alice import ACCESS_VIEW, create_alice, each_mode
from djwto.spec_tests.core.tokens_by_hand import HEADER, by_hand, good, now

pytestmark = [pytest.mark.django_db, pytest.mark.clause("MIG-8")]

KEY = b"the key of 0.0.4, long enough to sign with"


@pytest.fixture(autouse=True)
def key_of_then(settings: Settings) -> None:
    settings.DJWTO_SIGNING_KEY = KEY.decode()


def issued(type_: str, key: bytes = KEY, **changes: Any) -> str:
    """A token of alice's, without what there was not then: `gen`, `auth_hash`, `auth_time`."""
    alice = User.objects.get()
    user = {"username": "alice", "id": alice.pk, "perms": []}
    more = {"refresh_iat": now() - 30} if type_ == "access" else {}
    return by_hand(HEADER, good(type_, user=user, **more, **changes), key=key)


def read(sent: str) -> int:
    return api.send(ACCESS_VIEW, sent, method="get", as_refresh=False).status


@each_mode
def test_they_are_accepted_under_the_key_of_then(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    assert read(issued("access")) == 200
    for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH, api.LOGOUT):
        assert api.send(path, issued("refresh")).status == 200, path


@each_mode
def test_and_under_no_other_nor_without_an_id(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    other = b"another key, long enough to sign with"
    assert read(issued("access", key=other)) == 401
    assert read(issued("access", jti=...)) == 401
    for changes in ({"key": other}, {"jti": ...}):
        assert api.send(api.UPDATE_REFRESH, issued("refresh", **changes)).status == 401
    settings.DJWTO_SIGNING_KEY = other.decode()
    assert read(issued("access")) == 401
    settings.DJWTO_SIGNING_KEY = None
    new = {"kid": "new", "algorithm": "HS256", "key": other}
    settings.DJWTO_KEYS = [new, {"algorithm": "HS256", "key": KEY}]
    assert read(issued("access")) == 200
    settings.DJWTO_KEYS = [new]
    assert read(issued("access")) == 401


@each_mode
def test_they_are_exchanged_once(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    create_alice()
    jti = str(uuid.uuid4())
    sent = issued("refresh", jti=jti)
    answer = api.send(api.UPDATE_REFRESH, sent)
    claims = api.claims_of(answer.refresh)
    assert claims["jti"] == jti
    assert claims["auth_time"] == api.claims_of(sent)["iat"]
    assert {"gen", "auth_hash"} < claims.keys()
    assert api.send(api.UPDATE_REFRESH, sent).status == 401
    # And the session has ended.
    assert api.send(api.UPDATE_REFRESH, answer.refresh).status == 401
