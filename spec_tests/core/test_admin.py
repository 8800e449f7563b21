"""The blacklist in Django's admin."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from djwto import sessions
from djwto.backends.database import DatabaseBlacklist
from djwto.blacklist import blacklist_key, get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.models import BlacklistEntry
from djwto.spec_tests import api
from djwto.spec_tests.core.admin_site import admin_test, browser, site, texts
from djwto.spec_tests.core.alice import each_mode, session, token
from djwto.spec_tests.core.tokens_by_hand import HEADER, by_hand, good
from djwto.spec_tests.recorder import Recorder
from djwto.testing import tokens_for

LIST = "/admin/djwto/blacklistentry/"
LOOK_UP, PURGE = f"{LIST}session/", f"{LIST}purge/"
YEAR = 365 * 86_400

pytestmark = [admin_test, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def root(settings: Settings, transactional_db: None) -> Iterator[Client]:
    """A browser in which a superuser has logged in to Django's admin."""
    with site(settings):
        yield browser(User.objects.create_superuser("root", password="pass"))


def ask(client: Client, pasted: str, button: str = "look_up") -> list[str]:
    """What the admin says when this is pasted and a button pressed."""
    return texts(client.post(LOOK_UP, {"session": pasted, button: "1"}, follow=True))


def fill(count: int, exp: int | None = None) -> list[str]:
    """The keys of so many new entries, in their order."""
    keys = fill_keys(count)
    BlacklistEntry.objects.bulk_create(BlacklistEntry(key=key, exp=exp) for key in keys)
    return keys


