"""The bytes that the table of djwto 0.0.4 takes for a token. Run with the packages of that.

    python old_table.py DATABASE ROWS

makes the table by its own migrations, logs a user in who has eight permissions, and stores tokens
like the one that was issued, as its logout does.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import uuid
from datetime import datetime, timezone
from typing import Any

KEY = "0123456789abcdef" * 4
PERMISSIONS = 8


def configure(database: dict[str, Any]) -> None:
    """Sets Django up with the database, all of whose tables it makes."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    os.environ["DJWTO_SIGNING_KEY"] = KEY
    settings.configure(
        SECRET_KEY=KEY,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="djwto.urls",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DJWTO_SIGNING_KEY=KEY,
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def log_in() -> str:
    """The refresh token of a login."""
    from django.contrib.auth.models import Permission, User
    from django.test import Client

    user = User.objects.create_user("alice", password="pass")
    user.user_permissions.set(Permission.objects.order_by("pk")[:PERMISSIONS])
    answer = Client().post("/login/", {"username": "alice", "password": "pass"})
    return str(answer.json()["refresh"])


def fill(token: str, rows: int) -> None:
    """Stores so many tokens like this one, each with a `jti` of its own."""
    import jwt
    from django.db import connection

    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())
    text = io.StringIO()
    for number in range(rows):
        exp = now + 3600 + 86_400 * number // rows
        claims.update(jti=str(uuid.uuid4()), iat=exp - 86_400, exp=exp)
        stored = jwt.encode(claims, KEY, algorithm="HS256")
        expires = datetime.fromtimestamp(exp, timezone.utc)
        text.write(f"{claims['jti']}\t{stored}\t{expires}\t{expires}\n")
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY djwto_jwtblacklist (jti, token, expires, created_at) FROM STDIN"
        ) as copy:
            copy.write(text.getvalue())
        cursor.execute("VACUUM ANALYZE djwto_jwtblacklist")


def main() -> None:
    """Prints the bytes of a row, with its share of the indexes."""
    from django.db import connection

    rows = int(sys.argv[2])
    configure(json.loads(sys.argv[1]))
    fill(log_in(), rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('djwto_jwtblacklist')")
        print(cursor.fetchone()[0] / rows)


if __name__ == "__main__":
    main()
