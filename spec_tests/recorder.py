"""The recorder of `djwto.testing`, by the name that the checks and tests know it by."""

from __future__ import annotations

from djwto.testing.recorder import SIGNALS, Recorder, Sent

__all__ = ["SIGNALS", "Recorder", "Sent"]
