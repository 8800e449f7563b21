"""What the checks of signals and sessions are played on: a mode, settings, users, a backend."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import AutoField
from django.test import override_settings
from hypothesis import strategies as st

from djwto.spec_tests import api, profile, tape
from djwto.spec_tests.recorder import Sent
from djwto.spec_tests.registry import Broken, expect
from djwto.spec_tests.subject import Subject
from djwto.transports import TRANSPORTS

MODES = list(TRANSPORTS)
URLS = {False: "djwto.urls", True: "djwto.async_urls"}
"""Where the endpoints are, and where they are awaited (USER-8)."""

PASSWORD = "a password"


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which the endpoints are in use."""

    mode: str
    awaited: bool

    @property
    def settings(self) -> dict[str, Any]:
        """What puts it in force."""
        return {"DJWTO_MODE": self.mode, "ROOT_URLCONF": URLS[self.awaited]}

    @property
    def has_cookies(self) -> bool:
        """Whether tokens travel in cookies."""
        return TRANSPORTS[self.mode].ambient

    def __str__(self) -> str:
        return f"{self.mode}, awaited" if self.awaited else self.mode


JSON, ONE_COOKIE, TWO_COOKIES = MODES
IN_JSON = [Way(JSON, awaited=False), Way(JSON, awaited=True)]
"""Those for what has nothing to do with how tokens travel."""

WAYS = [
    Way(JSON, awaited=False),
    Way(ONE_COOKIE, awaited=False),
    Way(TWO_COOKIES, awaited=False),
    Way(ONE_COOKIE, awaited=True),
    Way(JSON, awaited=True),
    Way(TWO_COOKIES, awaited=True),
]
"""All of them; how tokens travel is the same code where a view is awaited."""


def ways() -> list[Way]:
    """Those to look at: with little effort one where a view is awaited."""
    return WAYS[: profile.times(len(WAYS), fewest=len(MODES) + 1)]


SENDERS = {
    "jwt_logged_in": "GetTokensView",
    "jwt_login_fail": "GetTokensView",
    "jwt_blacklisted": "BlackListTokenView",
    "jwt_token_validated": "ValidateTokensView",
    "jwt_access_refreshed": "RefreshAccessView",
    "jwt_refresh_updated": "UpdateRefreshView",
    "jwt_sessions_revoked": "LogoutAllView",
}
"""The sender of each signal that one view sends, as documented."""

REUSE_SENDERS = {
    api.VALIDATE_REFRESH: "ValidateTokensView",
    api.REFRESH_ACCESS: "RefreshAccessView",
    api.UPDATE_REFRESH: "UpdateRefreshView",
    api.LOGOUT_ALL: "LogoutAllView",
}
"""The sender of `jwt_reuse_detected`, by the endpoint that a token was presented to again."""

CLAIMS = {"refresh_claims", "access_claims"}
KWARGS = {
    "jwt_logged_in": CLAIMS,
    "jwt_login_fail": {"error"},
    "jwt_blacklisted": {"jti"},
    "jwt_token_validated": set(),
    "jwt_access_refreshed": CLAIMS,
    "jwt_refresh_updated": CLAIMS,
    "jwt_reuse_detected": {"jti", "claims"},
    "jwt_sessions_revoked": {"user_id", "except_jti"},
}
"""The keyword arguments of each signal beside `signal` and `request`, as documented."""

HOUR = 3600

NO_GRACE: dict[str, Any] = {"DJWTO_ROTATE_REFRESH": True, "DJWTO_REUSE_GRACE": 0}
"""A refresh token is exchanged once, and whoever presents it again ends its session."""

texts = st.text("abcxyz0189 .:/-_éß漢", min_size=1, max_size=12).filter(str.strip)

settings_drawn = st.fixed_dictionaries(
    {
        "DJWTO_MODE": st.sampled_from(MODES),
        "ROOT_URLCONF": st.sampled_from(list(URLS.values())),
        "DJWTO_ISS_CLAIM": st.none() | texts,
        "DJWTO_SUB_CLAIM": st.none() | texts,
        "DJWTO_AUD_CLAIM": st.none() | texts | st.lists(texts, min_size=1, max_size=2),
        "DJWTO_IAT_CLAIM": st.booleans(),
        "DJWTO_REFRESH_TOKEN_LIFETIME": st.sampled_from([None, timedelta(days=1)]),
        "DJWTO_ACCESS_TOKEN_LIFETIME": st.sampled_from(
            [timedelta(minutes=5), timedelta(seconds=90)]
        ),
        "DJWTO_ALGORITHM": st.sampled_from(["HS256", "HS512"]),
        "DJWTO_SESSION_MAX_AGE": st.sampled_from([None, timedelta(days=30)]),
        "DJWTO_ROTATE_REFRESH": st.booleans(),
        "DJWTO_ROTATE_ON_ACCESS": st.booleans(),
        # For ever or not at all, as far as a check is concerned: none depends on its own speed.
        "DJWTO_REUSE_GRACE": st.sampled_from([0, HOUR]),
    }
)
"""Settings under which the endpoints promise the same."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user who can log in, and what their claims are to say."""

    user: Any
    primary_key: Any
    username: str
    perms: list[str]


