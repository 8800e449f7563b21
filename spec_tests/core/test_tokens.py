"""TOK-1 to TOK-10: what tokens say, and which of them are believed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import HMACAlgorithm
from pytest_django import Settings

from djwto.claims import LAST_NUMERIC_DATE, process_claims, process_user
from djwto.exceptions import InvalidToken, Refusal, Unsupported
from djwto.keys import ENVIRONMENT_VARIABLE, key_ring
from djwto.login import new_session
from djwto.rotation import successor
from djwto.spec_tests import api
from djwto.spec_tests.core import hooks
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    MODES,
    create_alice,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.core.keys_for_tests import private_pem, public_pem
from djwto.spec_tests.core.tokens_by_hand import HEADER, b64, by_hand, good, now
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import LONGEST, decode, encode
from djwto.transports import TRANSPORTS
from djwto.users import auth_hash

pytestmark = pytest.mark.django_db

HOOKS = "djwto.spec_tests.core.hooks"
TYPES = ["access", "refresh"]
CHALLENGE = 'Bearer realm="api", error="invalid_token"'

each_type = pytest.mark.parametrize("type_", TYPES)


def accepted(type_: str = "refresh", **changes: Any) -> bool:
    claims = good(type_, **changes)
    try:
        return decode(by_hand(HEADER, claims), type_) == claims
    except InvalidToken:
        return False


def with_claim(name: str, value: str) -> str:
    """A signed token one of whose claims is spelled just so, in JSON or what looks like it."""
    rest = json.dumps(good(**dict[str, Any]({name: ...})))
    return by_hand(HEADER, f'{rest[:-1]}, "{name}": {value}}}'.encode())


def assert_refused(token_: str, type_: str = "refresh") -> None:
    with pytest.raises(InvalidToken):
        decode(token_, type_)


def log_in() -> api.Answer:
    answer = api.log_in(**CREDENTIALS)
    assert answer.status == 200, answer
    return answer


# TOK-1


@pytest.mark.clause("TOK-1")
@each_mode
@pytest.mark.parametrize(
    ("overrides", "added", "dropped"),
    [
        ({}, {}, set()),
        ({"DJWTO_ISS_CLAIM": "shop.example"}, {"iss": "shop.example"}, set()),
        ({"DJWTO_SUB_CLAIM": "users"}, {"sub": "users"}, set()),
        ({"DJWTO_AUD_CLAIM": "web"}, {"aud": "web"}, set()),
        ({"DJWTO_AUD_CLAIM": ["web", "app"]}, {"aud": ["web", "app"]}, set()),
        ({"DJWTO_IAT_CLAIM": False}, {}, {"iat"}),
        (
            {
                "DJWTO_REFRESH_TOKEN_LIFETIME": None,
                "DJWTO_ACCESS_TOKEN_LIFETIME": None,
                "DJWTO_SESSION_MAX_AGE": None,
            },
            {},
            {"exp"},
        ),
        ({"DJWTO_NBF_LIFETIME": timedelta(0)}, {}, set()),
        ({"DJWTO_NBF_LIFETIME": None}, {}, set()),
    ],
)
def test_a_refresh_token_has_the_claims_of_the_settings_and_no_other(
    mode: str,
    overrides: dict[str, Any],
    added: dict[str, Any],
    dropped: set[str],
    settings: Settings,
) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    with override_settings(**overrides):
        before = now()
        claims = api.claims_of(token(log_in(), "refresh"))
        after = now()
    session_claims = {"auth_time", "auth_hash", "gen"}
    expected = {"iat", "exp", "jti", "type", "user"} | session_claims | set(added)
    assert set(claims) == expected - dropped
    assert before <= claims["auth_time"] <= after
    assert claims["auth_hash"] == auth_hash(alice)
    assert re.fullmatch("[0-9a-f]{32}", claims["gen"])
    assert added.items() <= claims.items()
    assert claims["type"] == "refresh"
    assert claims["user"] == {"username": "alice", "id": alice.pk, "perms": []}
    assert str(uuid.UUID(claims["jti"])) == claims["jti"]
    if "iat" not in dropped:
        assert type(claims["iat"]) is int
        assert before <= claims["iat"] <= after
    if "exp" not in dropped:
        assert type(claims["exp"]) is int
        assert before + 86_400 <= claims["exp"] <= after + 86_400


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize("lifetime", [90, timedelta(seconds=90), timedelta(seconds=90.9)])
def test_nbf_is_so_long_after_the_login(lifetime: Any, settings: Settings) -> None:
    settings.DJWTO_NBF_LIFETIME = lifetime
    live = session()
    for claims in (api.claims_of(token(live, type_)) for type_ in TYPES):
        assert type(claims["nbf"]) is int
        assert claims["nbf"] == claims["iat"] + 90


@pytest.mark.clause("TOK-1")
def test_lifetimes_are_whole_seconds_and_end_with_the_year_9999(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = None
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta.max
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=61.9)
    live = session()
    refresh, access = (api.claims_of(token(live, type_)) for type_ in ("refresh", "access"))
    assert refresh["exp"] == LAST_NUMERIC_DATE
    assert access["exp"] - access["iat"] == 61
    assert api.send(api.VALIDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("TOK-1")
def test_each_session_has_a_jti_of_its_own() -> None:
    create_alice()
    assert len({api.claims_of(token(log_in(), "refresh"))["jti"] for _ in range(20)}) == 20


@pytest.mark.clause("TOK-1")
def test_permissions_are_named_in_order() -> None:
    alice = create_alice()
    alice.user_permissions.set(Permission.objects.filter(codename__in=["add_user", "view_group"]))
    claims = api.claims_of(token(log_in(), "refresh"))
    assert claims["user"]["perms"] == ["auth.add_user", "auth.view_group"]


class Member:
    """A user whose key is a UUID and whose name is an address."""

    USERNAME_FIELD = "email"
    is_active = True

    def __init__(self, pk: Any) -> None:
        self.pk = pk

    def get_username(self) -> str:
        return "alice@shop.example"

    def get_all_permissions(self) -> set[str]:
        return {"shop.sell", "shop.buy"}


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize(
    ("pk", "id_"),
    [(7, 7), (2**62, 2**62), ("seven", "seven"), (hooks.TENANT, str(hooks.TENANT))],
)
def test_the_user_claim_names_any_kind_of_user(pk: Any, id_: Any) -> None:
    member: Any = Member(pk)
    claim = process_user(member)
    assert claim == {
        "email": "alice@shop.example",
        "id": id_,
        "perms": ["shop.buy", "shop.sell"],
    }
    assert type(claim["id"]) is type(id_)
    made = new_session(member, None).refresh_claims  # type: ignore[arg-type]
    assert decode(encode(made), "refresh") == made
    assert made["user"] == claim


@pytest.mark.clause("TOK-1")
@each_mode
def test_a_hook_adds_claims_and_clients_and_receivers_see_the_same_of_them(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_PROCESS_CLAIMS = f"{HOOKS}.with_tenant"
    with Recorder() as recorder:
        live = session()
    claims = api.claims_of(token(live, "refresh"))
    assert claims["tenant"] == str(hooks.TENANT)
    assert claims["roles"] == ["editor", "author"]
    assert claims["since"] == "2024-02-29T12:30:00Z"
    (logged_in,) = recorder.take()
    assert logged_in.kwargs["refresh_claims"] == claims
    assert logged_in.kwargs["access_claims"] == api.claims_of(token(live, "access"))
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("TOK-1")
def test_a_hook_replaces_the_user_claim(settings: Settings) -> None:
    settings.DJWTO_PROCESS_USER = f"{HOOKS}.as_member"
    live = session()
    claims = api.claims_of(token(live, "refresh"))
    assert claims["user"] == {"member": "alice", "id": User.objects.get().pk}
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200


@pytest.mark.clause("TOK-1")
def test_a_hook_replaces_the_permissions(settings: Settings) -> None:
    settings.DJWTO_PROCESS_PERMS = f"{HOOKS}.two_perms"
    claims = api.claims_of(token(session(), "refresh"))
    assert claims["user"]["perms"] == ["shop.buy", "shop.sell"]


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize("type_", ["refresh"])
def test_a_hook_may_be_called_as_the_function_it_replaces(type_: str) -> None:
    alice = create_alice()
    made = process_claims(alice, None)  # type: ignore[arg-type]
    same = process_claims(alice, None, type_, "more", even="more")  # type: ignore[arg-type]
    assert set(made) == set(same)
    assert made["type"] == same["type"] == "refresh"


def nonsense() -> Iterator[Any]:
    yield from (None, [], "claims", 7, [["type", "refresh"]], {"a set"}, object(), {})
    changes: dict[Any, Any]
    for changes in (
        {"user": ...},
        {"user": None},
        {"user": "alice"},
        {"user": {}},
        {"user": {"id": None}},
        {"user": {"id": True}},
        {"user": {"id": 1.5}},
        {"user": {"id": [1]}},
        {"jti": ...},
        {"jti": ""},
        {"jti": 7},
        {"type": "access"},
        {"type": ...},
        {"exp": ...},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1e10},
        {"exp": -1},
        {"exp": LAST_NUMERIC_DATE + 1},
        {"exp": hooks.SINCE},
        {"iat": ...},
        {"iat": True},
        {"nbf": "now"},
        {"iss": "not.ours"},
        {"perms": {1, 2}},
        {"price": float("nan")},
        {"price": float("inf")},
        {"call": print},
        {("a", "tuple"): 1},
    ):
        changed = good() | changes
        yield {name: value for name, value in changed.items() if value is not ...}


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize("number", range(len(list(nonsense()))))
def test_a_hook_that_answers_nonsense_is_a_mistake_of_the_project(
    number: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_alice()
    monkeypatch.setattr(hooks, "answer", list(nonsense())[number])
    settings.DJWTO_PROCESS_CLAIMS = f"{HOOKS}.answers"
    with pytest.raises(ImproperlyConfigured, match="DJWTO_PROCESS_CLAIMS"):
        new_session(User.objects.get(), None)  # type: ignore[arg-type]
    assert api.log_in(**CREDENTIALS).refresh is None


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        ({}, {"aud": "web"}),
        ({"DJWTO_AUD_CLAIM": "web"}, {"aud": "app"}),
        ({"DJWTO_AUD_CLAIM": "web"}, {"aud": 7}),
        ({"DJWTO_SUB_CLAIM": "users"}, {"sub": "alice"}),
        ({}, {"sub": 7}),
    ],
)
def test_no_login_answers_a_token_that_would_never_be_believed(
    overrides: dict[str, Any],
    changes: dict[str, Any],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_alice()
    monkeypatch.setattr(hooks, "answer", good(**changes))
    settings.DJWTO_PROCESS_CLAIMS = f"{HOOKS}.answers"
    with override_settings(**overrides), pytest.raises(ImproperlyConfigured):
        new_session(User.objects.get(), None)  # type: ignore[arg-type]


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize(
    "hooked", [("CLAIMS",), ("USER",), ("PERMS",), ("CLAIMS", "USER", "PERMS")], ids="+".join
)
@pytest.mark.parametrize("leeway", [0, 3])
@pytest.mark.parametrize("nbf", [0, 30])
def test_what_a_hook_makes_is_looked_at_as_if_it_were_valid_already(
    nbf: int, leeway: int, hooked: tuple[str, ...], settings: Settings
) -> None:
    settings.DJWTO_NBF_LIFETIME = nbf
    settings.DJWTO_LEEWAY = leeway
    ours = {"CLAIMS": "with_tenant", "USER": "as_member", "PERMS": "two_perms"}
    for name in hooked:
        setattr(settings, f"DJWTO_PROCESS_{name}", f"{HOOKS}.{ours[name]}")
    alice = create_alice()
    assert new_session(alice, None)  # type: ignore[arg-type]
    settings.DJWTO_AUD_CLAIM = 7
    with pytest.raises(ImproperlyConfigured, match="claims that djwto refuses"):
        new_session(alice, None)  # type: ignore[arg-type]


@pytest.mark.clause("TOK-1")
def test_no_login_answers_a_token_that_is_too_long_to_be_believed(settings: Settings) -> None:
    create_alice()
    settings.DJWTO_PROCESS_PERMS = f"{HOOKS}.a_thousand_perms"
    answer = api.log_in(**CREDENTIALS)
    assert answer.refresh is None or api.send(api.VALIDATE_REFRESH, answer.refresh).status == 200


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize(
    "answer", [None, "alice", [1], {}, {"id": None}, {"id": 1.5}, {"id": True}, {"name": "alice"}]
)
def test_a_user_hook_has_to_name_an_id(
    answer: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "answer", answer)
    settings.DJWTO_PROCESS_USER = f"{HOOKS}.answers"
    with pytest.raises(ImproperlyConfigured, match="DJWTO_PROCESS_USER"):
        new_session(create_alice(), None)  # type: ignore[arg-type]


# TOK-2 and TOK-3


def assert_access_of(refresh: dict[str, Any], access: dict[str, Any]) -> None:
    """Asserts that these are the access claims of a token that was issued just now."""
    own = {"type", "iat", "exp", "refresh_iat"}
    assert {name: access[name] for name in set(access) - own} == {
        name: refresh[name] for name in set(refresh) - own
    }
    assert access["type"] == "access"
    assert access["refresh_iat"] == refresh["iat"]
    assert (type(access["iat"]), type(access["exp"])) == (int, int)
    assert now() - 5 <= access["iat"] <= now()
    assert access["exp"] == access["iat"] + 300


RICH: dict[str, Any] = {
    "sub": "users",
    "iss": "shop.example",
    "aud": ["web", "app"],
    "nbf": 1_000,
    "iat": 2_000,
    "tenant": {"id": 3, "plans": ["a", None, 1.5]},
    "roles": [],
}


@pytest.fixture
def rich(settings: Settings) -> dict[str, Any]:
    """Old refresh claims of alice with everything in them."""
    settings.DJWTO_ISS_CLAIM = "shop.example"
    settings.DJWTO_SUB_CLAIM = "users"
    settings.DJWTO_AUD_CLAIM = "web"
    user = {"username": "alice", "id": create_alice().pk, "perms": ["a.b"], "extra": {"x": 1}}
    return good(**RICH, user=user)


@pytest.mark.clause("TOK-2")
@each_mode
def test_an_access_token_has_the_claims_of_its_refresh_token_and_a_life_of_its_own(
    mode: str, rich: dict[str, Any], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SESSION_MAX_AGE = None
    live = log_in()
    assert_access_of(api.claims_of(token(live, "refresh")), api.claims_of(token(live, "access")))
    refreshed = api.send(api.REFRESH_ACCESS, encode(rich))
    assert refreshed.refresh == (encode(rich) if mode == "JSON" else None)
    assert_access_of(rich, api.claims_of(token(refreshed, "access")))
    updated = api.send(api.UPDATE_REFRESH, encode(rich))
    assert_access_of(
        api.claims_of(token(updated, "refresh")), api.claims_of(token(updated, "access"))
    )


@pytest.mark.clause("TOK-2")
def test_without_iat_there_is_no_refresh_iat_either(settings: Settings) -> None:
    settings.DJWTO_IAT_CLAIM = False
    live = session()
    for type_ in TYPES:
        assert {"iat", "refresh_iat"}.isdisjoint(api.claims_of(token(live, type_)))


@pytest.mark.clause("TOK-2")
def test_an_access_token_expires_though_its_refresh_token_does_not(settings: Settings) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_SESSION_MAX_AGE = None
    live = session()
    assert "exp" not in api.claims_of(token(live, "refresh"))
    access = api.claims_of(token(live, "access"))
    assert access["exp"] == access["iat"] + 300


@pytest.mark.clause("TOK-2")
def test_an_access_token_may_never_expire_where_refresh_tokens_do_not(settings: Settings) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    settings.DJWTO_SESSION_MAX_AGE = None
    live = session()
    assert "exp" not in api.claims_of(token(live, "access"))
    old = encode(good(user={"id": User.objects.get().pk}))
    refreshed = api.send(api.REFRESH_ACCESS, old)
    assert "exp" not in api.claims_of(token(refreshed, "access"))


@pytest.mark.clause("TOK-3")
@each_mode
def test_an_update_keeps_every_claim_but_iat_and_exp(
    mode: str, rich: dict[str, Any], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_SESSION_MAX_AGE = None
    updated = api.claims_of(token(api.send(api.UPDATE_REFRESH, encode(rich)), "refresh"))
    changed = {name: updated[name] for name in ("iat", "exp")}
    # Such a token is from before there were sessions that end, and as old as it says.
    changed |= {
        "auth_time": rich["iat"],
        "auth_hash": auth_hash(User.objects.get()),
        "gen": successor(rich),
    }
    assert updated == {**rich, **changed}
    assert now() - 5 <= updated["iat"] <= now()
    assert updated["exp"] == updated["iat"] + 86_400
    again = api.claims_of(token(api.send(api.UPDATE_REFRESH, encode(updated)), "refresh"))
    times = {name: again[name] for name in ("iat", "exp")}
    assert again == {**updated, **times, "gen": successor(updated)}
    assert len({successor(rich), successor(updated), successor(again)}) == 3


@pytest.mark.clause("TOK-3")
def test_an_update_takes_the_hooks_no_notice(rich: dict[str, Any], settings: Settings) -> None:
    settings.DJWTO_PROCESS_CLAIMS = f"{HOOKS}.fails"
    settings.DJWTO_PROCESS_USER = f"{HOOKS}.fails"
    settings.DJWTO_SESSION_MAX_AGE = None
    assert api.send(api.UPDATE_REFRESH, encode(rich)).status == 200


# TOK-4


@pytest.mark.clause("TOK-4")
@each_type
@pytest.mark.parametrize(
    ("overrides", "claim", "value"),
    [
        ({}, "exp", None),
        ({}, "jti", None),
        ({}, "type", None),
        ({}, "iat", None),
        ({"DJWTO_ISS_CLAIM": "shop.example"}, "iss", "shop.example"),
        ({"DJWTO_SUB_CLAIM": "users"}, "sub", "users"),
        ({"DJWTO_AUD_CLAIM": "web"}, "aud", "web"),
        ({"DJWTO_AUD_CLAIM": ["web", "app"]}, "aud", ["app"]),
    ],
)
def test_a_token_without_a_configured_claim_is_refused(
    type_: str, overrides: dict[str, Any], claim: str, value: Any
) -> None:
    whole = {claim: value} if value else {}
    with override_settings(**overrides):
        assert accepted(type_, **whole)
        assert not accepted(type_, **{claim: ...})
        assert not accepted(type_, **{claim: None})


@pytest.mark.clause("TOK-4")
@pytest.mark.parametrize(
    ("setting", "configured", "claim", "wrong"),
    [
        ("DJWTO_ISS_CLAIM", "issuer", "iss", wrong)
        for wrong in ("is", "issuerX", "Issuer", "", " issuer", ["issuer"], {"issuer": 1}, 7)
    ]
    + [
        ("DJWTO_SUB_CLAIM", "subject", "sub", wrong)
        for wrong in ("sub", "subjectX", "", ["subject"], 7, True)
    ]
    + [
        ("DJWTO_AUD_CLAIM", "audience", "aud", wrong)
        for wrong in ("aud", "audienceX", "", [], ["aud"], [["audience"]], [7], {"audience": 1}, 7)
    ]
    + [
        ("DJWTO_AUD_CLAIM", ["web", "app"], "aud", wrong)
        for wrong in ("tv", "we", ["tv"], "web,app")
    ]
    + [("DJWTO_ISS_CLAIM", None, "iss", wrong) for wrong in ("foreign", "", 7)]
    + [("DJWTO_AUD_CLAIM", None, "aud", wrong) for wrong in ("foreign", ["foreign"], 7)],
)
@pytest.mark.case(15, 16)
def test_a_token_of_another_issuer_subject_or_audience_is_refused(
    setting: str, configured: Any, claim: str, wrong: Any
) -> None:
    with override_settings(**{setting: configured}):
        assert accepted(**({claim: configured} if configured else {}))
        assert not accepted(**{claim: wrong})


@pytest.mark.clause("TOK-4")
@pytest.mark.parametrize("aud", ["web", ["web"], ["tv", "web"], ["app"]])
def test_a_token_for_one_of_the_audiences_will_do(aud: Any, settings: Settings) -> None:
    settings.DJWTO_AUD_CLAIM = ["web", "app"]
    assert accepted(aud=aud)


@pytest.mark.clause("TOK-4")
@pytest.mark.case(30)
def test_exp_is_demanded_of_each_type_as_its_lifetime_says(settings: Settings) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    assert accepted("refresh", exp=...)
    assert not accepted("access", exp=...)
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    assert accepted("access", exp=...)
    assert not accepted("access", exp=now() - 1)
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    assert not accepted("refresh", exp=...)


@pytest.mark.clause("TOK-4")
def test_iat_is_demanded_only_if_configured(settings: Settings) -> None:
    settings.DJWTO_IAT_CLAIM = False
    assert accepted(iat=...)


@pytest.mark.clause("TOK-4")
@each_type
@pytest.mark.parametrize("wrong", ["", "Refresh", "ACCESS", "refresh ", "id", 1, True, ["access"]])
@pytest.mark.case(7)
def test_a_token_of_an_unknown_type_is_refused(type_: str, wrong: Any) -> None:
    assert_refused(by_hand(HEADER, good(type=wrong)), type_)


# TOK-5

TIMES = ["exp", "iat", "nbf", "refresh_iat"]
NO_TIMES = [
    '"1795000000"',
    '"tomorrow"',
    '""',
    "1795000000.0",
    "1795000000.5",
    "1.795e9",
    "1e400",
    "-1e400",
    "1e10",
    "true",
    "false",
    "null",
    "[]",
    "[1795000000]",
    "{}",
    "NaN",
    "Infinity",
    "-Infinity",
    "-1",
    "-1795000000",
    str(LAST_NUMERIC_DATE + 1),
    str(10**12),
    str(10**18),
    str(10**30),
    "9" * 5000,
]


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("claim", TIMES)
@pytest.mark.parametrize("value", NO_TIMES, ids=lambda value: value[:20])
@pytest.mark.case(27, 28, 29, 36, 99)
def test_a_time_that_is_no_integer_within_the_calendar_is_refused(claim: str, value: str) -> None:
    assert_refused(with_claim(claim, value))


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("claim", TIMES)
def test_a_time_that_is_wrong_is_refused_also_where_the_claim_is_not_asked_for(
    claim: str, settings: Settings
) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    settings.DJWTO_IAT_CLAIM = False
    for value in NO_TIMES:
        assert_refused(with_claim(claim, value))


@pytest.mark.clause("TOK-5")
@pytest.mark.case(28)
def test_the_first_and_the_last_second_are_times(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = None
    assert accepted(exp=LAST_NUMERIC_DATE)
    assert accepted(iat=0, nbf=0)
    assert not accepted(exp=0)


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize(
    "value", ["null", "0", "7", "1.5", "true", "false", "[]", '["a"]', "{}", '""', "NaN"]
)
@each_type
@pytest.mark.case(31, 32)
def test_a_jti_that_is_no_text_or_empty_is_refused(value: str, type_: str) -> None:
    rest = json.dumps(good(type_, jti=...))
    assert_refused(by_hand(HEADER, f'{rest[:-1]}, "jti": {value}}}'.encode()), type_)


JTIS = {
    "300 characters": "j" * 300,
    "NUL": "a\0b",
    "only NUL": "\0",
    "space": " ",
    "lone surrogate": "\ud800",
    "reversed surrogates": "\udc00\ud800",
    "capitals": str(uuid.uuid4()).upper(),
    "emoji": "🗝" * 30,
    "quotes": "'\"`;--\r\n",
    "10,000 characters": "j" * 10_000,
}


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("jti", JTIS.values(), ids=JTIS)
@pytest.mark.case(33, 34)
def test_a_session_of_any_other_jti_can_be_used_and_ended(jti: str) -> None:
    refresh = encode(good(jti=jti, user={"id": create_alice().pk}))
    assert api.send(api.REFRESH_ACCESS, refresh).status == 200
    updated = api.send(api.UPDATE_REFRESH, refresh)
    assert api.claims_of(token(updated, "refresh"))["jti"] == jti
    with Recorder() as recorder:
        assert api.send(api.LOGOUT, refresh).status == 200
    (ended,) = recorder.take()
    assert (ended.name, ended.kwargs["jti"]) == ("jwt_blacklisted", jti)
    for live in (refresh, token(updated, "refresh")):
        assert api.send(api.REFRESH_ACCESS, live).status == 401


@pytest.mark.clause("TOK-5")
def test_a_token_of_more_characters_than_any_server_takes_is_refused() -> None:
    assert_refused(by_hand(HEADER, good(jti="j" * 70_000)))
    fits = by_hand(HEADER, good(pad=""))
    room = (LONGEST - len(fits)) // 4 * 3
    assert accepted(pad="x" * room)
    assert not accepted(pad="x" * (room + 4))
    longest = next(
        token
        for more in range(4)
        if len(token := by_hand(HEADER, good(pad="x" * (room + more)))) == LONGEST
    )
    assert len(decode(longest, "refresh")["pad"]) >= room


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'["type", "refresh"]',
        b'"claims"',
        b"7",
        b"true",
        b"null",
        b"NaN",
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"jti": "\xe9"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b"[" * 12_000,
        b'{"a":' * 2_400,
        b"{}",
    ],
    ids=lambda payload: payload[:12],
)
@pytest.mark.case(40)
def test_a_payload_that_is_no_object_of_claims_is_refused(payload: bytes) -> None:
    assert_refused(by_hand(HEADER, payload))
    assert api.send(api.REFRESH_ACCESS, by_hand(HEADER, payload)).status == 401


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("levels", [800, 980, 1200, 3000])
@pytest.mark.case(40)
def test_a_valid_token_with_a_deep_claim_is_refused_or_works(levels: int) -> None:
    rest = json.dumps(good(user={"id": create_alice().pk}))
    deep = f'{rest[:-1]}, "deep": {"[" * levels}{"]" * levels}}}'.encode()
    for path in (api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.UPDATE_REFRESH, api.LOGOUT):
        assert api.send(path, by_hand(HEADER, deep)).status in {200, 401}, path


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize("user", [None, 7, "alice", [], [["id", 1]], True])
def test_a_user_that_is_no_object_is_refused(user: Any) -> None:
    assert not accepted(user=user)


@pytest.mark.clause("TOK-5")
@pytest.mark.parametrize(
    "id_", [None, True, 1.0, [1], {"a": 1}, "", "x", "\0", "\ud800", 2**63, -(2**70), "9" * 5000]
)
@pytest.mark.case(111)
def test_a_user_id_that_can_be_nobodys_is_refused(id_: Any) -> None:
    create_alice(pk=1)
    for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        assert api.send(path, encode(good(user={"id": id_}))).status == 401


# TOK-6


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, Any] = {
    "RS256": RSA,
    "RS512": RSA,
    "PS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
HMAC = ["HS256", "HS384", "HS512"]

each_algorithm = pytest.mark.parametrize("algorithm", [*HMAC, *KEYS])


@pytest.mark.clause("TOK-6")
@each_algorithm
@pytest.mark.parametrize("with_public_key", [False, True])
def test_a_session_lives_and_ends_with_each_algorithm(
    algorithm: str, with_public_key: bool, settings: Settings
) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    if algorithm in KEYS:
        settings.DJWTO_SIGNING_KEY = private_pem(KEYS[algorithm])
        if with_public_key:
            settings.DJWTO_VERIFYING_KEY = public_pem(KEYS[algorithm])
    live = session()
    assert jwt.get_unverified_header(token(live, "access"))["alg"] == algorithm
    assert api.send(api.VALIDATE_ACCESS, live.access).status == 200
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200
    updated = api.send(api.UPDATE_REFRESH, live.refresh)
    assert api.send(api.LOGOUT, updated.refresh).status == 200
    assert api.send(api.VALIDATE_ACCESS, live.access).status == 401


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize("algorithm", KEYS)
def test_others_verify_an_asymmetric_token_with_the_public_key_alone(
    algorithm: str, settings: Settings
) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    settings.DJWTO_SIGNING_KEY = private_pem(KEYS[algorithm])
    claims = good()
    public = public_pem(KEYS[algorithm])
    assert jwt.decode(encode(claims), public, algorithms=[algorithm]) == claims


@pytest.mark.clause("TOK-6")
@each_algorithm
def test_a_token_that_was_changed_anywhere_is_refused(algorithm: str, settings: Settings) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    if algorithm in KEYS:
        settings.DJWTO_SIGNING_KEY = private_pem(KEYS[algorithm])
    whole = encode(good())
    assert decode(whole, "refresh")
    header, payload, signature = whole.split(".")
    other = b64(json.dumps(good(user={"id": 2})).encode()).decode()
    assert_refused(f"{header}.{other}.{signature}")
    for at in range(0, len(whole) - 1, 7):
        swapped = "A" if whole[at] != "A" else "B"
        assert_refused(whole[:at] + swapped + whole[at + 1 :])
    for cut in (f"{header}.{payload}.", f"{header}.{payload}", header, whole[:-4], f"{whole}AAAA"):
        assert_refused(cut)


def attacks() -> dict[str, Callable[[], str]]:
    """Tokens that nobody with djwto's key has signed, though some use what they found of it."""

    def labelled(alg: Any, **header: Any) -> Callable[[], str]:
        return lambda: by_hand({**HEADER, "alg": alg, **header}, good())

    def unsigned(alg: Any) -> Callable[[], str]:
        return lambda: by_hand({**HEADER, "alg": alg}, good()).rpartition(".")[0] + "."

    def hashed(alg: str, hash_: str) -> Callable[[], str]:
        return lambda: by_hand({**HEADER, "alg": alg}, good(), hash_=hash_)

    found: dict[str, Callable[[], str]] = {
        f"alg {alg!r}, {how}": make(alg)
        for alg in ("none", "None", "NONE", "NoNe", "", None, 0, [], ["HS256"], {"HS256": 1})
        for how, make in (("signed", labelled), ("unsigned", unsigned))
    }
    found |= {
        "HS256 unsigned": unsigned("HS256"),
        "HS512 label on an HS256 signature": labelled("HS512"),
        "HS512 in truth": hashed("HS512", "sha512"),
        "HS384 in truth": hashed("HS384", "sha384"),
        "HS256 label on an HS512 signature": hashed("HS256", "sha512"),
        "hs256": labelled("hs256"),
        "RS256 label": labelled("RS256"),
        "no alg": lambda: by_hand({"typ": "JWT"}, good()),
        "another key": lambda: by_hand(HEADER, good(), key=b"another key" * 5),
        "the empty key": lambda: by_hand(HEADER, good(), key=b""),
        "SECRET_KEY": lambda: by_hand(HEADER, good(), key=secret_key()),
        "asymmetric with a key of the attacker's": lambda: jwt.encode(
            good(), RSA, algorithm="RS256", headers={"jwk": json.loads(rsa_jwk())}
        ),
        "key of the attacker's in jwk": lambda: by_hand(
            {**HEADER, "jwk": {"kty": "oct", "k": b64(b"k" * 64).decode()}}, good(), key=b"k" * 64
        ),
    }
    return found


