"""Finds wrong settings when the project starts: one check id for each way to be wrong."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import ERROR, WARNING, CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from djwto.blacklist import load_backend
from djwto.conf import NAMES, seconds, settings
from djwto.key_checks import keys, keys_deploy
from djwto.request_user import DATABASE, TOKEN
from djwto.simplejwt.checks import change_over
from djwto.site_checks import site, site_deploy
from djwto.transports import TRANSPORTS

LONGEST_LEEWAY = 600
LONGEST_GRACE = 60
"""Seconds after which the two tabs that the grace is for have long had their answers."""

_PATH = re.compile(r"[A-Za-z0-9._~/-]+")
_HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

HOOKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "DJWTO_PROCESS_CLAIMS": ("djwto.E031", "process_claims", ("user", "request", "type_")),
    "DJWTO_PROCESS_USER": ("djwto.E032", "process_user", ("user",)),
    "DJWTO_PROCESS_PERMS": ("djwto.E033", "process_perms", ("user",)),
    "DJWTO_USER_AUTHENTICATE": ("djwto.E034", "user_authenticate", ("request",)),
    "DJWTO_THROTTLE": ("djwto.E080", "throttle", ("request", "sender")),
}

TOO_WEAK: dict[str, tuple[str, str, Callable[[Any], bool], str]] = {
    "DJWTO_ROTATE_REFRESH": ("djwto.E060", "rotate_refresh", lambda v: v is False, "True"),
    "DJWTO_ROTATE_ON_ACCESS": ("djwto.E061", "rotate_on_access", lambda v: v is False, "True"),
    "DJWTO_REUSE_GRACE": (
        "djwto.E062",
        "reuse_grace",
        lambda v: _is_duration(v) and seconds(v) > 10,
        "10 seconds or less",
    ),
    "DJWTO_CHECK_ACCESS": ("djwto.E063", "check_access", lambda v: v is False, "True"),
    "DJWTO_SESSION_MAX_AGE": (
        "djwto.E064",
        "session_max_age",
        lambda v: _is_longer(v, timedelta(days=30)),
        "30 days or less",
    ),
    "DJWTO_REFRESH_TOKEN_LIFETIME": (
        "djwto.E065",
        "refresh_token_lifetime",
        lambda v: v is None,
        "a timedelta: a session that nobody uses has to end",
    ),
    "DJWTO_ACCESS_TOKEN_LIFETIME": (
        "djwto.E066",
        "access_token_lifetime",
        # RFC 6750 section 5.3.
        lambda v: _is_longer(v, timedelta(hours=1)),
        "an hour or less",
    ),
    "DJWTO_COOKIE_PREFIX": ("djwto.E067", "cookie_prefix", lambda v: v == "", '"__Secure-"'),
    "DJWTO_SAME_SITE": ("djwto.E068", "same_site", lambda v: v == "None", '"Lax" or "Strict"'),
    "DJWTO_CSRF": ("djwto.E069", "csrf", lambda v: v is False, "True"),
}
"""What `DJWTO_STRICT` does not take: the check, the attribute, what is too weak, what is not."""

Check = Callable[..., list[CheckMessage]]


def strictly(check: Check) -> Check:
    """While `DJWTO_STRICT` is on, what would be a warning is an error with the same id."""

    @wraps(check)
    def checked(**kwargs: Any) -> list[CheckMessage]:
        return [_severe(m) if settings.strict else m for m in check(**kwargs)]

    return checked


def _severe(message: CheckMessage) -> CheckMessage:
    if not WARNING <= message.level < ERROR:
        return message
    return Error(message.msg, hint=message.hint, obj=message.obj, id=message.id)


@strictly
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Every check of djwto's own settings, the blacklist's aside."""
    own = (_claims, _lifetimes, _sessions, keys, _transport, _hooks, _middleware, _names)
    return [message for check in (*own, change_over, site, _too_weak) for message in check()]