def new_account(name: str = "alice", permissions: int = 0) -> Account:
    """A user who never was, with the first so many permissions of the project."""
    model = get_user_model()
    username = f"{name}-{uuid.uuid4().hex[:12]}"
    fields: dict[str, Any] = {model.USERNAME_FIELD: username, "password": PASSWORD}
    if isinstance(model._meta.pk, AutoField):
        # The store may be known to others, whose users are counted from 1 on. Not of `random`,
        # which Hypothesis has say the same in each example.
        fields[model._meta.pk.name] = 2**30 + uuid.uuid4().int % 2**30
    user = model.objects.create_user(**fields)
    granted: list[Permission] = []
    if permissions:
        known = Permission.objects.select_related("content_type").order_by("pk")
        granted += known[:permissions]
        user.user_permissions.set(granted)
    if (running := tape.current()) is not None:
        called = running.name("user", username)
        running.write(f"{called} = new_account({name!r}, {permissions})")
    perms = sorted(f"{p.content_type.app_label}.{p.codename}" for p in granted)
    return Account(user=user, primary_key=user.pk, username=username, perms=perms)


@contextmanager
def playing(subject: Subject, **settings: Any) -> Iterator[None]:
    """The settings in force, with the subject as the blacklist."""
    if (running := tape.current()) is not None:
        running.clear()
    _enter("playing", "subject", **settings)
    with override_settings(DJWTO_BLACKLIST=subject.setting, **settings):
        yield


@contextmanager
def but_with(**settings: Any) -> Iterator[None]:
    """These settings in force as well, on the stage that is played on."""
    name = _enter("but_with", **settings)
    with override_settings(**settings):
        yield
    if (running := tape.current()) is not None:
        running.write(f"{name}.__exit__(None, None, None)")


def _enter(function: str, *others: str, **settings: Any) -> str:
    """Writes down that a stage is entered; its name."""
    if (running := tape.current()) is None:
        return ""
    name = running.name("stage")
    arguments = [*others, *(f"{key}={value!r}" for key, value in settings.items())]
    running.write(f"{name} = {function}({', '.join(arguments)})")
    running.write(f"{name}.__enter__()")
    return name


def in_each_way(subject: Subject, among: Sequence[Way] = (), **settings: Any) -> Iterator[Way]:
    """Each of some ways, of `ways()` if none are named, in force with these settings."""
    for way in among or ways():
        with playing(subject, **way.settings, **settings):
            yield way


def expect_trace(done: str, sent: list[Sent], *names: str) -> None:
    """Raises Broken unless these signals were sent, in this order, and no other."""
    expect(f"signals sent by {done}", [one.name for one in sent], list(names))


def expect_signal(done: str, sent: Sent, path: str) -> None:
    """Raises Broken unless sender, kwargs and request are the documented ones."""
    from djwto.spec_tests.recorder import SIGNALS

    about = f"{sent.name} sent by {done}"
    sender = REUSE_SENDERS[path] if sent.name == "jwt_reuse_detected" else SENDERS[sent.name]
    expect(f"sender of {about}", sent.sender, sender)
    expect(
        f"kwargs of {about}",
        sorted(sent.kwargs),
        sorted(KWARGS[sent.name] | {"signal", "request"}),
    )
    if sent.kwargs["signal"] is not SIGNALS[sent.name]:
        raise Broken(f"signal of {about}: expected the signal itself")
    request = sent.kwargs["request"]
    expect(f"path of the request of {about}", request.path, path)
    if request is not api.latest_request():
        raise Broken(f"request of {about}: expected the one that was answered, saw another")


def expect_claims(done: str, sent: Sent, answer: api.Answer, presented: str | None = None) -> None:
    """Raises Broken unless the signal's claims are those of the tokens that were answered.

    A refresh token that the client keeps is not answered in a cookie: it is the one `presented`.
    """
    refresh = answer.refresh or presented
    for name, token in (("refresh_claims", refresh), ("access_claims", answer.access)):
        if token is None:
            raise Broken(f"{done}: expected both tokens in the answer, saw {answer}")
        expect(f"{name} of {sent.name} sent by {done}", sent.kwargs[name], api.claims_of(token))


def expect_cleared(done: str, answer: api.Answer, login: api.Answer) -> None:
    """Raises Broken unless all cookies that a login set for tokens are cleared, where they are."""
    cleared, set_ = _cookies(answer), _cookies(login)
    expect(f"the cookies, their paths and domains, cleared by {done}", cleared, set_)
    for name, cookie in answer.cookies.items():
        expect(f"Max-Age of {name} set by {done}", cookie["max-age"], 0)


def _cookies(answer: api.Answer) -> list[tuple[str, str, str]]:
    return sorted(
        (name, cookie["path"], cookie["domain"])
        for name, cookie in answer.cookies.items()
        if name != api.CSRF_COOKIE
    )


def logged_in(account: Account) -> api.Answer:
    """The answer to a login that succeeds. Raises Broken if it does not."""
    answer = api.log_in(account.username, PASSWORD)
    if answer.status != 200 or not answer.refresh or not answer.access:
        raise Broken(f"login with the right password: expected 200 and tokens, saw {answer}")
    return answer
