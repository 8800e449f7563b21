"""Cores that break a clause where the endpoints are awaited, and only there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.dispatch import Signal

from djwto import authentication, base_view, sessions, signals, views
from djwto.claims import Claims
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests.rogues.cores import Announce, Patch, RogueCore, patching
from djwto.spec_tests.rogues.signal_cores import ALL, Announced, with_another_request


def _sending(
    about: Announced, change: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> Callable[[], list[Patch]]:
    """One signal is sent with what this makes of its arguments: once, more often or never."""

    async def asend_robust(sender: Any, **named: Any) -> None:
        for arguments in change({"sender": sender, **named}):
            await type(about.signal).asend_robust(about.signal, **arguments)

    return patching(about.signal, "asend_robust", asend_robust)


def _each_signal() -> Iterator[RogueCore]:
    for about in ALL:
        text = f"`{about.name}`"
        yield RogueCore(
            about.clause, f"{about.label}NotAwaited",
            f"Does not send {text} where the view is awaited.",
            _sending(about, lambda given: []),
        )  # fmt: skip
        yield RogueCore(
            about.clause, f"{about.label}AwaitedTwice",
            f"Sends {text} twice where the view is awaited.",
            _sending(about, lambda given: [given, given]),
        )  # fmt: skip
        yield RogueCore(
            about.clause, f"{about.label}AwaitedFromAnother",
            f"Sends {text} with another sender where the view is awaited.",
            _sending(about, lambda given: [given | {"sender": "djwto"}]),
        )  # fmt: skip
        yield RogueCore(
            about.clause, f"{about.label}AwaitedWithAnotherRequest",
            f"Sends {text} with a copy of the request where the view is awaited.",
            _sending(about, with_another_request),
        )  # fmt: skip


def _last_first(self: base_view.JWTView, signal: Signal, **kwargs: Any) -> None:
    _announce(self, signal, **kwargs)
    if self._unheard:
        self._unheard.insert(0, self._unheard.pop())


_announce = base_view.JWTView.announce


async def _ask_nothing(claims: Claims) -> None:
    """Instead of `aask`."""


async def _ask_or_believe(claims: Claims) -> int | None:
    try:
        return await sessions.aask(claims)
    except BlacklistUnavailable:
        return None


async def _end_nothing(claims: Claims, announce: Announce) -> bool:
    announce()
    return True


async def _spare_nobody(user_id: Any, except_jti: str | None = None, **kwargs: Any) -> None:
    await sessions.acut_off(user_id, **kwargs)


AWAITED_CORES: list[RogueCore] = [
    *_each_signal(),
    RogueCore(
        "SIG-11", "LetsReceiversRaiseAwaited",
        "Lets a receiver that raises break the answer of a view that is awaited.",
        patching(
            signals.SenderNameSignal, "asend_robust", signals.SenderNameSignal.asend,
        ),
    ),
    RogueCore(
        "HTTP-9", "AsksNothingAwaited",
        "Validates the tokens of a session that has ended where the view is awaited.",
        patching(views, "aask", _ask_nothing),
    ),
    RogueCore(
        "HTTP-12", "EndsNothingAwaited",
        "Says that it has ended the session, and does not, where the view is awaited.",
        patching(base_view, "arevoke", _end_nothing),
    ),
    RogueCore(
        "HTTP-17", "BelievesWhileDownAwaited",
        "Takes every session for one that goes on while the store is down and the view awaited.",
        patching(views, "aask", _ask_or_believe),
    ),
    RogueCore(
        "HTTP-22", "SparesNobodyAwaited",
        "Ends the session that was to be kept, too, where the view is awaited.",
        patching(views, "acut_off", _spare_nobody),
    ),
    RogueCore(
        "HTTP-24", "ChecksNoAccessAwaited",
        "Has decorators that ask no store where the view is awaited.",
        patching(authentication, "aadmit", authentication.aauthenticate),
    ),
    RogueCore(
        "HTTP-25", "AwaitedInReverse",
        "Sends the last signal of a request first where the view is awaited.",
        patching(base_view.JWTView, "announce", _last_first),
    ),
]  # fmt: skip
"""Every core of this kind."""
