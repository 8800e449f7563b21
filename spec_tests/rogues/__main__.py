"""Which clauses reject which of the implementations that are broken on purpose?"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from djwto.spec_tests.project_setup import OURS, configure
from djwto.spec_tests.rogues.processes import processes

if TYPE_CHECKING:
    from djwto.spec_tests.rogues.gallery import Examine, Exhibit, Finding, Gallery

ALL_DEAD, SURVIVORS, VOID = 0, 1, 2

EPILOG = """
A rogue is dead if the clause that it is aimed at has rejected it; a crash does not count. The exit
code is 0 if all are, 1 if one survives or a clause has no rogue, and 2 if the run is void: what is
right did not pass, or what is wrong in everything did.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Shows the gallery; 0 if every rogue is dead, 1 if one survives, 2 if the run is void."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.publish and given.names:
        parser.error("only what was found of all rogues is published")
    with tempfile.TemporaryDirectory(prefix="djwto-") as folder:
        # The rogues live in the project of the suite, whichever one is set.
        os.environ["DJANGO_SETTINGS_MODULE"] = OURS
        os.environ["DJWTO_TEST_FOLDER"] = folder
        configure()
        with processes(given.jobs, folder) as examine:
            return _show(given, examine)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m djwto.spec_tests.rogues", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="show these rogues only")
    parser.add_argument(
        "--aimed", action="store_true", help="ask only the clause that each is aimed at"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings there, too")
    parser.add_argument(
        "--publish",
        type=Path,
        metavar="CHECKOUT",
        help="write the kill rate into README.md there, and the table into docs",
    )
    return parser


def _show(given: argparse.Namespace, examine: Examine) -> int:
    from djwto.spec_tests.rogues import gallery

    whole = gallery.whole()
    if not given.names:
        # Nothing is missing in a part of the gallery: all that it says of a clause is in the rest.
        for clause in (missing := whole.without_a_rogue()):
            print(f"{clause} has no rogue.", file=sys.stderr)
        return SURVIVORS if missing else show(whole, examine, given)
    known = {rogue.name: rogue for rogue in whole.rogues}
    if unknown := sorted(set(given.names) - set(known)):
        print(f"There is no rogue {', '.join(unknown)}.", file=sys.stderr)
        return VOID
    chosen = [known[name] for name in given.names]
    return show(replace(whole, rogues=chosen), examine, given)


def show(shown: Gallery, examine: Examine, given: argparse.Namespace) -> int:
    """Shows a gallery, says what was found, and publishes it if that was asked for."""
    from djwto.spec_tests.rogues import gallery, publication

    try:
        shown.prove(examine, aimed=given.aimed)
    except gallery.Void as reason:
        print(f"The run is void. {reason}", file=sys.stderr)
        return VOID
    print(f"{', '.join(one.name for one in shown.baselines)} pass; {shown.canary.name} does not.")
    known = {rogue.name: rogue for rogue in shown.rogues}
    findings = {}
    for finding in examine(shown.tasks(aimed=given.aimed)):
        findings[finding.name] = finding
        print(describe(known[finding.name], finding), flush=True)
    survivors = [name for name in known if not _is_dead(known[name], findings)]
    if survivors:
        print(f"{len(survivors)} alive: {', '.join(survivors)}")
    rate = publication.rate(len(known) - len(survivors), len(known))
    print(rate)
    if given.json:
        found = [_as_json(known[name], finding) for name, finding in findings.items()]
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if survivors:
        return SURVIVORS
    if given.publish:
        publication.publish(given.publish, shown, findings, rate)
    return ALL_DEAD


def _is_dead(rogue: Exhibit, findings: dict[str, Finding]) -> bool:
    from djwto.spec_tests.rogues.gallery import is_killed

    # One that is aimed at a clause which nobody checks was not examined.
    return rogue.name in findings and is_killed(findings[rogue.name], rogue.breaks)


def describe(rogue: Exhibit, finding: Finding) -> str:
    """One finding as a line, and what there is to say of a rogue that survives."""
    from djwto.spec_tests.rogues import gallery

    killed = gallery.is_killed(finding, rogue.breaks)
    line = f"{'dead' if killed else 'ALIVE':6}{rogue.breaks:8}{rogue.name}: {rogue.way}"
    others = [clause for clause in finding.by(gallery.REJECTED) if clause != rogue.breaks]
    if others:
        line += f"\n{'':14}also rejected by {', '.join(others)}"
    if crashed := [one for one in finding.by(gallery.CRASHED) if one != rogue.breaks]:
        line += f"\n{'':14}made {', '.join(crashed)} crash"
    if not killed:
        line += f"\n{'':14}{rogue.breaks} {finding.answers[rogue.breaks]}"
        if reason := finding.reasons.get(rogue.breaks):
            line += f": {reason}"
    return line


def _as_json(rogue: Exhibit, finding: Finding) -> dict[str, Any]:
    return {
        "name": rogue.name,
        "family": rogue.family,
        "way": rogue.way,
        "aimed_at": rogue.breaks,
        "answers": finding.answers,
        "reasons": finding.reasons,
        "seconds": round(finding.seconds, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
