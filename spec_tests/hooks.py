"""Hooks of a project, as the settings of djwto name them."""

from __future__ import annotations

from typing import NoReturn

from django.http import HttpRequest

WAIT = "djwto.spec_tests.hooks.wait"
"""For `DJWTO_THROTTLE`."""

FAIL = "djwto.spec_tests.hooks.fail"
"""For `DJWTO_USER_AUTHENTICATE`."""

FAILURE = "raised by a hook, as this check has it"


def wait(request: HttpRequest, sender: str) -> int:
    """Has every client wait for a minute."""
    return 60


def fail(request: HttpRequest) -> NoReturn:
    """Lets nobody log in, for a reason of its own."""
    raise RuntimeError(FAILURE)
