"""What docs/migrate promises to who comes from simplejwt or what builds on it, with each."""

from __future__ import annotations

from typing import Any

import pytest

# Each process would play all of it.
pytestmark = pytest.mark.xdist_group("from simplejwt")


@pytest.fixture(scope="module", params=["simplejwt", "ninja_jwt", "dj_rest_auth"])
def seen(
    request: pytest.FixtureRequest, play: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """What was seen in each phase of a project that moves."""
    folder = str(tmp_path_factory.mktemp("shop"))
    return {
        phase: play("shop_with_simplejwt.py", request.param, phase, folder)
        for phase in ("before", "after", "rolling", "afterwards")
    }


def test_the_package_is_gone(seen: Any) -> None:
    assert seen["after"]["modules"] == []


def test_its_blacklist_is_taken_over_once(seen: Any) -> None:
    after = seen["after"]
    assert after["imported"] == "Done: 2 taken over, 0 there before, 1 expired."
    assert after["again"] == "Done: 0 taken over, 2 there before, 1 expired."


def test_its_tokens_are_let_in_and_exchanged(seen: Any) -> None:
    after = seen["after"]
    assert after["good"] == after["ours"] == after["updated"] == after["successor"] == 200
    assert after["same session"] is True
    assert after["user"] == after["payload"] == {"username": "alice", "id": 1, "perms": []}
    assert str(after["id"]) == "1"


def test_what_must_not_be_is_refused(seen: Any) -> None:
    assert set(seen["after"]["refused"].values()) == {401}, seen["after"]["refused"]
    assert len(seen["after"]["refused"]) == 11


def test_a_browser_is_given_cookies(seen: Any) -> None:
    names = ["csrftoken", "jwt_access_payload", "jwt_access_token", "jwt_refresh"]
    assert seen["after"]["cookies"] == names
    assert seen["after"]["by cookies"] == 200


def test_logouts_on_servers_of_before_are_taken_over_when_they_have_stopped(seen: Any) -> None:
    assert seen["after"]["rolling"] == 200
    afterwards = seen["afterwards"]
    assert afterwards["before the import"] == 200
    assert afterwards["imported"] == "Done: 2 taken over, 2 there before, 1 expired."
    # Also the session of ours that had come of it.
    assert afterwards["late"] == afterwards["rolling"] == 401
