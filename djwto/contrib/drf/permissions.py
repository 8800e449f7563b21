"""Permissions that the token grants, for views of Django REST framework."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


def token_grants(*perms: str) -> type[BasePermission]:
    """A permission class for `permission_classes`: the token grants all of these (HTTP-16).

    `perms` are names such as "shop.add_order". The database is not asked, whatever
    `DJWTO_REQUEST_USER` says.
    """
    wanted = frozenset(perms)

    class TokenGrants(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            user = request.auth.get("user", {}) if isinstance(request.auth, dict) else {}
            granted = user.get("perms")
            return isinstance(granted, list) and wanted.issubset(map(str, granted))

    return TokenGrants
