"""The proxy, how stores are taken away with it, and whom BL-15 and HTTP-17 reject."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import override_settings
from django.utils.module_loading import import_string

from djwto import responses
from djwto.backends.redis import RedisBlacklist, Server
from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable
from djwto.signals import jwt_login_fail
from djwto.spec_tests import profile
from djwto.spec_tests.checks import faults
from djwto.spec_tests.outages import LOSING, REFUSING, SILENT, outage
from djwto.spec_tests.proxy import Proxy
from djwto.spec_tests.registry import CHECKS, Broken, NotApplicable
from djwto.spec_tests.rogues.honest import Honest
from djwto.spec_tests.subject import REDIS, Subject, new_key

HERE = "djwto.spec_tests.test_faults"
HOOKS = "djwto.spec_tests.core.hooks"
DATABASE = "djwto.backends.database.DatabaseBlacklist"
CACHE = "djwto.backends.cache.CacheBlacklist"
NOWHERE = "redis://127.0.0.1:1/0"

stored = pytest.mark.django_db(transaction=True)


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        # Whoever is cut off may be so in the middle.
        with suppress(ConnectionError):
            while data := self.request.recv(1000):
                self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy before a server that answers with what it is sent."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        with Proxy("127.0.0.1", server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=10)


def ask(client: socket.socket, said: bytes = b"hello") -> bytes:
    """What is answered until nothing more is, or b"reset"."""
    answer = b""
    try:
        client.sendall(said)
        while len(answer) < len(said) and (data := client.recv(1000)):
            answer += data
    except ConnectionError:
        return answer + b"reset"
    return answer


def test_a_proxy_forwards(proxy: Proxy) -> None:
    with connect(proxy) as one, connect(proxy) as another:
        assert ask(one) == ask(another) == b"hello"
        assert ask(one, b"x" * 1_000_000) == b"x" * 1_000_000
    assert proxy.connections == 2


def test_it_resets_and_refuses_until_it_is_mended(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello"
        for _ in range(2):
            proxy.cut()
            assert ask(client).endswith(b"reset")
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
    for _ in range(2):
        proxy.mend()
        with connect(proxy) as client:
            assert ask(client) == b"hello"


@pytest.mark.parametrize(("n_bytes", "answer"), [(0, b""), (1, b"h"), (4, b"hell"), (9, b"hell")])
def test_it_breaks_off_in_the_middle_of_each_answer(
    n_bytes: int, answer: bytes, proxy: Proxy
) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello"
        proxy.cut_after(n_bytes)
        assert ask(client) == answer
    with connect(proxy) as client:
        assert ask(client) == answer
        assert proxy.cuts == 2
    proxy.mend()
    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_it_breaks_off_one_answer_after_others(proxy: Proxy) -> None:
    proxy.cut_after(1, whole_answers=2, once=True)
    with connect(proxy) as client:
        assert [ask(client) for _ in range(3)] == [b"hello", b"hello", b"h"]
    with connect(proxy) as client:
        assert ask(client) == b"hello"
    assert proxy.cuts == 1


def test_it_says_nothing_until_it_is_mended(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.stall()
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask(client)
        with connect(proxy) as another:
            another.settimeout(0.2)
            with pytest.raises(TimeoutError):
                ask(another)
            proxy.mend()
            another.settimeout(10)
            assert ask(another) == b"reset"
    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_before_a_server_that_is_down_it_is_down() -> None:
    with Proxy("127.0.0.1", 1) as proxy:
        # Taken at first, as it is not known yet that there is no server.
        with suppress(ConnectionResetError), connect(proxy) as client:
            assert ask(client) in (b"", b"reset")
        assert proxy.connections == 0


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux tells what is open")
def test_it_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        before = open_files(), set(threading.enumerate())
        for misfortune in (Proxy.cut, Proxy.stall, Proxy.mend, lambda proxy: proxy.cut_after(0)):
            with Proxy("127.0.0.1", server.getsockname()[1]) as proxy, connect(proxy) as client:
                client.sendall(b"hello")
                server.accept()[0].close()
                misfortune(proxy)
        assert (open_files(), set(threading.enumerate())) == before


class Around(BlacklistBackend):
    """Breaks nothing: asks another backend, which `around` names."""

    supports_values = True

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        inner = {name: value for name, value in options.items() if name != "around"}
        self.inner: BlacklistBackend = import_string(options["around"])(self.changed(inner))

    def changed(self, options: dict[str, Any]) -> dict[str, Any]:
        return options

    def add(self, key: str, exp: int | None) -> bool:
        return self.inner.add(key, exp)

    def contains(self, key: str) -> bool:
        return self.inner.contains(key)

    def purge(self) -> int:
        return self.inner.purge()

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        return self.inner.get_many(keys)

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.inner.compare_and_set(key, old, new, exp)


class ContainsNothing(Around):
    """Fails open."""

    def contains(self, key: str) -> bool:
        try:
            return super().contains(key)
        except BlacklistUnavailable:
            return False


class ContainsAll(Around):
    """Fails shut, which is a guess as well."""

    def contains(self, key: str) -> bool:
        try:
            return super().contains(key)
        except BlacklistUnavailable:
            return True


class GetsNothing(Around):
    """Fails open where it is asked of many."""

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        try:
            return super().get_many(keys)
        except BlacklistUnavailable:
            return {}


class AddsAnyway(Around):
    """Takes what it could not ask for a success."""

    def add(self, key: str, exp: int | None) -> bool:
        try:
            return super().add(key, exp)
        except BlacklistUnavailable:
            return True


class ComparesAnyway(Around):
    """Takes what it could not ask for a failure."""

    def compare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        try:
            return super().compare_and_set(key, old, new, exp)
        except BlacklistUnavailable:
            return False


class OpenWhenAwaited(Around):
    """Fails open in one of the twins."""

    async def acontains(self, key: str) -> bool:
        try:
            return await super().acontains(key)
        except BlacklistUnavailable:
            return False


class Remembers(Around):
    """Answers what it saw last."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.seen: dict[str, bool] = {}

    def contains(self, key: str) -> bool:
        try:
            self.seen[key] = super().contains(key)
        except BlacklistUnavailable:
            if key not in self.seen:
                raise
        return self.seen[key]


