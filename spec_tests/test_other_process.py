"""The processes that checks share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from djwto.spec_tests.other_process import AT_ONCE, OtherProcess, begin_resting, end_resting
from djwto.spec_tests.subject import Subject, new_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def subject() -> Iterator[Subject]:
    yield Subject("djwto.backends.database.DatabaseBlacklist")
    end_resting()


def test_those_that_are_begun_beforehand_are_the_ones_that_are_asked(subject: Subject) -> None:
    begin_resting(subject)
    pids = set()
    for _ in range(1 + AT_ONCE):
        with OtherProcess(subject, passing=True) as other:
            assert other.ask("contains", new_key()) is False
            pids.add(other.process.pid)
            assert other.process.poll() is None
        assert other.process.returncode == 0
    assert len(pids) == 1 + AT_ONCE
    with OtherProcess(subject, passing=True) as another:
        assert another.process.pid not in pids


def test_a_passing_one_is_none_that_was_asked_before(subject: Subject) -> None:
    with OtherProcess(subject) as other:
        other.ask("contains", new_key())
    with OtherProcess(subject, passing=True) as passing:
        assert passing.process is not other.process
    with OtherProcess(subject) as again:
        assert again.process is other.process


def test_none_is_begun_for_a_store_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[OtherProcess] = []
    monkeypatch.setattr(OtherProcess, "begin", begun.append)
    begin_resting(Subject("djwto.backends.cache.CacheBlacklist"))
    assert begun == []
