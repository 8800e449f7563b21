"""Settings of a project of its own: a process has one user model."""

from __future__ import annotations

SECRET_KEY = "a key for tests only, of no use to anyone, and long enough to sign with"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "email_users.EmailUser"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "djwto",
    "djwto.spec_tests.core.email_users",
]
ROOT_URLCONF = "djwto.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
