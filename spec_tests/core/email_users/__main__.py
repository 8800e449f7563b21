"""Plays sessions of e-mail users in each mode and writes what was seen as JSON, by mode."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django


def play(mode: str) -> dict[str, Any]:
    """What a session of a new user is answered, from login to deactivation."""
    from django.contrib.auth import get_user_model

    from djwto.spec_tests import api
    from djwto.spec_tests.recorder import Recorder
    from djwto.token_user import TokenUser

    seen: dict[str, Any] = {}
    email, password = f"{mode.lower()}@shop.example", "pass"
    user = get_user_model().objects.create_user(email, password)
    seen["user"] = {"email": email, "id": str(user.pk), "perms": []}
    with Recorder() as recorder:
        answers = {
            "login": api.log_in(email, password),
            "login by the field's own name": _log_in_by_own_name(email, password),
            "wrong password": api.log_in(email, "wrong"),
        }
        refresh, access = answers["login"].refresh, answers["login"].access
        seen["user of the token"] = TokenUser(api.claims_of(access)).pk == user.pk
        answers |= {
            "validate_access": api.send(api.VALIDATE_ACCESS, access, as_refresh=False),
            "refresh_access": api.send(api.REFRESH_ACCESS, refresh),
            "update_refresh": api.send(api.UPDATE_REFRESH, refresh),
        }
        user.is_active = False
        user.save()
        for name, path in (("refresh", api.REFRESH_ACCESS), ("update", api.UPDATE_REFRESH)):
            answers[f"{name} of a deactivated user"] = api.send(path, refresh)
        answers["login of a deactivated user"] = api.log_in(email, password)
        user.delete()
        for name, path in (("refresh", api.REFRESH_ACCESS), ("update", api.UPDATE_REFRESH)):
            answers[f"{name} of a deleted user"] = api.send(path, refresh)
        answers["logout"] = api.send(api.LOGOUT, refresh)
    seen["statuses"] = {name: answer.status for name, answer in answers.items()}
    seen["users"] = [
        api.claims_of(token)["user"]
        for answer in answers.values()
        for token in (answer.refresh, answer.access)
        if token
    ]
    seen["signals"] = [sent.name for sent in recorder.sent]
    return seen


def _log_in_by_own_name(email: str, password: str) -> Any:
    from djwto.spec_tests import api

    return api.send(
        api.LOGIN,
        None,
        data={"email": email, "password": password},
        content_type="application/json",
    )


def main() -> None:
    """Plays in each mode."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "djwto.spec_tests.core.email_users.settings"
    django.setup()

    from django.core.management import call_command
    from django.test import override_settings

    from djwto.transports import TRANSPORTS

    call_command("migrate", run_syncdb=True, verbosity=0)
    seen = {}
    for mode in TRANSPORTS:
        with override_settings(DJWTO_MODE=mode):
            call_command("check", fail_level="WARNING", stdout=sys.stderr)
            seen[mode] = play(mode)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
