"""A plugin of pytest, `-p djwto.spec_tests.awaited`: every endpoint is awaited (USER-8)."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _awaited() -> None:
    from djwto import async_urls, urls

    urls.urlpatterns[:] = async_urls.urlpatterns
