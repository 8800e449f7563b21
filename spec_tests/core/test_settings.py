"""What `manage.py check` says of settings, and that settings are read when they are used."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import UserSettingsHolder
from django.conf import settings as django_settings
from django.core.checks import ERROR, CheckMessage, Info, Tags, Warning, run_checks
from django.core.checks.registry import CheckRegistry
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.signals import setting_changed
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

import djwto
from djwto import backends, checks, conf
from djwto.blacklist import BlacklistBackend, get_blacklist
from djwto.conf import NAMES, Settings, settings
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import CREDENTIALS, create_alice
from djwto.spec_tests.core.keys_for_tests import (
    EC_PRIVATE,
    EC_PUBLIC,
    OTHER_EC_PUBLIC,
    RSA_PRIVATE,
    SHORT_RSA,
)
from djwto.spec_tests.profile import search

HOOKS = "djwto.spec_tests.core.hooks"
CACHE = "djwto.backends.cache.CacheBlacklist"


STRICT = {"DJWTO_STRICT": True}


class KeysOnly(BlacklistBackend):
    """A backend of three methods, which keeps no values."""

    def add(self, key: str, exp: int | None) -> bool:
        return True

    def contains(self, key: str) -> bool:
        return False

    def purge(self) -> int:
        return 0

    def check_deploy(self) -> list[CheckMessage]:
        return [
            Info("All is well.", id="mine.I001"),
            Warning("Beware.", hint="?", obj="the store", id="mine.W001"),
        ]


class NeedsAnAddress(KeysOnly):
    """A backend whose constructor trips over what it was not told."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.address = options["address"]


