"""TOK-12, TOK-13 and TOK-15: what a token says of its generation, its password and its user."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from pytest_django import Settings

from djwto.exceptions import InvalidToken
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import CREDENTIALS, create_alice, each_mode, session, token
from djwto.tokens import decode, encode
from djwto.users import auth_hash, refuse_departed

pytestmark = pytest.mark.django_db


def claims_of(answer: api.Answer, type_: str = "refresh") -> dict[str, Any]:
    return api.claims_of(token(answer, type_))


@pytest.mark.clause("TOK-12")
@each_mode
@pytest.mark.case(68)
def test_every_generation_of_every_session_has_a_name_of_its_own(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    first = session()
    second = api.send(api.UPDATE_REFRESH, first.refresh)
    third = api.send(api.UPDATE_REFRESH, second.refresh)
    other = api.log_in(**CREDENTIALS)
    names = [claims_of(answer)["gen"] for answer in (first, second, third, other)]
    assert len(set(names)) == 4
    assert all(len(name) == 32 and int(name, 16) for name in names)


@pytest.mark.clause("TOK-12")
@each_mode
def test_without_rotation_there_are_no_generations(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_ROTATE_REFRESH = False
    settings.DJWTO_REUSE_GRACE = 0
    live = session()
    assert "gen" not in claims_of(live)
    for _ in range(3):
        updated = api.send(api.UPDATE_REFRESH, live.refresh)
        assert updated.status == 200
        assert "gen" not in claims_of(updated)
    assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("TOK-12")
@pytest.mark.parametrize("gen", [None, "", "\ud800", "x" * 5000])
def test_a_token_with_no_generation_or_a_strange_one_is_exchanged_once_too(
    gen: str | None, settings: Settings
) -> None:
    settings.DJWTO_REUSE_GRACE = 0
    claims = decode(token(session(), "refresh"), "refresh")
    del claims["gen"]
    old = encode(claims if gen is None else {**claims, "gen": gen})
    updated = api.send(api.UPDATE_REFRESH, old)
    assert len(claims_of(updated)["gen"]) == 32
    assert api.send(api.UPDATE_REFRESH, old).status == 401


@pytest.mark.clause("TOK-13")
@each_mode
def test_a_token_tells_a_password_from_another_and_says_nothing_of_it(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    alice = User.objects.get()
    stated = claims_of(live)["auth_hash"]
    assert stated == claims_of(live, "access")["auth_hash"] == auth_hash(alice)
    assert len(stated) == 32
    assert stated not in alice.password + alice.get_session_auth_hash()
    assert alice.password.rsplit("$")[-1] not in token(live, "refresh")
    alice.set_password("pass")
    assert auth_hash(alice) != stated


@pytest.mark.clause("TOK-13")
@each_mode
def test_an_exchange_of_the_secret_key_logs_nobody_out(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SIGNING_KEY = "a key of its own, that stays what it is for the time being"
    live = session()
    stated = claims_of(live)["auth_hash"]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, which takes the place of the first from now on"
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    updated = api.send(api.UPDATE_REFRESH, live.refresh)
    assert claims_of(updated)["auth_hash"] not in {None, stated}
    settings.SECRET_KEY_FALLBACKS = []
    assert api.send(api.REFRESH_ACCESS, updated.refresh).status == 200
    before = encode({**decode(token(updated, "refresh"), "refresh"), "auth_hash": stated})
    assert api.send(api.REFRESH_ACCESS, before).status == 401


@pytest.mark.clause("TOK-13")
@pytest.mark.parametrize("stated", ["", "0" * 32, "é"])
@pytest.mark.case(50)
def test_a_token_that_states_another_password_is_refused(stated: str) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        assert api.send(path, encode({**claims, "auth_hash": stated})).status == 401


@pytest.mark.clause("TOK-13")
def test_a_token_from_before_and_a_user_without_a_session_hash_are_not_asked_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claims = decode(token(session(), "refresh"), "refresh")
    before = {name: value for name, value in claims.items() if name != "auth_hash"}
    assert refuse_departed(before) == User.objects.get()
    monkeypatch.setattr(User, "get_session_auth_hash", None)
    assert auth_hash(User.objects.get()) is None
    assert "auth_hash" not in claims_of(api.log_in(**CREDENTIALS))
    # A token that states one of a user who has none, nor one of an earlier key, is another's.
    monkeypatch.delattr(AbstractBaseUser, "get_session_auth_fallback_hash")
    with pytest.raises(InvalidToken, match="password"):
        refuse_departed(claims)


@pytest.mark.clause("TOK-15")
@each_mode
def test_a_session_knows_the_last_cut_off_that_it_came_after(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    assert "epoch" not in claims_of(api.log_in(**CREDENTIALS))
    epochs = []
    for _ in range(3):
        revoke_all(alice)
        live = api.log_in(**CREDENTIALS)
        updated = api.send(api.UPDATE_REFRESH, live.refresh)
        assert claims_of(live)["epoch"] == claims_of(updated, "access")["epoch"]
        epochs.append(claims_of(live)["epoch"])
    assert epochs == sorted(set(epochs))
    # Counted on within one second, without running ahead of the clock by more than the count.
    assert abs(epochs[0] - time.time()) < 5
    assert epochs[-1] - epochs[0] < 5


def presumptuous(user: Any, request: Any, type_: str) -> dict[str, Any]:
    from djwto.claims import process_claims

    names = {"epoch": 9_999_999_999, "auth_time": 9_999_999_999, "gen": "g", "auth_hash": "h"}
    return {**process_claims(user, request), **names}


@pytest.mark.clause("TOK-15")
def test_a_hook_makes_no_session_that_does_not_end(settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.presumptuous"
    claims = claims_of(live := session())
    assert "epoch" not in claims
    assert claims["auth_time"] <= time.time()
    assert claims["gen"] != "g"
    assert claims["auth_hash"] == auth_hash(User.objects.get())
    revoke_all(User.objects.get())
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 401
