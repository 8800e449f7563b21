"""Django's test clients with the tokens of a session, carried as the mode in force has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CSRF_SESSION_KEY
from django.test import AsyncClient, Client, RequestFactory
from django.urls import Resolver404, resolve

from djwto import csrf
from djwto.claims import ACCESS
from djwto.conf import settings
from djwto.csrf import SAFE_METHODS
from djwto.testing.tokens import tokens_for
from djwto.tokens import TokenPair
from djwto.transports import current
from djwto.views import ExchangeView, GetTokensView

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

UNSEEN = ""
"""The message of an answer that nobody gets to see."""


class _Carrier:
    """What the two clients share: the tokens that cookies do not hold, and the CSRF token."""

    cookies: SimpleCookie
    defaults: Any
    session: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bearer: dict[str, str] = {}

    def login(self, user: AbstractBaseUser | None = None, /, **credentials: Any) -> bool:
        """Begins a session of this user, or of who has these credentials; False if nobody has.

        No request is made, no signal is sent and no user is refused. To test a login, post to
        the endpoint: the client carries on with what that answers.
        """
        known = authenticate(**credentials) if user is None else user
        if known is not None:
            self.carry(tokens_for(known))
        return known is not None

    def force_login(self, user: AbstractBaseUser, backend: str | None = None) -> None:
        """As `login`; no backend has a say in it."""
        self.login(user)

    async def alogin(self, user: AbstractBaseUser | None = None, /, **credentials: Any) -> bool:
        """As `login`."""
        return await sync_to_async(self.login)(user, **credentials)

    async def aforce_login(self, user: AbstractBaseUser, backend: str | None = None) -> None:
        """As `force_login`."""
        await self.alogin(user)

    def carry(self, pair: TokenPair) -> None:
        """Has the client be one that was answered these tokens, as of `tokens_for`."""
        transport = current()
        request = RequestFactory().post("/")
        response = transport.answer(request, pair, UNSEEN)
        if transport.ambient:
            if settings.csrf:
                self._take_csrf_token(request, response)
            self.cookies.update(response.cookies)
        else:
            self._bearer = json.loads(response.content)

    def logout(self) -> None:
        """Forgets the tokens and every cookie. The session goes on: only an endpoint ends it."""
        self.cookies = SimpleCookie()
        self._bearer = {}

    async def alogout(self) -> None:
        """As `logout`."""
        self.logout()

    def _take_csrf_token(self, request: HttpRequest, response: HttpResponseBase) -> None:
        if not django_settings.CSRF_USE_SESSIONS:
            csrf.hand_out_token(request, response)
            return
        request.session = self.session
        csrf.hand_out_token(request, response)
        request.session.save()

    def _headers(
        self, method: str, path: Any, headers: Mapping[str, Any] | None, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The headers of a request, those of the test and what goes along with them."""
        given = {_plain(name) for name in (*(headers or {}), *extra, *self.defaults)}
        carried = {
            name: value
            for name, value in self._carried(method, path).items()
            if _plain(name) not in given
        }
        return carried | dict(headers or {})

    def _carried(self, method: str, path: Any) -> dict[str, str]:
        if not current().ambient:
            token = self._bearer.get(getattr(_view(path), "jwt_type", ACCESS))
            return {} if token is None else {"Authorization": f"Bearer {token}"}
        token = self._csrf_token() if settings.csrf and method not in SAFE_METHODS else None
        return {} if token is None else {_plain(django_settings.CSRF_HEADER_NAME): token}

    def _csrf_token(self) -> str | None:
        if django_settings.CSRF_USE_SESSIONS:
            known = django_settings.SESSION_COOKIE_NAME in self.cookies
            token = self.session.get(CSRF_SESSION_KEY) if known else None
        else:
            morsel = self.cookies.get(django_settings.CSRF_COOKIE_NAME)
            token = None if morsel is None else morsel.value
        return token or None

    def _keep(self, path: Any, response: Any) -> None:
        """Takes the tokens of an answer, where no cookie brings them."""
        view = getattr(_view(path), "view_class", object)
        if (
            not current().ambient
            and response.status_code == 200
            and issubclass(view, (GetTokensView, ExchangeView))
        ):
            self._bearer = json.loads(response.content)


class JWTClient(_Carrier, Client):
    """Django's test client, which carries the tokens of a session (TEST-1).

    Each request takes along what a client would send in the mode in force: a Bearer header with
    the token that the view takes, or the cookies and, in a header, the CSRF token. A header that
    the test gives itself is left as it is. What `login/`, `refresh_access/` and
    `update_refresh/` answer takes the place of what was carried before.
    """

    def generic(
        self, method: str, path: Any, *args: Any, headers: Any = None, **extra: Any
    ) -> Any:
        """The response to a request that takes the tokens along."""
        headers = self._headers(method, path, headers, extra)
        response = super().generic(method, path, *args, headers=headers, **extra)
        self._keep(path, response)
        return response


class AsyncJWTClient(_Carrier, AsyncClient):
    """As `JWTClient`, for async tests: await `alogin` and every request (TEST-1)."""

    async def generic(
        self, method: str, path: Any, *args: Any, headers: Any = None, **extra: Any
    ) -> Any:
        """The response to a request that takes the tokens along."""
        # A CSRF token may be kept in a database.
        headers = await sync_to_async(self._headers)(method, path, headers, extra)
        response = await super().generic(method, path, *args, headers=headers, **extra)
        self._keep(path, response)
        return response


def _view(path: Any) -> Callable[..., Any] | None:
    try:
        return resolve(unquote(urlsplit(str(path)).path)).func
    except Resolver404:
        return None


def _plain(name: str) -> str:
    """The name of a header, however WSGI or a test spells it."""
    return name.removeprefix("HTTP_").replace("_", "-").lower()
