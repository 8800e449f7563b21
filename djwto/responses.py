"""Refusals and failures as HTTP responses."""

from __future__ import annotations

from collections.abc import Generator

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext, gettext_noop

from djwto import security_log
from djwto.exceptions import Refusal

RETRY_AFTER = 5
"""Seconds after which a client may ask again when a store is down."""

UNAVAILABLE = gettext_noop("The service is unavailable; try again later.")


class _Awaitable(JsonResponse):
    """A response that can be awaited as well.

    The `dispatch` of a class-based view is no coroutine function, not even where its handlers
    are; a decorator of it cannot know whether what it answers will be awaited.
    """

    def __await__(self) -> Generator[None, None, HttpResponse]:
        return self
        yield


def done(message: str) -> JsonResponse:
    """The response to a request that did what it was to do, in the language in force."""
    return JsonResponse({"msg": gettext(message)})


def refused(request: HttpRequest, refusal: Refusal, endpoint: str) -> HttpResponse:
    """The response to a request that is refused (RFC 6750 section 3). Logs what has an `event`."""
    security_log.refused(request, refusal, endpoint)
    response = _Awaitable({"error": str(refusal)}, status=refusal.status)
    if refusal.challenge:
        response["WWW-Authenticate"] = refusal.challenge
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    response["Cache-Control"] = "no-store"
    return response


def unavailable(request: HttpRequest, endpoint: str) -> HttpResponse:
    """The response while a store is down (RFC 9110 section 15.6.4). Logs the exception at hand."""
    security_log.store_unavailable(request, endpoint)
    return _Awaitable(
        {"error": gettext(UNAVAILABLE)},
        status=503,
        headers={"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"},
    )
