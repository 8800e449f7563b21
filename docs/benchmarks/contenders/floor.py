"""What nobody can do without: a view that does nothing, and PyJWT with a key that was read."""

from __future__ import annotations

import time
import uuid
from typing import Any

from contenders import keys, project


def set_up(algorithm: str, folder: str) -> None:
    """The project."""
    project.configure(folder, "contenders.floor_urls", [])


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations."""
    import jwt

    set_up(algorithm, folder)
    private, public = keys.pair(algorithm)
    reading = jwt.get_algorithm_by_name(algorithm)
    signing = reading.prepare_key(private)
    verifying = signing if public is None else reading.prepare_key(public)
    bare = project.Client().request("GET", "/bare/")
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
        return jwt.encode(claims | {"jti": str(uuid.uuid4())}, signing, algorithm=algorithm)

    def decode(token: str) -> None:
        jwt.decode(token, verifying, algorithms=[algorithm])

    return {
        "bare view": (lambda: bare, lambda bare: bare()),
        "decode": (token, decode),
    }
