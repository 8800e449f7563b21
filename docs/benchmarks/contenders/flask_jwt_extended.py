"""Flask-JWT-Extended: no Django, no user and no store."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from contenders import keys


def application(algorithm: str) -> Any:
    """The application, which has no users."""
    import flask
    from flask_jwt_extended import JWTManager, create_access_token, jwt_required

    private, public = keys.pair(algorithm)
    app = flask.Flask("benchmark")
    app.config.update(
        JWT_ALGORITHM=algorithm,
        JWT_SECRET_KEY=private,
        JWT_PRIVATE_KEY=private,
        JWT_PUBLIC_KEY=public,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(hours=1),
    )
    JWTManager(app)

    @app.get("/protected/")
    @jwt_required()
    def protected() -> str:
        return "ok"

    @app.post("/refresh/")
    @jwt_required(refresh=True)
    def refresh() -> Any:
        return {"access": create_access_token("alice")}

    return app


def prepare(algorithm: str, folder: str) -> dict[str, Any]:
    """The operations that it has."""
    from flask_jwt_extended import create_access_token, create_refresh_token
    from werkzeug.test import EnvironBuilder

    app = application(algorithm)

    def request(method: str, path: str, token: str) -> dict[str, Any]:
        bearer = {"Authorization": f"Bearer {token}"}
        return EnvironBuilder(path, method=method, headers=bearer).get_environ()

    def ask(environ: dict[str, Any]) -> None:
        statuses: list[str] = []
        body = app({**environ, "wsgi.input": io.BytesIO()}, lambda s, *_: statuses.append(s))
        b"".join(body)
        if not statuses[0].startswith("200"):
            raise AssertionError(statuses[0])

    def access() -> str:
        with app.app_context():
            return create_access_token("alice")

    seen = request("GET", "/protected/", access())
    with app.app_context():
        exchanged = request("POST", "/refresh/", create_refresh_token("alice"))
    return {
        "protected, seen before": (lambda: seen, ask),
        "protected, first sight": (lambda: request("GET", "/protected/", access()), ask),
        "refresh": (lambda: exchanged, ask),
    }
