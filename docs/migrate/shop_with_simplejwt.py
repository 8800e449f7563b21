"""A shop that leaves simplejwt, ninja-jwt or dj-rest-auth: each phase a process, on one database.

`python shop_with_simplejwt.py PACKAGE PHASE FOLDER` prints what it has seen, as JSON. The phases
"before" and "rolling" have the real package and nothing of djwto, the others djwto and nothing of
the package.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import shop

PACKAGES = {
    "simplejwt": ("rest_framework", "rest_framework_simplejwt"),
    "ninja_jwt": ("ninja_extra", "ninja_jwt"),
    "dj_rest_auth": ("rest_framework", "dj_rest_auth", "rest_framework_simplejwt"),
}
"""The apps of each; the last one's are the tokens."""

REFRESH = "/api/token/refresh/"
urlpatterns: list[Any] = []


class Theirs:
    """The package in use."""

    def __init__(self, package: str, folder: Path) -> None:
        apps = PACKAGES[package]
        shop.configure(
            folder,
            __name__,
            *apps,
            f"{apps[-1]}.token_blacklist",
            SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
            REST_AUTH={
                "USE_JWT": True,
                "JWT_AUTH_HTTPONLY": False,
                "SESSION_LOGIN": False,
                "TOKEN_MODEL": None,
            },
        )
        self.module = apps[-1]
        self.paths = getattr(self, f"_{package}")()
        from django.test import Client

        self.client = Client()

    def _simplejwt(self) -> dict[str, str]:
        from django.urls import path
        from rest_framework_simplejwt import views

        urlpatterns.extend(
            [
                path("pair/", views.TokenObtainPairView.as_view()),
                path("refresh/", views.TokenRefreshView.as_view()),
                path("blacklist/", views.TokenBlacklistView.as_view()),
            ]
        )
        return {name: f"/{name}/" for name in ("pair", "refresh", "blacklist")}

    def _ninja_jwt(self) -> dict[str, str]:
        from django.urls import path
        from ninja_extra import NinjaExtraAPI
        from ninja_jwt.controller import NinjaJWTDefaultController
        from ninja_jwt.routers.blacklist import blacklist_router

        api = NinjaExtraAPI(docs_url=None)
        api.register_controllers(NinjaJWTDefaultController)
        api.add_router("/token", router=blacklist_router)
        urlpatterns.append(path("api/", api.urls))
        return {name: f"/api/token/{name}" for name in ("pair", "refresh", "blacklist")}

    def _dj_rest_auth(self) -> dict[str, str]:
        from django.urls import include, path

        urlpatterns.append(path("", include("dj_rest_auth.urls")))
        return {"pair": "/login/", "refresh": "/token/refresh/", "blacklist": "/logout/"}

    def post(self, name: str, **body: str) -> dict[str, Any]:
        """What a view of theirs answers to JSON."""
        answer = self.client.post(self.paths[name], body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return dict(answer.json())


def before(package: str, folder: Path) -> dict[str, Any]:
    """Logs in and out by the package's own views."""
    theirs = Theirs(package, folder)
    from importlib import import_module

    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name in ("alice", "bob"):
        User.objects.create_user(name, password="pass")

    def log_in(name: str = "alice") -> dict[str, Any]:
        return theirs.post("pair", username=name, password="pass")

    ended, rotated = log_in()["refresh"], log_in()["refresh"]
    theirs.post("blacklist", refresh=ended)
    tokens = {
        "ended": ended,
        "rotated": rotated,
        "successor": theirs.post("refresh", refresh=rotated)["refresh"],
        "late": log_in()["refresh"],
        "rolling": log_in()["refresh"],
        "bob": log_in("bob")["refresh"],
        "good": log_in()["refresh"],
        "access": log_in()["access"],
        "cookies": log_in()["refresh"],
    }
    module = import_module(f"{theirs.module}.tokens")
    tokens["sliding"] = str(module.SlidingToken.for_user(User.objects.get(username="alice")))
    old = module.RefreshToken()
    old["user_id"] = "1"
    old.set_exp(lifetime=timedelta(days=-2))
    old.blacklist()
    tokens["expired"] = str(old)
    (folder / "tokens.json").write_text(json.dumps(tokens))
    return {}


def rolling(package: str, folder: Path) -> dict[str, Any]:
    """A server of before that is still there logs out."""
    theirs = Theirs(package, folder)
    tokens = json.loads((folder / "tokens.json").read_text())
    for name in ("late", "rolling"):
        theirs.post("blacklist", refresh=tokens[name])
    return {}


def ours(folder: Path) -> dict[str, str]:
    """Has djwto in the place of the package; the tokens of before."""
    from django.urls import include, path

    shop.configure(
        folder,
        __name__,
        "djwto",
        DJWTO_ACCEPT_SIMPLEJWT={"UNTIL": datetime.now(timezone.utc) + timedelta(days=1)},
    )
    from djwto.authentication import jwt_login_required

    urlpatterns.append(path("", include("djwto.urls")))
    urlpatterns.append(path("payload/", jwt_login_required(payload)))
    tokens: dict[str, str] = json.loads((folder / "tokens.json").read_text())
    return tokens


def payload(request: Any) -> Any:
    """A view of the shop's own."""
    from django.http import JsonResponse

    return JsonResponse(request.payload)


def send(where: str, token: str) -> Any:
    """The answer of djwto to a token."""
    from django.test import Client

    return Client().post(where, headers=shop.bearer(token))


def take_over() -> str:
    """What the command says last."""
    from django.core.management import call_command

    said = io.StringIO()
    call_command("djwto_import_simplejwt", stdout=said)
    return said.getvalue().splitlines()[-1]


def after(package: str, folder: Path) -> dict[str, Any]:
    """djwto, in the place of the package."""
    tokens = ours(folder)
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client, override_settings

    from djwto.spec_tests.api import claims_of

    call_command("migrate", verbosity=0)
    call_command("check", fail_level="WARNING", stdout=io.StringIO())
    seen: dict[str, Any] = {"imported": take_over(), "again": take_over()}
    User.objects.filter(username="bob").update(is_active=False)
    # Theirs, everywhere.
    first = send(f"{REFRESH}refresh_access/", tokens["good"])
    seen["good"] = first.status_code
    old, new = claims_of(tokens["good"]), claims_of(first.json()["refresh"])
    seen["same session"] = new["jti"] == old["jti"]
    seen["user"] = new["user"]
    seen["id"] = old["user_id"]
    seen["payload"] = send("/payload/", tokens["access"]).json()["user"]
    seen["ours"] = send("/payload/", first.json()["access"]).status_code
    seen["updated"] = send(f"{REFRESH}update_refresh/", first.json()["refresh"]).status_code
    seen["successor"] = send(f"{REFRESH}update_refresh/", tokens["successor"]).status_code
    refused = {}
    for name in ("ended", "rotated", "expired", "bob", "sliding", "access"):
        refused[name] = send(f"{REFRESH}update_refresh/", tokens[name]).status_code
    refused["refresh as access"] = send("/payload/", tokens["late"]).status_code
    refused["sliding as access"] = send("/payload/", tokens["sliding"]).status_code
    with override_settings(DJWTO_REUSE_GRACE=0):
        refused["good again"] = send(f"{REFRESH}update_refresh/", tokens["good"]).status_code
    refused["whose session has ended"] = send(
        "/validate_access/", first.json()["access"]
    ).status_code
    with override_settings(DJWTO_ACCEPT_SIMPLEJWT=None):
        refused["without the setting"] = send("/payload/", tokens["access"]).status_code
    with override_settings(DJWTO_MODE="TWO-COOKIES"):
        browser = Client()
        answer = browser.post(
            f"{REFRESH}refresh_access/", headers=shop.bearer(tokens["cookies"]), secure=True
        )
        seen["cookies"] = sorted(answer.cookies)
        csrf = {"X-CSRFToken": answer.cookies["csrftoken"].value}
        seen["by cookies"] = browser.post("/payload/", headers=csrf, secure=True).status_code
    seen["refused"] = refused
    # Exchanged here, and soon to be blacklisted there.
    answer = send(f"{REFRESH}update_refresh/", tokens["rolling"])
    seen["rolling"] = answer.status_code
    (folder / "ours.json").write_text(json.dumps(answer.json()))
    seen["modules"] = [name for name in sys.modules if name.startswith(PACKAGES[package])]
    return seen


def afterwards(package: str, folder: Path) -> dict[str, Any]:
    """djwto, when the last server of before has stopped."""
    tokens = ours(folder)
    exchanged = json.loads((folder / "ours.json").read_text())["refresh"]
    seen = {"before the import": send(f"{REFRESH}validate_refresh/", exchanged).status_code}
    seen["imported"] = take_over()
    for name, token in (("late", tokens["late"]), ("rolling", exchanged)):
        seen[name] = send(f"{REFRESH}update_refresh/", token).status_code
    return seen


if __name__ == "__main__":
    # By its name: the settings name it as the module of the URLs.
    import shop_with_simplejwt

    package, phase, folder = sys.argv[1:]
    json.dump(getattr(shop_with_simplejwt, phase)(package, Path(folder)), sys.stdout)
