"""The conformance suite of djwto: does a blacklist keep its promises, and do the signals?

`python -m djwto.spec_tests --backend DOTTED.PATH` runs it from any folder; `BackendSpec` makes
it part of a test-suite with pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from djwto.spec_tests.plugin import BackendSpec

__all__ = ["BackendSpec"]


def __getattr__(name: str) -> Any:
    # The command does without pytest.
    if name == "BackendSpec":
        from djwto.spec_tests import plugin, project_setup

        # The module that has the backend is imported next, and may import models.
        project_setup.configure()
        return plugin.BackendSpec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
