"""HTTP-29: what clients are told is told in their language, where djwto speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import Settings

from djwto.exceptions import LoginFailed, Refusal
from djwto.spec_tests.core.alice import CREDENTIALS, create_alice
from djwto.spec_tests.recorder import Recorder

pytestmark = [pytest.mark.django_db, pytest.mark.clause("HTTP-29")]

EXPIRED = {
    "en": "The token has expired.",
    "de": "Das Token ist abgelaufen.",
    "fr": "Le jeton a expiré.",
    "es": "El token ha caducado.",
    "pt": "O token expirou.",
    "pt-br": "O token expirou.",
    "zh-hans": "令牌已过期。",
    "nl": "The token has expired.",
}


@pytest.fixture(autouse=True)
def asks_for_the_language(settings: Settings) -> Iterator[None]:
    """The project goes by Accept-Language; after a test the language is that of before."""
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware"]
    with translation.override(translation.get_language()):
        yield


def post(path: str, language: str, data: Any = None, **headers: str) -> dict[str, str]:
    """The JSON answered to a client of this language."""
    client = Client(headers={"accept-language": language, **headers})
    answer: dict[str, str] = client.post(path, data).json()
    return answer


@pytest.mark.parametrize("language", EXPIRED)
def test_a_refusal_is_told_in_the_language_of_the_client(language: str) -> None:
    """In English, where djwto does not speak it."""
    with translation.override(language):
        assert str(LoginFailed("The token has expired.")) == EXPIRED[language]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/validate_access/", "Es wurde kein Token gesendet; senden Sie das access-Token als "),
        ("/login/", "Dieses Feld ist zwingend erforderlich."),
    ],
)
def test_the_client_is_told_in_german(path: str, told: str) -> None:
    """What djwto says itself, and what Django's form says."""
    assert told in post(path, "de")["error"]


def test_what_was_done_is_told_too() -> None:
    """A logout in French, and one more."""
    create_alice()
    tokens = post("/login/", "fr", CREDENTIALS)
    bearer = {"authorization": f"Bearer {tokens['refresh']}"}
    logout = "/api/token/refresh/logout/"
    assert post(logout, "fr", **bearer) == {"msg": "La session du jeton est terminée."}
    assert post(logout, "fr", **bearer) == {"msg": "La session du jeton était déjà terminée."}


def test_the_signal_says_what_the_client_is_told(settings: Settings) -> None:
    """SIG-2."""
    settings.DJWTO_USER_AUTHENTICATE = "djwto.spec_tests.core.login_hooks.nobody"
    with Recorder() as recorder:
        told = post("/login/", "es", CREDENTIALS)["error"]
    assert told == "Las credenciales son incorrectas o el usuario no está activo."
    assert [sent.kwargs["error"] for sent in recorder.take()] == [told]


def test_a_text_without_arguments_is_told_as_it_is() -> None:
    """A hook's message may hold a percent sign."""
    assert str(Refusal("100% wrong, %(name)s")) == "100% wrong, %(name)s"
