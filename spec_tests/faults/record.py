"""What the clients were answered, what the receivers heard, and when the store was at fault."""

from __future__ import annotations

from dataclasses import dataclass

LOGIN = "login"
LOGOUT = "logout"
LOGOUT_ALL = "logout_all"
REFRESH_ACCESS = "refresh_access"
UPDATE_REFRESH = "update_refresh"
VALIDATE_ACCESS = "validate_access"
VALIDATE_REFRESH = "validate_refresh"
VIEW = "view"

ENDING = (LOGOUT, LOGOUT_ALL)
QUESTIONS = (VALIDATE_REFRESH, VALIDATE_ACCESS, VIEW, REFRESH_ACCESS, UPDATE_REFRESH)
"""Operations that are answered 200 while a session goes on, and 401 when it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as its client saw it. Times are seconds on one clock for all."""

    operation: str
    process: int
    """Which of the application's processes was asked."""
    user: str
    session: str = ""
    """The `jti`; empty for a login that brought none."""
    started: float
    ended: float
    status: int | None
    """None where no answer came."""
    ended_it: bool = False
    """Whether a logout was told that it was the one that ended the session."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal, as a receiver in the application wrote it down."""

    signal: str
    subject: str
    """The `jti`, or the user where all sessions of one ended."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done to the store, from when until all of it was well again."""

    kind: str
    began: float
    healed: float
    emptied: bool = False
    """Whether the store forgot everything, so that the application was started anew after it."""
    forgot: float = 0
    """From when on it had, for certain."""
