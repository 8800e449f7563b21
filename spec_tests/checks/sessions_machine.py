"""SIG-12: over any history of requests, exactly the signals that the history explains."""

from __future__ import annotations

from dataclasses import dataclass, field
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

from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.checks.rotations import at_once
from djwto.spec_tests.profile import run_machine, search
from djwto.spec_tests.recorder import Recorder, Sent
from djwto.spec_tests.registry import Broken, clause, expect
from djwto.spec_tests.stage import (
    PASSWORD,
    Account,
    Way,
    expect_claims,
    expect_signal,
    expect_trace,
    new_account,
    playing,
    settings_drawn,
    ways,
)
from djwto.spec_tests.subject import Subject


@dataclass(eq=False, slots=True)
class Session:
    """What the model knows of a session."""

    jti: str
    account: Account
    blacklisted: bool = False
    cut_off: bool = False
    stale: bool = False
    """Was the password changed behind Django's back, so that only an exchange notices?"""
    generations: list[dict[str, Any]] = field(default_factory=list)
    """The claims of the refresh tokens issued, in order; the last is the one in force."""

    @property
    def ended(self) -> bool:
        return self.blacklisted or self.cut_off


@dataclass(frozen=True, slots=True)
class Held:
    """A token that some client holds."""

    token: str = field(repr=False)
    is_refresh: bool
    jti: str
    session: Session = field(repr=False)
    generation: int = 0


EXCHANGES = {
    api.REFRESH_ACCESS: ("refresh", "jwt_access_refreshed"),
    api.UPDATE_REFRESH: ("update", "jwt_refresh_updated"),
}
"""What is done, and the signal that announces it, where a token is exchanged for others."""

