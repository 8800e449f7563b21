"""Where the endpoints are, below the prefix under which they are included."""

from __future__ import annotations

from djwto.conf import settings


def refresh_prefix() -> str:
    """What the refresh endpoints' routes begin with, and the refresh cookie's path ends with."""
    return settings.refresh_cookie_path.strip("/")


def routes() -> dict[str, str]:
    """The route of each endpoint, by its name."""
    refresh = refresh_prefix()
    return {
        "login": "login/",
        "validate_access": "validate_access/",
        "validate_refresh": f"{refresh}/validate_refresh/",
        "refresh_access": f"{refresh}/refresh_access/",
        "update_refresh": f"{refresh}/update_refresh/",
        "logout": f"{refresh}/logout/",
        "logout_all": f"{refresh}/logout_all/",
        "jwks": ".well-known/jwks.json",
    }
