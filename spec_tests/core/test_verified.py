"""TOK-16: what was verified before is believed only where a fresh look would believe it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import jwt
import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from djwto import conf, verified
from djwto.claims import rules
from djwto.exceptions import InvalidToken
from djwto.keys import ENVIRONMENT_VARIABLE
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import session
from djwto.spec_tests.profile import search
from djwto.tokens import decode, encode
from djwto.verified import InForce, Verifier, in_force, verifier

pytestmark = pytest.mark.clause("TOK-16")

NOW = 1_800_000_000
TYPES = ["access", "refresh"]

CLAIMS = {"jti": "ab" * 16, "type": "access", "user": {"id": 1, "perms": ["shop.add_order"]}}

OTHERWISE: dict[str, Any] = {
    "SECRET_KEY": "another secret " * 5,
    "SECRET_KEY_FALLBACKS": ["an old secret " * 5],
    "DJWTO_ACCESS_TOKEN_LIFETIME": None,
    "DJWTO_ALGORITHM": "HS512",
    "DJWTO_AUD_CLAIM": "others",
    "DJWTO_IAT_CLAIM": False,
    "DJWTO_ISS_CLAIM": "elsewhere",
    "DJWTO_LEEWAY": 3,
    "DJWTO_CHECK_ACCESS": True,
    "DJWTO_MODE": "ONE-COOKIE",
    "DJWTO_REFRESH_TOKEN_LIFETIME": None,
    "DJWTO_SESSION_MAX_AGE": timedelta(seconds=8),
    "DJWTO_SIGNING_KEY": "another key " * 6,
    "DJWTO_STRICT": True,
    "DJWTO_SUB_CLAIM": "somebody",
    "DJWTO_KEYS": [{"algorithm": "HS256", "key": "a key of the list " * 3}],
    "DJWTO_VERIFIED_TOKENS": 2,
}


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tests have the same token within a second: what one has verified, another has not."""
    monkeypatch.setattr(verified, "_current", None)


times = st.none() | st.integers(NOW - 10, NOW + 10)
events = st.one_of(
    st.tuples(st.just("wait"), st.integers(-3, 12)),
    st.tuples(st.just("set"), st.sampled_from(sorted(OTHERWISE))),
    st.just(("environment", None)),
)


def outcome(look: Callable[..., Any], *arguments: Any) -> Any:
    """The claims, or why there are none."""
    try:
        return look(*arguments)
    except InvalidToken as refusal:
        return str(refusal)


def follow(stated: dict[str, Any], history: list[tuple[str, Any]]) -> None:
    """Compares the two after each event."""
    claims = CLAIMS | {name: value for name, value in stated.items() if value is not None}
    in_force: dict[str, Any] = {"DJWTO_ACCESS_TOKEN_LIFETIME": None, "DJWTO_IAT_CLAIM": False}
    environment: dict[str, str] = {}
    with time_machine.travel(NOW, tick=False) as clock:
        token = encode(claims)
        for done, what in [("wait", 0), *history]:
            if done == "wait":
                clock.shift(what)
            elif done == "environment":
                environment = {} if environment else {ENVIRONMENT_VARIABLE: "yet another " * 6}
            elif what in in_force:
                del in_force[what]
            else:
                in_force[what] = OTHERWISE[what]
            with override_settings(**in_force), patch.dict("os.environ", environment):
                for asked in TYPES:
                    fresh = outcome(Verifier().verify, token, asked)
                    for _ in range(2):
                        assert outcome(decode, token, asked) == fresh


@given(
    stated=st.fixed_dictionaries(
        {"exp": times, "iat": times, "nbf": times, "auth_time": times}
        | {"type": st.sampled_from(TYPES)}
    ),
    history=st.lists(events, max_size=8),
)
@search(examples=200)
def test_it_says_what_a_fresh_look_says(
    stated: dict[str, Any], history: list[tuple[str, Any]]
) -> None:
    follow(stated, history)


LEEWAY, LONGEST_SESSION = ("set", "DJWTO_LEEWAY"), ("set", "DJWTO_SESSION_MAX_AGE")


@pytest.mark.parametrize("seconds", [-1, 0, 1])
@pytest.mark.parametrize(
    ("stated", "before", "edge"),
    [
        ({"exp": NOW + 5}, [], 5),
        ({"exp": NOW + 5}, [LEEWAY], 8),
        ({"iat": NOW}, [], 0),
        ({"iat": NOW}, [LEEWAY], -3),
        ({"nbf": NOW - 4}, [], -4),
        ({"nbf": NOW - 4}, [LEEWAY], -7),
        ({"auth_time": NOW, "exp": NOW + 60}, [LONGEST_SESSION], 8),
        ({"auth_time": NOW}, [LONGEST_SESSION, LEEWAY], 11),
        ({"iat": NOW}, [LONGEST_SESSION], 8),
    ],
)
def test_it_does_so_to_the_second(
    stated: dict[str, Any], before: list[tuple[str, Any]], edge: int, seconds: int
) -> None:
    follow(stated, [*before, ("wait", edge + seconds)])


