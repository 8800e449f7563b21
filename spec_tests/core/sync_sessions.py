"""Sessions that refuse to be read in an event loop, as those in a database do."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import signed_cookies
from django.utils.asyncio import async_unsafe


class SessionStore(signed_cookies.SessionStore):
    """Django's signed cookies, guarded as Django guards its database connections."""

    @async_unsafe("A session cannot be read in an event loop; use a thread or sync_to_async.")
    def load(self) -> dict[str, Any]:
        """What the session holds."""
        loaded: dict[str, Any] = super().load()
        return loaded
