"""The contract of a blacklist: what the core asks of a store, and what a backend must promise.

A backend is a subclass of `BlacklistBackend`, named in `DJWTO_BLACKLIST`. It is told of keys,
of short values and of the time until which it must remember them, and of nothing else. Whether
it keeps the promises below is for `python -m djwto.spec_tests --backend DOTTED.PATH` to find out.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import connections
from django.utils.module_loading import import_string

from djwto.conf import settings
from djwto.durable import when_committed

if TYPE_CHECKING:
    from django.db.models import QuerySet

_SAFE = re.compile(r"[0-9a-f-]{1,64}")

KEY = re.compile(rf"~?{_SAFE.pattern}")
"""What a key looks like."""


def digest_key(kind: str, *parts: str) -> str:
    """A key for what is no session: a digest of its parts, apart from those of other kinds."""
    # RFC 8259 lets a text hold a lone surrogate, which has no UTF-8 form.
    encoded = "\0".join(parts).encode("utf-8", "surrogatepass")
    return "~" + blake2b(encoded, digest_size=32, person=kind.encode()).hexdigest()


def blacklist_key(jti: str) -> str:
    """The key of a session: its `jti` where that is safe in every store, else a digest of it.

    At most 65 characters of `0-9 a-f - ~`, so that no length limit, no case-insensitive
    collation and no reserved character of a store can make two sessions one.
    """
    if _SAFE.fullmatch(jti):
        return jti
    return "~" + sha256(jti.encode("utf-8", "surrogatepass")).hexdigest()


class BlacklistBackend(ABC):
    """Keys, each remembered until a time. Subclasses override `add`, `contains` and `purge`.

    One that keeps a value with a key overrides `get_many` and `compare_and_set` as well, and
    says so with `supports_values`; without them a late twin of a refresh token has no grace and
    nobody can log out everywhere (BL-22).

    Every method raises `djwto.exceptions.BlacklistUnavailable` where the store cannot answer
    for certain: it never guesses (BL-15). One instance serves all threads of a process.
    """

    supports_processes: bool = True
    """Do all processes that use the same options share one set of keys?"""

    supports_values: bool = False
    """Is a value kept with a key, and can it be compared and set in one step?"""

    default_options: ClassVar[Mapping[str, Any] | None] = None
    """The options this backend knows, with their defaults.

    None where an `__init__` of its own looks at them; without one there are no options.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options` is OPTIONS of `DJWTO_BLACKLIST`; an unknown one is ImproperlyConfigured."""
        known = self.default_options
        if known is None and type(self).__init__ is BlacklistBackend.__init__:
            known = {}
        if known is not None and (unknown := sorted(map(str, set(options) - set(known)))):
            raise ImproperlyConfigured(
                f"{type(self).__name__} has no option {', '.join(unknown)}; "
                f"it has {', '.join(sorted(known)) or 'none'}."
            )
        self.options: dict[str, Any] = {**(known or {}), **options}

    @abstractmethod
    def add(self, key: str, exp: int | None) -> bool:
        """Remembers `key` until `exp`, in epoch seconds (RFC 7519 NumericDate); None is for ever.

        True to exactly one caller, ever, per key, in whatever thread or process (BL-1 to BL-3);
        False to all others. On return the key is durable and visible to everyone (BL-4). An
        `exp` that has passed already is accepted (BL-9).
        """

    @abstractmethod
    def contains(self, key: str) -> bool:
        """Whether `key` was added: True from `add`'s return until its `exp` at least (BL-5)."""

    @abstractmethod
    def purge(self) -> int:
        """Frees what expired entries take; returns how many, 0 where the store does it by itself.

        Never touches a live entry, nor one that never expires (BL-7, BL-8).
        """

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        """Those of the keys that are there, with their values, in one round trip (BL-17).

        The value of a key that was `add`ed is "". This default, for a backend without values,
        asks `contains` for one key after the other.
        """
        return {key: "" for key in keys if self.contains(key)}

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        """Sets the value and the expiry of `key` if its value is `old`; None is "not there".

        One atomic step: of all who name the same `old` at once, exactly one is answered True
        (BL-18, BL-19). A value is at most 200 printable characters of ASCII, told apart each by
        each. `exp` as for `add`. This default, for a backend without values, takes no `old` but
        None, and drops the value. Raises NotImplementedError for any other (BL-22).
        """
        if old is not None:
            raise NotImplementedError(f"{type(self).__name__} keeps no values.")
        return self.add(key, exp)

    async def aadd(self, key: str, exp: int | None) -> bool:
        """`add`, awaited (BL-13)."""
        return await sync_to_async(self.add)(key, exp)

    async def acontains(self, key: str) -> bool:
        """`contains`, awaited (BL-13)."""
        return await sync_to_async(self.contains)(key)

    async def apurge(self) -> int:
        """`purge`, awaited (BL-13)."""
        return await sync_to_async(self.purge)()

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        """`get_many`, awaited (BL-13)."""
        return await sync_to_async(self.get_many)(keys)

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        """`compare_and_set`, awaited (BL-13)."""
        return await sync_to_async(self.compare_and_set)(key, old, new, exp)

    def purge_in_batches(self) -> Iterator[int]:
        """`purge` in steps, each yielding how many entries it freed, for a command to show.

        What `purge` promises, it promises as well (BL-7, BL-8).
        """
        yield self.purge()

    def on_durable(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when what `add` wrote last can be rolled back no more (SIG-9).

        This default takes every open transaction of the caller's for one that may take it back.
        A store that no database transaction has a say in calls at once.
        """
        when_committed(connections, callback)

    def table(self) -> QuerySet[Any] | None:
        """The rows of a table that the admin can show; None where there is no such table.

        Their model is `djwto.models.BlacklistEntry` (ADM-5).
        """
        return None

    def check(self) -> list[CheckMessage]:
        """Django's system checks of this backend's own configuration; asks no store (BL-23)."""
        return []

    def check_deploy(self) -> list[CheckMessage]:
        """The checks for `manage.py check --deploy`; may connect to the store."""
        return []


def load_backend(config: Any) -> BlacklistBackend:
    """A new backend of the class and with the options that a value of `DJWTO_BLACKLIST` names.

    Raises ImproperlyConfigured, with what to write instead.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("BACKEND"), str):
        raise ImproperlyConfigured(
            f"DJWTO_BLACKLIST is {config!r}; write "
            '{"BACKEND": "djwto.backends.database.DatabaseBlacklist", "OPTIONS": {}}.'
        )
    if unknown := sorted(set(config) - {"BACKEND", "OPTIONS"}, key=str):
        raise ImproperlyConfigured(
            f"DJWTO_BLACKLIST has the keys {unknown}; what a backend is told goes into OPTIONS."
        )
    options = config.get("OPTIONS", {})
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(
            f"OPTIONS of DJWTO_BLACKLIST is {options!r}; write a dict, such as {{}}."
        )
    try:
        backend_class = import_string(config["BACKEND"])
    except (ImportError, ValueError) as error:
        raise ImproperlyConfigured(
            f"DJWTO_BLACKLIST: {config['BACKEND']!r} cannot be imported: {error}"
        ) from error
    if not (isinstance(backend_class, type) and issubclass(backend_class, BlacklistBackend)):
        raise ImproperlyConfigured(
            f"DJWTO_BLACKLIST: {config['BACKEND']!r} is not a subclass of "
            "djwto.blacklist.BlacklistBackend."
        )
    return backend_class(options)


@lru_cache(maxsize=1)
def get_blacklist() -> BlacklistBackend:
    """The backend in force: one instance a process, made anew when the setting changes."""
    return load_backend(settings.blacklist)


def _forget_backend(*, setting: str, **kwargs: Any) -> None:
    # A backend may hold on to a cache, a database or an app that these settings name.
    if setting in {"DJWTO_BLACKLIST", "CACHES", "DATABASES", "DATABASE_ROUTERS"}:
        get_blacklist.cache_clear()


setting_changed.connect(_forget_backend)