@pytest.mark.parametrize("name", sorted(OTHERWISE))
def test_no_setting_that_matters_is_forgotten(name: str) -> None:
    before = verifier()
    assert verifier() is before
    with override_settings(**{name: OTHERWISE[name]}):
        assert verifier() is not before


def test_these_are_all_that_matter() -> None:
    read: set[str] = set()
    known = conf.given

    def record(name: str) -> Any:
        read.add(name)
        return known(name)

    with patch.object(conf, "given", record):
        InForce([])
        Verifier()
    assert {"DJWTO_ALGORITHM", "DJWTO_MODE"} <= read
    assert read <= set(verified.RESTS_ON)
    assert set(verified.RESTS_ON) == {*OTHERWISE, "DJWTO_VERIFYING_KEY"}


@pytest.mark.parametrize("way", ["assigned", "of the environment"])
@pytest.mark.parametrize("given", [None, "", ...])
def test_a_key_is_withdrawn_at_once(given: Any, way: str, settings: Settings) -> None:
    if given is not ...:
        settings.DJWTO_SIGNING_KEY = given
    token = encode(CLAIMS | {"exp": int(time.time()) + 60, "iat": int(time.time())})
    assert decode(token, "access") == decode(token, "access")
    # Undone in here: after the settings have been put back, it would put its own into theirs.
    with pytest.MonkeyPatch.context() as patched:
        if way == "assigned":
            # No signal says so.
            patched.setattr(django_settings, "DJWTO_SIGNING_KEY", "new " * 20, raising=False)
        else:
            patched.setenv(ENVIRONMENT_VARIABLE, "new " * 20)
        with pytest.raises(InvalidToken, match="signature"):
            decode(token, "access")


def live(number: int = 0) -> str:
    now = int(time.time())
    return encode(CLAIMS | {"jti": f"{number:032x}", "exp": now + 600, "iat": now})


def counted() -> Any:
    """Counts how often PyJWT is asked."""
    asked = jwt.PyJWT.decode_complete
    return patch.object(jwt.PyJWT, "decode_complete", autospec=True, side_effect=asked)


@pytest.mark.parametrize(("size", "often"), [(1024, 1), (0, 5)])
def test_a_signature_is_checked_once_unless_that_is_turned_off(
    size: int, often: int, settings: Settings
) -> None:
    settings.DJWTO_VERIFIED_TOKENS = size
    token = live()
    with counted() as asked:
        for _ in range(5):
            decode(token, "access")
    assert asked.call_count == often


def test_what_one_request_does_to_its_claims_no_other_sees() -> None:
    token = live()
    for _ in range(3):
        claims = decode(token, "access")
        assert claims["user"]["perms"] == ["shop.add_order"]
        claims["user"]["perms"].append("shop.delete_order")
        claims["type"] = "refresh"


def test_what_was_refused_is_not_remembered(settings: Settings) -> None:
    settings.DJWTO_SESSION_MAX_AGE = timedelta(days=2)
    token = live() + "x"
    memory = verifier()
    for _ in range(3):
        with pytest.raises(InvalidToken):
            decode(token, "access")
    assert verifier() is memory
    assert (memory._recent, memory._earlier) == ({}, {})


@pytest.mark.parametrize("size", [2, 3, 10])
def test_it_keeps_as_many_as_it_is_told_to_in_two_halves(size: int, settings: Settings) -> None:
    settings.DJWTO_VERIFIED_TOKENS = size
    kept = set()
    for number in range(3 * size):
        decode(live(number), "access")
        memory = verifier()
        kept.add(len(memory._recent) + len(memory._earlier))
    assert (min(kept), max(kept)) == (1, size - size % 2)


def test_what_is_asked_for_again_is_kept(settings: Settings) -> None:
    settings.DJWTO_VERIFIED_TOKENS = 4
    tokens = [live(number) for number in range(4)]
    with counted() as asked:
        # The two halves change places with the third and with the fourth token.
        for number in (0, 1, 2, 0, 3, 0):
            decode(tokens[number], "access")
    assert asked.call_count == 4


def test_what_was_read_before_is_kept_when_it_is_asked_for_again(settings: Settings) -> None:
    settings.DJWTO_VERIFIED_TOKENS = 4
    tokens = [live(number) for number in range(4)]
    with counted() as asked:
        # The claims are read when it is asked for again, before the halves change places twice.
        for number in (0, 0, 1, 2, 0, 3, 0):
            decode(tokens[number], "access")
    assert asked.call_count == 4


@pytest.mark.parametrize(
    "stated",
    [{"exp": NOW - 4}, {"iat": NOW + 5}, {"nbf": NOW + 5}, {}],
    ids=["exp", "iat", "nbf", ""],
)
def test_what_the_leeway_lets_in_is_verified_once_too(
    stated: dict[str, int], settings: Settings
) -> None:
    settings.DJWTO_LEEWAY = 5
    settings.DJWTO_SESSION_MAX_AGE = settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    settings.DJWTO_IAT_CLAIM = False
    with time_machine.travel(NOW, tick=False), counted() as asked:
        token = encode(CLAIMS | stated)
        assert decode(token, "access") == decode(token, "access") == CLAIMS | stated
    assert asked.call_count == 1


