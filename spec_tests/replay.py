"""`--replay FILE`: does again what the suite wrote down, and tells what is answered now."""

from __future__ import annotations

import ast
import asyncio
import datetime
import random
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from djwto.blacklist import load_backend
from djwto.spec_tests import api
from djwto.spec_tests.checks.receivers import Subclassed
from djwto.spec_tests.checks.sessions_machine import SessionsMachine
from djwto.spec_tests.stage import but_with, new_account, playing
from djwto.spec_tests.subject import Subject, new_key

MOST = 500
"""Characters of an answer that a person reads."""


def replay(source: str, subject: Subject) -> Iterator[str]:
    """Each line of the steps, with what it answered or raised."""
    names: dict[str, Any] = {
        "SETTING": subject.setting,
        "Subclassed": Subclassed,
        "SessionsMachine": type("SessionsMachine", (SessionsMachine,), {"subject": subject}),
        "api": api,
        "asyncio": asyncio,
        "but_with": but_with,
        "datetime": datetime,
        "load_backend": load_backend,
        "new_account": new_account,
        "new_key": new_key,
        "playing": playing,
        "subject": subject,
    }
    for statement in ast.parse(_with_new_keys(source)).body:
        line = ast.unparse(statement)
        try:
            answer = _run(statement, names)
        except Exception as error:
            yield f"{line}  # raised {type(error).__name__}: {error}"
        else:
            is_told = answer is not None and not isinstance(answer, AbstractContextManager)
            yield f"{line}  # {_shown(answer)}" if is_told else line


def _with_new_keys(source: str) -> str:
    """The same steps with keys that the store has not seen, and that are as near as they were."""
    digits = "0123456789abcdef"
    others = "".join(random.SystemRandom().sample(digits, len(digits)))
    exchanged = str.maketrans(digits, others)
    return re.sub(r"'~?[0-9a-f-]{16,}'", lambda key: key[0].translate(exchanged), source)


def _run(statement: ast.stmt, names: dict[str, Any]) -> Any:
    if isinstance(statement, ast.Expr):
        return eval(compile(ast.Expression(statement.value), "steps", "eval"), names)
    exec(compile(ast.Module([statement], []), "steps", "exec"), names)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return names[statement.targets[0].id]
    return None


def _shown(answer: Any) -> str:
    shown = str(answer.status) if isinstance(answer, api.Answer) else repr(answer)
    return shown if len(shown) <= MOST else f"{shown[:MOST]} ..."
