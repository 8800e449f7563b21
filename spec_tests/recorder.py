"""Records the signals that are sent, whoever sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from django.dispatch import Signal

from djwto import signals

SIGNALS: dict[str, Signal] = {
    name: signal for name, signal in vars(signals).items() if isinstance(signal, Signal)
}
"""The signals of djwto by name."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One signal that was sent: its name, its sender and its keyword arguments."""

    name: str
    sender: Any
    kwargs: dict[str, Any]


@dataclass
class Recorder:
    """While entered, a receiver of every signal from every sender."""

    sent: list[Sent] = field(default_factory=list)

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
