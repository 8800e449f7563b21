"""The description of the endpoints, held against the endpoints themselves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.test import Client, RequestFactory, override_settings
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from schemathesis import GenerationMode
from schemathesis.checks import (
    ignored_auth,
    load_all_checks,
    negative_data_rejection,
    positive_data_acceptance,
)
from schemathesis.core.result import Ok

from djwto.backends.database import DatabaseBlacklist
from djwto.openapi import OpenAPIView, included_under, schema
from djwto.spec_tests.core.alice import CREDENTIALS, create_alice, each_mode
from djwto.testing import tokens_for
from djwto.transports import OneCookie, current

pytestmark = pytest.mark.urls("djwto.spec_tests.core.urls_openapi")

CSRF = "a" * 32

UNAWARE = [negative_data_rejection, positive_data_acceptance]
"""They take the credentials that schemathesis makes up for those that are sent."""


def credentials(user: User, type_: str) -> dict[str, Any]:
    """The headers and cookies with which a user sends a token of this type."""
    pair = tokens_for(user)
    token = pair.access if type_ == "access" else pair.refresh
    transport = current()
    if isinstance(transport, OneCookie):
        return {
            "headers": {"X-CSRFToken": CSRF},
            "cookies": {transport.cookie(type_): token, "csrftoken": CSRF},
        }
    return {"headers": {"Authorization": f"Bearer {token}"}, "cookies": {}}


def forged(sent: dict[str, Any]) -> dict[str, Any]:
    """The same with a token that nobody has signed."""
    return {
        kind: {name: f"{value}x" if "." in value else value for name, value in values.items()}
        for kind, values in sent.items()
    }


def type_of(operation: Any) -> str:
    """Which token an operation takes, by its description."""
    names = {name for needed in operation.get("security", []) for name in needed}
    return "access" if "accessToken" in names else "refresh"


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each path, method and what is said of it."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


# As a description.


@pytest.mark.clause("OA-1")
@each_mode
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"DJWTO_ALLOW_REFRESH_UPDATE": False, "DJWTO_CSRF": False},
        {"DJWTO_REMEMBER_LIFETIME": timedelta(days=90), "DJWTO_COOKIE_PREFIX": "__Secure-"},
    ],
)
def test_it_is_valid_openapi(mode: str, changes: dict[str, Any]) -> None:
    with override_settings(DJWTO_MODE=mode, **changes):
        described = schema()
        OpenAPIV31SpecValidator(described).validate()
        names = [operation["operationId"] for _, _, operation in operations(described)]
        assert len(set(names)) == len(names) == 9 - ("DJWTO_CSRF" in changes)
        components = described["components"]
        used = {
            name
            for _, _, operation in operations(described)
            for needed in operation["security"]
            for name in needed
        }
        assert used == set(components["securitySchemes"])
        text = str(described)
        for kind in ("schemas", "responses"):
            for name in components[kind]:
                assert f"'#/components/{kind}/{name}'" in text


@pytest.mark.clause("OA-1")
@each_mode
def test_each_mode_has_its_own_ways_to_say_who_one_is(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    schemes = schema()["components"]["securitySchemes"]
    told = {name: (s["type"], s.get("in"), s.get("name")) for name, s in schemes.items()}
    bearer, csrf = ("http", None, None), {"csrfToken": ("apiKey", "header", "X-Csrftoken")}
    assert (
        told
        == {
            "JSON": {"accessToken": bearer, "refreshToken": bearer},
            "ONE-COOKIE": {
                "accessToken": ("apiKey", "cookie", "jwt_access"),
                "refreshToken": ("apiKey", "cookie", "jwt_refresh"),
                **csrf,
            },
            "TWO-COOKIES": {
                "accessToken": ("apiKey", "cookie", "jwt_access_token"),
                "refreshToken": ("apiKey", "cookie", "jwt_refresh"),
                **csrf,
            },
        }[mode]
    )


@pytest.mark.clause("OA-1")
def test_it_says_where_the_endpoints_are(settings: Settings) -> None:
    assert included_under("login") == "/auth/"
    assert "/auth/api/token/refresh/logout/" in schema()["paths"]
    assert "/other/login/" in schema("/other/")["paths"]
    served = Client().get("/openapi.json")
    assert (served.status_code, served.json()) == (200, schema())
    assert Client().post("/openapi.json").status_code == 405
    elsewhere = OpenAPIView.as_view(prefix="/other/")(RequestFactory().get("/"))
    assert json.loads(elsewhere.content) == schema("/other/")  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = "djwto.spec_tests.core.urls_nowhere"
    assert included_under("login") == "/"


@pytest.mark.clause("OA-1")
@each_mode
def test_what_is_switched_off_is_left_out(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode

    def told() -> tuple[set[str], set[str], set[str]]:
        described = schema("/")
        login = described["paths"]["/login/"]["post"]["requestBody"]["content"]
        assert set(login) == {"application/json", "application/x-www-form-urlencoded"}
        return (
            {path.split("/")[-2] for path in described["paths"]},
            set(login["application/json"]["schema"]["properties"]),
            set(described["components"]["securitySchemes"]),
        )

    paths, fields, schemes = told()
    assert {"update_refresh", "logout_all"} <= paths
    assert fields == {"username", "password"}
    assert ("csrfToken" in schemes) is (mode != "JSON")
    settings.DJWTO_ALLOW_REFRESH_UPDATE = settings.DJWTO_CSRF = False
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=90)
    settings.DJWTO_BLACKLIST = {"BACKEND": f"{__name__}.WithoutValues"}
    assert told() == (
        paths - {"update_refresh", "logout_all"},
        fields | {"remember"},
        schemes - {"csrfToken"},
    )


class WithoutValues(DatabaseBlacklist):
    supports_values = False


# Against the endpoints.


def statuses_of(operation: Any, user: User) -> set[int]:
    """The statuses of answers to requests as described, and to others, with tokens or without.

    Raises where one is not as described.
    """
    told, seen = operation.definition.raw, set[int]()
    # Of what needs no token some goes without one, which schemathesis takes for a hole.
    unaware = [*UNAWARE, *[ignored_auth] * (len(told["security"]) > 1)]
    ways = [GenerationMode.POSITIVE]
    # Else nothing is sent that could be wrong: a Bearer header is no parameter.
    if "requestBody" in told or (current().ambient and told["security"]):
        ways.append(GenerationMode.NEGATIVE)
    for way, known in product(ways, (True, False)):

        @hypothesis_settings(
            max_examples=3,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=way), known=st.just(known))
        def send(case: Any, known: bool) -> None:
            sent = credentials(user, type_of(told)) if known else {}
            response = case.call_and_validate(excluded_checks=unaware, **sent)
            seen.add(response.status_code)

        send()
    return seen


def statuses(live_server: LiveServer, user: User, within: str = "/") -> dict[str, set[int]]:
    """The same of each path that begins so, as the server itself describes it."""
    load_all_checks()
    described = schemathesis.openapi.from_url(f"{live_server.url}/openapi.json")
    seen = defaultdict[str, set[int]](set)
    for found in described.include(path_regex=f"^{within}").get_all_operations():
        assert isinstance(found, Ok), found
        seen[found.ok().path] |= statuses_of(found.ok(), user)
    return seen


@pytest.mark.clause("OA-1")
@pytest.mark.django_db(transaction=True)
@each_mode
def test_no_endpoint_answers_other_than_described(
    mode: str, settings: Settings, live_server: LiveServer
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_REMEMBER_LIFETIME = timedelta(days=90)
    alice = create_alice()
    assert set().union(*statuses(live_server, alice).values()) >= {200, 401}


@pytest.mark.clause("OA-1")
@pytest.mark.django_db(transaction=True)
@each_mode
@pytest.mark.parametrize("csrf", [True, False])
@pytest.mark.parametrize("values", [True, False])
def test_every_status_that_is_described_is_answered(
    mode: str, csrf: bool, values: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE, settings.DJWTO_CSRF = mode, csrf
    monkeypatch.setattr(DatabaseBlacklist, "supports_values", values)
    alice = create_alice()
    described = schema()
    for path, method, operation in operations(described):
        is_login = path.endswith("/login/")
        body = CREDENTIALS if is_login else {}

        def send(path: str = path, method: str = method, body: Any = body, **sent: Any) -> Any:
            client = Client(enforce_csrf_checks=True)
            client.cookies.load(sent.pop("cookies", {}))
            if method == "get":
                return client.get(path, **sent).status_code
            return getattr(client, method)(path, body, **sent).status_code

        known = credentials(alice, type_of(operation))
        two = {"Authorization": "Bearer a, b"}
        statuses = {
            send(**known),
            send(),
            send(**{**known, "headers": known["headers"] | two}),
            send(**{**known, "headers": known["headers"] | {"X-CSRFToken": "no"}}),
            send(headers={"Sec-Fetch-Site": "cross-site"}),
            send(**forged(known)),
        }
        if operation.get("requestBody"):
            sent = {**credentials(alice, "refresh"), "content_type": "application/json"}
            statuses |= {send(body="[1]", **sent), send(body="{}", **sent)}
        sent = credentials(alice, type_of(operation))
        with override_settings(DJWTO_KEYS=list):
            statuses.add(send(**sent))
        assert {int(status) for status in operation["responses"]} == statuses, path
