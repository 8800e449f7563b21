"""What a process that starts has to read: nothing but Django, until it is used."""

from __future__ import annotations

import json
import subprocess
import sys

START = """
import json, sys
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
    SECRET_KEY="x" * 60,
)
import django

def read():
    tops = {name.partition(".")[0] for name in sys.modules}
    return sorted(tops & {"jwt", "cryptography", "redis", "hypothesis", "pytest", "fakeredis"})

found = []
django.setup()
found.append(read())
import djwto.urls
found.append(read())
print(json.dumps(found))
"""


def test_nothing_is_imported_before_it_is_used_and_no_more_than_pyjwt_then() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [[], ["cryptography", "jwt"]]