def secret_key() -> bytes:
    from django.conf import settings

    return settings.SECRET_KEY.encode()


def rsa_jwk() -> str:
    made = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())
    assert isinstance(made, str)
    return made


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize("attack", attacks())
@pytest.mark.case(11)
def test_a_signature_of_another_algorithm_or_key_is_refused(attack: str) -> None:
    create_alice(pk=1)
    assert accepted()
    forged = attacks()[attack]()
    assert_refused(forged)
    assert api.send(api.REFRESH_ACCESS, forged).status == 401


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["djwto"], "djwto": 1},
        {"crit": []},
        {"crit": "b64"},
        {"crit": None},
        {"crit": {}},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
        {"b64": True, "crit": ["b64"]},
        {"b64": 0},
        {"b64": None},
        {"b64": "false"},
        {"kid": 7},
        {"kid": ["a"]},
        {"kid": {}},
        {"typ": "at+jwt"},
        {"typ": "application/at+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "JWE"},
        {"typ": "JWT "},
        {"typ": ""},
        {"typ": None},
        {"typ": 7},
        {"typ": ["JWT"]},
    ],
    ids=json.dumps,
)
@pytest.mark.case(7, 13, 104)
def test_a_header_that_asks_for_something_else_is_refused(header: dict[str, Any]) -> None:
    assert_refused(by_hand({**HEADER, **header}, good()))


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize(
    "header", [b"[]", b'"HS256"', b"7", b"null", b"", b"{", b"\xff", b"[" * 9000]
)
def test_a_header_that_is_no_object_is_refused(header: bytes) -> None:
    assert_refused(by_hand(header, good()))


