"""BL-15, BL-23 and HTTP-17: what is answered while the store is away, and when it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, Queue, SimpleQueue
from types import TracebackType
from typing import Any

from asgiref.sync import async_to_sync
from django.core.checks import CheckMessage

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import STORE_FAILURES
from djwto.spec_tests import api, profile
from djwto.spec_tests.outages import (
    FILE_AWAY,
    LOSING,
    OUT_OF_REACH,
    REFUSING,
    SILENT,
    Outage,
    file_of,
    outage,
)
from djwto.spec_tests.recorder import Recorder
from djwto.spec_tests.registry import Broken, NotApplicable, clause, expect
from djwto.spec_tests.stage import (
    HOUR,
    PASSWORD,
    Account,
    Way,
    logged_in,
    new_account,
    playing,
    ways,
)
from djwto.spec_tests.subject import Subject, close_connections, new_key

LONGEST = 10.0
"""Seconds that a call may take while the store is away."""

RECOVERY = 10.0
"""Seconds after which a store that is back has to be used again."""

CUTS = (1, 0, 20)
"""Bytes of an answer that get through: some, none, and about half of a database's."""

MOST_ANSWERS = 12
"""Answers to the requests of one call, each of which is lost in turn."""

ROUNDS = 3
SECONDS = 1.5
"""Rounds, and seconds on a slow store, in which a store is taken away in one of the ways."""


class Late(Exception):
    """A call that has not come to an end in time."""


Said = Any
"""What a call answered, or the exception that it raised."""


class Caller:
    """While entered, a thread that makes calls, so that one that hangs can be given up."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], Queue[Said]] | None]
        self._calls = SimpleQueue()
        self._thread = threading.Thread(target=self._make_calls, daemon=True)
        self._hangs = False

    def __enter__(self) -> Caller:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._calls.put(None)
        if not self._hangs:
            self._thread.join()

    def begin(self, call: Callable[[], Any]) -> Callable[[], Said]:
        """Begins a call; returns what waits for its end."""
        # Not a SimpleQueue, see `races.Caller`.
        said: Queue[Said] = Queue()
        begun = time.monotonic()
        self._calls.put((call, said))

        def wait() -> Said:
            try:
                return said.get(timeout=max(0.0, begun + LONGEST - time.monotonic()))
            except Empty:
                self._hangs = True
                return Late(f"nothing in {LONGEST:g} seconds")

        return wait

    def ask(self, call: Callable[[], Any]) -> Said:
        """Makes a call and waits for its end."""
        return self.begin(call)()

    def _make_calls(self) -> None:
        while (given := self._calls.get()) is not None:
            call, said = given
            try:
                said.put(call())
            except Exception as error:
                said.put(error)
        close_connections()


def at_once(calls: Iterable[Callable[[], Any]]) -> list[Said]:
    """What calls answered or raised, each in a thread of its own."""
    with ExitStack() as stack:
        waiting = [stack.enter_context(Caller()).begin(call) for call in calls]
        return [wait() for wait in waiting]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a backend, and its one right answer; None for any int."""

    method: str
    arguments: tuple[Any, ...]
    answer: Any
    asks: bool = True
    """Does it ask the store? `purge` does not where the store expires its entries by itself."""

    def __str__(self) -> str:
        return f"{self.method}({', '.join(map(repr, self.arguments))})"

    def on(self, backend: BlacklistBackend) -> Callable[[], Any]:
        """The call, still to be made."""
        method = getattr(backend, self.method)
        if self.method.startswith(("aadd", "aco", "apu", "age")):
            method = async_to_sync(method)
        return partial(method, *self.arguments)

    def expect_no_answer(self, kind: str, said: Said) -> None:
        """Raises Broken unless the call said that the store is unavailable."""
        if isinstance(said, STORE_FAILURES):
            return
        if not self.asks and type(said) is int:
            return
        _reject(f"{self} while the store {kind}", "BlacklistUnavailable", said)

    def expect_no_guess(self, done: str, said: Said) -> None:
        """Raises Broken unless the call said that, or what is right."""
        right = type(said) is int if self.answer is None else _same(said, self.answer)
        if not right and not isinstance(said, STORE_FAILURES):
            answer = "an int" if self.answer is None else repr(self.answer)
            _reject(f"{self} {done}", f"{answer} or BlacklistUnavailable", said)


