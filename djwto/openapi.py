"""The endpoints as OpenAPI 3.1 describes them, for the mode and the settings in force.

One description: what each endpoint takes is read from its view, what it answers stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import NoReverseMatch, get_script_prefix, reverse

import djwto
from djwto import csrf
from djwto.blacklist import get_blacklist
from djwto.claims import ACCESS, REFRESH
from djwto.conf import settings
from djwto.routes import routes
from djwto.transports import OneCookie, current
from djwto.urls import VIEWS
from djwto.views import JWTView

Described = dict[str, Any]
"""A part of the description, as JSON has it."""

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

REASONS = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read, or two tokens were sent.",
    HTTPStatus.UNAUTHORIZED: "There is no token, or it is not valid.",
    HTTPStatus.FORBIDDEN: "The CSRF token is missing or wrong, or the login is a cross-site one.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A store cannot be reached, and nothing was done.",
}
"""The refusals: what each says."""


REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client does with an endpoint."""

    route: str
    summary: str
    method: str = "post"
    answers: str = "Message"
    """The component that is the body of the answer; tokens are in cookies where there are any."""
    refuses: frozenset[HTTPStatus] = REFUSED
    """What it may answer beside 200, 503 and, where cookies are used, 403."""
    without_token: bool = False
    """Does it answer 200 to a client that sends no token?"""
    changes_cookies: bool = False


def operations() -> Iterator[Operation]:
    """What can be done under the settings in force."""
    ambient = current().ambient
    issues: Described = {"answers": "Message" if ambient else "Tokens", "changes_cookies": ambient}
    yield Operation(route="login", summary="Credentials for a pair of tokens", **issues)
    yield Operation(route="validate_access", summary="Is this access token good?")
    yield Operation(route="validate_refresh", summary="Is this refresh token good?")
    yield Operation(route="refresh_access", summary="A new access token", **issues)
    if settings.allow_refresh_update:
        yield Operation(route="update_refresh", summary="A new pair of tokens", **issues)
    yield Operation(
        route="logout",
        summary="End the session",
        without_token=ambient,
        changes_cookies=ambient,
    )
    yield Operation(
        route="logout",
        method="delete",
        summary="End the session, if there is one, and forget it",
        refuses=frozenset(),
        without_token=True,
        changes_cookies=ambient,
    )
    if get_blacklist().supports_values:
        yield Operation(
            route="logout_all", summary="End all sessions of the user", changes_cookies=ambient
        )
    yield Operation(
        route="jwks",
        method="get",
        summary="The public keys in force",
        answers="JWKSet",
        refuses=frozenset(),
    )


def schema(prefix: str | None = None) -> Described:
    """The description, to be turned into JSON (OA-1).

    `prefix` is the path under which `djwto.urls` is included, "/" or "/auth/"; by default it is
    looked up, which takes that they are in no namespace.
    """
    prefix = included_under() if prefix is None else prefix
    paths: Described = {}
    for operation in operations():
        path = paths.setdefault(prefix + routes()[operation.route], {})
        path[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "djwto", "version": djwto.__version__},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {_name(status): _refusal(status) for status in _refusals(operations())},
            "securitySchemes": security_schemes(),
        },
    }


def included_under() -> str:
    """The path under which the endpoints are, "/" if none is found."""
    try:
        return reverse("login").removesuffix(routes()["login"])
    except NoReverseMatch:
        return get_script_prefix()


def security_schemes() -> Described:
    """How a client says who it is in the mode in force, by the names that `security` has."""
    transport = current()
    if not isinstance(transport, OneCookie):
        bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        return {
            _scheme(type_): {**bearer, "description": f"The {type_} token (RFC 6750)."}
            for type_ in (ACCESS, REFRESH)
        }
    schemes: Described = {
        _scheme(type_): {
            "type": "apiKey",
            "in": "cookie",
            "name": transport.cookie(type_),
            "description": f"The {type_} token, in a cookie that the browser sends.",
        }
        for type_ in (ACCESS, REFRESH)
    }
    if settings.csrf:
        schemes[CSRF] = {
            "type": "apiKey",
            "in": "header",
            "name": csrf.header_name(),
            "description": "The CSRF token, as Django's documentation says where to find it.",
        }
    return schemes


