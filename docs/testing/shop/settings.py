import os

SECRET_KEY = "a key for tests only, of no use to anyone, and long enough to sign with"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djwto"]
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
DJWTO_MODE = os.environ.get("MODE", "JSON")
