"""Sphinx's configuration, with directives for what djwto numbers: clauses, checks, settings."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, ClassVar

import django
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.domains.std import GenericObject
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djwto.spec_tests.project.settings")
django.setup()

import djwto  # noqa: E402  (what autodoc imports needs Django configured)
from djwto import checks, conf, key_checks, keys, site_checks  # noqa: E402
from djwto.backends import cache_checks, database, redis_checks  # noqa: E402
from djwto.contrib.sessions import checks as session_checks  # noqa: E402
from djwto.contrib.sessions import conf as session_conf  # noqa: E402
from djwto.simplejwt import checks as simplejwt_checks  # noqa: E402
from djwto.spec_tests import cases  # noqa: E402
from djwto.spec_tests.clauses import CLAUSES, MUST  # noqa: E402

project = "djwto"
release = version = djwto.__version__
copyright = "the djwto contributors"

extensions = ["sphinx.ext.autodoc", "myst_parser", "sphinx_copybutton", "flow"]
exclude_patterns = ["_build", "abuse", "demo", "own_backend"]
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "furo"
html_title = f"djwto {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["flow.css"]

logger = logging.getLogger(__name__)


class ClauseDirective(GenericObject):
    """A clause, with its level where that is not MUST."""

    option_spec: ClassVar[dict[str, Any]] = {
        **GenericObject.option_spec,
        "level": directives.unchanged_required,
    }
    indextemplate = "pair: %s; clause"

    def transform_content(self, content_node: nodes.Element) -> None:
        """Puts the level before the text."""
        if (level := self.options.get("level", MUST)) != MUST:
            content_node[0].insert(0, [nodes.strong(level, level), nodes.Text(": ")])


class CasesDirective(SphinxDirective):
    """A table of attacks or faults, with the tests that try them."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Makes a list table of the rows."""
        tests = cases.tried_by()
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 7 6 35 30 22", ""]
        for number, who, *cells in [
            ("No.", "Who", "What is tried", "What has to happen", "Tests"),
            *(
                (row.number, row.who, row.tried, row.required, self._names(tests, row.number))
                for row in cases.read(list(self.content))
            ),
        ]:
            lines.append(f"   * - {number}")
            lines += [f"     - {cell}" for cell in (who, *cells)]
        return self.parse_text_to_nodes("\n".join(lines))

    def _names(self, tests: dict[str, list[str]], number: str) -> str:
        found = tests.get(number, [])
        return (
            ", ".join(f"``{name.partition('::')[2]}``" for name in found)
            or "those of what is named"
        )


def setup(app: Sphinx) -> None:
    """Adds `.. clause:: BL-1` and :clause:`BL-1`, and the same for checks and settings."""
    for name in ("clause", "check", "setting"):
        app.add_object_type(name, name, f"pair: %s; {name}")
        # As Sphinx makes it, and with a warning for a link to what does not exist.
        app.add_role_to_domain("std", name, XRefRole(warn_dangling=True), override=True)
    app.add_directive_to_domain("std", "clause", ClauseDirective, override=True)
    app.add_directive("cases", CasesDirective)
    app.connect("env-check-consistency", warn_of_gaps)


def warn_of_gaps(app: Sphinx, env: BuildEnvironment) -> None:
    """Warns unless each clause, check and setting that exists is on a page, and no others are.

    The code is where they are defined; this is what keeps the pages from falling behind it.
    """
    modules = (
        checks,
        key_checks,
        keys,
        site_checks,
        cache_checks,
        database,
        redis_checks,
        session_checks,
        simplejwt_checks,
    )
    sources = "".join(Path(str(module.__file__)).read_text() for module in modules)
    defined: dict[str, set[str]] = {
        "clause": set(CLAUSES),
        "check": set(re.findall(r"djwto\.[EW]\d{3}", sources)),
        "setting": set(conf.NAMES | session_conf.NAMES),
    }
    described = set(env.get_domain("std").objects)  # type: ignore[attr-defined]
    for kind, names in defined.items():
        on_pages = {name for kind_described, name in described if kind_described == kind}
        for name in sorted(names - on_pages):
            logger.warning("The %s %s is on no page.", kind, name)
        for name in sorted(on_pages - names):
            logger.warning("The %s %s is on a page and does not exist.", kind, name)
