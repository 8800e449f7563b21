"""djwto as it is here."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any

from contenders import keys, project

_REFRESH = "/api/token/refresh"

ASKED = project.Asked(
    login=("POST", "/login/", "", "username=alice&password=pass"),
    refresh=lambda answer: ("POST", f"{_REFRESH}/refresh_access/", answer["refresh"]),
    logout=lambda answer: ("POST", f"{_REFRESH}/logout/", answer["refresh"]),
)


SYNC, ASYNC = "contenders.djwto_urls", "contenders.djwto_async_urls"


def set_up(
    algorithm: str,
    folder: str,
    # Behind a server of ASGI as documented for one.
    urls: str = ASYNC if "ASGI" in os.environ else SYNC,
    **settings: Any,
) -> None:
    """The project."""
    private, public = keys.pair(algorithm)
    project.configure(
        folder,
        urls,
        ["djwto"],
        DJWTO_ALGORITHM=algorithm,
        DJWTO_SIGNING_KEY=private,
        DJWTO_VERIFYING_KEY=public,
        DJWTO_ACCESS_TOKEN_LIFETIME=timedelta(hours=1),
        **settings,
    )


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    set_up(algorithm, folder)
    return project.operations(ASKED, forget)


def forget() -> None:
    """Another process has its keys, and has verified none of the tokens that this one issued."""
    if (verified := sys.modules.get("djwto.verified")) is not None:
        verifier = verified.verifier()
        verifier._recent.clear()
        verifier._earlier.clear()
