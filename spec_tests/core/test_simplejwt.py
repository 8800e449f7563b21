"""MIG-1 to MIG-6: tokens of simplejwt during a change-over, made by hand as it makes them.

docs/migrate has the package itself make them.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import datetime, timedelta, timezone
from hashlib import md5
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.models import Manager
from django.test import AsyncClient, RequestFactory
from pytest_django import Settings

from djwto import checks
from djwto.blacklist import get_blacklist
from djwto.claims import process_claims
from djwto.cutoff import user_key
from djwto.exceptions import BlacklistUnavailable
from djwto.login import adopted
from djwto.sessions import revoke_all
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import (
    CREDENTIALS,
    create_alice,
    each_cookie_mode,
    each_mode,
    names,
    token,
)
from djwto.spec_tests.core.keys_for_tests import EC_PRIVATE, EC_PUBLIC, RSA_PRIVATE
from djwto.spec_tests.recorder import Recorder
from djwto.tokens import LONGEST
from djwto.transports import OneCookie, current

pytestmark = [
    # A view that is awaited looks the user up in a thread of its own.
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("djwto.spec_tests.core.urls_request_user"),
]

KEY = django_settings.SECRET_KEY
OTHER_KEY = "another key, of no use to anyone, and long enough to sign with"
TOMORROW = datetime.now(timezone.utc) + timedelta(days=1)
CHALLENGE = 'Bearer realm="api", error="invalid_token"'

EXCHANGES = [api.REFRESH_ACCESS, api.UPDATE_REFRESH]
REFRESH_ENDPOINTS = [*EXCHANGES, api.VALIDATE_REFRESH, api.LOGOUT, api.LOGOUT_ALL]
ACCESS_VIEWS = ["/guarded/", "/guarded/async/", api.VALIDATE_ACCESS, "/rest/", "/ninja/who"]

each_exchange = pytest.mark.parametrize("path", EXCHANGES)


@pytest.fixture(autouse=True)
def change_over(settings: Settings) -> None:
    settings.DJWTO_ACCEPT_SIMPLEJWT = {"UNTIL": TOMORROW}
    settings.MIDDLEWARE = ["djwto.middleware.JWTAuthenticationMiddleware"]


def claims(type_: str, **changes: Any) -> dict[str, Any]:
    """Claims as simplejwt makes them; one that is changed to `...` is left out."""
    now = int(time.time())
    made = {
        "token_type": type_,
        "exp": now + 3600,
        "iat": now - 30,
        "jti": uuid.uuid4().hex,
        "user_id": str(User.objects.get(username="alice").pk),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def theirs(
    type_: str, key: Any = KEY, algorithm: str = "HS256", headers: Any = None, **changes: Any
) -> str:
    """A token of theirs."""
    return jwt.encode(claims(type_, **changes), key, algorithm=algorithm, headers=headers)


def post(path: str, sent: str | None, **kwargs: Any) -> api.Answer:
    is_refresh = path in REFRESH_ENDPOINTS
    return api.send(path, sent, as_refresh=is_refresh, **kwargs)


def assert_refused(answer: api.Answer) -> None:
    assert answer.status == 401, answer
    # REST framework and Ninja have a form of their own.
    if "error" in answer.body:
        assert answer.headers["WWW-Authenticate"] == CHALLENGE


def assert_refused_everywhere(**changes: Any) -> None:
    for path in ACCESS_VIEWS:
        assert_refused(post(path, theirs("access", **changes)))
    for path in REFRESH_ENDPOINTS:
        assert_refused(post(path, theirs("refresh", **changes)))


def assert_accepted_everywhere(**changes: Any) -> None:
    for path in ACCESS_VIEWS:
        assert post(path, theirs("access", **changes)).status == 200, path
    for path in REFRESH_ENDPOINTS:
        # What logs out everywhere is last.
        assert post(path, theirs("refresh", **changes)).status == 200, path


def accept(settings: Settings, **members: Any) -> None:
    settings.DJWTO_ACCEPT_SIMPLEJWT = {"UNTIL": TOMORROW, **members}


# MIG-1


@pytest.mark.clause("MIG-1")
def test_without_the_setting_none_is_accepted(settings: Settings) -> None:
    create_alice()
    del settings.DJWTO_ACCEPT_SIMPLEJWT
    assert_refused_everywhere()


@pytest.mark.clause("MIG-1")
@pytest.mark.parametrize("later", [-1, 0, 1])
def test_none_is_accepted_from_until_on_to_the_second(later: int, settings: Settings) -> None:
    create_alice()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        until = datetime.fromtimestamp(1_800_000_060, timezone(timedelta(hours=9)))
        accept(settings, UNTIL=until)
        sent = {type_: theirs(type_) for type_ in ("access", "refresh")}
        assert post("/guarded/", sent["access"]).status == 200
        clock.shift(60 + later)
        status = 200 if later < 0 else 401
        assert post("/guarded/", sent["access"]).status == status
        for path in (api.VALIDATE_REFRESH, api.UPDATE_REFRESH):
            assert post(path, sent["refresh"]).status == status


# MIG-2


@pytest.mark.clause("MIG-2")
def test_with_the_setting_each_is_accepted_where_ours_would_be() -> None:
    create_alice()
    assert_accepted_everywhere()


@pytest.mark.clause("MIG-2")
@pytest.mark.parametrize(
    "wrong",
    [
        {"key": OTHER_KEY},
        {"algorithm": "HS512"},
        {"key": "", "algorithm": "none"},
        {"key": RSA_PRIVATE, "algorithm": "RS256"},
        {"headers": {"typ": "at+jwt"}},
        {"headers": {"crit": ["x"], "x": 1}},
        {"exp": ...},
        {"iat": ...},
        {"jti": ...},
        {"token_type": ...},
        {"user_id": ...},
        {"exp": 1_000_000_000},
        {"exp": "2000000000"},
        {"exp": 2_000_000_000.5},
        {"exp": True},
        {"iat": 2_000_000_000},
        {"iat": "x"},
        {"jti": ""},
        {"jti": 7},
        {"user_id": None},
        {"user_id": True},
        {"user_id": ["1"]},
        {"user_id": {}},
        {"token_type": "sliding"},
        {"token_type": ["access", "refresh"]},
        {"aud": "shop"},
        {"iss": "shop.example"},
        {"nbf": 2_000_000_000},
    ],
)
def test_one_that_is_wrong_in_one_way_is_refused(wrong: dict[str, Any]) -> None:
    create_alice()
    assert_refused_everywhere(**wrong)


@pytest.mark.clause("MIG-2")
def test_one_kind_does_not_pass_for_the_other() -> None:
    create_alice()
    for path in ACCESS_VIEWS:
        assert_refused(post(path, theirs("refresh")))
    for path in REFRESH_ENDPOINTS:
        assert_refused(post(path, theirs("access")))


@pytest.mark.clause("MIG-2")
def test_what_is_no_token_at_all_is_refused_and_no_error() -> None:
    create_alice()
    good = theirs("refresh")
    for sent in ("a.b.c", "é", good[:-4] + "AAAA", good + "=", "a" * (LONGEST + 1)):
        assert_refused(post(api.UPDATE_REFRESH, sent))
    long = jwt.encode(claims("refresh", pad="a" * LONGEST), KEY)
    assert post(api.UPDATE_REFRESH, long).body["error"] == "The token is too long."


@pytest.mark.clause("MIG-2")
def test_a_refusal_says_what_is_wrong_with_it() -> None:
    create_alice()
    for sent, error in (
        (theirs("refresh", exp=1_000_000_000), "The token has expired."),
        (theirs("refresh", jti=...), "The token has no jti claim."),
        (theirs("sliding"), "This is not a refresh token."),
        (theirs("refresh", key=OTHER_KEY), "The signature of the token is wrong."),
    ):
        assert post(api.UPDATE_REFRESH, sent).body["error"] == error


@pytest.mark.clause("MIG-2")
@pytest.mark.parametrize(
    ("members", "changes"),
    [
        ({"SIGNING_KEY": OTHER_KEY}, {"key": OTHER_KEY}),
        ({"ALGORITHM": "HS384"}, {"algorithm": "HS384"}),
        (
            {"ALGORITHM": "ES256", "VERIFYING_KEY": EC_PUBLIC},
            {"algorithm": "ES256", "key": EC_PRIVATE},
        ),
        (
            {"ALGORITHM": "ES256", "SIGNING_KEY": EC_PRIVATE},
            {"algorithm": "ES256", "key": EC_PRIVATE},
        ),
        (
            {"ALGORITHM": "ES256", "SIGNING_KEY": OTHER_KEY, "VERIFYING_KEY": EC_PUBLIC},
            {"algorithm": "ES256", "key": EC_PRIVATE},
        ),
        ({"AUDIENCE": "shop"}, {"aud": "shop"}),
        ({"AUDIENCE": ["shop", "till"]}, {"aud": ["till"]}),
        ({"ISSUER": "shop.example"}, {"iss": "shop.example"}),
        ({"USER_ID_CLAIM": "uid"}, {"user_id": ..., "uid": "alice", "field": "username"}),
        ({"TOKEN_TYPE_CLAIM": "kind"}, {"rename": ("token_type", "kind")}),
        ({"JTI_CLAIM": "id"}, {"jti": ..., "id": "an id that is no UUID, Ümlaut"}),
    ],
)
def test_the_members_of_the_setting_say_how_it_is_read(
    members: dict[str, Any], changes: dict[str, Any], settings: Settings
) -> None:
    create_alice()
    changes = dict(changes)
    if "field" in changes:
        members = {**members, "USER_ID_FIELD": changes.pop("field")}
    if "rename" in changes:
        old, new = changes.pop("rename")
        accept(settings, **members)
        for type_, path in (("access", "/guarded/"), ("refresh", api.UPDATE_REFRESH)):
            assert (
                post(path, theirs(type_, **dict[str, Any]({old: ..., new: type_}))).status == 200
            )
        return
    # Not without the member.
    assert_refused(post("/guarded/", theirs("access", **changes)))
    accept(settings, **members)
    assert not [m for m in checks.check_settings() if m.id != "djwto.E035"]
    assert post("/guarded/", theirs("access", **changes)).status == 200
    assert post(api.UPDATE_REFRESH, theirs("refresh", **changes)).status == 200
    # Nor with it one that has none of it.
    assert_refused(post("/guarded/", theirs("access")))


@pytest.mark.clause("MIG-2")
def test_ours_do_not_pass_for_theirs_nor_theirs_for_ours(settings: Settings) -> None:
    create_alice()
    pair = api.log_in(**CREDENTIALS)
    # Under the very same key, against which the checks warn.
    settings.DJWTO_SIGNING_KEY = KEY
    assert_refused(post(api.UPDATE_REFRESH, token(pair, "refresh")))
    pair = api.log_in(**CREDENTIALS)
    assert post("/guarded/", pair.refresh).status == 401
    assert post(api.UPDATE_REFRESH, pair.access).status == 401
    del settings.DJWTO_ACCEPT_SIMPLEJWT
    assert_refused_everywhere()


# MIG-3


@pytest.mark.clause("MIG-3")
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.urls("djwto.spec_tests.project.urls")
def test_the_payload_is_what_a_login_would_say(as_text: bool, settings: Settings) -> None:
    alice = create_alice()
    alice.user_permissions.add(Permission.objects.get(codename="add_user"))
    for type_, path in (
        ("access", "/access/"),
        ("access", "/access/async/"),
        ("refresh", "/refresh/"),
    ):
        made = claims(
            type_, user_id=str(alice.pk) if as_text else alice.pk, extra="not taken over"
        )
        sent = jwt.encode(made, KEY)
        answer = api.send(path, sent, method="get", as_refresh=type_ == "refresh")
        assert answer.body["payload"] == {
            "type": type_,
            "jti": made["jti"],
            "iat": made["iat"],
            "auth_time": made["iat"],
            "exp": made["exp"],
            "user": {"username": "alice", "id": alice.pk, "perms": ["auth.add_user"]},
        }
        assert answer.body["token"] == sent
    may = theirs("access")
    assert api.send("/perm/", may, method="get", as_refresh=False).status == 200
    alice.user_permissions.clear()
    assert api.send("/perm/", may, method="get", as_refresh=False).status == 403


@pytest.mark.clause("MIG-3")
def test_whoever_asks_for_the_user_is_told(settings: Settings) -> None:
    alice = create_alice()
    for source in ("database", "token"):
        settings.DJWTO_REQUEST_USER = source
        for path in ("/who/", "/rest/", "/ninja/who"):
            body = api.send(path, theirs("access"), method="get", as_refresh=False).body
            assert (body["id"], body["name"]) == (alice.pk, "alice"), (source, path)
        for path in ("/who/async/", "/ninja/who/async"):
            answer = asyncio.run(
                AsyncClient().get(path, headers={"authorization": f"Bearer {theirs('access')}"})
            )
            assert answer.json()["id"] == alice.pk, (source, path)


@pytest.mark.clause("MIG-3")
@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_a_user_who_has_left_is_refused(how: str) -> None:
    alice = create_alice()
    pk = str(alice.pk)
    sent = {type_: theirs(type_, user_id=pk) for type_ in ("access", "refresh")}
    if how == "deactivated":
        User.objects.update(is_active=False)
    else:
        User.objects.all()._raw_delete("default")
    for path in ACCESS_VIEWS:
        assert_refused(post(path, sent["access"]))
    for path in REFRESH_ENDPOINTS:
        assert_refused(post(path, sent["refresh"]))
    assert api.send("/who/", sent["access"], method="get", as_refresh=False).body["id"] is None


@pytest.mark.clause("MIG-3")
@pytest.mark.parametrize("id_", ["x", "", "1.5", str(10**30), 10**30, "\x00", "-1", "' OR 1=1"])
def test_a_user_id_of_no_user_is_refused(id_: Any) -> None:
    create_alice()
    assert_refused_everywhere(user_id=id_)


@pytest.mark.clause("MIG-3")
def test_with_check_revoke_token_another_password_is_refused(settings: Settings) -> None:
    alice = create_alice()
    digest = md5(alice.password.encode()).hexdigest().upper()
    accept(settings, CHECK_REVOKE_TOKEN=True)
    assert post("/guarded/", theirs("access", hash_password=digest)).status == 200
    for wrong in (..., None, "", 7, digest.lower(), digest[:-1]):
        assert_refused_everywhere(hash_password=wrong)
    accept(settings, CHECK_REVOKE_TOKEN=True, REVOKE_TOKEN_CLAIM="pw")
    assert post(api.UPDATE_REFRESH, theirs("refresh", pw=digest)).status == 200
    alice.set_password("another")
    # Past the signals of the model, which would end the session anyway.
    User.objects.update(password=alice.password)
    assert_refused_everywhere(pw=digest)


@pytest.mark.clause("MIG-3")
def test_while_the_database_is_down_the_answer_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    create_alice()
    sent = {type_: theirs(type_) for type_ in ("access", "refresh")}

    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(Manager, "get", down, raising=False)
    for path in ACCESS_VIEWS:
        assert post(path, sent["access"]).status == 503, path
    for path in REFRESH_ENDPOINTS:
        assert post(path, sent["refresh"]).status == 503, path
    assert api.send("/who/", sent["access"], method="get", as_refresh=False).status == 503
    # Of a view that does not ask for the user, none is looked up.
    assert post("/nobody-asks/", sent["access"]).status == 200


# MIG-4


@pytest.mark.clause("MIG-4")
@each_exchange
@pytest.mark.parametrize("on_access", [False, True])
def test_a_refresh_token_is_exchanged_for_a_pair_of_ours(
    path: str, on_access: bool, settings: Settings
) -> None:
    settings.DJWTO_ROTATE_ON_ACCESS = on_access
    settings.DJWTO_ISS_CLAIM = "shop.example"
    alice = create_alice()
    made = claims("refresh", exp=int(time.time()) + 60)
    with Recorder() as recorder:
        answer = post(path, jwt.encode(made, KEY))
    assert answer.status == 200
    refresh, access = (api.claims_of(t) for t in (answer.refresh, answer.access))
    assert refresh.keys() == {
        *("iss", "iat", "exp", "jti", "type", "user", "auth_time", "auth_hash", "gen")
    }
    assert refresh["jti"] == access["jti"] == made["jti"]
    assert refresh["auth_time"] == made["iat"]
    assert refresh["iat"] > made["iat"]
    assert refresh["exp"] == refresh["iat"] + 86_400
    assert refresh["user"] == access["user"]
    assert refresh["user"] == {"username": "alice", "id": alice.pk, "perms": []}
    assert access["type"] == "access"
    sent = {api.REFRESH_ACCESS: "jwt_access_refreshed", api.UPDATE_REFRESH: "jwt_refresh_updated"}
    assert names(recorder) == [sent[path]]
    # They are ours, and need no change-over.
    del settings.DJWTO_ACCEPT_SIMPLEJWT
    assert post("/guarded/", answer.access).status == 200
    assert post(api.UPDATE_REFRESH, answer.refresh).status == 200


@pytest.mark.clause("MIG-4")
@each_exchange
def test_one_that_comes_back_ends_the_session(path: str, settings: Settings) -> None:
    create_alice()
    settings.DJWTO_REUSE_GRACE = 0
    sent = theirs("refresh")
    answer = post(path, sent)
    with Recorder() as recorder:
        assert_refused(post(path, sent))
    assert names(recorder) == ["jwt_reuse_detected"]
    assert_refused(post(api.UPDATE_REFRESH, answer.refresh))
    assert_refused(post(api.VALIDATE_ACCESS, answer.access))


@pytest.mark.clause("MIG-4")
def test_within_the_grace_it_is_answered_the_same_successor() -> None:
    create_alice()
    sent = theirs("refresh")
    first, second = (api.claims_of(post(api.UPDATE_REFRESH, sent).refresh) for _ in range(2))
    assert first == second


@pytest.mark.clause("MIG-4")
def test_of_many_at_once_one_successor_comes(settings: Settings) -> None:
    create_alice()
    settings.DJWTO_REUSE_GRACE = 0
    sent = theirs("refresh")
    backend = get_blacklist()
    # Both have asked before either has exchanged it.
    asked: list[Any] = []
    exchange = type(backend).compare_and_set

    def meanwhile(self: Any, *args: Any) -> bool:
        if not asked:
            asked.append(True)
            assert post(api.UPDATE_REFRESH, sent).status == 200
        return exchange(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(backend), "compare_and_set", meanwhile)
        assert_refused(post(api.UPDATE_REFRESH, sent))


@pytest.mark.clause("MIG-4")
def test_logging_out_ends_it_and_what_it_was_exchanged_for() -> None:
    create_alice()
    for exchanged in (False, True):
        sent = theirs("refresh")
        pair = post(api.UPDATE_REFRESH, sent) if exchanged else None
        with Recorder() as recorder:
            assert post(api.LOGOUT, sent).status == 200
        assert names(recorder) == ["jwt_blacklisted"]
        for path in (*EXCHANGES, api.VALIDATE_REFRESH):
            assert_refused(post(path, sent))
        if pair:
            assert_refused(post(api.UPDATE_REFRESH, pair.refresh))


@pytest.mark.clause("MIG-4")
@pytest.mark.parametrize("how", ["endpoint", "revoke_all", "password", "deactivated and back"])
def test_what_ends_all_sessions_ends_theirs(how: str) -> None:
    alice = create_alice()
    sent = theirs("refresh")
    pair = post(api.UPDATE_REFRESH, theirs("refresh"))
    if how == "endpoint":
        assert post(api.LOGOUT_ALL, theirs("refresh")).status == 200
    elif how == "revoke_all":
        revoke_all(alice)
    elif how == "password":
        alice.set_password("another")
        alice.save()
    else:
        for active in (False, True):
            alice.is_active = active
            alice.save()
    for path in (*EXCHANGES, api.VALIDATE_REFRESH):
        assert_refused(post(path, sent))
    assert_refused(post(api.UPDATE_REFRESH, pair.refresh))


@pytest.mark.clause("MIG-4")
def test_of_all_sessions_but_one_theirs_can_be_the_one() -> None:
    create_alice()
    kept, other = theirs("refresh"), theirs("refresh")
    assert post(api.LOGOUT_ALL, kept, data={"keep_current": "true"}).status == 200
    assert_refused(post(api.UPDATE_REFRESH, other))
    pair = post(api.UPDATE_REFRESH, kept)
    assert post(api.UPDATE_REFRESH, pair.refresh).status == 200


@pytest.mark.clause("MIG-4")
def test_the_id_by_which_sessions_end_is_the_primary_key(settings: Settings) -> None:
    alice = create_alice()
    accept(settings, USER_ID_FIELD="username")
    sent = theirs("refresh", user_id="alice")
    assert post(api.LOGOUT_ALL, sent).status == 200
    assert get_blacklist().contains(user_key(alice.pk))
    assert_refused(post(api.UPDATE_REFRESH, theirs("refresh", user_id="alice")))


@pytest.mark.clause("MIG-2")
def test_clocks_may_differ_by_the_leeway(settings: Settings) -> None:
    create_alice()
    settings.DJWTO_LEEWAY = 60
    settings.DJWTO_SESSION_MAX_AGE = timedelta(hours=1)
    now = int(time.time())
    assert post("/guarded/", theirs("access", exp=now - 30)).status == 200
    assert_refused(post("/guarded/", theirs("access", exp=now - 61)))
    assert post("/guarded/", theirs("access", iat=now - 3630)).status == 200
    assert_refused(post("/guarded/", theirs("access", iat=now - 3661)))


@pytest.mark.clause("MIG-4")
def test_a_session_is_as_old_as_the_token_says(settings: Settings) -> None:
    create_alice()
    settings.DJWTO_SESSION_MAX_AGE = timedelta(hours=1)
    now = int(time.time())
    assert_refused_everywhere(iat=now - 3601, exp=now + 3600)
    answer = post(api.UPDATE_REFRESH, theirs("refresh", iat=now - 3000, exp=now + 3000))
    assert answer.status == 200
    with time_machine.travel(now + 601):
        assert_refused(post(api.UPDATE_REFRESH, answer.refresh))


@pytest.mark.clause("MIG-4")
def test_the_hooks_have_a_say_in_the_new_claims_but_not_in_the_session(
    settings: Settings,
) -> None:
    create_alice()
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.with_a_tenant"
    settings.DJWTO_NBF_LIFETIME = 60
    made = claims("refresh")
    answer = post(api.UPDATE_REFRESH, jwt.encode(made, KEY))
    refresh = api.claims_of(answer.refresh)
    assert refresh["tenant"] == ["shop"]
    assert (refresh["jti"], refresh["auth_time"]) == (made["jti"], made["iat"])
    assert refresh["path"] == api.UPDATE_REFRESH
    assert refresh["gen"] != "mine"
    assert "epoch" not in refresh
    assert post("/guarded/", answer.access).status == 200


@pytest.mark.clause("MIG-4")
def test_a_hook_that_makes_no_sense_of_theirs_is_named(settings: Settings) -> None:
    alice = create_alice()
    settings.DJWTO_PROCESS_CLAIMS = f"{__name__}.nonsense"
    request = RequestFactory().post("/")
    with pytest.raises(ImproperlyConfigured, match=r"^DJWTO_PROCESS_CLAIMS .* not a JSON object"):
        adopted(alice, request, {})


def nonsense(user: Any, request: Any, type_: str) -> list[int]:
    return [1]


def with_a_tenant(user: Any, request: Any, type_: str) -> dict[str, Any]:
    return process_claims(user, request, type_) | {
        "tenant": ("shop",),
        "path": request.path,
        "gen": "mine",
        "auth_time": 1,
        "epoch": 9,
    }


@pytest.mark.clause("MIG-4")
def test_while_the_store_is_down_nothing_is_exchanged() -> None:
    create_alice()
    sent = theirs("refresh")
    with pytest.MonkeyPatch.context() as patch:

        def down(*args: Any) -> None:
            raise BlacklistUnavailable("gone")

        patch.setattr(type(get_blacklist()), "get_many", down)
        answer = post(api.UPDATE_REFRESH, sent)
        assert (answer.status, answer.refresh) == (503, None)
    assert post(api.UPDATE_REFRESH, sent).status == 200


@pytest.mark.clause("MIG-4")
def test_without_rotation_it_can_be_exchanged_again(settings: Settings) -> None:
    """As ours can, by whoever has turned rotation off."""
    create_alice()
    settings.DJWTO_ROTATE_REFRESH = False
    settings.DJWTO_REUSE_GRACE = 0
    sent = theirs("refresh")
    for _ in range(2):
        answer = post(api.REFRESH_ACCESS, sent)
        assert "gen" not in api.claims_of(answer.refresh)


# MIG-5


@pytest.mark.clause("MIG-5")
@each_cookie_mode
@each_exchange
def test_in_cookie_modes_it_is_taken_from_the_header_and_cookies_are_set(
    mode: str, path: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    bearer: dict[str, Any] = {"headers": {"Authorization": f"Bearer {theirs('refresh')}"}}
    answer = api.send(path, csrf=False, **bearer)
    assert answer.status == 200
    assert answer.refresh
    assert answer.access
    assert {"jwt_refresh", "csrftoken"} < answer.cookies.keys()
    assert post(api.UPDATE_REFRESH, answer.refresh).status == 200
    assert post("/guarded/", answer.access).status == 200
    access: dict[str, Any] = {"headers": {"Authorization": f"Bearer {theirs('access')}"}}
    assert api.send("/guarded/", csrf=False, **access).status == 200


@pytest.mark.clause("MIG-5")
@each_cookie_mode
def test_in_cookie_modes_one_of_ours_is_not_taken_from_there(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    ours = api.log_in(**CREDENTIALS)
    for path, type_ in (("/guarded/", "access"), (api.UPDATE_REFRESH, "refresh")):
        header = {"Authorization": f"Bearer {getattr(ours, type_)}"}
        answer = api.send(path, csrf=False, headers=header)
        assert answer.status == 401
        transport = current()
        assert isinstance(transport, OneCookie)
        said = f"No token was sent; it is expected in the cookie {transport.cookie(type_)}."
        assert answer.body["error"] == said
    # With its cookie, the cookie is what counts.
    cookie = post(api.UPDATE_REFRESH, ours.refresh, csrf=False)
    assert cookie.status == 403


@pytest.mark.clause("MIG-5")
@each_cookie_mode
def test_a_token_of_theirs_in_our_cookie_takes_a_csrf_token(mode: str, settings: Settings) -> None:
    settings.DJWTO_MODE = mode
    create_alice()
    assert post(api.UPDATE_REFRESH, theirs("refresh"), csrf=False).status == 403
    assert post("/guarded/", theirs("access"), csrf=False).status == 403
    header: dict[str, Any] = {"headers": {"Authorization": f"Bearer {theirs('refresh')}"}}
    assert post(api.UPDATE_REFRESH, theirs("refresh"), **header).status == 401


@pytest.mark.clause("MIG-5")
@each_cookie_mode
def test_without_the_setting_a_header_is_nothing_in_cookie_modes(
    mode: str, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    del settings.DJWTO_ACCEPT_SIMPLEJWT
    create_alice()
    header: dict[str, Any] = {"headers": {"Authorization": f"Bearer {theirs('refresh')}"}}
    answer = api.send(api.UPDATE_REFRESH, csrf=False, **header)
    assert answer.status == 401
    assert "No token was sent" in answer.body["error"]


# MIG-6


@pytest.mark.clause("MIG-6")
@each_mode
@pytest.mark.parametrize("by", ["DJWTO_CHECK_ACCESS", "DJWTO_STRICT"])
def test_where_access_is_checked_only_refresh_tokens_are_taken(
    by: str, mode: str, settings: Settings
) -> None:
    setattr(settings, by, True)
    settings.DJWTO_MODE = mode
    create_alice()
    for path in ACCESS_VIEWS:
        assert_refused(post(path, theirs("access")))
    pair = post(api.REFRESH_ACCESS, theirs("refresh"))
    assert post("/guarded/", pair.access).status == 200
    post(api.LOGOUT, pair.refresh)
    assert_refused(post("/guarded/", pair.access))


# The setting


def found(settings: Settings, value: Any) -> list[CheckMessage]:
    settings.DJWTO_ACCEPT_SIMPLEJWT = value
    return checks.check_settings()


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (True, "expected a dict with UNTIL"),
        ([], "expected a dict with UNTIL"),
        ({}, "UNTIL of DJWTO_ACCEPT_SIMPLEJWT is None; expected a datetime"),
        ({"UNTIL": "2026-12-31"}, "expected a datetime with a time zone"),
        ({"UNTIL": datetime(2099, 1, 1)}, "expected a datetime with a time zone"),  # noqa: DTZ001
        ({"SLIDING_TOKEN_LIFETIME": 1}, "Sliding tokens and a JWK_URL are not supported"),
        ({"JWK_URL": "x"}, "has JWK_URL"),
        ({"signing_key": "secret text"}, "it takes UNTIL, ALGORITHM, SIGNING_KEY"),
        ({"TOKEN_TYPE_CLAIM": None}, "TOKEN_TYPE_CLAIM of DJWTO_ACCEPT_SIMPLEJWT is None"),
        ({"JTI_CLAIM": None}, "expected the name of a claim"),
        ({"USER_ID_CLAIM": ""}, "expected the name of a claim"),
        ({"REVOKE_TOKEN_CLAIM": 3}, "expected the name of a claim"),
        ({"AUDIENCE": []}, "AUDIENCE of DJWTO_ACCEPT_SIMPLEJWT is []"),
        ({"AUDIENCE": [1]}, "AUDIENCE of"),
        ({"ISSUER": ["a"]}, "ISSUER of"),
        ({"ISSUER": ""}, "ISSUER of"),
        ({"CHECK_REVOKE_TOKEN": "yes"}, "expected True or False"),
        ({"USER_ID_FIELD": "shoe_size"}, "expected a field of the user model that is unique"),
        ({"USER_ID_FIELD": "first_name"}, "expected a field of the user model that is unique"),
        ({"USER_ID_FIELD": "groups"}, "expected a field of the user model that is unique"),
        ({"USER_ID_FIELD": None}, "expected a field of the user model that is unique"),
        ({"ALGORITHM": "none"}, "is 'none'; expected one of"),
        ({"ALGORITHM": None}, "is None; expected one of"),
        ({"ALGORITHM": "ES256"}, "DJWTO_ACCEPT_SIMPLEJWT does not fit its algorithm ES256: "),
        ({"ALGORITHM": "ES256", "VERIFYING_KEY": "x"}, "does not fit"),
        ({"SIGNING_KEY": EC_PRIVATE}, "does not fit"),
    ],
)
def test_a_wrong_setting_is_told_of_without_its_key(
    value: Any, says: str, settings: Settings
) -> None:
    if isinstance(value, dict) and value and "UNTIL" not in value:
        value = {"UNTIL": TOMORROW, **value}
    (message,) = found(settings, value)
    assert message.id == "djwto.E055"
    assert says in message.msg
    # A reason follows, where one is announced.
    assert not message.msg.endswith("None")
    assert "secret text" not in message.msg
    assert KEY not in message.msg


@pytest.mark.clause("SET-1")
def test_a_change_over_that_is_over_is_told_of(settings: Settings) -> None:
    assert found(settings, {"UNTIL": TOMORROW}) == []
    assert found(settings, None) == []
    (message,) = found(settings, {"UNTIL": datetime.now(timezone.utc)})
    assert (message.id, "Remove the setting" in message.msg) == ("djwto.W056", True)


@pytest.mark.clause("SET-1")
def test_a_short_key_and_one_of_ours_are_told_of(settings: Settings) -> None:
    (message,) = found(settings, {"UNTIL": TOMORROW, "SIGNING_KEY": "short"})
    assert message.id == "djwto.E057"
    assert "has 5 bytes; HS256 needs at least 32" in message.msg
    assert found(settings, {"UNTIL": TOMORROW, "SIGNING_KEY": "k" * 32}) == []
    settings.DJWTO_SIGNING_KEY = "k" * 32
    (message,) = found(settings, {"UNTIL": TOMORROW, "SIGNING_KEY": "k" * 32})
    assert message.id == "djwto.E058"
    del settings.DJWTO_SIGNING_KEY
    settings.DJWTO_KEYS = [
        {"kid": "new", "algorithm": "ES256", "key": EC_PRIVATE},
        {"algorithm": "HS512", "key": "k" * 64},
    ]
    assert found(settings, {"UNTIL": TOMORROW, "SIGNING_KEY": "j" * 64}) == []
    (message,) = found(settings, {"UNTIL": TOMORROW, "SIGNING_KEY": "k" * 64})
    assert message.id == "djwto.E058"
    # What is wrong with ours is told once, by the check of ours.
    settings.DJWTO_KEYS = []
    assert {m.id for m in found(settings, {"UNTIL": TOMORROW})} == {"djwto.E072"}