@strictly
def check_settings_deploy(**kwargs: Any) -> list[CheckMessage]:
    """What may be meant, but not overlooked, for `check --deploy`."""
    found: list[CheckMessage] = [*keys_deploy(), *site_deploy()]
    # In the strict preset these two are errors of their own, deployed or not.
    if not settings.strict and settings.rotate_refresh is False:
        found.append(
            Warning(
                "DJWTO_ROTATE_REFRESH is False: a refresh token that was copied works beside the "
                "original, and nobody notices. Remove the setting.",
                id="djwto.W048",
            )
        )
    if not settings.strict and settings.session_max_age is None:
        found.append(
            Warning(
                "DJWTO_SESSION_MAX_AGE is None: a session that is kept alive never ends. "
                "Write a timedelta, or remove the setting for 30 days.",
                id="djwto.W049",
            )
        )
    return found


@strictly
def check_blacklist(**kwargs: Any) -> list[CheckMessage]:
    """Whether `DJWTO_BLACKLIST` makes a backend, and what that backend finds wrong itself."""
    try:
        backend = load_backend(settings.blacklist)
        found = list(backend.check())
    # A constructor may raise anything: a missing client library, a bad URL, a typing slip.
    except Exception as error:
        reason = str(error) if isinstance(error, ImproperlyConfigured) else repr(error)
        return [Error(reason, id="djwto.E030")]
    if settings.rotate_refresh is True and not backend.supports_values:
        found.append(
            Warning(
                f"{type(backend).__name__} keeps no values (supports_values is False): there is "
                "no DJWTO_REUSE_GRACE, so that two tabs that refresh at once end their session, "
                "and nobody can log out everywhere. Use djwto's own for the database, a cache or "
                "Redis, or give yours get_many and compare_and_set.",
                id="djwto.W047",
            )
        )
    return found


@strictly
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
    if not _is_duration(settings.keys_max_age):
        yield _expected(
            "DJWTO_KEYS_MAX_AGE",
            "a timedelta or whole seconds, or 0 to call DJWTO_KEYS for each request",
            "djwto.E075",
        )
    many = settings.verified_tokens
    if type(many) is not int or many < 0 or many == 1:
        yield _expected(
            "DJWTO_VERIFIED_TOKENS", "a number of 2 or more, or 0 for none", "djwto.E070"
        )
    if settings.request_user not in (DATABASE, TOKEN):
        yield _expected("DJWTO_REQUEST_USER", f"{DATABASE!r} or {TOKEN!r}", "djwto.E090")
    if not isinstance(settings.allow_refresh_update, bool):
        yield _expected("DJWTO_ALLOW_REFRESH_UPDATE", "True or False", "djwto.E020")


def _is_duration(value: object) -> bool:
    if isinstance(value, timedelta):
        return value >= timedelta(0)
    return type(value) is int and value >= 0


def _is_lifetime(value: object) -> bool:
    return isinstance(value, timedelta) and value >= timedelta(seconds=1)


def _is_longer(value: object, limit: timedelta) -> bool:
    return value is None or (isinstance(value, timedelta) and value > limit)


def _sessions() -> Iterator[CheckMessage]:
    for name, value, check_id in (
        ("DJWTO_ROTATE_REFRESH", settings.rotate_refresh, "djwto.E036"),
        ("DJWTO_ROTATE_ON_ACCESS", settings.rotate_on_access, "djwto.E037"),
        ("DJWTO_CHECK_ACCESS", settings.check_access, "djwto.E038"),
        ("DJWTO_STRICT", settings.strict, "djwto.E039"),
    ):
        if not isinstance(value, bool):
            yield _expected(name, "True or False", check_id)
    if (
        settings.rotate_refresh is False
        and settings.rotate_on_access is True
        and hasattr(django_settings, "DJWTO_ROTATE_ON_ACCESS")
    ):
        yield Warning(
            "DJWTO_ROTATE_ON_ACCESS is True and has no effect, since DJWTO_ROTATE_REFRESH is "
            "False. Remove one of the two.",
            id="djwto.W037",
        )
    grace = settings.reuse_grace
    if not _is_duration(grace):
        yield _expected(
            "DJWTO_REUSE_GRACE", "a timedelta or whole seconds, or 0 for none", "djwto.E040"
        )
    elif seconds(grace) > LONGEST_GRACE:
        yield Warning(
            f"DJWTO_REUSE_GRACE is {seconds(grace)} seconds: for as long it goes unnoticed that "
            "a refresh token was used twice (RFC 9700 section 4.14.2). "
            f"Write {LONGEST_GRACE} or less.",
            id="djwto.W040",
        )
    yield from _session_ends()


