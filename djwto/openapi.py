"""The endpoints as OpenAPI 3.1 describes them, for the mode and the settings in force.

One description: what each endpoint takes is read from its view, what it answers stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import NoReverseMatch, get_script_prefix, reverse

import djwto
from djwto import csrf
from djwto.base_view import JWTView
from djwto.blacklist import get_blacklist
from djwto.claims import ACCESS, REFRESH
from djwto.conf import settings
from djwto.routes import routes
from djwto.transports import OneCookie, current
from djwto.urls import VIEWS

Described = dict[str, Any]
"""A part of the description, as JSON has it."""

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

REASONS = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read, or two tokens were sent.",
    HTTPStatus.UNAUTHORIZED: "There is no token, or it is not valid.",
    HTTPStatus.FORBIDDEN: "The CSRF token is missing or wrong, or the login is a cross-site one.",
    HTTPStatus.NOT_FOUND: "What the path names is not there, or it is another user's.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A store cannot be reached, and nothing was done.",
}
"""The refusals: what each says."""


REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client does with an endpoint."""

    name: str
    path: str
    summary: str
    method: str = "post"
    token_type: str = ""
    """ACCESS or REFRESH, or "" where none is taken."""
    body: Described | None = None
    parameters: tuple[Described, ...] = ()
    answers: str = "Message"
    """The component that is the body of the answer; tokens are in cookies where there are any."""
    refuses: frozenset[HTTPStatus] = REFUSED
    """What it may answer beside 200, 503 and, where cookies are used, 403."""
    without_token: bool = False
    """Does it answer 200 to a client that sends no token?"""
    changes_cookies: bool = False


def operations(prefix: str) -> Iterator[Operation]:
    """What can be done under the settings in force, with `djwto.urls` under this prefix."""
    ambient = current().ambient
    issues: Described = {"answers": "Message" if ambient else "Tokens", "changes_cookies": ambient}

    def at(route: str, summary: str, **described: Any) -> Operation:
        named = {"name": route, "token_type": VIEWS[route].jwt_type} | described
        return Operation(path=prefix + routes()[route], summary=summary, **named)

    yield at("login", "Credentials for a pair of tokens", body=_credentials(), **issues)
    yield at("validate_access", "Is this access token good?")
    yield at("validate_refresh", "Is this refresh token good?")
    yield at("refresh_access", "A new access token", **issues)
    if settings.allow_refresh_update:
        yield at("update_refresh", "A new pair of tokens", **issues)
    yield at("logout", "End the session", without_token=ambient, changes_cookies=ambient)
    yield at(
        "logout",
        "End the session, if there is one, and forget it",
        name="logout_delete",
        method="delete",
        refuses=frozenset(),
        without_token=True,
        changes_cookies=ambient,
    )
    if get_blacklist().supports_values:
        kept = _body({"keep_current": {"type": "boolean"}})
        yield at("logout_all", "End all sessions of the user", body=kept, changes_cookies=ambient)
    yield at(
        "jwks",
        "The public keys in force",
        method="get",
        answers="JWKSet",
        refuses=frozenset(),
    )


def schema(prefix: str | None = None) -> Described:
    """The description, to be turned into JSON (OA-1).

    `prefix` is the path under which `djwto.urls` is included, "/" or "/auth/"; by default it is
    looked up, which takes that they are in no namespace.
    """
    return described(operations(included_under("login") if prefix is None else prefix))


def described(all_: Iterable[Operation], schemas: Mapping[str, Described] = {}) -> Described:
    """The description of these operations; `schemas` are of what only they answer."""
    paths: Described = {}
    refusals: set[HTTPStatus] = set()
    for operation in all_:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
        refusals.update(_refused(operation))
    return {
        "openapi": "3.1.0",
        "info": {"title": "djwto", "version": djwto.__version__},
        "paths": paths,
        "components": {
            "schemas": _schemas() | {**schemas},
            "responses": {_name(status): _refusal(status) for status in sorted(refusals)},
            "securitySchemes": security_schemes(),
        },
    }


def included_under(route: str) -> str:
    """The path under which the endpoint of this name and its like are, "/" if none is found."""
    try:
        return reverse(route).removesuffix(f"{route}/")
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
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": ["djwto"],
        "responses": {"200": _answer(operation)}
        | {
            str(int(status)): {"$ref": f"#/components/responses/{_name(status)}"}
            for status in _refused(operation)
        },
        "security": _securities(operation),
    }
    if operation.parameters:
        described["parameters"] = [*operation.parameters]
    return described | ({"requestBody": operation.body} if operation.body else {})


def _securities(operation: Operation) -> list[Described]:
    if not operation.token_type:
        return []
    needed = security(operation.token_type)
    if operation.method == "get":
        # Django checks no CSRF token of what changes nothing.
        needed.pop(CSRF, None)
    if not operation.without_token:
        return [needed]
    return [needed, {name: [] for name in needed if name == CSRF}]


def _refused(operation: Operation) -> list[HTTPStatus]:
    statuses = {*operation.refuses, HTTPStatus.SERVICE_UNAVAILABLE}
    # A login is refused to other sites' pages whatever DJWTO_CSRF says.
    is_checked = settings.csrf and operation.token_type and operation.method != "get"
    if current().ambient and (operation.name == "login" or is_checked):
        statuses.add(HTTPStatus.FORBIDDEN)
    return sorted(statuses)


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
        "Message": object_of(msg={"type": "string"}),
        "Error": object_of(error={"type": "string"}),
        "JWKSet": object_of(keys={"type": "array", "items": {"type": "object"}}),
    }
    if not current().ambient:
        schemas["Tokens"] = object_of(refresh={"type": "string"}, access={"type": "string"})
    return schemas


def object_of(**properties: Described) -> Described:
    """A JSON object with these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _credentials() -> Described:
    fields: Described = {
        "username": {"type": "string"},
        "password": {"type": "string", "format": "password"},
    }
    if settings.remember_lifetime is not None:
        fields["remember"] = {"type": "boolean"}
    return _body(fields, required=["username", "password"])


def _body(fields: Described, **described: Any) -> Described:
    """A body of these fields, which may be a form or a JSON object."""
    named = {"schema": {"type": "object", "properties": fields, **described}}
    return {"required": "required" in described, "content": {JSON: named, FORM: named}}


class OpenAPIView(JWTView):
    """The description as JSON; sends no signal. GET only (OA-1).

    It has no route of its own: `path("openapi.json", OpenAPIView.as_view())`, with `prefix` where
    the endpoints are in a namespace.
    """

    sender = "OpenAPIView"
    prefix: str | None = None

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse(self.described())

    def described(self) -> Described:
        """What is answered."""
        return schema(self.prefix)
