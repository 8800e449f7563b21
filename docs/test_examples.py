"""Every example of the documentation, as its reader follows the page: in a project made of it.

What a code block is, it says itself. Python begins with the name of its file, or is lines of the
settings, or statements that run where Django is set up; shell commands are run, against a server
where they ask one; JSON is what was answered last. What is only to be looked at is ``text``.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import docutils.core
import docutils.nodes
import jwt
import pytest
from docutils.parsers.rst import Directive, directives
from markdown_it import MarkdownIt

DOCS = Path(__file__).parent
CHECKOUT = DOCS.parent
PAGES = ["../README.md", *sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.rst"))]

LOOKED_AT = {"text", "none", "postgresql", "js", "toml", "nginx"}
"""Languages of what is not run: what programs print, and what other programs read."""

PYTHON = {"python", "python3"}
SHELL = {"sh", "console"}

SETTINGS = """
import os
from datetime import timedelta
from pathlib import Path

DEBUG = True
SECRET_KEY = "a key for examples, of no use to anyone, and long enough to sign with"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
ROOT_URLCONF = "urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djwto"]
"""
"""What every project has, as `startproject` makes it."""

KEPT = """
INSTALLED_APPS = [*dict.fromkeys([*_INSTALLED_APPS, *INSTALLED_APPS])]
"""
"""The apps that a page leaves out are in the project none the less."""

URLS = """
from django.urls import include, path

urlpatterns = [path("", include("djwto.urls"))]
"""

MANAGE = """
import os, sys
from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
"""

STATEMENTS = """
import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.conf import settings

# Whatever store the page speaks of, there is none here.
settings.DJWTO_BLACKLIST = {"BACKEND": "djwto.backends.database.DatabaseBlacklist"}

from datetime import timedelta
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.http import JsonResponse
from django.test import RequestFactory
from django.urls import include, path
from djwto.authentication import jwt_is_refresh, jwt_login_required, jwt_perm_required
from djwto.login import new_session

user = get_user_model().objects.get(username="alice")
request = RequestFactory().get("/")
request.payload = new_session(user, request).access_claims
"""
"""What the examples take for granted that stand for some lines of a view."""

SESSION = "5f0e6c1a-6f63-4b8f-9d0c-0f6f1e6f0a01"
"""The session that examples speak of."""

THEIR_TABLES = """
INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework_simplejwt.token_blacklist"]
"""

PRELUDES: dict[str, str] = {
    "migrate/simplejwt.rst": THEIR_TABLES,
    "migrate/ninja_jwt.rst": THEIR_TABLES.replace("rest_framework_simplejwt", "ninja_jwt"),
    "keys.rst": """
OLD_KEY = "a signing key of thirty-two bytes or more"
OLD = {"kid": "old", "algorithm": "HS256", "key": "an old key of thirty-two bytes or more"}
NEW = {"kid": "new", "algorithm": "HS256", "key": "a newer key of thirty-two bytes or more"}
""",
}
"""By page: the lines of settings.py that the page speaks of and does not show."""

COMMANDS = r"""
python() {
    case "$*" in
        *runserver*) ;;
        *createsuperuser*) "$PYTHON" "$@" --noinput ;;
        *spec_tests.rogues*) "$PYTHON" "$@" --aimed ;;
        # It takes servers, and minutes; its own tests are beside it.
        *spec_tests.faults*) test -f "$CHECKOUT/spec_tests/faults/__main__.py" ;;
        *"spec_tests --backend"*) "$PYTHON" "$@" --profile quick --clause BL-1 ;;
        *) "$PYTHON" "$@" ;;
    esac
}
pytest() {
    # The test of a new backend is red, and says what to do next.
    "$PYTHON" -m pytest -p no:cacheprovider "$@" --djwto-profile quick -k "[BL-1]" || [ "$1" = -x ]
}
curl() { command curl --silent --show-error --fail-with-body "$@" && echo; }
make() { grep --quiet "^$1:" "$CHECKOUT/Makefile"; }
pip() { "$PYTHON" -c "$EXTRAS" "$2"; }
psql() { case "$*" in *install.sql | *djwto_keep_partitions*) ;; *) false ;; esac }
"""
"""What the shell's commands are here: nothing is installed, nobody is asked, no hour is spent.

