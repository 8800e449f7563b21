"""`--new NAME`: a backend to begin with, and its test, which tells what to write next."""

from __future__ import annotations

import keyword
from pathlib import Path

from djwto.spec_tests.project_setup import Unable

BACKEND = '''"""A blacklist for djwto. `pytest -x {test}` says what to write next."""

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable  # raise it where the store cannot answer


class {cls}(BlacklistBackend):
    # Every option that a project may name, with its default; any other is refused.
    default_options = {{"path": "{name}.data"}}

    def __init__(self, options):
        super().__init__(options)
        # Open the store that self.options names. Other processes make their own.

    def add(self, key, exp):
        # Remember the key, a text, until exp, in epoch seconds; None is for ever. One atomic
        # step: True to the one caller who is first, in whatever thread or process, else False.
        raise NotImplementedError("write {cls}.add() (BL-1 to BL-3)")

    def contains(self, key):
        # Was the key added? True until its exp at least.
        raise NotImplementedError("write {cls}.contains() (BL-4, BL-5)")

    def purge(self):
        # Drop what has expired and nothing else; answer how many entries that were.
        raise NotImplementedError("write {cls}.purge() (BL-7, BL-8)")


# Write get_many() and compare_and_set() too, and supports_values = True, and users can be logged
# out everywhere (BL-17 to BL-20). Until then djwto does without.
'''

TEST = '''"""Does {cls} keep every clause of djwto's specification?"""

import pytest

from djwto.spec_tests import BackendSpec


class Test{cls}(BackendSpec):
    backend = "{name}.{cls}"

    # With these the store is out of reach; without them nobody knows whether it fails closed.
    # unreachable_options = {{"path": "/nowhere/at/all"}}


@pytest.fixture(scope="class")
def djwto_blacklist(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "{name}.data"
    return {{"BACKEND": "{name}.{cls}", "OPTIONS": {{"path": str(path)}}}}
'''


def write(name: str, folder: Path) -> str:
    """Writes both files; what to do next. Raises Unable, and then has written nothing."""
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise Unable(
            f"--new {name!r} is no name for a module; write one in small letters, such as "
            "mongo_blacklist."
        )
    names = {
        "name": name,
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "test": f"test_{name}.py",
    }
    files = {f"{name}.py": BACKEND, names["test"]: TEST}
    if there := [file for file in files if (folder / file).exists()]:
        raise Unable(f"{' and '.join(there)} would be overwritten; choose another name.")
    for file, text in files.items():
        (folder / file).write_text(text.format(**names), encoding="utf-8")
    return (
        f"Wrote {name}.py and {names['test']}. Next:\n"
        f"  pytest -x {names['test']}      the first clause that fails says what to write\n"
        f'  DJWTO_BLACKLIST = {{"BACKEND": "{name}.{names["cls"]}"}}      once all of them hold'
    )
