"""djwto as it is here."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from contenders import keys, project

REFRESH = "/api/token/refresh"


def prepare(algorithm: str, folder: str, **settings: Any) -> dict[str, Any]:
    """The operations."""
    private, public = keys.pair(algorithm)
    project.configure(
        folder,
        "contenders.djwto_urls",
        ["djwto"],
        DJWTO_ALGORITHM=algorithm,
        DJWTO_SIGNING_KEY=private,
        DJWTO_VERIFYING_KEY=public,
        DJWTO_ACCESS_TOKEN_LIFETIME=timedelta(hours=1),
        **settings,
    )
    return project.operations(
        ("POST", "/login/", "", "username=alice&password=pass"),
        lambda answer: ("POST", f"{REFRESH}/refresh_access/", answer["refresh"]),
        lambda answer: ("POST", f"{REFRESH}/logout/", answer["refresh"]),
        forget,
    )


def forget() -> None:
    """Another process has verified none of the tokens that this one issued."""
    if (verified := sys.modules.get("djwto.verified")) is not None:
        verified._current = None
