"""The URLs of a project that has Django's admin, too."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("djwto.spec_tests.core.urls_session_list")),
    path("admin/", admin.site.urls),
]
