"""TOK-17 and TOK-18: keys with names, which rotate with nobody logged out, and are withdrawn."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from djwto import keys as keys_module
from djwto.exceptions import InvalidToken, KeysUnavailable
from djwto.jose import prepared
from djwto.keys import key_ring
from djwto.spec_tests import api
from djwto.spec_tests.core import hooks
from djwto.spec_tests.core.alice import (
    ACCESS_VIEW,
    CREDENTIALS,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.core.keys_for_tests import EC_PRIVATE, EC_PUBLIC, private_pem, public_pem
from djwto.spec_tests.core.tokens_by_hand import by_hand, good
from djwto.spec_tests.profile import search
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import decode, encode

NOW = 1_800_000_000

OLD = {"kid": "old", "algorithm": "HS256", "key": "an old key " * 4}
NEW = {"kid": "new", "algorithm": "ES256", "key": EC_PRIVATE}
UNNAMED = {"algorithm": "HS256", "key": "a key from before there were names " * 2}


def kid_of(text: str) -> str | None:
    found: str | None = jwt.get_unverified_header(text).get("kid")
    return found


def believed(text: str) -> bool:
    try:
        return bool(decode(text, "refresh"))
    except InvalidToken:
        return False


def signed_by(entry: dict[str, Any]) -> str:
    with override_settings(DJWTO_KEYS=[entry]):
        return encode(good())


@lru_cache
def pairs() -> dict[str, Any]:
    """A private key for each algorithm that has one."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        **dict.fromkeys(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], rsa_key),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "ES256K": ec.generate_private_key(ec.SECP256K1()),
        "ES384": ec.generate_private_key(ec.SECP384R1()),
        "ES512": ec.generate_private_key(ec.SECP521R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        "EdDSA of Ed448": ed448.Ed448PrivateKey.generate(),
    }


# TOK-17


@pytest.mark.clause("TOK-17")
def test_the_first_signs_and_says_so(settings: Settings) -> None:
    settings.DJWTO_KEYS = [NEW, OLD]
    text = encode(good(jti="ab" * 16))
    assert jwt.get_unverified_header(text) == {"alg": "ES256", "typ": "JWT", "kid": "new"}
    assert jwt.decode(text, EC_PUBLIC, algorithms=["ES256"])["jti"] == "ab" * 16
    settings.DJWTO_KEYS = [OLD, NEW]
    assert kid_of(encode(good())) == "old"


@pytest.mark.clause("TOK-17")
def test_a_key_without_a_kid_signs_as_that_of_the_setting_does(settings: Settings) -> None:
    settings.DJWTO_KEYS = [UNNAMED]
    by_list = encode(CLAIMS := good())
    del settings.DJWTO_KEYS
    settings.DJWTO_SIGNING_KEY = UNNAMED["key"]
    assert encode(CLAIMS) == by_list
    assert "kid" not in jwt.get_unverified_header(by_list)


@pytest.mark.clause("TOK-17")
@pytest.mark.parametrize("as_object", [False, True])
@pytest.mark.parametrize("name", sorted(pairs()))
def test_each_algorithm_signs_and_its_public_half_verifies(
    name: str, as_object: bool, settings: Settings
) -> None:
    private = pairs()[name]
    algorithm = name.partition(" ")[0]
    entry = {"kid": "a", "algorithm": algorithm}
    settings.DJWTO_KEYS = [{**entry, "key": private if as_object else private_pem(private)}]
    text = encode(good())
    public = private.public_key()
    settings.DJWTO_KEYS = [{**entry, "key": public if as_object else public_pem(public)}]
    assert believed(text)
    assert not believed(text[:-8] + "AAAAAAAA")


