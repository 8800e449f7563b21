"""HTTP-22: what the cut-off of a user says of a session, whatever happens in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djwto.blacklist import blacklist_key
from djwto.cutoff import Cutoff, read, user_key
from djwto.exceptions import BlacklistUnavailable
from djwto.sessions import _keys as asked_about
from djwto.spec_tests.profile import search

pytestmark = pytest.mark.clause("HTTP-22")

JTIS = ["a", "b", "c"]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("log in"), st.sampled_from(JTIS)),
        st.tuples(st.just("cut off"), st.sampled_from([None, *JTIS])),
        st.tuples(st.just("clock"), st.integers(-100, 100)),
    ),
    max_size=30,
)


@search(examples=1000)
@given(steps)
def test_it_says_who_lives_and_what_has_ended_stays_so(history: list[tuple[str, str]]) -> None:
    now, cutoff = 1_000, Cutoff()
    sessions: dict[str, dict[str, object]] = {}
    alive: dict[str, bool] = {}
    for number, (done, argument) in enumerate(history):
        if done == "log in":
            jti = f"{argument}{number}"
            sessions[jti] = {"jti": jti} | ({"epoch": cutoff.epoch} if cutoff.epoch else {})
            alive[jti] = True
        elif done == "clock":
            now = max(1, now + int(argument))
        else:
            # The last session of that name, dead or alive.
            spared = next((jti for jti in reversed(sessions) if jti[0] == argument), None)
            key = "" if spared is None else blacklist_key(spared)
            # As the store gives it back.
            cutoff = read({"key": str(cutoff.next(key, now))}, "key")
            alive = {jti: lives and jti == spared for jti, lives in alive.items()}
        assert {jti: not cutoff.ends(claims) for jti, claims in sessions.items()} == alive


def test_one_that_the_store_forgot_begins_after_all_there_were() -> None:
    cutoff = Cutoff()
    for _ in range(5):
        cutoff = cutoff.next("", 1_000)
    token = {"jti": "x", "epoch": cutoff.epoch}
    forgotten = Cutoff()
    assert not forgotten.ends(token)
    # By then the tokens from before the cut-off that was forgotten have expired.
    assert forgotten.next("", 1_000 + 86_400).ends(token)


def test_it_is_counted_on_by_one_where_the_clock_does_not_go_on() -> None:
    first = Cutoff().next("", 0)
    assert first.epoch == 1
    # A token from before there were cut-offs, or from a login that found none.
    assert first.ends({"jti": "x"})
    assert Cutoff(epoch=1_000).next("", 1_000).epoch == 1_001


@pytest.mark.parametrize("value", ["1", "1:2", "1:2:3:4", "a:0:", "1 0 ", ":"])
def test_what_makes_no_sense_is_no_cut_off_and_not_none_either(value: str) -> None:
    with pytest.raises(BlacklistUnavailable, match="The cut-off key is"):
        read({"key": value}, "key")


def test_users_have_keys_of_their_own_whatever_the_type_of_their_primary_key() -> None:
    assert user_key(1) == user_key("1")
    assert len({user_key(1), user_key(11), user_key("1 "), blacklist_key("1")}) == 4
    assert all(len(user_key(name)) == 65 for name in ("", "x" * 1_000, "\ud800"))


def test_what_another_release_has_stored_is_found() -> None:
    key = user_key(1)
    assert key == "~535ba9766bd26f73f816e48d58178cde6e9007cb48e556b6efb877e1f3123e3c"
    assert str(Cutoff(epoch=3, floor=2, spared="x")) == "3:2:x"
    assert read({key: "3:2:x"}, key) == Cutoff(epoch=3, floor=2, spared="x")


def test_a_cut_off_fits_into_the_value_of_any_backend() -> None:
    longest = str(Cutoff(epoch=2**40, floor=2**40, spared=blacklist_key("x" * 500)))
    assert len(longest) <= 200
    assert set(longest) <= set("0123456789abcdefghijklmnopqrstuvwxyz:~-")


def test_of_a_token_that_names_nobody_no_user_is_asked_about() -> None:
    """A store may not even have a way to say the empty key."""
    jti = "ab" * 16
    assert asked_about({"jti": jti, "type": "access"}) == [jti]
    assert asked_about({"jti": jti, "type": "access", "user": {"id": 7}}) == [jti, user_key(7)]
