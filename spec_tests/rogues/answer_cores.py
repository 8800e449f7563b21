"""Cores that break what Django is told of a login, what a token is, or what answers have in
common: HTTP-3, HTTP-9, HTTP-18."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from jwt.exceptions import InvalidSignatureError

from djwto import base_view, responses, verified, views
from djwto.authentication import presented
from djwto.claims import REFRESH, Rules, validate
from djwto.exceptions import LoginFailed, MissingToken, Refusal
from djwto.jose import Key
from djwto.spec_tests.rogues.cores import Patch, RogueCore, patching


class _Unsent(Signal):
    """A signal that nobody hears."""

    def send_robust(self, sender: Any, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        return []


def _without_the_request(request: HttpRequest) -> Any:
    credentials = request.POST.dict()
    user = authenticate(None, **credentials)
    if user is None:
        raise ValidationError("The credentials are wrong.")
    return user


def _by_hand(request: HttpRequest) -> Any:
    model = get_user_model()
    found = model._default_manager.filter(
        **{model.USERNAME_FIELD: request.POST.get("username", "")}
    ).first()
    if found is None or not found.check_password(request.POST.get("password", "")):
        raise ValidationError("The credentials are wrong.")
    return found


def _authenticating(by: Callable[[HttpRequest], Any]) -> list[Patch]:
    def authenticated(request: HttpRequest) -> Any:
        try:
            return by(request)
        except ValidationError as error:
            raise LoginFailed(" ".join(error.messages)) from error

    return [(views, "authenticated", authenticated)]


def _refusing_bad_tokens() -> list[Patch]:
    log_in = views.GetTokensView._log_in

    def refuse_or_log_in(self: views.GetTokensView, request: HttpRequest) -> HttpResponse:
        with suppress(MissingToken):
            presented(request, REFRESH)
        return log_in(self, request)

    return [(views.GetTokensView, "_log_in", refuse_or_log_in)]


def _any_type(claims: Any, type_: str, rules: Rules) -> None:
    validate(claims, claims.get("type", type_), rules)


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
        patching(views, "user_logged_in", _Unsent()),
    ),
    RogueCore(
        "HTTP-3", "AuthenticatesWithoutTheRequest",
        "Gives the request to no authentication backend.",
        lambda: _authenticating(_without_the_request),
    ),
    RogueCore(
        "HTTP-3", "AuthenticatesByHand",
        "Asks no authentication backend, but compares the passwords itself.",
        lambda: _authenticating(_by_hand),
    ),
    RogueCore(
        "HTTP-3", "LetsOldTokensInTheWay",
        "Refuses a login that brings a token which is not valid.",
        _refusing_bad_tokens,
    ),
    RogueCore(
        "HTTP-9", "ValidatesTheOther",
        "Takes a refresh token for an access token, and the other way round.",
        patching(verified, "validate", _any_type),
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