The targets of make are CI's own, and spec_tests/servers/test_partitions.py runs what psql is told.
"""

EXTRAS = """
import importlib.metadata, re, sys
there = importlib.metadata.metadata("djwto").get_all("Provides-Extra")
wanted = re.findall(r"[\\w-]+(?=[],])", sys.argv[1])
sys.exit(", ".join(set(wanted) - set(there)) or None)
"""


class CodeBlock(Directive):
    """Sphinx's ``code-block``, which docutils knows without its options."""

    has_content = True
    optional_arguments = 1
    option_spec: ClassVar = {
        "caption": directives.unchanged,
        "emphasize-lines": directives.unchanged,
    }

    def run(self) -> list[docutils.nodes.Node]:
        """A literal block that says its language."""
        block = docutils.nodes.literal_block("\n".join(self.content), "\n".join(self.content))
        block["language"] = self.arguments[0] if self.arguments else ""
        block.line = self.lineno
        return [block]


directives.register_directive("code-block", CodeBlock)


@dataclass(frozen=True, slots=True)
class Block:
    """An example as it stands on a page."""

    page: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """The file and the line, as a failure names it."""
        return f"docs/{self.page}:{self.line}"


def blocks_of(page: str) -> Iterator[Block]:
    """The examples of a page, from top to bottom."""
    return _of_markdown(page) if page.endswith(".md") else _of_restructured_text(page)


def _of_markdown(page: str) -> Iterator[Block]:
    for token in MarkdownIt().parse((DOCS / page).read_text()):
        if token.type in ("fence", "code_block") and token.map:
            # What is indented has no language to it: commands.
            yield Block(page, token.map[0] + 1, token.info.strip() or "sh", token.content)


def _of_restructured_text(page: str) -> Iterator[Block]:
    document = docutils.core.publish_doctree(
        (DOCS / page).read_text(),
        # The directives and roles of Sphinx are not known here, and what is in them is no code.
        settings_overrides={"report_level": 5, "halt_level": 6, "file_insertion_enabled": False},
    )
    for block in document.findall(docutils.nodes.literal_block):
        if "language" in block or not _is_left_unread(block):
            yield Block(page, block.line or 0, block.get("language", ""), block.astext())


def _is_left_unread(block: docutils.nodes.literal_block) -> bool:
    """Whether this is how docutils shows a directive that it does not know."""
    return isinstance(block.parent, docutils.nodes.system_message)


class Project:
    """What a reader of the page has in a folder."""

    def __init__(self, folder: Path, page: str) -> None:
        self.folder = folder
        self.statements: list[Block] = []
        self.answers: list[str] = []
        self.server = Server(folder)
        self.write("settings.py", SETTINGS + "_INSTALLED_APPS = INSTALLED_APPS\n")
        self.write("settings.py", PRELUDES.get(page, ""))
        self.write("urls.py", URLS)
        self.write("manage.py", MANAGE)
        (folder / "keys").mkdir()
        for shown in (DOCS / "own_backend").glob("*.py"):
            self.write(shown.name, shown.read_text())
        self.is_as_it_was = True

    def follow(self, block: Block) -> None:
        """Does what an example says."""
        if block.language in PYTHON:
            self._python(block)
        elif block.language in SHELL:
            self.run(block.text)
        elif block.language == "json":
            _same_shape(json.loads(block.text), json.loads(self.answers[-1]), block.where)
        else:
            assert block.language in LOOKED_AT, (
                f"{block.where}: what is this? Write code-block:: python, sh or json, which are "
                f"run, or {', '.join(sorted(LOOKED_AT))}, which are not."
            )

    def _python(self, block: Block) -> None:
        ast.parse(block.text)
        name = re.match(r"# (\S+\.py)\n", block.text)
        if name is None and not _is_settings(block.text):
            self.statements.append(block)
            return
        file = name[1] if name else "settings.py"
        if file == "settings.py":
            # What names a module is often shown before the module is.
            self.check()
            self.write(file, block.text + KEPT)
        else:
            self.write(file, block.text)

    def check(self) -> None:
        """Fails if Django finds an error in the settings so far; makes the tables of new apps."""
        self.run("python manage.py migrate")

    def write(self, name: str, text: str) -> None:
        """Adds to a file."""
        self.is_as_it_was = False
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent != self.folder:
            (path.parent / "__init__.py").touch()
        with path.open("a") as file:
            file.write(self._here(text) + "\n")
        self.server.stop()

    def end(self) -> None:
        """Imports what was written, and runs the statements that stood alone."""
        if self.is_as_it_was and not self.statements:
            return
        self.check()
        modules = [
            ".".join(path.relative_to(self.folder).with_suffix("").parts)
            for path in sorted(self.folder.rglob("*.py"))
            if path.name not in ("manage.py", "__init__.py") and "test" not in path.name
        ]
        names = "".join(f"import {module}\n" for module in modules)
        self.write("run_statements.py", STATEMENTS + names)
        for block in self.statements:
            # Each by itself, and knows what those before it have defined.
            self.write("run_statements.py", f"# {block.where}\n{textwrap.dedent(block.text)}")
        self.run("python run_statements.py")
        if list(self.folder.glob("*/tests.py")):
            self.run("python manage.py test")

    def run(self, script: str) -> None:
        """Runs lines of the shell, until one fails; then this fails, too."""
        tokens = {}
        if "curl" in script:
            self.server.start()
            tokens = self.server.log_in()
        # The reader puts in what the answer before was; here it is there.
        lines = [line for line in script.splitlines() if not re.match(r"\w+=\S*…$", line)]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", COMMANDS + self._here("\n".join(lines))],
            cwd=self.folder,
            env={**environment(self.folder), **tokens},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        self.answers = done.stdout.splitlines()

    def _here(self, text: str) -> str:
        """The text with this project's own address, folder and session."""
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.server.port}")
        text = text.replace(SESSION, self.server.session or SESSION)
        return re.sub(r"(/etc/shop|/var/lib/shop|/tmp)(?=/)", str(self.folder), text)


