"""The table of the list."""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[Any]] = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "key",
                    models.CharField(
                        help_text="The key of the session in the blacklist.",
                        max_length=65,
                        primary_key=True,
                        serialize=False,
                        verbose_name="key",
                    ),
                ),
                (
                    "created",
                    models.BigIntegerField(help_text="When the user logged in, in epoch seconds."),
                ),
                (
                    "refreshed",
                    models.BigIntegerField(
                        help_text="When tokens were last issued, in epoch seconds."
                    ),
                ),
                (
                    "exp",
                    models.BigIntegerField(
                        blank=True,
                        db_index=True,
                        help_text="When the last token expires, in epoch seconds; empty is never.",
                        null=True,
                    ),
                ),
                (
                    "ip",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=45,
                        verbose_name="IP address or network",
                    ),
                ),
                (
                    "user_agent",
                    models.CharField(
                        blank=True, default="", max_length=200, verbose_name="user agent"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jwt_sessions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={"verbose_name": "session", "verbose_name_plural": "sessions"},
        ),
    ]