def test_a_text_that_has_no_utf_8_form_is_no_token() -> None:
    with pytest.raises(InvalidToken):
        decode("\ud800", "access")


def test_who_comes_often_is_not_forgotten_for_who_comes_once(settings: Settings) -> None:
    settings.DJWTO_VERIFIED_TOKENS = 10
    often = live(1000)
    with counted() as asked:
        for number in range(100):
            decode(often, "access")
            decode(live(number), "access")
    assert asked.call_count == 101


def test_settings_that_change_while_a_token_is_verified_leave_no_trace(
    settings: Settings,
) -> None:
    token = live()
    decode_complete = jwt.PyJWT.decode_complete

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        settings.DJWTO_ISS_CLAIM = "elsewhere"
        return decode_complete(*args, **kwargs)

    with patch.object(jwt.PyJWT, "decode_complete", meanwhile):
        # By the settings of when it began.
        assert decode(token, "access")["jti"] == f"{0:032x}"
    with pytest.raises(InvalidToken, match="iss"):
        decode(token, "access")


def test_what_was_made_while_settings_changed_is_used_once(settings: Settings) -> None:
    settings.DJWTO_LEEWAY = 1

    def meanwhile() -> Any:
        settings.DJWTO_LEEWAY = 2
        return rules()

    with patch.object(verified, "rules", meanwhile):
        between = verifier()
    assert verifier() is not between
    assert verifier() is verifier()


def test_it_is_so_where_they_have_been_changed_back_since(settings: Settings) -> None:
    settings.DJWTO_LEEWAY = 1
    under = in_force()

    def meanwhile() -> Any:
        settings.DJWTO_LEEWAY = 2
        return rules()

    with patch.object(verified, "rules", meanwhile):
        assert under.verifier().leeway == 2
    settings.DJWTO_LEEWAY = 1
    assert in_force() is under
    assert under.verifier().leeway == 1
    assert under.verifier() is under.verifier()


@pytest.mark.parametrize(("levels", "verified_again"), [(20, 0), (21, 3), (500, 3)])
def test_claims_in_many_levels_are_not_kept(levels: int, verified_again: int) -> None:
    claims = decode(live(), "access")
    deep: dict[str, Any] = {}
    for _ in range(levels - 2):
        deep = {"deep": deep}
    token = encode(claims | {"deep": deep})
    with counted() as asked:
        assert decode(token, "access") == claims | {"deep": deep}
        for _ in range(3):
            assert decode(token, "access") == claims | {"deep": deep}
    assert asked.call_count == 1 + verified_again


HOOK = "djwto.spec_tests.core.hooks.two_perms"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "set_",
    [
        {},
        {"DJWTO_ISS_CLAIM": "iss", "DJWTO_SUB_CLAIM": "sub", "DJWTO_AUD_CLAIM": ["a", "b"]},
        {"DJWTO_NBF_LIFETIME": 5, "DJWTO_LEEWAY": 1},
        {"DJWTO_IAT_CLAIM": False, "DJWTO_ACCESS_TOKEN_LIFETIME": None},
        {"DJWTO_SESSION_MAX_AGE": None, "DJWTO_REFRESH_TOKEN_LIFETIME": None},
        {"DJWTO_STRICT": True},
        {"DJWTO_PROCESS_PERMS": HOOK},
    ],
    ids=str,
)
def test_a_login_remembers_of_its_tokens_what_a_fresh_look_says(
    set_: dict[str, Any], settings: Settings
) -> None:
    for name, value in set_.items():
        setattr(settings, name, value)
    live = session()
    for type_, token in (("access", live.access), ("refresh", live.refresh)):
        assert token is not None
        with counted() as asked:
            remembered = outcome(decode, token, type_)
        assert asked.call_count == ("DJWTO_NBF_LIFETIME" in set_)
        assert remembered == outcome(Verifier().verify, token, type_)
        for shift in (0, 5, 301, 86_400, 40 * 86_400):
            with time_machine.travel(time.time() + shift, tick=False):
                fresh = outcome(Verifier().verify, token, type_)
                assert outcome(decode, token, type_) == fresh


@pytest.mark.django_db
def test_a_session_that_has_ended_is_refused_however_often_its_token_was_seen(
    settings: Settings,
) -> None:
    settings.DJWTO_CHECK_ACCESS = True
    live = session()
    for _ in range(3):
        assert api.send(api.VALIDATE_ACCESS, live.access, as_refresh=False).status == 200
    assert api.send(api.LOGOUT, live.refresh).status == 200
    assert api.send(api.VALIDATE_ACCESS, live.access, as_refresh=False).status == 401
