"""Reads the credentials of a login from a form or from a JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from djwto.exceptions import UnreadableBody

_JSON = "application/json"
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


@contextmanager
def readable(request: HttpRequest) -> Iterator[None]:
    """Turns what Django raises for a body too large, cut off or garbled into UnreadableBody."""
    try:
        # Not every server does so, and Django takes it for a number.
        int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise UnreadableBody("The Content-Length is not a number.") from error
    try:
        yield
    except (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError) as error:
        raise UnreadableBody("The body is too large or cannot be read.") from error


def fields(request: HttpRequest) -> Mapping[str, Any]:
    """The fields of the body, by its Content-Type. Raises UnreadableBody (HTTP-2)."""
    with readable(request):
        if request.content_type in _FORMS:
            return request.POST
        if request.content_type == _JSON:
            return _json_object(request.body)
    raise UnreadableBody(
        "The Content-Type is not known; send a form or application/json with the fields "
        "username and password."
    )


def has_fields(request: HttpRequest) -> bool:
    """Whether the body is, by its Content-Type, something that has fields."""
    return request.content_type in {*_FORMS, _JSON}


def flag(request: HttpRequest, name: str) -> bool:
    """A field that says yes or no; one that is not there says no. Raises UnreadableBody."""
    with readable(request):
        if request.content_type not in _FORMS and not request.body:
            return False
    value = fields(request).get(name, False)
    text = str(value).lower()
    if text in {"true", "1", "on"}:
        return True
    if text in {"false", "0", "off", ""}:
        return False
    raise UnreadableBody(
        "The field %(name)s says neither yes nor no; send true or false.", name=name
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody("The body is not valid JSON.") from error
    if not isinstance(parsed, dict):
        raise UnreadableBody('The body is not a JSON object like {"username": …, "password": …}.')
    return parsed
