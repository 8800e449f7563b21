"""HTTP-28: the public keys, as another service gets them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from pytest_django import Settings

from djwto.spec_tests import api
from djwto.spec_tests.core import hooks
from djwto.spec_tests.core.alice import MODES, session, token
from djwto.spec_tests.core.keys_for_tests import EC_PRIVATE, EC_PUBLIC, RSA_PRIVATE
from djwto.spec_tests.core.test_key_ring import NEW, OLD, pairs
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import encode

pytestmark = pytest.mark.clause("HTTP-28")

PATH = "/.well-known/jwks.json"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def published() -> list[dict[str, Any]]:
    response = Client().get(PATH)
    assert response.status_code == 200
    keys: list[dict[str, Any]] = response.json()["keys"]
    return keys


@pytest.fixture
def address(settings: Settings, request: pytest.FixtureRequest) -> str:
    """Where a real server answers with the set."""
    # Django's server for tests asks whether a path is one of its static files.
    settings.STATIC_URL = "/static/"
    return f"{request.getfixturevalue('live_server').url}{PATH}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", MODES)
def test_another_service_verifies_our_tokens_with_what_it_finds_there(
    mode: str, settings: Settings, address: str
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_KEYS = [NEW, {"kid": "rsa", "algorithm": "PS256", "key": RSA_PRIVATE}, OLD]
    first = token(session(), "access")
    settings.DJWTO_KEYS = settings.DJWTO_KEYS[1::-1]
    second = encode(api.claims_of(first))
    asking = jwt.PyJWKClient(address)
    for text, algorithm in ((first, "ES256"), (second, "PS256")):
        key = asking.get_signing_key_from_jwt(text)
        assert jwt.decode(text, key, algorithms=[algorithm]) == api.claims_of(first)


@pytest.mark.clause("USER-8")
def test_an_event_loop_does_not_wait_for_keys_that_have_to_be_fetched(settings: Settings) -> None:
    loops: list[object] = []

    def keys() -> list[dict[str, Any]]:
        loops.append(asyncio._get_running_loop())
        return [NEW]

    settings.DJWTO_KEYS = keys
    settings.ROOT_URLCONF = "djwto.async_urls"
    answer = async_to_sync(AsyncClient().get)(PATH)
    assert [key["kid"] for key in answer.json()["keys"]] == [NEW["kid"]]
    assert loops == [None]


@pytest.mark.parametrize("name", sorted(pairs()))
def test_no_private_part_is_published(name: str, settings: Settings) -> None:
    algorithm = name.partition(" ")[0]
    settings.DJWTO_KEYS = [{"kid": "a", "algorithm": algorithm, "key": pairs()[name]}]
    (jwk,) = published()
    assert not PRIVATE & set(jwk)
    assert "key_ops" not in jwk
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == ("a", algorithm, "sig")
    assert jwt.PyJWK(jwk).key == pairs()[name].public_key()


def test_of_hmac_nothing_is_published(settings: Settings) -> None:
    assert published() == []
    settings.DJWTO_KEYS = [OLD, NEW]
    assert [jwk["kid"] for jwk in published()] == ["new"]
    assert "an old key" not in Client().get(PATH).content.decode()


def test_a_key_without_a_name_is_published_without_one(settings: Settings) -> None:
    settings.DJWTO_ALGORITHM = "ES256"
    settings.DJWTO_SIGNING_KEY = EC_PRIVATE
    (jwk,) = published()
    assert "kid" not in jwk


def test_a_key_whose_time_is_over_is_not_published(settings: Settings) -> None:
    settings.DJWTO_KEYS = [NEW | {"not_after": 1}, {**NEW, "kid": "public", "key": EC_PUBLIC}]
    assert [jwk["kid"] for jwk in published()] == ["public"]


def test_it_may_be_kept_for_five_minutes_by_whomever(settings: Settings) -> None:
    settings.DJWTO_KEYS = [NEW]
    # With no database at all.
    with Recorder() as recorder:
        response = Client().get(PATH)
        assert recorder.take() == []
    assert response["Content-Type"] == "application/jwk-set+json"
    assert response["Cache-Control"] == "public, max-age=300"
    assert "Vary" not in response
    assert not response.cookies
    head = Client().head(PATH)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_there_to_be_read(method: str) -> None:
    response = getattr(Client(enforce_csrf_checks=True), method)(PATH)
    assert response.status_code == 405
    assert json.loads(response.content) == {
        "error": "The method is not allowed; use GET, HEAD, OPTIONS."
    }
    assert response["Cache-Control"] == "no-store"


def test_while_no_keys_are_to_be_had_it_is_503(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "VAULT", [OSError("vault")])
    settings.DJWTO_KEYS = f"{hooks.__name__}.vault"
    response = Client().get(PATH)
    assert response.status_code == 503
    assert response["Cache-Control"] == "no-store"
