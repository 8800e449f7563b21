"""djwto as it is here, with the store asked about access tokens too: Redis on loopback."""

from __future__ import annotations

from typing import Any

from contenders import djwto, project

URL = "redis://127.0.0.1:6379/8"
ASKED = djwto.ASKED


def set_up(algorithm: str, folder: str) -> None:
    """The project."""
    store = {"BACKEND": "djwto.backends.redis.RedisBlacklist", "OPTIONS": {"url": URL}}
    urls = "contenders.djwto_asking_urls"
    djwto.set_up(algorithm, folder, urls, DJWTO_CHECK_ACCESS=True, DJWTO_BLACKLIST=store)


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations, one question to Redis, and a view that verifies a token and asks that.

    In a loop a question takes less time than it does there: the server never goes to sleep.
    """
    import redis

    set_up(algorithm, folder)
    client = redis.Redis.from_url(URL)
    operations = project.operations(ASKED, djwto.forget)
    site = project.Client()
    access = site.answer(*ASKED.login)["access"]
    view = site.request("GET", "/exists/", access)
    return operations | {
        "EXISTS": (lambda: "djwto:no-such-key", client.exists),
        "protected, EXISTS": (lambda: view, lambda view: view()),
    }
