"""HTTP-23: what Django's models are told of a user ends the user's sessions, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import connection, models, transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from djwto import users
from djwto.blacklist import get_blacklist
from djwto.exceptions import BlacklistUnavailable
from djwto.spec_tests import api
from djwto.spec_tests.core.alice import PASSWORD, each_mode, names, session
from djwto.spec_tests.recorder import Recorder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clause("HTTP-23")]


class Proxy(User):
    """Django's users by another name."""

    class Meta:
        proxy = True
        # Of no app that is installed, so that no migration is missed.
        app_label = "elsewhere"


@pytest.fixture(autouse=True)
def proxy_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(apps, "get_models", lambda: [Proxy])
        users.watch()


class Visitor(AbstractBaseUser):
    """Users of a project's own, whose keys are no numbers."""

    id = models.UUIDField(primary_key=True, default=uuid4)

    class Meta:
        app_label = "elsewhere"


def test_users_are_watched_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "get_models", lambda: [Group, Visitor])
    users.watch()
    for signal in (pre_save, post_save, post_delete):
        assert signal.has_listeners(Visitor)
        # Any receiver of post_delete makes Django delete row by row.
        assert not signal.has_listeners(Group)


def test_a_key_that_is_no_number_is_announced_as_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "get_user_model", lambda: Visitor)
    monkeypatch.setattr(apps, "get_models", lambda: [Visitor])
    users.watch()
    visitor = Visitor()
    with Recorder() as recorder:
        post_delete.send(sender=Visitor, instance=visitor, using="default")
    (sent,) = recorder.sent
    assert sent.kwargs["user_id"] == str(visitor.pk)


def test_a_post_save_of_somebody_else_s_ends_nothing() -> None:
    session()
    with Recorder() as recorder:
        post_save.send(sender=User, instance=User.objects.get(), created=False, using="default")
    assert names(recorder) == []


def set_password(user: User) -> None:
    user.set_password("another")
    user.save()


def only_the_password(user: User) -> None:
    user.set_password("another")
    user.save(update_fields=["password"])


def by_the_form_of_the_user(user: User) -> None:
    data = {"old_password": PASSWORD, "new_password1": "Xk3!ppq9", "new_password2": "Xk3!ppq9"}
    form = PasswordChangeForm(user, data)
    assert form.is_valid(), form.errors
    form.save()


def by_the_form_of_the_admin(user: User) -> None:
    form = SetPasswordForm(user, {"new_password1": "Xk3!ppq9", "new_password2": "Xk3!ppq9"})
    assert form.is_valid(), form.errors
    form.save()


def unusable(user: User) -> None:
    user.set_unusable_password()
    user.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def only_deactivate(user: User) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


def delete(user: User) -> None:
    user.delete()


def delete_all(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


def by_hand(user: User) -> None:
    User(pk=user.pk, username=user.username, password=make_password("another")).save()


def by_a_proxy(user: User) -> None:
    deactivate(Proxy.objects.get(pk=user.pk))


CHANGES = [
    set_password,
    only_the_password,
    by_the_form_of_the_user,
    by_the_form_of_the_admin,
    unusable,
    deactivate,
    only_deactivate,
    delete,
    delete_all,
    by_hand,
    by_a_proxy,
]
Change = Callable[[User], None]


def goes_on(answer: api.Answer) -> bool:
    return api.send(api.VALIDATE_ACCESS, answer.access, as_refresh=False).status == 200


@each_mode
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.case(48, 50, "P9")
def test_it_ends_all_sessions_and_is_announced_once(
    mode: str, change: Change, settings: Settings
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CHECK_ACCESS = True
    User.objects.create_user("bob", password=PASSWORD)
    alices, bobs = [session(), api.log_in("alice", PASSWORD)], api.log_in("bob", PASSWORD)
    alice = User.objects.get(username="alice")
    key = alice.pk
    with Recorder() as recorder:
        change(alice)
    (sent,) = recorder.sent
    assert (sent.name, sent.sender) == ("jwt_sessions_revoked", "revoke_all")
    kwargs = {name: value for name, value in sent.kwargs.items() if name != "signal"}
    assert kwargs == {"request": None, "user_id": key, "except_jti": None}
    for live in alices:
        assert api.send("/access/", live.access, as_refresh=False).status == 401
        assert api.send(api.REFRESH_ACCESS, live.refresh).status == 401
    assert goes_on(bobs)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_rolled_back_ends_nothing(change: Change) -> None:
    live = session()
    with Recorder() as recorder, transaction.atomic():
        change(User.objects.get())
        transaction.set_rollback(True)
    assert names(recorder) == []
    assert goes_on(live)


def test_within_a_transaction_it_is_done_on_commit() -> None:
    live = session()
    with Recorder() as recorder:
        with transaction.atomic():
            set_password(User.objects.get())
            assert names(recorder) == []
        assert names(recorder) == ["jwt_sessions_revoked"]
    assert not goes_on(live)


def no_change(user: User) -> None:
    user.save()


def another_name(user: User) -> None:
    user.username, user.last_name = "alicia", "Liddell"
    user.save()


def activate(user: User) -> None:
    user.is_active = True
    user.save()


def a_field_that_was_not_saved(user: User) -> None:
    user.set_password("another")
    user.save(update_fields=["last_name"])


@pytest.mark.parametrize("change", [no_change, another_name, activate, a_field_that_was_not_saved])
def test_other_changes_end_nothing(change: Change) -> None:
    live = session()
    with Recorder() as recorder:
        change(User.objects.get())
        User.objects.create_user("new", password=PASSWORD)
    assert names(recorder) == []
    assert goes_on(live)


def test_one_who_is_not_active_is_not_deactivated_again() -> None:
    session()
    with Recorder() as recorder:
        for _ in range(3):
            deactivate(User.objects.get())
    assert names(recorder) == ["jwt_sessions_revoked"]


def test_what_a_login_saves_is_not_looked_up() -> None:
    session()
    alice = User.objects.get()
    with CaptureQueriesContext(connection) as captured:
        alice.save(update_fields=["last_login"])
    assert not any(query["sql"].startswith("SELECT") for query in captured)


@pytest.mark.parametrize("change", CHANGES)
def test_without_the_store_users_are_changed_all_the_same(
    change: Change, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    live = session()

    def fail(*arguments: Any) -> Any:
        raise BlacklistUnavailable("The disk is full.")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(get_blacklist(), "compare_and_set", fail)
        change(User.objects.get())
    assert any("The disk is full." in str(record.exc_info) for record in caplog.records)
    # What the store was not told, the next exchange notices.
    assert goes_on(live)
    for path in (api.REFRESH_ACCESS, api.UPDATE_REFRESH):
        assert api.send(path, live.refresh).status == 401