def _same(seen: Any, wanted: Any) -> bool:
    return type(seen) is type(wanted) and bool(seen == wanted)


def _reject(done: str, wanted: str, said: Said) -> None:
    if isinstance(said, Exception):
        seen = f"{type(said).__module__}.{type(said).__qualname__}: {said}".splitlines()[0]
    else:
        seen = f"the answer {said!r}"
    raise Broken(f"{done}: expected {wanted}, saw {seen}")


@clause("BL-15")
def a_store_that_cannot_answer_says_so(subject: Subject) -> None:
    _take_away(subject, _ask_while_it_is_away)


def _take_away(subject: Subject, ask: Callable[[Outage, Caller], None]) -> None:
    """Has a store asked whose file can be moved, and one that can be taken away as a whole.

    Raises NotApplicable if there is no way to do either.
    """
    if (moved := file_of(subject)) is not None:
        with Caller() as caller:
            ask(moved, caller)
    # Where that has said something, there may be nothing that says more.
    unless_asked = suppress(NotApplicable) if moved is not None else nullcontext()
    with unless_asked, outage(subject) as store, Caller() as caller:
        ask(store, caller)


def _ask_while_it_is_away(store: Outage, caller: Caller) -> None:
    for kind in store.kinds:
        if kind == LOSING:
            _lose_each_answer(store, caller)
        elif kind == FILE_AWAY:
            _ask_without_its_file(store, caller)
        else:
            _ask_all_at_once(store, kind, caller)
            if kind not in (SILENT, OUT_OF_REACH):
                _ask_one_by_one(store, kind, caller)


def _ask_without_its_file(store: Outage, caller: Caller) -> None:
    """The file is moved for each call. One that holds it open may be right all the same."""
    old = _made_before(store, caller)
    known, calls = _prepared(old, caller)
    for call in calls:
        with store.away(FILE_AWAY):
            said = caller.ask(call.on(old))
        call.expect_no_guess(f"while the store {FILE_AWAY}", said)
        _expect_back(caller, old, known)
    _expect_consistent(caller, old, calls, FILE_AWAY)


def _made_before(store: Outage, caller: Caller) -> BlacklistBackend:
    """An instance made while the store is there."""
    made = caller.ask(store.subject.make_untaped)
    if not isinstance(made, BlacklistBackend):
        _reject("an instance made while the store is there", "one", made)
    return made  # type: ignore[no-any-return]


def _ask_one_by_one(store: Outage, kind: str, caller: Caller) -> None:
    """The store is taken away for each call, which finds connections that were made before."""
    deadline = time.monotonic() + profile.seconds(SECONDS)
    old = _made_before(store, caller)
    for number in range(profile.times(ROUNDS)):
        known, calls = _prepared(old, caller)
        for at, call in enumerate(calls):
            with store.away(kind, CUTS[(number + at) % len(CUTS)]):
                if store.outlived:
                    caller.ask(close_connections)
                said = caller.ask(call.on(old))
            call.expect_no_answer(kind, said)
            _expect_back(caller, old, known)
            if time.monotonic() > deadline:
                break
        _expect_consistent(caller, old, calls, kind)
        if time.monotonic() > deadline:
            return


