"""django-ninja-jwt, with its blacklist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contenders import keys, project


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    private, public = keys.pair(algorithm)
    project.configure(
        folder,
        "contenders.ninja_jwt_urls",
        ["ninja_extra", "ninja_jwt", "ninja_jwt.token_blacklist"],
        NINJA_JWT={
            "ALGORITHM": algorithm,
            "SIGNING_KEY": private,
            "VERIFYING_KEY": public,
            "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
        },
    )
    return project.operations(
        ("POST", "/token/pair", "", project.CREDENTIALS),
        lambda answer: ("POST", "/token/refresh", "", {"refresh": answer["refresh"]}),
        lambda answer: ("POST", "/token/blacklist", "", {"refresh": answer["refresh"]}),
    )
