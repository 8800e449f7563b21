"""HTTP-26: how often the store is asked, and the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from redis.client import Pipeline

from djwto.blacklist import get_blacklist
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_mode,
    session,
    token,
)
from djwto.spec_tests.stage import playing
from djwto.spec_tests.subject import Subject

pytestmark = [pytest.mark.django_db, pytest.mark.clause("HTTP-26")]

Ask = Callable[[api.Answer], api.Answer]

ASKING: dict[str, Ask] = {
    "validate_access": lambda t: api.send(api.VALIDATE_ACCESS, t.access, as_refresh=False),
    "validate_refresh": lambda t: api.send(api.VALIDATE_REFRESH, t.refresh),
    "refresh_access": lambda t: api.send(api.REFRESH_ACCESS, t.refresh),
    "a view for access tokens": lambda t: api.send("/access/", t.access, as_refresh=False),
    "a view for refresh tokens": lambda t: api.send("/refresh/", t.refresh),
}


def in_any_state(alice: User) -> dict[str, api.Answer]:
    """Tokens of whose session there is nothing to be said, or as much as can be."""
    ended, fresh = api.log_in(**CREDENTIALS), api.log_in(**CREDENTIALS)
    api.send(api.LOGOUT, ended.refresh)
    exchanged = api.log_in(**CREDENTIALS)
    api.send(api.UPDATE_REFRESH, exchanged.refresh)
    cut_off = api.log_in(**CREDENTIALS)
    spared = api.log_in(**CREDENTIALS)
    return {
        "fresh": fresh,
        "ended": ended,
        "exchanged": exchanged,
        "cut off": cut_off,
        "spared": spared,
    }


def tables(captured: CaptureQueriesContext) -> Counter[str]:
    """How many statements were sent about each table."""
    counted: Counter[str] = Counter()
    for query in captured.captured_queries:
        sql = query["sql"]
        # Of the transaction that the test is in, and of an app that a project may do without.
        if sql.startswith(("SAVEPOINT", "RELEASE")) or "djwto_sessions_" in sql:
            continue
        counted[next((t for t in ("blacklist", "auth_user") if t in sql), sql)] += 1
    return counted


@each_mode
@pytest.mark.parametrize("name", ASKING)
def test_a_database_is_asked_about_a_token_in_one_statement(
    mode: str, name: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    alice = create_alice()
    states = in_any_state(alice)
    ask = ASKING[name]
    for cut in (False, True):
        if cut:
            jti = api.claims_of(token(states["spared"], "refresh"))["jti"]
            revoke_all(alice, except_jti=jti)
        for state, answer in states.items():
            with CaptureQueriesContext(connection) as captured:
                ask(answer)
            assert tables(captured)["blacklist"] == 1, state
            assert set(tables(captured)) <= {"blacklist", "auth_user"}, state
            assert tables(captured)["auth_user"] <= (name == "refresh_access"), state


@each_mode
@pytest.mark.case("P3")
def test_what_writes_writes_once(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with CaptureQueriesContext(connection) as captured:
        updated = api.send(api.UPDATE_REFRESH, live.refresh)
    assert tables(captured) == {"blacklist": 2, "auth_user": 1}
    for _ in range(20):
        api.log_in(**CREDENTIALS)
    with CaptureQueriesContext(connection) as captured:
        assert api.send(api.LOGOUT_ALL, updated.refresh).status == 200
    written = [q["sql"] for q in captured if "SELECT" not in q["sql"] and "blacklist" in q["sql"]]
    assert len(written) == 1
    assert tables(captured) == {"blacklist": 3}
    live = api.log_in(**CREDENTIALS)
    with CaptureQueriesContext(connection) as captured:
        assert api.send(api.LOGOUT, live.refresh).status == 200
    assert tables(captured) == {"blacklist": 1}


@each_mode
def test_a_stateless_view_asks_nobody(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with CaptureQueriesContext(connection) as captured:
        assert api.send("/access/", live.access, as_refresh=False).status == 200
    assert len(captured) == 0


@pytest.mark.parametrize("name", ASKING)
def test_redis_is_asked_about_a_token_once(
    name: str, subjects: dict[str, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    with playing(subjects["redis"], DJWTO_CHECK_ACCESS=True):
        states = in_any_state(create_alice())
        sent: list[Any] = []
        client: Any = get_blacklist().client  # type: ignore[attr-defined]
        execute = client.execute_command

        def counting(*arguments: Any, **options: Any) -> Any:
            sent.append(arguments[0])
            return execute(*arguments, **options)

        monkeypatch.setattr(client, "execute_command", counting)
        monkeypatch.setattr(Pipeline, "execute", None)
        for state, answer in states.items():
            sent.clear()
            ASKING[name](answer)
            assert sent == ["MGET"], state
