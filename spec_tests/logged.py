"""What is logged while a check does what has to be logged: taken, not printed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logged_to(name: str) -> Iterator[list[logging.LogRecord]]:
    """While entered, takes a logger's records instead of having them printed."""
    logger, kept = logging.getLogger(name), Kept()
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    try:
        yield kept.records
    finally:
        logger.removeHandler(kept)
        logger.propagate = propagated


class Kept(logging.Handler):
    """Keeps each record."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