class LooksAtThemItself(KeysOnly):
    """A backend whose constructor knows what it may be told."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)


KEYS_ONLY = {"DJWTO_BLACKLIST": {"BACKEND": f"{__name__}.KeysOnly"}}


def found(*, deployed: bool = False) -> list[CheckMessage]:
    """What the checks of djwto say, and with `deployed` those of `check --deploy`."""
    messages = run_checks(include_deployment_checks=deployed)
    return [m for m in messages if str(m.id).startswith("djwto.")]


def locmem(**options: Any) -> dict[str, Any]:
    """A cache that is no more than a dict."""
    return {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "checked",
        **options,
    }


def cached_in(cache: dict[str, Any]) -> dict[str, Any]:
    """Settings under which the blacklist is in this cache."""
    return {
        "CACHES": {"default": cache},
        "DJWTO_BLACKLIST": {"BACKEND": CACHE},
        "DEBUG": True,
    }


LIFTED = {"OPTIONS": {"MAX_ENTRIES": 10_000_000}}
DJANGO_REDIS = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
MEMCACHED = "django.core.cache.backends.memcached.PyMemcacheCache"
REDIS_CACHE = "django.core.cache.backends.redis.RedisCache"

CORS = {
    "INSTALLED_APPS": [*django_settings.INSTALLED_APPS, "corsheaders"],
    "CORS_ALLOW_CREDENTIALS": True,
}

COOKIES = {
    "DJWTO_MODE": "ONE-COOKIE",
    "ALLOWED_HOSTS": ["shop.example"],
    "CSRF_COOKIE_SECURE": True,
}
"""A cookie mode, and what it takes of the rest of a project."""

KEY = {"kid": "a", "algorithm": "HS256", "key": "a key of a list " * 3}

ENDING = KEY | {"not_after": int(time.time()) + 23 * 3600}
LASTING = KEY | {"not_after": int(time.time()) + 48 * 3600}
"""It signs for less long than a refresh token is good."""

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("E001", {"DJWTO_SIGNING_KEY": "a" * 31}, "has 31 bytes; HS256 needs at least 32. Make one"),
    ("E001", {"DJWTO_SIGNING_KEY": "k" * 40, "DJWTO_ALGORITHM": "HS512"}, "at least 64"),
    ("W001", {"DJWTO_SIGNING_KEY": "s" * 50, "SECRET_KEY": "s" * 50}, "equals SECRET_KEY"),
    ("E002", {"DJWTO_SIGNING_KEY": 7}, "DJWTO_SIGNING_KEY is of type int; expected a text"),
    ("E002", {"DJWTO_VERIFYING_KEY": ["k"]}, "DJWTO_VERIFYING_KEY is of type list; expected"),
    ("E002", {"DJWTO_VERIFYING_KEY": "k" * 40}, "every holder of it can forge tokens"),
    (
        "E002",
        {"DJWTO_SIGNING_KEY": EC_PUBLIC},
        "DJWTO_SIGNING_KEY does not fit DJWTO_ALGORITHM HS256",
    ),
    (
        "E002",
        {
            "DJWTO_ALGORITHM": "ES256",
            "DJWTO_SIGNING_KEY": EC_PRIVATE,
            "DJWTO_VERIFYING_KEY": "x" * 64,
        },
        "DJWTO_VERIFYING_KEY does not fit DJWTO_ALGORITHM ES256",
    ),
    ("E002", {"DJWTO_ALGORITHM": "ES256"}, "DJWTO_SIGNING_KEY is not set; ES256 needs"),
    ("E002", {"DJWTO_ALGORITHM": "ES256", "DJWTO_SIGNING_KEY": "x" * 64}, "does not fit"),
    ("E002", {"DJWTO_ALGORITHM": "ES256", "DJWTO_SIGNING_KEY": RSA_PRIVATE}, "does not fit"),
    ("E002", {"DJWTO_ALGORITHM": "ES256", "DJWTO_SIGNING_KEY": EC_PUBLIC}, "holds a public key"),
    (
        "E002",
        {
            "DJWTO_ALGORITHM": "ES256",
            "DJWTO_SIGNING_KEY": EC_PRIVATE,
            "DJWTO_VERIFYING_KEY": EC_PRIVATE,
        },
        "holds a private key",
    ),
    (
        "E002",
        {
            "DJWTO_ALGORITHM": "ES256",
            "DJWTO_SIGNING_KEY": EC_PRIVATE,
            "DJWTO_VERIFYING_KEY": OTHER_EC_PUBLIC,
        },
        "is not the public half of DJWTO_SIGNING_KEY",
    ),
    ("E001", {"DJWTO_KEYS": [{"algorithm": "HS256", "key": "k" * 31}]}, "DJWTO_KEYS[0] has 31 b"),
    (
        "E001",
        {"DJWTO_KEYS": [KEY, {"kid": "b", "algorithm": "RS256", "key": SHORT_RSA}]},
        "DJWTO_KEYS[1] has 1024 bits; RS256 needs at least 2048. Make one with: manage.py djwto_k",
    ),
    (
        "E001",
        {"DJWTO_ALGORITHM": "PS512", "DJWTO_SIGNING_KEY": SHORT_RSA},
        "DJWTO_SIGNING_KEY has 1024 bits; PS512 needs at least 2048",
    ),
    (
        "W001",
        {"DJWTO_KEYS": [KEY | {"key": "s" * 50}], "SECRET_KEY": "s" * 50},
        "DJWTO_KEYS[0] equals SECRET_KEY",
    ),
    (
        "E002",
        {"DJWTO_KEYS": [KEY, {"kid": "b", "algorithm": "ES256", "key": RSA_PRIVATE}]},
        "DJWTO_KEYS[1] does not fit its algorithm ES256",
    ),
    ("E002", {"DJWTO_KEYS": [KEY | {"key": EC_PUBLIC}]}, "does not fit its algorithm HS256"),
    ("E002", {"DJWTO_KEYS": [{"algorithm": "ES256", "key": None}]}, "does not fit its algorithm"),
    ("E005", {"DJWTO_KEYS": [KEY | {"algorithm": "none"}]}, "The algorithm of DJWTO_KEYS[0] is"),
    ("E005", {"DJWTO_KEYS": [{"key": "k" * 40}]}, "expected one of ES256"),
    ("E072", {"DJWTO_KEYS": []}, "DJWTO_KEYS makes no keys; expected a list of keys, such as {"),
    ("E072", {"DJWTO_KEYS": {"kid": "k" * 40}}, "DJWTO_KEYS makes dict; expected a list"),
    ("E072", {"DJWTO_KEYS": ["k" * 40]}, "DJWTO_KEYS[0] is not a dict of key, algorithm, kid"),
    ("E072", {"DJWTO_KEYS": [KEY | {"alg": "HS256"}]}, "is not a dict of key"),
    ("E072", {"DJWTO_KEYS": [{"algorithm": "HS256"}]}, "is not a dict of key"),
    ("E072", {"DJWTO_KEYS": [KEY | {"kid": ""}]}, "DJWTO_KEYS[0] has the kid ''; expected a text"),
    ("E072", {"DJWTO_KEYS": [KEY | {"kid": 7}]}, "has the kid 7; expected a text of up to 200"),
    ("E072", {"DJWTO_KEYS": [KEY | {"kid": "k" * 201}]}, "of up to 200 characters"),
    ("E072", {"DJWTO_KEYS": [KEY, KEY]}, "DJWTO_KEYS[1] has the kid 'a', as one before it"),
    (
        "E072",
        {"DJWTO_KEYS": [KEY | {"kid": None}, {"algorithm": "HS256", "key": "k" * 40}]},
        "DJWTO_KEYS[1] has no kid, as one before it",
    ),
    ("E072", {"DJWTO_KEYS": [KEY | {"not_after": -1}]}, "The not_after of DJWTO_KEYS[0] is -1;"),
    ("E072", {"DJWTO_KEYS": [KEY | {"not_after": "soon"}]}, "a datetime with a time zone"),
    ("E072", {"DJWTO_KEYS": [KEY | {"not_after": datetime(2030, 1, 1)}]}, "with a time zone"),  # noqa: DTZ001
    ("E073", {"DJWTO_KEYS": [KEY | {"not_after": 1}]}, "Put a new key at the head of the list."),
    ("E073", {"DJWTO_KEYS": "absent.keys"}, "DJWTO_KEYS could not be called: ModuleNotFoundError"),
    ("E073", {"DJWTO_KEYS": dict}, "DJWTO_KEYS makes no keys"),
    (
        "E074",
        {"DJWTO_KEYS": [KEY], "DJWTO_SIGNING_KEY": "k" * 40},
        "DJWTO_KEYS is set, and so is DJWTO_SIGNING_KEY, which would have no effect. Move",
    ),
    (
        "E074",
        {"DJWTO_KEYS": [KEY], "DJWTO_SIGNING_KEY": "k" * 40, "DJWTO_ALGORITHM": "HS256"},
        "and so are DJWTO_SIGNING_KEY, DJWTO_ALGORITHM, which",
    ),
    (
        "E074",
        {"DJWTO_KEYS": [KEY], "DJWTO_VERIFYING_KEY": "k" * 40},
        "DJWTO_KEYS is set, and so is DJWTO_VERIFYING_KEY, which",
    ),
    (
        "E075",
        {"DJWTO_KEYS": ["?"], "DJWTO_KEYS_MAX_AGE": []},
        "DJWTO_KEYS_MAX_AGE is []; expected",
    ),
    ("E075", {"DJWTO_KEYS_MAX_AGE": "long"}, "or 0 to call DJWTO_KEYS for each request."),
    ("E075", {"DJWTO_KEYS": [KEY], "DJWTO_KEYS_MAX_AGE": None}, "or whole seconds"),
    ("E090", {"DJWTO_REQUEST_USER": "row"}, "expected 'database' or 'token'."),
    (
        "E091",
        {
            "MIDDLEWARE": [
                "djwto.middleware.JWTAuthenticationMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
            ]
        },
        "which would replace the user whom a token names. Put it below.",
    ),
    ("E003", {"DJWTO_MODE": "COOKIE"}, "'JSON' or 'ONE-COOKIE' or 'TWO-COOKIES'."),
    ("E003", {"DJWTO_MODE": ["JSON"]}, "'JSON' or 'ONE-COOKIE' or 'TWO-COOKIES'"),
    ("E004", {"DJWTO_JTI_CLAIM": False}, "logout cannot work. Remove the setting"),
    ("E005", {"DJWTO_ALGORITHM": "none"}, "DJWTO_ALGORITHM is 'none'; expected one of ES256"),
    ("E005", {"DJWTO_ALGORITHM": None}, "DJWTO_ALGORITHM is None; expected one of ES256"),
    ("E005", {"DJWTO_ALGORITHM": "HS1"}, "HS256, HS384, HS512"),
    ("E006", {"DJWTO_ISS_CLAIM": ""}, 'expected a text that is not empty, such as "shop'),
    ("E006", {"DJWTO_ISS_CLAIM": ["shop"]}, "a text that is not empty"),
    ("E007", {"DJWTO_SUB_CLAIM": 7}, "a text that is not empty"),
    ("E008", {"DJWTO_AUD_CLAIM": []}, "or None, or a list of such texts."),
    ("E008", {"DJWTO_AUD_CLAIM": ["web", 7]}, "or a list of such texts"),
    ("E008", {"DJWTO_AUD_CLAIM": ("web",)}, "or a list of such texts"),
    ("E009", {"DJWTO_IAT_CLAIM": "yes"}, "DJWTO_IAT_CLAIM is 'yes'; expected True or False."),
    ("E020", {"DJWTO_ALLOW_REFRESH_UPDATE": 1}, "expected True or False."),
    ("E021", {"DJWTO_ACCESS_TOKEN_LIFETIME": 300}, "or more, or None for no expiry."),
    ("E021", {"DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(milliseconds=999)}, "a second or more"),
    ("E022", {"DJWTO_REFRESH_TOKEN_LIFETIME": timedelta(days=-1)}, "a second or more"),
    ("E023", {"DJWTO_NBF_LIFETIME": "soon"}, "or 0 for none."),
    ("E024", {"DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(days=2)}, "Exchange the two"),
    ("E024", {"DJWTO_ACCESS_TOKEN_LIFETIME": None}, "Exchange the two"),
    ("E025", {"DJWTO_REFRESH_COOKIE_PATH": "/"}, 'such as "api/token/refresh".'),
    ("E025", {"DJWTO_REFRESH_COOKIE_PATH": "a;b"}, "a path such as"),
    ("E026", {"DJWTO_SAME_SITE": "lax"}, "'Lax', 'Strict' or 'None'."),
    ("E026", {"DJWTO_SAME_SITE": {}}, "'Lax', 'Strict' or 'None'"),
    ("E027", {"DJWTO_DOMAIN": "https://shop.example"}, "a host such as"),
    ("E028", {"DJWTO_CSRF": None}, "expected True or False."),
    ("W028", {"DJWTO_CSRF": False, "DJWTO_MODE": "ONE-COOKIE"}, "a page of any site"),
    ("E029", {"DJWTO_LEEWAY": -1}, "between 0 and 600."),
    ("E029", {"DJWTO_LEEWAY": timedelta(seconds=601)}, "between 0 and 600"),
    ("E029", {"DJWTO_LEEWAY": 1.5}, "whole seconds"),
    ("E070", {"DJWTO_VERIFIED_TOKENS": -1}, "or 0 for none."),
    ("E070", {"DJWTO_VERIFIED_TOKENS": 1}, "2 or more"),
    ("E070", {"DJWTO_VERIFIED_TOKENS": True}, "a number"),
    ("E030", {"DJWTO_BLACKLIST": "djwto.backends.redis.RedisBlacklist"}, "write {"),
    ("E030", {"DJWTO_BLACKLIST": {"backend": "x"}}, "write {"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": CACHE, "ALIAS": "x"}}, "goes into OPTIONS"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": CACHE, 7: 1, "X": 2}}, "the keys [7, 'X']"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": CACHE, "OPTIONS": []}}, "write a dict"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": "builtins.len"}}, "not a subclass of"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": "absent.Backend"}}, "cannot be imported"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": "builtins.dict"}}, "not a subclass of"),
    (
        "E030",
        {"DJWTO_BLACKLIST": {"BACKEND": f"{__name__}.NeedsAnAddress"}},
        "KeyError('address')",
    ),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": CACHE, "OPTIONS": {"x": 1}}}, "has no option x"),
    (
        "E030",
        {"DJWTO_BLACKLIST": {"BACKEND": f"{__name__}.KeysOnly", "OPTIONS": {"y": 1, "x": 2}}},
        "KeysOnly has no option x, y; it has none.",
    ),
    (
        "E031",
        {"DJWTO_PROCESS_CLAIMS": "absent.hook"},
        "can be called as hook(user, request, type_)",
    ),
    ("E031", {"DJWTO_PROCESS_CLAIMS": f"{HOOKS}.needs_more"}, "missing a required argument"),
    ("E032", {"DJWTO_PROCESS_USER": f"{HOOKS}.not_callable"}, "can be called as hook(user)"),
    ("E033", {"DJWTO_PROCESS_PERMS": None}, "can be called as hook(user)"),
    ("E034", {"DJWTO_USER_AUTHENTICATE": 7}, "can be called as hook(request)"),
    ("E080", {"DJWTO_THROTTLE": "absent.hook"}, "can be called as hook(request, sender)"),
    ("E080", {"DJWTO_THROTTLE": f"{HOOKS}.as_member"}, "too many positional arguments"),
    ("E080", {"DJWTO_THROTTLE": f"{HOOKS}.awaited"}, "the endpoints await nothing"),
    (
        "E081",
        {**COOKIES, "CSRF_COOKIE_SAMESITE": "None", "CSRF_COOKIE_SECURE": False},
        "browsers drop such a cookie",
    ),
    (
        "E088",
        {
            **cached_in(
                {
                    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                    "LOCATION": "t",
                    **LIFTED,
                }
            ),
            "DATABASE_ROUTERS": [f"{HOOKS}.ReadsElsewhere"],
        },
        "is read from the database 'other' and written to 'default'",
    ),
    ("W035", {"DJWTO_MODES": "JSON"}, "is not a setting of djwto"),
    (
        "E010",
        cached_in({"BACKEND": "django.core.cache.backends.dummy.DummyCache"}),
        "Cache alias 'default' (DummyCache) stores nothing",
    ),
    (
        "E011",
        cached_in(
            {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/tmp"}
        ),
        "adds in two steps",
    ),
    ("W010", {**cached_in(locmem(**LIFTED)), "DEBUG": False}, "seen by one process only"),
    ("W011", cached_in(locmem()), "above MAX_ENTRIES=300"),
    ("W011", cached_in(locmem(OPTIONS={"MAX_ENTRIES": 5})), "above MAX_ENTRIES=5"),
    (
        "W011",
        cached_in({"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "t"}),
        "above MAX_ENTRIES=300",
    ),
    (
        "E012",
        cached_in({"BACKEND": MEMCACHED, "LOCATION": "a:1;b:2"}),
        "over 2 servers",
    ),
    (
        "E012",
        cached_in({"BACKEND": MEMCACHED, "LOCATION": ["a:1", "b:2", "c:3"]}),
        "over 3 servers",
    ),
    (
        "E014",
        cached_in({"BACKEND": REDIS_CACHE, "LOCATION": ["redis://a", "redis://b"]}),
        "reads from replicas (1)",
    ),
    ("W011", cached_in(locmem(MAX_ENTRIES=10**7)), "above MAX_ENTRIES=300"),
    (
        "E013",
        cached_in({**DJANGO_REDIS, "OPTIONS": {"IGNORE_EXCEPTIONS": True}}),
        "Remove IGNORE_EXCEPTIONS",
    ),
    (
        "E013",
        {**cached_in(DJANGO_REDIS), "DJANGO_REDIS_IGNORE_EXCEPTIONS": True},
        "Remove IGNORE_EXCEPTIONS",
    ),
    ("W001", {"DJWTO_SIGNING_KEY": "s" * 50, "SECRET_KEY": b"s" * 50}, "equals SECRET_KEY"),
    ("E002", {"DJWTO_ALGORITHM": "EdDSA", "DJWTO_SIGNING_KEY": "ssh-foo AAAA"}, "does not fit"),
    ("E023", {"DJWTO_NBF_LIFETIME": timedelta.max}, "shorter than DJWTO_REFRESH_TOKEN_LIFETIME"),
    ("E023", {"DJWTO_NBF_LIFETIME": timedelta(days=1)}, "shorter than"),
    (
        "E023",
        {"DJWTO_REFRESH_TOKEN_LIFETIME": None, "DJWTO_NBF_LIFETIME": timedelta(days=365)},
        "shorter than",
    ),
    ("E025", {"DJWTO_REFRESH_COOKIE_PATH": "a\r\nb"}, "a path such as"),
    ("E027", {"DJWTO_DOMAIN": "a;secure"}, "or None."),
    ("E027", {"DJWTO_DOMAIN": "a\r\nb"}, "a host such as"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": "."}}, "cannot be imported"),
    ("E030", {"DJWTO_BLACKLIST": {"BACKEND": CACHE, "OPTIONS": {1: 2}}}, "has no option 1"),
    ("E036", {"DJWTO_ROTATE_REFRESH": None}, "None; expected True or False."),
    ("E037", {"DJWTO_ROTATE_ON_ACCESS": "yes"}, "True or False"),
    ("E038", {"DJWTO_CHECK_ACCESS": 1}, "True or False"),
    ("E039", {"DJWTO_STRICT": 0}, "True or False"),
    (
        "W037",
        {"DJWTO_ROTATE_REFRESH": False, "DJWTO_ROTATE_ON_ACCESS": True},
        "has no effect, since DJWTO_ROTATE_REFRESH is False. Remove one",
    ),
    ("E040", {"DJWTO_REUSE_GRACE": -1}, "whole seconds, or 0 for none."),
    ("E040", {"DJWTO_REUSE_GRACE": 2.5}, "whole seconds"),
    ("E040", {"DJWTO_REUSE_GRACE": None}, "0 for none"),
    ("E040", {"DJWTO_REUSE_GRACE": True}, "whole seconds"),
    ("W040", {"DJWTO_REUSE_GRACE": 61}, "61 seconds"),
    ("W040", {"DJWTO_REUSE_GRACE": timedelta(minutes=2)}, "Write 60 or less"),
    ("E041", {"DJWTO_SESSION_MAX_AGE": 86400}, "a second or more, or None for no limit."),
    ("E041", {"DJWTO_SESSION_MAX_AGE": timedelta(0)}, "a timedelta of a second or more"),
    ("E042", {"DJWTO_REMEMBER_LIFETIME": 0}, "or None to remember nobody."),
    ("E042", {"DJWTO_REMEMBER_LIFETIME": timedelta(milliseconds=1)}, "of a second or more"),
    (
        "E043",
        {"DJWTO_REFRESH_TOKEN_LIFETIME": timedelta(days=31)},
        "31 days, 0:00:00, longer than DJWTO_SESSION_MAX_AGE, which is 30 days",
    ),
    (
        "E044",
        {"DJWTO_REMEMBER_LIFETIME": timedelta(days=90)},
        "90 days, 0:00:00, longer than DJWTO_SESSION_MAX_AGE, which is 30 days",
    ),
    (
        "W044",
        {"DJWTO_REMEMBER_LIFETIME": timedelta(hours=23)},
        "shorter than DJWTO_REFRESH_TOKEN_LIFETIME",
    ),
    (
        "W044",
        {
            "DJWTO_REMEMBER_LIFETIME": timedelta(days=400),
            "DJWTO_REFRESH_TOKEN_LIFETIME": None,
            "DJWTO_SESSION_MAX_AGE": None,
        },
        "Lengthen it",
    ),
    ("E045", {"DJWTO_COOKIE_PREFIX": "__Host-"}, "the refresh cookie has a path of its own."),
    ("E045", {"DJWTO_COOKIE_PREFIX": None}, 'expected "" or "__Secure-"'),
    ("W047", KEYS_ONLY, "KeysOnly keeps no values"),
    ("E060", {**STRICT, "DJWTO_ROTATE_REFRESH": False}, "is False, which DJWTO_STRICT does not"),
    ("E061", {**STRICT, "DJWTO_ROTATE_ON_ACCESS": False}, "expected True"),
    ("E062", {**STRICT, "DJWTO_REUSE_GRACE": 11}, "10 seconds or less"),
    ("E063", {**STRICT, "DJWTO_CHECK_ACCESS": False}, "DJWTO_CHECK_ACCESS is False"),
    ("E064", {**STRICT, "DJWTO_SESSION_MAX_AGE": None}, "30 days or less"),
    ("E064", {**STRICT, "DJWTO_SESSION_MAX_AGE": timedelta(days=31)}, "30 days or less"),
    ("E065", {**STRICT, "DJWTO_REFRESH_TOKEN_LIFETIME": None}, "that nobody uses has to end"),
    ("E066", {**STRICT, "DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(hours=2)}, "an hour or less"),
    ("E067", {**STRICT, "DJWTO_COOKIE_PREFIX": ""}, 'expected "__Secure-"'),
    ("E068", {**STRICT, "DJWTO_SAME_SITE": "None"}, '"Lax" or "Strict"'),
    ("E069", {**STRICT, "DJWTO_CSRF": False}, "Remove the setting, or DJWTO_STRICT"),
]
"""Ways to be wrong: the id of the check, the settings, a phrase of the message."""

APART = {"BACKEND": CACHE, "OPTIONS": {"alias": "apart"}}

WRONG_WHEN_DEPLOYED: list[tuple[str, dict[str, Any], str]] = [
    (
        "W012",
        {
            "CACHES": {"default": locmem(), "apart": {"BACKEND": MEMCACHED, "LOCATION": "a:1"}},
            "DJWTO_BLACKLIST": APART,
        },
        "evicts live entries",
    ),
    ("W013", cached_in(locmem(**LIFTED)), "shares the cache alias 'default'"),
    (
        "W013",
        {
            "CACHES": {"default": locmem(), "apart": locmem(**LIFTED)},
            "DJWTO_BLACKLIST": APART,
            "DEBUG": True,
            "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
            "SESSION_CACHE_ALIAS": "apart",
        },
        "shares the cache alias 'apart'",
    ),
    (
        "W013",
        {
            "CACHES": {"default": locmem(), "apart": locmem(**LIFTED)},
            "DJWTO_BLACKLIST": APART,
            "DEBUG": True,
            "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
            "SESSION_CACHE_ALIAS": "apart",
        },
        "shares the cache alias 'apart'",
    ),
    ("W082", {**COOKIES, "CSRF_COOKIE_SECURE": False}, "and a login hands out that cookie"),
    ("W083", {**COOKIES, "ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS has '*'"),
    ("W083", {**COOKIES, "ALLOWED_HOSTS": ["shop.example", ".com"]}, "ALLOWED_HOSTS has '.com'"),
    ("W084", {**COOKIES, "DJWTO_DOMAIN": "shop.example"}, "to every host under it"),
    (
        "W084",
        {**COOKIES, "ALLOWED_HOSTS": ["api.Shop.example"], "DJWTO_DOMAIN": ".SHOP.example"},
        "DJWTO_DOMAIN is '.SHOP.example'",
    ),
    (
        "W084",
        {**COOKIES, "ALLOWED_HOSTS": [".shop.example"], "DJWTO_DOMAIN": "shop.example"},
        "to every host under it",
    ),
    (
        "W084",
        {**COOKIES, "ALLOWED_HOSTS": [".shop.example"], "DJWTO_DOMAIN": "eu.shop.example"},
        "to every host under it",
    ),
    ("W084", {**COOKIES, "ALLOWED_HOSTS": [], "DJWTO_DOMAIN": "shop.example"}, "every host"),
    ("E085", {**COOKIES, "DJWTO_DOMAIN": "example"}, "which is no domain of one site"),
    ("E085", {**COOKIES, "DJWTO_DOMAIN": ".com"}, "which is no domain of one site"),
    ("E085", {**COOKIES, "DJWTO_DOMAIN": "op.example"}, "in which no host of ALLOWED_HOSTS is"),
    ("E085", {**COOKIES, "DJWTO_DOMAIN": "eu.shop.example"}, "take no cookies for it"),
    (
        "W086",
        {**COOKIES, "CSRF_TRUSTED_ORIGINS": ["https://a.example", "https://*.shop.example"]},
        "CSRF_TRUSTED_ORIGINS has 'https://*.shop.example'",
    ),
    ("W086", {**COOKIES, "CSRF_TRUSTED_ORIGINS": ["http://shop.example"]}, "with https."),
    (
        "W087",
        {**COOKIES, **CORS, "CORS_ALLOW_ALL_ORIGINS": True},
        "List the sites in CORS_ALLOWED_ORIGINS",
    ),
    ("W087", {**COOKIES, **CORS, "CORS_ORIGIN_ALLOW_ALL": True}, "a page of any site can read"),
    ("W048", {"DJWTO_ROTATE_REFRESH": False}, "works beside the original, and nobody notices"),
    ("W049", {"DJWTO_SESSION_MAX_AGE": None}, "never ends"),
    ("W075", {"DJWTO_AUD_CLAIM": ["shop", "stock"]}, "needs a key that forges them"),
    ("W076", {"DJWTO_KEYS": [ENDING]}, "The key that signs, 'a', ends before the refresh"),
    (
        "W076",
        {"DJWTO_KEYS": [ENDING | {"kid": None}], "DJWTO_REFRESH_TOKEN_LIFETIME": None},
        "The key that signs, the one without a kid, ends before",
    ),
]


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    ("check_id", "overrides", "phrase"), WRONG, ids=[f"{w[0]}-{n}" for n, w in enumerate(WRONG)]
)
@pytest.mark.case(17, 18, 19, 61)
def test_what_is_wrong_has_an_id_and_a_mend(
    check_id: str, overrides: dict[str, Any], phrase: str
) -> None:
    with override_settings(**overrides):
        messages = found()
    assert [m.id for m in messages] == [f"djwto.{check_id}"]
    assert phrase in messages[0].msg
    assert messages[0].is_serious() == check_id.startswith("E")
    # For whoever reads it: the reason, and not the exception that brought it.
    assert "ImproperlyConfigured" not in messages[0].msg


@pytest.mark.clause("SET-1")
@pytest.mark.clause("CA-2")
@pytest.mark.parametrize(
    ("check_id", "overrides", "phrase"),
    WRONG_WHEN_DEPLOYED,
    ids=[f"{w[0]}-{n}" for n, w in enumerate(WRONG_WHEN_DEPLOYED)],
)
def test_what_is_wrong_in_production_is_told_on_deployment(
    check_id: str, overrides: dict[str, Any], phrase: str
) -> None:
    with override_settings(**overrides):
        assert found() == []
        (message,) = found(deployed=True)
    assert message.id == f"djwto.{check_id}"
    assert phrase in message.msg
    assert message.is_serious() == check_id.startswith("E")


@pytest.mark.clause("SET-6")
def test_a_site_of_any_name_may_be_in_the_domain_of_its_cookies() -> None:
    any_name = {**COOKIES, "ALLOWED_HOSTS": ["*"], "DJWTO_DOMAIN": "shop.example"}
    with override_settings(**any_name):
        assert {message.id for message in found(deployed=True)} == {"djwto.W083", "djwto.W084"}


@pytest.mark.clause("SET-6")
@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"DJWTO_MODE": "TWO-COOKIES", "ALLOWED_HOSTS": [".shop.example", "127.0.0.1", "[::1]"]},
        {"DJWTO_MODE": "TWO-COOKIES", "CSRF_TRUSTED_ORIGINS": ["https://www.shop.example:8443"]},
        {"CSRF_COOKIE_SECURE": False, "CSRF_USE_SESSIONS": True},
        # Django says so itself: security.W016.
        {"CSRF_COOKIE_SECURE": False, "MIDDLEWARE": ["django.middleware.csrf.CsrfViewMiddleware"]},
        {"CSRF_COOKIE_SAMESITE": "None", "DJWTO_SAME_SITE": "None"},
        {**CORS, "CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": False},
        {**CORS, "CORS_ALLOWED_ORIGINS": ["https://www.shop.example"]},
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True},
        # None of it has to do with a client that keeps its tokens itself.
        {
            **CORS,
            "DJWTO_MODE": "JSON",
            "DJWTO_DOMAIN": "com",
            "ALLOWED_HOSTS": ["*"],
            "CSRF_TRUSTED_ORIGINS": ["http://*.example"],
            "CORS_ALLOW_ALL_ORIGINS": True,
            "CSRF_COOKIE_SECURE": False,
            "CSRF_COOKIE_SAMESITE": "None",
        },
    ],
    ids=", ".join,
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_site_that_takes_care_is_not_reported(strict: bool, overrides: dict[str, Any]) -> None:
    with override_settings(**{**COOKIES, **overrides, "DJWTO_STRICT": strict}):
        messages = found(deployed=True)
    # A choice of the project's own, which the preset does not take.
    refused = {"djwto.E068"} if strict and "DJWTO_SAME_SITE" in overrides else set()
    assert {m.id for m in messages} == refused


@pytest.mark.clause("SET-6")
def test_of_http_and_of_the_cookie_of_its_middleware_django_tells_itself() -> None:
    middleware = [
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ]
    with override_settings(**COOKIES | {"CSRF_COOKIE_SECURE": False, "MIDDLEWARE": middleware}):
        ids = {m.id for m in run_checks(include_deployment_checks=True)}
    assert {"security.W008", "security.W016"} <= ids
    with override_settings(**COOKIES):
        assert "security.W001" in {m.id for m in run_checks(include_deployment_checks=True)}


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    ("version", "told"), [("2.9.0", True), ("2.12.1", True), ("2.13", False), ("3.0.0a1", False)]
)
def test_a_pyjwt_with_known_holes_is_told_of(
    version: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jwt.__version__", version)
    messages = found()
    assert [m.id for m in messages] == ["djwto.W089"] * told
    assert not told or f"PyJWT is {version}, in which" in messages[0].msg
    assert not told or "Upgrade it to 2.13 or later." in messages[0].msg


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    "overrides",
    [
        {"DJWTO_AUD_CLAIM": ["shop"]},
        {"DJWTO_KEYS": [LASTING]},
        {"DJWTO_KEYS": [KEY], "DJWTO_REFRESH_TOKEN_LIFETIME": None},
    ],
    ids=["a derived key, and one service", "a key that outlives its tokens", "one without an end"],
)
def test_what_is_right_in_production_is_not_told_of(overrides: dict[str, Any]) -> None:
    with override_settings(**overrides):
        ids = {m.id for m in found(deployed=True)}
    assert not ids & {"djwto.W075", "djwto.W076"}


WARNINGS = [w for w in WRONG + WRONG_WHEN_DEPLOYED if w[0].startswith("W")]
GONE_WHEN_STRICT = {"W048": "E060", "W049": "E064"}
"""Of these the strict preset has errors of its own, which need no deployment."""


@pytest.mark.clause("SET-5")
@pytest.mark.parametrize(
    ("check_id", "overrides", "phrase"),
    WARNINGS,
    ids=[f"{w[0]}-{n}" for n, w in enumerate(WARNINGS)],
)
@pytest.mark.case("P13")
def test_a_warning_is_an_error_in_the_strict_preset(
    check_id: str, overrides: dict[str, Any], phrase: str
) -> None:
    with override_settings(**overrides, **STRICT):
        messages = {m.id: m for m in found(deployed=True)}
    assert all(m.level >= ERROR for m in messages.values())
    if check_id in GONE_WHEN_STRICT:
        assert f"djwto.{check_id}" not in messages
        assert f"djwto.{GONE_WHEN_STRICT[check_id]}" in messages
    else:
        assert phrase in messages[f"djwto.{check_id}"].msg


@pytest.mark.clause("SET-1")
def test_a_wrong_max_age_is_all_that_is_told_of_keys_that_are_called_for() -> None:
    with override_settings(DJWTO_KEYS=lambda: [KEY], DJWTO_KEYS_MAX_AGE="long"):
        of_djwto = checks.check_settings() + checks.check_settings_deploy()
    assert [m.id for m in of_djwto] == ["djwto.E075"]


@pytest.mark.clause("SET-1")
def test_a_warning_of_a_foreign_backend_is_an_error_too_and_news_are_not() -> None:
    with override_settings(**KEYS_ONLY):
        assert not any(m.is_serious() for m in checks.check_blacklist_deploy())
        with override_settings(**STRICT):
            news, warning = checks.check_blacklist_deploy()
    assert (news.id, news.is_serious()) == ("mine.I001", False)
    assert (warning.id, warning.msg, warning.hint) == ("mine.W001", "Beware.", "?")
    assert warning.obj == "the store"
    assert warning.is_serious()


@pytest.mark.clause("SET-5")
def test_the_strict_preset_by_itself_is_right_and_gives_the_strict_defaults() -> None:
    loose = (settings.rotate_on_access, settings.check_access, settings.cookie_prefix)
    assert loose == (False, False, "")
    with override_settings(**STRICT):
        assert found(deployed=True) == []
        strict = (settings.rotate_on_access, settings.check_access, settings.cookie_prefix)
    assert strict == (True, True, "__Secure-")


@pytest.mark.clause("SET-5")
def test_a_setting_that_is_as_strict_as_the_preset_is_taken() -> None:
    with override_settings(
        **STRICT,
        DJWTO_ROTATE_REFRESH=True,
        DJWTO_REUSE_GRACE=10,
        DJWTO_SESSION_MAX_AGE=timedelta(days=30),
        DJWTO_ACCESS_TOKEN_LIFETIME=timedelta(hours=1),
        DJWTO_REFRESH_TOKEN_LIFETIME=timedelta(days=7),
        DJWTO_REMEMBER_LIFETIME=timedelta(days=30),
        DJWTO_SAME_SITE="Strict",
        **COOKIES,
    ):
        assert found(deployed=True) == []


@pytest.mark.clause("SET-1")
def test_an_alias_of_its_own_is_no_cause_for_a_warning() -> None:
    with override_settings(
        CACHES={"default": locmem(), "sessions": locmem(**LIFTED)},
        DJWTO_BLACKLIST={"BACKEND": CACHE, "OPTIONS": {"alias": "sessions"}},
        # Of no effect while Django's sessions are in the database.
        SESSION_CACHE_ALIAS="sessions",
        DEBUG=True,
    ):
        assert found() + checks.check_blacklist_deploy() == []


@pytest.mark.clause("SET-1")
def test_every_id_is_tested() -> None:
    folders = [Path(djwto.__file__).parent, Path(str(backends.__file__)).parent]
    sources = [path for folder in folders for path in folder.glob("*.py")]
    ids = {i for path in sources for i in re.findall(r'"djwto\.([EW]\d{3})"', path.read_text())}
    # These take a Redis, another database or another PyJWT.
    elsewhere = {"W014", "W015", "W016", "E071", "W089"}
    assert ids == {w[0] for w in WRONG} | {w[0] for w in WRONG_WHEN_DEPLOYED} | elsewhere


@pytest.mark.clause("SET-1")
def test_a_project_without_a_setting_is_right() -> None:
    assert found() == []


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    "overrides",
    [
        {"DJWTO_ISS_CLAIM": "shop", "DJWTO_SUB_CLAIM": "s", "DJWTO_AUD_CLAIM": ["web", "app"]},
        {"DJWTO_REFRESH_TOKEN_LIFETIME": None, "DJWTO_ACCESS_TOKEN_LIFETIME": None},
        {"DJWTO_LEEWAY": timedelta(seconds=30), "DJWTO_NBF_LIFETIME": timedelta(seconds=5)},
        # As far as it goes.
        {"DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(seconds=1), "DJWTO_LEEWAY": 600},
        {"DJWTO_REFRESH_TOKEN_LIFETIME": timedelta(minutes=5), "DJWTO_LEEWAY": timedelta(0)},
        {"DJWTO_REFRESH_TOKEN_LIFETIME": timedelta(days=30), "DJWTO_VERIFIED_TOKENS": 0},
        {"DJWTO_SESSION_MAX_AGE": timedelta(seconds=1), "DJWTO_VERIFIED_TOKENS": 2},
        {"DJWTO_NBF_LIFETIME": timedelta(days=1, seconds=-1), "DJWTO_SIGNING_KEY": "k" * 32},
        {
            "DJWTO_REFRESH_TOKEN_LIFETIME": None,
            "DJWTO_NBF_LIFETIME": timedelta(days=365, seconds=-1),
        },
        {"DJWTO_ALGORITHM": "ES256", "DJWTO_SIGNING_KEY": EC_PRIVATE},
        {
            "DJWTO_ALGORITHM": "ES256",
            "DJWTO_SIGNING_KEY": EC_PRIVATE.encode(),
            "DJWTO_VERIFYING_KEY": EC_PUBLIC,
        },
        {"DJWTO_ALGORITHM": "PS256", "DJWTO_SIGNING_KEY": RSA_PRIVATE},
        {"DJWTO_KEYS": [KEY]},
        {"DJWTO_KEYS": (KEY | {"kid": None}, {**KEY, "kid": "k" * 200, "algorithm": "HS384"})},
        {"DJWTO_KEYS": [KEY | {"not_after": None}, {**KEY, "kid": "b", "not_after": 0}]},
        {"DJWTO_KEYS": [{"algorithm": "HS256", "key": None}], "DJWTO_KEYS_MAX_AGE": 0},
        {"DJWTO_KEYS": [{"kid": "a", "algorithm": "ES256", "key": EC_PUBLIC}]},
        {"DJWTO_KEYS": lambda: [KEY], "DJWTO_KEYS_MAX_AGE": timedelta(hours=1)},
        {"DJWTO_MODE": "TWO-COOKIES", "DJWTO_SAME_SITE": "None", "DJWTO_DOMAIN": "shop.example"},
        {"DJWTO_MODE": "ONE-COOKIE", "DJWTO_REFRESH_COOKIE_PATH": "/X/"},
        {"DJWTO_CSRF": False},
        # Not set, the lifetime of refresh tokens gives way to a session that is to be shorter.
        {"DJWTO_SESSION_MAX_AGE": timedelta(hours=1)},
        {
            "DJWTO_SESSION_MAX_AGE": timedelta(hours=12),
            "DJWTO_REMEMBER_LIFETIME": timedelta(hours=12),
        },
        {"DJWTO_REFRESH_TOKEN_LIFETIME": None, "DJWTO_SESSION_MAX_AGE": timedelta(days=1)},
        {"DJWTO_REFRESH_TOKEN_LIFETIME": timedelta(days=90), "DJWTO_SESSION_MAX_AGE": None},
        {"DJWTO_REMEMBER_LIFETIME": timedelta(days=30)},
        {"DJWTO_REUSE_GRACE": 0},
        {"DJWTO_REUSE_GRACE": timedelta(minutes=1)},
        {"DJWTO_ROTATE_REFRESH": False},
        {"DJWTO_ROTATE_REFRESH": False, **KEYS_ONLY},
        {"DJWTO_ROTATE_ON_ACCESS": True, "DJWTO_CHECK_ACCESS": True},
        {"DJWTO_MODE": "ONE-COOKIE", "DJWTO_COOKIE_PREFIX": "__Secure-"},
        {"DJWTO_THROTTLE": f"{HOOKS}.answers"},
        cached_in(locmem(OPTIONS={"MAX_ENTRIES": "20000000"})),
        cached_in(locmem(OPTIONS={"MAX_ENTRIES": 1_000_000})),
        cached_in({"BACKEND": REDIS_CACHE}),
        cached_in(DJANGO_REDIS),
        {**cached_in(locmem(**LIFTED)), "DJANGO_REDIS_IGNORE_EXCEPTIONS": True},
    ],
    ids=", ".join,
)
def test_what_is_right_is_not_reported(overrides: dict[str, Any]) -> None:
    with override_settings(**overrides):
        assert found() == []


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    ("app", "overrides", "always", "deployed"),
    [
        (
            "djwto",
            {**KEYS_ONLY, "DJWTO_MODE": "COOKIE", "DJWTO_SESSION_MAX_AGE": None},
            {"djwto.E003", "djwto.W047"},
            {"djwto.W049", "mine.I001", "mine.W001"},
        ),
        ("djwto_sessions", {"DJWTO_SESSION_IP": "some"}, {"djwto.E050"}, set()),
    ],
)
def test_an_app_registers_its_checks_as_those_of_security(
    app: str,
    overrides: dict[str, Any],
    always: set[str],
    deployed: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, registry = apps.get_app_config(app), CheckRegistry()
    monkeypatch.setattr(f"{type(config).__module__}.register", registry.register)
    config.ready()
    with override_settings(**overrides):
        found = registry.run_checks(tags=[Tags.security])
        more = registry.run_checks(tags=[Tags.security], include_deployment_checks=True)
    assert {m.id for m in found} == always
    assert {m.id for m in more} == always | deployed


@pytest.mark.clause("SET-1")
def test_an_algorithm_that_needs_a_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jwt.algorithms.has_crypto", False)
    assert found() == []
    with override_settings(DJWTO_ALGORITHM="ES256", DJWTO_SIGNING_KEY=EC_PRIVATE):
        (message,) = found()
    assert message.id == "djwto.E005"
    assert "pip install djwto[crypto]" in message.msg


@pytest.mark.clause("SET-1")
def test_the_command_fails_for_an_error() -> None:
    with override_settings(DJWTO_MODE="COOKIE"), pytest.raises(SystemCheckError, match="E003"):
        call_command("check")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
) | st.sampled_from([object(), timedelta(days=10**8), timedelta.min, int, print])


@pytest.mark.clause("SET-1")
@search(examples=400)
@given(name=st.sampled_from(sorted(NAMES)), value=anything, strict=st.booleans())
def test_no_value_breaks_the_checks(name: str, value: Any, strict: bool) -> None:
    with override_settings(**{"DJWTO_STRICT": strict} | {name: value}):
        of_settings = checks.check_settings() + checks.check_settings_deploy()
        assert all(m.msg for m in of_settings + checks.check_blacklist())


@pytest.mark.clause("SET-2")
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_setting_is_read_when_it_is_used(name: str) -> None:
    attribute = name.removeprefix("DJWTO_").lower()
    default = vars(Settings)[attribute].default
    assert getattr(settings, attribute) == default
    with override_settings(**{name: "another value"}):
        assert getattr(settings, attribute) == "another value"
    assert getattr(settings, attribute) == default


class WorkedOut(UserSettingsHolder):
    """Settings that are worked out when somebody asks for them."""

    def __getattr__(self, name: str) -> Any:
        return "ONE-COOKIE" if name == "DJWTO_MODE" else super().__getattr__(name)


@pytest.mark.clause("SET-2")
def test_settings_that_are_worked_out_are_asked_for_as_any_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = settings.refresh_cookie_path
    assert conf.given_each(["DJWTO_XYZ", "DEBUG"]) == [conf.NOT_GIVEN, django_settings.DEBUG]
    holder: Any = vars(django_settings)["_wrapped"]
    monkeypatch.setattr(django_settings, "_wrapped", WorkedOut(holder))
    assert (settings.mode, settings.refresh_cookie_path) == ("ONE-COOKIE", path)
    assert conf.given_each(["DJWTO_MODE", "DJWTO_XYZ"]) == ["ONE-COOKIE", conf.NOT_GIVEN]


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize("options", [{}, {"x": 1}])
def test_options_are_left_to_a_constructor_of_the_backends_own(options: dict[str, Any]) -> None:
    assert LooksAtThemItself(options).options == options


@pytest.mark.clause("SET-2")
def test_what_is_given_below_what_is_overridden_is_found(settings: Settings) -> None:
    for name in ("SECRET_KEY", "ROOT_URLCONF", "DJWTO_MODE"):
        with override_settings(DJWTO_LEEWAY=3):
            assert conf.given(name) == getattr(django_settings, name, conf.NOT_GIVEN)


@pytest.mark.clause("SET-2")
@pytest.mark.django_db
def test_an_override_changes_the_next_answer() -> None:
    create_alice()
    issuers = []
    for issuer in (None, "one", "another"):
        with override_settings(DJWTO_ISS_CLAIM=issuer):
            issuers.append(api.claims_of(api.log_in(**CREDENTIALS).access or "").get("iss"))
    assert issuers == [None, "one", "another"]


@pytest.mark.clause("SET-2")
@pytest.mark.django_db
@pytest.mark.case(112)
def test_a_new_key_refuses_the_tokens_of_the_old_one() -> None:
    create_alice()
    token = api.log_in(**CREDENTIALS).refresh
    assert api.send(api.VALIDATE_REFRESH, token).status == 200
    with override_settings(DJWTO_SIGNING_KEY="another key, and of a good length too"):
        assert api.send(api.VALIDATE_REFRESH, token).status == 401
    assert api.send(api.VALIDATE_REFRESH, token).status == 200


@pytest.mark.clause("SET-3")
def test_the_setting_names_the_backend() -> None:
    assert type(get_blacklist()).__name__ == "DatabaseBlacklist"
    with override_settings(DJWTO_BLACKLIST={"BACKEND": CACHE}):
        assert type(get_blacklist()).__name__ == "CacheBlacklist"
        assert get_blacklist() is get_blacklist()
    assert type(get_blacklist()).__name__ == "DatabaseBlacklist"


@pytest.mark.clause("SET-3")
@pytest.mark.parametrize(
    ("name", "is_made_anew"),
    [
        ("DJWTO_BLACKLIST", True),
        ("CACHES", True),
        ("DATABASES", True),
        ("DATABASE_ROUTERS", True),
        ("DJWTO_MODE", False),
    ],
)
def test_the_backend_is_made_anew_when_what_it_stands_on_changes(
    name: str, is_made_anew: bool
) -> None:
    before = get_blacklist()
    setting_changed.send(sender=None, setting=name, value=None, enter=False)
    assert (get_blacklist() is not before) == is_made_anew


@pytest.mark.clause("SET-4")
def test_a_misspelt_setting_is_told_the_right_name() -> None:
    with override_settings(DJWTO_ACESS_TOKEN_LIFETIME=1, DJWTO_XYZ=1):
        hints = {m.msg.split()[0]: m.hint for m in found()}
    assert hints == {
        "DJWTO_ACESS_TOKEN_LIFETIME": "Did you mean DJWTO_ACCESS_TOKEN_LIFETIME?",
        "DJWTO_XYZ": "Remove it, or see docs/settings.rst.",
    }
