"""Has a client wait that asks too often: `DJWTO_THROTTLE` says who and for how long (HTTP-31)."""

from __future__ import annotations

import math

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.utils.module_loading import import_string

from djwto.body import readable
from djwto.exceptions import Throttled


def ask(hook: str, request: HttpRequest, sender: str) -> None:
    """Raises Throttled if the hook with this dotted path has the client wait (RFC 6585 section 4).

    `sender` is that of the endpoint's signals. A hook that raises PermissionDenied refuses
    without telling for how long. Raises ImproperlyConfigured for an answer that is neither.
    """
    try:
        with readable(request):
            wait = import_string(hook)(request, sender)
    except PermissionDenied as error:
        raise Throttled from error
    if wait is not None:
        raise Throttled(_whole_seconds(wait))


def _whole_seconds(wait: object) -> int:
    # Whether True has the client pass or wait, its author and its reader may see differently.
    if isinstance(wait, (int, float)) and not isinstance(wait, bool) and math.isfinite(wait):
        return max(1, math.ceil(wait))
    raise ImproperlyConfigured(
        f"DJWTO_THROTTLE names a hook that returned {wait!r}; expected the seconds after which to "
        "ask again, or None to let the request pass."
    )
