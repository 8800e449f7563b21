"""Finds wrong settings when the project starts: one check id for each way to be wrong."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_bytes
from django.utils.module_loading import import_string
from jwt.algorithms import requires_cryptography

from djwto.blacklist import load_backend
from djwto.conf import NAMES, seconds, settings
from djwto.keys import is_symmetric, key_pair
from djwto.transports import TRANSPORTS

LONGEST_LEEWAY = 600

_PATH = re.compile(r"[A-Za-z0-9._~/-]+")
_HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

HOOKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "DJWTO_PROCESS_CLAIMS": ("djwto.E031", "process_claims", ("user", "request", "type_")),
    "DJWTO_PROCESS_USER": ("djwto.E032", "process_user", ("user",)),
    "DJWTO_PROCESS_PERMS": ("djwto.E033", "process_perms", ("user",)),
    "DJWTO_USER_AUTHENTICATE": ("djwto.E034", "user_authenticate", ("request",)),
}


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Every check of djwto's own settings, the blacklist's aside."""
    checks = (_claims, _lifetimes, _keys, _transport, _hooks, _names)
    return [message for check in checks for message in check()]


def check_blacklist(**kwargs: Any) -> list[CheckMessage]:
    """Whether `DJWTO_BLACKLIST` makes a backend, and what that backend finds wrong itself."""
    try:
        return load_backend(settings.blacklist).check()
    # A constructor may raise anything: a missing client library, a bad URL, a typing slip.
    except Exception as error:
        reason = str(error) if isinstance(error, ImproperlyConfigured) else repr(error)
        return [Error(reason, id="djwto.E030")]


def check_blacklist_deploy(**kwargs: Any) -> list[CheckMessage]:
    """What the backend finds wrong with its store, for `check --deploy`."""
    try:
        return load_backend(settings.blacklist).check_deploy()
    except Exception:
        # check_blacklist() has said so.
        return []


def _expected(name: str, expected: str, check_id: str) -> Error:
    value = getattr(django_settings, name)
    return Error(f"{name} is {value!r}; expected {expected}.", id=check_id)


def _claims() -> Iterator[CheckMessage]:
    text = 'a text that is not empty, such as "shop.example", or None'
    for name, value, check_id in (
        ("DJWTO_ISS_CLAIM", settings.iss_claim, "djwto.E006"),
        ("DJWTO_SUB_CLAIM", settings.sub_claim, "djwto.E007"),
    ):
        if value is not None and not (isinstance(value, str) and value):
            yield _expected(name, text, check_id)
    audience = settings.aud_claim
    members = audience if isinstance(audience, list) else [audience]
    if audience is not None and not (members and all(isinstance(m, str) and m for m in members)):
        yield _expected("DJWTO_AUD_CLAIM", f"{text}, or a list of such texts", "djwto.E008")
    if not isinstance(settings.iat_claim, bool):
        yield _expected("DJWTO_IAT_CLAIM", "True or False", "djwto.E009")
    if settings.jti_claim is not True:
        yield Error(
            f"DJWTO_JTI_CLAIM is {settings.jti_claim!r}; without jti no token can be revoked "
            "and logout cannot work. Remove the setting.",
            id="djwto.E004",
        )


def _lifetimes() -> Iterator[CheckMessage]:
    lifetimes = {
        "DJWTO_ACCESS_TOKEN_LIFETIME": (settings.access_token_lifetime, "djwto.E021"),
        "DJWTO_REFRESH_TOKEN_LIFETIME": (settings.refresh_token_lifetime, "djwto.E022"),
    }
    valid = True
    for name, (lifetime, check_id) in lifetimes.items():
        if lifetime is not None and not (
            isinstance(lifetime, timedelta) and lifetime >= timedelta(seconds=1)
        ):
            valid = False
            yield _expected(
                name, "a timedelta of a second or more, or None for no expiry", check_id
            )
    refresh = settings.refresh_token_lifetime
    access = settings.access_token_lifetime
    if valid and refresh is not None and (access is None or access > refresh):
        yield Error(
            "DJWTO_ACCESS_TOKEN_LIFETIME is longer than DJWTO_REFRESH_TOKEN_LIFETIME; "
            "the access token is the one to be short-lived. Exchange the two.",
            id="djwto.E024",
        )
    nbf = settings.nbf_lifetime
    life = refresh if valid and refresh is not None else timedelta(days=365)
    if nbf is not None and not (_is_duration(nbf) and seconds(nbf) < seconds(life)):
        yield _expected(
            "DJWTO_NBF_LIFETIME",
            "a timedelta shorter than DJWTO_REFRESH_TOKEN_LIFETIME, or 0 for none",
            "djwto.E023",
        )
    if not _is_duration(settings.leeway) or seconds(settings.leeway) > LONGEST_LEEWAY:
        yield _expected(
            "DJWTO_LEEWAY",
            f"a timedelta or whole seconds between 0 and {LONGEST_LEEWAY}",
            "djwto.E029",
        )
    if not isinstance(settings.allow_refresh_update, bool):
        yield _expected("DJWTO_ALLOW_REFRESH_UPDATE", "True or False", "djwto.E020")


