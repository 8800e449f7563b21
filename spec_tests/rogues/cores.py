"""What a core is that breaks a clause: patches of djwto's own views and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.contrib.auth import get_user_model

from djwto import sessions, users, views
from djwto.claims import ACCESS, REFRESH, Claims, user_id
from djwto.exceptions import BlacklistUnavailable, InvalidToken
from djwto.tokens import decode
from djwto.verified import InForce

Patch = tuple[Any, str, Any]
"""An object, the name of an attribute of it, and what it is instead."""

Announce = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RogueCore:
    """A core that is aimed at a clause."""

    breaks: str
    """The clause that must reject this core."""

    name: str
    way: str
    """What is wrong with it."""

    patches: Callable[[], list[Patch]]
    """Made anew each time, for those that remember something."""

    on_database: bool = False
    """Is it shown on the database, the one store with transactions to roll back?"""

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """While entered, the core is this one."""
        with ExitStack() as stack:
            for owner, name, replacement in self.patches():
                stack.enter_context(patch.object(owner, name, replacement))
            yield


def patching(owner: Any, name: str, replacement: Any) -> Callable[[], list[Patch]]:
    """The one patch of a core that remembers nothing."""
    return lambda: [(owner, name, replacement)]


def never(*args: Any, **kwargs: Any) -> None:
    """Instead of a function: nothing."""


def look_at(*what: str) -> list[Patch]:
    """Of what may have become of a user only this is looked at."""

    def refuse(claims: Claims) -> Any:
        user = get_user_model()._default_manager.filter(pk=user_id(claims)).first()
        if user is None:
            if "deleted" in what:
                raise InvalidToken("The user of the token does not exist.")
            return get_user_model()(pk=user_id(claims))
        if "deactivated" in what and not user.is_active:
            raise InvalidToken("The user of the token is not active.")
        if "password" in what and users.auth_hash(user) != claims.get("auth_hash"):
            raise InvalidToken("The password of the token's user has been changed.")
        return user

    return [(views, "refuse_departed", refuse)]


def any_type(token: str, type_: str, under: InForce | None = None) -> Claims:
    """`decode`, which takes a token of either type for one of the other."""
    try:
        return decode(token, ACCESS, under)
    except InvalidToken:
        return decode(token, REFRESH, under)


def ask_or_believe(claims: Claims) -> int | None:
    """`sessions.ask`, for which every session goes on while the store is down."""
    try:
        return sessions.ask(claims)
    except BlacklistUnavailable:
        return None
