"""Connects a receiver to every signal of djwto."""

from __future__ import annotations

from django.apps import AppConfig


class TestappConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "testapp"

    def ready(self) -> None:
        from djwto import signals
        from testapp.receivers import show

        signals.jwt_logged_in.connect(show, sender="GetTokensView")
        signals.jwt_login_fail.connect(show, sender="GetTokensView")
        signals.jwt_token_validated.connect(show, sender="ValidateTokensView")
        signals.jwt_access_refreshed.connect(show, sender="RefreshAccessView")
        signals.jwt_refresh_updated.connect(show, sender="UpdateRefreshView")
        signals.jwt_blacklisted.connect(show, sender="BlackListTokenView")
        # Whatever the sender: several views notice a token that is used twice, and all sessions
        # of a user can be ended by an endpoint or by code.
        signals.jwt_reuse_detected.connect(show)
        signals.jwt_sessions_revoked.connect(show)
