"""What happens on a signal: it is shown on the console."""

from __future__ import annotations

from typing import Any


def show(sender: str, **kwargs: Any) -> None:
    """Prints the sender and all keyword arguments of a signal, on a line each."""
    # In one piece, so that requests served at the same time do not mix their lines.
    print(f"sender:  {sender}\nkwargs:  {kwargs}", flush=True)
