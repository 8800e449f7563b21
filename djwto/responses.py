"""Refusals and failures as HTTP responses."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse

from djwto.exceptions import Refusal

RETRY_AFTER = 5
"""Seconds after which a client may ask again when a store is down."""


def refused(refusal: Refusal) -> HttpResponse:
    """The response to a request that is refused (RFC 6750 section 3)."""
    response = JsonResponse({"error": str(refusal)}, status=refusal.status)
    if refusal.challenge:
        response["WWW-Authenticate"] = refusal.challenge
    response["Cache-Control"] = "no-store"
    return response


def unavailable() -> HttpResponse:
    """The response while a store is down (RFC 9110 section 15.6.4)."""
    return JsonResponse(
        {"error": "The service is unavailable; try again later."},
        status=503,
        headers={"Retry-After": str(RETRY_AFTER)},
    )
