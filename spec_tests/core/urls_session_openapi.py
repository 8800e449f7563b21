"""The URLs of a project that describes the session list as well."""

from __future__ import annotations

from django.urls import include, path

from djwto.contrib.sessions.openapi import OpenAPIView

urlpatterns = [
    path("auth/", include("djwto.urls")),
    path("me/", include("djwto.contrib.sessions.urls")),
    path("openapi.json", OpenAPIView.as_view()),
]
