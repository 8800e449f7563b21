"""Signs and verifies with one key, by PyJWT: its outcomes, in less time (RFC 7515, RFC 7519)."""

from __future__ import annotations

import binascii
import hmac
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_decode, base64url_encode

_json = json.JSONEncoder(separators=(",", ":")).encode


def is_symmetric(algorithm: str) -> bool:
    """Whether whoever can verify with this algorithm can sign too (RFC 7518 section 3.2)."""
    return algorithm.startswith("HS")


def hash_size(algorithm: str) -> int:
    """Bytes of the hash of an HMAC algorithm, as many as its key needs (RFC 7518 section 3.2)."""
    return int(algorithm.removeprefix("HS")) // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key that is ready for use, with the one algorithm that it is for (RFC 8725 3.1)."""

    kid: str | None
    """Its name in the header of each token that it signs (RFC 7515 section 4.1.4)."""
    algorithm: str
    signing: Any
    """None where only the public half is known."""
    verifying: Any
    """For HMAC the same bytes."""
    not_after: float
    """When it is good no more, in epoch seconds; infinity if that is never."""
    codec: jwt.PyJWT
    """PyJWT, which takes these keys as they are."""
    header: bytes
    """The JOSE header of each token that is signed (RFC 7515 section 4), encoded."""

    def is_over(self) -> bool:
        """Whether it is good no more, from its `not_after` on."""
        return self.not_after <= time.time()

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The claims in the compact form (RFC 7515 section 3.1)."""
        message = self.header + b"." + _segment(claims)
        signer = self.codec._jws.get_algorithm_by_name(self.algorithm)
        return (message + b"." + base64url_encode(signer.sign(message, self.signing))).decode()


def made_key(
    algorithm: str,
    signing: Any,
    verifying: Any,
    *,
    kid: str | None = None,
    not_after: float = math.inf,
) -> Key:
    """A key of what `prepared` has made of its halves."""
    name = {} if kid is None else {"kid": kid}
    return Key(
        kid=kid,
        algorithm=algorithm,
        signing=signing,
        verifying=verifying,
        not_after=not_after,
        codec=_codec(algorithm),
        header=_segment({"alg": algorithm, "typ": "JWT"} | name),
    )


def prepared(algorithm: str, key: Any) -> Any:
    """A key as the algorithm takes it. Raises ValueError for one that does not fit."""
    try:
        return jwt.get_algorithm_by_name(algorithm).prepare_key(key)
    # PyJWT and the parsers under it have many ways to say that they cannot read a key.
    except Exception as error:
        raise ValueError(str(error)) from error


def _segment(part: Mapping[str, Any]) -> bytes:
    return base64url_encode(_json(part).encode())


class _PreparedHMAC(HMACAlgorithm):
    """HMAC for a key that `prepared` has looked at.

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
    """PyJWS, for which a token has one spelling: base64url without padding (RFC 7515 section 2).

    PyJWT takes padding too, and looks at each character of a segment, which is more than half of
    the time in which it verifies a token with HMAC.
    """

    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        try:
            decoded = base64url_decode(segment)
        except binascii.Error:
            decoded = None
        if decoded is None or base64url_encode(decoded) != segment:
            raise jwt.DecodeError(f"Invalid {name} padding")
        return decoded


def _codec(algorithm: str) -> jwt.PyJWT:
    codec = jwt.PyJWT()
    # No public names; a PyJWT that had others would do all of this as it does by itself.
    codec._jws = _JWS(algorithms=[algorithm])
    known = jwt.get_algorithm_by_name(algorithm)
    if isinstance(known, HMACAlgorithm):
        codec._jws.unregister_algorithm(algorithm)
        codec._jws.register_algorithm(algorithm, _PreparedHMAC(known))
    return codec
