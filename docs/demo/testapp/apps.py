"""Connects the receivers to every signal of djwto."""

from __future__ import annotations

from django.apps import AppConfig


class TestappConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "testapp"

    def ready(self) -> None:
        from djwto import signals
        from testapp.receivers import publish, show

        for receiver in (show, publish):
            signals.jwt_logged_in.connect(receiver, sender="GetTokensView")
            signals.jwt_login_fail.connect(receiver, sender="GetTokensView")
            signals.jwt_token_validated.connect(receiver, sender="ValidateTokensView")
            signals.jwt_access_refreshed.connect(receiver, sender="RefreshAccessView")
            signals.jwt_refresh_updated.connect(receiver, sender="UpdateRefreshView")
            signals.jwt_blacklisted.connect(receiver, sender="BlackListTokenView")
            # Whatever the sender: several views notice a token that is used twice, and all
            # sessions of a user can be ended by an endpoint or by code.
            signals.jwt_reuse_detected.connect(receiver)
            signals.jwt_sessions_revoked.connect(receiver)
