"""What to try: lines for bash, and what comes of them, in each mode.

The steps follow each other in one terminal. The curl of each but the first prints the answer
and its status.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

CURL = r"curl -sw ' %{http_code}\n'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to try."""

    title: str
    explanation: str
    lines: str
    answer: str
    signal: str = ""
    """The name of the signal that is sent; empty for none."""


def steps(mode: str, site: str) -> list[Step]:
    """All steps in this mode, with the demo at `site`, such as "http://127.0.0.1:8000"."""
    with_cookies = mode != "JSON"

    def url(name: str) -> str:
        return site + reverse(name)

    def sending(token: str) -> str:
        return '-b "$JAR"' if with_cookies else f'-H "Authorization: Bearer ${token}"'

    def post(name: str, token: str, *, keeping: str = "") -> str:
        csrf = '-H "X-CSRFToken: $CSRF" ' if with_cookies else ""
        kept = keeping if with_cookies else ""
        return f"{CURL} -X POST {sending(token)} {kept}{csrf}\\\n  {url(name)}"

    keeping = '-c "$JAR" '
    found = [
        _login_with_cookies(url("login")) if with_cookies else _login(url("login")),
        Step(
            title="Log in with a wrong password",
            explanation="The receiver is told why it failed.",
            lines=f"{CURL} -d 'username=alice&password=wrong' \\\n  {url('login')}",
            answer="401",
            signal="jwt_login_fail",
        ),
        Step(
            title="Open a view that asks for a login",
            explanation="The demo's own, with the decorator jwt_login_required.",
            lines=f"{CURL} {sending('ACCESS')} \\\n  {url('hello')}",
            answer='200 {"msg": "Hello, alice!"}',
        ),
        Step(
            title="Ask whether the access token is valid",
            explanation="The blacklist is asked, too.",
            lines=post("validate_access", "ACCESS"),
            answer='200 {"msg": "Token is valid."}',
            signal="jwt_token_validated",
        ),
        Step(
            title="Ask whether the refresh token is valid",
            explanation="The same for the other token.",
            lines=post("validate_refresh", "REFRESH"),
            answer='200 {"msg": "Token is valid."}',
            signal="jwt_token_validated",
        ),
        Step(
            title="Get a new access token",
            explanation="The refresh token stays as it is.",
            lines=post("refresh_access", "REFRESH", keeping=keeping),
            answer="200",
            signal="jwt_access_refreshed",
        ),
        Step(
            title="Get two new tokens",
            explanation="So that the session lasts longer. It keeps its jti.",
            lines=post("update_refresh", "REFRESH", keeping=keeping),
            answer="200",
            signal="jwt_refresh_updated",
        ),
        Step(
            title="Log out",
            explanation="This ends the session with all its tokens."
            + (" Without -c the jar keeps the cookies that a browser drops." * with_cookies),
            lines=post("logout", "REFRESH"),
            answer='200 {"msg": "Token successfully blacklisted."}',
            signal="jwt_blacklisted",
        ),
        Step(
            title="Try a token of the session that has ended",
            explanation="Its signature and its time are good. The blacklist says no.",
            lines=post("validate_refresh", "REFRESH"),
            answer='401 {"error": "The token is blacklisted."}',
        ),
    ]
    if mode == "TWO-COOKIES":
        found.insert(1, _read_claims())
    return found


def _login(url: str) -> Step:
    return Step(
        title="Log in",
        explanation="The answer holds both tokens; the last two lines pick them out.",
        lines=f"TOKENS=$(curl -s -d 'username=alice&password=pass' {url})\n"
        'echo "$TOKENS"\n'
        + "\n".join(
            rf"""{name}=$(echo "$TOKENS" | sed 's/.*"{name.lower()}": "\([^"]*\)".*/\1/')"""
            for name in ("ACCESS", "REFRESH")
        ),
        answer='200 {"refresh": "…", "access": "…"}',
        signal="jwt_logged_in",
    )


def _login_with_cookies(url: str) -> Step:
    return Step(
        title="Log in",
        explanation="curl keeps the cookies in a jar; the last line picks out the CSRF token.",
        lines="JAR=$(mktemp)\n"
        f"""{CURL} -c "$JAR" -d 'username=alice&password=pass' \\\n  {url}\n"""
        """CSRF=$(awk '$6 == "csrftoken" {print $7}' "$JAR")""",
        answer='200 {"msg": "Tokens successfully created."}',
        signal="jwt_logged_in",
    )


def _read_claims() -> Step:
    return Step(
        title="Read the claims",
        explanation="The one cookie that a page can read says who is logged in and until when.",
        lines="""awk '$6 == "jwt_access_payload" {print $7}' "$JAR" | base64 -d; echo""",
        answer='{… "user": {"username": "alice", …}, …}',
    )
