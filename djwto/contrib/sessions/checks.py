"""Finds wrong settings of the session list when the project starts."""

from __future__ import annotations

import inspect
from typing import Any

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from djwto.contrib.sessions.conf import settings

CHOICES = {
    "DJWTO_SESSION_IP": ("djwto.E050", "session_ip", ("full", "network", "none")),
    "DJWTO_SESSION_USER_AGENT": ("djwto.E051", "session_user_agent", ("full", "none")),
}


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Every check of the app's settings."""
    found: list[CheckMessage] = []
    for name, (check_id, attribute, choices) in CHOICES.items():
        value = getattr(settings, attribute)
        if value not in list(choices):
            found.append(
                Error(
                    f"{name} is {value!r}; expected {' or '.join(map(repr, choices))}, each a "
                    "text.",
                    id=check_id,
                )
            )
    dotted = settings.session_client_ip
    try:
        inspect.signature(import_string(dotted)).bind("request")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        found.append(
            Error(
                f"DJWTO_SESSION_CLIENT_IP is {dotted!r}; expected the dotted path of a function "
                f"that can be called as hook(request): {error}",
                id="djwto.E052",
            )
        )
    return found
