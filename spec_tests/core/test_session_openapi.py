"""The description of the session list, held against its endpoints."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory, override_settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import djwto
from djwto import openapi
from djwto.contrib.sessions.models import Session
from djwto.contrib.sessions.openapi import OpenAPIView, schema
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import CREDENTIALS, create_alice, each_mode
from djwto.spec_tests.core.test_openapi import (
    credentials,
    forged,
    operations,
    statuses,
    type_of,
)

pytestmark = pytest.mark.urls("djwto.spec_tests.core.urls_session_openapi")

KNOWN = Path(__file__).with_name("openapi.json")
"""By mode, what is described to clients, and what is generated for them follows from."""

LIST, ONE = "/me/sessions/", "/me/sessions/{key}/"


def log_in() -> str:
    """The key of a new session of alice's."""
    before = set(Session.objects.values_list("key", flat=True))
    assert Client().post(f"/auth{api.LOGIN}", CREDENTIALS).status_code == 200
    (key,) = set(Session.objects.values_list("key", flat=True)) - before
    return str(key)


@pytest.mark.clause("OA-3")
@each_mode
def test_it_is_that_of_the_core_and_the_list(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    told, core = schema(), openapi.schema()
    OpenAPIV31SpecValidator(told).validate()
    assert set(told["paths"]) - set(core["paths"]) == {LIST, ONE}
    assert core["paths"].items() <= told["paths"].items()
    assert {LIST, "/x/sessions/"} & set(schema("/", "/x/")["paths"]) == {"/x/sessions/"}
    served = Client().get("/openapi.json")
    assert (served.status_code, served.json()) == (200, told)
    view = OpenAPIView.as_view(prefix="/a/", sessions_prefix="/b/")
    elsewhere = view(RequestFactory().get("/"))
    assert json.loads(elsewhere.content) == schema("/a/", "/b/")  # type: ignore[attr-defined]


@pytest.mark.clause("OA-1")
@pytest.mark.clause("OA-3")
def test_a_client_that_was_generated_is_still_one(tmp_path: Path) -> None:
    """Nothing of the description changes but on purpose."""
    told = {}
    # The third differs from the second in the name of a cookie.
    for mode in ("JSON", "ONE-COOKIE"):
        with override_settings(DJWTO_MODE=mode, DJWTO_REMEMBER_LIFETIME=timedelta(days=90)):
            told[mode] = schema("/", "/")
        assert told[mode]["info"].pop("version") == djwto.__version__
    now = tmp_path / KNOWN.name
    now.write_text(json.dumps(told, indent=1) + "\n")
    assert told == json.loads(KNOWN.read_text()), f"If it is to be so: cp {now} {KNOWN}"


@pytest.mark.clause("OA-3")
@pytest.mark.django_db(transaction=True)
@each_mode
def test_neither_answers_other_than_described(
    mode: str, settings: Settings, live_server: LiveServer
) -> None:
    settings.DJWTO_MODE = mode
    alice = create_alice()
    log_in()
    seen = statuses(live_server, alice, "/me/")
    assert seen.keys() == {LIST, ONE}
    assert seen[LIST] >= {200, 401}
    assert seen[ONE] >= {401, 404}


@pytest.mark.clause("OA-3")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.parametrize("csrf", [True, False])
def test_every_status_that_is_described_is_answered(
    mode: str, csrf: bool, settings: Settings
) -> None:
    settings.DJWTO_MODE, settings.DJWTO_CSRF = mode, csrf
    alice = create_alice()
    for path, method, operation in operations(schema()):
        if path not in (LIST, ONE):
            continue
        known = credentials(alice, type_of(operation))
        wrong = [
            {},
            {**known, "headers": known["headers"] | {"Authorization": "Bearer a, b"}},
            {**known, "headers": known["headers"] | {"X-CSRFToken": "no"}},
            forged(known),
        ]
        seen = {answer(path, method, alice, **sent) for sent in [known, *wrong]}
        if "{" in path:
            seen.add(answer(path, method, alice, key="nobody's", **known))
        with override_settings(DJWTO_KEYS=list):
            seen.add(answer(path, method, alice, **known))
        assert {int(status) for status in operation["responses"]} == seen, path


def answer(path: str, method: str, user: User, key: str | None = None, **sent: Any) -> int:
    """The status of an answer, about a new session of the user's unless a key is given."""
    if "{" in path and key is None:
        # Not by a login: that would take the keys which may be away.
        key = Session.objects.create(
            user=user, key=f"{Session.objects.count():032x}", created=2**31, refreshed=2**31
        ).key
    client = Client(enforce_csrf_checks=True)
    client.cookies.load(sent.pop("cookies", {}))
    response = getattr(client, method)(path.replace("{key}", key or ""), **sent)
    return int(response.status_code)
