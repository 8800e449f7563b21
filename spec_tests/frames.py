"""Whose code is running in a frame."""

from __future__ import annotations

from types import FrameType


def is_of_the_suite(frame: FrameType) -> bool:
    """Whether code of the checks is running in a frame, not a backend's, even a rogue's."""
    module = module_of(frame)
    return module.startswith("djwto.spec_tests.") and ".rogues." not in module


def module_of(frame: FrameType) -> str:
    """The name of the module whose code it is."""
    name: str = frame.f_globals.get("__name__", "")
    return name
