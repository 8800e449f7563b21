"""What nobody can do without: a view that does nothing, a statement, Django's own login, PyJWT
with a key that was read, and two views as they are written by hand."""

from __future__ import annotations

import time
import uuid
from typing import Any

from contenders import keys, project


class Keys:
    """As PyJWT is told them; for HMAC both are the same."""

    algorithm: str
    signing: Any
    verifying: Any


def set_up(algorithm: str, folder: str) -> None:
    """The project."""
    import jwt

    project.configure(folder, "contenders.floor_urls", [])
    private, public = keys.pair(algorithm)
    reading = jwt.get_algorithm_by_name(algorithm)
    Keys.algorithm = algorithm
    Keys.signing = Keys.verifying = reading.prepare_key(private)
    if public is not None:
        Keys.verifying = reading.prepare_key(public)


def ask(key: int) -> None:
    """A statement about a user."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT password, is_active FROM auth_user WHERE id = %s", [key])
        cursor.fetchall()


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    import jwt

    set_up(algorithm, folder)
    client = project.Client()
    bare = client.request("GET", "/bare/")
    log_in = client.request("POST", "/login/", "", "username=alice&password=pass")
    now = int(time.time())
    # As many as djwto has in an access token.
    claims = {
        "iat": now,
        "exp": now + 3600,
        "type": "access",
        "user": {"username": "alice", "id": 1, "perms": ["auth.add_group"] * project.PERMISSIONS},
        "auth_time": now,
        "gen": "0" * 32,
        "auth_hash": "0" * 32,
        "refresh_iat": now,
    }

    def token() -> str:
        # Another each time, as whoever sees one for the first time has it.
        return jwt.encode(claims | {"jti": str(uuid.uuid4())}, Keys.signing, algorithm=algorithm)

    def decode(token: str) -> None:
        jwt.decode(token, Keys.verifying, algorithms=[algorithm])

    refresh = client.request("POST", "/refresh/", token())
    return {
        "bare view": (lambda: bare, lambda bare: bare()),
        "statement": (lambda: 1, ask),
        "decode": (token, decode),
        "encode": (lambda: None, lambda nothing: token()),
        "protected, decode": (
            lambda: client.request("GET", "/protected/", token()),
            lambda protected: protected(),
        ),
        "refresh": (lambda: refresh, lambda refresh: refresh()),
        "login": (lambda: log_in, lambda log_in: log_in()),
    }
