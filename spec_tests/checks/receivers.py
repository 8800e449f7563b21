"""SIG-8, SIG-11, SIG-13, SIG-14: who hears of a signal, and from whom."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from django.dispatch import Signal
from django.urls import URLPattern

from djwto.blacklist import get_blacklist
from djwto.spec_tests import api
from djwto.spec_tests.logged import logged_to
from djwto.spec_tests.recorder import SIGNALS, Recorder
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.stage import (
    IN_JSON,
    NO_GRACE,
    PASSWORD,
    REUSE_SENDERS,
    SENDERS,
    URLS,
    Account,
    but_with,
    expect_trace,
    in_each_way,
    new_account,
)
from djwto.spec_tests.subject import Subject
from djwto.urls import at_their_routes

Receiver = Callable[..., None]
Heard = list[tuple[str, Any]]
"""The signals that a receiver has heard, each with its sender."""


@contextmanager
def receiving(signal: Signal, receiver: Receiver) -> Iterator[None]:
    """While entered, a receiver of a signal."""
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


def _history(account: Account) -> tuple[list[tuple[Callable[[], int], int]], Heard]:
    """Requests with the statuses that they are to get, and the signals that they send."""
    tokens: list[api.Answer] = []

    def log_in(password: str) -> int:
        tokens.append(api.log_in(account.username, password))
        return tokens[-1].status

    def send(path: str, at: int) -> int:
        answer = api.send(path, tokens[at].refresh)
        tokens.append(answer)
        return answer.status

    steps: list[tuple[Callable[[], int], int]] = [
        (lambda: log_in(PASSWORD), 200),
        (lambda: log_in("wrong"), 401),
        (lambda: send(api.VALIDATE_REFRESH, 0), 200),
        (lambda: send(api.UPDATE_REFRESH, 0), 200),
        (lambda: send(api.REFRESH_ACCESS, 3), 200),
        (lambda: send(api.UPDATE_REFRESH, 0), 401),
        (lambda: log_in(PASSWORD), 200),
        (lambda: send(api.LOGOUT, 6), 200),
        (lambda: send(api.REFRESH_ACCESS, 6), 401),
    ]
    names = [
        "jwt_logged_in",
        "jwt_login_fail",
        "jwt_token_validated",
        "jwt_refresh_updated",
        "jwt_access_refreshed",
        "jwt_reuse_detected",
        "jwt_logged_in",
        "jwt_blacklisted",
    ]
    if get_blacklist().supports_values:
        steps += [(lambda: log_in(PASSWORD), 200), (lambda: send(api.LOGOUT_ALL, 9), 200)]
        names += ["jwt_logged_in", "jwt_sessions_revoked"]
    senders = SENDERS | {"jwt_reuse_detected": REUSE_SENDERS[api.UPDATE_REFRESH]}
    return steps, [(name, senders[name]) for name in names]


def _play(done: str) -> Heard:
    """What is sent while every signal has its turn. Raises Broken unless all goes as it should."""
    steps, sent = _history(new_account())
    statuses = [step() for step, _ in steps]
    expect(f"statuses of {done}", statuses, [status for _, status in steps])
    return sent


def _listening(heard: Heard, name: str) -> Receiver:
    def receiver(sender: Any, **kwargs: Any) -> None:
        heard.append((name, sender))

    return receiver


@clause("SIG-8")
def equal_senders_are_one(subject: Subject) -> None:
    for way in in_each_way(subject, IN_JSON, **NO_GRACE):
        done = f"requests in {way}"
        heard: Heard = []
        again: Heard = []
        others: Heard = []
        connected = []
        for name, sender in sorted(set(_history(new_account())[1])):
            # A string of a project's own may be any object.
            for sent_by, hearing in ((sender, heard), (sender, again), (f"{sender}s", others)):
                receiver = _listening(hearing, name)
                SIGNALS[name].connect(receiver, sender=_equal(sent_by))
                connected.append((name, receiver, sent_by))
        try:
            sent = _play(done)
        finally:
            parted = [
                SIGNALS[name].disconnect(receiver, sender=_equal(sent_by))
                for name, receiver, sent_by in connected
            ]
        for one in (heard, again):
            expect(f"what receivers connected with equal senders heard of {done}", one, sent)
        expect(f"what receivers connected with other senders heard of {done}", others, [])
        expect("whether equal senders disconnect them", parted, [True] * len(connected))
        _play(done)
        expect(f"what was heard of more {done}, when they were disconnected", heard, sent)


def _equal(text: str) -> str:
    """A string that equals this one and is another object, as one read from a file is."""
    return "".join(list(text))


@clause("SIG-11")
def a_receiver_that_raises_changes_nothing(subject: Subject) -> None:
    def receiver(sender: str, **kwargs: Any) -> None:
        raise RuntimeError("raised by a receiver, as this check has it")

    for way in in_each_way(subject, **NO_GRACE):
        with logged_to("django.dispatch") as logged, ExitStack() as entered:
            for signal in SIGNALS.values():
                entered.enter_context(receiving(signal, receiver))
            # Connected after the one that raises.
            recorder = entered.enter_context(Recorder())
            done = f"requests in {way} with receivers that raise"
            names = [name for name, _ in _play(done)]
            expect_trace(f"{done}, heard by others", recorder.take(), *names)
            expect(f"errors of receivers logged at {done}", len(logged), len(names))


@dataclass(frozen=True)
class Subclassed:
    """The endpoints, by views that are subclasses of djwto's."""

    urls: str
    sender: str = ""
    """The one that they set, if they do."""

    @cached_property
    def urlpatterns(self) -> list[URLPattern]:
        """What is included for them."""
        members = {"sender": self.sender} if self.sender else {}
        subclasses = {}
        for name, view in import_module(self.urls).VIEWS.items():
            parent = view.view_class
            subclass: Any = type(f"My{parent.__name__}", (parent,), members)
            subclasses[name] = subclass.as_view(**view.view_initkwargs)
        return at_their_routes(subclasses)


