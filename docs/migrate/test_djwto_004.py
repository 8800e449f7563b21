"""DB-4 and MIG-8, of a database that the wheel of djwto 0.0.4 has made, and of its tokens."""

from __future__ import annotations

from typing import Any

import pytest

# Each process would play all of it.
pytestmark = pytest.mark.xdist_group("from djwto 0.0.4")


@pytest.fixture(scope="module")
def seen(play: Any, play_004: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was seen in each phase of a project that moves."""
    folder = str(tmp_path_factory.mktemp("shop"))
    phases = ("before", "before_for_ever", "before_without_jti")
    return {
        **{phase: play_004("shop_with_004.py", phase, folder) for phase in phases},
        "after": play("shop_with_004.py", "after", folder),
    }


def test_the_database_was_that_of_the_wheel(seen: Any) -> None:
    # As its naive UTC came out in Tokyo, which the wheel takes for its own time.
    assert seen["before"]["hours off"] == -9


def test_its_table_is_taken_over(seen: Any) -> None:
    after = seen["after"]
    assert after["version"] != "0.0.4"
    assert after["tables"] == ["djwto_blacklistentry"]
    assert (after["entries"], after["for ever"]) == (2, 1)


def test_its_tokens_go_on(seen: Any) -> None:
    after = seen["after"]
    for name in ("access", "refreshed", "updated", "endless", "behind a new key"):
        assert after[name] == 200, name


def test_what_must_not_be_is_refused(seen: Any) -> None:
    refused = seen["after"]["refused"]
    assert set(refused.values()) == {401}, refused
    assert len(refused) == 10
