"""When what was written to a database can be rolled back no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db import connections, transaction


def when_committed(aliases: Iterable[str], callback: Callable[[], None]) -> None:
    """Calls `callback` once no transaction is open on these databases: at once, if none is.

    It is not called if one of them is rolled back.
    """
    unsettled = {alias for alias in aliases if _is_open(alias)}
    if not unsettled:
        callback()

    def settle(alias: str) -> Callable[[], None]:
        def settled() -> None:
            unsettled.remove(alias)
            if not unsettled:
                callback()

        return settled

    # With each of them at once: what is rolled back forgets it, whichever transaction ends first.
    for alias in tuple(unsettled):
        transaction.on_commit(settle(alias), using=alias, robust=True)


def _is_open(alias: str) -> bool:
    if not connections[alias].in_atomic_block:
        return False
    try:
        # Django's way to tell a transaction from that of a test case, which never commits.
        with transaction.atomic(using=alias, savepoint=False, durable=True):
            return False
    except RuntimeError:
        return True
