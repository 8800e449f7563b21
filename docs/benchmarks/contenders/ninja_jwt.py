"""django-ninja-jwt, with its blacklist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contenders import keys, project

ASKED = project.Asked(
    login=("POST", "/token/pair", "", project.CREDENTIALS),
    refresh=lambda answer: ("POST", "/token/refresh", "", {"refresh": answer["refresh"]}),
    logout=lambda answer: ("POST", "/token/blacklist", "", {"refresh": answer["refresh"]}),
)


def set_up(algorithm: str, folder: str) -> None:
    """The project."""
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


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    set_up(algorithm, folder)
    return project.operations(ASKED)
