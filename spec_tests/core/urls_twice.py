"""The endpoints under two prefixes and no namespace."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("djwto.urls")),
    path("second/", include("djwto.urls")),
]
