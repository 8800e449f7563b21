"""djwto's endpoints, the page to try them on, and a view that djwto protects."""

from __future__ import annotations

from django.urls import include, path
from testapp import views

from djwto.routes import refresh_prefix

urlpatterns = [
    path("", views.home),
    path("hello/", views.hello, name="hello"),
    path("", include("djwto.urls")),
    path("demo/events/", views.events, name="events"),
    path("demo/switch/", views.switch, name="switch"),
    # Where the browser sends the refresh cookie.
    path(f"{refresh_prefix()}/demo/held/", views.held, name="held"),
    path(f"{refresh_prefix()}/demo/old/", views.old, name="old"),
    path("docs/<path:path>", views.docs, name="docs"),
]