PEOPLE = ["alice", "Bob", "é漢"]
THREADS = 3
who = st.integers(0, len(PEOPLE) - 1)
garbage = st.sampled_from(["x", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", "é", "0" * 300])


class SessionsMachine(RuleBasedStateMachine):
    """Clients that do as they please, and a model of who may still do what."""

    subject: Subject
    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.stage: Any = None
        self.departed: set[str] = set()
        self.sessions: dict[str, Session] = {}
        self.held: list[Held] = []

    @initialize(target=tokens, settings=settings_drawn, permissions=st.integers(0, 3))
    def start(self, settings: dict[str, Any], permissions: int) -> Any:
        self.stage = playing(self.subject, **settings)
        self.stage.__enter__()
        self.recorder = Recorder().__enter__()
        self.accounts = [new_account(name, permissions) for name in PEOPLE]
        self.passwords = dict.fromkeys((one.username for one in self.accounts), PASSWORD)
        self.has_values = self.subject.make().supports_values
        self.rotates = settings["DJWTO_ROTATE_REFRESH"]
        self.rotates_on_access = self.rotates and settings["DJWTO_ROTATE_ON_ACCESS"]
        self.has_grace = self.has_values and settings["DJWTO_REUSE_GRACE"] > 0
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

    @precondition(lambda self: self.rotates and self._in_force())
    @rule(target=tokens, data=st.data())
    def update_at_once(self, data: Any) -> Any:
        """Clients that present one token, which is good, at the same time."""
        held = data.draw(st.sampled_from(self._in_force()), label="held")
        done = f"one of {THREADS} updates at once"
        answers = at_once(THREADS, lambda: api.send(api.UPDATE_REFRESH, held.token))
        for answer in answers:
            if isinstance(answer, Exception):
                raise Broken(f"{done}: it raised {answer!r}")
        winners = THREADS if self.has_grace else 1
        statuses = sorted(answer.status for answer in answers)
        expect(f"statuses of {done}", statuses, [200] * winners + [401] * (THREADS - winners))
        sent = sorted(one.name for one in self.recorder.take())
        reuse = [] if self.has_grace else ["jwt_reuse_detected"]
        expect(f"signals of {done}", sent, ["jwt_refresh_updated"] * winners + reuse)
        held.session.blacklisted = not self.has_grace
        held.session.generations.append(self._claims_of_all(done, answers))
        return multiple(*self._keep(held.session, next(a for a in answers if a.refresh)))

    @precondition(lambda self: self.rotates and self._exchanged())
    @rule(target=tokens, data=st.data(), path=st.sampled_from(list(EXCHANGES)))
    def exchange_again(self, data: Any, path: str) -> Any:
        """A refresh token that was exchanged before, of a session that goes on."""
        held = data.draw(st.sampled_from(self._exchanged()), label="held")
        return multiple(*self._exchange(path, held))

    @rule(held=tokens, method=st.sampled_from(["post", "delete"]))
    def log_out(self, held: Held, method: str) -> None:
        answer = api.send(api.LOGOUT, held.token, method=method)
        if not held.is_refresh and method == "post":
            self._refused("log out", answer, api.LOGOUT)
            return
        expect("status of log out", answer.status, 200)
        # A session that is cut off can be logged out still.
        if held.is_refresh and not held.session.blacklisted:
            held.session.blacklisted = True
            sent = self._sent("log out", api.LOGOUT, "jwt_blacklisted")
            expect("jti of jwt_blacklisted", sent.kwargs["jti"], held.session.jti)
        else:
            expect_trace("log out, with no session to end", self.recorder.take())

    @rule(held=tokens, keep=st.booleans())
    def log_out_everywhere(self, held: Held, keep: bool) -> None:
        done = "log out everywhere"
        answer = api.send(api.LOGOUT_ALL, held.token, data={"keep_current": str(keep)})
        if self._refuses(done, held, answer, api.LOGOUT_ALL):
            return
        if not self.has_values:
            expect(f"status of {done}", answer.status, 501)
            expect_trace(done, self.recorder.take())
            return
        expect(f"status of {done}", answer.status, 200)
        self._sent(done, api.LOGOUT_ALL, "jwt_sessions_revoked")
        self._cut_off(held.session.account, held.session if keep else None)

    @precondition(lambda self: self.has_values)
    @rule(held=tokens, spare=st.booleans())
    def revoke_all(self, held: Held, spare: bool) -> None:
        spared = held.session if spare else None
        revoke_all(held.session.account.user, except_jti=spared.jti if spared else None)
        expect_trace("revoke_all", self.recorder.take(), "jwt_sessions_revoked")
        self._cut_off(held.session.account, spared)

    @rule(who=who, saved=st.booleans(), number=st.integers(0, 9))
    def change_password(self, who: int, saved: bool, number: int) -> None:
        account = self.accounts[who]
        found = type(account.user)._default_manager.filter(pk=account.primary_key)
        if not found.exists():
            return
        user, password = found.get(), f"password {number}"
        user.set_password(password)
        self.passwords[account.username] = password
        if saved:
            user.save()
        else:
            found.update(password=user.password)
        for session in self.sessions.values():
            session.stale |= session.account is account
        self._cut_off_by_django("a new password", account, saved)

    @precondition(lambda self: self._dead())
    @rule(data=st.data(), path=st.sampled_from([None, *EXCHANGES]))
    def replay(self, data: Any, path: str | None) -> None:
        """A token of a session that has ended, or of a user who has left."""
        held = data.draw(st.sampled_from(self._dead()), label="held")
        if path is None:
            self._validate(held)
        else:
            expect(f"tokens issued for {held}", self._exchange(path, held), [])

    @precondition(lambda self: self._left())
    @rule(data=st.data(), path=st.sampled_from(list(EXCHANGES)))
    def exchange_after_leaving(self, data: Any, path: str) -> None:
        """A token that nothing is wrong with but its user, who left behind Django's back."""
        held = data.draw(st.sampled_from(self._left()), label="held")
        expect(f"tokens issued for {held}", self._exchange(path, held), [])

    @rule(text=garbage, path=st.sampled_from([api.VALIDATE_REFRESH, *EXCHANGES, api.LOGOUT_ALL]))
    def send_garbage(self, text: str, path: str) -> None:
        self._refused(f"send {text!r}", api.send(path, text), path)

    @rule()
    def purge(self) -> None:
        self.subject.make().purge()

    @rule(who=who, how=st.sampled_from(["deleted", "saved", "updated"]))
    def depart(self, who: int, how: str) -> None:
        account = self.accounts[who]
        found = type(account.user)._default_manager.filter(pk=account.primary_key)
        noticed = how != "updated" and found.filter(is_active=True).exists()
        if how == "deleted":
            noticed = found.exists()
            found.delete()
        elif how == "saved":
            for user in found:
                user.is_active = False
                user.save()
        else:
            found.update(is_active=False)
        self.departed.add(account.username)
        self._cut_off_by_django(how, account, noticed)

    def _cut_off_by_django(self, done: str, account: Account, noticed: bool) -> None:
        if noticed and self.has_values:
            expect_trace(done, self.recorder.take(), "jwt_sessions_revoked")
            self._cut_off(account, None)
        else:
            expect_trace(done, self.recorder.take())

    def _cut_off(self, account: Account, spared: Session | None) -> None:
        for session in self.sessions.values():
            session.cut_off |= session.account is account and session is not spared

    def _log_in(self, account: Account) -> list[Held]:
        answer = api.log_in(account.username, self.passwords[account.username])
        if account.username in self.departed:
            self._refused("log in", answer, api.LOGIN, "jwt_login_fail")
            return []
        jti = api.claims_of(answer.refresh or "")["jti"]
        session = self.sessions[jti] = Session(jti, account)
        session.generations.append(api.claims_of(answer.refresh or ""))
        return self._issued("log in", answer, api.LOGIN, "jwt_logged_in", session)

    def _validate(self, held: Held) -> None:
        path = api.VALIDATE_REFRESH if held.is_refresh else api.VALIDATE_ACCESS
        answer = api.send(path, held.token, as_refresh=held.is_refresh)
        if not self._refuses("validate", held, answer, path, as_refresh=held.is_refresh):
            expect(f"status of {path}", answer.status, 200)
            self._sent("validate", path, "jwt_token_validated")

    def _exchange(self, path: str, held: Held) -> list[Held]:
        done, name = EXCHANGES[path]
        answer = api.send(path, held.token)
        if self._refuses(done, held, answer, path):
            return []
        session = held.session
        if session.stale or session.account.username in self.departed:
            self._refused(done, answer, path)
            return []
        claims = api.claims_of(answer.refresh or held.token)
        if not self.rotates:
            expect(f"jti of the refresh token answered to {done}", claims["jti"], session.jti)
        elif not self._is_last(held):
            expect(f"claims answered to a late {done}", claims, session.generations[-1])
        elif path == api.UPDATE_REFRESH or self.rotates_on_access:
            session.generations.append(claims)
        else:
            expect(f"claims answered to {done}", claims, session.generations[-1])
        return self._issued(done, answer, path, name, session, held.token)

    def _refuses(
        self, done: str, held: Held, answer: api.Answer, path: str, as_refresh: bool = True
    ) -> bool:
        """Whether the model has the token refused for what it is; then it must have been."""
        if held.is_refresh != as_refresh or held.session.ended:
            self._refused(done, answer, path)
        elif self.rotates and held.is_refresh and self._is_reuse(held):
            expect(f"status of {done} with a token exchanged before", answer.status, 401)
            sent = self._sent(done, path, "jwt_reuse_detected")
            expect("jti of jwt_reuse_detected", sent.kwargs["jti"], held.session.jti)
            held.session.blacklisted = True
        else:
            return False
        return True

    def _is_reuse(self, held: Held) -> bool:
        ago = len(held.session.generations) - 1 - held.generation
        return ago > (1 if self.has_grace else 0)

    def _dead(self) -> list[Held]:
        return [held for held in self.held if held.session.ended or self._has_left(held)]

    def _has_left(self, held: Held) -> bool:
        return held.session.account.username in self.departed or held.session.stale

    def _left(self) -> list[Held]:
        return [held for held in self._last() if self._has_left(held)]

    def _in_force(self) -> list[Held]:
        return [held for held in self._last() if not self._has_left(held)]

    def _last(self) -> list[Held]:
        """The last refresh tokens of the sessions that have not ended."""
        return [held for held in self._alive() if self._is_last(held)]

    def _exchanged(self) -> list[Held]:
        """The refresh tokens before those."""
        return [held for held in self._alive() if not self._is_last(held)]

    def _alive(self) -> list[Held]:
        return [held for held in self.held if held.is_refresh and not held.session.ended]

    def _is_last(self, held: Held) -> bool:
        return held.generation + 1 == len(held.session.generations)

    def _claims_of_all(self, done: str, answers: list[api.Answer]) -> dict[str, Any]:
        issued = [api.claims_of(answer.refresh) for answer in answers if answer.refresh]
        for claims in issued:
            expect(f"claims answered to {done}", claims, issued[0])
        return issued[0]

    def _issued(
        self,
        done: str,
        answer: api.Answer,
        path: str,
        name: str,
        session: Session,
        presented: str | None = None,
    ) -> list[Held]:
        expect(f"status of {done} ({answer.body.get('error')})", answer.status, 200)
        expect_claims(done, self._sent(done, path, name), answer, presented)
        jti = api.claims_of(answer.access or "")["jti"]
        expect(f"jti of the access token of {done}", jti, session.jti)
        return self._keep(session, answer)

    def _keep(self, session: Session, answer: api.Answer) -> list[Held]:
        last = len(session.generations) - 1
        issued = [Held(answer.access or "", False, session.jti, session)]
        if answer.refresh:
            generation = last if self.rotates else 0
            issued.append(Held(answer.refresh, True, session.jti, session, generation))
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


def _tell_every_signal(subject: Subject, way: Way) -> None:
    """A history with every signal, and every reason for none: rare ones are not left to chance."""
    machine = SessionsMachine()
    machine.subject = subject
    try:
        machine.start(
            settings={
                **way.settings,
                "DJWTO_ROTATE_REFRESH": True,
                "DJWTO_ROTATE_ON_ACCESS": False,
                "DJWTO_REUSE_GRACE": 0,
            },
            permissions=1,
        )
        alice, bob = machine.accounts[:2]
        machine.log_in_wrongly(0, "wrong")
        for path in EXCHANGES:
            held = machine._in_force()[0]
            machine._validate(held)
            machine._exchange(path, held)
        expect(f"tokens issued for {held}", machine._exchange(api.UPDATE_REFRESH, held), [])
        machine.log_out(machine._in_force()[0], "delete")
        _, held = machine._log_in(alice)
        machine.log_out_everywhere(held, keep=True)
        machine._validate(held)
        if machine.has_values:
            machine.revoke_all(held, spare=False)
        machine._log_in(bob)
        machine.depart(machine.accounts.index(bob), "updated")
        for path in EXCHANGES:
            machine._exchange(path, machine._left()[0])
    finally:
        machine.teardown()


@clause("SIG-12")
def any_history_explains_its_signals(subject: Subject) -> None:
    for way in ways():
        _tell_every_signal(subject, way)
    run_machine(SessionsMachine, subject, search(examples=80, steps=30))
