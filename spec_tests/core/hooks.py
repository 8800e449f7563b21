"""What `DJWTO_PROCESS_…`, CACHES, DATABASE_ROUTERS and `client` name in the tests of the core."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest

from djwto.claims import Claims, process_claims

TENANT = uuid.UUID("6f1f2d5e-6c0f-4d0b-9a60-0d7a6a9f2c11")
SINCE = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc)

answer: Any = None
"""What `answers` returns; a test sets it."""


def answers(*args: Any, **kwargs: Any) -> Any:
    """A hook that returns whatever the test wants."""
    return answer


def with_tenant(user: Any, request: HttpRequest, type_: str = "refresh") -> Claims:
    """Adds claims of types that JSON does not have."""
    return process_claims(user, request, type_) | {
        "tenant": TENANT,
        "roles": ("editor", "author"),
        "since": SINCE,
    }


def as_member(user: Any) -> Claims:
    """A `user` claim of another form."""
    return {"id": TENANT if user.pk is None else user.pk, "member": user.get_username()}


def two_perms(user: Any) -> Any:
    """Permissions as a tuple."""
    return ("shop.buy", "shop.sell")


def needs_more(user: Any, request: HttpRequest, type_: str, more: str) -> Claims:
    """Cannot be called with what djwto has to give."""
    raise NotImplementedError


async def awaited(request: HttpRequest, sender: str) -> int:
    """Answers only who awaits it."""
    raise NotImplementedError


not_callable = "a text"


class BrokenCache(LocMemCache):
    """A cache whose server is down and whose client says so."""

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("nobody listens")

    add = get = get_many = set = _fail


class LyingCache(LocMemCache):
    """Says that it added, and keeps canaries only."""

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        return super().add(key, value, *args, **kwargs) if "canary" in key else True


class FullCache(LocMemCache):
    """Has no room but for canaries, and says so."""

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        return super().add(key, value, *args, **kwargs) if "canary" in key else False


class ReadsElsewhere:
    """Reads go to "other", as to a replica; writes to "default"."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "other" if model._meta.app_label else "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default" if model._meta.app_label else "other"


class WritesElsewhere:
    """Writes of the blacklist go to "other"; all else to "default"."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "other" if model._meta.label == "djwto.BlacklistEntry" else "default"


class SessionsElsewhere:
    """The list of sessions is in "other"; all else is in "default"."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "other" if model._meta.label == "djwto_sessions.Session" else "default"

    db_for_write = db_for_read


def fake_redis() -> Any:
    """A client of a Redis in this process: every call of this function shares it."""
    import fakeredis

    return fakeredis.FakeRedis(server=_server(fakeredis))


def _server(fakeredis: Any, servers: list[Any] = []) -> Any:  # noqa: B006
    if not servers:
        servers.append(fakeredis.FakeServer())
    return servers[0]


def fails(*args: Any) -> Any:
    """A factory that has a mistake in it."""
    raise RuntimeError("no client today")


def add_user_only(user: Any) -> list[str]:
    """The one permission that a view of the project asks for."""
    return ["auth.add_user"]


def a_thousand_perms(user: Any) -> list[str]:
    """The permissions of a superuser of a large project."""
    return [f"application.change_model_{number}" for number in range(1000)]


VAULT: list[Any] = []


def vault() -> Any:
    """What DJWTO_KEYS may name: answers with the last of VAULT, or raises it."""
    answer = VAULT[-1]
    if isinstance(answer, Exception):
        raise answer
    return answer