def _root(error: BaseException) -> BaseException:
    """What the driver raised, of which Django made an exception of its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


class Leaks(Around):
    """Has the driver's exception out."""

    def contains(self, key: str) -> bool:
        try:
            return super().contains(key)
        except BlacklistUnavailable as error:
            raise _root(error) from None


class LeaksWhenPurged(Around):
    """Asks the store in `purge` and nowhere minds what that says."""

    def purge(self) -> int:
        try:
            super().contains(new_key())
        except BlacklistUnavailable as error:
            raise _root(error) from None
        return super().purge()


class NeverRecovers(Around):
    """Keeps a connection that has failed once."""

    failed = False

    def contains(self, key: str) -> bool:
        return key in self.get_many([key])

    def get_many(self, keys: Collection[str]) -> dict[str, str]:
        try:
            if self.failed:
                raise BlacklistUnavailable("The connection is closed.")
            return super().get_many(keys)
        except BlacklistUnavailable:
            self.failed = True
            raise


class ForgetsWhatWas(Around):
    """Takes a store that is back for an empty one."""

    failed = False

    def contains(self, key: str) -> bool:
        try:
            return super().contains(key) and not self.failed
        except BlacklistUnavailable:
            self.failed = True
            raise


class WritesLater(Around):
    """Makes up later for what it could not do, and has said so to nobody."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.missed: list[tuple[str, int | None]] = []

    def add(self, key: str, exp: int | None) -> bool:
        while self.missed:
            super().add(*self.missed[-1])
            self.missed.pop()
        try:
            return super().add(key, exp)
        except BlacklistUnavailable:
            self.missed.append((key, exp))
            raise


class CannotBeMade(Around):
    """Takes a store that is down for a mistake in the settings."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        try:
            self.contains(new_key())
        except BlacklistUnavailable as error:
            raise ImproperlyConfigured("The store is not there.") from error


