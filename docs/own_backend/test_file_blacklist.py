"""Does the example keep every clause?"""

import pytest

from djwto.spec_tests import BackendSpec


class TestFileBlacklist(BackendSpec):
    backend = "file_blacklist.FileBlacklist"
    unreachable_options = {"path": "/nowhere/at/all.sqlite3"}


@pytest.fixture(scope="class")
def djwto_blacklist(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "blacklist.sqlite3"
    return {"BACKEND": "file_blacklist.FileBlacklist", "OPTIONS": {"path": str(path)}}
