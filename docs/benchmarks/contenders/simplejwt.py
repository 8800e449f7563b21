"""djangorestframework-simplejwt, with its blacklist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contenders import keys, project


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
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
    return project.operations(
        ("POST", "/login/", "", project.CREDENTIALS),
        lambda answer: ("POST", "/refresh/", "", {"refresh": answer["refresh"]}),
        lambda answer: ("POST", "/logout/", "", {"refresh": answer["refresh"]}),
    )
