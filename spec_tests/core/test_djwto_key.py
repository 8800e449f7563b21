"""TOK-18: `manage.py djwto_key`, whose keys can be pasted and whose list keeps a secret."""

from __future__ import annotations

import ast
import stat
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from djwto import checks
from djwto.keys import known_algorithms
from djwto.spec_tests.core import hooks
from djwto.spec_tests.core.keys_for_tests import EC_PUBLIC
from djwto.spec_tests.core.test_key_ring import NEW, OLD, UNNAMED, believed, kid_of
from djwto.spec_tests.core.tokens_by_hand import good
from djwto.tokens import encode

pytestmark = pytest.mark.clause("TOK-18")


def run(*words: str) -> str:
    out = StringIO()
    call_command("djwto_key", *words, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("algorithm", known_algorithms())
def test_a_new_key_can_be_pasted_as_it_is_printed(algorithm: str, settings: Settings) -> None:
    (entry,) = ast.literal_eval(f"[{run('new', '--algorithm', algorithm)}]")
    settings.DJWTO_KEYS = [entry, OLD]
    assert list(checks.check_settings()) == []
    text = encode(good())
    assert believed(text)
    assert kid_of(text) == entry["kid"]
    assert entry["kid"].startswith(time.strftime("%Y-%m-%d", time.gmtime()))


def test_no_two_are_the_same() -> None:
    made = [ast.literal_eval(run("new").rstrip(",\n")) for _ in range(3)]
    assert len({entry["kid"] for entry in made}) == len({entry["key"] for entry in made}) == 3


def test_a_key_in_a_file_is_for_its_owner_alone(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / 'a "key".pem'
    printed = run("new", "--file", str(file), "--kid", 'a "name"')
    assert "PRIVATE" not in printed
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (entry,) = eval(f"[{printed}]", {"Path": Path})
    assert entry["kid"] == 'a "name"'
    settings.DJWTO_KEYS = [entry]
    assert believed(encode(good()))


def test_no_key_is_written_over_another(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("precious")
    with pytest.raises(CommandError, match=r"key.pem was not written: File exists."):
        run("new", "--file", str(file))
    assert file.read_text() == "precious"
    with pytest.raises(CommandError, match=r"was not written: No such file"):
        run("new", "--file", str(tmp_path / "absent" / "key.pem"))


@pytest.mark.parametrize("algorithm", ["none", "HS1", ""])
def test_an_unknown_algorithm_is_named_with_those_that_are_known(algorithm: str) -> None:
    with pytest.raises(CommandError, match="expected one of ES256"):
        run("new", "--algorithm", algorithm)


def test_a_list_of_the_keys_in_force(settings: Settings) -> None:
    later = 1_900_000_000
    settings.DJWTO_KEYS = [
        {**NEW, "kid": "gone", "not_after": 1},
        NEW,
        OLD | {"not_after": later},
        {**UNNAMED, "not_after": later - 1},
        {**NEW, "kid": "public", "key": EC_PUBLIC},
    ]
    listed = run("list")
    assert [line.split() for line in listed.splitlines()] == [
        ["gone", "ES256", "ended", "until", "1970-01-01", "00:00:01", "UTC"],
        ["new", "ES256", "signs", "for", "good"],
        ["old", "HS256", "verifies", "until", "2030-03-17", "17:46:40", "UTC"],
        ["(no", "kid)", "HS256", "verifies", "until", "2030-03-17", "17:46:39", "UTC"],
        ["public", "ES256", "verifies", "for", "good"],
    ]
    for secret in (NEW["key"][40:60], OLD["key"], UNNAMED["key"]):
        assert secret not in listed


def test_a_list_where_none_signs(settings: Settings) -> None:
    settings.DJWTO_KEYS = [{**NEW, "key": EC_PUBLIC}]
    assert "verifies" in run("list")
    settings.DJWTO_KEYS = [NEW | {"not_after": 1}]
    assert "ended" in run("list")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "makes no keys"),
        (f"{hooks.__name__}.vault", "could not be called"),
        ([{}], "is not a dict"),
    ],
)
def test_a_list_of_what_is_no_list(
    keys: Any, said: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "VAULT", [OSError("vault")])
    settings.DJWTO_KEYS = keys
    with pytest.raises(CommandError, match=said):
        run("list")
