"""Finds keys that do not fit, are too weak or about to end, when the project starts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import timedelta

import jwt
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_bytes
from django.utils.version import get_version_tuple

from djwto.conf import NOT_GIVEN, given, settings
from djwto.exceptions import Disabled, KeysUnavailable
from djwto.jose import Key, hash_size, is_symmetric
from djwto.keys import KeyRing, WrongKeys, is_derived, key_ring

LEAST_RSA_BITS = 2048
SAFE_PYJWT = (2, 13)


def keys() -> Iterator[CheckMessage]:
    """What is wrong with the keys, however they are given, and with what signs with them."""
    if get_version_tuple(jwt.__version__) < SAFE_PYJWT:
        yield Warning(
            f"PyJWT is {jwt.__version__}, in which a public key may pass as a secret, and an "
            "unknown critical header is ignored (CVE-2026-48526, CVE-2026-32597). Upgrade it to "
            f"{'.'.join(map(str, SAFE_PYJWT))} or later.",
            id="djwto.W089",
        )
    if not _can_be_made():
        return
    if settings.keys is not None:
        yield from _given_twice()
    else:
        for name, value in (
            ("DJWTO_SIGNING_KEY", settings.signing_key),
            ("DJWTO_VERIFYING_KEY", settings.verifying_key),
        ):
            if value is not None and not isinstance(value, (str, bytes)):
                yield Error(
                    f"{name} is of type {type(value).__name__}; expected a text or bytes.",
                    id="djwto.E002",
                )
                return
    try:
        ring = key_ring()
    except WrongKeys as error:
        yield Error(str(error), id=error.check_id)
    except KeysUnavailable as error:
        yield Error(f"{error} Nobody can log in or be let in meanwhile.", id="djwto.E073")
    else:
        for name, key in _names(ring):
            yield from _weakness(name, key)
        yield from _ends(ring)


def keys_deploy() -> Iterator[CheckMessage]:
    """What may be meant of the keys, but not overlooked."""
    if not _can_be_made():
        return
    try:
        signer = key_ring().signer()
    # What is wrong in any case is for `keys`.
    except (ImproperlyConfigured, KeysUnavailable, Disabled):
        return
    audience = settings.aud_claim
    if is_derived() and isinstance(audience, (list, tuple)) and len(audience) > 1:
        yield Warning(
            "Tokens for several services (DJWTO_AUD_CLAIM) are signed with a key derived from "
            "SECRET_KEY: each that verifies them needs a key that forges them. Give them a "
            "public one: manage.py djwto_key new --algorithm ES256.",
            id="djwto.W075",
        )
    lifetime = settings.refresh_token_lifetime
    # One without end is outlived by no key that has one.
    seconds = lifetime.total_seconds() if isinstance(lifetime, timedelta) else math.inf
    if signer.not_after < time.time() + seconds:
        yield Warning(
            f"The key that signs, {_called(signer)}, ends before the refresh tokens that it signs "
            "now (DJWTO_REFRESH_TOKEN_LIFETIME): their holders will be logged out. Put a new key "
            "before it in DJWTO_KEYS.",
            id="djwto.W076",
        )


def _can_be_made() -> bool:
    """Whether it is known for how long they may be kept; E075 tells where it is not."""
    return isinstance(settings.keys_max_age, (int, timedelta))


def _called(key: Key) -> str:
    return "the one without a kid" if key.kid is None else repr(key.kid)


def _names(ring: KeyRing) -> Iterator[tuple[str, Key]]:
    """What to call each key in a message."""
    for at, key in enumerate(ring.keys):
        yield "DJWTO_SIGNING_KEY" if settings.keys is None else f"DJWTO_KEYS[{at}]", key


def _weakness(name: str, key: Key) -> Iterator[CheckMessage]:
    algorithm = key.algorithm
    if is_symmetric(algorithm):
        needed = hash_size(algorithm)
        if len(key.signing) < needed:
            yield Error(
                f"{name} has {len(key.signing)} bytes; {algorithm} needs at least {needed}. "
                'Make one with: python -c "import secrets; '
                f'print(secrets.token_urlsafe({needed}))".',
                id="djwto.E001",
            )
        elif force_bytes(key.signing) == force_bytes(django_settings.SECRET_KEY):
            yield Warning(
                f"{name} equals SECRET_KEY: whoever is given it to verify tokens can forge "
                "sessions and password resets. Remove it, and a key of its own is derived.",
                id="djwto.W001",
            )
    # Those of RSA alone come in any size (RFC 7518 sections 3.3 and 3.5).
    elif algorithm[:2] in {"RS", "PS"} and key.verifying.key_size < LEAST_RSA_BITS:
        yield Error(
            f"{name} has {key.verifying.key_size} bits; {algorithm} needs at least "
            f"{LEAST_RSA_BITS}. Make one with: manage.py djwto_key new --algorithm {algorithm}.",
            id="djwto.E001",
        )


def _ends(ring: KeyRing) -> Iterator[CheckMessage]:
    try:
        ring.signer()
    except KeysUnavailable as error:
        yield Error(
            f"{error} Nobody can log in. Put a new key at the head of the list.", id="djwto.E073"
        )
    # A service that verifies tokens, and issues none.
    except Disabled:
        return


def _given_twice() -> Iterator[CheckMessage]:
    others = ("DJWTO_SIGNING_KEY", "DJWTO_VERIFYING_KEY", "DJWTO_ALGORITHM")
    also = [name for name in others if given(name) not in (NOT_GIVEN, None)]
    if also:
        yield Error(
            f"DJWTO_KEYS is set, and so {'are' if also[1:] else 'is'} {', '.join(also)}, which "
            "would have no effect. Move the old key to the end of DJWTO_KEYS, without a kid, "
            "and remove the rest.",
            id="djwto.E074",
        )
