"""The endpoints, to be included under any prefix: `path("", include("djwto.urls"))`."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from djwto.claims import REFRESH
from djwto.jwks import JWKSView
from djwto.routes import routes
from djwto.views import (
    BlackListTokenView,
    GetTokensView,
    LogoutAllView,
    RefreshAccessView,
    UpdateRefreshView,
    ValidateTokensView,
)


def views(*, awaits: bool = False) -> dict[str, Any]:
    """The view of each endpoint, by its name; one that is awaited, if it `awaits` (USER-8)."""
    return {
        "login": GetTokensView.as_view(awaits=awaits),
        "validate_access": ValidateTokensView.as_view(awaits=awaits),
        "validate_refresh": ValidateTokensView.as_view(awaits=awaits, token_type=REFRESH),
        "refresh_access": RefreshAccessView.as_view(awaits=awaits),
        "update_refresh": UpdateRefreshView.as_view(awaits=awaits),
        "logout": BlackListTokenView.as_view(awaits=awaits),
        "logout_all": LogoutAllView.as_view(awaits=awaits),
        "jwks": JWKSView.as_view(awaits=awaits),
    }


def at_their_routes(views: dict[str, Any]) -> list[URLPattern]:
    """What is included under a prefix."""
    return [path(route, views[name], name=name) for name, route in routes().items()]


VIEWS = views()

urlpatterns = at_their_routes(VIEWS)
