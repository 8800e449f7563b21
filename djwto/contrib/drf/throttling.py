"""Throttles of Django REST framework that count by session."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from djwto.blacklist import blacklist_key


class SessionRateThrottle(SimpleRateThrottle):
    """So many requests a session, by the rate of the scope "jwt_session"; others are not counted.

    A session is what a login begins: a user with two devices has two.
    """

    scope = "jwt_session"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """By the `jti`, which every token of the session has."""
        jti = request.auth.get("jti") if isinstance(request.auth, dict) else None
        if jti is None:
            return None
        key: str = self.cache_format % {"scope": self.scope, "ident": blacklist_key(jti)}
        return key
