"""The settings of djwto: names, types and defaults, read from Django's settings when used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from django.conf import settings as django_settings

T = TypeVar("T")


class Setting(Generic[T]):
    """One setting: the attribute `mode` reads `DJWTO_MODE`, or its default.

    `strict` is the default while `DJWTO_STRICT` is on, where the two differ.
    """

    def __init__(self, default: T, *, strict: T | None = None) -> None:
        self.default = default
        self.strict = default if strict is None else strict

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.name = f"DJWTO_{attribute.upper()}"

    def __get__(self, instance: object, owner: type) -> T:
        strict = getattr(django_settings, "DJWTO_STRICT", False)
        value: T = getattr(django_settings, self.name, self.strict if strict else self.default)
        return value


class Settings:
    """Every setting that djwto knows, each documented in docs/settings.rst."""

    iss_claim = Setting[str | None](None)
    sub_claim = Setting[str | None](None)
    aud_claim = Setting[str | list[str] | None](None)
    iat_claim = Setting[bool](True)
    jti_claim = Setting[bool](True)

    access_token_lifetime = Setting[timedelta | None](timedelta(minutes=5))
    refresh_token_lifetime = Setting[timedelta | None](timedelta(days=1))
    nbf_lifetime = Setting[timedelta | int | None](0)
    leeway = Setting[timedelta | int](0)

    allow_refresh_update = Setting[bool](True)
    rotate_refresh = Setting[bool](True)
    rotate_on_access = Setting[bool](False, strict=True)
    reuse_grace = Setting[timedelta | int](10)
    session_max_age = Setting[timedelta | None](timedelta(days=30))
    remember_lifetime = Setting[timedelta | None](None)
    check_access = Setting[bool](False, strict=True)
    strict = Setting[bool](False)

    algorithm = Setting[str]("HS256")
    signing_key = Setting[str | bytes | None](None)
    verifying_key = Setting[str | bytes | None](None)

    mode = Setting[str]("JSON")
    refresh_cookie_path = Setting[str]("api/token/refresh")
    same_site = Setting[Literal["Lax", "Strict", "None"]]("Lax")
    domain = Setting[str | None](None)
    cookie_prefix = Setting[str]("", strict="__Secure-")
    csrf = Setting[bool](True)

    blacklist = Setting[Mapping[str, Any]](
        {"BACKEND": "djwto.backends.database.DatabaseBlacklist", "OPTIONS": {}}
    )

    process_claims = Setting[str]("djwto.claims.process_claims")
    process_user = Setting[str]("djwto.claims.process_user")
    process_perms = Setting[str]("djwto.claims.process_perms")
    user_authenticate = Setting[str]("djwto.login.user_authenticate")


SETTINGS = tuple(s for s in vars(Settings).values() if isinstance(s, Setting))
NAMES = frozenset(setting.name for setting in SETTINGS)

settings = Settings()


def seconds(duration: timedelta | int | None) -> int:
    """A duration as whole seconds; None and 0 are both 0."""
    if isinstance(duration, timedelta):
        return int(duration.total_seconds())
    return duration or 0


def seconds_or_none(duration: timedelta | None) -> int | None:
    """A duration as whole seconds; None, for no limit, stays None."""
    return None if duration is None else seconds(duration)
