"""How the store of a backend under test is taken away, and given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections
from django.test import override_settings

from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.registry import NotApplicable
from djwto.spec_tests.subject import Subject, close_connections, new_key

REFUSING = "refuses connections"
CUTTING = "breaks off in the middle of each answer"
LOSING = "breaks off in the middle of one answer"
SILENT = "is silent"
OUT_OF_REACH = "is out of reach"
FILE_AWAY = "has its file elsewhere"

SQLITE = b"SQLite format 3\0"
"""How such a file begins."""

PORTS = {"postgresql": 5432, "mysql": 3306, "oracle": 1521, "redis": 6379, "rediss": 6379}
"""Where a server is of which only the host is named, by Django's vendors and schemes of URLs."""


class Outage:
    """A store that can be taken away; while it is not, all is as ever."""

    kinds: ClassVar[tuple[str, ...]]
    """What can be done to it. Each goes on a sentence that begins with "the store"."""

    ends: ClassVar[bool] = True
    """Whether the store can be given back to an instance that was without it."""

    outlived: ClassVar[bool] = False
    """Whether connections that are open go on, so that they have to be closed as well."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        """The backend under test, on the store that can be taken away."""
        self.during = subject
        """What an instance is made from while the store is away."""

    def take_away(self, kind: str, n_bytes: int = 0, whole_answers: int = 0) -> None:
        """From now on the store does what `kind` says.

        Where it breaks off, that is after so many whole answers and so many bytes of one.
        """
        raise NotImplementedError

    def give_back(self) -> None:
        """From now on the store is there again, with all that it kept."""
        raise NotImplementedError

    @property
    def cuts(self) -> int:
        """How many answers were broken off, in all."""
        return 0

    @contextmanager
    def away(self, kind: str, n_bytes: int = 0, whole_answers: int = 0) -> Iterator[None]:
        """While entered, the store is away."""
        self.take_away(kind, n_bytes, whole_answers)
        try:
            yield
        finally:
            self.give_back()


class Cut(Outage):
    """Servers behind proxies, which Django connects to: how long it waits is the project's."""

    kinds: ClassVar[tuple[str, ...]] = (REFUSING, CUTTING, LOSING)

    def __init__(self, subject: Subject, proxies: list[Proxy]) -> None:
        super().__init__(subject)
        self.proxies = proxies

    @property
    def cuts(self) -> int:
        """How many answers were broken off, in all."""
        return sum(proxy.cuts for proxy in self.proxies)

    def take_away(self, kind: str, n_bytes: int = 0, whole_answers: int = 0) -> None:
        for proxy in self.proxies:
            if kind == REFUSING:
                proxy.cut()
            elif kind == SILENT:
                proxy.stall()
            else:
                once = kind == LOSING
                proxy.cut_after(n_bytes, whole_answers=whole_answers, once=once)

    def give_back(self) -> None:
        for proxy in self.proxies:
            proxy.mend()


class CutOrSilent(Cut):
    """Servers behind proxies, which the backend connects to by itself."""

    kinds: ClassVar[tuple[str, ...]] = (*Cut.kinds, SILENT)


class FileGone(Outage):
    """A database of SQLite, whose connection is told of a file that cannot be opened."""

    kinds: ClassVar[tuple[str, ...]] = (REFUSING,)
    outlived = True

    def __init__(self, subject: Subject, alias: str) -> None:
        super().__init__(subject)
        # One dict serves the connections of all threads.
        self.settings = connections[alias].settings_dict
        self.name = self.settings["NAME"]

    def take_away(self, kind: str, n_bytes: int = 0, whole_answers: int = 0) -> None:
        close_connections()
        # No file is below a file.
        self.settings["NAME"] = Path(self.name, "away")

    def give_back(self) -> None:
        self.settings["NAME"] = self.name
        close_connections()


