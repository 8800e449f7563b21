"""Key pairs in PEM format, made anew in each run."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def private_pem(key: Any) -> str:
    """A private key as a setting holds it."""
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def public_pem(key: Any) -> str:
    """A public key, or the public half of a private one, as a setting holds it."""
    public = key.public_key() if hasattr(key, "public_key") else key
    pem: bytes = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


_ec = ec.generate_private_key(ec.SECP256R1())
EC_PRIVATE = private_pem(_ec)
EC_PUBLIC = public_pem(_ec)
OTHER_EC_PUBLIC = public_pem(ec.generate_private_key(ec.SECP256R1()))
RSA_PRIVATE = private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
SHORT_RSA = private_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))
