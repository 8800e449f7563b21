"""The keys in force: the first signs, and whichever a token names verifies it (TOK-9, TOK-17)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from time import monotonic
from typing import Any

import jwt
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop
from jwt.algorithms import requires_cryptography

from djwto.conf import seconds, settings
from djwto.exceptions import Disabled, InvalidToken, KeysUnavailable
from djwto.jose import Key, is_symmetric, made_key, prepared

ENVIRONMENT_VARIABLE = "DJWTO_SIGNING_KEY"

MEMBERS = ("kid", "algorithm", "key", "not_after")

LONGEST_KID = 200

NOT_IN_USE = gettext_noop("The token is signed with a key that is not, or no more, in use.")


class WrongKeys(ImproperlyConfigured):
    """Settings that make no keys; `check_id` is that of the system check which finds it."""

    def __init__(self, message: str, check_id: str = "djwto.E002") -> None:
        super().__init__(message)
        self.check_id = check_id


class KeyRing:
    """Keys, of which the first one within its time signs (TOK-17)."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        self._able = tuple(key for key in self.keys if key.signing is not None)
        named = [key for key in self.keys if key.kid is not None]
        self._named: dict[str | None, tuple[Key, ...]] = {key.kid: (key,) for key in named}
        self._by_header: dict[bytes, tuple[Key, ...]] = {key.header: (key,) for key in named}
        self._unnamed = tuple(key for key in self.keys if key.kid is None)

    def signer(self) -> Key:
        """The key that signs now.

        Raises KeysUnavailable if the time of each is over, Disabled if none has a private half.
        """
        for key in self._able:
            if not key.is_over():
                return key
        if not self._able:
            raise Disabled("Tokens are not issued here.")
        raise KeysUnavailable(
            "The not_after of each key in DJWTO_KEYS that could sign has passed."
        )

    def of(self, token: str) -> tuple[Key, ...]:
        """The keys with one of which a token is signed, if with any: that which it names.

        Or those without a name, where it names none that there is. The name is looked for among
        those of the keys, and used for nothing else. Raises InvalidToken where no key is left, and
        what PyJWT raises of a header that it cannot read.
        """
        if not self._named:
            return self._unnamed
        header = token.partition(".")[0].encode("utf-8", "surrogatepass")
        # Without a look into what one of these keys has written itself.
        keys = self._by_header.get(header)
        if keys is None:
            kid = jwt.get_unverified_header(token).get("kid")
            keys = self._named.get(kid, self._unnamed)
        if not keys:
            raise InvalidToken(NOT_IN_USE)
        return keys


def key_ring() -> KeyRing:
    """The keys in force.

    Raises WrongKeys for settings that make none, with the words that `check` uses, and
    KeysUnavailable where that is the fault of what `DJWTO_KEYS` calls.
    """
    if settings.keys is None:
        return _single(settings.algorithm, settings.verifying_key)
    try:
        return KeyRing(_each(keys_given()))
    except WrongKeys as error:
        if is_called(settings.keys):
            raise KeysUnavailable(str(error)) from error
        raise


# What is given.


def signing_key() -> str | bytes | None:
    """`DJWTO_SIGNING_KEY`: from the setting, else the environment; None if it is in neither."""
    return settings.signing_key or os.environ.get(ENVIRONMENT_VARIABLE)


def is_derived() -> bool:
    """Whether tokens are signed with a key that is derived from SECRET_KEY."""
    return settings.keys is None and not signing_key() and is_symmetric(settings.algorithm)


@lru_cache(maxsize=8)
def _derived(secret: str) -> bytes:
    return salted_hmac("djwto.keys.signing_key", "", secret, algorithm="sha512").digest()


def is_called(keys: object) -> bool:
    """Whether this value of `DJWTO_KEYS` is what is called for the keys."""
    return isinstance(keys, str) or callable(keys)


def keys_given() -> Any:
    """What `DJWTO_KEYS` says now.

    Copied, so that a list that is changed in its place is seen to be another. Raises
    KeysUnavailable if what it calls for them raises.
    """
    given: Any = settings.keys
    if is_called(given):
        given = _answer(given)
    if isinstance(given, (list, tuple)):
        return [dict(each) if isinstance(each, Mapping) else each for each in given]
    return given


_answered: tuple[object, float, Any] | None = None


def are_to_be_called_for() -> bool:
    """Whether the next token waits for what `DJWTO_KEYS` calls, a file perhaps or a vault."""
    source = settings.keys
    return is_called(source) and _recent(source) is None


def _recent(source: object) -> tuple[object, float, Any] | None:
    """What was answered, where it was within the last `DJWTO_KEYS_MAX_AGE`; None else."""
    # Looked at once: another thread may put its own in between.
    answered = _answered
    is_recent = answered is not None and answered[0] == source and monotonic() < answered[1]
    return answered if is_recent else None


def _answer(source: str | Callable[[], Any]) -> Any:
    """What the function answers, or did within the last `DJWTO_KEYS_MAX_AGE`."""
    global _answered
    if (recent := _recent(source)) is not None:
        return recent[2]
    now = monotonic()
    try:
        function = import_string(source) if isinstance(source, str) else source
        answer = function()
    # A vault has as many ways to be out of reach as there are vaults.
    except Exception as error:
        raise KeysUnavailable(f"DJWTO_KEYS could not be called: {error!r}") from error
    _answered = source, now + seconds(settings.keys_max_age), answer
    return answer


# What is made of it.


