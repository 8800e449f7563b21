"""How `djwto.backends.redis` finds the primary that Sentinels watch. Imports redis-py."""

from __future__ import annotations

from copy import copy
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from django.utils.encoding import force_str
from redis import ConnectionError, Redis
from redis.connection import parse_url
from redis.sentinel import Sentinel

from djwto.backends.redis_cluster import node_urls

PORT = 26_379

OF_SENTINELS = ("sentinel_username", "sentinel_password")
"""Options in the URL that are told to the Sentinels, and not to the servers."""


def connect(url: str, **options: Any) -> Redis:
    """A client of the primary that the Sentinels in a URL name, whichever it is at the time.

    They are asked for each new connection; none is made yet. Raises TypeError or ValueError for
    a wrong URL.
    """
    parts = urlsplit(url)
    service, _, database = parts.path.removeprefix("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ValueError(
            "write redis+sentinel://host:26379,host:26379/SERVICE/0, with the name that the "
            "Sentinels have for the primary, and the number of the database"
        )
    query = dict(parse_qsl(parts.query))
    credentials = {
        name.removeprefix("sentinel_"): query.pop(name) for name in OF_SENTINELS if name in query
    }
    plain = parts._replace(path=f"/{database}", query=urlencode(query)).geturl()
    nodes = [parse_url(each) for each in node_urls(plain)]  # type: ignore[no-untyped-call]
    told = {**options, **nodes[0], "ssl": parts.scheme.startswith("rediss")}
    for of_one in ("host", "port", "connection_class"):
        told.pop(of_one, None)
    shared = {
        name: value
        for name, value in told.items()
        if name in ("ssl", "retry") or name.startswith(("ssl_", "socket_"))
    }
    addresses = [(node["host"], node.get("port", PORT)) for node in nodes]
    sentinels: Any = _Sentinels(addresses, sentinel_kwargs={**shared, **credentials})  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(
        unquote(service), redis_connect_func=_greet_primary, **told
    )
    # Not connected yet, but redis-py looks at the options in the URL only here.
    client.connection_pool.make_connection()
    return client


class _Sentinels(Sentinel):
    """redis-py's, whose list of Sentinels stays whole."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        # redis-py puts the one that answered first, in place: where two threads do so at once,
        # another is lost for good.
        asked = copy(self)
        asked.sentinels = [*self.sentinels]
        address: tuple[str, int] = Sentinel.discover_master(asked, service_name)  # type: ignore[no-untyped-call]
        self.sentinels = asked.sentinels
        return address


def _greet_primary(connection: Any) -> None:
    """What redis-py does with a new connection; raises where it is not to a primary.

    A Sentinel that has been away names the one that it knew.
    """
    connection.on_connect()
    connection.send_command("ROLE")
    role = force_str(connection.read_response()[0])
    if role != "master":
        raise ConnectionError(
            f"{connection.host}:{connection.port} is a {role}, and a Sentinel names it as primary"
        )
