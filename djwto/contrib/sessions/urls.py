"""The endpoints, to be included under any prefix: `include("djwto.contrib.sessions.urls")`."""

from __future__ import annotations

from django.urls import path

from djwto.contrib.sessions.views import SessionsView, SessionView

urlpatterns = [
    path("sessions/", SessionsView.as_view(), name="sessions"),
    path("sessions/<str:key>/", SessionView.as_view(), name="session"),
]
