"""Who is logging in, by Django's authentication backends, and the session that begins."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from djwto.body import fields, flag, has_fields, readable
from djwto.claims import (
    ACCESS,
    LAST_NUMERIC_DATE,
    REFRESH,
    Claims,
    access_from,
    as_decoded,
    expiry,
    process_claims,
    process_perms,
    process_user,
    session_end,
    user_id,
    validate,
)
from djwto.conf import seconds_or_none, settings
from djwto.exceptions import InvalidToken, LoginFailed, UnreadableBody
from djwto.rotation import first_generation
from djwto.sessions import CLOCK_MARGIN, epoch
from djwto.tokens import TokenPair, sign
from djwto.users import password_claims, refuse_departed
from djwto.verified import verifier

SESSION_CLAIMS = frozenset({"auth_hash", "auth_time", "epoch", "gen"})
"""The claims by which a session ends when it should. No hook has a say in them."""

REFUSED = "DJWTO_PROCESS_CLAIMS or DJWTO_PROCESS_USER made claims that djwto refuses: {}"


def user_authenticate(request: HttpRequest) -> AbstractBaseUser:
    """The user whose username and password the body holds. Replaced by `DJWTO_USER_AUTHENTICATE`.

    The name is sent as `username` or under the user model's own USERNAME_FIELD. The request
    goes along to Django's `authenticate`, for backends that count failures. A replacement
    raises ValidationError for a login that fails, as this one does, with a message that the
    client and the receivers of `jwt_login_fail` are told (SIG-2).
    """
    body = fields(request)
    credentials = {
        "username": _text("username", _name_in(body)),
        "password": _text("password", body.get("password", "")),
    }
    form = AuthenticationForm(request, data=credentials)
    if not form.is_valid():
        raise ValidationError(json.dumps(form.errors))
    return form.get_user()


def login_name(request: HttpRequest) -> str:
    """The name that a login is for, as it will be looked up; "" if none was sent.

    For a hook that counts attempts by user: whoever looks into `request.POST` misses the logins
    with a JSON body, and takes one name with spaces around it for many. Raises UnreadableBody.
    """
    name = _text("username", _name_in(fields(request)))
    return UsernameField().to_python(name) or ""


def _name_in(body: Mapping[str, Any]) -> object:
    return body.get("username", body.get(get_user_model().USERNAME_FIELD, ""))


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableBody("The field %(name)s is not a text.", name=name)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON can spell half a surrogate pair; no database and no hasher takes it.
        raise UnreadableBody("The field %(name)s is not valid Unicode.", name=name) from error
    return value


def authenticated(request: HttpRequest) -> AbstractBaseUser:
    """The user, by whatever `DJWTO_USER_AUTHENTICATE` names.

    Raises LoginFailed if the credentials are wrong or the user is deactivated, UnreadableBody
    if there are none to be read.
    """
    try:
        with readable(request):
            user = import_string(settings.user_authenticate)(request)
    except ValidationError as error:
        reasons = " ".join(error.messages)
        raise LoginFailed(reasons) from error
    except PermissionDenied as error:
        raise LoginFailed(str(error) or gettext_noop("The login was refused.")) from error
    if user is None or not user.is_active:
        raise LoginFailed("The credentials are wrong or the user is not active.")
    return cast(AbstractBaseUser, user)


def new_session(user: AbstractBaseUser, request: HttpRequest) -> TokenPair:
    """The tokens of a new session, with the claims just as a client will decode them (TOK-1).

    Raises ImproperlyConfigured where a hook has made claims that would not be believed.
    """
    made = import_string(settings.process_claims)(user, request, REFRESH)
    now = int(time.time())
    try:
        claims = _by_hooks(user, made)
        claims |= _session_claims(user, request, claims, now)
        # Both of a pair are issued at one time, also where a second ends between the two.
        pair = sign(claims, access_from(claims, claims.get("iat", now)))
        if not _by_djwto_alone():
            early = max(0, claims.get("nbf", 0) - now)
            verifier().verify(pair.refresh, REFRESH, early)
            verifier().verify(pair.access, ACCESS, early)
    except (InvalidToken, TypeError, ValueError) as error:
        raise ImproperlyConfigured(REFUSED.format(error)) from error
    _refuse_changed(claims, now)
    # They were signed here, and will come back soon.
    verifier().remember(pair.refresh, REFRESH)
    verifier().remember(pair.access, ACCESS)
    return pair


def adopted(user: AbstractBaseUser, request: HttpRequest, presented: Claims) -> Claims:
    """The refresh claims of a session that began elsewhere and goes on as ours (MIG-4).

    They say of the user and the project what a login would, and of the session, its name and its
    times, what was `presented`. Raises ImproperlyConfigured as `new_session` does.
    """
    made = import_string(settings.process_claims)(user, request, REFRESH)
    try:
        claims = _by_hooks(user, made)
    except (InvalidToken, TypeError, ValueError) as error:
        raise ImproperlyConfigured(REFUSED.format(error)) from error
    # It is in use already.
    claims.pop("nbf", None)
    return claims | {name: presented[name] for name in ("jti", "exp", "auth_time")}


def _by_hooks(user: AbstractBaseUser, made: Any) -> Claims:
    """What the hooks have made, as it will be decoded, without what they have no say in."""
    claims: Claims = as_decoded(made)
    validate(claims, REFRESH, verifier().rules)
    _refuse_another_id(user, claims)
    return {name: claims[name] for name in claims if name not in SESSION_CLAIMS}


def _by_djwto_alone() -> bool:
    """Whether no hook has a say in the claims: then they are what will be believed (TOK-1)."""
    hooks = {
        settings.process_claims: process_claims,
        settings.process_user: process_user,
        settings.process_perms: process_perms,
    }
    return all(import_string(path) is ours for path, ours in hooks.items())


def _refuse_another_id(user: AbstractBaseUser, claims: Claims) -> None:
    if str(user_id(claims)) != str(user.pk):
        raise InvalidToken(
            "The id of the user claim is %(id)r. By it the user is found again and logged out "
            "everywhere; write %(pk)r, the primary key.",
            id=user_id(claims),
            pk=str(user.pk),
        )


def _refuse_changed(claims: Claims, now: int) -> None:
    """Raises LoginFailed if the user was changed after the credentials were found right.

    Who is changed is cut off after that, so that only then there is a reason to look again.
    """
    if claims.get("epoch", 0) > now - CLOCK_MARGIN:
        try:
            refuse_departed(claims)
        except InvalidToken as error:
            raise LoginFailed("The credentials are wrong or the user is not active.") from error


def _session_claims(
    user: AbstractBaseUser, request: HttpRequest, claims: Claims, now: int
) -> Claims:
    """What a session needs to end when it should, whatever the hooks say (TOK-11 to TOK-15)."""
    longest = settings.remember_lifetime
    # A user may be authenticated by something else than fields.
    asked = longest is not None and has_fields(request) and flag(request, "remember")
    optional = {
        "auth_time": now,
        "epoch": epoch(user_id(claims)) or None,
        "gen": first_generation() if settings.rotate_refresh else None,
        "idle": seconds_or_none(longest) if asked else None,
    }
    session = {name: value for name, value in optional.items() if value is not None}
    session |= password_claims(user)
    whole = claims | session
    # From the second that the hook says it is, which may have ended meanwhile.
    issued = claims.get("iat", now)
    end = expiry(REFRESH, whole, issued) if "idle" in whole else session_end(whole)
    if end is not None and ("idle" in whole or end < claims.get("exp", LAST_NUMERIC_DATE)):
        session["exp"] = end
    return session
