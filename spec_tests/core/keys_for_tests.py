"""Key pairs in PEM format, made anew in each run."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def _private(key: Any) -> str:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def _public(key: Any) -> str:
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


_ec = ec.generate_private_key(ec.SECP256R1())
EC_PRIVATE = _private(_ec)
EC_PUBLIC = _public(_ec)
OTHER_EC_PUBLIC = _public(ec.generate_private_key(ec.SECP256R1()))
RSA_PRIVATE = _private(rsa.generate_private_key(public_exponent=65537, key_size=2048))