def security(type_: str) -> Described:
    """What a request takes along that needs a token of this type, "access" or "refresh"."""
    return {name: [] for name in (_scheme(type_), CSRF) if name in security_schemes()}


CSRF = "csrfToken"


def _scheme(type_: str) -> str:
    return f"{type_}Token"


def _operation(operation: Operation) -> Described:
    described: Described = {
        "operationId": operation.route
        if operation.method != "delete"
        else f"{operation.route}_delete",
        "summary": operation.summary,
        "tags": ["djwto"],
        "responses": {"200": _answer(operation)}
        | {
            str(int(status)): {"$ref": f"#/components/responses/{_name(status)}"}
            for status in _refused(operation)
        },
        "security": _securities(operation),
    }
    body = _body(operation.route)
    return described | ({"requestBody": body} if body else {})


def _securities(operation: Operation) -> list[Described]:
    type_ = VIEWS[operation.route].jwt_type
    if not type_:
        return []
    needed = security(type_)
    if not operation.without_token:
        return [needed]
    return [needed, {name: [] for name in needed if name == CSRF}]


def _refused(operation: Operation) -> list[HTTPStatus]:
    statuses = {*operation.refuses, HTTPStatus.SERVICE_UNAVAILABLE}
    # A login is refused to other sites' pages whatever DJWTO_CSRF says.
    if current().ambient and (
        operation.route == "login" or (settings.csrf and VIEWS[operation.route].jwt_type)
    ):
        statuses.add(HTTPStatus.FORBIDDEN)
    return sorted(statuses)


def _refusals(all_: Iterable[Operation]) -> list[HTTPStatus]:
    return sorted({status for operation in all_ for status in _refused(operation)})


def _answer(operation: Operation) -> Described:
    media = "application/jwk-set+json" if operation.answers == "JWKSet" else JSON
    answer: Described = {
        "description": "It is done.",
        "content": {media: {"schema": {"$ref": f"#/components/schemas/{operation.answers}"}}},
    }
    if operation.changes_cookies:
        answer["headers"] = {"Set-Cookie": _text("The tokens, or that they are to be forgotten.")}
    return answer


def _refusal(status: HTTPStatus) -> Described:
    headers = {
        HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": _text("Why (RFC 6750 section 3).")},
        HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": _text("Seconds until it is worthwhile.")},
    }
    return {
        "description": REASONS[status],
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    } | ({"headers": headers[status]} if status in headers else {})


def _text(description: str) -> Described:
    return {"description": description, "schema": {"type": "string"}}


def _name(status: HTTPStatus) -> str:
    return status.phrase.replace(" ", "")


def _schemas() -> Described:
    schemas = {
        "Message": _object(msg={"type": "string"}),
        "Error": _object(error={"type": "string"}),
        "JWKSet": _object(keys={"type": "array", "items": {"type": "object"}}),
    }
    if not current().ambient:
        schemas["Tokens"] = _object(refresh={"type": "string"}, access={"type": "string"})
    return schemas


def _object(**properties: Described) -> Described:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _body(route: str) -> Described | None:
    """The fields of a body, which may be a form or a JSON object."""
    if route == "login":
        fields: Described = {
            "username": {"type": "string"},
            "password": {"type": "string", "format": "password"},
        }
        if settings.remember_lifetime is not None:
            fields["remember"] = {"type": "boolean"}
        named = {"type": "object", "properties": fields, "required": ["username", "password"]}
        return {"required": True, "content": {media: {"schema": named} for media in (JSON, FORM)}}
    if route == "logout_all":
        kept = {"type": "object", "properties": {"keep_current": {"type": "boolean"}}}
        return {"required": False, "content": {media: {"schema": kept} for media in (JSON, FORM)}}
    return None


class OpenAPIView(JWTView):
    """The description as JSON; sends no signal. GET only (OA-1).

    It has no route of its own: `path("openapi.json", OpenAPIView.as_view())`, with `prefix` where
    the endpoints are in a namespace.
    """

    sender = "OpenAPIView"
    prefix: str | None = None

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse(schema(self.prefix))
