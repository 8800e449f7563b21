"""What the database is asked of a user is what Django would ask, in one statement (HTTP-26)."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User, UserManager
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils.connection import ConnectionDoesNotExist
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from djwto import lookups
from djwto.lookups import all_permissions, user_by_pk
from djwto.spec_tests.core.alice import create_alice
from djwto.spec_tests.profile import search

pytestmark = [pytest.mark.django_db, pytest.mark.clause("HTTP-26")]


def fresh(user: User) -> User:
    """The user without what Django has kept of earlier questions."""
    return User.objects.get(pk=user.pk)


def test_a_user_is_found_by_primary_key_in_one_statement() -> None:
    alice, bob = create_alice(), User.objects.create_user("bob", is_active=False)
    for user in (alice, bob, alice):
        with CaptureQueriesContext(connection) as captured:
            found: Any = user_by_pk(user.pk)
            assert (found.pk, found.is_active) == (user.pk, user.is_active)
            assert found.get_session_auth_hash() == user.get_session_auth_hash()
        assert len(captured) == 1
        assert found == user
        assert found._state.db == "default"
        assert "username" in found.get_deferred_fields()
        assert found.username == user.username


@pytest.mark.parametrize("key", [0, -1, 2**31, 2**63, 2**200, "7", "x", "", "\0"])
def test_who_is_not_there_is_not_found_as_by_django(key: Any) -> None:
    create_alice()
    raised = []
    for look in (user_by_pk, lambda key: User.objects.get(pk=key)):
        with pytest.raises((User.DoesNotExist, ValueError, OverflowError)) as caught:
            look(key)
        raised.append(caught.type)
    assert raised[0] is raised[1]


def test_a_manager_of_the_projects_own_is_asked() -> None:
    alice = create_alice()

    def nobody(self: UserManager[User]) -> Any:
        return models.QuerySet(self.model, using=self._db).none()

    assert user_by_pk(alice.pk) == alice
    with patch.object(UserManager, "get_queryset", nobody), pytest.raises(User.DoesNotExist):
        user_by_pk(alice.pk)


def test_a_field_that_translates_what_is_in_the_database_does() -> None:
    alice = create_alice()
    password = User._meta.get_field("password")

    def translated(value: str, *args: Any) -> str:
        return f"translated {value}"

    with patch.object(password, "from_db_value", translated, create=True):
        lookups._login_row.cache_clear()
        try:
            found: Any = user_by_pk(alice.pk)
        finally:
            lookups._login_row.cache_clear()
    assert found.password == f"translated {alice.password}"


@isolate_apps("djwto")
def test_users_of_another_kind_are_asked_for_what_they_have() -> None:
    class Guest(models.Model):
        is_active = models.BooleanField()

        class Meta:
            app_label = "djwto"

    class Visitor(models.Model):
        class Meta:
            app_label = "djwto"

    class Member(User):
        class Meta:
            app_label = "djwto"

    class Friend(User):
        number = models.IntegerField(primary_key=True)

        class Meta:
            app_label = "djwto"

    assert lookups._login_row(Guest) == (("is_active",), ("id", "is_active"))
    assert lookups._login_row(Friend) == (
        ("password", "is_active"),
        ("password", "is_active", "number"),
    )
    # The first has nothing that a login rests on, the key of the second is another's.
    assert lookups._login_row(Visitor) is lookups._login_row(Member) is None


flags = st.booleans()


def test_permissions_are_those_that_django_finds() -> None:
    every = list(Permission.objects.order_by("pk")[:6])
    groups = [Group.objects.create(name=name) for name in ("staff", "editors")]
    alice = create_alice()
    some = st.lists(st.sampled_from(every), max_size=4)

    @given(st.data())
    @search(examples=40)
    def compare(data: Any) -> None:
        for group in groups:
            group.permissions.set(data.draw(some))
        alice.user_permissions.set(data.draw(some))
        alice.groups.set(data.draw(st.lists(st.sampled_from(groups))))
        alice.is_superuser, alice.is_active = data.draw(flags), data.draw(flags)
        alice.save()
        with CaptureQueriesContext(connection) as captured:
            found = all_permissions(fresh(alice))
        assert len(captured) == 1 + alice.is_active
        assert found == fresh(alice).get_all_permissions()

    compare()


class Generous(ModelBackend):
    """Grants everybody one thing more."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return {*super().get_all_permissions(user_obj, obj), "shop.browse"}


class Closed(ModelBackend):
    """Takes no notice of groups."""

    def _get_group_permissions(self, user_obj: Any) -> Any:
        return Permission.objects.none()


@pytest.mark.parametrize("backend", [Generous, Closed])
def test_a_backend_of_the_projects_own_has_its_say(
    backend: type[ModelBackend], settings: Settings
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{backend.__module__}.{backend.__qualname__}"]
    alice = create_alice()
    group = Group.objects.create(name="staff")
    group.permissions.set(Permission.objects.all()[:2])
    alice.groups.add(group)
    found = all_permissions(fresh(alice))
    assert found == fresh(alice).get_all_permissions()
    assert found == ({"shop.browse"} | {*group_names(group)} if backend is Generous else set())


class ByUser:
    """Has the permissions of one user in a database that is not there."""

    def __init__(self, user: User) -> None:
        self.user = user

    def db_for_read(self, model: Any, instance: Any = None, **hints: Any) -> str | None:
        return "nowhere" if model is Permission and instance == self.user else None


@pytest.mark.parametrize("superuser", [False, True])
def test_a_router_is_asked_where_the_permissions_of_this_user_are(
    superuser: bool, settings: Settings
) -> None:
    alice, bob = create_alice(is_superuser=superuser), User.objects.create_user("bob")
    settings.DATABASE_ROUTERS = [ByUser(alice)]
    with pytest.raises(ConnectionDoesNotExist, match="nowhere"):
        all_permissions(alice)
    assert all_permissions(bob) == set()


def group_names(group: Group) -> set[str]:
    """The names of a group's permissions."""
    return {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.all()}


def test_a_user_model_of_the_projects_own_has_its_say() -> None:
    alice = create_alice()
    with patch.object(User, "get_all_permissions", lambda self: {"shop.browse"}):
        lookups._grants_as_django_does.cache_clear()
        try:
            assert all_permissions(alice) == {"shop.browse"}
        finally:
            lookups._grants_as_django_does.cache_clear()
