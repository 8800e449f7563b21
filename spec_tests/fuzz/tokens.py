"""Tokens to be sent: one of a live session, one that was changed, one that says anything at all.

They are described, and made when they are sent: only then is there a session.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from djwto.claims import ACCESS, LAST_NUMERIC_DATE, REFRESH, Claims
from djwto.spec_tests.core.tokens_by_hand import HEADER, by_hand


@dataclass(frozen=True, slots=True)
class Text:
    """A text that nobody has signed."""

    text: str


@dataclass(frozen=True, slots=True)
class Live:
    """A token of the live session, changed by somebody who has no key if `change` names how."""

    type_: str
    change: str = ""
    at: int = 0
    """Where to change it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A token of the live session's claims, changed, and signed with the right key after that."""

    type_: str
    header: bytes | Mapping[str, Any]
    """What its JOSE header says instead, or all of it."""
    claims: bytes | Mapping[str, Any]
    """What its claims say instead, or all of them; `...` leaves one out."""


Recipe = Text | Live | Signed

_CANONICAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _one_character_on(text: str, at: int) -> str:
    at %= len(text)
    changed = "A" if text[at] != "A" else "B"
    return text[:at] + changed + text[at + 1 :]


def _same_bytes(text: str, at: int) -> str:
    """Another text of the same signature, in whose last character there are bits to spare."""
    last = _CANONICAL.index(text[-1])
    return text[:-1] + _CANONICAL[last ^ (at % 3 + 1)]


CHANGES: dict[str, Callable[[str, int], str]] = {
    "one character on": _one_character_on,
    "same bytes": _same_bytes,
    "cut": lambda text, at: text[: at % len(text)],
    "padded": lambda text, at: text + "=" * (at % 3 + 1),
    "spaced": lambda text, at: text[: at % len(text)] + " " + text[at % len(text) :],
    "folded": lambda text, at: text[: at % len(text)] + "\n" + text[at % len(text) :],
    "quoted": lambda text, at: f"'{text}'",
    "twice": lambda text, at: f"{text}.{text}",
    "unsigned": lambda text, at: text.rpartition(".")[0] + ".",
    "JWE": lambda text, at: f"{text}.{text.partition('.')[0]}.AAAA",
    "nested": lambda text, at: by_hand({**HEADER, "cty": "JWT"}, text.encode()),
    "upper case": lambda text, at: text.upper(),
    "standard alphabet": lambda text, at: text.replace("-", "+").replace("_", "/"),
    "percent": lambda text, at: text.replace(".", "%2E"),
}
"""What somebody without a key can do to a token. None of the results is to be believed."""


@dataclass(frozen=True, slots=True)
class Made:
    """A token as it is sent, and the claims that it may be believed, if it may."""

    text: str
    claims: Claims | None = None


def make(recipe: Recipe, live: Mapping[str, Made]) -> Made:
    """The token that is described, of the live session's tokens by type."""
    if isinstance(recipe, Text):
        return Made(recipe.text)
    original = live[recipe.type_]
    if isinstance(recipe, Live):
        if not recipe.change:
            return original
        changed = CHANGES[recipe.change](original.text, recipe.at)
        return original if changed == original.text else Made(changed)
    header, claims = (
        change if isinstance(change, bytes) else _encoded(of, change)
        for of, change in ((HEADER, recipe.header), (original.claims or {}, recipe.claims))
    )
    return Made(by_hand(header, claims), by_the_book(header, claims))


def _encoded(of: Mapping[str, Any], changes: Mapping[str, Any]) -> bytes:
    changed = {name: value for name, value in {**of, **changes}.items() if value is not ...}
    return json.dumps(changed).encode()


def by_the_book(header: bytes, payload: bytes) -> Claims | None:
    """The claims of a token that is signed right, where it may be believed; else None.

    What is asked here every token has to meet; djwto may ask for more.
    """
    try:
        says, claims = json.loads(header), json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(says, dict) or not isinstance(claims, dict):
        return None
    now = time.time()
    kid, typ, jti = says.get("kid", ""), says.get("typ", "JWT"), claims.get("jti")
    demands = [
        says.get("alg") == "HS256",
        "crit" not in says and "b64" not in says,
        isinstance(kid, str) and isinstance(typ, str) and typ.lower() == "jwt",
        claims.get("type") in (ACCESS, REFRESH),
        isinstance(jti, str) and jti != "",
        _is_date(claims.get("exp")) and claims["exp"] > now - 2,
        _is_date(claims.get("iat")) and claims["iat"] < now + 2,
        _is_date(claims.get("nbf", 0)) and claims.get("nbf", 0) < now + 2,
        "iss" not in claims,
    ]
    return claims if all(demands) else None


def _is_date(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LAST_NUMERIC_DATE


def segment(of: Any) -> str:
    """JSON as one of the parts of a token."""
    return base64.urlsafe_b64encode(json.dumps(of).encode()).rstrip(b"=").decode()
