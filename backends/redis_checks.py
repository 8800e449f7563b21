"""System checks: what makes a Redis lose revocations on a bad day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from django.core.checks import CheckMessage, Warning
from django.utils.encoding import force_str

if TYPE_CHECKING:
    from redis import Redis


def risky(servers: Sequence[Redis], wait_replicas: int) -> Iterator[CheckMessage]:
    """For `check --deploy` (RE-2, RE-6). What a server does not tell is not reported.

    Raises what redis-py raises for one that does not answer.
    """
    policies = {_setting(server, "maxmemory-policy") for server in servers}
    if evicting := sorted(policy for policy in policies if policy not in (None, "noeviction")):
        yield Warning(
            "The blacklist's Redis may evict live entries (maxmemory-policy "
            f"{', '.join(evicting)}): revoked tokens would work again. Set maxmemory-policy "
            "noeviction.",
            id="djwto.W014",
        )
    if any(_forgets(server) for server in servers):
        yield Warning(
            "The blacklist's Redis keeps nothing over a restart (save is empty, appendonly is "
            "no): revoked tokens would work again. Set appendonly yes.",
            id="djwto.W015",
        )
    counts = [_replicas(server) for server in servers] if wait_replicas else []
    if (
        fewest := min((n for n in counts if n is not None), default=wait_replicas)
    ) < wait_replicas:
        yield Warning(
            f"The blacklist's Redis has {fewest} replicas connected, and wait_replicas is "
            f"{wait_replicas}: every logout would be answered 503. Connect more, or lower it.",
            id="djwto.W016",
        )


def _forgets(server: Redis) -> bool:
    return _setting(server, "save") == "" and _setting(server, "appendonly") == "no"


def _setting(server: Redis, name: str) -> str | None:
    """What a server is configured to, None where it does not tell."""
    from redis import ResponseError

    try:
        return force_str(server.config_get(name)[name])
    # Managed servers forbid CONFIG.
    except (ResponseError, KeyError):
        return None


def _replicas(server: Redis) -> int | None:
    """How many replicas a server has, None where it does not tell."""
    from redis import ResponseError

    try:
        return int(server.info("replication")["connected_slaves"])
    except (ResponseError, KeyError):
        return None
