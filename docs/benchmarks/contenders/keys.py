"""A key for each algorithm, in the form that settings take."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@cache
def pair(algorithm: str) -> tuple[str, str | None]:
    """What signs, and what verifies; the second is None where the first does both."""
    if algorithm.startswith("HS"):
        return "0123456789abcdef" * 4, None
    key = (
        rsa.generate_private_key(65537, 2048)
        if algorithm.startswith("RS")
        else ec.generate_private_key(ec.SECP256R1())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
