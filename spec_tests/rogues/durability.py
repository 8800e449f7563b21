"""Rogues that say at the wrong time, too often or never that a write can be taken back no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection

from djwto.exceptions import BlacklistUnavailable
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


class BusyWhileItTells(Honest):
    """Calls back before it has let go of what it writes with."""

    breaks = "SIG-9"

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.lock = threading.Lock()

    def add(self, key: str, exp: int | None) -> bool:
        with self._writing():
            return super().add(key, exp)

    def on_durable(self, callback: Callable[[], None]) -> None:
        def tell() -> None:
            with self._writing():
                callback()

        super().on_durable(tell)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self.lock.acquire(timeout=2):
            raise BlacklistUnavailable("Somebody else is writing.")
        try:
            yield
        finally:
            self.lock.release()


class NeverDurableInATransaction(Honest):
    """Calls back at once where there is no transaction, and where there is one never."""

    breaks = "SIG-9"

    def on_durable(self, callback: Callable[[], None]) -> None:
        if not connection.in_atomic_block:
            callback()