def _lose_each_answer(store: Outage, caller: Caller) -> None:
    """Of each call each answer of the store is lost in turn; what is asked next is answered."""
    deadline = time.monotonic() + profile.seconds(SECONDS)
    old = _made_before(store, caller)
    untouched: set[int] = set()
    for number in range(MOST_ANSWERS):
        known, calls = _prepared(old, caller)
        for at, call in enumerate(calls):
            if at in untouched:
                continue
            before = store.cuts
            with store.away(LOSING, CUTS[(number + at) % len(CUTS)], whole_answers=number):
                said = caller.ask(call.on(old))
            call.expect_no_guess(f"of which the store's answer {number + 1} was lost", said)
            _expect_back(caller, old, known)
            if store.cuts == before:
                untouched.add(at)
            if time.monotonic() > deadline:
                break
        _expect_consistent(caller, old, calls, LOSING)
        if len(untouched) == len(calls) or time.monotonic() > deadline:
            return


def _ask_all_at_once(store: Outage, kind: str, caller: Caller) -> None:
    """A call may take its time to give up, so each has an instance of its own to wait with.

    Half of them were made before, half are made while the store is away.
    """
    known, calls = _prepared(_made_before(store, caller), caller)
    olds = [_made_before(store, caller) for _ in calls] if store.ends else []
    for old in olds:
        _expect_said(caller, f"contains({known!r})", partial(old.contains, known), True)
    with store.away(kind, CUTS[0]):
        attempts = at_once(store.during.make_untaped for _ in calls)
        new = [made for made in attempts if _is_made(kind, made)]
        if not (olds or new):
            raise NotApplicable(
                "with --unreachable-options the backend cannot be made, so that nothing can be "
                "asked of it: have it connect when it is first asked"
            )
        pairs = [*zip(calls, olds, strict=False), *zip(calls, new, strict=False)]
        all_said = at_once(call.on(backend) for call, backend in pairs)
    for (call, _), said in zip(pairs, all_said, strict=True):
        call.expect_no_answer(kind, said)
    if store.ends:
        for backend in (*olds, *new):
            _expect_back(caller, backend, known)
        _expect_consistent(caller, olds[0], calls, kind)


def _is_made(kind: str, made: Said) -> bool:
    """Whether this is an instance; one may say, while the store is away, that it cannot be."""
    if isinstance(made, STORE_FAILURES):
        return False
    if not isinstance(made, BlacklistBackend):
        wanted = "one, or BlacklistUnavailable"
        _reject(f"an instance made while the store {kind}", wanted, made)
    return True


def _prepared(backend: BlacklistBackend, caller: Caller) -> tuple[str, list[Call]]:
    """A key that was added and read, and calls of every method, which write other keys."""
    known, also = new_key(), new_key()
    for key in (known, also):
        _expect_said(caller, f"add({key!r}, None)", partial(backend.add, key, None), True)
        # What an instance has read is nothing to answer with while the store is away.
        done = f"get_many([{key!r}])"
        _expect_said(caller, done, partial(backend.get_many, [key]), {key: ""})
    caller.ask(partial(backend.add, new_key(), int(time.time()) - HOUR))
    purges = caller.ask(backend.purge) != 0
    calls = []
    for a in ("", "a"):
        absent, changed = new_key(), new_key()
        calls += [
            Call(f"{a}add", (new_key(), None), True),
            Call(f"{a}contains", (known,), True),
            Call(f"{a}compare_and_set", (new_key(), None, "", None), True),
            Call(f"{a}get_many", ([known, absent, also],), {known: "", also: ""}),
            Call(f"{a}contains", (absent,), False),
            Call(f"{a}purge", (), None, asks=purges),
        ]
        if backend.supports_values:
            done = f"compare_and_set({changed!r}, None, 'a', None)"
            set_ = partial(backend.compare_and_set, changed, None, "a", None)
            _expect_said(caller, done, set_, True)
            calls.append(Call(f"{a}compare_and_set", (changed, "a", "b", None), True))
    return known, calls


def _expect_said(caller: Caller, done: str, call: Callable[[], Any], wanted: Any) -> None:
    said = caller.ask(call)
    if not _same(said, wanted):
        _reject(done, repr(wanted), said)


