"""What the claims of a token have to look like, and what is said of each that does not."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from pytest_django import Settings

from djwto.claims import ACCESS, LAST_NUMERIC_DATE, as_decoded, rules, user_id, validate
from djwto.exceptions import InvalidToken, Refusal, UnreadableBody
from djwto.login import login_name, new_session
from djwto.spec_tests.core import hooks
from djwto.spec_tests.core.alice import create_alice

GOOD: dict[str, Any] = {"iat": 1, "exp": 2, "jti": "a", "type": ACCESS, "user": {"id": 1}}

NUMBERS = ["exp", "iat", "nbf", "refresh_iat", "auth_time", "idle", "epoch"]


def refused(changes: dict[str, Any]) -> str:
    """What is said of claims that are good but for these."""
    with pytest.raises(InvalidToken) as caught:
        validate(GOOD | changes, ACCESS, rules())
    return str(caught.value)


@pytest.mark.clause("TOK-4")
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_named(name: str) -> None:
    for value in ("1", 1.0, True, None, [1]):
        said = refused({name: value})
        assert said == f"The {name} claim of the token is not an integer."
    for value in (-1, LAST_NUMERIC_DATE + 1):
        assert refused({name: value}) == f"The {name} claim of the token is out of range."
    for value in (0, LAST_NUMERIC_DATE):
        validate(GOOD | {name: value}, ACCESS, rules())


@pytest.mark.clause("TOK-4")
@pytest.mark.parametrize("name", ["jti", "gen", "auth_hash"])
def test_what_is_no_text_is_named(name: str) -> None:
    for value in (1, None, ["a"]):
        assert refused({name: value}) == f"The {name} claim of the token is not a text."


@pytest.mark.clause("TOK-4")
@pytest.mark.parametrize("user", [{}, {"id": None}, {"id": True}, {"id": 1.0}, {"id": [1]}])
def test_whoever_has_no_id_is_nobody(user: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken, match=r"^The token names no user id\.$"):
        user_id(GOOD | {"user": user})
    with pytest.raises(InvalidToken):
        user_id({})
    assert (user_id(GOOD), user_id({"user": {"id": "a"}})) == (1, "a")


@pytest.mark.clause("TOK-1")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_decoded({"x": value})


@pytest.mark.clause("TOK-1")
@pytest.mark.django_db
def test_a_hook_issues_no_token_that_has_expired(settings: Settings) -> None:
    alice = create_alice()
    settings.DJWTO_PROCESS_CLAIMS = "djwto.spec_tests.core.hooks.answers"
    hooks.answer = GOOD | {"type": "refresh", "user": {"id": alice.pk}}
    with pytest.raises(ImproperlyConfigured, match="expired"):
        new_session(alice, RequestFactory().post("/"))


@pytest.mark.clause("HTTP-31")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"username": 7}', "The field username is not a text."),
        (rb'{"username": "\ud800"}', "The field username is not valid Unicode."),
    ],
)
def test_a_name_that_cannot_be_read_is_said_to_be_one(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableBody) as caught:
        login_name(RequestFactory().post("/", body, "application/json"))
    assert str(caught.value) == said
    assert isinstance(caught.value, Refusal)
    assert login_name(RequestFactory().post("/", {})) == ""