class Elsewhere(Outage):
    """A store that stays where it is: an instance is made with the author's other options."""

    kinds: ClassVar[tuple[str, ...]] = (OUT_OF_REACH,)
    ends = False

    def __init__(self, subject: Subject, unreachable: Mapping[str, Any]) -> None:
        super().__init__(subject)
        self.during = replace(subject, options=unreachable)

    def take_away(self, kind: str, n_bytes: int = 0, whole_answers: int = 0) -> None:
        """Nothing is done to the store."""

    def give_back(self) -> None:
        """Nothing was."""


class FileMoved(Outage):
    """A file of SQLite's, of the backend's own. Whoever holds it open may go on, and be right."""

    kinds: ClassVar[tuple[str, ...]] = (FILE_AWAY,)

    def __init__(self, subject: Subject, file: Path) -> None:
        super().__init__(subject)
        # The log of what was written last is part of it.
        log = file.with_name(f"{file.name}-wal")
        parts = [part for part in (file, log) if part.is_file()]
        self.moved = {part: part.with_name(f"{part.name}.away") for part in parts}

    def take_away(self, kind: str, n_bytes: int = 0, whole_answers: int = 0) -> None:
        for part, elsewhere in self.moved.items():
            part.rename(elsewhere)
            # So that none can be made in its place.
            part.mkdir()

    def give_back(self) -> None:
        for part, elsewhere in self.moved.items():
            part.rmdir()
            elsewhere.rename(part)


def file_of(subject: Subject) -> FileMoved | None:
    """The database of SQLite that an option names, once something is in it; None for none."""
    subject.make_untaped().add(new_key(), None)
    for value in subject.options.values():
        if isinstance(value, (str, Path)) and (file := Path(value)).is_file():
            with file.open("rb") as opened:
                if opened.read(len(SQLITE)) == SQLITE:
                    return FileMoved(subject, file)
    return None


Way = Callable[[Subject], AbstractContextManager[Outage | None]]


@contextmanager
def outage(subject: Subject) -> Iterator[Outage]:
    """While entered, a store that can be taken from a backend; all is put back afterwards.

    Raises NotApplicable if there is no way to do so.
    """
    ways: tuple[Way, ...] = (_by_options, _by_databases, _by_caches, _by_its_author)
    for way in ways:
        with way(subject) as found:
            if found is not None:
                yield found
                return
    raise NotApplicable(
        "the suite knows no way to take this store away: name options with which it cannot be "
        "reached: --unreachable-options '{...}'"
    )


@contextmanager
def _by_options(subject: Subject) -> Iterator[Outage | None]:
    """Servers that the options name, by URLs or by `host` and `port`."""
    options = dict(subject.options)
    with ExitStack() as stack:
        proxies = []
        for name, value in subject.options.items():
            if server := _server_in(value):
                proxies.append(stack.enter_context(Proxy(*server)))
                options[name] = _moved(value, proxies[-1].address)
        if isinstance(options.get("host"), str) and "port" in options:
            proxies.append(stack.enter_context(Proxy(options["host"], int(options["port"]))))
            host, port = proxies[-1].address
            options |= {"host": host, "port": type(options["port"])(port)}
        through = replace(subject, options=options)
        yield CutOrSilent(through, proxies) if _goes_through(proxies, through) else None


