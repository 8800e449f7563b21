"""The key that signs and the key that verifies, each parsed once per value, not per request."""

from __future__ import annotations

import binascii
import hmac
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_decode, base64url_encode

from djwto.conf import settings

ENVIRONMENT_VARIABLE = "DJWTO_SIGNING_KEY"


_json = json.JSONEncoder(separators=(",", ":")).encode


def _segment(part: Mapping[str, Any]) -> bytes:
    return base64url_encode(_json(part).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """What PyJWT signs and verifies with: parsed key objects, or the same bytes twice for HMAC."""

    algorithm: str
    signing: Any
    verifying: Any
    codec: jwt.PyJWT
    """PyJWT, which takes these keys as they are."""
    header: bytes
    """The JOSE header of each token that is signed (RFC 7515 section 4), encoded."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The claims in the compact form (RFC 7515 section 3.1)."""
        message = self.header + b"." + _segment(claims)
        signer = self.codec._jws.get_algorithm_by_name(self.algorithm)
        return (message + b"." + base64url_encode(signer.sign(message, self.signing))).decode()


class _PreparedHMAC(HMACAlgorithm):
    """HMAC for a key that `_parse_one` has looked at.

    PyJWT looks with every token whether the key might be a certificate, and has Python compute
    what OpenSSL does in one call: a third of the time in which it verifies a token.
    """

    def __init__(self, known: HMACAlgorithm) -> None:
        super().__init__(known.hash_alg)
        self.hash_name = known.hash_alg().name

    def prepare_key(self, key: str | bytes) -> bytes:
        assert isinstance(key, bytes)
        return key

    def sign(self, msg: bytes, key: bytes) -> bytes:
        return hmac.digest(key, msg, self.hash_name)


class _JWS(jwt.PyJWS):
    """PyJWS, which decodes what is base64url as a whole, and looks at each character of the rest.

    Of a token that it verifies with HMAC the looking takes PyJWT more than half of the time.
    """

    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        with suppress(binascii.Error):
            decoded = base64url_decode(segment)
            # Nothing that is not base64url is ever encoded to.
            if base64url_encode(decoded) == segment:
                return decoded
        return jwt.PyJWS._decode_base64url_segment(segment, name)


def _codec(algorithm: str) -> jwt.PyJWT:
    codec = jwt.PyJWT()
    # No public names; a PyJWT that had others would do all of this as it does by itself.
    codec._jws = _JWS(algorithms=[algorithm])
    known = jwt.get_algorithm_by_name(algorithm)
    if isinstance(known, HMACAlgorithm):
        codec._jws.unregister_algorithm(algorithm)
        codec._jws.register_algorithm(algorithm, _PreparedHMAC(known))
    return codec


def is_symmetric(algorithm: str) -> bool:
    """Whether whoever can verify with this algorithm can sign too (RFC 7518 section 3.2)."""
    return algorithm.startswith("HS")


def signing_key() -> str | bytes | None:
    """The key as it was given: from the setting, else the environment, else from SECRET_KEY.

    The last is for HMAC only; an asymmetric algorithm has no key to derive, and this is None.
    """
    given = settings.signing_key or os.environ.get(ENVIRONMENT_VARIABLE)
    if given or not is_symmetric(settings.algorithm):
        return given
    return _derived(django_settings.SECRET_KEY)


@lru_cache(maxsize=8)
def _derived(secret: str) -> bytes:
    return salted_hmac("djwto.keys.signing_key", "", secret, algorithm="sha512").digest()


def key_pair() -> KeyPair:
    """The keys in force. Raises ImproperlyConfigured with the words that `check` uses."""
    return _parse(settings.algorithm, signing_key(), settings.verifying_key)


@lru_cache(maxsize=8)
def _parse(algorithm: str, signing: str | bytes | None, verifying: str | bytes | None) -> KeyPair:
    if signing is None:
        raise ImproperlyConfigured(
            f"DJWTO_SIGNING_KEY is not set; {algorithm} needs a private key in PEM format, "
            f"in this setting or in the environment variable {ENVIRONMENT_VARIABLE}."
        )
    if is_symmetric(algorithm) and verifying is not None:
        raise ImproperlyConfigured(
            f"DJWTO_VERIFYING_KEY is set; with {algorithm} every holder of it can forge tokens. "
            "Remove it, or choose an asymmetric DJWTO_ALGORITHM such as ES256."
        )
    parsed = _parse_one("DJWTO_SIGNING_KEY", algorithm, signing)
    public = parsed if is_symmetric(algorithm) else _public_half(algorithm, parsed, verifying)
    return KeyPair(
        algorithm=algorithm,
        signing=parsed,
        verifying=public,
        codec=_codec(algorithm),
        header=_segment({"alg": algorithm, "typ": "JWT"}),
    )


def _public_half(algorithm: str, parsed: Any, verifying: str | bytes | None) -> Any:
    if not hasattr(parsed, "public_key"):
        raise ImproperlyConfigured(
            "DJWTO_SIGNING_KEY holds a public key; put the private key there, "
            "and the public one in DJWTO_VERIFYING_KEY."
        )
    public = (
        parsed.public_key()
        if verifying is None
        else _parse_one("DJWTO_VERIFYING_KEY", algorithm, verifying)
    )
    if hasattr(public, "public_key"):
        raise ImproperlyConfigured(
            "DJWTO_VERIFYING_KEY holds a private key; put its public half there."
        )
    if public != parsed.public_key():
        raise ImproperlyConfigured(
            "DJWTO_VERIFYING_KEY is not the public half of DJWTO_SIGNING_KEY; "
            "remove it, and it is taken from the signing key."
        )
    return public


def _parse_one(setting: str, algorithm: str, key: str | bytes) -> Any:
    try:
        return jwt.get_algorithm_by_name(algorithm).prepare_key(key)
    # PyJWT and the parsers under it have many ways to say that they cannot read a key.
    except Exception as error:
        raise ImproperlyConfigured(
            f"{setting} does not fit DJWTO_ALGORITHM {algorithm}: {error}"
        ) from error
