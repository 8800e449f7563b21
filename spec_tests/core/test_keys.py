"""What is done beside PyJWT, for the sake of time, has the outcome of what PyJWT does."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from djwto.jose import _JWS
from djwto.keys import key_ring
from djwto.spec_tests.core.keys_for_tests import private_pem
from djwto.tokens import encode

ENCODED = st.binary(max_size=40).map(base64.urlsafe_b64encode)
NEARLY = st.builds(
    lambda text, at, other: text[:at] + other + text[at + 1 :],
    ENCODED.map(lambda text: text.rstrip(b"=")),
    st.integers(0, 60),
    st.sampled_from([b"", b"=", b"==", b"+", b"/", b"_", b"-", b" ", b"\n", b"B", b".", b"\xff"]),
)


def outcome(decode: Callable[[bytes, str], bytes], segment: bytes) -> bytes | str:
    try:
        return decode(segment, "payload")
    except jwt.DecodeError as error:
        return str(error)


@given(ENCODED | NEARLY | st.binary(max_size=12))
@example(b"")
@example(b"A")
@example(b"AB")
@example(b"QQ==")
@example(b"QQ=")
@example(b"QUI+")
@example(b"QU\nJC")
def test_a_segment_is_decoded_or_refused_as_by_pyjwt_which_takes_padding_too(
    segment: bytes,
) -> None:
    expected = outcome(jwt.PyJWS._decode_base64url_segment, segment)
    if segment.endswith(b"="):
        expected = "Invalid payload padding"
    assert outcome(_JWS._decode_base64url_segment, segment) == expected


CLAIMS = {"jti": "a", "user": {"name": 'Zoë "Z"', "perms": ["a.b"]}, "exp": 2_000_000_000}


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("HS256", None),
        ("HS384", None),
        ("HS512", None),
        ("RS256", rsa.generate_private_key(65537, 2048)),
        ("PS256", rsa.generate_private_key(65537, 2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)
def test_a_token_is_what_pyjwt_makes_of_its_claims(
    algorithm: str, key: Any, settings: Settings
) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    settings.DJWTO_SIGNING_KEY = private_pem(key) if key else "key " * 20
    (keys,) = key_ring().keys
    signed = encode(CLAIMS)
    expected = jwt.encode(CLAIMS, keys.signing, algorithm=algorithm)
    if algorithm in {"PS256", "ES256"}:
        # Another signature each time.
        signed_part, expected_part = (token.rpartition(".")[0] for token in (signed, expected))
        assert signed_part == expected_part
    else:
        assert signed == expected
    assert jwt.decode(signed, keys.verifying, algorithms=[algorithm]) == CLAIMS