@clause("SIG-13")
def a_subclass_has_its_parents_sender_or_its_own(subject: Subject) -> None:
    for way in in_each_way(subject, IN_JSON, **NO_GRACE):
        for sender in ("", "a sender of its own"):
            subclassed = Subclassed(URLS[way.awaited], sender)
            with but_with(ROOT_URLCONF=subclassed), Recorder() as recorder:
                done = f"requests in {way} to views with {sender or 'no sender of their own'}"
                sent = [(name, sender or parents) for name, parents in _play(done)]
                seen = [(one.name, one.sender) for one in recorder.take()]
                expect(f"signals and senders of {done}", seen, sent)


@clause("SIG-14")
def a_receiver_stays_until_it_is_disconnected(subject: Subject) -> None:
    for way in in_each_way(subject, IN_JSON, **NO_GRACE):
        done = f"requests in {way}"
        kept: Heard = []
        weak: Heard = []
        held = {name: _listening(weak, name) for name in SIGNALS}
        for name, signal in SIGNALS.items():
            # Nothing else refers to it.
            signal.connect(_listening(kept, name), dispatch_uid=f"kept {name}")
            signal.connect(held[name], weak=True)
        try:
            gc.collect()
            first = _play(done)
            expect(f"what receivers that nothing else refers to heard of {done}", kept, first)
            expect(f"what receivers with weak=True, referred to, heard of {done}", weak, first)
            held.clear()
            gc.collect()
            second = _play(done)
            expect(f"what those with weak=True heard of {done}, when they were gone", weak, first)
        finally:
            parted = [
                signal.disconnect(dispatch_uid=f"kept {name}") for name, signal in SIGNALS.items()
            ]
        expect("whether they were there to be disconnected", parted, [True] * len(SIGNALS))
        _play(done)
        expect(f"what was heard of more {done}, in the end", kept, first + second)
