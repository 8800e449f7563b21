"""What a thief of a store has: no token, and nothing that one could be made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client, override_settings

from djwto.models import BlacklistEntry
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import CREDENTIALS, session, token
from djwto.spec_tests.core.hooks import fake_redis

pytestmark = pytest.mark.django_db


def in_the_table() -> list[str]:
    rows = BlacklistEntry.objects.values_list()
    return [str(column) for row in rows for column in row]


def in_the_cache() -> list[str]:
    # Of Django's caches this one alone tells what is in it.
    cache: Any = caches["stored"]
    names = [name.split(":", 2)[2] for name in cache._cache]
    return [*names, *(str(cache.get(name)) for name in names)]


def in_redis() -> list[str]:
    client = fake_redis()
    names = client.keys("*")
    return [text.decode() for text in (*names, *client.mget(names))]


LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
STORES: dict[str, tuple[dict[str, Any], Callable[[], list[str]]]] = {
    "database": ({"BACKEND": "djwto.backends.database.DatabaseBlacklist"}, in_the_table),
    "cache": (
        {"BACKEND": "djwto.backends.cache.CacheBlacklist", "OPTIONS": {"alias": "stored"}},
        in_the_cache,
    ),
    "redis": (
        {
            "BACKEND": "djwto.backends.redis.RedisBlacklist",
            "OPTIONS": {"client": "djwto.spec_tests.core.hooks.fake_redis"},
        },
        in_redis,
    ),
}


@pytest.mark.clause("TOK-6")
@pytest.mark.parametrize("store", STORES)
def test_nothing_that_is_stored_can_be_sent_as_a_token(store: str, settings: Any) -> None:
    blacklist, dump = STORES[store]
    stored = {"BACKEND": LOCMEM, "LOCATION": "stored"}
    with override_settings(
        DJWTO_BLACKLIST=blacklist, CACHES={**settings.CACHES, "stored": stored}
    ):
        first = session()
        answers = [first, api.send(api.UPDATE_REFRESH, first.refresh), api.log_in(**CREDENTIALS)]
        assert api.send(api.LOGOUT, answers[1].refresh).status == 200
        revoke_all(User.objects.get())
        answers.append(api.log_in(**CREDENTIALS))
        found = dump()
        # What was used up, who has logged out, and whose sessions have ended.
        assert any(api.claims_of(first.refresh)["jti"] in text for text in found)
        assert len(found) >= 6
        for answer in answers:
            for type_ in ("refresh", "access"):
                whole = token(answer, type_)
                segments = whole.split(".")[1:]
                assert not [t for t in found if any(segment in t for segment in segments)]
                # Nor a part of one.
                assert not [t for t in found if len(t) > 12 and t in whole]
        stated = api.claims_of(first.refresh)["auth_hash"]
        secrets = (settings.SECRET_KEY, stated, User.objects.get().password)
        assert not [text for text in found if any(secret in text for secret in secrets)]
        for text in filter(None, found):
            header = {"Authorization": f"Bearer {text}"}
            assert Client(headers=header).post(api.REFRESH_ACCESS).status_code in {400, 401}
        # Who could send a token of before the end still cannot.
        assert api.send(api.REFRESH_ACCESS, answers[2].refresh).status == 401
        assert api.send(api.REFRESH_ACCESS, answers[3].refresh).status == 200
