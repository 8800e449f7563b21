"""The endpoints for a server of ASGI: `path("", include("djwto.async_urls"))` (USER-8)."""

from __future__ import annotations

from django.urls import path

from djwto.routes import routes
from djwto.urls import views

VIEWS = views(awaits=True)

urlpatterns = [path(route, VIEWS[name], name=name) for name, route in routes().items()]
