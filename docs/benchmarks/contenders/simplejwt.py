"""djangorestframework-simplejwt, with its blacklist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contenders import keys, project

ASKED = project.Asked(
    login=("POST", "/login/", "", project.CREDENTIALS),
    refresh=lambda answer: ("POST", "/refresh/", "", {"refresh": answer["refresh"]}),
    logout=lambda answer: ("POST", "/logout/", "", {"refresh": answer["refresh"]}),
)


def set_up(algorithm: str, folder: str) -> None:
    """The project."""
    private, public = keys.pair(algorithm)
    project.configure(
        folder,
        "contenders.simplejwt_urls",
        ["rest_framework", "rest_framework_simplejwt.token_blacklist"],
        SIMPLE_JWT={
            "ALGORITHM": algorithm,
            "SIGNING_KEY": private,
            "VERIFYING_KEY": public or "",
            "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
        },
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
    )


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    set_up(algorithm, folder)
    return project.operations(ASKED)
