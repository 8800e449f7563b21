"""`pytest --pyargs djwto.spec_tests --djwto-backend DOTTED.PATH`: the clauses as tests."""

from __future__ import annotations

from typing import Any

import pytest

from djwto.spec_tests.plugin import BackendSpec


class TestGivenBackend(BackendSpec):
    """What the command line names."""


@pytest.fixture(scope="class")
def djwto_blacklist(request: pytest.FixtureRequest) -> Any:
    """The backend that the command line names."""
    given = request.config.option
    TestGivenBackend.opt_outs = dict(given.djwto_opt_out)
    TestGivenBackend.unreachable_options = given.djwto_unreachable_options
    return {"BACKEND": given.djwto_backend, "OPTIONS": given.djwto_options}
