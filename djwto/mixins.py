"""Class-based views that only a valid access token opens: the decorators, as mixins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.views import View

from djwto.authentication import jwt_login_required, jwt_perm_required


class _Before:
    """What has to be before the view among the bases of a class, as its own `as_view` is."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        bases = cls.__mro__
        if View in bases and bases.index(View) < bases.index(_Before):
            raise TypeError(
                f"{cls.__name__} has its mixin behind the view, where it guards nothing: write "
                "it first, as in class OrdersView(JWTLoginRequiredMixin, View)."
            )


class JWTLoginRequiredMixin(_Before):
    """Answers 401 unless an access token is sent that is valid (HTTP-15), sync or async."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Any]:
        """The view, guarded as by `jwt_login_required`."""
        view: Callable[..., Any] = super().as_view(**initkwargs)  # type: ignore[misc]
        return jwt_login_required(view)


class JWTPermissionRequiredMixin(_Before):
    """Answers 403 unless the token grants all of `permission_required` (HTTP-16)."""

    permission_required: ClassVar[Sequence[str]] = ()
    """Names such as "shop.add_order", or one name."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Any]:
        """The view, guarded as by `jwt_perm_required`.

        Raises ImproperlyConfigured where no permission is named.
        """
        wanted = initkwargs.get("permission_required", cls.permission_required)
        if not wanted:
            raise ImproperlyConfigured(
                f"{cls.__name__} has no permission_required; write a list of permissions, or use "
                "JWTLoginRequiredMixin."
            )
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        view: Callable[..., Any] = super().as_view(**initkwargs)  # type: ignore[misc]
        return jwt_perm_required(names)(view)
