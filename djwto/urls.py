"""The endpoints, to be included under any prefix: `path("", include("djwto.urls"))`."""

from __future__ import annotations

from django.urls import path

from djwto.claims import REFRESH
from djwto.conf import settings
from djwto.views import (
    BlackListTokenView,
    GetTokensView,
    RefreshAccessView,
    UpdateRefreshView,
    ValidateTokensView,
)

_refresh = settings.refresh_cookie_path.strip("/")

urlpatterns = [
    path("login/", GetTokensView.as_view(), name="login"),
    path("validate_access/", ValidateTokensView.as_view(), name="validate_access"),
    path(
        f"{_refresh}/validate_refresh/",
        ValidateTokensView.as_view(token_type=REFRESH),
        name="validate_refresh",
    ),
    path(f"{_refresh}/refresh_access/", RefreshAccessView.as_view(), name="refresh_access"),
    path(f"{_refresh}/update_refresh/", UpdateRefreshView.as_view(), name="update_refresh"),
    path(f"{_refresh}/logout/", BlackListTokenView.as_view(), name="logout"),
]