@pytest.mark.clause("TOK-5")
def test_a_client_is_told_that_its_token_cannot_be_read() -> None:
    answer = api.send(api.VALIDATE_REFRESH, "a.b.c")
    assert answer.body == {"error": "The token is malformed or its claims are wrong."}


@pytest.mark.clause("TOK-6")
def test_a_token_that_is_not_encoded_as_text_is_refused() -> None:
    claims = good()
    signing_input = b64(json.dumps({**HEADER, "b64": False, "crit": ["b64"]}).encode()) + b"."
    detached = hmac.digest(
        key_ring().keys[0].signing, signing_input + json.dumps(claims).encode(), hashlib.sha256
    )
    assert_refused((signing_input + b"." + b64(detached)).decode())


@pytest.mark.clause("TOK-6")
@pytest.mark.case(89, 90, 91)
def test_a_token_has_one_spelling() -> None:
    # A header and a payload of any length; of 32 bytes' signature the last character has two bits
    # to spare, which a careless decoder drops.
    for more in ("", "a", "ab"):
        whole = by_hand({**HEADER, "kid": more}, good(gen=more))
        assert decode(whole, "refresh")
        parts = whole.split(".")
        for at, part in enumerate(parts):
            spare = chr(ord(part[-1]) + 1) if part[-1] not in "Zz9-_" else part[-1] + "A"
            for other in (
                part + "=" * (-len(part) % 4 or 4),
                part + "=",
                f" {part}",
                part + "\n",
                part[:5] + "\n" + part[5:],
                part[:-1] + spare,
            ):
                assert_refused(".".join([*parts[:at], other, *parts[at + 1 :]]))


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize("typ", ["JWT", "jwt", "Jwt", ...])
def test_a_header_may_say_jwt_in_any_case_or_nothing(typ: Any) -> None:
    header = {"alg": "HS256"} if typ is ... else {"alg": "HS256", "typ": typ}
    claims = good()
    assert decode(by_hand(header, claims), "refresh") == claims


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "x5t", "kid", "cty"])
@pytest.mark.case(14, 95)
def test_addresses_and_keys_in_a_header_are_not_looked_at(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/keys.json"
        claims = good()
        assert decode(by_hand({**HEADER, name: address}, claims), "refresh") == claims
        assert_refused(by_hand({**HEADER, name: address}, claims, key=b"k" * 64))
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("label", ["HS256", "HS512", "none"])
@pytest.mark.case(12)
def test_the_public_key_is_no_key_to_sign_with(
    algorithm: str, label: str, settings: Settings
) -> None:
    key = KEYS[algorithm]
    settings.DJWTO_ALGORITHM = algorithm
    settings.DJWTO_SIGNING_KEY = private_pem(key)
    settings.DJWTO_VERIFYING_KEY = public_pem(key)
    assert decode(encode(good()), "refresh")
    public = key.public_key()
    known = [public_pem(key).encode(), public_pem(key).strip().encode()]
    known.append(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    if algorithm == "RS256":
        known.append(rsa_jwk().encode())
    hash_ = "sha512" if label == "HS512" else "sha256"
    for text in known:
        forged = by_hand({"alg": label, "typ": "JWT"}, good(), key=text, hash_=hash_)
        assert_refused(forged)
        assert api.send(api.VALIDATE_REFRESH, forged).status == 401
    assert_refused(jwt.encode(good(), rsa.generate_private_key(65537, 2048), algorithm="RS256"))


@pytest.mark.clause("TOK-6")
def test_another_algorithm_of_the_same_key_is_refused(settings: Settings) -> None:
    settings.DJWTO_ALGORITHM = "RS256"
    settings.DJWTO_SIGNING_KEY = private_pem(RSA)
    for other in ("PS256", "RS512"):
        assert_refused(jwt.encode(good(), RSA, algorithm=other))


# TOK-7


@pytest.mark.clause("TOK-7")
@each_type
@pytest.mark.parametrize("leeway", [0, 60, timedelta(seconds=60)])
def test_a_token_is_refused_from_its_exp_on(type_: str, leeway: Any, settings: Settings) -> None:
    settings.DJWTO_LEEWAY = leeway
    spared = 60 if leeway else 0
    assert accepted(type_, exp=now() - spared + 20)
    assert not accepted(type_, exp=now() - spared)
    assert not accepted(type_, exp=now() - spared - 1)


@pytest.mark.clause("TOK-7")
@each_type
@pytest.mark.parametrize("claim", ["nbf", "iat"])
@pytest.mark.parametrize("leeway", [0, 60, timedelta(seconds=60)])
@pytest.mark.case(36)
def test_a_token_is_refused_before_its_nbf_and_its_iat(
    type_: str, claim: str, leeway: Any, settings: Settings
) -> None:
    settings.DJWTO_LEEWAY = leeway
    spared = 60 if leeway else 0
    assert accepted(type_, **{claim: now() + spared})
    assert not accepted(type_, **{claim: now() + spared + 20})


@pytest.mark.clause("TOK-7")
@each_mode
def test_an_endpoint_says_that_a_token_is_out_of_its_time(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    for changes, word in (({"exp": now()}, "expired"), ({"nbf": now() + 60}, "not valid yet")):
        answer = api.send(api.REFRESH_ACCESS, encode(good(**dict[str, Any](changes))))
        assert answer.status == 401
        assert word in answer.body["error"]


# TOK-8

ACCESS_PATHS = [api.VALIDATE_ACCESS, "/access/", "/access/async/", "/perm/", "/perm/stacked/"]
REFRESH_PATHS = [
    api.VALIDATE_REFRESH,
    api.REFRESH_ACCESS,
    api.UPDATE_REFRESH,
    api.LOGOUT,
    "/refresh/",
    "/refresh/stacked/",
]


@pytest.mark.clause("TOK-8")
@each_mode
@pytest.mark.parametrize("path", ACCESS_PATHS + REFRESH_PATHS)
@pytest.mark.case(1, 3, 6, "P1")
def test_a_token_of_one_type_never_passes_as_the_other(
    path: str, mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice(is_superuser=True)
    # Else a token with every permission of the project would be longer than a cookie may be.
    settings.DJWTO_PROCESS_PERMS = f"{HOOKS}.add_user_only"
    live = log_in()
    right = "refresh" if path in REFRESH_PATHS else "access"
    wrong = "access" if right == "refresh" else "refresh"
    with Recorder() as recorder:
        answer = api.send(path, token(live, wrong), as_refresh=right == "refresh")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == CHALLENGE
        assert not answer.cookies
        assert set(answer.body) == {"error"}
        assert names(recorder) == []
    assert api.send(path, token(live, right), as_refresh=right == "refresh").status == 200


@pytest.mark.clause("TOK-8")
@each_mode
@pytest.mark.case(4)
def test_a_logout_by_delete_ends_no_session_for_an_access_token(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        assert api.send(api.LOGOUT, live.access, method="delete").status == 200
        assert names(recorder) == []
    assert api.send(api.REFRESH_ACCESS, live.refresh).status == 200


@pytest.mark.clause("TOK-8")
@pytest.mark.parametrize("mode", [mode for mode in MODES if TRANSPORTS[mode].ambient])
@pytest.mark.parametrize("path", ACCESS_PATHS + REFRESH_PATHS)
@pytest.mark.case(2)
def test_the_right_token_in_the_other_types_cookie_is_no_token(
    path: str, mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    right = "refresh" if path in REFRESH_PATHS else "access"
    with Recorder() as recorder:
        answer = api.send(path, token(live, right), as_refresh=right != "refresh")
        # A logout without a token has nothing to end, and says so.
        assert answer.status == (200 if path == api.LOGOUT else 401)
        assert names(recorder) == []


# TOK-9


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often a PEM text is parsed."""
    from djwto import keys

    keys._parsed.cache_clear()
    counted: Counter[str] = Counter()

    def counting(name: str) -> Callable[..., Any]:
        parse = getattr(jwt.algorithms, name)

        def load(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return parse(*args, **kwargs)

        return load

    for name in ("load_pem_private_key", "load_pem_public_key"):
        monkeypatch.setattr(jwt.algorithms, name, counting(name))
    return counted


@pytest.mark.clause("TOK-9")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_keys_are_parsed_once_however_many_requests_there_are(
    algorithm: str, parsed: Counter[str], settings: Settings
) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    settings.DJWTO_SIGNING_KEY = private_pem(KEYS[algorithm])
    settings.DJWTO_VERIFYING_KEY = public_pem(KEYS[algorithm])
    live = session()
    parsed_first = dict(parsed)
    assert 1 <= sum(parsed_first.values()) <= 4
    for _ in range(10):
        assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200
        assert api.send(api.VALIDATE_ACCESS, live.access).status == 200
        assert log_in().refresh
    assert parsed == parsed_first


@pytest.mark.clause("TOK-9")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_secret_is_looked_at_once_however_many_tokens_there_are(
    algorithm: str, settings: Settings
) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    settings.DJWTO_VERIFIED_TOKENS = 0
    settings.DJWTO_SIGNING_KEY = f"{algorithm} " * 20
    look = HMACAlgorithm.prepare_key
    with patch.object(HMACAlgorithm, "prepare_key", autospec=True, side_effect=look) as looked:
        for _ in range(5):
            claims = good()
            assert decode(encode(claims), "refresh") == claims
    assert looked.call_count == 1


@pytest.mark.clause("TOK-9")
def test_keys_that_change_are_parsed_anew(parsed: Counter[str], settings: Settings) -> None:
    settings.DJWTO_ALGORITHM = "ES256"
    keys = [private_pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(2)]
    tokens = []
    for key in keys:
        settings.DJWTO_SIGNING_KEY = key
        tokens.append(encode(good()))
        assert decode(tokens[-1], "refresh")
    assert_refused(tokens[0])
    settings.DJWTO_SIGNING_KEY = keys[0]
    assert decode(tokens[0], "refresh")
    assert_refused(tokens[1])


@pytest.mark.clause("TOK-9")
@pytest.mark.case(20)
def test_the_key_is_the_settings_else_the_environments_else_derived(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signed_with() -> bytes:
        made = encode(good())
        assert decode(made, "refresh")
        (found,) = (
            key
            for key in known
            if hmac.compare_digest(
                b64(hmac.digest(key, made.rpartition(".")[0].encode(), "sha256")),
                made.rpartition(".")[2].encode(),
            )
        )
        return bytes(found)

    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    derived = key_ring().keys[0].signing
    known = [derived, b"environment" * 4, b"the setting" * 4]
    assert derived != secret_key()
    assert len(derived) == 64
    assert signed_with() == derived
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "environment" * 4)
    assert signed_with() == known[1]
    for key in ("the setting" * 4, b"the setting" * 4):
        settings.DJWTO_SIGNING_KEY = key
        assert signed_with() == known[2]
        del settings.DJWTO_SIGNING_KEY
    assert signed_with() == known[1]
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert signed_with() == derived


@pytest.mark.clause("TOK-9")
def test_another_release_derives_the_same_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    settings.SECRET_KEY = "a key of a test, and as long as one has to be"
    assert key_ring().keys[0].signing.hex() == (
        "78870353eeb1a0e13bcfd02af931fbe7c2b36e2240a0f0a0476e77aa1155202c"
        "bd3bb0f360f72d1e593ea0fc4b04139074304fa12ee8fb6ed9bf68810e3c0382"
    )


@pytest.mark.clause("TOK-9")
def test_the_derived_key_follows_secret_key(settings: Settings) -> None:
    before = encode(good())
    settings.SECRET_KEY = "another secret " * 4
    assert_refused(before)
    assert decode(encode(good()), "refresh")
    settings.SECRET_KEY = b"bytes will do as well, as everywhere in Django"
    assert decode(encode(good()), "refresh")


@pytest.mark.clause("TOK-9")
def test_an_asymmetric_algorithm_has_no_key_to_derive(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_ALGORITHM = "ES256"
    with pytest.raises(ImproperlyConfigured, match=ENVIRONMENT_VARIABLE):
        encode(good())
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, private_pem(KEYS["ES256"]))
    assert decode(encode(good()), "refresh")


# TOK-10

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["refresh", "access", "HS256", "none", 10**12, 2**63, -(2**31), "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


CLAIM_NAMES = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nbf",
    "jti",
    "type",
    "user",
    "refresh_iat",
    "gen",
]
claims_drawn = st.builds(
    lambda type_, changes: good(
        **{"type_": type_, "iat": 1_000, "exp": LAST_NUMERIC_DATE, "jti": "a-session", **changes}
    ),
    st.sampled_from(TYPES),
    # Most are right but for one claim: what is wrong all over is refused for the first reason.
    st.dictionaries(st.sampled_from(CLAIM_NAMES), st.just(...) | junk, max_size=2)
    | st.builds(lambda jti: {"jti": jti}, st.text())
    | st.builds(lambda id_: {"user": {"id": id_}}, junk)
    | st.builds(lambda perms: {"user": {"id": 1, "perms": perms}}, junk),
)
HEADER_NAMES = ["alg", "typ", "cty", "kid", "crit", "b64", "jku", "jwk", "x5u", "zip", "enc"]
headers_drawn = st.just(HEADER) | st.builds(
    lambda more: {**HEADER, **more},
    st.dictionaries(
        st.sampled_from(HEADER_NAMES),
        junk,
        max_size=3,
    ),
)
signed_tokens = st.builds(by_hand, headers_drawn | junk, claims_drawn | junk)
spellings = st.builds(
    lambda raw: by_hand(HEADER, raw),
    st.binary(max_size=80)
    | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
texts = st.text(max_size=60) | st.lists(st.text("Aa0-_.=", max_size=12), max_size=4).map(".".join)

tokens_drawn = signed_tokens | spellings | texts


def believed(text: str, type_: str) -> bool:
    """Whether decode() believes a token; asserts that it refuses others as documented."""
    try:
        claims = decode(text, type_)
    except InvalidToken as refusal:
        said = str(refusal)
    else:
        said = ""
    if said:
        # What the client is told quotes nothing that it sent.
        assert said.isprintable()
        assert len(said) < 100
        return False
    assert claims["type"] == type_
    assert isinstance(claims["jti"], str)
    assert claims["jti"]
    for name in ("iat", "exp"):
        assert type(claims[name]) is int
        assert 0 <= claims[name] <= LAST_NUMERIC_DATE
    assert claims["iat"] <= time.time() < claims["exp"]
    return True


@pytest.mark.clause("TOK-10")
@search(examples=600)
@given(tokens_drawn, st.sampled_from(TYPES))
@example("", "access")
@example("..", "access")
@example("\ud800", "access")
@example("é.ü.\0", "access")
@example("." * 20_000, "refresh")
def test_decode_refuses_or_believes_whatever_text_there_is(text: str, type_: str) -> None:
    believed(text, type_)


@pytest.mark.clause("TOK-10")
@each_mode
@pytest.mark.case(24)
def test_whatever_is_sent_as_a_token_is_answered_400_or_401(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice(pk=1)
    paths = [
        (path, method, path in REFRESH_PATHS)
        for path in ACCESS_PATHS + REFRESH_PATHS
        for method in (["post", "delete"] if path == api.LOGOUT else ["post"])
    ]

    @search(examples=120)
    @given(tokens_drawn, st.sampled_from(paths))
    def search_for_a_500(text: str, endpoint: tuple[str, str, bool]) -> None:
        path, method, as_refresh = endpoint
        # As a server hands it over: the bytes of a header, each as a character.
        text = text.encode("utf-8", "surrogatepass").decode("latin-1")
        answer = api.send(path, text, method=method, as_refresh=as_refresh)
        assert answer.status < 500
        if answer.status == 200:
            # A cookie loses blanks and the like on its way, and a DELETE needs no valid token.
            no_token = path == api.LOGOUT and (method == "delete" or mode != "JSON")
            assert no_token or believed(text, "refresh" if as_refresh else "access")
        else:
            # The perms of the claims are no list of names, or lack what the view asks for.
            refused = {400, 401, 403} if path.startswith("/perm/") else {400, 401}
            assert answer.status in refused
            assert "error" in answer.body

    search_for_a_500()


@pytest.mark.clause("TOK-10")
@pytest.mark.case("P11")
def test_whoever_can_refresh_can_be_logged_out() -> None:
    create_alice(pk=1)

    @search(examples=150)
    @given(st.builds(by_hand, headers_drawn, claims_drawn))
    def search_for_a_session_without_end(text: str) -> None:
        if api.send(api.REFRESH_ACCESS, text).status != 200:
            return
        assert api.send(api.LOGOUT, text).status == 200
        assert api.send(api.REFRESH_ACCESS, text).status == 401
        from djwto.models import BlacklistEntry

        BlacklistEntry.objects.all().delete()

    search_for_a_session_without_end()


@pytest.mark.clause("TOK-10")
@pytest.mark.parametrize("refusal", Refusal.__subclasses__())
def test_no_refusal_is_a_server_error(refusal: type[Refusal]) -> None:
    # Nothing that the client could send would help there, and it is no mistake of ours either.
    assert refusal.status == 501 if refusal is Unsupported else 400 <= refusal.status < 500
