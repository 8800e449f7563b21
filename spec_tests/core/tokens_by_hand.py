"""Tokens made by hand, so that they can say what no library would let them say."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from typing import Any

from djwto.keys import key_ring


def b64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def by_hand(header: Any, payload: Any, *, key: bytes | None = None, hash_: Any = "sha256") -> str:
    """A token with an HMAC of djwto's own key, whatever its header and payload say."""
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload)]
    signed = b".".join(map(b64, parts))
    signature = hmac.digest(key_ring().keys[0].signing if key is None else key, signed, hash_)
    return (signed + b"." + b64(signature)).decode()


HEADER = {"alg": "HS256", "typ": "JWT"}


def now() -> int:
    return int(time.time())


def good(type_: str = "refresh", **changes: Any) -> dict[str, Any]:
    """Claims as djwto makes them; a claim that is changed to `...` is left out."""
    claims = {
        "iat": now() - 30,
        "exp": now() + 300,
        "jti": str(uuid.uuid4()),
        "type": type_,
        "user": {"username": "alice", "id": 1, "perms": []},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}
