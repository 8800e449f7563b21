"""What docs/abuse.rst shows, with the packages that it is about."""

from __future__ import annotations

import importlib
import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client, override_settings
from django.urls import include, path
from django_ratelimit.decorators import ratelimit
from pytest_django import Settings

from djwto.spec_tests.recorder import Recorder
from djwto.transports import TRANSPORTS
from djwto.views import GetTokensView

HERE = Path(__file__).parent
PLAYED = [f"{mode} {as_json}" for mode in TRANSPORTS for as_json in (False, True)]
JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.fixture(scope="module")
def axes() -> Any:
    """What became of logins under django-axes."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(HERE / "shop_with_axes.py")],
        env={n: v for n, v in os.environ.items() if n != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("played", PLAYED)
def test_axes_counts_failures_and_locks_out_in_json(played: str, axes: Any) -> None:
    seen = axes[played]
    # The failure that reaches the limit is answered as those before it, or by the lockout.
    assert seen["wrong"][:4] == [401] * 4
    assert seen["wrong"][5] == seen["right"] == 429
    assert seen["answers"][0]["error"].startswith('{"__all__": ')
    assert seen["answers"][1] == seen["answers"][2]
    assert seen["answers"][2] == {"error": "Too many failed logins; try again later."}
    assert seen["headers"]["Retry-After"] == "900"
    assert seen["headers"]["Cache-Control"] == "no-store"
    assert seen["cookies"] == []
    assert seen["signals"] == ["jwt_login_fail"] * 7


@pytest.mark.parametrize("played", PLAYED)
def test_axes_is_given_the_request_and_keeps_no_password(played: str, axes: Any) -> None:
    address, where, failures = axes[played]["counted"]
    assert (address, where) == ("192.0.2.1", "/login/")
    assert failures >= 5
    assert axes[played]["kept"] is False


@pytest.mark.parametrize("played", PLAYED)
def test_axes_locks_out_one_user_at_one_address_until_it_is_reset(played: str, axes: Any) -> None:
    assert [axes[played][who] for who in ("elsewhere", "somebody else", "later")] == [200] * 3


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Any]:
    """The hook as it is shown, and an hour at the start of which nothing has been counted."""
    monkeypatch.syspath_prepend(HERE)
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "throttle"}
    settings.CACHES = {**settings.CACHES, "throttle": cache}
    settings.RATELIMIT_USE_CACHE = "throttle"
    settings.DJWTO_THROTTLE = importlib.import_module("throttle_settings").DJWTO_THROTTLE
    caches["throttle"].clear()
    with time_machine.travel(1_800_000_000, tick=False):
        yield importlib.import_module("shop.throttle")
    for name in ("throttle_settings", "shop.throttle", "shop"):
        sys.modules.pop(name)


def log_in(name: str, address: str, **kind: Any) -> Any:
    """The answer to a login with a wrong password."""
    body = {"username": name, "password": "wrong"}
    return Client(REMOTE_ADDR=address).post("/login/", body, **kind)


@pytest.mark.django_db
@pytest.mark.parametrize("mode", TRANSPORTS)
def test_ratelimit_has_an_address_wait_that_logs_in_too_often(
    mode: str, shown: Any, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    for number in range(20):
        assert log_in(f"user-{number}", "192.0.2.1").status_code == 401
    with Recorder() as recorder:
        answer = log_in("user-20", "192.0.2.1")
    assert answer.status_code == 429
    assert answer.json() == {"error": "Too many requests; try again later."}
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert [sent.name for sent in recorder.take()] == ["jwt_login_fail"]
    assert log_in("user-20", "192.0.2.2").status_code == 401
    # For an IPv6 address it is the network that counts.
    for number in range(21):
        answer = log_in(f"user-{number}", f"2001:db8::{number + 1}")
    assert answer.status_code == 429


@pytest.mark.django_db
def test_ratelimit_lets_the_client_in_when_it_has_waited(shown: Any) -> None:
    for _ in range(20):
        log_in("alice", "192.0.2.1")
    wait = int(log_in("alice", "192.0.2.1")["Retry-After"])
    with time_machine.travel(1_800_000_000 + wait + 1, tick=False):
        assert log_in("alice", "192.0.2.1").status_code == 401


@pytest.mark.django_db
def test_ratelimit_counts_a_name_however_it_is_written_and_sent(shown: Any) -> None:
    spellings = ["alice", " alice", "ALICE", "\uff41lice"]
    for number in range(100):
        kind = JSON if number % 2 else {}
        answer = log_in(spellings[number % 4], f"192.0.2.{number + 1}", **kind)
        assert answer.status_code == 401
    assert log_in("Alice ", "192.0.2.200", **JSON).status_code == 429
    assert log_in("bob", "192.0.2.200").status_code == 401


@pytest.mark.django_db
def test_a_hook_with_the_decorator_of_ratelimit_answers_json(shown: Any) -> None:
    @ratelimit(group="login", key="ip", rate="1/m")
    def decorated(request: Any, sender: str) -> None:
        """Lets pass whom the decorator does."""

    shown.decorated = decorated
    with override_settings(DJWTO_THROTTLE="shop.throttle.decorated"):
        assert log_in("alice", "192.0.2.1").status_code == 401
        answer = log_in("alice", "192.0.2.1")
    assert answer.status_code == 429
    assert answer.json() == {"error": "Too many requests; try again later."}
    assert "Retry-After" not in answer


urlpatterns = [
    path(
        "login/",
        ratelimit(group="around", key="ip", rate="1/m")(GetTokensView.as_view()),
    ),
    path("", include("djwto.urls")),
]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_around_the_view_ratelimit_works_and_answers_as_django_does(
    shown: Any, settings: Settings
) -> None:
    settings.DJWTO_THROTTLE = None
    settings.MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
    User.objects.create_user("alice", password="pass")
    client = Client(enforce_csrf_checks=True)
    credentials = {"username": "alice", "password": "pass"}
    assert client.post("/login/", credentials).status_code == 200
    with Recorder() as recorder:
        answer = client.post("/login/", credentials)
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")
    assert recorder.take() == []


@pytest.mark.django_db
def test_the_log_is_written_as_it_is_set_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(HERE)
    logger = logging.getLogger("djwto.security")
    before = logger.level, logger.propagate, logger.handlers[:]
    shown = importlib.import_module("logging_settings")

    try:
        logging.config.dictConfig(shown.LOGGING)
        log_in("alice", "192.0.2.1")
    finally:
        logger.level, logger.propagate, logger.handlers[:] = before
        sys.modules.pop("logging_settings")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" WARNING login_failed endpoint=GetTokensView ip=192.0.2.1")
