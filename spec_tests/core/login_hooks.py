"""What `DJWTO_USER_AUTHENTICATE` and AUTHENTICATION_BACKENDS name in the tests of the login."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest


def by_header(request: HttpRequest) -> User:
    """The user whom a proxy in front of the site has authenticated."""
    return User.objects.get(username=request.headers["X-Remote-User"])


def nobody(request: HttpRequest) -> None:
    """Finds no user, and says no more."""


def refuses(request: HttpRequest) -> User:
    """Fails as a form does."""
    raise ValidationError("The one-time code is wrong.")


def refuses_twice(request: HttpRequest) -> User:
    """Fails for two reasons."""
    raise ValidationError(["The code is wrong.", "The account is locked."])


def forbids(request: HttpRequest) -> User:
    """Fails as an authentication backend does."""
    raise PermissionDenied("Too many attempts.")


def forbids_without_a_word(request: HttpRequest) -> User:
    """Fails and gives no reason."""
    raise PermissionDenied


def breaks(request: HttpRequest) -> User:
    """Has a mistake in it."""
    raise RuntimeError("The directory's certificate has expired.")


class PathBackend(ModelBackend):
    """Lets users in at `/login/` only, which it learns from the request."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        if request is None or request.path != "/login/":
            return None
        return super().authenticate(request, username, password, **kwargs)


class ForbiddingBackend(ModelBackend):
    """Ends every attempt, as django-axes does when a user is locked out."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        raise PermissionDenied("Locked out.")
