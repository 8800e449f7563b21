"""The mode and the backend in force. They can be switched while the demo runs."""

from __future__ import annotations

from django.conf import settings
from django.core.signals import setting_changed


def mode() -> str:
    """How tokens travel."""
    return str(settings.DJWTO_MODE)


def backend() -> str:
    """Where it is kept which sessions have ended: one of the names in DEMO_BLACKLISTS."""
    return next(
        name
        for name, blacklist in settings.DEMO_BLACKLISTS.items()
        if blacklist == settings.DJWTO_BLACKLIST
    )


def switch(mode: str, backend: str) -> None:
    """Puts others in force, for the whole process.

    djwto reads its settings when it uses them (SET-2), and hears of a change as it does of
    `override_settings`. Raises KeyError for a backend that there is not.
    """
    for name, value in {
        "DJWTO_MODE": mode,
        "DJWTO_BLACKLIST": settings.DEMO_BLACKLISTS[backend],
    }.items():
        setattr(settings, name, value)
        setting_changed.send(sender=settings.__class__, setting=name, value=value, enter=True)
