"""One contender as a server runs it: `gunicorn served:wsgi`, `uvicorn served:asgi`.

CONTENDER and FOLDER tell which, and where its files are; what can be asked of it is written there.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

ALGORITHM = "HS256"
contender, folder = os.environ["CONTENDER"], os.environ["FOLDER"]
module = importlib.import_module(f"contenders.{contender}")


def flask() -> tuple[Any, Any, dict[str, Any]]:
    """Flask's application; it has no logins."""
    from a2wsgi import WSGIMiddleware
    from flask_jwt_extended import create_access_token, create_refresh_token

    app = module.application(ALGORITHM)
    with app.app_context():
        access, refresh = create_access_token("alice"), create_refresh_token("alice")
    asked = {
        "protected": ("GET", "/protected/", access, ""),
        "refresh": ("POST", "/refresh/", refresh, ""),
    }
    return app, WSGIMiddleware(app), asked


def django() -> tuple[Any, Any, dict[str, Any]]:
    """A project of Django."""
    # uvicorn imports this in its event loop, in which nothing else is done yet.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    module.set_up(ALGORITHM, folder)
    from contenders.project import Client
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    asked: dict[str, Any] = {"protected": ("GET", "/bare/")}
    if hasattr(module, "ASKED"):
        answer = Client().answer(*module.ASKED.login)
        asked = {
            "protected": module.ASKED.protected(answer),
            "refresh": module.ASKED.refresh(answer),
            "login": module.ASKED.login,
            "logout": module.ASKED.logout({"refresh": "TOKEN"}),
        }
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    return WSGIHandler(), ASGIHandler(), asked


wsgi, asgi, _asked = flask() if contender == "flask_jwt_extended" else django()
Path(folder, "asked.json").write_text(json.dumps(_asked))
