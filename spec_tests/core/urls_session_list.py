"""The endpoints of djwto, and those of the session list under a prefix of their own."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("djwto.urls")),
    path("me/", include("djwto.contrib.sessions.urls")),
]
