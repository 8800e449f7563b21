"""ADM-6: the admin's texts are in the language of who looks at it, where djwto speaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext
from pytest_django import Settings

from djwto.backends.database import DatabaseBlacklist
from djwto.contrib.sessions.models import Session
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.spec_tests.core.admin_site import admin_test, browser, site, texts
from djwto.spec_tests.core.alice import session

ENTRIES = "/admin/djwto/blacklistentry/"
SESSIONS = "/admin/djwto_sessions/session/"

pytestmark = [
    admin_test,
    pytest.mark.django_db(transaction=True),
    pytest.mark.clause("ADM-6"),
]


@pytest.fixture(params=["de", "fr", "es", "pt", "zh-hans"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each that djwto speaks; after a test the language is that of before."""
    with translation.override(translation.get_language()):
        yield request.param


@pytest.fixture
def root(language: str, settings: Settings, transactional_db: None) -> Iterator[Client]:
    """A superuser's browser that asks for this language."""
    with site(settings):
        settings.MIDDLEWARE += ["django.middleware.locale.LocaleMiddleware"]
        client = browser(User.objects.create_superuser("root", password="pass"))
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        yield client


def said(language: str, text: str, **arguments: Any) -> str:
    """The text in this language, which is not the English one."""
    with translation.override(language):
        translated = gettext(text)
    assert translated != text
    return translated % arguments if arguments else translated


def page_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return unescape(response.content.decode())


def shows(page: str, text: str) -> bool:
    """Whether an element or an attribute is this text, as a label or with a capital at least."""
    return re.search(rf'[>"]\s*{re.escape(text)}[^\w<"]*[<"]', page, re.IGNORECASE) is not None


def answers(client: Client, path: str, **fields: str) -> list[str]:
    """What the admin says to a form."""
    return texts(client.post(path, fields, follow=True))


def test_the_list_of_entries_and_its_forms(language: str, root: Client) -> None:
    kinds = {0: "", 1: "a:1", 2: "a"}
    BlacklistEntry.objects.bulk_create(
        BlacklistEntry(key=f"{number:032x}", value=kinds.get(number, "")) for number in range(101)
    )
    page = page_of(root, ENTRIES)
    for text in (
        "JWT authentication",
        "blacklist entries",
        "What the blacklist remembers",
        "Session:",
        "A token, a jti or a key. Of a token nothing is kept but the name of its session.",
        "Look up",
        "End this session",
        "Delete what has expired",
        "key",
        "what happened",
        "remembered until",
        "The session ended",
        "The user was logged out everywhere",
        "The refresh token was exchanged",
        "never",
        "Next page",
    ):
        assert shows(page, said(language, text))
    told = "%(shown)s on this page, in the order of their keys."
    assert shows(page, said(language, told, shown=100))
    one = page_of(root, f"{ENTRIES}{0:032x}/change/")
    for text in ("key", "value"):
        assert shows(one, said(language, text))
    assert said(language, "blacklist entry") in one


def test_a_backend_without_a_table(language: str, root: Client, settings: Settings) -> None:
    settings.DJWTO_BLACKLIST = {"BACKEND": "djwto.backends.cache.CacheBlacklist"}
    told = (
        "The blacklist in force, %(backend)s, keeps its entries in no table, so there is no list "
        "of them. Sessions can be looked up and ended here all the same."
    )
    assert shows(page_of(root, ENTRIES), said(language, told, backend="CacheBlacklist"))


def test_what_the_form_for_a_session_is_answered(language: str, root: Client) -> None:
    form, key = f"{ENTRIES}session/", "5" * 32
    for fields, text in (
        ({"look_up": "1"}, "%(key)s is not in the blacklist: it goes on, or is long over."),
        ({"end": "1"}, "%(key)s has been ended."),
        ({"end": "1"}, "%(key)s had ended before."),
        ({"look_up": "1"}, "%(key)s is in the blacklist: it has ended."),
    ):
        assert answers(root, form, session=key, **fields) == [said(language, text, key=key)]
    text = "Paste a token, a jti or a key first."
    assert answers(root, form) == [said(language, text)]
    text = (
        "That is no token of this site: %(refusal)s To end its session all the same, paste the "
        "jti."
    )
    refusal = said(language, "The token is malformed or its claims are wrong.")
    assert answers(root, form, session="a.b.c") == [said(language, text, refusal=refusal)]
    # Django's own text for what it finds in its log.
    assert shows(page_of(root, f"{ENTRIES}{key}/history/"), said(language, "Added."))


def test_what_the_form_that_purges_is_answered(
    language: str, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = f"{ENTRIES}purge/"
    done = said(language, "Expired entries deleted: %(count)s.", count=0)
    assert answers(root, form) == [done]
    with monkeypatch.context() as patched:
        patched.setattr(DatabaseBlacklist, "purge_in_batches", unavailable)
        down = said(language, "The blacklist is unavailable: %(error)s", error="It is down.")
        assert answers(root, form) == [down, done]
    BlacklistEntry.objects.create(key="5" * 32, exp=5)
    monkeypatch.setattr("djwto.admin.PATIENCE", 0)
    told = (
        "Expired entries deleted: %(count)s. There may be more: do it again, or run manage.py "
        "delete_tokens."
    )
    assert answers(root, form) == [said(language, told, count=1)]


def unavailable(*args: Any) -> Any:
    raise BlacklistUnavailable("It is down.")


def test_the_list_of_sessions(language: str, root: Client) -> None:
    session()
    page = page_of(root, SESSIONS)
    for text in (
        "JWT sessions",
        "user",
        "created",
        "last refreshed",
        "IP address or network",
        "user agent",
        "End the selected sessions",
    ):
        assert shows(page, said(language, text))
    one = page_of(root, f"{SESSIONS}{Session.objects.get().key}/change/")
    for text in ("key", "expires", "The key of the session in the blacklist."):
        assert shows(one, said(language, text))


def test_what_the_end_of_sessions_is_answered(
    language: str, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session()
    key = Session.objects.get().key
    chosen = {"action": "delete_selected", "_selected_action": key}
    with monkeypatch.context() as patched:
        patched.setattr(DatabaseBlacklist, "add", unavailable)
        told = (
            "The blacklist is unavailable: %(error)s Sessions ended: %(count)s. All others go on; "
            "select them again when it is back."
        )
        assert answers(root, SESSIONS, **chosen) == [
            said(language, told, error="It is down.", count=0)
        ]
        told = "The blacklist is unavailable: %(error)s The session goes on."
        assert answers(root, f"{SESSIONS}{key}/delete/", post="yes") == [
            said(language, told, error="It is down.")
        ]
    assert answers(root, SESSIONS, **chosen) == [
        said(language, "Sessions ended: %(count)s.", count=1)
    ]


def test_the_names_of_the_models_ask_for_no_migration(language: str) -> None:
    with translation.override(language):
        apps = ("djwto", "djwto_sessions")
        call_command("makemigrations", *apps, check_changes=True, dry_run=True, verbosity=0)
