"""How a check says that a clause does not hold, or does not apply."""

from __future__ import annotations


class Broken(AssertionError):
    """The clause does not hold; the text says what was done, expected and seen."""


class NotApplicable(Exception):
    """The clause says nothing about this backend; the text says why."""
