"""For drf-spectacular, which finds it once it is imported: how views say who asks them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from djwto.claims import ACCESS
from djwto.openapi import security, security_schemes


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The access token of the mode in force, with the CSRF token where one goes along (OA-2)."""

    target_class = "djwto.contrib.drf.authentication.JWTAuthentication"
    match_subclasses = True

    @property
    def name(self) -> list[str]:  # type: ignore[override]
        """The names that `djwto.openapi` has for them."""
        return list(security(ACCESS))

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """The schemes, in the order of their names."""
        return [security_schemes()[name] for name in self.name]