@pytest.mark.clause("TOK-17")
@pytest.mark.parametrize("later", [-1, 0, 1])
@pytest.mark.parametrize("leeway", [0, 30])
@pytest.mark.parametrize(
    "end", [NOW + 60, datetime.fromtimestamp(NOW + 60, timezone(timedelta(hours=5)))]
)
def test_a_key_is_good_until_its_not_after_to_the_second_seen_before_or_not(
    end: Any, leeway: int, later: int, settings: Settings
) -> None:
    settings.DJWTO_LEEWAY = leeway
    with time_machine.travel(NOW, tick=False) as clock:
        settings.DJWTO_KEYS = [NEW, OLD | {"not_after": end}]
        text = signed_by(OLD)
        assert believed(text)
        clock.shift(60 + later)
        assert believed(text) is (later < 0)
        settings.DJWTO_VERIFIED_TOKENS = 0
        assert believed(text) is (later < 0)


@pytest.mark.clause("TOK-17")
@pytest.mark.parametrize("way", ["another list", "in its place", "the key alone", "an empty name"])
@pytest.mark.case(112)
def test_a_key_that_is_withdrawn_is_good_no_more_from_the_next_request_on(
    way: str, settings: Settings
) -> None:
    listed: list[dict[str, Any]] = [dict(NEW), dict(OLD)]
    settings.DJWTO_KEYS = listed
    # As a project may say, which has no key of that kind any more.
    settings.DJWTO_SIGNING_KEY = None
    text = signed_by(OLD)
    assert believed(text)
    assert believed(text)
    if way == "another list":
        settings.DJWTO_KEYS = [NEW]
    elif way == "in its place":
        listed.pop()
    elif way == "the key alone":
        listed[1]["key"] = "yet another key " * 3
    else:
        listed[1]["kid"] = "x"
    assert not believed(text)
    assert believed(encode(good()))


@pytest.mark.clause("TOK-17")
def test_no_token_chooses_another_key_or_algorithm_than_the_named_one(settings: Settings) -> None:
    settings.DJWTO_KEYS = [NEW, OLD]
    for kid, algorithm, key in (
        ("old", "HS256", "guessed " * 5),
        ("new", "HS256", OLD["key"]),
        ("old", "HS512", OLD["key"]),
        ("new", "HS256", EC_PUBLIC),
        (None, "HS256", OLD["key"]),
        (None, "ES256", EC_PRIVATE),
        ("absent", "HS256", OLD["key"]),
        ("../old", "HS256", OLD["key"]),
        ("old\0", "HS256", OLD["key"]),
        ("OLD", "HS256", OLD["key"]),
        ("/dev/null", "HS256", ""),
        ("' OR 1=1 --", "HS256", OLD["key"]),
        ("http://127.0.0.1:1/key", "HS256", OLD["key"]),
    ):
        header = {"alg": algorithm, "typ": "JWT"} | ({} if kid is None else {"kid": kid})
        text = _forged(header, key)
        assert not believed(text), header
    assert believed(_forged({"alg": "HS256", "typ": "JWT", "kid": "old"}, OLD["key"]))
    # The same said in another order, which no key of ours has written.
    assert believed(_forged({"kid": "old", "alg": "HS256"}, OLD["key"]))


@pytest.mark.clause("TOK-17")
@pytest.mark.parametrize("kid", [None, 7, [], {}, True, ["old"]])
@pytest.mark.case(13)
def test_a_kid_that_is_no_text_is_refused(kid: Any, settings: Settings) -> None:
    settings.DJWTO_KEYS = [OLD, UNNAMED]
    assert not believed(_forged({"alg": "HS256", "kid": kid}, OLD["key"]))


def _forged(header: dict[str, Any], key: Any) -> str:
    """A token with this header; PyJWT would not sign each."""
    if header["alg"] == "ES256":
        return jwt.encode(good(), key, algorithm="ES256", headers=header)
    hash_ = f"sha{header['alg'].removeprefix('HS')}"
    return by_hand(header, good(), key=key.encode(), hash_=hash_)