def _expect_back(caller: Caller, backend: BlacklistBackend, known: str) -> None:
    """Raises Broken unless the same instance soon knows again what was added before."""
    done = f"contains({known!r}), added before, now that the store is back"
    deadline = time.monotonic() + RECOVERY
    while isinstance(said := caller.ask(partial(backend.contains, known)), STORE_FAILURES):
        if time.monotonic() > deadline:
            _reject(f"{done} for {RECOVERY:g} seconds", "True", said)
        time.sleep(0.02)
    if not _same(said, True):
        _reject(done, "True", said)


def _expect_consistent(
    caller: Caller, backend: BlacklistBackend, calls: list[Call], kind: str
) -> None:
    """Raises Broken unless what was tried to be written is there, or is not."""
    for call in calls:
        if call.method.endswith("add") or call.arguments[1:2] == (None,):
            _expect_first_or_second(caller, backend, call.arguments[0])
        elif call.method.endswith("compare_and_set"):
            _expect_old_or_new(caller, backend, call.arguments[0], kind)


@clause("BL-23")
def checks_do_not_look_at_the_store(subject: Subject) -> None:
    _checked(subject.make_untaped().check)
    _take_away(subject, _expect_the_same_checks)


def _expect_the_same_checks(store: Outage, caller: Caller) -> None:
    made = _made_before(store, caller)
    told = _checked(partial(caller.ask, made.check))
    for kind in store.kinds:
        with store.away(kind):
            away = f" while the store {kind}"
            expect(f"check(){away}", _checked(partial(caller.ask, made.check), away), told)
            new = caller.ask(store.during.make_untaped)
            # What its other options are checked for is for their author to say.
            if isinstance(new, BlacklistBackend):
                said = _checked(partial(caller.ask, new.check), away)
                if store.ends:
                    expect(f"check(){away}", said, told)


def _checked(check: Callable[[], Said], when: str = "") -> list[str]:
    """The messages of a backend's checks. Raises Broken if that is not what they are."""
    said = check()
    if not isinstance(said, list) or not all(isinstance(one, CheckMessage) for one in said):
        _reject(f"check(){when}", "a list of Django's check messages", said)
    return list(map(str, said))


BACK = "now that the store is back"


def _expect_first_or_second(caller: Caller, backend: BlacklistBackend, key: str) -> None:
    there = caller.ask(partial(backend.contains, key))
    if type(there) is not bool:
        _reject(f"contains({key!r}) {BACK}", "True or False", there)
    done = f"add({key!r}, None) {BACK}, after contains() of it answered {there}"
    _expect_said(caller, done, partial(backend.add, key, None), not there)
    done = f"contains({key!r}) after that"
    _expect_said(caller, done, partial(backend.contains, key), True)


def _expect_old_or_new(caller: Caller, backend: BlacklistBackend, key: str, kind: str) -> None:
    value = caller.ask(partial(backend.get_many, [key]))
    if value not in ({key: "a"}, {key: "b"}):
        _reject(f"get_many([{key!r}]) {BACK}", "its value 'a' or 'b'", value)
    # Else the key may be locked, by a lock that was taken without an answer, until that expires.
    if kind == REFUSING:
        change = partial(backend.compare_and_set, key, value[key], "c", None)
        done = f"compare_and_set({key!r}, {value[key]!r}, 'c', None) {BACK}"
        _expect_said(caller, done, change, True)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A request that cannot be answered without the store."""

    path: str
    signal: str
    """What it sends once the store is back."""
    method: str = "post"

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


ENDPOINTS = (
    Endpoint(api.VALIDATE_ACCESS, "jwt_token_validated"),
    Endpoint(api.VALIDATE_REFRESH, "jwt_token_validated"),
    Endpoint(api.REFRESH_ACCESS, "jwt_access_refreshed"),
    Endpoint(api.UPDATE_REFRESH, "jwt_refresh_updated"),
    Endpoint(api.LOGOUT, "jwt_blacklisted"),
    Endpoint(api.LOGOUT, "jwt_blacklisted", "delete"),
)

ENDPOINTS_OF_VALUES = (
    Endpoint(api.LOGIN, "jwt_logged_in"),
    Endpoint(api.LOGOUT_ALL, "jwt_sessions_revoked"),
)
"""Those for which the store has to keep values."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request, by a user who logged in before and has nothing to do with the others."""

    endpoint: Endpoint
    account: Account
    tokens: api.Answer

    def make(self) -> api.Answer:
        """Makes the request."""
        path, method = self.endpoint.path, self.endpoint.method
        if path == api.LOGIN:
            return api.log_in(self.account.username, PASSWORD)
        return api.send(path, self.tokens.token_for(path), method=method)


