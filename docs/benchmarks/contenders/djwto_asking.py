"""djwto as it is here, with the store asked about access tokens too: Redis on loopback."""

from __future__ import annotations

from typing import Any

from contenders import djwto

URL = "redis://127.0.0.1:6379/8"


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations, and one question to Redis."""
    import redis

    client = redis.Redis.from_url(URL)
    store = {"BACKEND": "djwto.backends.redis.RedisBlacklist", "OPTIONS": {"url": URL}}
    operations = djwto.prepare(algorithm, folder, DJWTO_CHECK_ACCESS=True, DJWTO_BLACKLIST=store)
    return operations | {"EXISTS": (lambda: "djwto:no-such-key", client.exists)}