def environment(folder: Path) -> dict[str, str]:
    """The variables of a shell in which only this project is known."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO", "DJWTO"))}
    return {
        **inherited,
        "PYTHONPATH": str(folder),
        "PYTHON": sys.executable,
        "CHECKOUT": str(CHECKOUT),
        "EXTRAS": EXTRAS,
        "DJANGO_SUPERUSER_USERNAME": "boss",
        "DJANGO_SUPERUSER_EMAIL": "alice@shop.example",
        "DJANGO_SUPERUSER_PASSWORD": "pass",
    }


class Server:
    """`runserver` of a project, started when it is asked first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.session = ""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def start(self) -> None:
        """Returns when it answers."""
        if self.process is not None:
            return
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", str(self.port)],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("runserver does not answer")

    def stop(self) -> None:
        """It is started anew with what has changed."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def log_in(self) -> dict[str, str]:
        """ACCESS and REFRESH of a session that no command has used; {} in cookie modes."""
        data = b"username=alice&password=pass"
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/login/", data) as answer:
            tokens = json.load(answer)
        if "access" not in tokens:
            return {}
        claims = jwt.decode(tokens["access"], options={"verify_signature": False})
        self.session = claims["jti"]
        return {"ACCESS": tokens["access"], "REFRESH": tokens["refresh"]}


def _is_settings(code: str) -> bool:
    """Whether all that it does is to give names in capitals a value."""
    return all(
        isinstance(line, ast.Assign) and all(ast.unparse(name).isupper() for name in line.targets)
        for line in ast.parse(code).body
    )


def _same_shape(shown: Any, seen: Any, where: str) -> None:
    """The same names, and values of the same type; texts that are no examples are the same."""
    assert type(shown) is type(seen), f"{where}: shows {shown!r}, and the answer is {seen!r}"
    if isinstance(shown, dict):
        assert shown.keys() == seen.keys(), f"{where}: shows {shown}, and the answer is {seen}"
        for name in shown:
            if name in ("msg", "error"):
                assert shown[name] == seen[name], where
            elif None not in (shown[name], seen[name]):
                _same_shape(shown[name], seen[name], where)
    elif isinstance(shown, list):
        for one, other in zip(shown, seen, strict=False):
            _same_shape(one, other, where)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a project that has migrated, and alice in it."""
    made = Project(tmp_path_factory.mktemp("migrated"), "")
    made.run("python manage.py migrate && python manage.py createsuperuser --username alice")
    return made.folder / "db.sqlite3"


@pytest.fixture
def project(tmp_path: Path, page: str, database: Path) -> Iterator[Project]:
    """A project that has migrated, and alice in it."""
    shutil.copy(database, tmp_path)
    made = Project(tmp_path, page)
    if page in PRELUDES:
        made.check()
    yield made
    made.server.stop()


@pytest.mark.parametrize("page", [page for page in PAGES if list(blocks_of(page))])
def test_what_the_page_shows_works(project: Project, page: str) -> None:
    """From top to bottom, as it stands there."""
    for block in blocks_of(page):
        project.follow(block)
    project.end()