@clause("HTTP-17")
def without_its_store_an_endpoint_does_nothing(subject: Subject) -> None:
    with outage(subject) as store:
        kinds = [kind for kind in store.kinds if kind not in (LOSING, SILENT)]
        # Each way, and with some effort each with each kind.
        used = ways()
        rounds = min(profile.times(len(used), fewest=len(used)), len(used) * len(kinds))
        for number in range(rounds):
            way, kind = used[number % len(used)], kinds[number % len(kinds)]
            with playing(store.subject, **way.settings, DJWTO_REUSE_GRACE=HOUR):
                _visit(store, kind, way)


def _visit(store: Outage, kind: str, way: Way) -> None:
    values = store.subject.make_untaped().supports_values
    visits = []
    for endpoint in ENDPOINTS + (ENDPOINTS_OF_VALUES if values else ()):
        account = new_account()
        visits.append(Visit(endpoint, account, logged_in(account)))
    elsewhere = nullcontext() if store.during is store.subject else playing(store.during)
    with store.away(kind, CUTS[0]), elsewhere, Recorder() as recorder:
        answers = at_once(visit.make for visit in visits)
    for visit, answer in zip(visits, answers, strict=True):
        _expect_refused(f"{visit.endpoint} in {way} while the store {kind}", answer)
    sent = [one.name for one in recorder.sent]
    expect(f"signals sent in {way} while the store {kind}", sent, [])
    # As Django does between two requests.
    close_connections()
    for visit in visits:
        _expect_done(visit, f"{visit.endpoint} in {way} now that the store is back", kind)


def _expect_refused(done: str, answer: Said) -> None:
    """Raises Broken unless this is a 503 that changes nothing."""
    if not isinstance(answer, api.Answer):
        _reject(done, "503", answer)
    expect(f"status of {done}", answer.status, 503)
    expect(f"keys of the JSON answered to {done}", sorted(answer.body), ["error"])
    seconds = answer.headers.get("Retry-After", "none")
    if not seconds.isdigit() or not int(seconds):
        raise Broken(f"Retry-After of {done}: expected seconds above 0, saw {seconds}")
    expect(f"cookies set by {done}", sorted(answer.cookies), [])


def _expect_done(visit: Visit, done: str, kind: str) -> None:
    """Raises Broken unless the same request soon does what it is for."""
    deadline = time.monotonic() + RECOVERY
    while True:
        with Recorder() as recorder:
            answer = visit.make()
        if answer.status != 503 or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    expect(f"status of {done}", answer.status, 200)
    endpoint = visit.endpoint
    sent = [one.name for one in recorder.sent]
    # A session may have ended for good by an answer that was lost, of which nobody is told.
    if sent or endpoint.path != api.LOGOUT or kind in (REFUSING, OUT_OF_REACH):
        expect(f"signals sent by {done}", sent, [endpoint.signal])
    if endpoint.path in (api.LOGOUT, api.LOGOUT_ALL):
        after = api.send(api.REFRESH_ACCESS, visit.tokens.refresh).status
        expect(f"status of refreshing after {done}", after, 401)