ENTRIES = [
    {"kid": kid, "algorithm": algorithm, "key": f"{algorithm} {secret} " * 8}
    for kid in ("a", "b", None)
    for algorithm in ("HS256", "HS512")
    for secret in ("one", "two")
]
listings = st.lists(
    st.builds(
        lambda entry, end: entry | {"not_after": end},
        st.sampled_from(ENTRIES),
        st.none() | st.sampled_from([NOW - 1, NOW, NOW + 1, NOW + 10]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry["kid"],
)


def expected(entry: dict[str, Any], listing: list[dict[str, Any]], now: int) -> bool:
    """Whether a token that an entry signed is believed under a listing, by the book."""
    by_name = [each for each in listing if each["kid"] == entry["kid"]]
    asked = by_name or [each for each in listing if each["kid"] is None]
    return any(
        (each["algorithm"], each["key"]) == (entry["algorithm"], entry["key"])
        and (each["not_after"] is None or now < each["not_after"])
        for each in asked
    )


@pytest.mark.clause("TOK-17")
@search(examples=150)
@given(
    entry=st.sampled_from(ENTRIES),
    history=st.lists(st.tuples(listings, st.integers(0, 6)), min_size=1, max_size=4),
)
def test_whatever_becomes_of_the_list_a_token_is_believed_by_the_book(
    entry: dict[str, Any], history: list[tuple[list[dict[str, Any]], int]]
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        text = signed_by(entry)
        now = NOW
        for listing, wait in history:
            for step in (0, wait):
                clock.shift(step)
                now += step
                with override_settings(DJWTO_KEYS=listing):
                    assert believed(text) is expected(entry, listing, now)
                    # A second time, from what was remembered if it was.
                    assert believed(text) is expected(entry, listing, now)


class InADevice(ec.EllipticCurvePrivateKey):
    """A private key that nobody but its device sees: a service's client, in a project."""

    curve = ec.SECP256R1()
    key_size = 256

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        return pairs()["ES256"].sign(data, signature_algorithm)  # type: ignore[no-any-return]

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return pairs()["ES256"].public_key()  # type: ignore[no-any-return]

    def exchange(self, *args: Any) -> bytes:
        raise PermissionError

    private_numbers = private_bytes = exchange  # type: ignore[assignment]

    def __copy__(self) -> InADevice:
        return self

    def __deepcopy__(self, memo: object) -> InADevice:
        return self


@pytest.mark.clause("TOK-17")
def test_a_private_key_may_stay_in_its_device(settings: Settings) -> None:
    settings.DJWTO_KEYS = [{"kid": "device", "algorithm": "ES256", "key": InADevice()}]
    text = encode(good(jti="ab" * 16))
    assert believed(text)
    public = public_pem(pairs()["ES256"])
    assert jwt.decode(text, public, algorithms=["ES256"])["jti"] == "ab" * 16


# TOK-18


@pytest.mark.clause("TOK-18")
@pytest.mark.django_db
@each_mode
@pytest.mark.parametrize(
    "first", [{"DJWTO_SIGNING_KEY": UNNAMED["key"]}, {}, {"SECRET_KEY": "s" * 50}]
)
def test_keys_rotate_with_nobody_logged_out(
    first: dict[str, Any], mode: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    for name, value in first.items():
        setattr(settings, name, value)
    live = session()
    start = UNNAMED if "DJWTO_SIGNING_KEY" in first else {"algorithm": "HS256", "key": None}
    refresh, access, kids = token(live, "refresh"), token(live, "access"), []
    del settings.DJWTO_SIGNING_KEY
    for listing in (
        [start],
        # The new one is made known before anything is signed with it.
        [start, OLD],
        [OLD, start],
        [NEW, OLD],
        [NEW, OLD | {"not_after": int(time.time()) + 60}],
        [NEW],
    ):
        settings.DJWTO_KEYS = listing
        assert api.send(ACCESS_VIEW, access, method="get", as_refresh=False).status == 200
        assert api.send(api.VALIDATE_REFRESH, refresh).status == 200
        answer = api.send(api.UPDATE_REFRESH, refresh)
        assert answer.status == 200, listing
        refresh, access = token(answer, "refresh"), token(answer, "access")
        assert kid_of(refresh) == kid_of(access)
        kids.append(kid_of(access))
        assert api.claims_of(access)["jti"] == api.claims_of(token(live, "access"))["jti"]
    assert kids == [None, None, "old", "new", "new", "new"]
    assert api.send(api.LOGOUT, refresh).status == 200
    assert api.send(api.VALIDATE_REFRESH, refresh).status == 401


@pytest.mark.clause("TOK-18")
def test_the_derived_key_of_each_fallback_of_secret_key_verifies(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
    secrets = [f"{name} secret " * 5 for name in ("first", "second", "third")]
    tokens = []
    for secret in secrets:
        settings.SECRET_KEY = secret
        tokens.append(encode(good()))
    assert [believed(text) for text in tokens] == [False, False, True]
    # As in a process that was started since, and has derived none of the old.
    keys_module._derived.cache_clear()
    settings.SECRET_KEY_FALLBACKS = secrets[1::-1]
    assert [believed(text) for text in tokens] == [True, True, True]
    settings.SECRET_KEY_FALLBACKS = secrets[:1]
    assert [believed(text) for text in tokens] == [True, False, True]
    # Whoever has a key of their own has rotated it by other means.
    settings.DJWTO_SIGNING_KEY = "a key of its own " * 3
    assert [believed(text) for text in tokens] == [False, False, False]


# TOK-19


ENDPOINTS = [
    ("access", "post", api.VALIDATE_ACCESS),
    ("access", "get", ACCESS_VIEW),
    ("access", "get", "/access/async/"),
    ("refresh", "post", api.VALIDATE_REFRESH),
    ("refresh", "post", api.REFRESH_ACCESS),
    ("refresh", "post", api.UPDATE_REFRESH),
    ("refresh", "post", api.LOGOUT),
    ("refresh", "delete", api.LOGOUT),
    ("refresh", "post", api.LOGOUT_ALL),
]


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whose last element `hooks.vault` answers with, or raises; to be asked anew each time."""
    held: list[Any] = [[NEW, OLD]]
    monkeypatch.setattr(hooks, "VAULT", held)
    monkeypatch.setattr(keys_module, "_answered", None)
    return held


VAULT = "djwto.spec_tests.core.hooks.vault"


@pytest.mark.clause("TOK-19")
@pytest.mark.parametrize("source", [VAULT, hooks.vault])
def test_keys_come_from_what_is_called_for_them(
    source: Any, vault: list[Any], settings: Settings
) -> None:
    settings.DJWTO_KEYS = source
    settings.DJWTO_KEYS_MAX_AGE = 0
    text = encode(good())
    assert kid_of(text) == "new"
    vault.append([OLD])
    assert not believed(text)
    vault.append([NEW])
    assert believed(text)


@pytest.mark.clause("TOK-19")
def test_it_is_called_once_in_its_max_age(
    vault: list[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(keys_module, "monotonic", lambda: clock[0])
    settings.DJWTO_KEYS = VAULT
    settings.DJWTO_KEYS_MAX_AGE = timedelta(seconds=30)
    text = encode(good())
    vault.append([OLD])
    clock[0] += 29.9
    assert believed(text)
    clock[0] += 0.1
    assert not believed(text)
    # Another function is called at once.
    settings.DJWTO_KEYS = hooks.vault
    vault.append([NEW])
    assert believed(text)


@pytest.mark.clause("TOK-19")
@pytest.mark.django_db
@each_mode
@pytest.mark.parametrize("answer", [OSError("vault"), [], None, 7, [{}], [OLD | {"key": ""}]])
def test_while_it_has_no_keys_everything_is_answered_503_and_nothing_happens(
    answer: Any, mode: str, vault: list[Any], settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_KEYS = VAULT
    settings.DJWTO_KEYS_MAX_AGE = 0
    live = session()
    vault.append(answer)
    # For the log: what is wrong with it, and not only that something is.
    with pytest.raises(KeysUnavailable, match=r"^DJWTO_KEYS"):
        key_ring()
    with Recorder() as recorder:
        for type_, method, path in ENDPOINTS:
            sent = token(live, type_)
            refused = api.send(path, sent, method=method, as_refresh=type_ == "refresh")
            assert refused.status == 503, path
            assert refused.headers["Retry-After"] == "5"
            assert not refused.cookies
        assert api.log_in(**CREDENTIALS).status == 503
        assert names(recorder) == []
    vault.pop()
    assert api.send(api.UPDATE_REFRESH, token(live, "refresh")).status == 200


@pytest.mark.clause("TOK-19")
@pytest.mark.django_db
@each_mode
def test_with_no_key_left_that_signs_a_refresh_token_is_not_used_up(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    settings.DJWTO_KEYS = [NEW, OLD]
    live = session()
    refresh = token(live, "refresh")
    over = {"not_after": int(time.time()) - 1}
    settings.DJWTO_KEYS = [OLD | over, {**NEW, "key": EC_PUBLIC}]
    with Recorder() as recorder:
        for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
            assert api.send(path, refresh).status == 503
        assert api.log_in(**CREDENTIALS).status == 503
        assert names(recorder) == []
        assert api.send(api.VALIDATE_REFRESH, refresh).status == 200
    settings.DJWTO_KEYS = [NEW]
    assert api.send(api.UPDATE_REFRESH, refresh).status == 200


@pytest.mark.clause("TOK-17")
@pytest.mark.django_db
@each_mode
def test_a_service_with_public_keys_alone_verifies_and_issues_nothing(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REUSE_GRACE = 0
    settings.DJWTO_KEYS = [NEW]
    live = session()
    refresh, access = token(live, "refresh"), token(live, "access")
    settings.DJWTO_KEYS = [{**NEW, "key": EC_PUBLIC}]
    assert api.send(ACCESS_VIEW, access, method="get", as_refresh=False).status == 200
    for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        refused = api.send(path, refresh)
        assert (refused.status, refused.body) == (404, {"error": "Tokens are not issued here."})
    assert api.log_in(**CREDENTIALS).status == 404
    settings.DJWTO_KEYS = [NEW]
    assert api.send(api.UPDATE_REFRESH, refresh).status == 200


@pytest.mark.clause("TOK-9")
def test_each_key_of_the_list_is_parsed_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []

    def record(*args: Any) -> Any:
        parsed.append(args)
        return prepared(*args)

    monkeypatch.setattr(keys_module, "prepared", record)
    keys_module._parsed.cache_clear()
    for leeway in range(3):
        settings.DJWTO_KEYS = [dict(NEW), dict(OLD)]
        settings.DJWTO_LEEWAY = leeway
        assert believed(encode(good()))
    assert len(parsed) == 2


@pytest.mark.clause("TOK-17")
def test_what_one_of_the_keys_has_written_is_found_without_a_look_into_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_KEYS, settings.DJWTO_VERIFIED_TOKENS = [OLD, NEW, UNNAMED], 0
    known = [signed_by(entry) for entry in (OLD, NEW)]
    foreign = jwt.encode(good(), OLD["key"], "HS256", {"kid": "old", "extra": 1})
    assert [believed(text) for text in (*known, foreign)] == [True] * 3

    def look(text: str) -> Any:
        raise AssertionError(text)

    monkeypatch.setattr(jwt, "get_unverified_header", look)
    assert [believed(text) for text in known] == [True, True]
    with pytest.raises(AssertionError):
        believed(foreign)
