"""What the endpoints share, and views of a project that refuse as they do."""

from __future__ import annotations

from asyncio import iscoroutine
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, ParamSpec, TypeVar

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from djwto import throttle, transports
from djwto.authentication import aauthenticate, authenticate
from djwto.claims import Claims
from djwto.conf import settings
from djwto.exceptions import STORE_FAILURES, Refusal, ReusedToken
from djwto.flows import at_once, to_the_end
from djwto.responses import done, refused, unavailable
from djwto.sessions import arevoke, revoke
from djwto.signals import jwt_reuse_detected

P = ParamSpec("P")
T = TypeVar("T")


class JWTView(View):
    """What the endpoints share: refusals as JSON, and nothing cached or rolled back."""

    sender: ClassVar[str]
    """The sender of the view's signals; a subclass keeps its parent's unless it sets its own."""
    token_type: str = ""
    """The type of the token that it takes, ACCESS or REFRESH; "" if it takes none."""
    awaits: bool = False
    """Is it awaited, under ASGI? Then so is what its handlers return (USER-8).

    One with handlers that are coroutine functions is. For another it can be said to `as_view`.
    """
    _unheard: list[tuple[Signal, dict[str, Any]]] | None = None
    """The signals of a request that is being answered, where it is awaited."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view, which checks CSRF itself and is in no ATOMIC_REQUESTS transaction (SIG-9).

        Django's LoginRequiredMiddleware lets it through (HTTP-33).
        """
        awaits = initkwargs.setdefault("awaits", cls.awaits or cls.view_is_async)
        called: Any = super().as_view(**initkwargs)
        if awaits:
            markcoroutinefunction(called)
        view: Any = csrf_exempt(login_not_required(called))
        # As the decorators have it.
        view.jwt_type = initkwargs.get("token_type", cls.token_type)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        made: Callable[..., HttpResponseBase] = view
        return made

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = self._answer(request, *args, **kwargs)
        return to_the_end(self._announced(answer)) if self.awaits else at_once(answer)

    async def _announced(self, answer: Coroutine[Any, Any, HttpResponseBase]) -> HttpResponseBase:
        """The answer, after its signals: each receiver is called or awaited, as it is one."""
        unheard: list[tuple[Signal, dict[str, Any]]] = []
        self._unheard = unheard
        try:
            return await answer
        finally:
            self._unheard = None
            for signal, named in unheard:
                await signal.asend_robust(**named)

    async def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = await self._answer_watching_reuse(request, *args, **kwargs)
        except Refusal as refusal:
            response = refused(request, refusal, self.sender)
        except STORE_FAILURES:
            response = unavailable(request, self.sender)
        response.setdefault("Cache-Control", "no-store")
        return response

    async def _answer_watching_reuse(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            if settings.throttle is not None:
                throttled = self.refuse_throttled
                await self.either(throttled, sync_to_async(throttled), request)
            handled: Any = super().dispatch(request, *args, **kwargs)
            answered: HttpResponseBase = await handled if iscoroutine(handled) else handled
            return answered
        except ReusedToken as refusal:
            # Two hold tokens of one session, and which of them is the thief nobody knows.
            claims: Claims = request.payload  # type: ignore[attr-defined]
            await self.either(self.end, self.aend, claims, jwt_reuse_detected, claims=claims)
            response = refused(request, refusal, self.sender)
            transports.current().forget(request, response)
            return response

    async def either(
        self,
        called: Callable[P, T],
        awaited: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What the one of two functions that do the same returns for which this view may wait."""
        return await awaited(*args, **kwargs) if self.awaits else called(*args, **kwargs)

    def in_a_thread(
        self, function: Callable[[HttpRequest], HttpResponse], request: HttpRequest
    ) -> Any:
        """What a handler returns that calls a function: in a thread, where it may not wait."""
        return sync_to_async(function)(request) if self.awaits else function(request)

    def run(self, flow: Coroutine[Any, Any, HttpResponse]) -> Any:
        """What a handler returns: what a flow does or, in a view that is awaited, the flow."""
        return flow if self.awaits else at_once(flow)

    def refuse_throttled(self, request: HttpRequest) -> None:
        """Raises Throttled for a request that comes too soon (HTTP-31).

        One that nothing would be done about is not counted: a preflight of CORS, another method.
        """
        hook = settings.throttle
        if hook is not None and request.method in {*self._allowed_methods()} - {"OPTIONS"}:  # type: ignore[attr-defined]
            throttle.ask(hook, request, self.sender)

    def end(self, claims: Claims, signal: Signal, /, **kwargs: Any) -> bool:
        """Ends a session and announces it; False if it had ended before."""
        return revoke(claims, lambda: self.announce(signal, jti=claims["jti"], **kwargs))

    async def aend(self, claims: Claims, signal: Signal, /, **kwargs: Any) -> bool:
        """As `end`, awaited."""
        return await arevoke(claims, lambda: self.announce(signal, jti=claims["jti"], **kwargs))

    async def claims(self, request: HttpRequest) -> Claims:
        """The claims of the token that it takes. Raises as `authenticate`."""
        return await self.either(authenticate, aauthenticate, request, self.token_type)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        allowed = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return JsonResponse(
            {"error": gettext("The method is not allowed; use %s.") % allowed},
            status=405,
            headers={"Allow": allowed},
        )

    def forgotten(self, request: HttpRequest, message: str) -> HttpResponse:
        """A response that makes the client forget its tokens."""
        response = done(message)
        transports.current().forget(request, response)
        return response

    def announce(self, signal: Signal, **kwargs: Any) -> None:
        """Sends a signal from this view; a receiver that raises is logged (SIG-11)."""
        named = {"sender": self.sender, "request": self.request} | kwargs
        if self._unheard is None:
            signal.send_robust(**named)
        else:
            self._unheard.append((signal, named))
