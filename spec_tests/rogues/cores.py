"""Cores that break one clause each: patches of djwto's own views and functions."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, JsonResponse

from djwto import (
    authentication,
    base_view,
    cutoff,
    login,
    rotation,
    sessions,
    signals,
    transports,
    users,
    views,
)
from djwto.backends.database import DatabaseBlacklist
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.claims import ACCESS, REFRESH, Claims, access_from, user_id
from djwto.conf import settings
from djwto.exceptions import BlacklistUnavailable, InvalidToken, Refusal, ReusedToken
from djwto.tokens import TokenPair, decode, sign

Patch = tuple[Any, str, Any]
"""An object, the name of an attribute of it, and what it is instead."""

Announce = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RogueCore:
    """A core that is aimed at a clause."""

    breaks: str
    """The clause that must reject this core."""

    name: str
    way: str
    """What is wrong with it."""

    patches: Callable[[], list[Patch]]
    """Made anew each time, for those that remember something."""

    on_database: bool = False
    """Is it shown on the database, the one store with transactions to roll back?"""

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """While entered, the core is this one."""
        with ExitStack() as stack:
            for owner, name, replacement in self.patches():
                stack.enter_context(patch.object(owner, name, replacement))
            yield


@dataclass(frozen=True, slots=True)
class Announced:
    """A signal, and what the rogues need to know of it."""

    label: str
    name: str
    clause: str
    view: type[base_view.JWTView]
    lacking: str
    """A keyword argument that may be left out."""

    other: dict[str, Any]
    """What one of its arguments is instead, where it is wrong."""

    claims_clause: str = ""
    """The clause about its claims, if it is not that of the signal."""

    @property
    def signal(self) -> signals.SenderNameSignal:
        signal: signals.SenderNameSignal = getattr(signals, self.name)
        return signal


CLAIMS: dict[str, Any] = {"refresh_claims": {}, "access_claims": {}}

LOGGED_IN = Announced(
    "LoggedIn", "jwt_logged_in", "SIG-1", views.GetTokensView,
    "access_claims", {"access_claims": {}}, "SIG-7",
)  # fmt: skip
LOGIN_FAIL = Announced(
    "LoginFail", "jwt_login_fail", "SIG-2", views.GetTokensView,
    "error", {"error": "The login failed."},
)  # fmt: skip
BLACKLISTED = Announced(
    "Blacklisted", "jwt_blacklisted", "SIG-3", views.BlackListTokenView,
    "jti", {"jti": "~"},
)  # fmt: skip
VALIDATED = Announced(
    "Validated", "jwt_token_validated", "SIG-4", views.ValidateTokensView,
    "request", {"claims": {}},
)  # fmt: skip
REFRESHED = Announced(
    "Refreshed", "jwt_access_refreshed", "SIG-5", views.RefreshAccessView,
    "refresh_claims", {"refresh_claims": {}}, "SIG-7",
)  # fmt: skip
UPDATED = Announced(
    "Updated", "jwt_refresh_updated", "SIG-6", views.UpdateRefreshView,
    "access_claims", {"access_claims": {}}, "SIG-7",
)  # fmt: skip
REUSED = Announced(
    "Reused", "jwt_reuse_detected", "SIG-15", base_view.JWTView,
    "claims", {"claims": {}},
)  # fmt: skip
REVOKED = Announced(
    "Revoked", "jwt_sessions_revoked", "SIG-16", views.LogoutAllView,
    "except_jti", {"user_id": 0},
)  # fmt: skip

ALL = (LOGGED_IN, LOGIN_FAIL, BLACKLISTED, VALIDATED, REFRESHED, UPDATED, REUSED, REVOKED)


def _patching(owner: Any, name: str, replacement: Any) -> Callable[[], list[Patch]]:
    return lambda: [(owner, name, replacement)]


def _sending(
    about: Announced, change: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> list[Patch]:
    """One signal is sent with what this makes of its arguments: once, more often or never."""

    def send_robust(sender: Any, **named: Any) -> None:
        for arguments in change({"sender": sender, **named}):
            type(about.signal).send_robust(about.signal, **arguments)

    return [(about.signal, "send_robust", send_robust)]


def _with(about: Announced, **changes: Any) -> Callable[[], list[Patch]]:
    return lambda: _sending(about, lambda arguments: [arguments | changes])


def _without(about: Announced, name: str) -> Callable[[], list[Patch]]:
    return lambda: _sending(about, lambda given: [{k: given[k] for k in given if k != name}])


def _with_another_request(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    request = arguments["request"]
    return [arguments | {"request": copy(request) if request else HttpRequest()}]


def _not_in(about: Announced, mode: str) -> Callable[[], list[Patch]]:
    return lambda: _sending(about, lambda given: [] if settings.mode == mode else [given])


def _after_the_next(about: Announced) -> list[Patch]:
    """A signal is held back until another one has been sent."""
    held: list[tuple[Any, dict[str, Any]]] = []
    lock = threading.RLock()
    send = signals.SenderNameSignal.send_robust

    def send_robust(self: signals.SenderNameSignal, sender: Any, **named: Any) -> Any:
        store = get_blacklist()
        with lock:
            # A store that was made anew is another history's, which this one must not disturb.
            if held and held[0][0] is not store:
                held.clear()
            if self is about.signal and not held:
                held.append((store, {"sender": sender, **named}))
                return []
            answers = send(self, sender, **named)
            if held:
                send(about.signal, **held.pop()[1])
            return answers

    return [(signals.SenderNameSignal, "send_robust", send_robust)]


def _invented(about: Announced) -> dict[str, Any]:
    """Arguments for a signal that has nothing to tell."""
    known: dict[str, dict[str, Any]] = {
        "jwt_login_fail": {"error": ""},
        "jwt_blacklisted": {"jti": "~"},
        "jwt_token_validated": {},
        "jwt_reuse_detected": {"jti": "~", "claims": {}},
        "jwt_sessions_revoked": {"user_id": 0, "except_jti": None},
    }
    return known.get(about.name, CLAIMS)


def _if_refused_too(about: Announced) -> Callable[[], list[Patch]]:
    """A view announces what it does also where it refuses to."""
    answer = base_view.JWTView._answer_watching_reuse

    async def refuse(self: base_view.JWTView, *args: Any, **kwargs: Any) -> Any:
        try:
            return await answer(self, *args, **kwargs)
        except Refusal:
            if isinstance(self, about.view):
                self.announce(about.signal, **_invented(about))
            raise

    return lambda: [(base_view.JWTView, "_answer_watching_reuse", refuse)]


def _each_signal() -> Iterator[RogueCore]:
    for about in ALL:
        clause, label = about.clause, about.label
        text = f"`{about.name}`"
        yield RogueCore(
            clause, f"{label}FromAnother", f"Sends {text} with another sender.",
            _with(about, sender="djwto"),
        )  # fmt: skip
        yield RogueCore(
            clause, f"{label}FromTheClass",
            f"Sends {text} with the class of the view for a sender, not with its name.",
            _with(about, sender=about.view),
        )  # fmt: skip
        yield RogueCore(
            clause, f"{label}WithOneMore", f"Sends {text} with an argument too many.",
            _with(about, user=None),
        )  # fmt: skip
        yield RogueCore(
            clause, f"{label}WithOneLess",
            f"Sends {text} without its argument `{about.lacking}`.",
            _without(about, about.lacking),
        )  # fmt: skip
        yield RogueCore(
            about.claims_clause or clause, f"{label}WithOtherClaims",
            f"Sends {text} with another value of `{next(iter(about.other))}`.",
            _with(about, **about.other),
        )  # fmt: skip
        yield RogueCore(
            clause, f"{label}WithAnotherRequest",
            f"Sends {text} with a copy of the request, not with the one that came.",
            lambda about=about: _sending(about, _with_another_request),  # type: ignore[misc]
        )  # fmt: skip
        yield RogueCore(
            clause, f"{label}Twice", f"Sends {text} twice.",
            lambda about=about: _sending(about, lambda given: [given, given]),  # type: ignore[misc]
        )  # fmt: skip
        yield RogueCore(
            clause, f"{label}Never", f"Does not send {text}.",
            lambda about=about: _sending(about, lambda given: []),  # type: ignore[misc]
        )  # fmt: skip
        yield RogueCore(
            "SIG-12", f"{label}OutOfOrder", f"Sends {text} after the signal that comes after it.",
            lambda about=about: _after_the_next(about),  # type: ignore[misc]
        )  # fmt: skip
        yield RogueCore(
            "SIG-11", f"{label}LetsReceiversRaise",
            f"Lets a receiver of {text} break the answer.",
            _patching(about.signal, "send_robust", about.signal.send),
        )  # fmt: skip
        for mode in transports.TRANSPORTS:
            word = "".join(map(str.capitalize, mode.split("-")))
            yield RogueCore(
                clause, f"{label}NotIn{word}", f"Does not send {text} in {mode} mode.",
                _not_in(about, mode),
            )  # fmt: skip


def _to_failures(clause: str, about: Announced, way: str) -> RogueCore:
    return RogueCore(clause, f"{about.label}IfRefused", way, _if_refused_too(about))


def _login_fail_always(self: views.GetTokensView, request: HttpRequest, *args: Any) -> Any:
    self.announce(signals.jwt_login_fail, error="")
    return self._log_in(request)


def _announce_then_ask(self: views.ValidateTokensView, request: HttpRequest, *args: Any) -> Any:
    claims = authentication.authenticate(request, self.token_type)
    self.announce(signals.jwt_token_validated)
    sessions.ask(claims)
    return JsonResponse({"msg": "Token is valid."})


def _announce_then_exchange(about: Announced) -> Callable[[], list[Patch]]:
    """Tokens are announced before the user is looked at, who may have left."""
    exchange = views.ExchangeView.post

    def post(self: views.ExchangeView, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.signal is not about.signal:
            return exchange(self, request, *args, **kwargs)
        presented = authentication.authenticate(request, REFRESH)
        sessions.ask(presented)
        try:
            users.refuse_departed(presented)
        except InvalidToken:
            access = access_from(presented, int(time.time()))
            self.announce(self.signal, refresh_claims=presented, access_claims=access)
            raise
        return exchange(self, request, *args, **kwargs)

    return lambda: [(views.ExchangeView, "post", post)]


def _announce_at_once(claims: Claims, announce: Announce) -> bool:
    announce()
    return sessions.revoke(claims, lambda: None)


def _announce_always(claims: Claims, announce: Announce) -> bool:
    announce()
    return sessions.revoke(claims, announce)


def _announce_before_commit(claims: Claims, announce: Announce) -> bool:
    if ended := sessions.revoke(claims, lambda: None):
        announce()
    return ended


def _ends(signal: signals.SenderNameSignal, revoke: Callable[..., bool]) -> list[Patch]:
    """Sessions whose end this signal announces are ended in another way."""

    def end(self: base_view.JWTView, claims: Claims, announced: Any, /, **kwargs: Any) -> bool:
        how = revoke if announced is signal else sessions.revoke
        return how(claims, lambda: self.announce(announced, jti=claims["jti"], **kwargs))

    return [(base_view.JWTView, "end", end)]


def _cut_off(cut: Callable[..., None]) -> list[Patch]:
    return [(where, "cut_off", cut) for where in (sessions, views, users)]


def _cut_off_before_commit() -> list[Patch]:
    cut = sessions.cut_off

    def cut_off(*args: Any, **kwargs: Any) -> None:
        with patch.object(DatabaseBlacklist, "on_durable", lambda self, callback: callback()):
            cut(*args, **kwargs)

    return _cut_off(cut_off)


def _announce_the_cut_off_first() -> list[Patch]:
    cut = sessions.cut_off

    def cut_off(user_id: Any, except_jti: str | None = None, **kwargs: Any) -> None:
        announce = kwargs.pop("announce", sessions._announce)
        announce(signals.jwt_sessions_revoked, user_id=user_id, except_jti=except_jti)
        cut(user_id, except_jti, announce=_never, **kwargs)

    return _cut_off(cut_off)


def _raising(self: base_view.JWTView, signal: Any, **kwargs: Any) -> None:
    signal.send(sender=self.sender, request=self.request, **kwargs)


def _silent(self: base_view.JWTView, signal: Any, **kwargs: Any) -> None:
    arguments = {"sender": self.sender, "request": self.request} | kwargs
    for receiver in signal._live_receivers(arguments["sender"])[0]:
        try:
            receiver(signal=signal, **arguments)
        except Exception:
            continue


def _up_to_the_first_error(self: base_view.JWTView, signal: Any, **kwargs: Any) -> None:
    try:
        signal.send(**{"sender": self.sender, "request": self.request} | kwargs)
    except Exception:
        logging.getLogger("django.dispatch").exception("A receiver failed.")


def _claims_swapped(given: dict[str, Any]) -> list[dict[str, Any]]:
    swapped = {
        "refresh_claims": given["access_claims"],
        "access_claims": given["refresh_claims"],
    }
    return [given | swapped]


def _claims_a_second_late(given: dict[str, Any]) -> list[dict[str, Any]]:
    access = given["access_claims"]
    return [given | {"access_claims": access | {"exp": access["exp"] + 1}}]


def _no_permissions(given: dict[str, Any]) -> list[dict[str, Any]]:
    access = given["access_claims"]
    return [given | {"access_claims": access | {"user": access["user"] | {"perms": []}}}]


def _from_nowhere(*args: Any, announce: Callable[..., None], **kwargs: Any) -> None:
    sessions.cut_off(*args, announce=partial(announce, sender="revoke_all"), **kwargs)


def _never(*args: Any, **kwargs: Any) -> None:
    """Instead of a function: nothing."""


def _any_type(token: str, type_: str) -> Claims:
    try:
        return decode(token, ACCESS)
    except InvalidToken:
        return decode(token, REFRESH)


def _asks_for(type_: str) -> list[Patch]:
    def ask(claims: Claims) -> int | None:
        return sessions.ask(claims) if claims["type"] == type_ else None

    return [(views, "ask", ask)]


def _refresh_for_access(refresh: Claims, access: Claims, **kwargs: Any) -> TokenPair:
    pair = sign(refresh, access, **kwargs)
    return TokenPair(
        refresh_claims=refresh,
        access_claims=access,
        refresh=pair.refresh,
        access=pair.refresh,
        client_has_refresh=pair.client_has_refresh,
    )


def _another_session(claims: Claims, now: int) -> Claims:
    return rotation.renewed(claims, now) | {"jti": str(uuid4())}


def _the_login_first(self: views.GetTokensView, request: HttpRequest) -> None:
    """Instead of ending the session that is replaced: has it ended after the announcement."""
    announce = self.announce

    def announce_then_end(signal: Any, **kwargs: Any) -> None:
        announce(signal, **kwargs)
        self.announce = announce  # type: ignore[method-assign]
        _end_replaced(self, request)

    self.announce = announce_then_end  # type: ignore[method-assign]


_end_replaced = views.GetTokensView._end_replaced


def _delete_with_a_token(self: views.BlackListTokenView, request: HttpRequest, *args: Any) -> Any:
    return self._end_session(request, authentication.authenticate(request, REFRESH))


def _ask_but_for_failures(request: HttpRequest, type_: str) -> Claims:
    claims = authentication.authenticate(request, type_)
    if settings.check_access:
        _ask_or_believe(claims)
    return claims


def _ends_nothing(claims: Claims, announce: Announce) -> bool:
    announce()
    return True


def _end_all(claims: Claims, announce: Announce) -> bool:
    sessions.cut_off(user_id(claims))
    return sessions.revoke(claims, announce)


async def _refuse_twice(
    self: views.BlackListTokenView, request: HttpRequest, claims: Claims
) -> Any:
    if not self.end(claims, signals.jwt_blacklisted):
        raise InvalidToken("The token is blacklisted.")
    return self.forgotten(request, "Token successfully blacklisted.")


def _delete_cookies_only(self: views.BlackListTokenView, request: HttpRequest, *args: Any) -> Any:
    return self._clear_cookies(request)


def _look_at(*what: str) -> list[Patch]:
    """Of what may have become of a user only this is looked at."""

    def refuse(claims: Claims) -> Any:
        user = get_user_model()._default_manager.filter(pk=user_id(claims)).first()
        if user is None:
            if "deleted" in what:
                raise InvalidToken("The user of the token does not exist.")
            return get_user_model()(pk=user_id(claims))
        if "deactivated" in what and not user.is_active:
            raise InvalidToken("The user of the token is not active.")
        if "password" in what and users.auth_hash(user) != claims.get("auth_hash"):
            raise InvalidToken("The password of the token's user has been changed.")
        return user

    return [(views, "refuse_departed", refuse)]


def _key_of_a_token(jti: str) -> str:
    return f"{id(jti):x}"


def _look_then_exchange(claims: Claims) -> int:
    own, _ = rotation.keys(claims)
    now = sessions.milliseconds()
    backend = get_blacklist()
    if own in backend.get_many([own]):
        raise ReusedToken("The token has been exchanged for another before.")
    time.sleep(0.01)
    backend.compare_and_set(own, None, str(now), None)
    return now


def _grace_for_all(claims: Claims, found: Any, now: int) -> int | None:
    own = rotation.keys(claims)[:1]
    return int(found[own[0]]) if own and own[0] in found else None


def _no_grace(claims: Claims, found: Any, now: int) -> None:
    if set(rotation.keys(claims)[:1]) & set(found):
        raise ReusedToken("The token has been exchanged for another before.")


def _reuse_is_nothing(claims: Claims, found: Any, now: int) -> int | None:
    try:
        return rotation.exchanged_at(claims, found, now)
    except ReusedToken as error:
        raise InvalidToken(str(error)) from error


def _by_the_second(self: cutoff.Cutoff, claims: Claims) -> bool:
    return bool(claims["auth_time"] <= self.epoch)


def _without_floor(self: cutoff.Cutoff, spared: str, now: int) -> cutoff.Cutoff:
    return cutoff.Cutoff(epoch=max(self.epoch + 1, now), spared=spared)


def _sparing_nobody(self: cutoff.Cutoff, spared: str, now: int) -> cutoff.Cutoff:
    return cutoff.Cutoff(epoch=max(self.epoch + 1, now))


def _for_ever(self: cutoff.Cutoff, claims: Claims) -> bool:
    return bool(self.epoch) and self.spared != blacklist_key(claims["jti"])


def _watching(*what: str) -> list[Patch]:
    """Of what is done to a user only this is noticed."""
    end = users._end_sessions

    def end_some(user: Any, using: str) -> None:
        if not type(user)._base_manager.filter(pk=user.pk).exists():
            done = "deleted"
        else:
            done = "password" if user.is_active else "deactivated"
        if done in what:
            end(user, using)

    return [(users, "_end_sessions", end_some)]


def _always_asks(request: HttpRequest, type_: str) -> Claims:
    claims = authentication.authenticate(request, type_)
    sessions.ask(claims)
    return claims


def _asks_for_refresh_only(request: HttpRequest, type_: str) -> Claims:
    claims = authentication.authenticate(request, type_)
    if settings.check_access and type_ == REFRESH:
        sessions.ask(claims)
    return claims


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


def _ask_or_believe(claims: Claims) -> int | None:
    try:
        return sessions.ask(claims)
    except BlacklistUnavailable:
        return None


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


CORES: list[RogueCore] = [
    *_each_signal(),
    RogueCore(
        "SIG-1", "LoginFailForEveryLogin",
        "Sends `jwt_login_fail` before it looks at the credentials.",
        _patching(views.GetTokensView, "post", _login_fail_always),
    ),
    _to_failures("SIG-2", LOGGED_IN, "Sends `jwt_logged_in` for a login that fails, too."),
    _to_failures("SIG-10", VALIDATED, "Sends `jwt_token_validated` for a refused token, too."),
    _to_failures("SIG-10", REFRESHED, "Sends `jwt_access_refreshed` where it refuses, too."),
    _to_failures("SIG-10", UPDATED, "Sends `jwt_refresh_updated` where it refuses, too."),
    _to_failures("SIG-10", REUSED, "Sends `jwt_reuse_detected` for whatever it refuses."),
    _to_failures("SIG-10", BLACKLISTED, "Sends `jwt_blacklisted` where it refuses, too."),
    _to_failures("SIG-12", REVOKED, "Sends `jwt_sessions_revoked` where it refuses, too."),
    RogueCore(
        "SIG-10", "BlacklistedForASecondLogout",
        "Sends `jwt_blacklisted` for a second logout, too.",
        lambda: _ends(signals.jwt_blacklisted, _announce_always),
    ),
    RogueCore(
        "SIG-15", "ReusedForEveryReplay",
        "Sends `jwt_reuse_detected` each time that a token is presented again.",
        lambda: _ends(signals.jwt_reuse_detected, _announce_always),
    ),
    RogueCore(
        "SIG-16", "RevokedFromNowhere",
        "Sends `jwt_sessions_revoked` of a view with the sender \"revoke_all\".",
        _patching(views, "cut_off", _from_nowhere),
    ),
    RogueCore(
        "SIG-7", "LoggedInWithClaimsSwapped",
        "Sends `jwt_logged_in` with the claims of each token for those of the other.",
        lambda: _sending(LOGGED_IN, _claims_swapped),
    ),
    RogueCore(
        "SIG-7", "RefreshedWithALaterExp",
        "Sends `jwt_access_refreshed` with an `exp` that is a second later than the token's.",
        lambda: _sending(REFRESHED, _claims_a_second_late),
    ),
    RogueCore(
        "SIG-7", "UpdatedWithoutPermissions",
        "Sends `jwt_refresh_updated` with claims that lack the permissions.",
        lambda: _sending(UPDATED, _no_permissions),
    ),
    RogueCore(
        "SIG-9", "BlacklistedBeforeTheEnd",
        "Sends `jwt_blacklisted` before the session has ended.",
        lambda: _ends(signals.jwt_blacklisted, _announce_at_once),
    ),
    RogueCore(
        "SIG-9", "ReusedBeforeTheEnd",
        "Sends `jwt_reuse_detected` before the session has ended.",
        lambda: _ends(signals.jwt_reuse_detected, _announce_at_once),
    ),
    RogueCore(
        "SIG-9", "RevokedBeforeTheEnd",
        "Sends `jwt_sessions_revoked` before the sessions have ended.",
        _announce_the_cut_off_first,
    ),
    RogueCore(
        "SIG-9", "BlacklistedBeforeCommit",
        "Sends `jwt_blacklisted` in a transaction that is rolled back.",
        lambda: _ends(signals.jwt_blacklisted, _announce_before_commit),
        on_database=True,
    ),
    RogueCore(
        "SIG-9", "ReusedBeforeCommit",
        "Sends `jwt_reuse_detected` in a transaction that is rolled back.",
        lambda: _ends(signals.jwt_reuse_detected, _announce_before_commit),
        on_database=True,
    ),
    RogueCore(
        "SIG-9", "RevokedBeforeCommit",
        "Sends `jwt_sessions_revoked` in a transaction that is rolled back.",
        _cut_off_before_commit,
        on_database=True,
    ),
    RogueCore(
        "SIG-10", "ValidatedBeforeItAsks",
        "Sends `jwt_token_validated` before it asks whether the session goes on.",
        _patching(views.ValidateTokensView, "post", _announce_then_ask),
    ),
    RogueCore(
        "SIG-12", "RefreshedBeforeItLooks",
        "Sends `jwt_access_refreshed` before it looks whether the user has left.",
        _announce_then_exchange(REFRESHED),
    ),
    RogueCore(
        "SIG-12", "UpdatedBeforeItLooks",
        "Sends `jwt_refresh_updated` before it looks whether the user has left.",
        _announce_then_exchange(UPDATED),
    ),
    RogueCore(
        "SIG-11", "LetsReceiversRaise",
        "Lets a receiver that raises break the answer.",
        _patching(base_view.JWTView, "announce", _raising),
    ),
    RogueCore(
        "SIG-11", "LogsNoReceiver",
        "Says nothing of a receiver that raises.",
        _patching(base_view.JWTView, "announce", _silent),
    ),
    RogueCore(
        "SIG-11", "StopsAtAReceiverThatRaises",
        "Tells no other receiver once one has raised.",
        _patching(base_view.JWTView, "announce", _up_to_the_first_error),
    ),
    RogueCore(
        "SIG-12", "AsksNothing",
        "Answers without asking the store.",
        _patching(views, "ask", _never),
    ),
    RogueCore(
        "SIG-12", "LooksAtNoUser",
        "Exchanges the tokens of users who have left.",
        lambda: _look_at(),
    ),
    RogueCore(
        "SIG-12", "TakesAnyType",
        "Takes a token of either type for one of the other.",
        _patching(authentication, "decode", _any_type),
    ),
    RogueCore(
        "SIG-12", "ExchangesTwice",
        "Exchanges a refresh token as often as it is presented.",
        _patching(rotation, "exchanged_at", _never),
    ),
    RogueCore(
        "HTTP-9", "ValidatesTheEnded",
        "Validates the tokens of a session that has ended.",
        _patching(views, "ask", _never),
    ),
    RogueCore(
        "HTTP-9", "ValidatesEndedAccess",
        "Asks the store about refresh tokens only.",
        lambda: _asks_for(REFRESH),
    ),
    RogueCore(
        "HTTP-10", "RefreshesTheEnded",
        "Answers the refresh token of a session that has ended with an access token.",
        lambda: _asks_for(ACCESS),
    ),
    RogueCore(
        "HTTP-10", "RefreshesWithTheRefreshToken",
        "Answers with the refresh token once more for an access token.",
        _patching(views, "sign", _refresh_for_access),
    ),
    RogueCore(
        "HTTP-11", "UpdatesTheEnded",
        "Answers the refresh token of a session that has ended with a pair.",
        lambda: _asks_for(ACCESS),
    ),
    RogueCore(
        "HTTP-11", "UpdatesToAnotherSession",
        "Answers with a pair that a logout of the session does not end.",
        _patching(views, "renewed", _another_session),
    ),
    RogueCore(
        "HTTP-12", "EndsNothing",
        "Says that it has ended the session, and does not.",
        _patching(base_view, "revoke", _ends_nothing),
    ),
    RogueCore(
        "HTTP-12", "LogsOutEverywhere",
        "Ends all sessions of the user at a logout of one.",
        _patching(base_view, "revoke", _end_all),
    ),
    RogueCore(
        "HTTP-12", "KeepsCookies",
        "Leaves the cookies where they are at a logout.",
        _patching(transports.OneCookie, "forget", _never),
    ),
    RogueCore(
        "HTTP-12", "RefusesASecondLogout",
        "Answers 401 to a second logout.",
        _patching(views.BlackListTokenView, "_end_session", _refuse_twice),
    ),
    RogueCore(
        "HTTP-12", "DeleteEndsNothing",
        "Clears the cookies at a `DELETE`, and lets the session go on.",
        _patching(views.BlackListTokenView, "delete", _delete_cookies_only),
    ),
    RogueCore(
        "HTTP-12", "DeleteNeedsAToken",
        "Refuses a `DELETE` without a valid token, and leaves the cookies.",
        _patching(views.BlackListTokenView, "delete", _delete_with_a_token),
    ),
    RogueCore(
        "HTTP-13", "IgnoresDeparture",
        "Looks at no user again.",
        lambda: _look_at(),
    ),
    RogueCore(
        "HTTP-13", "IgnoresDeactivation",
        "Exchanges the tokens of a user who was deactivated.",
        lambda: _look_at("deleted", "password"),
    ),
    RogueCore(
        "HTTP-13", "IgnoresDeletion",
        "Exchanges the tokens of a user who was deleted.",
        lambda: _look_at("deactivated", "password"),
    ),
    RogueCore(
        "HTTP-13", "IgnoresPasswords",
        "Exchanges the tokens of a user whose password was changed.",
        lambda: _look_at("deleted", "deactivated"),
    ),
    RogueCore(
        "HTTP-14", "EndsATokenNotTheSession",
        "Remembers which token was sent, not which session it is of.",
        _patching(sessions, "blacklist_key", _key_of_a_token),
    ),
    RogueCore(
        "HTTP-14", "RemembersUntilThePurge",
        "Remembers the end of a session until the next purge.",
        _patching(sessions, "kept_until", lambda claims, now: now - 1),
    ),
    RogueCore(
        "HTTP-20", "UsesNothingUp",
        "Remembers of no refresh token that it was exchanged.",
        _patching(views, "exchange", lambda claims: sessions.milliseconds()),
    ),
    RogueCore(
        "HTTP-20", "LooksThenExchanges",
        "Looks whether a refresh token was exchanged and then exchanges it, in two steps.",
        _patching(views, "exchange", _look_then_exchange),
    ),
    RogueCore(
        "HTTP-20", "MakesASuccessorEach",
        "Makes another successor for each of those who present a token at once.",
        _patching(rotation, "successor", lambda claims: uuid4().hex),
    ),
    RogueCore(
        "HTTP-21", "LetsTheSessionGoOn",
        "Refuses a token that was exchanged before, and does not end its session.",
        _patching(base_view, "revoke", _ends_nothing),
    ),
    RogueCore(
        "HTTP-21", "TakesReuseForARefusal",
        "Refuses a token that was exchanged before as it does any other.",
        _patching(rotation, "exchanged_at", _reuse_is_nothing),
    ),
    RogueCore(
        "HTTP-21", "EndsEverySession",
        "Ends all sessions of a user of whom one token was presented again.",
        _patching(base_view, "revoke", _end_all),
    ),
    RogueCore(
        "HTTP-21", "KeepsCookiesOfTheReused",
        "Leaves the cookies of a session that it ended for reuse.",
        _patching(transports.OneCookie, "forget", _never),
    ),
    RogueCore(
        "HTTP-22", "CutsOffByTheSecond",
        "Ends a session that begins in the second of a log-out-everywhere.",
        _patching(cutoff.Cutoff, "ends", _by_the_second),
    ),
    RogueCore(
        "HTTP-22", "BringsBackTheDead",
        "Brings a session that had ended back by sparing it later.",
        _patching(cutoff.Cutoff, "next", _without_floor),
    ),
    RogueCore(
        "HTTP-22", "SparesNobody",
        "Ends the session that was to be kept, too.",
        _patching(cutoff.Cutoff, "next", _sparing_nobody),
    ),
    RogueCore(
        "HTTP-22", "CutsOffForEver",
        "Ends the sessions that begin after a log-out-everywhere, too.",
        _patching(cutoff.Cutoff, "ends", _for_ever),
    ),
    RogueCore(
        "HTTP-22", "CutsOffEverybody",
        "Ends the sessions of all users when one logs out everywhere.",
        _patching(cutoff, "user_key", lambda user_id: blacklist_key("everybody")),
    ),
    RogueCore(
        "HTTP-23", "WatchesNobody",
        "Does not notice what is done to a user.",
        _patching(users, "_end_sessions", _never),
    ),
    RogueCore(
        "HTTP-23", "WatchesNoPassword",
        "Does not notice that a password was changed.",
        lambda: _watching("deactivated", "deleted"),
    ),
    RogueCore(
        "HTTP-23", "WatchesNoDeactivation",
        "Does not notice that a user was deactivated.",
        lambda: _watching("password", "deleted"),
    ),
    RogueCore(
        "HTTP-23", "WatchesNoDeletion",
        "Does not notice that a user was deleted.",
        lambda: _watching("password", "deactivated"),
    ),
    RogueCore(
        "HTTP-24", "ChecksNoAccess",
        "Has decorators that ask no store, whatever `DJWTO_CHECK_ACCESS` says.",
        _patching(authentication, "admit", authentication.authenticate),
    ),
    RogueCore(
        "HTTP-24", "AlwaysChecksAccess",
        "Has decorators that ask the store, whatever `DJWTO_CHECK_ACCESS` says.",
        _patching(authentication, "admit", _always_asks),
    ),
    RogueCore(
        "HTTP-24", "ChecksRefreshOnly",
        "Has decorators that ask the store about refresh tokens only.",
        _patching(authentication, "admit", _asks_for_refresh_only),
    ),
    RogueCore(
        "HTTP-27", "HasGraceForAll",
        "Takes any earlier refresh token within the grace, not the last one only.",
        _patching(rotation, "exchanged_at", _grace_for_all),
    ),
    RogueCore(
        "HTTP-27", "HasNoGrace",
        "Takes no refresh token a second time, grace or not.",
        _patching(rotation, "exchanged_at", _no_grace),
    ),
    RogueCore(
        "HTTP-14", "RemembersTheTokenNotTheSession",
        "Remembers the end of a session until the token that was sent expires, not the last one.",
        _patching(sessions, "kept_until", lambda claims, now: claims.get("exp")),
    ),
    RogueCore(
        "HTTP-11", "UpdatesWhereItIsOff",
        "Updates refresh tokens where `DJWTO_ALLOW_REFRESH_UPDATE` is off.",
        _patching(views.UpdateRefreshView, "exchanged", views.ExchangeView.exchanged),
    ),
    RogueCore(
        "HTTP-20", "NeverRotatesOnAccess",
        "Exchanges no refresh token at `refresh_access/`, whatever the settings say.",
        _patching(views.RefreshAccessView, "renews", lambda self: False),
    ),
    RogueCore(
        "HTTP-20", "AlwaysRotatesOnAccess",
        "Exchanges the refresh token at `refresh_access/`, whatever the settings say.",
        _patching(views.RefreshAccessView, "renews", lambda self: settings.rotate_refresh),
    ),
    RogueCore(
        "HTTP-24", "DecoratorsFailOpen",
        "Has decorators that let everybody in while the store is down.",
        _patching(authentication, "admit", _ask_but_for_failures),
    ),
    RogueCore(
        "HTTP-25", "LoggedInBeforeTheReplacedEnds",
        "Sends `jwt_logged_in` before the `jwt_blacklisted` of the session that is replaced.",
        _patching(views.GetTokensView, "_end_replaced", _the_login_first),
    ),
    RogueCore(
        "HTTP-25", "LeavesTheReplaced",
        "Lets the session go on whose cookies a login replaces.",
        _patching(views.GetTokensView, "_end_replaced", _never),
    ),
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
        _patching(base_view, "unavailable", _raise_it),
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
        _patching(views, "ask", _ask_or_believe),
    ),
    RogueCore(
        "HTTP-17", "PretendsToLogOut",
        "Answers 200 to a logout while the store is down, and announces it.",
        _patching(base_view, "revoke", _revoke_or_pretend),
    ),
    RogueCore(
        "HTTP-17", "ShrugsAtALogout",
        "Answers 200 to a logout while the store is down, as to a second one.",
        _patching(base_view, "revoke", _revoke_or_shrug),
    ),
    RogueCore(
        "HTTP-17", "LogsInWhileDown",
        "Logs users in while the store is down, cut off or not.",
        _patching(login, "epoch", _epoch_or_none),
    ),
    RogueCore(
        "HTTP-17", "ExchangesWhileDown",
        "Asks before it exchanges, and does without the store if that went down in between.",
        lambda: [(views, "ask", _ask_or_believe), (views, "exchange", _exchange_or_believe)],
    ),
]  # fmt: skip
"""Every core that breaks a clause."""