def fill_keys(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def shown(response: Any) -> list[str]:
    """The keys on a page."""
    assert response.status_code == 200, response.content
    return [entry.key for entry in response.context["cl"].result_list]


# The list.


@pytest.mark.clause("ADM-1")
def test_each_entry_is_on_one_page_and_each_page_is_one_statement(root: Client) -> None:
    keys = fill(250)
    address, seen, pages = LIST, list[str](), 0
    while address:
        with CaptureQueriesContext(connection) as queries:
            page = root.get(address)
        seen += shown(page)
        pages += 1
        [statement] = [q["sql"] for q in queries if "djwto_blacklistentry" in q["sql"]]
        assert statement.endswith("LIMIT 101")
        assert "COUNT" not in statement.upper()
        assert re.search(r"ORDER BY .djwto_blacklistentry.\..key. ASC LIMIT", statement)
        more = re.search(r'href="(\?after=[0-9a-f]+)"', page.content.decode())
        address = f"{LIST}{more[1]}" if more else ""
    assert (seen, pages) == (keys, 3)


@pytest.mark.clause("ADM-1")
@pytest.mark.parametrize("count", [100, 101])
def test_the_last_page_names_no_other(count: int, root: Client) -> None:
    fill(count)
    page = root.get(LIST)
    assert len(shown(page)) == 100
    assert ("Next page" in page.content.decode()) is (count == 101)


@pytest.mark.clause("ADM-1")
def test_what_happened_is_told_and_until_when_it_is_remembered(root: Client) -> None:
    answer = session()
    api.send(api.UPDATE_REFRESH, answer.refresh)
    api.send(api.LOGOUT_ALL, api.log_in("alice", "pass").refresh)
    fill(1)
    page = root.get(LIST).content.decode()
    for text in ("token was exchanged", "logged out everywhere", "session ended", "never"):
        assert text in page
    entry = BlacklistEntry.objects.get(key=f"{0:032x}")
    one = root.get(f"{LIST}{entry.key}/change/")
    assert one.status_code == 200
    assert entry.key in one.content.decode()
    assert b'type="submit"' not in one.content.split(b'id="content"')[1]


@pytest.mark.clause("ADM-1")
def test_nothing_is_sorted_and_sought_by_what_no_index_is_for(root: Client) -> None:
    fill(3, exp=5)
    for query in ("?o=3", "?o=-2", "?q=1", "?all=", "?p=1"):
        with CaptureQueriesContext(connection) as queries:
            assert shown(root.get(LIST + query)) == fill_keys(3)
        [statement] = [q["sql"] for q in queries if "djwto_blacklistentry" in q["sql"]]
        assert "WHERE" not in statement
        assert statement.split("ORDER BY")[1].count(",") == 0
        assert "exp" not in statement.split("ORDER BY")[1]
    for query in ("?key__contains=1", "?exp__lt=9", "?exp=5", "?value="):
        assert root.get(LIST + query).status_code == 400
    for query in ("?after=%00", "?after=Z", f"?after={'a' * 66}"):
        assert root.get(LIST + query).headers["Location"] == f"{LIST}?e=1"


@pytest.mark.clause("ADM-1")
def test_no_entry_is_changed_or_deleted(root: Client) -> None:
    [key] = fill(1)
    for path in (f"{LIST}add/", f"{LIST}{key}/delete/"):
        assert root.get(path).status_code == 403
        assert root.post(path, {"post": "yes"}).status_code == 403
    assert root.post(f"{LIST}{key}/change/", {"value": "x"}).status_code == 403
    root.post(LIST, {"action": "delete_selected", "_selected_action": [key], "post": "yes"})
    assert list(BlacklistEntry.objects.values_list("key", "value")) == [(key, "")]


# One session.


@pytest.mark.clause("ADM-2")
@each_mode
@pytest.mark.parametrize("what", ["refresh", "access", "bearer", "jti"])
def test_a_session_is_ended_by_what_is_pasted(
    what: str, mode: str, root: Client, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    answer = session()
    jti = api.claims_of(answer.refresh)["jti"]
    pasted = jti if what == "jti" else token(answer, what.replace("bearer", "refresh"))
    if what == "bearer":
        pasted = f"Bearer {pasted}\n"
    assert ask(root, pasted) == [f"{jti} is not in the blacklist: it goes on, or is long over."]
    with Recorder() as recorder:
        assert ask(root, pasted, "end") == [f"{jti} has been ended."]
        assert ask(root, pasted, "end") == [f"{jti} had ended before."]
    ended = recorder.only("jwt_blacklisted", sender="BlackListTokenView", jti=jti)
    assert ended.kwargs["request"].path == LOOK_UP
    recorder.assert_sent("jwt_blacklisted")
    assert ask(root, pasted) == [f"{jti} is in the blacklist: it has ended."]
    assert api.send(api.REFRESH_ACCESS, answer.refresh).status == 401
    from django.contrib.admin.models import LogEntry

    [noted] = LogEntry.objects.all()
    assert (noted.object_id, noted.object_repr) == (jti, jti)


@pytest.mark.clause("ADM-2")
def test_a_jti_that_is_no_key_is_ended_by_either(root: Client) -> None:
    jtis = ["Session Nr. 1", "~abc", "<b>bold</b>", "Ä" * 300]
    for jti in jtis:
        assert ask(root, jti, "end") == [f"{blacklist_key(jti)} has been ended."]
        assert get_blacklist().contains(blacklist_key(jti))
        assert ask(root, blacklist_key(jti)) == [
            f"{blacklist_key(jti)} is in the blacklist: it has ended."
        ]
    assert BlacklistEntry.objects.count() == len(jtis)


@pytest.mark.clause("ADM-2")
def test_a_token_that_has_expired_will_do(root: Client) -> None:
    session()
    pair = tokens_for(User.objects.get(username="alice"), lifetime=timedelta(days=-2))
    jti = pair.refresh_claims["jti"]
    for pasted in (pair.access, pair.refresh):
        assert ask(root, pasted) == [
            f"{jti} is not in the blacklist: it goes on, or is long over."
        ]
    assert ask(root, pair.access, "end") == [f"{jti} has been ended."]


@pytest.mark.clause("ADM-2")
@pytest.mark.parametrize("longest", [timedelta(days=30), timedelta(days=90), None])
def test_the_end_is_remembered_for_as_long_as_a_token_may_live(
    longest: timedelta | None, root: Client, settings: Settings
) -> None:
    settings.DJWTO_SESSION_MAX_AGE = longest
    answer, now = session(), int(time.time())
    claims = api.claims_of(answer.refresh)
    ask(root, "5" * 32, "end")
    exp = BlacklistEntry.objects.get(key="5" * 32).exp
    if longest is None:
        assert exp is None
    else:
        assert exp is not None
        kept = now + longest.total_seconds() + sessions.CLOCK_MARGIN
        assert kept <= exp <= kept + 60
    # Of a token it is known when the session's tokens end.
    ask(root, token(answer, "refresh"), "end")
    known = BlacklistEntry.objects.get(key=claims["jti"]).exp
    assert known is not None
    assert claims["exp"] + sessions.CLOCK_MARGIN <= known <= claims["exp"] + 600


@pytest.mark.clause("ADM-2")
def test_a_token_that_was_not_signed_here_ends_nothing(root: Client) -> None:
    forged = by_hand(HEADER, good(), key=b"another key, of somebody else's")
    for pasted in (forged, "a.b.c", "..", by_hand(HEADER, good("other")), "Bearer a.b.c"):
        for button in ("look_up", "end"):
            [text] = ask(root, pasted, button)
            assert text.startswith("That is no token of this site: ")
            assert text.endswith("paste the jti.")
    for pasted in ("", "  \n"):
        assert ask(root, pasted, "end") == ["Paste a token, a jti or a key first."]
    assert not BlacklistEntry.objects.exists()


@pytest.mark.clause("ADM-2")
@pytest.mark.parametrize("button", ["look_up", "end"])
@pytest.mark.parametrize("sent", ["good", "forged", "raising"])
def test_nothing_of_a_token_is_left_anywhere(
    button: str,
    sent: str,
    root: Client,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = session()
    good_token = token(answer, "refresh")
    pasted = good_token[:-4] + "AAAA" if sent == "forged" else good_token
    parts = pasted.split(".")[1:]
    caplog.set_level(logging.DEBUG)
    if sent == "raising":
        monkeypatch.setattr("djwto.verified.validate", divide_by_zero)
        root.raise_request_exception = False
    with CaptureQueriesContext(connection) as queries:
        first = root.post(LOOK_UP, {"session": pasted, button: "1"})
    page = root.get(LIST)
    if sent == "raising":
        assert first.status_code == 500
        [record] = [record for record in caplog.records if record.exc_info]
        assert record.exc_info
        reporter = ExceptionReporter(first.wsgi_request, *record.exc_info)
        told = f"{reporter.get_traceback_html()}{reporter.get_traceback_text()}"
        assert "ZeroDivisionError" in told
        assert "session_view" in told
    else:
        assert first.headers["Location"] == LIST
        told = ""
    rows = BlacklistEntry.objects.values_list("key", "value")
    everything = [
        told,
        str(first.headers),
        str(first.cookies),
        page.content.decode(),
        caplog.text,
        *(query["sql"] for query in queries),
        *(f"{key} {value}" for key, value in rows),
    ]
    for text in everything:
        for part in parts:
            assert part not in text
            assert part[:40] not in text


def divide_by_zero(*args: Any) -> None:
    raise ZeroDivisionError


@pytest.mark.clause("ADM-2")
def test_a_token_cannot_be_sent_in_an_address(root: Client) -> None:
    answer = session()
    for path in (LOOK_UP, PURGE):
        sent = {"session": token(answer, "refresh"), "end": "1"}
        assert root.get(path, sent).status_code == 405
    assert 'name="q"' not in root.get(LIST).content.decode()
    assert not BlacklistEntry.objects.exists()


@pytest.mark.clause("ADM-2")
def test_another_site_ends_nothing(root: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = root.cookies
    for path in (LOOK_UP, PURGE):
        assert strict.post(path, {"session": "5" * 32, "end": "1"}).status_code == 403
    assert not BlacklistEntry.objects.exists()


# What has expired.


@pytest.mark.clause("ADM-3")
def test_what_has_expired_is_deleted_and_nothing_else(root: Client) -> None:
    fill(30, exp=5)
    now = int(time.time())
    for key, exp in (("live", now + YEAR), ("eternal", None)):
        get_blacklist().add(blacklist_key(key), exp)
    assert texts(root.post(PURGE, follow=True)) == ["Expired entries deleted: 30."]
    left = set(BlacklistEntry.objects.values_list("key", flat=True))
    assert left == {blacklist_key("live"), blacklist_key("eternal")}


@pytest.mark.clause("ADM-3")
def test_a_purge_that_takes_long_is_left_off(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djwto.backends.database.BATCH", 10)
    fill(30, exp=5)
    monkeypatch.setattr("djwto.admin.PATIENCE", 0)
    [text] = texts(root.post(PURGE, follow=True))
    assert text.startswith("Expired entries deleted: 10. There may be more")
    assert BlacklistEntry.objects.count() == 20
    monkeypatch.setattr("djwto.admin.PATIENCE", 60)
    assert texts(root.post(PURGE, follow=True)) == ["Expired entries deleted: 20."]


# Who may do what.


@pytest.mark.clause("ADM-4")
@pytest.mark.parametrize(
    "granted", ["", "view", "add", "delete", "change", "view add", "view delete"]
)
def test_each_may_do_what_their_permissions_say(granted: str, root: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    names = [f"{action}_blacklistentry" for action in granted.split()]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = browser(clerk)
    [key] = fill(1, exp=5)
    may = set(granted.split())
    page = client.get(LIST)
    assert page.status_code == client.get(f"{LIST}{key}/change/").status_code
    assert page.status_code == (200 if "view" in may else 403)
    if "view" in may:
        assert ("End this session" in page.content.decode()) is ("add" in may)
        assert ("Delete what has expired" in page.content.decode()) is ("delete" in may)
    for action, path, fields in (
        ("view", LOOK_UP, {"session": "5" * 32, "look_up": "1"}),
        ("add", LOOK_UP, {"session": "5" * 32, "end": "1"}),
        ("delete", PURGE, {}),
    ):
        assert client.post(path, fields).status_code == (302 if action in may else 403)
    left = {"5" * 32} if "add" in may else set()
    if "delete" not in may:
        left.add(key)
    assert set(BlacklistEntry.objects.values_list("key", flat=True)) == left


@pytest.mark.clause("ADM-4")
def test_who_is_no_staff_is_sent_to_log_in(root: Client) -> None:
    for client in (Client(), browser(User.objects.create_user("bob"))):
        for path in (LOOK_UP, PURGE):
            response = client.post(path, {"session": "5" * 32, "end": "1"})
            assert response.headers["Location"].startswith("/admin/login/")
    assert not BlacklistEntry.objects.exists()


# Other backends, and none at all.


@pytest.mark.clause("ADM-5")
@pytest.mark.parametrize("name", ["cache", "redis"])
def test_another_backend_has_no_list_and_ends_sessions_all_the_same(
    name: str, root: Client, settings: Settings, subjects: dict[str, Any]
) -> None:
    settings.DJWTO_BLACKLIST = subjects[name].setting
    fill(3)
    page = root.get(LIST)
    assert shown(page) == []
    backend = type(get_blacklist()).__name__
    assert f"{backend}, keeps its entries in no table" in page.content.decode()
    answer = session()
    jti = api.claims_of(answer.refresh)["jti"]
    assert ask(root, jti)[0].startswith(f"{jti} is not in the blacklist")
    with Recorder() as recorder:
        assert ask(root, token(answer, "access"), "end") == [f"{jti} has been ended."]
    recorder.only("jwt_blacklisted", jti=jti)
    assert ask(root, jti) == [f"{jti} is in the blacklist: it has ended."]
    assert api.send(api.REFRESH_ACCESS, answer.refresh).status == 401
    assert texts(root.post(PURGE, follow=True)) == ["Expired entries deleted: 0."]


@pytest.mark.clause("ADM-5")
@pytest.mark.parametrize(
    ("path", "fields", "down"),
    [
        (LOOK_UP, {"session": "5" * 32, "look_up": "1"}, "contains"),
        (LOOK_UP, {"session": "5" * 32, "end": "1"}, "add"),
        (PURGE, {}, "purge_in_batches"),
        (LIST, None, "list"),
    ],
)
def test_while_the_store_is_down_the_admin_says_so(
    path: str,
    fields: dict[str, str] | None,
    down: str,
    root: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(1, exp=5)

    def unavailable(*args: Any) -> Any:
        raise BlacklistUnavailable("The store is down.")

    with Recorder() as recorder, monkeypatch.context() as patched:
        if down == "list":
            patched.setattr("djwto.admin.KeysetChangeList.get_results", unavailable)
        else:
            patched.setattr(DatabaseBlacklist, down, unavailable)
        first = root.get(path) if fields is None else root.post(path, fields)
    said = texts(root.get(first.headers["Location"]))
    assert said[0] == "The blacklist is unavailable: The store is down."
    assert said[1:] in ([], ["Expired entries deleted: 0."])
    assert recorder.sent == []
    assert BlacklistEntry.objects.count() == 1


@pytest.mark.clause("ADM-5")
def test_a_purge_that_is_broken_off_tells_how_far_it_came(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking_off(self: Any) -> Iterator[int]:
        yield 7
        raise BlacklistUnavailable("The store is down.")

    monkeypatch.setattr(DatabaseBlacklist, "purge_in_batches", breaking_off)
    assert texts(root.post(PURGE, follow=True)) == [
        "The blacklist is unavailable: The store is down.",
        "Expired entries deleted: 7.",
    ]
