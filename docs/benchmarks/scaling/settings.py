"""A Django project with a database of its own for each kind of store and each purpose.

Servers are looked for where `make test-services` does. The environment tells the purposes, which
of the databases is the default, if any, and what the blacklist is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from djwto.spec_tests.services import MARIADB, POSTGRESQL


def _server(url: str, engine: str, purpose: str, **options: Any) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": f"djwto_scale_{purpose}",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "OPTIONS": options,
    }


def _file(purpose: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(os.environ["DJWTO_SCALE_FOLDER"], f"{purpose}.sqlite3")),
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


DATABASES: dict[str, Any] = {"default": {}}
for _purpose in os.environ["DJWTO_SCALE_PURPOSES"].split():
    DATABASES[f"postgresql_{_purpose}"] = _server(POSTGRESQL.url, "postgresql", _purpose)
    DATABASES[f"mariadb_{_purpose}"] = _server(MARIADB.url, "mysql", _purpose, local_infile=True)
    DATABASES[f"sqlite_{_purpose}"] = _file(_purpose)
if _default := os.environ.get("DJWTO_SCALE_DEFAULT"):
    DATABASES["default"] = DATABASES[_default]

SECRET_KEY = "a secret of fifty characters for benchmarks only, see"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "djwto.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djwto"]
DJWTO_BLACKLIST = json.loads(
    os.environ.get(
        "DJWTO_SCALE_BLACKLIST", '{"BACKEND": "djwto.backends.database.DatabaseBlacklist"}'
    )
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# How long a password is hashed is no store's doing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True
