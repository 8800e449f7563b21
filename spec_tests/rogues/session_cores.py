"""Cores that break what becomes of a session, HTTP-9 to HTTP-27."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from djwto import (
    authentication,
    base_view,
    csrf,
    cutoff,
    rotation,
    sessions,
    signals,
    transports,
    users,
    views,
)
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.claims import ACCESS, REFRESH, Claims, expiry, user_id
from djwto.conf import settings
from djwto.exceptions import Disabled, InvalidToken, ReusedToken
from djwto.responses import done
from djwto.spec_tests.rogues.cores import (
    Announce,
    Patch,
    RogueCore,
    ask_or_believe,
    look_at,
    never,
    patching,
)
from djwto.tokens import TokenPair, decode, sign


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
        ask_or_believe(claims)
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


def _key_of_a_token(jti: str) -> str:
    return f"{id(jti):x}"


def _look_then_exchange(claims: Claims) -> int:
    own, _ = rotation.keys(claims)
    now = sessions.milliseconds()
    backend = get_blacklist()
    if own in backend.get_many([own]):
        raise ReusedToken("The token has been exchanged for another before.")
    # Long enough for another to look, too.
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


def _counting_from_one(self: cutoff.Cutoff, spared: str, now: int) -> cutoff.Cutoff:
    return cutoff.Cutoff(epoch=self.epoch + 1, floor=self.epoch, spared=spared)


def _use_up_then_refuse(self: views.UpdateRefreshView, request: HttpRequest) -> Any:
    answer = views.ExchangeView.exchanged(self, request)
    if not settings.allow_refresh_update:
        raise Disabled("Refresh tokens are not updated here.")
    return answer


def _exchange_blindly(claims: Claims) -> int:
    now = sessions.milliseconds()
    own, _ = rotation.keys(claims)
    get_blacklist().compare_and_set(own, None, str(now), sessions._kept(claims.get("exp")))
    return now


def _exchange_for_seconds(claims: Claims) -> int:
    with patch.object(sessions, "_kept", lambda end: int(time.time()) + 5):
        return sessions.exchange(claims)


async def _cut_off_once(
    backend: Any, asked: Any, user_id: Any, except_jti: str | None, claims: Any, announce: Any
) -> None:
    key, now = cutoff.user_key(user_id), int(time.time())
    found = await asked.aget_many([key])
    spared = "" if except_jti is None else blacklist_key(except_jti)
    after = str(cutoff.read(found, key).next(spared, now))
    await asked.acompare_and_set(key, found.get(key), after, sessions._last_of_all(now))
    told = partial(announce, user_id=user_id, except_jti=except_jti)
    backend.on_durable(lambda: told(signals.jwt_sessions_revoked))


def _any_refresh_token(claims: Claims) -> bool:
    return bool(claims["type"] == REFRESH)


def _renew_all(self: views.RefreshAccessView) -> bool:
    return settings.rotate_on_access


def _grace_for_ever(claims: Claims, found: Any, now: int) -> int | None:
    own, next_ = rotation.keys(claims)
    if next_ in found or not settings.reuse_grace:
        return _exchanged_at(claims, found, now)
    return int(found[own] or 0) if own in found else None


_exchanged_at = rotation.exchanged_at


def _guards_without_a_check_of_permissions() -> list[Patch]:
    guard = authentication._guard

    def unchecked(view: Any, type_: str, wanted: frozenset[str] | None = None) -> Any:
        guarded = guard(view, type_, wanted)

        def called(request: HttpRequest) -> Any:
            with override_settings(DJWTO_CHECK_ACCESS=False):
                return guarded(request)

        return guarded if wanted is None else called

    return [(authentication, "_guard", unchecked)]


def _clear_the_refresh_cookie_elsewhere(
    self: transports.OneCookie, request: HttpRequest, response: HttpResponse
) -> None:
    for name in (self.cookie(REFRESH), self.cookie(ACCESS), *self.extra_cookies):
        transports._clear(response, name)


def _clear_the_tokens_only(
    self: transports.OneCookie, request: HttpRequest, response: HttpResponse
) -> None:
    transports._clear(response, self.cookie(REFRESH), path=transports.refresh_path(request))
    transports._clear(response, self.cookie(ACCESS))


async def _clear_once(self: views.BlackListTokenView, request: HttpRequest, claims: Claims) -> Any:
    if await self.either(self.end, self.aend, claims, signals.jwt_blacklisted):
        return self.forgotten(request, "Token successfully blacklisted.")
    return done("Token was blacklisted before.")


def _without_leeway(end: int | None) -> int | None:
    return None if end is None else end + sessions.CLOCK_MARGIN


def _by_what_is_known(claims: Claims, now: int) -> int | None:
    ends = [claims.get("exp"), expiry(ACCESS, claims, now), expiry(REFRESH, claims, now)]
    known = [end for end in ends if end is not None]
    return sessions._kept(max(known)) if known else None


def _by_the_cookie_of(only: str) -> list[Patch]:
    """A login sees what it replaces by the cookie of this type."""

    def decode_one(token: str, type_: str) -> Claims:
        if type_ != only:
            raise InvalidToken("It is of the other type.")
        return decode(token, type_)

    return [(views, "decode", decode_one)]


def _end_then_authenticate() -> list[Patch]:
    log_in = views.GetTokensView._log_in

    def end_then_log_in(self: views.GetTokensView, request: HttpRequest) -> Any:
        if transports.current().ambient:
            self._end_replaced(request)
        return log_in(self, request)

    return [(views.GetTokensView, "_log_in", end_then_log_in)]


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


SESSION_CORES: list[RogueCore] = [
    RogueCore(
        "HTTP-9", "ValidatesTheEnded",
        "Validates the tokens of a session that has ended.",
        patching(views, "ask", never),
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
        patching(views, "sign", _refresh_for_access),
    ),
    RogueCore(
        "HTTP-11", "UpdatesTheEnded",
        "Answers the refresh token of a session that has ended with a pair.",
        lambda: _asks_for(ACCESS),
    ),
    RogueCore(
        "HTTP-11", "UsesUpWhereItIsOff",
        "Answers 404 where `DJWTO_ALLOW_REFRESH_UPDATE` is off, and has used the token up.",
        patching(views.UpdateRefreshView, "exchanged", _use_up_then_refuse),
    ),
    RogueCore(
        "HTTP-11", "UpdatesToAnotherSession",
        "Answers with a pair that a logout of the session does not end.",
        patching(views, "renewed", _another_session),
    ),
    RogueCore(
        "HTTP-12", "EndsNothing",
        "Says that it has ended the session, and does not.",
        patching(base_view, "revoke", _ends_nothing),
    ),
    RogueCore(
        "HTTP-12", "LogsOutEverywhere",
        "Ends all sessions of the user at a logout of one.",
        patching(base_view, "revoke", _end_all),
    ),
    RogueCore(
        "HTTP-12", "KeepsCookies",
        "Leaves the cookies where they are at a logout.",
        patching(transports.OneCookie, "forget", never),
    ),
    RogueCore(
        "HTTP-12", "ClearsTheRefreshCookieElsewhere",
        "Clears the refresh cookie with another path than it was set with, where it stays.",
        patching(transports.OneCookie, "forget", _clear_the_refresh_cookie_elsewhere),
    ),
    RogueCore(
        "HTTP-12", "LeavesTheReadableCookie",
        "Clears the cookies of the tokens, and leaves the one with the claims.",
        patching(transports.OneCookie, "forget", _clear_the_tokens_only),
    ),
    RogueCore(
        "HTTP-12", "ClearsCookiesOnce",
        "Clears no cookies at a second logout.",
        patching(views.BlackListTokenView, "_end_session", _clear_once),
    ),
    RogueCore(
        "HTTP-12", "LetsAnybodyLogOut",
        "Asks for no CSRF token at a logout.",
        patching(csrf, "refuse_forged", never),
    ),
    RogueCore(
        "HTTP-12", "LogsOutThoseWhoHaveToWait",
        "Logs out whoever `DJWTO_THROTTLE` has wait.",
        patching(base_view.JWTView, "refuse_throttled", never),
    ),
    RogueCore(
        "HTTP-12", "RefusesASecondLogout",
        "Answers 401 to a second logout.",
        patching(views.BlackListTokenView, "_end_session", _refuse_twice),
    ),
    RogueCore(
        "HTTP-12", "DeleteEndsNothing",
        "Clears the cookies at a `DELETE`, and lets the session go on.",
        patching(views.BlackListTokenView, "delete", _delete_cookies_only),
    ),
    RogueCore(
        "HTTP-12", "DeleteNeedsAToken",
        "Refuses a `DELETE` without a valid token, and leaves the cookies.",
        patching(views.BlackListTokenView, "delete", _delete_with_a_token),
    ),
    RogueCore(
        "HTTP-13", "IgnoresDeparture",
        "Looks at no user again.",
        lambda: look_at(),
    ),
    RogueCore(
        "HTTP-13", "IgnoresDeactivation",
        "Exchanges the tokens of a user who was deactivated.",
        lambda: look_at("deleted", "password"),
    ),
    RogueCore(
        "HTTP-13", "IgnoresDeletion",
        "Exchanges the tokens of a user who was deleted.",
        lambda: look_at("deactivated", "password"),
    ),
    RogueCore(
        "HTTP-13", "IgnoresPasswords",
        "Exchanges the tokens of a user whose password was changed.",
        lambda: look_at("deleted", "deactivated"),
    ),
    RogueCore(
        "HTTP-14", "EndsATokenNotTheSession",
        "Remembers which token was sent, not which session it is of.",
        patching(sessions, "blacklist_key", _key_of_a_token),
    ),
    RogueCore(
        "HTTP-14", "RemembersUntilThePurge",
        "Remembers the end of a session until the next purge.",
        patching(sessions, "kept_until", lambda claims, now: now - 1),
    ),
    RogueCore(
        "HTTP-14", "ForgetsWithinTheLeeway",
        "Remembers the end of a session for as long as its tokens live, and not `DJWTO_LEEWAY`.",
        patching(sessions, "_kept", _without_leeway),
    ),
    RogueCore(
        "HTTP-14", "TakesAnAccessTokenForTheLast",
        "Remembers an end that an access token brought about until that one expires.",
        patching(sessions, "kept_until", _by_what_is_known),
    ),
    RogueCore(
        "HTTP-14", "NeverForgets",
        "Remembers the end of a session for ever.",
        patching(sessions, "kept_until", lambda claims, now: None),
    ),
    RogueCore(
        "HTTP-20", "BelievesItWasFirst",
        "Makes a successor of a token that another has exchanged since it was asked about.",
        patching(views, "exchange", _exchange_blindly),
    ),
    RogueCore(
        "HTTP-20", "ForgetsExchanges",
        "Remembers of a refresh token for some seconds only that it was exchanged.",
        patching(views, "exchange", _exchange_for_seconds),
    ),
    RogueCore(
        "HTTP-20", "RotatesWhereItIsOff",
        "Exchanges refresh tokens where `DJWTO_ROTATE_REFRESH` is off.",
        lambda: [(module, "rotates", _any_refresh_token) for module in (rotation, views)],
    ),
    RogueCore(
        "HTTP-20", "RenewsWhereItIsOff",
        "Renews the refresh token at `refresh_access/` where `DJWTO_ROTATE_REFRESH` is off.",
        patching(views.RefreshAccessView, "renews", _renew_all),
    ),
    RogueCore(
        "HTTP-20", "UsesNothingUp",
        "Remembers of no refresh token that it was exchanged.",
        patching(views, "exchange", lambda claims: sessions.milliseconds()),
    ),
    RogueCore(
        "HTTP-20", "LooksThenExchanges",
        "Looks whether a refresh token was exchanged and then exchanges it, in two steps.",
        patching(views, "exchange", _look_then_exchange),
    ),
    RogueCore(
        "HTTP-20", "MakesASuccessorEach",
        "Makes another successor for each of those who present a token at once.",
        patching(rotation, "successor", lambda claims: uuid4().hex),
    ),
    RogueCore(
        "HTTP-21", "LetsTheSessionGoOn",
        "Refuses a token that was exchanged before, and does not end its session.",
        patching(base_view, "revoke", _ends_nothing),
    ),
    RogueCore(
        "HTTP-21", "TakesReuseForARefusal",
        "Refuses a token that was exchanged before as it does any other.",
        patching(rotation, "exchanged_at", _reuse_is_nothing),
    ),
    RogueCore(
        "HTTP-21", "EndsEverySession",
        "Ends all sessions of a user of whom one token was presented again.",
        patching(base_view, "revoke", _end_all),
    ),
    RogueCore(
        "HTTP-21", "KeepsCookiesOfTheReused",
        "Leaves the cookies of a session that it ended for reuse.",
        patching(transports.OneCookie, "forget", never),
    ),
    RogueCore(
        "HTTP-22", "CutsOffByTheSecond",
        "Ends a session that begins in the second of a log-out-everywhere.",
        patching(cutoff.Cutoff, "ends", _by_the_second),
    ),
    RogueCore(
        "HTTP-22", "ForgetsCutOffs",
        "Remembers for a minute only that all sessions of a user have ended.",
        patching(sessions, "_last_of_all", lambda now: now + 60),
    ),
    RogueCore(
        "HTTP-22", "LosesACutOff",
        "Ends nothing where another cut-off of the user comes in between.",
        patching(sessions, "_cut_off", _cut_off_once),
    ),
    RogueCore(
        "HTTP-22", "CountsFromOne",
        "Counts the cut-offs of a user from one again once the store has forgotten the last.",
        patching(cutoff.Cutoff, "next", _counting_from_one),
    ),
    RogueCore(
        "HTTP-22", "BringsBackTheDead",
        "Brings a session that had ended back by sparing it later.",
        patching(cutoff.Cutoff, "next", _without_floor),
    ),
    RogueCore(
        "HTTP-22", "SparesNobody",
        "Ends the session that was to be kept, too.",
        patching(cutoff.Cutoff, "next", _sparing_nobody),
    ),
    RogueCore(
        "HTTP-22", "CutsOffForEver",
        "Ends the sessions that begin after a log-out-everywhere, too.",
        patching(cutoff.Cutoff, "ends", _for_ever),
    ),
    RogueCore(
        "HTTP-22", "CutsOffEverybody",
        "Ends the sessions of all users when one logs out everywhere.",
        patching(cutoff, "user_key", lambda user_id: blacklist_key("everybody")),
    ),
    RogueCore(
        "HTTP-23", "WatchesNobody",
        "Does not notice what is done to a user.",
        patching(users, "_end_sessions", never),
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
        patching(authentication, "admit", authentication.authenticate),
    ),
    RogueCore(
        "HTTP-24", "ChecksNoAccessForPermissions",
        "Has `jwt_perm_required` ask no store, whatever `DJWTO_CHECK_ACCESS` says.",
        _guards_without_a_check_of_permissions,
    ),
    RogueCore(
        "HTTP-24", "AlwaysChecksAccess",
        "Has decorators that ask the store, whatever `DJWTO_CHECK_ACCESS` says.",
        patching(authentication, "admit", _always_asks),
    ),
    RogueCore(
        "HTTP-24", "ChecksRefreshOnly",
        "Has decorators that ask the store about refresh tokens only.",
        patching(authentication, "admit", _asks_for_refresh_only),
    ),
    RogueCore(
        "HTTP-27", "HasGraceForAll",
        "Takes any earlier refresh token within the grace, not the last one only.",
        patching(rotation, "exchanged_at", _grace_for_all),
    ),
    RogueCore(
        "HTTP-27", "HasGraceForEver",
        "Takes the last refresh token a second time however long ago it was exchanged.",
        patching(rotation, "exchanged_at", _grace_for_ever),
    ),
    RogueCore(
        "HTTP-27", "HasNoGrace",
        "Takes no refresh token a second time, grace or not.",
        patching(rotation, "exchanged_at", _no_grace),
    ),
    RogueCore(
        "HTTP-14", "RemembersTheTokenNotTheSession",
        "Remembers the end of a session until the token that was sent expires, not the last one.",
        patching(sessions, "kept_until", lambda claims, now: claims.get("exp")),
    ),
    RogueCore(
        "HTTP-11", "UpdatesWhereItIsOff",
        "Updates refresh tokens where `DJWTO_ALLOW_REFRESH_UPDATE` is off.",
        patching(views.UpdateRefreshView, "exchanged", views.ExchangeView.exchanged),
    ),
    RogueCore(
        "HTTP-20", "NeverRotatesOnAccess",
        "Exchanges no refresh token at `refresh_access/`, whatever the settings say.",
        patching(views.RefreshAccessView, "renews", lambda self: False),
    ),
    RogueCore(
        "HTTP-20", "AlwaysRotatesOnAccess",
        "Exchanges the refresh token at `refresh_access/`, whatever the settings say.",
        patching(views.RefreshAccessView, "renews", lambda self: settings.rotate_refresh),
    ),
    RogueCore(
        "HTTP-24", "DecoratorsFailOpen",
        "Has decorators that let everybody in while the store is down.",
        patching(authentication, "admit", _ask_but_for_failures),
    ),
    RogueCore(
        "HTTP-25", "LoggedInBeforeTheReplacedEnds",
        "Sends `jwt_logged_in` before the `jwt_blacklisted` of the session that is replaced.",
        patching(views.GetTokensView, "_end_replaced", _the_login_first),
    ),
    RogueCore(
        "HTTP-25", "EndsByTheRefreshCookieOnly",
        "Lets the session go on that is replaced where only its access cookie is left.",
        lambda: _by_the_cookie_of(REFRESH),
    ),
    RogueCore(
        "HTTP-25", "EndsByTheAccessCookieOnly",
        "Lets the session go on that is replaced where only its refresh cookie is left.",
        lambda: _by_the_cookie_of(ACCESS),
    ),
    RogueCore(
        "HTTP-25", "EndsBeforeItAuthenticates",
        "Ends the session whose cookies came with a login that fails.",
        _end_then_authenticate,
    ),
    RogueCore(
        "HTTP-25", "LeavesTheReplaced",
        "Lets the session go on whose cookies a login replaces.",
        patching(views.GetTokensView, "_end_replaced", never),
    ),
]  # fmt: skip
