"""The settings of djwto: names, types and defaults, read from Django's settings when used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import repeat
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar

from django.conf import Settings as SettingsModule
from django.conf import UserSettingsHolder
from django.conf import settings as django_settings

T = TypeVar("T")

NOT_GIVEN: Any = object()

_PLAIN = {SettingsModule, ModuleType}
"""What keeps every setting in its `__dict__`: the settings of a project, and Django's defaults."""


def given(name: str) -> Any:
    """The value of one of Django's settings now, or NOT_GIVEN.

    `getattr` says the same, a hundred times slower where there is none: Django keeps what it found
    and not what it missed, and most projects give few of ours.
    """
    holder = object.__getattribute__(django_settings, "_wrapped")
    if type(holder) is SettingsModule:
        return holder.__dict__.get(name, NOT_GIVEN)
    # What `override_settings` lays over the settings, and `settings.configure` over none.
    while type(holder) is UserSettingsHolder:
        held = holder.__dict__
        if name in held:
            return held[name]
        if name in held["_deleted"]:
            return NOT_GIVEN
        holder = held["default_settings"]
    if type(holder) in _PLAIN:
        return holder.__dict__.get(name, NOT_GIVEN)
    return getattr(django_settings, name, NOT_GIVEN)


def given_each(names: Sequence[str]) -> list[Any]:
    """The values of several settings, as `given` tells them."""
    holder = object.__getattribute__(django_settings, "_wrapped")
    if type(holder) is SettingsModule:
        return list(map(holder.__dict__.get, names, repeat(NOT_GIVEN)))
    layers = []
    while type(holder) is UserSettingsHolder and not holder.__dict__["_deleted"]:
        layers.append(holder.__dict__)
        holder = holder.__dict__["default_settings"]
    if type(holder) not in _PLAIN:
        return [given(name) for name in names]
    found = map(holder.__dict__.get, names, repeat(NOT_GIVEN))
    for layer in reversed(layers):
        found = map(layer.get, names, found)
    return list(found)


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
        value: T = given(self.name)
        if value is not NOT_GIVEN:
            return value
        if self.strict is self.default:
            return self.default
        strict = given("DJWTO_STRICT")
        return self.default if strict is NOT_GIVEN or not strict else self.strict


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
    keys = Setting[Sequence[Mapping[str, Any]] | Callable[[], Any] | str | None](None)
    keys_max_age = Setting[timedelta | int](60)

    verified_tokens = Setting[int](1024)
    accept_simplejwt = Setting[Mapping[str, Any] | None](None)

    request_user = Setting[Literal["database", "token"]]("database")

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
    throttle = Setting[str | None](None)


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
