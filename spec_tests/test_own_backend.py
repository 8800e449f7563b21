"""The backend of one's own in the documentation: as it is shown, the suite has passed it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from djwto.spec_tests.elsewhere import run
from djwto.spec_tests.runner import in_order

CHECKOUT = Path(__file__).parents[1]
SHOWN = CHECKOUT / "docs" / "own_backend"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in SHOWN.glob("*.py"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_readme_shows_the_same() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert f"\n{(SHOWN / 'file_blacklist.py').read_text()}```\n" in readme


def _verdicts(folder: Path, module: str, *only: str) -> str:
    done = run(
        folder,
        "djwto.spec_tests",
        f"--backend={module}.FileBlacklist",
        "--profile=quick",
        f'--options={{"path": "{module}.sqlite3"}}',
        '--unreachable-options={"path": "/nowhere/at/all.sqlite3"}',
        *(f"--clause={clause_id}" for clause_id in only),
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout.splitlines()[-1]


SHOWN_OF = dict(
    zip(("keys", "values"), (SHOWN / "verdicts.txt").read_text().splitlines(), strict=True)
)
"""The verdicts on a backend that keeps keys, and on one that keeps values with them."""


def test_the_verdicts_on_keys_are_those_shown(folder: Path) -> None:
    assert _verdicts(folder, "file_blacklist") == SHOWN_OF["keys"]


def test_the_verdicts_on_values_are_those_shown(folder: Path) -> None:
    # The clauses of a backend, and those that say nothing of one without values.
    backends = [clause_id for clause_id in in_order() if clause_id.startswith("BL-")]
    asked = {*backends, *re.findall(r"[A-Z]+-\d+", SHOWN_OF["keys"])}
    assert _verdicts(folder, "file_blacklist_with_values", *asked) == (
        f"{len(asked) - 1} clauses hold, 1 not applicable (BL-22)"
    )
    assert SHOWN_OF["values"] == f"{len(in_order()) - 1} clauses hold, 1 not applicable (BL-22)"


def test_its_tests_pass(folder: Path) -> None:
    done = run(
        folder,
        "pytest",
        "--djwto-profile=quick",
        "-k",
        "[BL-1] or [BL-14]",
        "test_file_blacklist.py",
    )
    assert done.returncode == 0, done.stdout
