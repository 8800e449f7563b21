"""Cores that break what Django is told of a login, what a token is, or what answers have in
common: HTTP-3, HTTP-9, HTTP-18."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from jwt.exceptions import InvalidSignatureError

from djwto import authentication, base_view, login, responses, verified, views
from djwto.claims import REFRESH
from djwto.exceptions import MissingToken, Refusal
from djwto.jose import Key
from djwto.spec_tests.rogues.cores import Patch, RogueCore, any_type, never, patching


def _without_the_request(request: HttpRequest) -> AbstractBaseUser | None:
    return authenticate(None, **request.POST.dict())


def _by_hand(request: HttpRequest) -> AbstractBaseUser | None:
    model = get_user_model()
    username, password = (request.POST.get(name, "") for name in ("username", "password"))
    found = model._default_manager.filter(**{model.USERNAME_FIELD: username}).first()
    return found if found and found.check_password(password) else None


def _refusing_bad_tokens() -> list[Patch]:
    log_in = views.GetTokensView._log_in

    def refuse_or_log_in(self: views.GetTokensView, request: HttpRequest) -> HttpResponse:
        with suppress(MissingToken):
            authentication.presented(request, REFRESH)
        return log_in(self, request)

    return [(views.GetTokensView, "_log_in", refuse_or_log_in)]


_decoded_with = verified.Verifier._decoded_with


def _any_signature(self: verified.Verifier, key: Key, token: str, leeway: int) -> dict[str, Any]:
    try:
        return _decoded_with(self, key, token, leeway)
    except InvalidSignatureError:
        decoded: dict[str, Any] = key.codec.decode_complete(
            token, options={"verify_signature": False}
        )
        return decoded


def _stored(which: Callable[[int], bool]) -> list[Patch]:
    """Answers with one of these statuses may be stored."""
    answer = base_view.JWTView._answer

    async def storable(
        self: base_view.JWTView, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        response = await answer(self, request, *args, **kwargs)
        if which(response.status_code):
            del response["Cache-Control"]
        return response

    return [(base_view.JWTView, "_answer", storable)]


def _allow_nothing(
    self: base_view.JWTView, request: HttpRequest, *args: Any, **kwargs: Any
) -> HttpResponse:
    return JsonResponse({"error": "The method is not allowed."}, status=405)


def _refuse_in_words(request: HttpRequest, refusal: Refusal, endpoint: str) -> HttpResponse:
    told = responses.refused(request, refusal, endpoint)
    return HttpResponse(str(refusal), "text/plain", refusal.status, headers=dict(told.headers))


ANSWER_CORES: list[RogueCore] = [
    RogueCore(
        "HTTP-3", "LogsInUnseen",
        "Does not tell Django of a login.",
        patching(user_logged_in, "send_robust", never),
    ),
    RogueCore(
        "HTTP-3", "AuthenticatesWithoutTheRequest",
        "Gives the request to no authentication backend.",
        patching(login, "user_authenticate", _without_the_request),
    ),
    RogueCore(
        "HTTP-3", "AuthenticatesByHand",
        "Asks no authentication backend, but compares the passwords itself.",
        patching(login, "user_authenticate", _by_hand),
    ),
    RogueCore(
        "HTTP-3", "LetsOldTokensInTheWay",
        "Refuses a login that brings a token which is not valid.",
        _refusing_bad_tokens,
    ),
    RogueCore(
        "HTTP-9", "ValidatesTheOther",
        "Takes a refresh token for an access token, and the other way round.",
        patching(authentication, "decode", any_type),
    ),
    RogueCore(
        "HTTP-9", "ValidatesForged",
        "Takes a token with any signature.",
        patching(verified.Verifier, "_decoded_with", _any_signature),
    ),
    RogueCore(
        "HTTP-18", "LetsTokensBeStored",
        "Lets caches store what it answers with 200.",
        lambda: _stored(lambda status: status == 200),
    ),
    RogueCore(
        "HTTP-18", "LetsRefusalsBeStored",
        "Lets caches store that a token was refused.",
        lambda: _stored(lambda status: status == 401),
    ),
    RogueCore(
        "HTTP-18", "AllowsNothing",
        "Does not say which methods an endpoint has.",
        patching(base_view.JWTView, "http_method_not_allowed", _allow_nothing),
    ),
    RogueCore(
        "HTTP-18", "RefusesInWords",
        "Refuses in plain text.",
        patching(base_view, "refused", _refuse_in_words),
    ),
]  # fmt: skip
"""Every core of this kind."""
