"""Rogues that take whatever options they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from djwto.spec_tests.rogues.honest import Honest


class AcceptsAnyOption(Honest):
    """Accepts any option, also one that it does not know: a typing error goes unnoticed."""

    breaks = "BL-16"
    default_options: ClassVar[Mapping[str, Any] | None] = None


class DropsWhatItDoesNotKnow(Honest):
    """Looks for the options that it knows, and drops the others."""

    breaks = "BL-16"

    def __init__(self, options: Mapping[str, Any]) -> None:
        known = self.default_options or {}
        super().__init__({name: options[name] for name in options if name in known})


class RefusesWithATypeError(Honest):
    """Raises a TypeError for an option that it does not know, as a call does."""

    breaks = "BL-16"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._take(**options)
        super().__init__(options)

    def _take(self, path: str | None = None) -> None:
        """Has Python look at the names."""


class ComplainsWhenAsked(Honest):
    """Is made with any option, and complains of it at the first call."""

    breaks = "BL-16"
    default_options: ClassVar[Mapping[str, Any] | None] = None

    def _run(self, statement: str, *values: Any) -> tuple[list[Any], int]:
        if unknown := set(self.options) - {"path"}:
            raise ImproperlyConfigured(f"There is no option {unknown}.")
        return super()._run(statement, *values)
