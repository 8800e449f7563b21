"""The endpoints for a server of ASGI: `path("", include("djwto.async_urls"))` (USER-8)."""

from __future__ import annotations

from djwto.urls import at_their_routes, views

VIEWS = views(awaits=True)

urlpatterns = at_their_routes(VIEWS)
