"""The user as an access token tells of one: permissions without a question to the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from djwto.claims import Claims, user_id
from djwto.exceptions import InvalidToken


class TokenUser:
    """Who the token names. There is no row behind it: it has what is in the claim `user` (USER-3).

    `claims` are those of a valid access token. The permissions are those of the login, for as
    long as the token lives. Raises InvalidToken if the claims name no user.
    """

    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_authenticated: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False
    """Never, nor a superuser: the admin asks the database."""
    is_superuser: ClassVar[bool] = False

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.pk = self.id = _primary_key(user_id(claims))
        perms = claims["user"].get("perms")
        self._perms = frozenset(map(str, perms)) if isinstance(perms, list) else frozenset()

    def __str__(self) -> str:
        return self.get_username()

    def __repr__(self) -> str:
        return f"<TokenUser: {self}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenUser) and other.pk == self.pk

    def __hash__(self) -> int:
        return hash(self.pk)

    @property
    def username(self) -> str:
        """As `get_username`, whatever the user model calls it."""
        return self.get_username()

    def get_username(self) -> str:
        """The name under the user model's USERNAME_FIELD; "" if the hook left it out."""
        return str(self.claims["user"].get(get_user_model().USERNAME_FIELD, ""))

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """The names in the claim `perms`. Of a single object the token says nothing."""
        return set() if obj is not None else set(self._perms)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the token grants it, for all objects."""
        return obj is None and perm in self._perms

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """Whether the token grants all of them."""
        if isinstance(perm_list, str):
            raise ValueError("perm_list must be an iterable of permissions.")
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the token grants any permission of the app."""
        return any(perm.partition(".")[0] == app_label for perm in self._perms)

    async def aget_all_permissions(self, obj: Any = None) -> set[str]:
        """As `get_all_permissions`."""
        return self.get_all_permissions(obj)

    async def ahas_perm(self, perm: str, obj: Any = None) -> bool:
        """As `has_perm`."""
        return self.has_perm(perm, obj)

    async def ahas_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """As `has_perms`."""
        return self.has_perms(perm_list, obj)

    async def ahas_module_perms(self, app_label: str) -> bool:
        """As `has_module_perms`."""
        return self.has_module_perms(app_label)


def _primary_key(value: int | str) -> Any:
    """The id of a token as the user model has it: a UUID is a text there (RFC 8259)."""
    try:
        return get_user_model()._meta.pk.to_python(value)
    except ValidationError as error:
        raise InvalidToken("The user of the token does not exist.") from error
