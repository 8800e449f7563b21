"""Records the signals that are sent, whoever sends them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import TracebackType
from typing import Any, NamedTuple

from django.dispatch import Signal

from djwto import signals

SIGNALS: dict[str, Signal] = {
    name: signal for name, signal in vars(signals).items() if isinstance(signal, Signal)
}
"""The signals of djwto by name."""


class Sent(NamedTuple):
    """One signal that was sent: its name, its sender and its keyword arguments."""

    name: str
    sender: Any
    kwargs: dict[str, Any]

    def __str__(self) -> str:
        told = {k: v for k, v in self.kwargs.items() if k not in {"signal", "request"}}
        return f"{self.name} from {self.sender!r}" + "".join(
            f"\n    {name}={value!r}" for name, value in told.items()
        )


class Recorder:
    """While entered, a receiver of every signal from every sender (TEST-3).

    `sent` is what was sent since then or since the last `take`, in its order.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def __enter__(self) -> Recorder:
        self._receivers = {name: self._receiver(name) for name in SIGNALS}
        for name, receiver in self._receivers.items():
            SIGNALS[name].connect(receiver)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, receiver in self._receivers.items():
            SIGNALS[name].disconnect(receiver)

    def _receiver(self, name: str) -> Any:
        def receive(sender: Any, **kwargs: Any) -> None:
            self.sent.append(Sent(name, sender, kwargs))

        return receive

    def take(self) -> list[Sent]:
        """What was sent since the last call."""
        taken, self.sent = self.sent, []
        return taken

    def assert_sent(self, *names: str) -> None:
        """Raises AssertionError unless these signals were sent, in this order, and no other.

        Raises ValueError for a name that is no signal's.
        """
        for name in names:
            _demand_signal(name)
        if [one.name for one in self.sent] != list(names):
            raise AssertionError(self._seen(", ".join(names) or "no signal"))

    def only(self, name: str, /, sender: str | None = None, **kwargs: Any) -> Sent:
        """The one signal of this name that was sent, from this sender and with these arguments.

        Arguments that are not named here may be any. Raises AssertionError if there is none, or
        another one of this name, and ValueError for a name that is no signal's.
        """
        _demand_signal(name)
        found = [one for one in self.sent if one.name == name]
        if len(found) != 1:
            raise AssertionError(self._seen(f"{name}, once"))
        [one] = found
        wanted = Sent(name, one.sender if sender is None else sender, kwargs)
        if one.sender != wanted.sender or not _agree(kwargs, one.kwargs):
            raise AssertionError(self._seen(str(wanted)))
        return one

    def _seen(self, expected: str) -> str:
        seen = "\n".join(map(str, self.sent)) or "nothing"
        return f"Expected was {expected}\nbut sent was {seen}"


def recorded_signals() -> Recorder:
    """A recorder, to be entered: `with recorded_signals() as signals`."""
    return Recorder()


def _agree(wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    return all(name in seen and seen[name] == value for name, value in wanted.items())


def _demand_signal(name: str) -> None:
    if name not in SIGNALS:
        near = get_close_matches(name, SIGNALS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SIGNALS)}."
        raise ValueError(f"{name!r} is no signal of djwto; {hint}")
