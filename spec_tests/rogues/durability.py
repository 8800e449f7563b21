"""Rogues that say at the wrong time, too often or never that a write can be taken back no more."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from djwto.spec_tests.rogues.honest import Honest


class NeverDurable(Honest):
    """Calls nobody back."""

    breaks = "SIG-9"

    def on_durable(self, callback: Callable[[], None]) -> None:
        pass


class DurableTwice(Honest):
    """Calls back at once, and once more when the transaction is over."""

    breaks = "SIG-9"

    def on_durable(self, callback: Callable[[], None]) -> None:
        callback()
        super().on_durable(callback)


class NeverDurableInATransaction(Honest):
    """Calls back at once where there is no transaction, and where there is one never."""

    breaks = "SIG-9"

    def on_durable(self, callback: Callable[[], None]) -> None:
        if not connection.in_atomic_block:
            callback()