def _single(algorithm: str, verifying: Any) -> KeyRing:
    """The ring of `DJWTO_SIGNING_KEY`, which has no name.

    Of those derived from SECRET_KEY that of each of SECRET_KEY_FALLBACKS is in it as well.
    """
    demand_algorithm("DJWTO_ALGORITHM", algorithm)
    if verifying is not None and is_symmetric(algorithm):
        raise WrongKeys(
            f"DJWTO_VERIFYING_KEY is set; with {algorithm} every holder of it can forge "
            "tokens. Remove it, or choose an asymmetric DJWTO_ALGORITHM such as ES256."
        )
    if is_derived():
        secrets = [django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS]
        return KeyRing(made_key(algorithm, key, key) for key in map(_derived, secrets))
    signing = signing_key()
    if signing is None:
        raise WrongKeys(
            f"DJWTO_SIGNING_KEY is not set; {algorithm} needs a private key in PEM format, "
            f"in this setting or in the environment variable {ENVIRONMENT_VARIABLE}."
        )
    private, public = _halves("DJWTO_SIGNING_KEY", "DJWTO_ALGORITHM", algorithm, signing)
    if private is None:
        raise WrongKeys(
            "DJWTO_SIGNING_KEY holds a public key; put the private key there, "
            "and the public one in DJWTO_VERIFYING_KEY."
        )
    if verifying is not None:
        other, given = _halves("DJWTO_VERIFYING_KEY", "DJWTO_ALGORITHM", algorithm, verifying)
        if other is not None:
            raise WrongKeys("DJWTO_VERIFYING_KEY holds a private key; put its public half there.")
        if given != public:
            raise WrongKeys(
                "DJWTO_VERIFYING_KEY is not the public half of DJWTO_SIGNING_KEY; "
                "remove it, and it is taken from the signing key."
            )
    return KeyRing([made_key(algorithm, private, public)])


def _each(given: Any) -> Iterator[Key]:
    """The keys of `DJWTO_KEYS`."""
    if not isinstance(given, list) or not given:
        raise WrongKeys(
            f"DJWTO_KEYS makes {type(given).__name__ if given else 'no keys'}; expected a list of "
            'keys, such as {"kid": "2026-11", "algorithm": "ES256", "key": …}. '
            "Make one with manage.py djwto_key new.",
            "djwto.E072",
        )
    names = set()
    for at, entry in enumerate(given):
        key = key_of(f"DJWTO_KEYS[{at}]", entry)
        if key.kid in names:
            name = "no kid" if key.kid is None else f"the kid {key.kid!r}"
            raise WrongKeys(
                f"DJWTO_KEYS[{at}] has {name}, as one before it; each needs a name of its own.",
                "djwto.E072",
            )
        names.add(key.kid)
        yield key


def key_of(where: str, entry: Any) -> Key:
    """The key of one entry of `DJWTO_KEYS`; `where` is what to call it. Raises WrongKeys."""
    if not isinstance(entry, dict) or "key" not in entry or set(entry) - set(MEMBERS):
        # Not quoted: there may be a key in it.
        raise WrongKeys(
            f"{where} is not a dict of key, algorithm, kid and not_after, of which the last two "
            "may be left out.",
            "djwto.E072",
        )
    kid = entry.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= LONGEST_KID):
        raise WrongKeys(
            f"{where} has the kid {kid!r}; expected a text of up to {LONGEST_KID} characters, "
            "or None for the key of tokens that name none.",
            "djwto.E072",
        )
    algorithm: Any = entry.get("algorithm")
    demand_algorithm(f"The algorithm of {where}", algorithm)
    material = entry["key"]
    if material is None and is_symmetric(algorithm):
        material = _derived(django_settings.SECRET_KEY)
    private, public = _halves(where, "its algorithm", algorithm, material)
    return made_key(
        algorithm, private, public, kid=kid, not_after=_not_after(where, entry.get("not_after"))
    )


def _not_after(where: str, value: Any) -> float:
    if value is None:
        return math.inf
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.timestamp()
    if type(value) is int and value >= 0:
        return value
    raise WrongKeys(
        f"The not_after of {where} is {value!r}; expected a datetime with a time zone, "
        "whole seconds since 1970, or None.",
        "djwto.E072",
    )


def known_algorithms() -> list[str]:
    """The algorithms that a key can be for, whether cryptography is installed or not."""
    return sorted({*jwt.algorithms.get_default_algorithms(), *requires_cryptography} - {"none"})


def demand_algorithm(name: str, algorithm: Any) -> None:
    """Raises WrongKeys for an algorithm that is not known, or not without cryptography."""
    if algorithm not in known_algorithms():
        raise WrongKeys(
            f"{name} is {algorithm!r}; expected one of {', '.join(known_algorithms())}.",
            "djwto.E005",
        )
    if not jwt.algorithms.has_crypto and not is_symmetric(algorithm):
        raise WrongKeys(
            f"{name} is {algorithm}, which needs the cryptography package: "
            "pip install djwto[crypto].",
            "djwto.E005",
        )


def _halves(where: str, what: str, algorithm: str, key: Any) -> tuple[Any, Any]:
    """The private half of a key, None if it is a public one, and the public half."""
    # Whatever else there is, such as a key of cryptography, needs no time to be parsed.
    parse = _parsed if isinstance(key, (str, bytes)) else prepared
    try:
        parsed = parse(algorithm, key)
    except ValueError as error:
        raise WrongKeys(f"{where} does not fit {what} {algorithm}: {error}") from error
    if is_symmetric(algorithm):
        return parsed, parsed
    if hasattr(parsed, "public_key"):
        return parsed, parsed.public_key()
    return None, parsed


@lru_cache(maxsize=32)
def _parsed(algorithm: str, key: str | bytes) -> Any:
    return prepared(algorithm, key)
