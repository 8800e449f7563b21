"""Lets the tests of the demo import what is beside them: its folder is no package."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

collect_ignore = ["browser"]
"""What `make test-browser` names."""
