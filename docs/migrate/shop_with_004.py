"""A shop that moves from djwto 0.0.4: each phase a process, on one database.

`python shop_with_004.py PHASE FOLDER` prints what it has seen, as JSON. In the phases that begin
with "before", the djwto on the path has to be that of the wheel.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import shop

SIGNING_KEY = "the signing key of the shop since long ago"
REFRESH = "/api/token/refresh/"
FOREVER = {"DJWTO_REFRESH_TOKEN_LIFETIME": None, "DJWTO_ACCESS_TOKEN_LIFETIME": None}
urlpatterns: list[Any] = []


def set_up(folder: Path, **more: Any) -> Any:
    """The project with whichever djwto is on the path; a client."""
    shop.configure(
        folder, __name__, "djwto", **{"DJWTO_SIGNING_KEY": SIGNING_KEY, "MIDDLEWARE": [], **more}
    )
    from django.test import Client
    from django.urls import include, path

    urlpatterns.append(path("", include("djwto.urls")))
    return Client()


def log_in(client: Any, name: str = "alice") -> dict[str, str]:
    """The pair of tokens."""
    answer = client.post("/login/", {"username": name, "password": "pass"})
    assert answer.status_code == 200, answer.content
    tokens: dict[str, str] = answer.json()
    return tokens


def log_out(client: Any, refresh: str) -> None:
    """Blacklists a refresh token."""
    answer = client.post(f"{REFRESH}logout/", headers=shop.bearer(refresh))
    assert answer.status_code == 200, answer.content


def keep(folder: Path, **tokens: str) -> None:
    """For the phases after this."""
    kept = folder / "tokens.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    kept.write_text(json.dumps(before | tokens))


def before(folder: Path) -> dict[str, Any]:
    """Logs in and out by the code of the wheel."""
    client = set_up(folder)
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from djwto.models import JWTBlacklist  # type: ignore[attr-defined]

    call_command("migrate", verbosity=0)
    for name in ("alice", "bob"):
        User.objects.create_user(name, password="pass")
    good, ended, bob = log_in(client), log_in(client), log_in(client, "bob")
    twin = client.post(f"{REFRESH}update_refresh/", headers=shop.bearer(ended["refresh"])).json()
    log_out(client, ended["refresh"])
    keep(
        folder,
        good=good["refresh"],
        access=good["access"],
        ended=ended["refresh"],
        twin=twin["refresh"],
        bob=bob["refresh"],
    )
    (row,) = JWTBlacklist.objects.all()
    import jwt

    claims = jwt.decode(row.token, options={"verify_signature": False})
    return {"hours off": round((row.expires.timestamp() - claims["exp"]) / 3600)}


def before_for_ever(folder: Path) -> dict[str, Any]:
    """As `before`, of tokens that never expire."""
    client = set_up(folder, **FOREVER)
    endless, ended = log_in(client)["refresh"], log_in(client)["refresh"]
    log_out(client, ended)
    keep(folder, endless=endless, endless_ended=ended)
    return {}


def before_without_jti(folder: Path) -> dict[str, Any]:
    """As `before`, of tokens without an id, which nobody can log out."""
    client = set_up(folder, DJWTO_JTI_CLAIM=False)
    keep(folder, without_jti=log_in(client)["refresh"])
    return {}


def after(folder: Path) -> dict[str, Any]:
    """The djwto of this checkout, on the same database."""
    client = set_up(folder)
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import override_settings
    from django.urls import path

    import djwto
    from djwto.authentication import jwt_login_required
    from djwto.models import BlacklistEntry

    urlpatterns.append(path("payload/", jwt_login_required(payload)))
    call_command("migrate", verbosity=0)
    call_command("check", fail_level="WARNING", stdout=io.StringIO())
    call_command("delete_tokens", stdout=io.StringIO())
    tokens = json.loads((folder / "tokens.json").read_text())
    User.objects.filter(username="bob").update(is_active=False)

    def send(where: str, name: str) -> int:
        status: int = client.post(where, headers=shop.bearer(tokens[name])).status_code
        return status

    update = f"{REFRESH}update_refresh/"
    seen: dict[str, Any] = {
        "version": djwto.__version__,
        "tables": [t for t in connection.introspection.table_names() if t.startswith("djwto")],
        "for ever": BlacklistEntry.objects.filter(exp=None).count(),
        "entries": BlacklistEntry.objects.count(),
    }
    refused = {name: send(update, name) for name in ("ended", "twin", "bob", "without_jti")}
    refused["endless where tokens expire"] = send(update, "endless")
    with override_settings(**FOREVER, DJWTO_SESSION_MAX_AGE=None):
        refused["endless_ended"] = send(update, "endless_ended")
        seen["endless"] = send(f"{REFRESH}validate_refresh/", "endless")
    with override_settings(DJWTO_SIGNING_KEY="another key, long enough to sign with"):
        refused["under another key"] = send("/payload/", "access")
    old = {"algorithm": "HS256", "key": SIGNING_KEY}
    new = {"kid": "new", "algorithm": "HS256", "key": "a new key, long enough to sign with"}
    with override_settings(DJWTO_SIGNING_KEY=None, DJWTO_KEYS=[new, old]):
        seen["behind a new key"] = send("/payload/", "access")
    seen["access"] = send("/payload/", "access")
    seen["refreshed"] = send(f"{REFRESH}refresh_access/", "good")
    with override_settings(DJWTO_SESSION_MAX_AGE=timedelta(seconds=0)):
        refused["as old as a session may be"] = send(update, "good")
    answer = client.post(update, headers=shop.bearer(tokens["good"]))
    seen["updated"] = answer.status_code
    with override_settings(DJWTO_REUSE_GRACE=0):
        refused["used twice"] = send(update, "good")
    tokens["successor"] = answer.json()["refresh"]
    refused["of a session that was used twice"] = send(update, "successor")
    seen["refused"] = refused
    return seen


def payload(request: Any) -> Any:
    """A view of the shop's own."""
    from django.http import JsonResponse

    return JsonResponse(request.payload)


if __name__ == "__main__":
    # By its name: the settings name it as the module of the URLs.
    import shop_with_004

    phase, folder = sys.argv[1:]
    json.dump(getattr(shop_with_004, phase)(Path(folder)), sys.stdout)
