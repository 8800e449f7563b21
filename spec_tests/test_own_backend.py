"""The backend of one's own in the documentation: as it is shown, the suite has passed it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from djwto.spec_tests.elsewhere import run

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


@pytest.mark.parametrize(
    ("line", "module"), [(0, "file_blacklist"), (1, "file_blacklist_with_values")]
)
def test_the_verdict_is_the_one_shown(folder: Path, line: int, module: str) -> None:
    done = run(
        folder,
        "djwto.spec_tests",
        f"--backend={module}.FileBlacklist",
        "--profile=quick",
        '--options={"path": "conformance.sqlite3"}',
        '--unreachable-options={"path": "/nowhere/at/all.sqlite3"}',
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    shown = (SHOWN / "verdicts.txt").read_text().splitlines()
    assert done.stdout.splitlines()[-1] == shown[line]


def test_its_tests_pass(folder: Path) -> None:
    done = run(folder, "pytest", "--djwto-profile=quick", "-k", "BL", "test_file_blacklist.py")
    assert done.returncode == 0, done.stdout
