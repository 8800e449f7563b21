"""The signals. Each states a fact: it is sent once, after its effect is durable (SIG-9).

A receiver gets the name of the view as `sender`, `signal` and `request` (the HttpRequest) as any
of Django's does, and the keyword arguments listed with each signal, no more and no fewer. A
receiver that raises is logged on `django.dispatch` and changes nothing (SIG-11). Claims are
dicts, equal to those in the tokens that the client is given.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger("django.dispatch")


class SenderNameSignal(Signal):
    """A signal whose senders are strings, matched by value (SIG-8).

    Django tells senders apart by `id()`. Here all equal strings stand for the first of them, so
    that a receiver connected with a string read from a file hears a view that sends a literal.
    """

    log: Callable[..., None] | None = None
    """Writes down what is sent, before a receiver hears of it.

    It is no receiver: for one that is not async an event loop takes a thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}

    def _logged(self, **named: Any) -> None:
        if self.log is not None:
            try:
                self.log(**named)
            # A filter or a handler of the project's, which fails nobody as a receiver would not.
            except Exception:
                logger.exception("The log of a signal failed.")

    def _one(self, sender: Any) -> Any:
        return self._names.get(sender, sender) if isinstance(sender, str) else sender

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = False,
        dispatch_uid: Any = None,
    ) -> None:
        """As Django's, but that the receiver is kept unless `weak` is asked for (SIG-14).

        Receivers are mostly functions inside `ready()`, which would be gone when that returns.
        The name is kept too, lest another object be given its `id()`.
        """
        if isinstance(sender, str):
            sender = self._names.setdefault(sender, sender)
        super().connect(receiver, sender, weak, dispatch_uid)

    def disconnect(
        self,
        receiver: Callable[..., Any] | None = None,
        sender: Any = None,
        dispatch_uid: Any = None,
    ) -> bool:
        """As Django's."""
        return super().disconnect(receiver, self._one(sender), dispatch_uid)

    def has_listeners(self, sender: Any = None) -> bool:
        """As Django's."""
        return super().has_listeners(self._one(sender))

    def send(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """As Django's."""
        return super().send(self._one(sender), **named)

    async def asend(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """As Django's."""
        return await super().asend(self._one(sender), **named)

    def send_robust(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """As Django's, and written down."""
        self._logged(sender=sender, **named)
        return super().send_robust(self._one(sender), **named)

    async def asend_robust(
        self, sender: Any, **named: Any
    ) -> list[tuple[Callable[..., Any], Any]]:
        """As Django's, and written down."""
        self._logged(sender=sender, **named)
        return await super().asend_robust(self._one(sender), **named)


jwt_logged_in = SenderNameSignal()
"""A login succeeded. Sender "GetTokensView"; `refresh_claims: dict`, `access_claims: dict`
(SIG-1)."""

jwt_login_fail = SenderNameSignal()
"""A login failed, for whatever reason. Sender "GetTokensView"; `error: str`, what the client is
told, which for wrong credentials is the form's errors as JSON; if a hook of the project failed,
its exception's text, which the client is not told (SIG-2)."""

jwt_blacklisted = SenderNameSignal()
"""A session ended. Sender "BlackListTokenView"; `jti: str` (SIG-3)."""

jwt_token_validated = SenderNameSignal()
"""A token was found valid. Sender "ValidateTokensView"; nothing else (SIG-4)."""

jwt_access_refreshed = SenderNameSignal()
"""A new access token was issued. Sender "RefreshAccessView"; `refresh_claims: dict`,
`access_claims: dict` (SIG-5)."""

jwt_refresh_updated = SenderNameSignal()
"""A new pair of tokens was issued. Sender "UpdateRefreshView"; `refresh_claims: dict`,
`access_claims: dict` (SIG-6)."""

jwt_reuse_detected = SenderNameSignal()
"""A refresh token was sent that had been exchanged before, and its session was ended for it.
Sender the name of the view; `jti: str`, `claims: dict`, those of the token sent (SIG-15)."""

jwt_sessions_revoked = SenderNameSignal()
"""All sessions of a user ended. Sender "LogoutAllView" or, outside of a request, "revoke_all",
with `request` None; `user_id: int | str`, `except_jti: str | None`, the session that was spared
(SIG-16)."""