def _server_in(value: Any) -> tuple[str, int] | None:
    """The host and the port that a URL names, unless they are of one of many."""
    if not isinstance(value, str) or "://" not in value:
        return None
    if value.partition("://")[0].endswith(("+cluster", "+sentinel")):
        return None
    try:
        parts = urlsplit(value)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _moved(url: str, address: tuple[str, int]) -> str:
    """The same URL of another server."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    host, port = address
    return parts._replace(netloc=f"{user}{at}{host}:{port}").geturl()


def _goes_through(proxies: list[Proxy], subject: Subject) -> bool:
    """Whether the backend asks its store through a proxy, and is answered.

    An option may mean something else, or the server may not be talked to by another name.
    """
    if not proxies:
        return False
    try:
        subject.make_untaped().contains(new_key())
    except Exception:
        return False
    return any(proxy.connections for proxy in proxies)


@contextmanager
def _by_databases(subject: Subject) -> Iterator[Outage | None]:
    """The databases in DATABASES that the backend asks, whatever its options call them."""
    aliases = _databases_asked(subject)
    with ExitStack() as stack:
        if len(aliases) == 1 and (connection := connections[aliases[0]]).vendor == "sqlite":
            in_memory = connection.is_in_memory_db()  # type: ignore[attr-defined]
            yield None if in_memory else FileGone(subject, connection.alias)
            return
        servers = [_server_of(alias) for alias in aliases]
        proxies = [stack.enter_context(Proxy(*server)) for server in servers if server]
        if len(proxies) == len(aliases):
            for alias, proxy in zip(aliases, proxies, strict=True):
                stack.enter_context(_connecting_to(alias, proxy.address))
        yield Cut(subject, proxies) if _goes_through(proxies, subject) else None


def _databases_asked(subject: Subject) -> list[str]:
    """The aliases of the databases that `contains` asks."""
    asked: set[str] = set()

    def noting(alias: str) -> Callable[..., Any]:
        def note(execute: Callable[..., Any], *arguments: Any) -> Any:
            asked.add(alias)
            return execute(*arguments)

        return note

    with ExitStack() as stack:
        for alias in connections:
            stack.enter_context(connections[alias].execute_wrapper(noting(alias)))
        subject.make_untaped().contains(new_key())
    return sorted(asked)


def _server_of(alias: str) -> tuple[str, int] | None:
    """The host and the port of a database, unless it is a file or behind a Unix socket."""
    connection = connections[alias]
    host = connection.settings_dict.get("HOST")
    port = connection.settings_dict.get("PORT") or PORTS.get(connection.vendor)
    return (host, int(port)) if host and port and not host.startswith("/") else None


@contextmanager
def _connecting_to(alias: str, address: tuple[str, int]) -> Iterator[None]:
    """While entered, a database is looked for at another address, by all threads."""
    # One dict serves the connections of all threads.
    database = connections[alias].settings_dict
    before = {name: database[name] for name in ("HOST", "PORT")}
    _close(alias)
    database.update(HOST=address[0], PORT=str(address[1]))
    try:
        yield
    finally:
        _close(alias)
        database.update(before)


def _close(alias: str) -> None:
    close_connections()
    # PostgreSQL's may have a pool, which outlives them.
    if close_pool := getattr(connections[alias], "close_pool", None):
        close_pool()


@contextmanager
def _by_caches(subject: Subject) -> Iterator[Outage | None]:
    """The cache in CACHES that the backend asks, whatever its options call it."""
    for alias, config in settings.CACHES.items():
        if server := _server_at(config.get("LOCATION")):
            with Proxy(*server) as proxy, _cache_at(alias, proxy.address):
                if _goes_through([proxy], subject):
                    yield Cut(subject, [proxy])
                    return
    yield None


def _server_at(location: Any) -> tuple[str, int] | None:
    """The host and the port of the one server of a cache."""
    if isinstance(location, (list, tuple)) and len(location) == 1:
        [location] = location
    if not isinstance(location, str) or "://" in location:
        return _server_in(location)
    host, _, port = location.rpartition(":")
    return (host, int(port)) if host and port.isdigit() else None


@contextmanager
def _cache_at(alias: str, address: tuple[str, int]) -> Iterator[None]:
    """While entered, a cache is looked for at another address."""
    config = settings.CACHES[alias]
    location = config["LOCATION"]
    if not isinstance(location, str):
        [location] = location
    host, port = address
    moved = _moved(location, address) if "://" in location else f"{host}:{port}"
    with override_settings(CACHES={**settings.CACHES, alias: {**config, "LOCATION": moved}}):
        yield


@contextmanager
def _by_its_author(subject: Subject) -> Iterator[Outage | None]:
    """The options that the author has named for this."""
    yield None if subject.unreachable is None else Elsewhere(subject, subject.unreachable)
