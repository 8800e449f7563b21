"""Cores that break what the signals state, SIG-1 to SIG-16."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

from django.dispatch import Signal
from django.http import HttpRequest, JsonResponse

from djwto import (
    authentication,
    base_view,
    csrf,
    rotation,
    sessions,
    signals,
    transports,
    users,
    views,
)
from djwto.backends.database import DatabaseBlacklist
from djwto.blacklist import get_blacklist
from djwto.claims import REFRESH, Claims, access_from
from djwto.conf import settings
from djwto.exceptions import InvalidToken, Refusal
from djwto.spec_tests.rogues.cores import (
    Announce,
    Patch,
    RogueCore,
    any_type,
    look_at,
    never,
    patching,
)


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


def with_another_request(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The arguments of a signal with a copy of the request."""
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
            lambda about=about: _sending(about, with_another_request),  # type: ignore[misc]
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
            patching(about.signal, "send_robust", about.signal.send),
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
        cut(user_id, except_jti, announce=never, **kwargs)

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


def _by_its_class(self: base_view.JWTView, signal: Any, **kwargs: Any) -> None:
    signal.send_robust(sender=type(self).__name__, request=self.request, **kwargs)


def _by_its_parent(self: base_view.JWTView, signal: Any, **kwargs: Any) -> None:
    parents: list[Any] = [one for one in type(self).__mro__ if one.__module__ == views.__name__]
    signal.send_robust(sender=parents[0].sender, request=self.request, **kwargs)


def _connect_as_the_last(
    self: signals.SenderNameSignal, receiver: Callable[..., Any], sender: Any = None, **kwargs: Any
) -> None:
    if isinstance(sender, str):
        self._names[sender] = sender
    Signal.connect(self, receiver, sender, **{"weak": False} | kwargs)


def _connect_for_good(
    self: signals.SenderNameSignal, receiver: Callable[..., Any], sender: Any = None, **kwargs: Any
) -> None:
    Signal.connect(self, receiver, sender, **kwargs | {"weak": False})


@contextmanager
def _telling_of_refusals_only(self: views.GetTokensView) -> Iterator[None]:
    try:
        yield
    except Refusal as error:
        self.announce(signals.jwt_login_fail, error=str(error))
        raise


def _from_nowhere(*args: Any, announce: Callable[..., None], **kwargs: Any) -> None:
    sessions.cut_off(*args, announce=partial(announce, sender="revoke_all"), **kwargs)


SIGNAL_CORES: list[RogueCore] = [
    *_each_signal(),
    RogueCore(
        "SIG-1", "LoginFailForEveryLogin",
        "Sends `jwt_login_fail` before it looks at the credentials.",
        patching(views.GetTokensView, "post", _login_fail_always),
    ),
    RogueCore(
        "SIG-2", "TellsOfRefusalsOnly",
        "Does not send `jwt_login_fail` where a hook of the project's own fails.",
        patching(views.GetTokensView, "_announcing_failure", _telling_of_refusals_only),
    ),
    RogueCore(
        "SIG-2", "TellsNotOfWaiting",
        "Does not send `jwt_login_fail` for a login that has to wait.",
        patching(
            views.GetTokensView, "refuse_throttled", base_view.JWTView.refuse_throttled,
        ),
    ),
    RogueCore(
        "SIG-8", "ConnectsById",
        "Tells senders apart by which object they are, as Django does.",
        patching(signals.SenderNameSignal, "_one", lambda self, sender: sender),
    ),
    RogueCore(
        "SIG-8", "HearsTheLastConnected",
        "Takes the string that was connected last for the sender, and loses those before.",
        patching(signals.SenderNameSignal, "connect", _connect_as_the_last),
    ),
    RogueCore(
        "SIG-8", "DisconnectsById",
        "Disconnects a receiver only by the very string that it was connected with.",
        patching(signals.SenderNameSignal, "disconnect", Signal.disconnect),
    ),
    RogueCore(
        "SIG-13", "SendsTheNameOfTheClass",
        "Sends the signals of a subclass with the name of the subclass.",
        patching(base_view.JWTView, "announce", _by_its_class),
    ),
    RogueCore(
        "SIG-13", "SendsTheNameOfTheParent",
        "Sends the signals of a subclass with the sender of its parent, though it has its own.",
        patching(base_view.JWTView, "announce", _by_its_parent),
    ),
    RogueCore(
        "SIG-14", "KeepsNoReceivers",
        "Forgets a receiver that nothing else refers to, as Django does.",
        patching(signals.SenderNameSignal, "connect", Signal.connect),
    ),
    RogueCore(
        "SIG-14", "KeepsAllReceivers",
        "Keeps a receiver that was connected with `weak=True`.",
        patching(signals.SenderNameSignal, "connect", _connect_for_good),
    ),
    RogueCore(
        "SIG-10", "AsksForNoCSRFToken",
        "Does what a request in cookie mode asks for without a CSRF token.",
        patching(csrf, "refuse_forged", never),
    ),
    RogueCore(
        "SIG-10", "HasNobodyWait",
        "Does what a request asks for that `DJWTO_THROTTLE` has wait.",
        patching(base_view.JWTView, "refuse_throttled", never),
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
        patching(views, "cut_off", _from_nowhere),
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
        patching(views.ValidateTokensView, "post", _announce_then_ask),
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
        patching(base_view.JWTView, "announce", _raising),
    ),
    RogueCore(
        "SIG-11", "LogsNoReceiver",
        "Says nothing of a receiver that raises.",
        patching(base_view.JWTView, "announce", _silent),
    ),
    RogueCore(
        "SIG-11", "StopsAtAReceiverThatRaises",
        "Tells no other receiver once one has raised.",
        patching(base_view.JWTView, "announce", _up_to_the_first_error),
    ),
    RogueCore(
        "SIG-12", "AsksNothing",
        "Answers without asking the store.",
        patching(views, "ask", never),
    ),
    RogueCore(
        "SIG-12", "LooksAtNoUser",
        "Exchanges the tokens of users who have left.",
        lambda: look_at(),
    ),
    RogueCore(
        "SIG-12", "TakesAnyType",
        "Takes a token of either type for one of the other.",
        patching(authentication, "decode", any_type),
    ),
    RogueCore(
        "SIG-12", "ExchangesTwice",
        "Exchanges a refresh token as often as it is presented.",
        patching(rotation, "exchanged_at", never),
    ),
]  # fmt: skip
