"""The user whom most tests are about, and her session in whichever mode is in force."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from djwto.spec_tests import api
from djwto.spec_tests.recorder import Recorder
from djwto.transports import TRANSPORTS

MODES = list(TRANSPORTS)
COOKIE_MODES = [mode for mode in MODES if TRANSPORTS[mode].ambient]

each_mode = pytest.mark.parametrize("mode", MODES)
each_cookie_mode = pytest.mark.parametrize("mode", COOKIE_MODES)

PASSWORD = "pass"
CREDENTIALS = {"username": "alice", "password": PASSWORD}

ACCESS_VIEW = "/access/"
"""A view of the project behind `jwt_login_required`."""


def create_alice(**fields: Any) -> User:
    """alice / pass."""
    return User.objects.create_user("alice", password=PASSWORD, **fields)


def session() -> api.Answer:
    """The answer to a login of alice, who is created for it."""
    create_alice()
    answer = api.log_in(**CREDENTIALS)
    assert answer.status == 200, answer
    return answer


def token(answer: api.Answer, type_: str) -> str:
    """The refresh or the access token of an answer that brought both."""
    found = answer.refresh if type_ == "refresh" else answer.access
    assert found
    return found


def names(recorder: Recorder) -> list[str]:
    """The names of the signals sent since the last call."""
    return [sent.name for sent in recorder.take()]
