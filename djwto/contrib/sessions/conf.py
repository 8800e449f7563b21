"""The settings of the session list, read as those of the core are."""

from __future__ import annotations

from typing import Literal

from djwto.conf import Setting


class Settings:
    """Every setting of the app, each documented in docs/session_list.rst."""

    session_ip = Setting[Literal["full", "network", "none"]]("network")
    session_user_agent = Setting[Literal["full", "none"]]("full")
    session_client_ip = Setting[str]("djwto.contrib.sessions.device.remote_addr")


NAMES = frozenset(s.name for s in vars(Settings).values() if isinstance(s, Setting))

settings = Settings()
