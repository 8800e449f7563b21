"""Runs what may have to wait, which is written once: at once, or awaited.

A flow is a coroutine. A view that is awaited has it ask in the event loop; for one that is not,
what it asks answers before it returns, and the flow never has to wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from djwto.blacklist import BlacklistBackend

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()
"""What goes on though nobody may wait for it any more: a loop itself keeps no hold of a task."""


def at_once(flow: Coroutine[Any, Any, T]) -> T:
    """What a flow returns that never has to wait. Raises RuntimeError if this one has to."""
    try:
        flow.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    flow.close()
    raise RuntimeError("A view has to wait that is not awaited; write as_view(awaits=True).")


async def to_the_end(flow: Coroutine[Any, Any, T]) -> T:
    """What a flow returns, which goes on to its end where who awaits this is cancelled.

    Django cancels the request of a client that leaves. What was written by then is announced.
    What the flow leaves in context variables is there afterwards, as it is where a view is awaited
    itself: the connections of a cache, for one, which are closed when the request ends.
    """
    left: list[tuple[ContextVar[Any], Any]] = []
    task = asyncio.ensure_future(_leaving(left, flow))
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(task)
    finally:
        for variable, value in left:
            variable.set(value)


async def _leaving(left: list[tuple[ContextVar[Any], Any]], flow: Coroutine[Any, Any, T]) -> T:
    """What a flow returns; `left` are the context variables then."""
    try:
        return await flow
    finally:
        left += copy_context().items()


class AtOnce:
    """A backend whose awaited methods never have to wait: they are those that are not awaited."""

    def __init__(self, backend: BlacklistBackend) -> None:
        self.backend = backend

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        """`get_many`."""
        return self.backend.get_many(keys)

    async def aadd(self, key: str, exp: int | None) -> bool:
        """`add`."""
        return self.backend.add(key, exp)

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        """`compare_and_set`."""
        return self.backend.compare_and_set(key, old, new, exp)
