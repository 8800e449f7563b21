"""HTTP-22 and SIG-16: all sessions of a user end, and none that begins after does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import RequestFactory
from pytest_django import Settings

from djwto import sessions, signals, views
from djwto.blacklist import get_blacklist
from djwto.cutoff import user_key
from djwto.exceptions import BlacklistUnavailable, Unsupported
from djwto.login import authenticated, new_session
from djwto.models import BlacklistEntry
from djwto.sessions import CLOCK_MARGIN, cut_off, revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.checks.rotations import at_once
from djwto.spec_tests.conftest import SUBJECTS
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    PASSWORD,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    session,
    token,
)
from djwto.spec_tests.recorder import Recorder, Sent
from djwto.spec_tests.stage import playing
from djwto.spec_tests.subject import Subject

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clause("HTTP-22")]

each_store = pytest.mark.parametrize("store", SUBJECTS)

MONTH = 30 * 86_400


def log_in() -> api.Answer:
    answer = api.log_in(**CREDENTIALS)
    assert answer.status == 200, answer
    return answer


def log_out_everywhere(answer: api.Answer, **body: Any) -> api.Answer:
    return api.send(api.LOGOUT_ALL, answer.refresh, data=body)


def jti_of(answer: api.Answer) -> str:
    jti: str = api.claims_of(token(answer, "refresh"))["jti"]
    return jti


def goes_on(answer: api.Answer) -> bool:
    """Whether the session does: whoever is asked says the same."""
    statuses = {
        api.send(api.VALIDATE_ACCESS, answer.access, as_refresh=False).status,
        api.send(api.VALIDATE_REFRESH, answer.refresh).status,
        api.send(api.REFRESH_ACCESS, answer.refresh).status,
    }
    assert statuses in ({200}, {401}), statuses
    return statuses == {200}


def said(sent: Sent) -> dict[str, Any]:
    return {name: value for name, value in sent.kwargs.items() if name != "signal"}


@pytest.mark.clause("SIG-16")
@each_mode
@each_store
def test_revoke_all_ends_the_sessions_of_one_user(
    mode: str, store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode):
        alice = create_alice()
        User.objects.create_user("bob", password=PASSWORD)
        ended = [log_in() for _ in range(3)]
        ended.append(api.send(api.UPDATE_REFRESH, ended[0].refresh))
        bobs = api.log_in("bob", PASSWORD)
        with Recorder() as recorder:
            revoke_all(alice)
        (sent,) = recorder.sent
        assert (sent.name, sent.sender) == ("jwt_sessions_revoked", "revoke_all")
        assert said(sent) == {"request": None, "user_id": alice.pk, "except_jti": None}
        at_once_after = log_in()
        assert [goes_on(one) for one in ended] == [False] * 4
        assert goes_on(bobs)
        assert goes_on(at_once_after)


@pytest.mark.clause("SIG-16")
@pytest.mark.parametrize("pk", [7, UUID("6f1f2d5e-6c0f-4d0b-9a60-0d7a6a3f1c52")])
def test_the_signal_names_any_kind_of_user_as_the_claims_do(pk: Any) -> None:
    with Recorder() as recorder:
        revoke_all(User(pk=pk))
    (sent,) = recorder.sent
    assert said(sent)["user_id"] == (pk if pk == 7 else str(pk))
    assert get_blacklist().contains(user_key(str(pk)))


@pytest.mark.clause("SIG-16")
@each_mode
@each_store
@pytest.mark.parametrize("keep", ["true", "1", "on", "false", "", None])
def test_the_endpoint_spares_its_own_session_if_it_is_told_to(
    mode: str, store: str, keep: str | None, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode):
        own = session()
        User.objects.create_user("bob", password=PASSWORD)
        other, bobs = log_in(), api.log_in("bob", PASSWORD)
        with Recorder() as recorder:
            answer = log_out_everywhere(own, **({} if keep is None else {"keep_current": keep}))
        spares = keep in {"true", "1", "on"}
        assert answer.status == 200
        assert answer.body == {
            "msg": "All other sessions ended." if spares else "All sessions ended."
        }
        assert bool(answer.cookies) == (mode != "JSON" and not spares)
        assert all(cookie["max-age"] == 0 for cookie in answer.cookies.values())
        (sent,) = recorder.sent
        assert (sent.name, sent.sender) == ("jwt_sessions_revoked", "LogoutAllView")
        assert sent.kwargs["request"].path == api.LOGOUT_ALL
        assert said(sent) == {
            "request": sent.kwargs["request"],
            "user_id": User.objects.get(username="alice").pk,
            "except_jti": jti_of(own) if spares else None,
        }
        assert not goes_on(other)
        assert goes_on(own) == spares
        assert goes_on(bobs)
        assert goes_on(log_in())


@each_mode
def test_json_says_so_too(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    own, other = session(), log_in()
    body: dict[str, Any] = {"content_type": "application/json", "data": {"keep_current": True}}
    assert api.send(api.LOGOUT_ALL, own.refresh, **body).status == 200
    assert (goes_on(own), goes_on(other)) == (True, False)


@each_mode
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_without_a_body_no_session_is_kept(
    content_type: str, mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    own, other = session(), log_in()
    body: dict[str, Any] = {"content_type": content_type, "data": b""}
    assert api.send(api.LOGOUT_ALL, own.refresh, **body).body == {"msg": "All sessions ended."}
    assert (goes_on(own), goes_on(other)) == (False, False)


@each_mode
@pytest.mark.parametrize("keep", ["perhaps", "2", "null"])
def test_an_answer_that_is_neither_yes_nor_no_ends_nothing(
    mode: str, keep: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    own = session()
    with Recorder() as recorder:
        answer = log_out_everywhere(own, keep_current=keep)
    assert (answer.status, answer.cookies, names(recorder)) == (400, {}, [])
    assert goes_on(own)


@each_mode
def test_it_takes_a_refresh_token_of_a_session_that_goes_on(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live, ended = session(), log_in()
    api.send(api.LOGOUT, ended.refresh)
    with Recorder() as recorder:
        for sent in (None, "garbage", live.access, ended.refresh):
            assert api.send(api.LOGOUT_ALL, sent).status == 401
        assert api.send(api.LOGOUT_ALL, live.refresh, method="get").status == 405
        assert api.send(api.LOGOUT_ALL, live.refresh, method="delete").status == 405
    assert names(recorder) == []
    assert goes_on(live)


@each_cookie_mode
def test_another_sites_page_logs_nobody_out_everywhere(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    with Recorder() as recorder:
        assert api.send(api.LOGOUT_ALL, live.refresh, csrf=False).status == 403
    assert names(recorder) == []
    assert goes_on(live)


@contextmanager
def clock_of_another_server(seconds: int) -> Iterator[None]:
    """Another server's time, which is so many seconds ahead of this one's."""
    now, now_ns = time.time, time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now() + seconds)
        patch.setattr(time, "time_ns", lambda: now_ns() + seconds * 10**9)
        yield


@each_mode
@each_store
@pytest.mark.parametrize(("ended_at", "began_at"), [(0, 0), (0, -240), (240, 0), (240, -40)])
def test_a_login_after_it_works_at_once_on_a_server_whose_clock_is_behind_too(
    mode: str, store: str, ended_at: int, began_at: int, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store], DJWTO_MODE=mode):
        alice = create_alice()
        # So often that the epoch is ahead of any of the clocks.
        for _ in range(3):
            before = log_in()
            with clock_of_another_server(ended_at):
                revoke_all(alice)
            with clock_of_another_server(began_at):
                after = log_in()
            assert goes_on(after)
            assert not goes_on(before)


@each_store
def test_who_is_spared_in_turn_goes_on_and_nobody_comes_back(
    store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store]):
        alice = create_alice()
        first, second, third = log_in(), log_in(), log_in()
        revoke_all(alice, except_jti=jti_of(first))
        assert [goes_on(one) for one in (first, second, third)] == [True, False, False]
        late = log_in()
        revoke_all(alice, except_jti=jti_of(first))
        assert [goes_on(one) for one in (first, late)] == [True, False]
        for dead in (second, third, late):
            assert log_out_everywhere(dead, keep_current="true").status == 401
            assert goes_on(first)
        late = log_in()
        revoke_all(alice, except_jti=jti_of(late))
        assert [goes_on(one) for one in (first, late)] == [False, True]
        # By an administrator's mistake.
        revoke_all(alice, except_jti=jti_of(second))
        assert not any(goes_on(one) for one in (first, second, third, late))
        revoke_all(alice, except_jti=jti_of(late))
        assert not any(goes_on(one) for one in (first, second, third, late))
        assert goes_on(log_in())


def test_a_name_that_is_no_sessions_spares_nobody() -> None:
    live, alice = session(), User.objects.get()
    for name in ("", "x" * 1_000, "\ud800", jti_of(live).upper()):
        revoke_all(alice, except_jti=name)
        assert not goes_on(live)
        live = log_in()


def test_a_session_that_was_spared_can_be_logged_out() -> None:
    live = session()
    revoke_all(User.objects.get(), except_jti=jti_of(live))
    updated = api.send(api.UPDATE_REFRESH, live.refresh)
    assert api.send(api.LOGOUT, updated.refresh).status == 200
    assert not goes_on(updated)
    revoke_all(User.objects.get(), except_jti=jti_of(live))
    assert not goes_on(updated)


@each_store
def test_the_sessions_of_a_user_who_left_do_not_come_back_with_the_primary_key(
    store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store]):
        live, alice = session(), User.objects.get()
        key = alice.pk
        alice.delete()
        again = create_alice(pk=key)
        # The same password, salt and all.
        User.objects.update(password=alice.password)
        assert again.pk == key
        assert not goes_on(live)
        assert goes_on(log_in())


@dataclass
class History:
    """What was done to the sessions of alice, and when it began and ended."""

    logins: list[tuple[float, float, api.Answer]] = field(default_factory=list)
    cut_offs: list[tuple[float, float, str | None]] = field(default_factory=list)
    dead: list[api.Answer] = field(default_factory=list)

    def log_in(self) -> api.Answer:
        start = time.monotonic()
        answer = log_in()
        self.logins.append((start, time.monotonic(), answer))
        return answer

    def cut_off(self, spared: api.Answer | None, call: Callable[[], Any]) -> Any:
        start = time.monotonic()
        answer = call()
        spared_jti = None if spared is None else jti_of(spared)
        self.cut_offs.append((start, time.monotonic(), spared_jti))
        return answer

    def must_have_ended(self, answer: api.Answer, issued: float) -> bool:
        return any(issued < start and jti_of(answer) != jti for start, _, jti in self.cut_offs)

    def must_go_on(self, answer: api.Answer, asked: float) -> bool:
        return all(end < asked or jti_of(answer) == jti for _, end, jti in self.cut_offs)


@each_store
@pytest.mark.parametrize("round_", range(3))
def test_whatever_is_done_at_once_some_order_explains_who_goes_on(
    store: str, round_: int, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store]):
        alice, history = create_alice(), History()
        first = [history.log_in() for _ in range(4)]
        over = threading.Event()

        def end_all() -> None:
            for _ in range(3):
                history.cut_off(None, lambda: revoke_all(alice))

        def spare(one: api.Answer) -> None:
            for _ in range(3):
                history.cut_off(one, lambda: revoke_all(alice, except_jti=jti_of(one)))

        def keep_current() -> None:
            for _ in range(3):
                own = history.log_in()
                start = time.monotonic()
                answer = log_out_everywhere(own, keep_current="true")
                assert answer.status in {200, 401}, answer
                if answer.status == 200:
                    history.cut_offs.append((start, time.monotonic(), jti_of(own)))

        def log_in_often() -> None:
            for _ in range(6):
                history.log_in()

        def watch() -> None:
            while not over.is_set():
                for _, _, one in list(history.logins):
                    status = api.send(api.VALIDATE_REFRESH, one.refresh).status
                    assert status == 401 or one not in history.dead
                    if status == 401 and one not in history.dead:
                        history.dead.append(one)

        done = [
            end_all,
            lambda: spare(first[0]),
            lambda: spare(first[1]),
            keep_current,
            keep_current,
            log_in_often,
        ]
        watching = threading.Thread(target=lambda: failures.extend(at_once(1, watch)))
        failures: list[Any] = []
        watching.start()
        waiting = list(done)
        answers = at_once(len(done), lambda: waiting.pop()())
        over.set()
        watching.join()
        assert [*answers, *failures] == [None] * (len(done) + 1)
        history.log_in()
        for asked, issued, one in history.logins:
            alive = goes_on(one)
            assert not (alive and history.must_have_ended(one, issued))
            assert alive or not history.must_go_on(one, asked)
            assert not (alive and one in history.dead)
        # The last came after all of that.
        assert goes_on(history.logins[-1][2])


@each_store
def test_of_sessions_that_end_each_other_at_once_one_goes_on_at_most(
    store: str, subjects: dict[str, Subject]
) -> None:
    with playing(subjects[store]):
        create_alice()
        for _ in range(4):
            rivals = [log_in() for _ in range(6)]
            waiting = list(rivals)
            at_once(6, lambda: log_out_everywhere(waiting.pop(), keep_current="true"))  # noqa: B023
            assert sum(goes_on(one) for one in rivals) <= 1


def test_a_session_that_another_ended_first_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = session(), log_in()

    def cut_off_by(function: Callable[..., None]) -> None:
        # Called by a view, or by what it awaits.
        for where in (views, sessions):
            monkeypatch.setattr(where, "cut_off", function)

    def overtaken(*arguments: Any, **options: Any) -> None:
        cut_off_by(cut_off)
        assert log_out_everywhere(fast, keep_current="true").status == 200
        cut_off(*arguments, **options)

    cut_off_by(overtaken)
    assert log_out_everywhere(slow, keep_current="true").status == 401
    assert goes_on(fast)


def cut_offs() -> list[BlacklistEntry]:
    key = user_key(User.objects.get(username="alice").pk)
    return list(BlacklistEntry.objects.filter(key=key))


@pytest.mark.parametrize("how_many", [1, 1_000])
def test_the_store_is_told_as_little_of_a_thousand_sessions_as_of_one(how_many: int) -> None:
    alice = create_alice()
    request = RequestFactory().post("/", {})
    pairs = [new_session(alice, request) for _ in range(how_many)]
    revoke_all(alice)
    (entry,) = BlacklistEntry.objects.all()
    assert entry.key == user_key(alice.pk)
    assert len(entry.value) == len("1234567890:0:")
    assert all(api.send(api.VALIDATE_REFRESH, one.refresh).status == 401 for one in pairs[-3:])


@pytest.mark.parametrize("leeway", [0, 60])
def test_it_is_remembered_for_as_long_as_a_session_can_last(
    leeway: int, settings: Settings
) -> None:
    settings.DJWTO_LEEWAY = leeway
    live = session()
    before = int(time.time())
    revoke_all(User.objects.get())
    (entry,) = cut_offs()
    kept = MONTH + leeway + CLOCK_MARGIN
    assert entry.exp is not None
    assert before + kept <= entry.exp <= int(time.time()) + kept
    with clock_of_another_server(MONTH + leeway + CLOCK_MARGIN - 5):
        get_blacklist().purge()
    assert not goes_on(live)
    settings.DJWTO_SESSION_MAX_AGE = None
    revoke_all(User.objects.get())
    assert [entry.exp for entry in cut_offs()] == [None]


@each_store
def test_a_purge_brings_nobody_back(store: str, subjects: dict[str, Subject]) -> None:
    with playing(subjects[store]):
        live = session()
        revoke_all(User.objects.get())
        get_blacklist().purge()
        assert not goes_on(live)


def test_once_it_is_forgotten_the_next_one_ends_who_came_after() -> None:
    alice = create_alice()
    with clock_of_another_server(-2 * MONTH):
        # So often that the epoch is ahead of the clock.
        for _ in range(5):
            revoke_all(alice)
    (forgotten,) = cut_offs()
    # By now no store has to know of it.
    assert get_blacklist().purge() == 1
    live = log_in()
    assert "epoch" not in api.claims_of(token(live, "refresh"))
    assert goes_on(live)
    revoke_all(alice)
    assert not goes_on(live)
    assert cut_offs()[0].value > forgotten.value
    assert goes_on(log_in())


@pytest.mark.clause("HTTP-17")
@each_mode
def test_while_the_store_is_down_nothing_ends_and_nothing_is_announced(
    mode: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = mode
    live = session()

    def fail(*arguments: Any) -> Any:
        raise BlacklistUnavailable("The disk is full.")

    for method in ("get_many", "compare_and_set"):
        with monkeypatch.context() as patch, Recorder() as recorder:
            patch.setattr(get_blacklist(), method, fail)
            answer = log_out_everywhere(live)
            assert (answer.status, answer.cookies) == (503, {})
            assert int(answer.headers["Retry-After"]) > 0
            with pytest.raises(BlacklistUnavailable):
                revoke_all(User.objects.get())
        assert names(recorder) == []
        assert goes_on(live)


def test_who_always_comes_second_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    live = session()
    with monkeypatch.context() as patch, Recorder() as recorder:
        patch.setattr(get_blacklist(), "compare_and_set", lambda *arguments: False)
        assert log_out_everywhere(live).status == 503
    assert names(recorder) == []
    assert goes_on(live)


@pytest.mark.clause("SIG-16")
@each_mode
def test_a_receiver_that_raises_changes_nothing(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    live = session()
    seen: list[bool] = []

    def receive(**kwargs: Any) -> None:
        seen.append(goes_on(live))
        raise RuntimeError("The receiver is broken.")

    logging.getLogger("django.dispatch").disabled = True
    signals.jwt_sessions_revoked.connect(receive)
    try:
        assert log_out_everywhere(live).status == 200
        live = log_in()
        revoke_all(User.objects.get())
    finally:
        signals.jwt_sessions_revoked.disconnect(receive)
        logging.getLogger("django.dispatch").disabled = False
    # Each time it had ended by the time it was announced.
    assert seen == [False, False]


@pytest.mark.clause("SIG-16")
def test_in_a_transaction_of_the_callers_it_counts_from_the_commit() -> None:
    live, alice = session(), User.objects.get()
    with Recorder() as recorder:
        with transaction.atomic():
            revoke_all(alice)
            transaction.set_rollback(True)
        assert names(recorder) == []
        assert goes_on(live)
        recorder.take()
        with transaction.atomic():
            revoke_all(alice)
            assert names(recorder) == []
        assert names(recorder) == ["jwt_sessions_revoked"]
    assert not goes_on(live)


WITHOUT_VALUES = Subject("djwto.spec_tests.rogues.honest.HonestWithoutValues")


@each_mode
def test_a_backend_without_values_says_that_it_cannot(mode: str) -> None:
    with playing(WITHOUT_VALUES, DJWTO_MODE=mode):
        live, alice = session(), User.objects.get()
        assert "epoch" not in api.claims_of(token(live, "refresh"))
        with Recorder() as recorder:
            with pytest.raises(Unsupported, match="HonestWithoutValues cannot end all sessions"):
                revoke_all(alice)
            answer = log_out_everywhere(live, keep_current="true")
        assert answer.status == 501
        assert set(answer.body) == {"error"}
        assert names(recorder) == []
        assert goes_on(live)
        assert goes_on(log_in())


@pytest.mark.clause("HTTP-13")
@each_mode
def test_without_values_the_next_exchange_notices_another_password(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    with playing(WITHOUT_VALUES, DJWTO_MODE=mode):
        live, alice = session(), User.objects.get()
        alice.set_password("another")
        with Recorder() as recorder, caplog.at_level(logging.WARNING):
            alice.save()
        assert names(recorder) == []
        assert caplog.records == []
        for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
            assert api.send(path, live.refresh).status == 401
        assert goes_on(api.log_in("alice", "another"))


@pytest.mark.clause("HTTP-13")
@each_mode
def test_a_password_that_was_set_behind_djangos_back_is_noticed_by_exchanges_only(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    live, alice = session(), User.objects.get()
    before = alice.password
    alice.set_password("another")
    with Recorder() as recorder:
        User.objects.update(password=alice.password)
        for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
            answer = api.send(path, live.refresh)
            assert (answer.status, answer.refresh, answer.access) == (401, None, None)
        assert names(recorder) == []
    assert api.send(api.VALIDATE_ACCESS, live.access, as_refresh=False).status == 200
    assert api.send("/access/", live.access, as_refresh=False).status == 200
    # Nothing was exchanged by who was refused.
    User.objects.update(password=before)
    assert api.send(api.UPDATE_REFRESH, live.refresh).status == 200


def change_password(user: User) -> None:
    user.set_password("another")
    user.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def delete(user: User) -> None:
    user.delete()


@pytest.mark.clause("HTTP-23")
@pytest.mark.parametrize("change", [change_password, deactivate, delete])
def test_a_login_with_what_is_changed_meanwhile_leads_nowhere(
    change: Callable[[User], None], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_CHECK_ACCESS = True
    create_alice()

    def slowly(request: Any) -> Any:
        # Hashing takes its time, once the user has been read.
        user = authenticated(request)
        change(User.objects.get())
        return user

    monkeypatch.setattr(views, "authenticated", slowly)
    answer = api.log_in(**CREDENTIALS)
    if answer.status == 200:
        assert api.send("/access/", answer.access, as_refresh=False).status == 401
        assert api.send(api.VALIDATE_REFRESH, answer.refresh).status == 401
        assert log_out_everywhere(answer, keep_current="true").status == 401


@pytest.mark.clause("SIG-16")
def test_nothing_is_announced_of_a_user_who_is_nobody() -> None:
    gone = create_alice()
    gone.delete()
    with Recorder() as recorder:
        for nobody in (gone, User(username="x")):
            with pytest.raises(ValueError, match="primary key"):
                revoke_all(nobody)
    assert names(recorder) == []


def user_by_another_spelling(user: Any) -> dict[str, Any]:
    from djwto.claims import process_user

    return {**process_user(user), "id": f"0{user.pk}"}


def test_an_id_that_a_hook_spells_in_its_own_way_is_a_mistake(settings: Settings) -> None:
    settings.DJWTO_PROCESS_USER = f"{__name__}.user_by_another_spelling"
    alice = create_alice()
    with pytest.raises(ImproperlyConfigured, match=f"write '{alice.pk}', the primary key"):
        new_session(alice, RequestFactory().post("/", {}))
