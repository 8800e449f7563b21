"""The connections to a database that are left in a thread where nobody ends a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from djwto.blacklist import BlacklistBackend, get_blacklist
from djwto.conf import settings
from djwto.request_user import DATABASE


@asynccontextmanager
async def closing_connections() -> AsyncIterator[None]:
    """Closes those that CONN_MAX_AGE has come to an end of, or that broke, before and after.

    Django does so for each request of HTTP. It takes no thread where no database is asked.
    """
    if not _asks_in_a_thread():
        yield
        return
    await sync_to_async(close_old_connections)()
    try:
        yield
    finally:
        await sync_to_async(close_old_connections)()


def _asks_in_a_thread() -> bool:
    if settings.request_user == DATABASE or settings.accept_simplejwt is not None:
        return True
    return settings.check_access and (
        type(get_blacklist()).aget_many is BlacklistBackend.aget_many
    )