def _session_ends() -> Iterator[CheckMessage]:
    limit, remembered = settings.session_max_age, settings.remember_lifetime
    refresh = settings.refresh_token_lifetime
    valid = True
    for name, value, otherwise, check_id in (
        ("DJWTO_SESSION_MAX_AGE", limit, "for no limit", "djwto.E041"),
        ("DJWTO_REMEMBER_LIFETIME", remembered, "to remember nobody", "djwto.E042"),
    ):
        if value is not None and not _is_lifetime(value):
            valid = False
            yield _expected(
                name, f"a timedelta of a second or more, or None {otherwise}", check_id
            )
    if not valid or not (refresh is None or _is_lifetime(refresh)):
        return
    # One that is not set gives way: where sessions are to be shorter, so are its tokens.
    explicit = hasattr(django_settings, "DJWTO_REFRESH_TOKEN_LIFETIME")
    if explicit and refresh is not None and limit is not None and refresh > limit:
        yield Error(
            f"DJWTO_REFRESH_TOKEN_LIFETIME is {refresh}, longer than DJWTO_SESSION_MAX_AGE, which "
            f"is {limit}; no token outlives its session. Shorten the one or lengthen the other.",
            id="djwto.E043",
        )
    if remembered is None:
        return
    if limit is not None and remembered > limit:
        yield Error(
            f"DJWTO_REMEMBER_LIFETIME is {remembered}, longer than DJWTO_SESSION_MAX_AGE, which "
            f"is {limit}; no token outlives its session. Shorten the one or lengthen the other.",
            id="djwto.E044",
        )
    usual = min((each for each in (refresh, limit) if each is not None), default=None)
    if usual is None or remembered < usual:
        yield Warning(
            f"DJWTO_REMEMBER_LIFETIME is {remembered}, shorter than DJWTO_REFRESH_TOKEN_LIFETIME: "
            "who asks to be remembered would be forgotten sooner. Lengthen it.",
            id="djwto.W044",
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
    if settings.cookie_prefix not in ("", "__Secure-"):
        yield _expected(
            "DJWTO_COOKIE_PREFIX",
            '"" or "__Secure-"; not "__Host-", which browsers take for the path "/" only, '
            "and the refresh cookie has a path of its own",
            "djwto.E045",
        )
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
        if dotted is None and attribute == "throttle":
            continue
        call = f"hook({', '.join(arguments)})"
        try:
            hook = import_string(dotted)
            inspect.signature(hook).bind(*arguments)
            if iscoroutinefunction(hook):
                raise TypeError("it is a coroutine function, and the endpoints await nothing")
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            yield Error(
                f"{name} is {dotted!r}; expected the dotted path of a function that can be "
                f"called as {call}: {error}",
                id=check_id,
            )


def _middleware() -> Iterator[CheckMessage]:
    ours, djangos = (
        "djwto.middleware.JWTAuthenticationMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    )
    order = list(django_settings.MIDDLEWARE)
    if {ours, djangos}.issubset(order) and order.index(ours) < order.index(djangos):
        yield Error(
            f"MIDDLEWARE has {ours} above {djangos}, which would replace the user whom a token "
            "names. Put it below.",
            id="djwto.E091",
        )


def _names() -> Iterator[CheckMessage]:
    ours = (name for name in dir(django_settings) if name.startswith("DJWTO_"))
    # Other apps have settings of that name, too, and say so in their configuration.
    known = NAMES.union(*(getattr(app, "djwto_settings", ()) for app in apps.get_app_configs()))
    for name in sorted(set(ours) - known):
        near = difflib.get_close_matches(name, known, 1, cutoff=0.75)
        hint = f"Did you mean {near[0]}?" if near else "Remove it, or see docs/settings.rst."
        yield Warning(f"{name} is not a setting of djwto.", hint=hint, id="djwto.W035")


def _too_weak() -> Iterator[CheckMessage]:
    if not settings.strict:
        return
    for name, (check_id, attribute, weak, demanded) in TOO_WEAK.items():
        if weak(getattr(settings, attribute)):
            yield Error(
                f"{name} is {getattr(settings, attribute)!r}, which DJWTO_STRICT does not take; "
                f"expected {demanded}. Remove the setting, or DJWTO_STRICT.",
                id=check_id,
            )
