"""Endpoints of a project that names its URLs itself."""

from __future__ import annotations

from django.urls import path

from djwto.views import GetTokensView, RefreshAccessView

urlpatterns = [
    path("enter/", GetTokensView.as_view()),
    path("api/token/refresh/again/", RefreshAccessView.as_view()),
]
