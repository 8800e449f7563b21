"""The settings of a small project that uses djwto. MODE and BACKEND are what it begins with."""

from __future__ import annotations

import sys

from demo import environment

SECRET_KEY = "known to everyone who reads this file, so good for nothing but the demo"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "djwto",
    "testapp",
]
MIDDLEWARE = ["testapp.exchanges.recorded"]
ROOT_URLCONF = "demo.urls"
STATIC_URL = "static/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": environment.DATABASE}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "sessions_ended": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "sessions_ended",
        # The default of 300 would make it forget logouts.
        "OPTIONS": {"MAX_ENTRIES": sys.maxsize},
    },
}

DJWTO_MODE = environment.MODE
# Seconds in which a refresh token may be sent again. The default of 10 is right for a project;
# here somebody waits for what comes after.
DJWTO_REUSE_GRACE = 1
DEMO_BLACKLISTS = {
    "database": {"BACKEND": "djwto.backends.database.DatabaseBlacklist"},
    "cache": {
        "BACKEND": "djwto.backends.cache.CacheBlacklist",
        "OPTIONS": {"alias": "sessions_ended"},
    },
    # {"url": "redis://…"} is what a project with a server of its own writes. Here a function
    # makes the client, so that the demo can do without one.
    "redis": {
        "BACKEND": "djwto.backends.redis.RedisBlacklist",
        "OPTIONS": {"client": "demo.store.redis_client"},
    },
}
DJWTO_BLACKLIST = DEMO_BLACKLISTS[environment.BACKEND]
