"""The endpoints, to be included under any prefix: `path("", include("djwto.urls"))`."""

from __future__ import annotations

from typing import Any

from django.urls import path

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

VIEWS: dict[str, Any] = {
    "login": GetTokensView.as_view(),
    "validate_access": ValidateTokensView.as_view(),
    "validate_refresh": ValidateTokensView.as_view(token_type=REFRESH),
    "refresh_access": RefreshAccessView.as_view(),
    "update_refresh": UpdateRefreshView.as_view(),
    "logout": BlackListTokenView.as_view(),
    "logout_all": LogoutAllView.as_view(),
    "jwks": JWKSView.as_view(),
}
"""The view of each endpoint, by its name."""

urlpatterns = [path(route, VIEWS[name], name=name) for name, route in routes().items()]
