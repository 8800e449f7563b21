"""The URLs of a project that publishes the description of the endpoints."""

from __future__ import annotations

from django.urls import include, path

from djwto.openapi import OpenAPIView

urlpatterns = [
    path("auth/", include("djwto.urls")),
    path("openapi.json", OpenAPIView.as_view()),
]
