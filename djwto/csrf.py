"""Keeps other sites' pages from using the cookies, with Django's own CSRF check."""

from __future__ import annotations

from typing import NoReturn

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import (
    REASON_BAD_ORIGIN,
    REASON_BAD_REFERER,
    CsrfViewMiddleware,
    rotate_token,
)

from djwto.body import readable
from djwto.exceptions import ForgedRequest

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Those of which Django asks no CSRF token, since they change nothing (RFC 9110 section 9.2.1)."""


class _Check(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> NoReturn:
        # Of the page's address there may be more in these than its site.
        for text in (REASON_BAD_ORIGIN, REASON_BAD_REFERER):
            begins, _, ends = text.partition("%s")
            if reason.startswith(begins) and reason.endswith(ends):
                reason = text % "the page"
        raise ForgedRequest("CSRF verification failed. %(reason)s", reason=reason)

    def site_is_trusted(self, request: HttpRequest) -> bool:
        """Whether this page's own site, or one in CSRF_TRUSTED_ORIGINS, sent the request."""
        if "Origin" in request.headers:
            return bool(self._origin_verified(request))  # type: ignore[attr-defined]
        # A client without either header is no browser, and has no visitor's cookies to misuse.
        return request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}


def _check() -> _Check:
    # Django's middleware remembers CSRF_TRUSTED_ORIGINS, which may be overridden.
    return _Check(_view)


def _view(request: HttpRequest) -> HttpResponse:
    """Stands for the protected view, of which the check asks only that it is not exempt."""
    return HttpResponse()


def refuse_forged(request: HttpRequest) -> None:
    """Raises ForgedRequest for an unsafe request without a valid CSRF token (HTTP-7)."""
    check = _check()
    check.process_request(request)
    with readable(request):
        check.process_view(request, _view, (), {})


async def arefuse_forged(request: HttpRequest) -> None:
    """As `refuse_forged`; in a thread only where the CSRF token is in a session of Django's."""
    if settings.CSRF_USE_SESSIONS:
        return await sync_to_async(refuse_forged)(request)
    return refuse_forged(request)


def refuse_cross_site(request: HttpRequest) -> None:
    """Raises ForgedRequest for a login that another site's page sends (HTTP-8).

    A login cannot ask for a CSRF token, since no page may have been loaded before it.
    """
    if not _check().site_is_trusted(request):
        raise ForgedRequest(
            "Cross-site login refused; the page's origin is not in CSRF_TRUSTED_ORIGINS."
        )


def refuse_cross_site_socket(request: HttpRequest) -> None:
    """Raises ForgedRequest for a WebSocket that another site's page opens (USER-7).

    Its handshake can have no CSRF token, and a browser lets any page read what comes of it. It
    always says whose page it is (RFC 6455 section 10.2); who does not is not let off.
    """
    if "Origin" not in request.headers or not _check().site_is_trusted(request):
        raise ForgedRequest(
            "Cross-site WebSocket refused; the page's origin is not in CSRF_TRUSTED_ORIGINS."
        )


def header_name() -> str:
    """The header in which a client sends its CSRF token."""
    return settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").title()


def hand_out_token(request: HttpRequest, response: HttpResponseBase) -> None:
    """Gives the client a fresh CSRF token, as Django's login does, middleware or not."""
    rotate_token(request)
    _check().process_response(request, response)
