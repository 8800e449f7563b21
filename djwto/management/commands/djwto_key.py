"""`manage.py djwto_key new|list`: makes a key for DJWTO_KEYS, or tells of those in force."""

from __future__ import annotations

import json
import math
import os
import secrets
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from djwto.exceptions import Disabled, KeysUnavailable
from djwto.jose import Key, hash_size, is_symmetric
from djwto.keys import WrongKeys, demand_algorithm, known_algorithms
from djwto.verified import verifier

RSA_BITS = 3072
CURVES = {"ES256": "SECP256R1", "ES256K": "SECP256K1", "ES384": "SECP384R1", "ES512": "SECP521R1"}
CURVES["ES521"] = CURVES["ES512"]


class Command(BaseCommand):
    help = "Makes a key for DJWTO_KEYS (new), or tells of the keys in force (list)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="new|list")
        new = actions.add_parser("new", help="prints an entry for DJWTO_KEYS with a new key")
        new.add_argument(
            "--algorithm",
            default="ES256",
            help=f"one of {', '.join(known_algorithms())}; ES256 if none is given",
        )
        new.add_argument("--kid", help="its name; the date and a random word if none is given")
        new.add_argument(
            "--file", type=Path, help="where to write the key, for its owner alone to read"
        )
        actions.add_parser("list", help="the keys in force, without what is secret of them")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "new":
            self._new(options["algorithm"], options["kid"], options["file"])
        else:
            self._list()

    def _new(self, algorithm: str, kid: str | None, file: Path | None) -> None:
        try:
            demand_algorithm("--algorithm", algorithm)
        except WrongKeys as error:
            raise CommandError(str(error)) from error
        key = new_key(algorithm)
        kid = kid or f"{datetime.now(timezone.utc):%Y-%m-%d}-{secrets.token_hex(3)}"
        if file is not None:
            _write(file, key)
            held = f"Path({json.dumps(str(file))}).read_text()"
        else:
            held = f'"""{key}"""' if "\n" in key else f'"{key}"'
        self.stdout.write(
            f'{{\n    "kid": {json.dumps(kid)},\n    "algorithm": "{algorithm}",\n'
            f'    "key": {held},\n}},'
        )

    def _list(self) -> None:
        try:
            ring = verifier().keys
        except (ImproperlyConfigured, KeysUnavailable) as error:
            raise CommandError(str(error)) from error
        signer = None
        with suppress(KeysUnavailable, Disabled):
            signer = ring.signer()
        for key in ring.keys:
            use = "ended" if key.is_over() else "signs" if key is signer else "verifies"
            name = "(no kid)" if key.kid is None else key.kid
            self.stdout.write(f"{name:24} {key.algorithm:8} {use:9} {_until(key)}")


def _write(file: Path, key: str) -> None:
    try:
        # Never over another key, and for nobody else's eyes from the first byte on.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(key)
    except OSError as error:
        raise CommandError(f"{file} was not written: {error.strerror}.") from error


def _until(key: Key) -> str:
    if key.not_after == math.inf:
        return "for good"
    return f"until {datetime.fromtimestamp(key.not_after, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def new_key(algorithm: str) -> str:
    """A new key for an algorithm: a private one in PEM format, or for HMAC a random text."""
    if is_symmetric(algorithm):
        return secrets.token_urlsafe(hash_size(algorithm))
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    private: Any
    if algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    elif algorithm in CURVES:
        private = ec.generate_private_key(getattr(ec, CURVES[algorithm])())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem: bytes = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()
