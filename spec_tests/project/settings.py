"""Settings with embedded stores in a temporary folder; `DJWTO_TEST_*` name servers instead.

`DJWTO_TEST_DATABASE` is the URL of the default database, `DJWTO_TEST_CACHE` that of the default
cache: postgresql://, mysql://, redis:// or memcached://. Without them: SQLite and locmem.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# Shared with the processes that the suite starts: they inherit the variable.
if "DJWTO_TEST_FOLDER" not in os.environ:
    os.environ["DJWTO_TEST_FOLDER"] = tempfile.mkdtemp(prefix="djwto-")
    atexit.register(shutil.rmtree, os.environ["DJWTO_TEST_FOLDER"], ignore_errors=True)
# Tests that run side by side each have a folder of their own in it.
FOLDER = Path(os.environ["DJWTO_TEST_FOLDER"], os.environ.get("PYTEST_XDIST_WORKER", ""))
FOLDER.mkdir(exist_ok=True)

DATABASE = os.environ.get("DJWTO_TEST_DATABASE", "")
CACHE = os.environ.get("DJWTO_TEST_CACHE", "")


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "project.sqlite3",
            "TEST": {"NAME": FOLDER / "test.sqlite3"},
            "OPTIONS": {
                # Writers wait for each other; SQLite's default is to give up in mid-transaction.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": f"django.db.backends.{parts.scheme}",
        "NAME": parts.path.strip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }


def _cache(url: str) -> dict[str, Any]:
    if not url:
        return {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": "djwto-spec",
            "OPTIONS": {"MAX_ENTRIES": sys.maxsize},
        }
    if url.startswith("memcached://"):
        return {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": url.removeprefix("memcached://"),
        }
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}


SECRET_KEY = "a key for tests only, of no use to anyone, and long enough to sign with"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "djwto",
    "djwto.contrib.sessions",
]
# Django's live server cannot do without.
STATIC_URL = "static/"
ROOT_URLCONF = "djwto.spec_tests.project.urls"
DATABASES = {"default": _database(DATABASE)}
CACHES = {"default": _cache(CACHE)}
# Users are made by the thousand; how their passwords are kept is Django's business.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
