"""How tokens travel: in the Authorization header, in one cookie each, or in a readable pair."""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import ClassVar, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.cache import patch_vary_headers
from django.utils.encoding import escape_uri_path

from djwto.claims import ACCESS, REFRESH, Claims
from djwto.conf import settings
from djwto.exceptions import InvalidToken, MissingToken, RepeatedToken
from djwto.responses import done
from djwto.routes import refresh_prefix, routes
from djwto.tokens import TokenPair

AnyResponse = TypeVar("AnyResponse", bound=HttpResponseBase)

logger = logging.getLogger(__name__)

LARGEST_COOKIE = 4096
"""Bytes of name and value that browsers keep (RFC 6265 section 6.1); most drop larger cookies."""

REFRESH_COOKIE = "jwt_refresh"
ACCESS_COOKIE = "jwt_access"
PAYLOAD_COOKIE = "jwt_access_payload"
TOKEN_COOKIE = "jwt_access_token"


class Bearer:
    """JSON: the client keeps the tokens and sends one as `Authorization: Bearer` (RFC 6750)."""

    ambient: ClassVar[bool] = False
    """Does a browser send the token by itself, whichever page makes it do so?"""
    header: ClassVar[str] = "Authorization"
    """The header of a request that brings the token."""

    def read(self, request: HttpRequest, type_: str) -> str:
        """The one token of the request. Raises MissingToken, RepeatedToken."""
        token = bearer_token(request)
        if token is None:
            raise MissingToken(
                "No token was sent; send the %(type)s token as 'Authorization: Bearer TOKEN'.",
                type=type_,
            )
        return token

    def answer(self, request: HttpRequest, pair: TokenPair, message: str) -> HttpResponse:
        """A response that gives the client both tokens."""
        # There is nothing in a token that JSON would have to escape. To look takes as long as to
        # make the whole response.
        body = f'{{"refresh": "{pair.refresh}", "access": "{pair.access}"}}'
        return HttpResponse(body, content_type="application/json")

    def forget(self, request: HttpRequest, response: HttpResponse) -> None:
        """Makes the client forget its tokens: what it was told to keep itself, it drops itself."""


class OneCookie:
    """ONE-COOKIE: each token in an HttpOnly cookie."""

    ambient: ClassVar[bool] = True
    header: ClassVar[str] = "Cookie"
    access_cookie: ClassVar[str] = ACCESS_COOKIE
    extra_cookies: ClassVar[tuple[str, ...]] = ()

    def cookie(self, type_: str) -> str:
        """The name of the cookie of this type's token."""
        return prefixed(REFRESH_COOKIE if type_ == REFRESH else self.access_cookie)

    def read(self, request: HttpRequest, type_: str) -> str:
        """The token in this type's cookie. Raises MissingToken, RepeatedToken, InvalidToken."""
        name = self.cookie(type_)
        token = request.COOKIES.get(name)
        if not token:
            raise MissingToken(
                "No token was sent; it is expected in the cookie %(name)s.", name=name
            )
        if bearer_token(request) not in {None, token}:
            # RFC 6750 section 2: one method a request. Which of the two was meant is not known.
            raise InvalidToken("The Authorization header and the cookie hold different tokens.")
        return token

    def answer(self, request: HttpRequest, pair: TokenPair, message: str) -> HttpResponse:
        """A response that sets the cookies of both tokens.

        Not that of a refresh token which the browser sent itself: another tab may have been
        answered its successor by now, and would lose it.
        """
        response = done(message)
        if not pair.client_has_refresh:
            path = refresh_path(request)
            _set(response, self.cookie(REFRESH), pair.refresh, pair.refresh_claims, path=path)
        _set(response, self.cookie(ACCESS), pair.access, pair.access_claims)
        return response

    def forget(self, request: HttpRequest, response: HttpResponse) -> None:
        """Clears every cookie that `answer` sets."""
        _clear(response, self.cookie(REFRESH), path=refresh_path(request))
        for name in (self.access_cookie, *self.extra_cookies):
            _clear(response, prefixed(name))


