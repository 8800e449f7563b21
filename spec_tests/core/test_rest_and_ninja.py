"""USER-4, USER-5: what the classes for REST framework and Ninja refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest
from django.test import AsyncClient, RequestFactory
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.renderers import BaseRenderer
from pytest_django import Settings
from rest_framework.request import Request

from djwto.contrib.drf.permissions import token_grants
from djwto.contrib.ninja.headers import Refused, send_headers
from djwto.contrib.ninja.security import JWTAuth
from djwto.spec_tests.core.alice import each_mode, session
from djwto.spec_tests.core.test_request_user import get, no_keys, post, written

pytestmark = [pytest.mark.django_db, pytest.mark.urls("djwto.spec_tests.core.urls_request_user")]

each_way = pytest.mark.parametrize(
    ("path", "endpoint"), [("/rest/", "JWTAuthentication"), ("/ninja/who", "JWTAuth")]
)


@pytest.mark.clause("USER-4")
@pytest.mark.clause("USER-5")
@each_way
@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("a.b.c", 401, "The token is malformed or its claims are wrong."),
        ("a,b", 400, "The Authorization header holds more than one token."),
    ],
)
def test_it_is_said_what_is_wrong_with_a_token(
    path: str, endpoint: str, token: str, status: int, said: str
) -> None:
    answer = get(path, token)
    assert (answer.status, answer.body["detail"]) == (status, said)


@pytest.mark.clause("USER-4")
@pytest.mark.clause("USER-5")
@each_way
def test_what_is_forged_is_refused_and_written_down(
    settings: Settings, caplog: pytest.LogCaptureFixture, path: str, endpoint: str
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    answer = post(path, session().access, csrf=False)
    assert answer.status == 403
    assert answer.body["detail"].startswith("CSRF verification failed. ")
    assert written(caplog) == [("csrf_refused", endpoint, "127.0.0.1")]


@pytest.mark.clause("USER-4")
@pytest.mark.clause("USER-5")
@each_way
def test_what_is_out_of_reach_is_told_and_written_down(
    settings: Settings, caplog: pytest.LogCaptureFixture, path: str, endpoint: str
) -> None:
    token = session().access
    settings.DJWTO_KEYS = no_keys
    answer = get(path, token)
    assert answer.status == 503
    assert answer.body["detail"] == "The service is unavailable; try again later."
    assert written(caplog) == [("store_unavailable", endpoint, "127.0.0.1")]


@pytest.mark.clause("USER-5")
@pytest.mark.django_db(transaction=True)
def test_an_operation_that_is_awaited_writes_the_same_down(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"authorization": f"Bearer {session().access}"}
    settings.DJWTO_KEYS = no_keys
    answer = async_to_sync(AsyncClient().get)("/ninja/who/by-loop", headers=headers)
    assert answer.status_code == 503
    assert written(caplog) == [("store_unavailable", "AsyncJWTAuth", "127.0.0.1")]


@pytest.mark.clause("HTTP-16")
@pytest.mark.parametrize(
    ("auth", "may"),
    [
        ({"user": {"perms": ["shop.add_order", "shop.view_order", 1]}}, True),
        ({"user": {"perms": ["shop.add_order"]}}, False),
        ({"user": {"perms": "shop.add_order shop.view_order"}}, False),
        ({"user": {"perms": {"shop.add_order": 1, "shop.view_order": 1}}}, False),
        ({"user": {"perms": None}}, False),
        ({"user": {}}, False),
        ({}, False),
        (None, False),
        ("a token of another library", False),
    ],
)
def test_a_view_of_rest_framework_is_for_whom_the_token_lets_in(auth: Any, may: bool) -> None:
    request = Request(RequestFactory().get("/"))
    request.auth = auth
    allowed = token_grants("shop.add_order", "shop.view_order")
    assert allowed().has_permission(request, view=None) is may


@pytest.mark.clause("USER-5")
def test_who_forges_a_request_is_not_asked_for_a_token(settings: Settings) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    request = RequestFactory().post("/")
    request.COOKIES["jwt_access"] = session().access or ""
    with pytest.raises(Refused) as caught:
        JWTAuth()(request)
    assert (caught.value.status_code, caught.value.headers) == (403, {})


class Polite(BaseRenderer):
    """A renderer of a project's own."""

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        return f"{response_status} {request.path}: {data['detail']}"


@pytest.mark.clause("USER-5")
def test_what_ninja_refuses_is_rendered_as_all_else_is() -> None:
    polite = NinjaAPI(urls_namespace="polite", renderer=Polite())
    send_headers(polite)
    answer = polite.on_exception(RequestFactory().get("/who"), AuthenticationError())
    assert answer.content == b"401 /who: Unauthorized"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.clause("USER-5")
@each_mode
def test_ninja_describes_how_a_client_says_who_it_is(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    described = NinjaAPI(urls_namespace=f"described-{mode}", auth=JWTAuth())
    described.get("/who")(lambda request: None)
    (scheme,) = described.get_openapi_schema(path_prefix="")["components"][
        "securitySchemes"
    ].values()
    assert (
        scheme
        == {
            "JSON": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "ONE-COOKIE": {"type": "apiKey", "in": "cookie", "name": "jwt_access"},
            "TWO-COOKIES": {"type": "apiKey", "in": "cookie", "name": "jwt_access_token"},
        }[mode]
    )
