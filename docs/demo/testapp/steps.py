"""What to try: lines for bash, and what comes of them, in each mode.

The steps follow each other in one terminal. The curl of each but the first prints the answer
and its status.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

CURL = r"curl -sw ' %{http_code}\n'"
CREDENTIALS = "-d 'username=alice&password=pass'"


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

    def sending(token: str, jar: str) -> str:
        return f'-b "${jar}"' if with_cookies else f'-H "Authorization: Bearer ${token}"'

    def post(name: str, token: str, *, jar: str = "JAR", keeping: bool = False) -> str:
        csrf = f'-H "X-CSRFToken: {_csrf(jar)}" ' if with_cookies else ""
        kept = f'-c "${jar}" ' if with_cookies and keeping else ""
        return f"{CURL} -X POST {sending(token, jar)} {kept}{csrf}\\\n  {url(name)}"

    log_in = _log_in_with_cookies if with_cookies else _log_in
    found = [
        Step(
            title="Log in",
            explanation=(
                "curl keeps the cookies in a jar. One of them is the CSRF token, which later "
                "lines pick out."
                if with_cookies
                else "The answer holds both tokens; the last two lines pick them out."
            ),
            lines=log_in(url("login")),
            answer=(
                '200 {"msg": "Tokens successfully created."}'
                if with_cookies
                else '200 {"refresh": "…", "access": "…"}'
            ),
            signal="jwt_logged_in",
        ),
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
            lines=f"{CURL} {sending('ACCESS', 'JAR')} \\\n  {url('hello')}",
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
            lines=post("refresh_access", "REFRESH", keeping=True),
            answer="200",
            signal="jwt_access_refreshed",
        ),
        Step(
            title="Get two new tokens",
            explanation="The refresh token is exchanged for its successor, so that the session "
            "lasts longer. It keeps its jti. The first line copies the old token, as thieves do.",
            lines=('cp "$JAR" "$JAR.old"\n' if with_cookies else "OLD=$REFRESH\n")
            + post("update_refresh", "REFRESH", keeping=True),
            answer="200",
            signal="jwt_refresh_updated",
        ),
        Step(
            title="Use the old refresh token again",
            explanation="It has been exchanged, so somebody has a copy. The session ends, for the "
            "thief and for alice. Within a second it would pass for a second tab's.",
            lines=("sleep 1; OLD=$JAR.old\n" if with_cookies else "sleep 1\n")
            + post("update_refresh", "OLD", jar="OLD"),
            answer='401 {"error": "The token has been exchanged for another before."}',
            signal="jwt_reuse_detected",
        ),
        Step(
            title="Log in anew",
            explanation="This is another session.",
            lines=log_in(url("login")),
            answer="200",
            signal="jwt_logged_in",
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
        Step(
            title="Log in on a phone",
            explanation="The phone is another jar."
            if with_cookies
            else "The phone keeps its own refresh token.",
            lines=_log_in_on_phone(url("login"), with_cookies),
            answer="200",
            signal="jwt_logged_in",
        ),
        Step(
            title="Log in here as well",
            explanation="Now alice has two sessions.",
            lines=log_in(url("login")),
            answer="200",
            signal="jwt_logged_in",
        ),
        Step(
            title="Log out everywhere",
            explanation="All sessions of alice end, with one write.",
            lines=post("logout_all", "REFRESH"),
            answer='200 {"msg": "All sessions ended."}',
            signal="jwt_sessions_revoked",
        ),
        Step(
            title="Try the phone's token",
            explanation="Its session has ended, too.",
            lines=post("refresh_access", "PHONE", jar="PHONE"),
            answer='401 {"error": "The token is blacklisted."}',
        ),
    ]
    if mode == "TWO-COOKIES":
        found.insert(1, _read_claims())
    return found


def _picked(name: str) -> str:
    """A command that picks this token out of the JSON that it reads."""
    return rf"""sed 's/.*"{name}": "\([^"]*\)".*/\1/'"""


def _csrf(jar: str) -> str:
    return f"""$(awk '$6 == "csrftoken" {{print $7}}' "${jar}")"""


def _log_in(url: str) -> str:
    return (
        f"TOKENS=$(curl -s {CREDENTIALS} \\\n  {url})\n"
        'echo "$TOKENS"\n'
        f'ACCESS=$(echo "$TOKENS" | {_picked("access")})\n'
        f'REFRESH=$(echo "$TOKENS" | {_picked("refresh")})'
    )


def _log_in_with_cookies(url: str) -> str:
    return f'JAR=$(mktemp)\n{CURL} -c "$JAR" {CREDENTIALS} \\\n  {url}'


def _log_in_on_phone(url: str, with_cookies: bool) -> str:
    if with_cookies:
        return f'PHONE=$(mktemp)\n{CURL} -c "$PHONE" {CREDENTIALS} \\\n  {url}'
    return f'PHONE=$(curl -s {CREDENTIALS} \\\n  {url} | {_picked("refresh")})\necho "$PHONE"'


def _read_claims() -> Step:
    return Step(
        title="Read the claims",
        explanation="The one cookie that a page can read says who is logged in and until when.",
        lines="""awk '$6 == "jwt_access_payload" {print $7}' "$JAR" | base64 -d; echo""",
        answer='{… "user": {"username": "alice", …}, …}',
    )
