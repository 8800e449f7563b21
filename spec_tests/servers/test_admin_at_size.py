"""The admin on a table of PostgreSQL with some hundred thousand entries: how pages are found."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from djwto.models import BlacklistEntry
from djwto.spec_tests.core.admin_site import admin_test, browser, site

pytestmark = [admin_test, pytest.mark.django_db(transaction=True)]

LIST = "/admin/djwto/blacklistentry/"
ROWS = 300_000
TABLE = "djwto_blacklistentry"

FILL = f"""
    INSERT INTO {TABLE} (key, value, exp)
    SELECT md5(n::text)::uuid::text, '', CASE WHEN n % 2 = 0 THEN n ELSE 99999999999 END
    FROM generate_series(1, {ROWS}) AS n
"""


@pytest.fixture
def root(settings: Settings, transactional_db: None) -> Iterator[Client]:
    """A browser in which a superuser has logged in, and a table that is full."""
    if connection.vendor != "postgresql":
        required = os.environ.get("DJWTO_REQUIRE_SERVICES") == "1"
        (pytest.fail if required else pytest.skip)("the database is not PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute(f"ANALYZE {TABLE}")
    with site(settings):
        yield browser(User.objects.create_superuser("root", password="pass"))


def plans(client: Client, address: str) -> str:
    """How PostgreSQL answered what a page asked of the table, with how many rows it took."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    statements = [q["sql"] for q in queries if TABLE in q["sql"]]
    assert statements
    with connection.cursor() as cursor:
        lines = []
        for statement in statements:
            cursor.execute(f"EXPLAIN ANALYZE {statement}")
            lines += [line for (line,) in cursor.fetchall()]
    return "\n".join(lines)


@pytest.mark.clause("ADM-1")
def test_a_page_is_found_by_the_index_wherever_it_is(root: Client) -> None:
    middle = BlacklistEntry.objects.filter(key__gt="8").order_by("key").first()
    last = BlacklistEntry.objects.order_by("key").last()
    assert middle
    assert last
    for address in (
        LIST,
        f"{LIST}?after={middle.key}",
        f"{LIST}?after={last.key}",
        f"{LIST}?after={middle.key}&o=3",
        f"{LIST}{middle.key}/change/",
    ):
        plan = plans(root, address)
        assert "Index" in plan, plan
        for slow in ("Seq Scan", "Sort", "Aggregate", "Bitmap"):
            assert slow not in plan, plan
        taken = [int(rows) for rows in re.findall(r"actual [^)]*rows=(\d+)", plan)]
        assert taken, plan
        assert max(taken) <= 101, plan