class SaysSoWhenMade(Around):
    """Breaks nothing: it cannot be made without its store, and says why."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.contains(new_key())


class ByHostAndPort(Around):
    """Breaks nothing, and is told of its server otherwise."""

    def changed(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"url": f"redis://{options['host']}:{options['port']}/{options['db']}"}


class TriesAgain(RedisBlacklist):
    """Asks once more when it was not answered, and believes that it is asking first."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        super().__init__(options)
        self.client.set_retry(Retry(NoBackoff(), 1))


class OfTheProject(RedisBlacklist):
    """Breaks nothing: has a client that a function of the project has made, as redis-py does."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__({"client": f"{HOOKS}.fake_redis"})
        server = redis.Redis.from_url(options["url"]).get_connection_kwargs()
        where = {name: server[name] for name in ("host", "port", "db")}
        self.store = Server(redis.Redis(**where, socket_timeout=2), asks_once=False)


class WaitsForEver(RedisBlacklist):
    """Sets no time-out."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.client.connection_pool.connection_kwargs["socket_timeout"] = None


@pytest.fixture
def on_store(subjects: dict[str, Subject]) -> Callable[[type, str], Subject]:
    """A backend of this module around one that comes with djwto, on a store of this run."""

    def make(backend: type[BlacklistBackend], name: str) -> Subject:
        path, inner = f"{HERE}.{backend.__name__}", subjects[name]
        if not issubclass(backend, Around):
            return Subject(path, inner.options)
        return Subject(path, {"around": inner.backend, **inner.options})

    return make


@pytest.fixture
def quick() -> Iterator[None]:
    """A rejection is wanted here, or one look at each kind of outage."""
    with profile.use("quick"):
        yield


@stored
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["redis", "database"])
@pytest.mark.parametrize("backend", [Around, SaysSoWhenMade], ids=lambda b: b.__name__)
@pytest.mark.parametrize("clause_id", ["BL-15", "HTTP-17"])
def test_who_breaks_nothing_passes(
    clause_id: str, backend: type, name: str, on_store: Callable[[type, str], Subject]
) -> None:
    CHECKS[clause_id](on_store(backend, name))


ROGUES: dict[type[BlacklistBackend], str] = {
    ContainsNothing: r"contains\(.*saw the answer False",
    ContainsAll: r"contains\(.*saw the answer True",
    GetsNothing: r"get_many\(.*saw the answer {}",
    AddsAnyway: r"add\(.*expected BlacklistUnavailable, saw the answer True",
    ComparesAnyway: r"compare_and_set\(.*saw the answer False",
    OpenWhenAwaited: r"acontains\(.*saw the answer False",
    Remembers: r"contains\(.*saw the answer True",
    Leaks: r"contains\(.*expected BlacklistUnavailable, saw (redis|sqlite3|psycopg|MySQLdb)\.",
    LeaksWhenPurged: r"purge\(\) while .*saw (redis|sqlite3|psycopg|MySQLdb)\.",
    NeverRecovers: r"contains\(.*now that the store is back.*: expected True, saw .*Unavailable",
    ForgetsWhatWas: r"contains\(.*now that the store is back: expected True, saw the answer False",
    WritesLater: r"answered False: expected True, saw the answer False",
    CannotBeMade: "an instance made while .*saw django.core.exceptions.ImproperlyConfigured",
}
"""Who breaks BL-15 on any store, and what is said of them."""


@stored
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["redis", "database"])
@pytest.mark.parametrize("rogue", ROGUES, ids=lambda rogue: rogue.__name__)
def test_who_guesses_is_rejected(
    rogue: type[BlacklistBackend],
    name: str,
    on_store: Callable[[type, str], Subject],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults, "RECOVERY", 0.5 if rogue is NeverRecovers else 10)
    with pytest.raises(Broken, match=ROGUES[rogue]):
        CHECKS["BL-15"](on_store(rogue, name))


@stored
@pytest.mark.usefixtures("quick")
def test_who_asks_again_and_takes_it_for_the_first_time_is_rejected(
    on_store: Callable[[type, str], Subject],
) -> None:
    rejection = r"add\(.* answer 1 was lost: expected True or Blackl.*, saw the answer False"
    with pytest.raises(Broken, match=rejection):
        CHECKS["BL-15"](on_store(TriesAgain, "redis"))


