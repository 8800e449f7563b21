"""Finds a change-over that is wrong, one that is over, and keys that cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_bytes

from djwto.exceptions import KeysUnavailable
from djwto.jose import hash_size, is_symmetric
from djwto.keys import key_ring
from djwto.simplejwt import setting
from djwto.simplejwt.setting import NAME


def change_over() -> Iterator[CheckMessage]:
    """What is wrong with `DJWTO_ACCEPT_SIMPLEJWT`."""
    try:
        over = setting.change_over()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="djwto.E055")
        return
    if over is None:
        return
    if over.key.is_over():
        yield Warning(
            f"UNTIL of {NAME} has passed: no token of simplejwt is taken any more. Remove the "
            "setting.",
            id="djwto.W056",
        )
    verifying, algorithm = over.key.verifying, over.key.algorithm
    if not is_symmetric(algorithm):
        return
    if len(verifying) < hash_size(algorithm):
        yield Error(
            f"SIGNING_KEY of {NAME} has {len(verifying)} bytes; {algorithm} needs at least "
            f"{hash_size(algorithm)}. Whoever finds it is let in as anybody: remove the setting, "
            "and users log in anew.",
            id="djwto.E057",
        )
    try:
        ours = key_ring().keys
    # What is wrong with them is for other checks.
    except (ImproperlyConfigured, KeysUnavailable):
        return
    if any(is_symmetric(k.algorithm) and force_bytes(k.verifying) == verifying for k in ours):
        yield Error(
            f"SIGNING_KEY of {NAME} is one of djwto's own keys, too. Let djwto have another, that "
            "no token can pass for both: remove DJWTO_SIGNING_KEY, and one is derived, or make "
            "one with manage.py djwto_key new.",
            id="djwto.E058",
        )
