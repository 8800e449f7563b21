"""The settings of the project that is served; a file tells those of the store."""

from __future__ import annotations

import json
import os
from pathlib import Path

SECRET_KEY = "a key for tests only, of no use to anyone, and long enough to sign with"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djwto"]
# Tells the length of each answer, so that the connection goes on.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "djwto.spec_tests.project.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DJWTO_CHECK_ACCESS = True
DJWTO_ACCESS_TOKEN_LIFETIME = 3600
# Longer than any fault: who was not answered sends the same token again.
DJWTO_REUSE_GRACE = 600

globals().update(json.loads(Path(os.environ["DJWTO_FAULTS_SETTINGS"]).read_text()))