@stored
@pytest.mark.parametrize("whole_answers", range(5))
def test_a_client_that_asks_again_is_not_taken_for_another(
    whole_answers: int, redis_url: str
) -> None:
    with outage(Subject(f"{HERE}.OfTheProject", {"url": redis_url})) as store:
        backend, key = store.subject.make_untaped(), new_key()
        assert backend.contains(key) is False
        with store.away(LOSING, 1, whole_answers), suppress(BlacklistUnavailable):
            assert backend.add(key, None) is True


@stored
@pytest.mark.usefixtures("quick")
def test_who_waits_for_ever_is_rejected(
    on_store: Callable[[type, str], Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "LONGEST", 3)
    with pytest.raises(Broken, match=r"add\(.*is silent: .*Late: nothing in 3 seconds"):
        CHECKS["BL-15"](on_store(WaitsForEver, "redis"))


@stored
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("rogue", "name", "rejection"),
    [
        (GetsNothing, "redis", r"POST /validate_access/ in JSON .*: expected 503, saw 200"),
        (AddsAnyway, "redis", r"POST .*/logout/ in JSON .*: expected 503, saw 200"),
        (NeverRecovers, "redis", r"now that the store is back: expected 200, saw 503"),
        (GetsNothing, "database", r"POST /validate_access/ in JSON .*: expected 503, saw 200"),
    ],
)
def test_an_endpoint_that_is_told_a_guess_is_noticed(
    rogue: type[BlacklistBackend],
    name: str,
    rejection: str,
    on_store: Callable[[type, str], Subject],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults, "RECOVERY", 0.5)
    with pytest.raises(Broken, match=rejection):
        CHECKS["HTTP-17"](on_store(rogue, name))


def _with_status_500(response: HttpResponse) -> None:
    response.status_code = 500


def _without_retry_after(response: HttpResponse) -> None:
    del response["Retry-After"]


def _with_a_token(response: HttpResponse) -> None:
    response.content = JsonResponse({"error": "", "access": "a.b.c"}).content


def _with_a_cookie(response: HttpResponse) -> None:
    response.delete_cookie("jwt_refresh")


def _with_a_signal(response: HttpResponse) -> None:
    jwt_login_fail.send("GetTokensView", request=None, error="")


