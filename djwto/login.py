"""Who is logging in: credentials through Django's authentication backends, as its own login."""

from __future__ import annotations

import json
from typing import cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.utils.module_loading import import_string

from djwto.body import fields, readable
from djwto.conf import settings
from djwto.exceptions import LoginFailed, UnreadableBody


def user_authenticate(request: HttpRequest) -> AbstractBaseUser:
    """The user whose username and password the body holds. Replaced by `DJWTO_USER_AUTHENTICATE`.

    The name is sent as `username` or under the user model's own USERNAME_FIELD. The request
    goes along to Django's `authenticate`, for backends that count failures. A replacement
    raises ValidationError for a login that fails, as this one does, with a message that the
    client and the receivers of `jwt_login_fail` are told (SIG-2).
    """
    body = fields(request)
    own_name = get_user_model().USERNAME_FIELD
    credentials = {
        "username": body.get("username", body.get(own_name, "")),
        "password": body.get("password", ""),
    }
    for name, value in credentials.items():
        _refuse_unless_text(name, value)
    form = AuthenticationForm(request, data=credentials)
    if not form.is_valid():
        raise ValidationError(json.dumps(form.errors))
    return form.get_user()


def _refuse_unless_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise UnreadableBody(f"The field {name} is not a text.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON can spell half a surrogate pair; no database and no hasher takes it.
        raise UnreadableBody(f"The field {name} is not valid Unicode.") from error


def authenticated(request: HttpRequest) -> AbstractBaseUser:
    """The user, by whatever `DJWTO_USER_AUTHENTICATE` names.

    Raises LoginFailed if the credentials are wrong or the user is deactivated, UnreadableBody
    if there are none to be read.
    """
    try:
        with readable():
            user = import_string(settings.user_authenticate)(request)
    except ValidationError as error:
        raise LoginFailed(" ".join(error.messages)) from error
    except PermissionDenied as error:
        raise LoginFailed(str(error) or "The login was refused.") from error
    if user is None or not user.is_active:
        raise LoginFailed("The credentials are wrong or the user is not active.")
    return cast(AbstractBaseUser, user)
