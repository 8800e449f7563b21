"""Drops the table of djwto 0.0.4, and with it the tokens that it kept in clear text."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("djwto", "0002_blacklistentry")]

    operations = [migrations.DeleteModel("JWTBlacklist")]
