"""What the database is asked of one user, at a login and at a refresh.

Django composes the SQL, but once for each model and database: to compose it takes several times as
long as a database takes to answer it. Where a project has put something of its own in the way, a
manager, a field or an authentication backend, Django is asked as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, router
from django.db.models import Manager, Model, QuerySet

LARGEST_KEY = 2**31 - 1
"""Of a larger one Django knows whether the database has such a type, and does not ask."""

_composed: dict[tuple[Any, ...], str] = {}


def user_by_pk(key: int | str) -> AbstractBaseUser:
    """The user with this primary key. What neither a password nor `is_active` is, is deferred.

    Raises as the `get` of the model's manager does, also for a key of another type than its.
    """
    model = get_user_model()
    manager = model._default_manager
    row = _login_row(model)
    if row is None or not _is_stock(manager) or (type(key) is int and abs(key) > LARGEST_KEY):
        return cast(AbstractBaseUser, manager.get(pk=key))
    asked, fields = row
    alias = manager.db
    rows = _ask(model, alias, key, lambda: manager.filter(pk=key).values_list(*asked))
    if not rows:
        raise model.DoesNotExist
    pk = model._meta.pk
    values = list(rows[0])
    values.insert(fields.index(pk.attname), pk.to_python(key))
    return cast(AbstractBaseUser, model.from_db(alias, fields, values))


def all_permissions(user: Any) -> set[str]:
    """What `user.get_all_permissions()` says, in one statement where Django takes two."""
    model: type[Model] = type(user)
    if not _grants_as_django_does(model, tuple(settings.AUTHENTICATION_BACKENDS)):
        return cast(set[str], user.get_all_permissions())
    alias = router.db_for_read(Permission, instance=user)
    if not user.is_active:
        return set()
    if user.is_superuser:
        rows: Any = _names(Permission.objects.using(alias))
    else:
        rows = _ask(model, alias, user.pk, lambda: _granted(user))
    return {f"{app_label}.{codename}" for app_label, codename in rows}


def _granted(user: Any) -> QuerySet[Permission, Any]:
    by_group = Permission.objects.filter(group__in=user.groups.all())
    # Once more without an order: Django 6.1 gives to what is combined that of the model.
    return _names(user.user_permissions.all()).union(_names(by_group)).order_by()


def _names(permissions: QuerySet[Permission]) -> QuerySet[Permission, Any]:
    return permissions.values_list("content_type__app_label", "codename").order_by()


def _ask(
    model: type[Model], alias: str, pk: Any, question: Callable[[], QuerySet[Any, Any]]
) -> Sequence[Any]:
    """The rows that answer a question about the object with this primary key, and nothing else."""
    connection = connections[alias]
    place = question.__code__, model, alias, connection.vendor
    field = model._meta.pk
    # As a lookup does: what no row can be inserted with may be asked for, and is not there.
    value = field.get_db_prep_value(field.get_prep_value(pk), connection, prepared=True)
    if (sql := _composed.get(place)) is None:
        sql, values = question().using(alias).query.get_compiler(alias).as_sql()
        assert set(values) == {value}
        _composed[place] = sql
    with connection.cursor() as cursor:
        cursor.execute(sql, [value] * sql.count("%s"))
        rows: Sequence[Any] = cursor.fetchall()
    return rows


@lru_cache
def _login_row(model: type[Model]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Those of the fields that a login rests on which the model has, and the same with the key.

    In the order in which the model has them. None if one is peculiar.
    """
    names = []
    for name in ("password", "is_active"):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        if hasattr(field, "from_db_value"):
            return None
        names.append(name)
    pk = model._meta.pk
    if not names or pk.remote_field:
        return None
    whole = {pk.attname, *names}
    fields = [each.attname for each in model._meta.concrete_fields if each.attname in whole]
    return tuple(name for name in fields if name != pk.attname), tuple(fields)


def _is_stock(manager: Manager[Any]) -> bool:
    """Whether a manager has every row of its model, and nothing but its columns."""
    return type(manager).get_queryset is Manager.get_queryset


@lru_cache
def _grants_as_django_does(model: type[Model], backends: tuple[str, ...]) -> bool:
    """Whether users have the permissions that were given to them and to their groups."""
    if getattr(model, "get_all_permissions", None) is not PermissionsMixin.get_all_permissions:
        return False
    related = [model._meta.get_field(name) for name in ("user_permissions", "groups")]
    return [field.related_model for field in related] == [Permission, Group] and all(
        getattr(type(load_backend(path)), name, None) is getattr(ModelBackend, name)
        for path in backends
        for name in ("get_all_permissions", "_get_user_permissions", "_get_group_permissions")
    )