class TwoCookies(OneCookie):
    """TWO-COOKIES: as ONE-COOKIE, and the access claims once more where a page can read them."""

    access_cookie = TOKEN_COOKIE
    extra_cookies = (PAYLOAD_COOKIE,)

    def answer(self, request: HttpRequest, pair: TokenPair, message: str) -> HttpResponse:
        """A response that sets the three cookies."""
        response = super().answer(request, pair, message)
        claims = readable_claims(pair.access_claims)
        _set(response, prefixed(PAYLOAD_COOKIE), claims, pair.access_claims, httponly=False)
        return response


BEARER = Bearer()

TRANSPORTS: dict[str, Bearer | OneCookie] = {
    "JSON": BEARER,
    "ONE-COOKIE": OneCookie(),
    "TWO-COOKIES": TwoCookies(),
}


def current() -> Bearer | OneCookie:
    """The transport that `DJWTO_MODE` names."""
    return TRANSPORTS[settings.mode]


def varying(response: AnyResponse) -> AnyResponse:
    """The same response, which says that it is for who sent this token (HTTP-32)."""
    header = current().header
    if response.has_header("Vary"):
        patch_vary_headers(response, [header])
    else:
        response.headers["Vary"] = header
    return response


def prefixed(name: str) -> str:
    """The name of a cookie, as `DJWTO_COOKIE_PREFIX` has it (RFC 6265bis section 4.1.3)."""
    return settings.cookie_prefix + name


def bearer_token(request: HttpRequest) -> str | None:
    """The token of a Bearer header, None if there is none. Raises RepeatedToken (HTTP-4).

    The scheme may be in any case (RFC 9110 section 11.1).
    """
    # `request.headers` takes all of them apart first.
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, credentials = header.strip(" \t").partition(" ")
    token = credentials.strip(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    if "," in token or " " in token:
        raise RepeatedToken("The Authorization header holds more than one token.")
    return token


def readable_claims(claims: Claims) -> str:
    """Claims as base64 JSON that needs no quotes in a cookie, so that `atob` takes it as it is.

    Spaces at the end of the JSON save the `=` of the padding; in ASCII only a question mark
    leads to a slash.
    """
    text = json.dumps(claims).replace("?", "\\u003f")
    padded = text + " " * (-len(text) % 3)
    return base64.b64encode(padded.encode()).decode()


def refresh_path(request: HttpRequest) -> str:
    """The path of the refresh cookie: where the refresh endpoints are, under whatever prefix.

    The endpoint that answers is under the same prefix as they; a view mounted elsewhere by hand
    is not, and then theirs is looked up.
    """
    match = request.resolver_match
    own = routes().get(match.url_name or "") if match else None
    if own and request.path.endswith(f"/{own}"):
        return escape_uri_path(request.path.removesuffix(own)) + refresh_prefix()
    try:
        return reverse("refresh_access").removesuffix("/refresh_access/")
    except NoReverseMatch:
        return get_script_prefix() + refresh_prefix()


def _set(
    response: HttpResponse,
    name: str,
    value: str,
    claims: Claims,
    *,
    path: str = "/",
    httponly: bool = True,
) -> None:
    if len(name) + len(value) > LARGEST_COOKIE:
        logger.warning(
            "The cookie %s takes %d bytes; browsers drop those above %d. "
            "Put fewer permissions into the token with DJWTO_PROCESS_PERMS.",
            name,
            len(name) + len(value),
            LARGEST_COOKIE,
        )
    response.set_cookie(
        name,
        value,
        max_age=claims["exp"] - int(time.time()) if "exp" in claims else None,
        path=path,
        domain=settings.domain,
        secure=True,
        httponly=httponly,
        samesite=settings.same_site,
    )


def _clear(response: HttpResponse, name: str, path: str = "/") -> None:
    response.delete_cookie(name, path=path, domain=settings.domain, samesite=settings.same_site)
    # Browsers take no SameSite=None without Secure, not even to delete.
    response.cookies[name]["secure"] = True
