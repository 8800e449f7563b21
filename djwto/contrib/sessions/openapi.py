"""The endpoints of the session list, described beside those of djwto (OA-3)."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from djwto import openapi
from djwto.claims import ACCESS
from djwto.openapi import REFUSED, Described, Operation, described, included_under, object_of
from djwto.transports import current

SESSION_KEY: Described = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": "The `id` that the list has for the session.",
    "schema": {"type": "string"},
}


def operations(prefix: str) -> Iterator[Operation]:
    """What can be done with `djwto.contrib.sessions.urls` under this prefix."""
    yield Operation(
        name="sessions",
        path=f"{prefix}sessions/",
        method="get",
        token_type=ACCESS,
        summary="One's own sessions",
        answers="Sessions",
    )
    yield Operation(
        name="session_delete",
        path=f"{prefix}sessions/{{{SESSION_KEY['name']}}}/",
        method="delete",
        token_type=ACCESS,
        summary="End one of one's own sessions",
        parameters=(SESSION_KEY,),
        refuses=REFUSED | {HTTPStatus.NOT_FOUND},
        changes_cookies=current().ambient,
    )


def schema(prefix: str | None = None, sessions_prefix: str | None = None) -> Described:
    """`djwto.openapi.schema`, and the endpoints of the session list (OA-3).

    `sessions_prefix` is the path under which `djwto.contrib.sessions.urls` is included; by default
    it is looked up, as the other is.
    """
    djwto = included_under("login") if prefix is None else prefix
    own = included_under("sessions") if sessions_prefix is None else sessions_prefix
    return described([*openapi.operations(djwto), *operations(own)], _schemas())


def _schemas() -> dict[str, Described]:
    time = {"type": "integer", "description": "Epoch seconds."}
    session = object_of(
        id={"type": "string"},
        created=time,
        refreshed=time,
        expires={"type": ["integer", "null"], "description": "Epoch seconds; null is never."},
        ip={"type": ["string", "null"], "description": "The address, or its network."},
        user_agent={"type": ["string", "null"]},
        current={"type": "boolean", "description": "Is it that of the token which was sent?"},
    )
    listed = {"type": "array", "items": {"$ref": "#/components/schemas/Session"}}
    return {"Session": session, "Sessions": object_of(sessions=listed)}


class OpenAPIView(openapi.OpenAPIView):
    """`djwto.openapi.OpenAPIView`, which has the session list as well (OA-3)."""

    sessions_prefix: str | None = None

    def described(self) -> Described:
        return schema(self.prefix, self.sessions_prefix)
