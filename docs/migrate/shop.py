"""What every project here has, before it moves and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings

KEY = "a key for tests only, of no use to anyone, and long enough to sign with"


def configure(folder: Path, urls: str, *apps: str, **more: Any) -> None:
    """A project whose database is a file in the folder."""
    settings.configure(
        SECRET_KEY=KEY,
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        TIME_ZONE="Asia/Tokyo",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *apps],
        ROOT_URLCONF=urls,
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"}
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        **more,
    )
    django.setup()


def bearer(token: str) -> dict[str, str]:
    """The header that brings a token."""
    return {"authorization": f"Bearer {token}"}
