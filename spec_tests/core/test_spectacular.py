"""drf-spectacular's description of views that djwto stands before."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from openapi_spec_validator import validate
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

import djwto.contrib.drf.spectacular  # noqa: F401  (that is how it is found)
from djwto.claims import ACCESS
from djwto.contrib.drf.authentication import JWTAuthentication
from djwto.openapi import security, security_schemes
from djwto.spec_tests.core.alice import each_mode

# It has no types of its own.
Generator: Any = SchemaGenerator


class OwnAuthentication(JWTAuthentication):
    """As a project may have it."""


class Orders(APIView):
    schema = AutoSchema()
    authentication_classes = (JWTAuthentication,)
    serializer_class = Serializer

    def post(self, request: Request) -> Response:
        return Response()


class OwnOrders(Orders):
    authentication_classes = (OwnAuthentication,)


def described() -> dict[str, Any]:
    patterns = [path("orders/", Orders.as_view()), path("own/", OwnOrders.as_view())]
    found: dict[str, Any] = Generator(patterns=patterns).get_schema(public=True)
    return found


@pytest.mark.clause("OA-2")
@each_mode
@pytest.mark.parametrize("csrf", [True, False])
def test_views_are_described_with_the_schemes_of_the_mode(
    mode: str, csrf: bool, settings: Settings
) -> None:
    settings.DJWTO_MODE, settings.DJWTO_CSRF = mode, csrf
    found = described()
    validate(found)
    assert ("csrfToken" in security(ACCESS)) is (csrf and mode != "JSON")
    for address in ("/orders/", "/own/"):
        # The last says that the view answers who has no token as well.
        assert found["paths"][address]["post"]["security"][0] == security(ACCESS)
    schemes = security_schemes()
    assert found["components"]["securitySchemes"] == {
        name: schemes[name] for name in security(ACCESS)
    }