@stored
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("change", "rejection"),
    [
        (_with_status_500, "status of POST /validate_access/ .*: expected 503, saw 500"),
        (_without_retry_after, "Retry-After of .*: expected seconds above 0, saw none"),
        (_with_a_token, r"keys of the JSON .*: expected \['error'\], saw \['access', 'error'\]"),
        (_with_a_cookie, r"cookies set by .*: expected \[\], saw \['jwt_refresh'\]"),
        (_with_a_signal, r"signals sent in JSON while .*: expected \[\], saw \['jwt_login_fail'"),
    ],
)
def test_a_core_that_does_more_than_to_answer_503_is_rejected(
    change: Callable[[HttpResponse], None],
    rejection: str,
    subjects: dict[str, Subject],
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def changed(request: HttpRequest, endpoint: str) -> HttpResponse:
        response = responses.unavailable(request, endpoint)
        change(response)
        return response

    monkeypatch.setattr("djwto.base_view.unavailable", changed)
    with pytest.raises(Broken, match=rejection):
        CHECKS["HTTP-17"](subjects["database"])


@stored
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("clause_id", ["BL-15", "HTTP-17"])
def test_a_cache_on_a_server_is_taken_away(clause_id: str, redis_url: str) -> None:
    server = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": [redis_url]}
    before = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    with override_settings(CACHES={**before, "sessions": server}):
        CHECKS[clause_id](Subject(CACHE, {"alias": "sessions", "key_prefix": new_key()}))


class HonestWithAUrl(Honest):
    """Breaks nothing, and is told of a server that it does not ask."""

    default_options: ClassVar[Mapping[str, Any]] = {"path": None, "url": ""}


@stored
@pytest.mark.parametrize("clause_id", ["BL-15", "HTTP-17"])
@pytest.mark.parametrize(
    "subject",
    [
        Subject(CACHE, {"alias": "default"}),
        Subject("djwto.spec_tests.rogues.honest.Honest"),
        # It is about something else.
        Subject(f"{__name__}.HonestWithAUrl", {"url": "redis://127.0.0.1:6379/0"}),
        Subject(REDIS, {"client": f"{HOOKS}.fake_redis"}),
    ],
)
def test_what_cannot_be_taken_away_is_not_judged(clause_id: str, subject: Subject) -> None:
    locmem = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    with override_settings(CACHES=locmem), pytest.raises(NotApplicable, match="--unreachable-opt"):
        CHECKS[clause_id](subject)


@stored
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("clause_id", ["BL-15", "HTTP-17"])
def test_options_that_are_out_of_reach_will_do(clause_id: str) -> None:
    here = {"around": REDIS, "client": f"{HOOKS}.fake_redis"}
    there = {"around": REDIS, "url": NOWHERE}
    CHECKS[clause_id](Subject(f"{HERE}.Around", here, there))
    with pytest.raises(Broken, match="while the store is out of reach: expected"):
        CHECKS[clause_id](Subject(f"{HERE}.GetsNothing", here, there))


class ConnectsWhenMade(Honest):
    """Breaks nothing: it needs its file from the beginning."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.contains(new_key())


class FindsNothingWithoutItsFile(ConnectsWhenMade):
    """Answers for a file that is not there as for one that is empty."""

    def contains(self, key: str) -> bool:
        with suppress(BlacklistUnavailable):
            return super().contains(key)
        return False


@stored
@pytest.mark.usefixtures("quick")
def test_a_file_is_moved_and_put_back(tmp_path: Path) -> None:
    options = {"path": str(tmp_path / "store.sqlite3")}
    right = Subject(f"{HERE}.ConnectsWhenMade", options)
    wrong = Subject(f"{HERE}.FindsNothingWithoutItsFile", options)
    backend = right.make_untaped()
    key = new_key()
    backend.add(key, None)
    for clause_id in ("BL-15", "BL-23"):
        CHECKS[clause_id](right)
    with pytest.raises(Broken, match="elsewhere: expected True or BlacklistUnavailable, saw"):
        CHECKS["BL-15"](wrong)
    assert backend.contains(key)
    assert not list(tmp_path.glob("*.away"))


@stored
@pytest.mark.usefixtures("quick")
def test_one_that_cannot_be_made_has_not_been_asked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    subject = Subject(f"{HERE}.ConnectsWhenMade", {}, {"path": str(tmp_path / "folder")})
    with pytest.raises(NotApplicable, match="have it connect when it is first asked"):
        CHECKS["BL-15"](subject)


@stored
def test_a_server_may_be_named_in_several_ways(redis_url: str) -> None:
    server = RedisBlacklist({"url": redis_url}).client.get_connection_kwargs()
    for subject in (
        Subject(REDIS, {"url": f"redis://{server['host']}:{server['port']}/{server['db']}"}),
        Subject(
            f"{HERE}.ByHostAndPort",
            {"around": REDIS, **{name: server[name] for name in ("host", "port", "db")}},
        ),
    ):
        with outage(subject) as store:
            backend = store.subject.make_untaped()
            assert backend.contains(new_key()) is False
            assert SILENT in store.kinds
            with store.away(REFUSING), pytest.raises(BlacklistUnavailable):
                backend.contains(new_key())
            assert backend.contains(new_key()) is False


def _fail_while_it_is_away(subject: Subject) -> None:
    with outage(subject) as store, store.away(REFUSING):
        store.subject.make_untaped().contains(new_key())


@stored
def test_a_database_is_put_back_as_it_was(subjects: dict[str, Subject]) -> None:
    before = dict(connection.settings_dict)
    with pytest.raises(BlacklistUnavailable):
        _fail_while_it_is_away(subjects["database"])
    assert connection.settings_dict == before
    assert subjects["database"].make().contains(new_key()) is False


def test_a_connection_that_was_closed_while_idle_is_replaced(redis_url: str) -> None:
    with outage(Subject(REDIS, {"url": redis_url})) as store:
        backend = store.subject.make_untaped()
        assert backend.contains(new_key()) is False
        with store.away(REFUSING):
            pass
        assert backend.add(new_key(), None) is True
