"""How the signals match senders and keep receivers."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from django.dispatch import Signal, receiver

from djwto.signals import SenderNameSignal
from djwto.spec_tests.recorder import SIGNALS


def equal_string(text: str) -> str:
    """A string that equals `text` and is another object, as one that was read from a file is."""
    other = "".join(list(text))
    assert other == text
    assert other is not text
    return other


@pytest.fixture
def signal() -> SenderNameSignal:
    return SenderNameSignal()


@pytest.mark.clause("SIG-8")
@pytest.mark.parametrize("how", ["send", "send_robust", "asend", "asend_robust"])
def test_a_receiver_hears_an_equal_sender(how: str, signal: SenderNameSignal) -> None:
    heard: list[Any] = []

    def listen(sender: str, **kwargs: Any) -> None:
        heard.append((sender, kwargs["jti"]))

    signal.connect(listen, sender=equal_string("GetTokensView"))
    for sender in (equal_string("GetTokensView"), "GetTokensView", "getTokensView", None):
        answers = getattr(signal, how)(sender=sender, jti="x")
        answers = asyncio.run(answers) if how.startswith("a") else answers
        assert len(answers) == (sender == "GetTokensView")
    assert heard == [("GetTokensView", "x")] * 2


@pytest.mark.clause("SIG-8")
@pytest.mark.parametrize("name", SIGNALS)
def test_each_signal_of_djwto_matches_senders_so(name: str) -> None:
    assert isinstance(SIGNALS[name], SenderNameSignal)


@pytest.mark.clause("SIG-8")
def test_an_equal_sender_disconnects(signal: SenderNameSignal) -> None:
    def listen(sender: str, **kwargs: Any) -> None:
        raise AssertionError(sender)

    signal.connect(listen, sender=equal_string("GetTokensView"))
    assert signal.has_listeners(equal_string("GetTokensView"))
    assert not signal.has_listeners("RefreshAccessView")
    assert not signal.disconnect(listen, sender="RefreshAccessView")
    assert signal.disconnect(listen, sender=equal_string("GetTokensView"))
    assert signal.send(sender="GetTokensView") == []


@pytest.mark.clause("SIG-8")
def test_connecting_twice_with_equal_senders_is_connecting_once(signal: SenderNameSignal) -> None:
    heard: list[str] = []

    def listen(sender: str, **kwargs: Any) -> None:
        heard.append(sender)

    for sender in ("GetTokensView", equal_string("GetTokensView")):
        signal.connect(listen, sender=sender)
    signal.send(sender="GetTokensView")
    assert heard == ["GetTokensView"]


@pytest.mark.clause("SIG-8")
def test_a_receiver_of_any_sender_hears_every_sender(signal: SenderNameSignal) -> None:
    heard: list[Any] = []

    @receiver(signal)
    def listen(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    for sender in ("GetTokensView", int, None):
        signal.send(sender=sender)
    assert heard == ["GetTokensView", int, None]


@pytest.mark.clause("SIG-8")
def test_a_sender_that_no_dictionary_takes_is_one_as_long_as_nobody_listens(
    signal: SenderNameSignal,
) -> None:
    assert signal.send(sender=["unhashable"]) == Signal().send(sender=["unhashable"]) == []


@pytest.mark.clause("SIG-8")
def test_a_dispatch_uid_stands_for_a_receiver_as_it_does_with_django(
    signal: SenderNameSignal,
) -> None:
    heard: list[int] = []
    for number in range(2):
        signal.connect(
            lambda number=number, **kwargs: heard.append(number),
            sender=equal_string("GetTokensView"),
            dispatch_uid="one and the same",
        )
    signal.send(sender="GetTokensView")
    assert heard == [0]
    assert signal.disconnect(sender="GetTokensView", dispatch_uid="one and the same")
    signal.send(sender="GetTokensView")
    assert heard == [0]


@pytest.mark.clause("SIG-8")
def test_no_string_is_taken_for_one_that_is_gone(signal: SenderNameSignal) -> None:
    def listen(sender: str, **kwargs: Any) -> None:
        raise AssertionError(sender)

    for number in range(200):
        # What is freed here would give its id() to one of the strings below.
        signal.connect(listen, sender=equal_string(f"sender {number}"))
    gc.collect()
    for number in range(200, 2_000):
        assert signal.send(sender=equal_string(f"sender {number}")) == []


def connected_in_a_function(signal: SenderNameSignal, heard: list[str], **how: Any) -> None:
    """Connects a receiver as `ready()` does: nothing else refers to it when this returns."""

    def listen(sender: str, **kwargs: Any) -> None:
        heard.append(sender)

    signal.connect(listen, sender="GetTokensView", **how)


@pytest.mark.clause("SIG-14")
def test_a_function_that_nothing_else_refers_to_stays(signal: SenderNameSignal) -> None:
    heard: list[str] = []
    connected_in_a_function(signal, heard)
    gc.collect()
    signal.send(sender="GetTokensView")
    assert heard == ["GetTokensView"]


@pytest.mark.clause("SIG-14")
def test_it_goes_where_that_is_asked_for(signal: SenderNameSignal) -> None:
    heard: list[str] = []
    connected_in_a_function(signal, heard, weak=True)
    gc.collect()
    signal.send(sender="GetTokensView")
    assert heard == []
