"""HTTP-30: the time of a refused login does not tell who exists, nor what a secret begins with."""

from __future__ import annotations

import ast
import hmac
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

import djwto
from djwto import users
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    COOKIE_MODES,
    create_alice,
    each_mode,
    session,
)

pytestmark = pytest.mark.django_db

hashed: list[int] = []
"""The rounds of each password that was hashed."""


class CountedHasher(PBKDF2PasswordHasher):
    """Django's own, with fewer rounds."""

    iterations = 1000

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        hashed.append(iterations or self.iterations)
        return super().encode(password, salt, iterations)


@pytest.fixture
def counted(settings: Settings) -> list[int]:
    """What is hashed from here on, beside users of every kind."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    create_alice()
    User.objects.create_user("inactive", password="pass", is_active=False)
    User.objects.create_user("unusable")
    User.objects.create_user("gibberish")
    User.objects.filter(username="gibberish").update(password="no hash at all")
    hashed.clear()
    return hashed


REFUSED = [
    ("alice", "wrong"),
    ("nobody", "pass"),
    ("inactive", "pass"),
    ("inactive", "wrong"),
    ("unusable", "pass"),
    ("gibberish", "pass"),
]


def posted(name: str, password: str, as_json: bool) -> int:
    kind: Any = {"content_type": "application/json"} if as_json else {}
    return Client().post(api.LOGIN, {"username": name, "password": password}, **kind).status_code


@pytest.mark.clause("HTTP-30")
@each_mode
@pytest.mark.parametrize("as_json", [False, True], ids=["form", "JSON"])
@pytest.mark.parametrize(("name", "password"), REFUSED)
def test_whoever_is_refused_costs_one_hash(
    name: str, password: str, as_json: bool, mode: str, counted: list[int], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    assert posted(name, password, as_json) == 401
    assert counted == [CountedHasher.iterations]


@pytest.mark.clause("HTTP-30")
@pytest.mark.parametrize("name", ["alice", "nobody", "inactive", "unusable"])
def test_what_no_password_and_no_name_is_costs_none_for_anybody(
    name: str, counted: list[int]
) -> None:
    for wrong_name, password in ((name, ""), (name, "pa\x00ss"), (name + "\x00", "pass")):
        assert posted(wrong_name, password, False) == 401
    assert counted == []


@pytest.mark.clause("HTTP-30")
@pytest.mark.parametrize(("name", "password"), [*REFUSED, ("alice", "pass")])
@pytest.mark.parametrize("mode", COOKIE_MODES)
def test_a_cross_site_login_costs_none(
    name: str, password: str, mode: str, counted: list[int], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    client = Client(headers={"Origin": "https://evil.example"})
    body = {"username": name, "password": password}
    assert client.post(api.LOGIN, body).status_code == 403
    assert counted == []


def compared(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[Any]:
    """What this module compares in constant time from here on."""
    calls: list[Any] = []
    genuine = getattr(module, name)

    def recorded(one: Any, other: Any) -> bool:
        calls.append((one, other))
        return bool(genuine(one, other))

    monkeypatch.setattr(module, name, recorded)
    return calls


@pytest.mark.clause("HTTP-30")
def test_the_hash_of_the_password_is_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = session()
    calls = compared(monkeypatch, users, "constant_time_compare")
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    stated = api.claims_of(live.refresh)["auth_hash"]
    assert calls == [(stated, stated)]


@pytest.mark.clause("HTTP-30")
def test_a_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    live = session()
    assert live.access
    forged = live.access[:-8] + "AAAAAAAA"
    calls: list[Any] = []
    genuine = hmac.compare_digest

    def recorded(one: Any, other: Any) -> bool:
        calls.append((one, other))
        return genuine(one, other)

    monkeypatch.setattr("jwt.algorithms.hmac.compare_digest", recorded)
    assert api.send(api.VALIDATE_ACCESS, forged, as_refresh=False).status == 401
    ((one, other),) = calls
    assert one != other
    assert len(one) == len(other) == 32


@pytest.mark.clause("HTTP-30")
@pytest.mark.parametrize("mode", COOKIE_MODES)
def test_a_csrf_token_is_compared_in_constant_time(
    mode: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.middleware import csrf

    settings.DJWTO_MODE = mode
    live = session()
    calls = compared(monkeypatch, csrf, "constant_time_compare")
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    assert (api.CSRF_TOKEN, api.CSRF_TOKEN) in calls


SECRET = re.compile(
    r"password|secret|token|signature|digest|auth_hash|signing|csrf|session_hash|credential"
)

NOT_SECRET = {
    # Two halves of one request: whoever sends it knows both.
    "bearer_token(request) not in {None, token}",
    # Both are the server's own, before and after a user is saved.
    "auth_hash(before) != auth_hash(instance)",
    # System checks, when the server starts.
    "settings.request_user not in (DATABASE, TOKEN)",
    "force_bytes(key.signing) == force_bytes(django_settings.SECRET_KEY)",
}
"""Comparisons that look as if of a secret, each with the reason why no client can time them."""


@pytest.mark.clause("HTTP-30")
def test_no_other_comparison_is_of_a_secret() -> None:
    found = set()
    for file in Path(djwto.__file__).parent.rglob("*.py"):
        if "spec_tests" in file.parts or "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and _compares_values(node):
                text = ast.unparse(node)
                if SECRET.search(text.lower()):
                    found.add(text)
    assert found == NOT_SECRET


def _compares_values(node: ast.Compare) -> bool:
    """Whether for equality, and neither with what stands in the source nor with None."""
    sides = [node.left, *node.comparators]
    equality = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    return not any(map(_is_constant, sides)) and any(isinstance(op, equality) for op in node.ops)


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())
