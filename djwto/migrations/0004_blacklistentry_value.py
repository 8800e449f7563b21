"""A value for each entry: when a refresh token was exchanged, where a user's sessions are cut."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("djwto", "0003_drop_stored_tokens")]

    operations = [
        migrations.AddField(
            "blacklistentry",
            "value",
            models.CharField(blank=True, default="", max_length=200, verbose_name="value"),
        ),
    ]