def _is_duration(value: object) -> bool:
    if isinstance(value, timedelta):
        return value >= timedelta(0)
    return type(value) is int and value >= 0


def _keys() -> Iterator[CheckMessage]:
    known = sorted(set(jwt.algorithms.get_default_algorithms()) | requires_cryptography)
    known.remove("none")
    algorithm = settings.algorithm
    if algorithm not in known:
        yield _expected("DJWTO_ALGORITHM", f"one of {', '.join(known)}", "djwto.E005")
        return
    if not jwt.algorithms.has_crypto and not is_symmetric(algorithm):
        yield Error(
            f"DJWTO_ALGORITHM {algorithm} needs the cryptography package: "
            "pip install djwto[crypto].",
            id="djwto.E005",
        )
        return
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
        keys = key_pair()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="djwto.E002")
        return
    if is_symmetric(algorithm):
        # RFC 7518 section 3.2: a key no shorter than the hash.
        needed = int(algorithm[2:]) // 8
        if len(keys.signing) < needed:
            yield Error(
                f"DJWTO_SIGNING_KEY has {len(keys.signing)} bytes; {algorithm} needs at least "
                f'{needed}. Make one with: python -c "import secrets; '
                f'print(secrets.token_urlsafe({needed}))".',
                id="djwto.E001",
            )
        elif force_bytes(keys.signing) == force_bytes(django_settings.SECRET_KEY):
            yield Warning(
                "DJWTO_SIGNING_KEY equals SECRET_KEY: whoever is given it to verify tokens can "
                "forge sessions and password resets. Remove it, and a key of its own is derived.",
                id="djwto.W001",
            )


def _transport() -> Iterator[CheckMessage]:
    if settings.mode not in list(TRANSPORTS):
        yield _expected("DJWTO_MODE", " or ".join(map(repr, TRANSPORTS)), "djwto.E003")
    path = settings.refresh_cookie_path
    if not isinstance(path, str) or not _PATH.fullmatch(path.strip("/")):
        yield _expected(
            "DJWTO_REFRESH_COOKIE_PATH", 'a path such as "api/token/refresh"', "djwto.E025"
        )
    if settings.same_site not in ("Lax", "Strict", "None"):
        yield _expected("DJWTO_SAME_SITE", "'Lax', 'Strict' or 'None'", "djwto.E026")
    domain = settings.domain
    if domain is not None and not (isinstance(domain, str) and _HOST.fullmatch(domain)):
        yield _expected("DJWTO_DOMAIN", 'a host such as "shop.example", or None', "djwto.E027")
    if not isinstance(settings.csrf, bool):
        yield _expected("DJWTO_CSRF", "True or False", "djwto.E028")
    elif not settings.csrf and settings.mode != "JSON":
        yield Warning(
            "DJWTO_CSRF is False in a cookie mode: a page of any site can use its visitors' "
            "sessions here. Remove the setting.",
            id="djwto.W028",
        )


def _hooks() -> Iterator[CheckMessage]:
    for name, (check_id, attribute, arguments) in HOOKS.items():
        dotted = getattr(settings, attribute)
        call = f"hook({', '.join(arguments)})"
        try:
            hook = import_string(dotted)
            inspect.signature(hook).bind(*arguments)
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            yield Error(
                f"{name} is {dotted!r}; expected the dotted path of a function that can be "
                f"called as {call}: {error}",
                id=check_id,
            )


def _names() -> Iterator[CheckMessage]:
    ours = (name for name in dir(django_settings) if name.startswith("DJWTO_"))
    for name in sorted(set(ours) - NAMES):
        near = difflib.get_close_matches(name, NAMES, 1, cutoff=0.75)
        hint = f"Did you mean {near[0]}?" if near else "Remove it, or see docs/settings.rst."
        yield Warning(f"{name} is not a setting of djwto.", hint=hint, id="djwto.W035")
