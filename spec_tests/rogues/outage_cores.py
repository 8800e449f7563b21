"""Cores that do something while the store is down, HTTP-17."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse

from djwto import (
    base_view,
    login,
    sessions,
    signals,
    transports,
    views,
)
from djwto.claims import REFRESH, Claims, access_from
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests.rogues.cores import (
    Announce,
    Patch,
    RogueCore,
    ask_or_believe,
    patching,
)
from djwto.tokens import sign


def _answering(status: int, **headers: str) -> list[Patch]:
    """While the store is down every endpoint answers with this."""

    def unavailable(request: HttpRequest, endpoint: str) -> HttpResponse:
        return JsonResponse({"error": "An error."}, status=status, headers=headers)

    return [(base_view, "unavailable", unavailable)]


def _while_down(instead: Callable[[base_view.JWTView, HttpRequest], HttpResponse]) -> list[Patch]:
    """While the store is down every endpoint does this first, and answers 503 with it."""
    answer = base_view.JWTView._answer_watching_reuse

    async def watching(
        self: base_view.JWTView, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return await answer(self, request, *args, **kwargs)
        except BlacklistUnavailable:
            return instead(self, request)

    return [(base_view.JWTView, "_answer_watching_reuse", watching)]


def _unavailable(body: dict[str, Any]) -> HttpResponse:
    return JsonResponse(body, status=503, headers={"Retry-After": "5"})


def _announce_failure(self: base_view.JWTView, request: HttpRequest) -> HttpResponse:
    self.announce(signals.jwt_login_fail, error="The store is down.")
    return _unavailable({"error": "The service is unavailable."})


def _clear_cookies(self: base_view.JWTView, request: HttpRequest) -> HttpResponse:
    response = _unavailable({"error": "The service is unavailable."})
    transports.current().forget(request, response)
    return response


def _tokens_with_the_error(self: base_view.JWTView, request: HttpRequest) -> HttpResponse:
    claims = getattr(request, "payload", {"jti": str(uuid4()), "type": REFRESH})
    pair = sign(claims, access_from(claims, int(time.time())))
    response = transports.current().answer(request, pair, "The service is unavailable.")
    response.status_code = 503
    response["Retry-After"] = "5"
    return response


def _revoke_or_pretend(claims: Claims, announce: Announce) -> bool:
    try:
        return sessions.revoke(claims, announce)
    except BlacklistUnavailable:
        announce()
        return True


def _revoke_or_shrug(claims: Claims, announce: Announce) -> bool:
    try:
        return sessions.revoke(claims, announce)
    except BlacklistUnavailable:
        return False


def _exchange_or_believe(claims: Claims) -> int:
    try:
        return sessions.exchange(claims)
    except BlacklistUnavailable:
        return sessions.milliseconds()


def _epoch_or_none(user_id: int | str) -> int:
    try:
        return sessions.epoch(user_id)
    except BlacklistUnavailable:
        return 0


def _raise_it(request: HttpRequest, endpoint: str) -> HttpResponse:
    raise RuntimeError(f"{endpoint} could not reach a store.")


OUTAGE_CORES: list[RogueCore] = [
    RogueCore(
        "HTTP-17", "AnswersOKWhileDown",
        "Answers 200 while the store is down.",
        lambda: _answering(200),
    ),
    RogueCore(
        "HTTP-17", "Answers401WhileDown",
        "Answers 401 while the store is down, so that clients drop their tokens.",
        lambda: _answering(401),
    ),
    RogueCore(
        "HTTP-17", "Answers500WhileDown",
        "Answers 500 while the store is down.",
        lambda: _answering(500),
    ),
    RogueCore(
        "HTTP-17", "RaisesWhileDown",
        "Raises while the store is down, and leaves the answer to Django.",
        patching(base_view, "unavailable", _raise_it),
    ),
    RogueCore(
        "HTTP-17", "SaysNotWhenToRetry",
        "Answers 503 without `Retry-After`.",
        lambda: _answering(503),
    ),
    RogueCore(
        "HTTP-17", "AnnouncesAFailedLogin",
        "Sends `jwt_login_fail` while the store is down.",
        lambda: _while_down(_announce_failure),
    ),
    RogueCore(
        "HTTP-17", "ClearsCookiesWhileDown",
        "Clears the cookies while the store is down.",
        lambda: _while_down(_clear_cookies),
    ),
    RogueCore(
        "HTTP-17", "SendsTokensWithTheError",
        "Answers 503, and issues tokens with it.",
        lambda: _while_down(_tokens_with_the_error),
    ),
    RogueCore(
        "HTTP-17", "BelievesWhileDown",
        "Takes every session for one that goes on while the store is down.",
        patching(views, "ask", ask_or_believe),
    ),
    RogueCore(
        "HTTP-17", "PretendsToLogOut",
        "Answers 200 to a logout while the store is down, and announces it.",
        patching(base_view, "revoke", _revoke_or_pretend),
    ),
    RogueCore(
        "HTTP-17", "ShrugsAtALogout",
        "Answers 200 to a logout while the store is down, as to a second one.",
        patching(base_view, "revoke", _revoke_or_shrug),
    ),
    RogueCore(
        "HTTP-17", "LogsInWhileDown",
        "Logs users in while the store is down, cut off or not.",
        patching(login, "epoch", _epoch_or_none),
    ),
    RogueCore(
        "HTTP-17", "ExchangesWhileDown",
        "Asks before it exchanges, and does without the store if that went down in between.",
        lambda: [(views, "ask", ask_or_believe), (views, "exchange", _exchange_or_believe)],
    ),
]  # fmt: skip
