"""SIG-12: over any history of requests, exactly the signals that the history explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
)

from djwto.spec_tests import api
from djwto.spec_tests.profile import run_machine, search
from djwto.spec_tests.recorder import Recorder, Sent
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.stage import (
    PASSWORD,
    Account,
    expect_claims,
    expect_signal,
    expect_trace,
    new_account,
    playing,
    settings_drawn,
)
from djwto.spec_tests.subject import Subject


@dataclass(frozen=True, slots=True)
class Held:
    """A token that some client holds."""

    token: str
    is_refresh: bool
    jti: str
    account: Account


EXCHANGES = {
    api.REFRESH_ACCESS: ("refresh", "jwt_access_refreshed"),
    api.UPDATE_REFRESH: ("update", "jwt_refresh_updated"),
}
"""What is done, and the signal that announces it, where a token is exchanged for others."""

PEOPLE = ["alice", "Bob", "é漢"]
who = st.integers(0, len(PEOPLE) - 1)
garbage = st.sampled_from(["x", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", "é", "0" * 300])


class SessionsMachine(RuleBasedStateMachine):
    """Clients that do as they please, and a model of who may still do what."""

    subject: Subject
    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.stage: Any = None
        self.ended: set[str] = set()
        self.departed: set[str] = set()
        self.held: list[Held] = []

    @initialize(target=tokens, settings=settings_drawn, permissions=st.integers(0, 3))
    def start(self, settings: dict[str, Any], permissions: int) -> Any:
        self.stage = playing(self.subject, **settings)
        self.stage.__enter__()
        self.recorder = Recorder().__enter__()
        self.accounts = [new_account(name, permissions) for name in PEOPLE]
        # A history is about sessions: each begins with some.
        return multiple(*self._log_in(self.accounts[0]), *self._log_in(self.accounts[1]))

    def teardown(self) -> None:
        if self.stage is not None:
            self.recorder.__exit__(None, None, None)
            self.stage.__exit__(None, None, None)

    @rule(target=tokens, who=who)
    def log_in(self, who: int) -> Any:
        return multiple(*self._log_in(self.accounts[who]))

    @rule(who=who, password=st.sampled_from(["", "wrong", PASSWORD + " "]))
    def log_in_wrongly(self, who: int, password: str) -> None:
        answer = api.log_in(self.accounts[who].username, password)
        self._refused("log in wrongly", answer, api.LOGIN, "jwt_login_fail")

    @rule(held=tokens)
    def validate(self, held: Held) -> None:
        self._validate(held)

    @rule(held=tokens)
    def validate_as_the_other_kind(self, held: Held) -> None:
        path = api.VALIDATE_ACCESS if held.is_refresh else api.VALIDATE_REFRESH
        answer = api.send(path, held.token, as_refresh=not held.is_refresh)
        self._refused("validate as the other kind", answer, path)

    @rule(target=tokens, held=tokens)
    def refresh(self, held: Held) -> Any:
        return multiple(*self._exchange(api.REFRESH_ACCESS, held))

    @rule(target=tokens, held=tokens)
    def update(self, held: Held) -> Any:
        return multiple(*self._exchange(api.UPDATE_REFRESH, held))

    @rule(held=tokens, method=st.sampled_from(["post", "delete"]))
    def log_out(self, held: Held, method: str) -> None:
        answer = api.send(api.LOGOUT, held.token, method=method)
        if not held.is_refresh and method == "post":
            self._refused("log out", answer, api.LOGOUT)
            return
        expect("status of log out", answer.status, 200)
        if held.is_refresh and held.jti not in self.ended:
            self.ended.add(held.jti)
            sent = self._sent("log out", api.LOGOUT, "jwt_blacklisted")
            expect("jti of jwt_blacklisted", sent.kwargs["jti"], held.jti)
        else:
            expect_trace("log out, with no session to end", self.recorder.take())

    @precondition(lambda self: self._dead())
    @rule(data=st.data(), path=st.sampled_from([None, *EXCHANGES]))
    def replay(self, data: Any, path: str | None) -> None:
        """A token of a session that has ended, or of a user who has left."""
        held = data.draw(st.sampled_from(self._dead()), label="held")
        if path is None:
            self._validate(held)
        else:
            expect(f"tokens issued for {held}", self._exchange(path, held), [])

    @rule(text=garbage, path=st.sampled_from([api.VALIDATE_REFRESH, *EXCHANGES]))
    def send_garbage(self, text: str, path: str) -> None:
        self._refused(f"send {text!r}", api.send(path, text), path)

    @rule()
    def purge(self) -> None:
        self.subject.make().purge()

    @rule(who=who, deleted=st.booleans())
    def depart(self, who: int, deleted: bool) -> None:
        account = self.accounts[who]
        found = type(account.user)._default_manager.filter(pk=account.primary_key)
        if deleted:
            found.delete()
        else:
            found.update(is_active=False)
        self.departed.add(account.username)

    def _log_in(self, account: Account) -> list[Held]:
        answer = api.log_in(account.username, PASSWORD)
        if account.username in self.departed:
            self._refused("log in", answer, api.LOGIN, "jwt_login_fail")
            return []
        return self._issued("log in", answer, api.LOGIN, "jwt_logged_in", account)

    def _validate(self, held: Held) -> None:
        path = api.VALIDATE_REFRESH if held.is_refresh else api.VALIDATE_ACCESS
        answer = api.send(path, held.token, as_refresh=held.is_refresh)
        if held.jti in self.ended:
            self._refused("validate", answer, path)
        else:
            expect(f"status of {path}", answer.status, 200)
            self._sent("validate", path, "jwt_token_validated")

    def _exchange(self, path: str, held: Held) -> list[Held]:
        done, name = EXCHANGES[path]
        answer = api.send(path, held.token)
        if self._is_dead(held) or not held.is_refresh:
            self._refused(done, answer, path)
            return []
        for field in ("refresh", "access"):
            token = getattr(answer, field) or ""
            expect(f"jti of the {field} token answered", api.claims_of(token)["jti"], held.jti)
        return self._issued(done, answer, path, name, held.account)

    def _is_dead(self, held: Held) -> bool:
        return held.jti in self.ended or held.account.username in self.departed

    def _dead(self) -> list[Held]:
        return [held for held in self.held if self._is_dead(held)]

    def _issued(
        self, done: str, answer: api.Answer, path: str, name: str, account: Account
    ) -> list[Held]:
        expect(f"status of {done}", answer.status, 200)
        expect_claims(done, self._sent(done, path, name), answer)
        refresh, access = answer.refresh or "", answer.access or ""
        jti = api.claims_of(refresh)["jti"]
        expect(f"jti of the access token of {done}", api.claims_of(access)["jti"], jti)
        issued = [Held(refresh, True, jti, account), Held(access, False, jti, account)]
        self.held += issued
        return issued

    def _sent(self, done: str, path: str, name: str) -> Sent:
        sent = self.recorder.take()
        expect_trace(done, sent, name)
        expect_signal(done, sent[0], path)
        return sent[0]

    def _refused(self, done: str, answer: api.Answer, path: str, *names: str) -> None:
        expect(f"status of {done}", answer.status, 401)
        expect(f"tokens answered to {done}", [answer.refresh, answer.access], [None, None])
        sent = self.recorder.take()
        expect_trace(done, sent, *names)
        for one in sent:
            expect_signal(done, one, path)
            expect(f"error of {one.name}", one.kwargs["error"], answer.body["error"])


@clause("SIG-12")
def any_history_explains_its_signals(subject: Subject) -> None:
    run_machine(SessionsMachine, subject, search(examples=100, steps=30))
