"""What happens on a signal: it is shown, on the console and on the page."""

from __future__ import annotations

import time
from typing import Any

from django.dispatch import Signal

from djwto import signals
from testapp import feed
from testapp.grounds import SIGNALS, described

NAMES = {getattr(signals, name): name for name in SIGNALS}
"""The name of each signal."""


def show(sender: str, **kwargs: Any) -> None:
    """Prints the sender and all keyword arguments of a signal, on a line each."""
    # In one piece, so that requests served at the same time do not mix their lines.
    print(f"sender:  {sender}\nkwargs:  {kwargs}", flush=True)


def publish(sender: str, signal: Signal, **kwargs: Any) -> None:
    """Tells the page the same. The request is no JSON: it is told as the console prints it."""
    name, request = NAMES[signal], kwargs["request"]
    feed.publish(
        "signal",
        {
            "time": time.time(),
            "name": name,
            "sender": sender,
            "kwargs": {**kwargs, "request": request and repr(request)},
            "clause": described(SIGNALS[name]),
        },
    )
