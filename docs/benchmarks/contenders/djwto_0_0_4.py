"""djwto 0.0.4, before this code base."""

from __future__ import annotations

import os
from typing import Any

from contenders import djwto, keys, project

ASKED = djwto.ASKED


def set_up(algorithm: str, folder: str) -> None:
    """The project."""
    # It asks for the variable even where the setting is there.
    os.environ["DJWTO_SIGNING_KEY"] = keys.pair(algorithm)[0]
    djwto.set_up(algorithm, folder, djwto.SYNC)


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    set_up(algorithm, folder)
    return project.operations(ASKED)
