"""What is logged while a check does what has to be logged: taken, not printed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logged_to(name: str) -> Iterator[list[logging.LogRecord]]:
    """While entered, takes a logger's records instead of having them printed."""
    logger, records = logging.getLogger(name), _Records()
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(records)
    try:
        yield records.taken
    finally:
        logger.removeHandler(records)
        logger.propagate = propagated


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.taken.append(record)
