"""HTTP-3 and HTTP-13 with other users than Django's own, in a process of their own."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from djwto.spec_tests.core.alice import each_mode
from djwto.spec_tests.elsewhere import run


def played(module: str) -> Any:
    """What the module writes, in a process that has settings and users of its own."""
    finished = run(Path.cwd(), module)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def email_users() -> Any:
    """Sessions of users with an e-mail address for a name and a UUID for a key, by mode."""
    return played("djwto.spec_tests.core.email_users")


@pytest.mark.clause("HTTP-3")
@each_mode
def test_users_with_an_email_address_and_a_uuid_have_sessions(mode: str, email_users: Any) -> None:
    seen = email_users[mode]
    statuses = seen["statuses"]
    for done in ("login", "login by the field's own name", "validate_access", "refresh_access"):
        assert statuses[done] == 200, done
    assert statuses["update_refresh"] == 200
    assert statuses["wrong password"] == 401
    assert statuses["logout"] == 200
    # Two tokens each from two logins and an update; a browser keeps its refresh token.
    assert seen["users"] == [seen["user"]] * (8 if mode == "JSON" else 7)


@pytest.mark.clause("USER-3")
@each_mode
def test_what_a_token_tells_of_them_has_their_key(mode: str, email_users: Any) -> None:
    """Not the text that JSON has for it, which equals no UUID."""
    assert email_users[mode]["user of the token"] is True


@pytest.mark.clause("HTTP-13")
@each_mode
def test_their_sessions_end_with_them(mode: str, email_users: Any) -> None:
    statuses = email_users[mode]["statuses"]
    for done, status in statuses.items():
        if "deactivated" in done or "deleted" in done:
            assert status == 401, done
    assert sum("deactivated" in done or "deleted" in done for done in statuses) == 5


@pytest.mark.clause("SIG-10")
@each_mode
def test_their_refusals_are_not_announced(mode: str, email_users: Any) -> None:
    assert email_users[mode]["signals"] == [
        "jwt_logged_in",
        "jwt_logged_in",
        "jwt_login_fail",
        "jwt_token_validated",
        "jwt_access_refreshed",
        "jwt_refresh_updated",
        "jwt_sessions_revoked",
        "jwt_login_fail",
        "jwt_sessions_revoked",
        "jwt_blacklisted",
    ]


if importlib.util.find_spec("axes"):

    @pytest.fixture(scope="module")
    def locked_out() -> Any:
        """Logins under django-axes, by mode."""
        return played("djwto.spec_tests.core.locked_out")

    @pytest.mark.clause("HTTP-3")
    @each_mode
    def test_django_axes_counts_failures_and_locks_out(mode: str, locked_out: Any) -> None:
        statuses = locked_out[mode]["statuses"]
        assert statuses[:5] == [401, 401, 200, 401, 401]
        # The middleware of django-axes may answer in the place of the view.
        assert set(statuses[5:]) <= {401, 403, 429}
        assert locked_out[mode]["signals"].count("jwt_logged_in") == 1
        assert locked_out[mode]["signals"].count("jwt_login_fail") == 7
