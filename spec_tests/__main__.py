"""Which clauses does a backend keep?"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from djwto.spec_tests.project_setup import Unable, configure, project

if TYPE_CHECKING:
    from djwto.spec_tests.subject import Subject

HOLD, FAIL, COULD_NOT_RUN = 0, 1, 2
PROFILES = ("quick", "default", "thorough")

EPILOG = """
The exit code is 0 if every clause holds, 1 if one fails, 2 if the suite could not run.
The entries that it writes stay in the store, and it purges: give it a store of its own.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the suite; 0 if every clause holds, 1 if one fails, 2 if it could not be run."""
    given = _parser().parse_args(arguments)
    # As `python -m` does; a console that was started elsewhere would not.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        if given.new:
            from djwto.spec_tests.skeleton import write

            print(write(given.new, Path.cwd()))
            return HOLD
        # Before the databases are made, which takes longer: a class that cannot be had.
        configure()
        with project(), subject_of(given) as subject:
            return _replay(subject, given.replay) if given.replay else _report(subject, given)
    except (ImproperlyConfigured, Unable) as error:
        print(f"The suite could not run: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("The suite was interrupted.", file=sys.stderr)
        return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m djwto.spec_tests",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--backend",
        metavar="DOTTED.PATH",
        help="a subclass of djwto.blacklist.BlacklistBackend, importable from the current folder",
    )
    what.add_argument(
        "--new",
        metavar="NAME",
        help="write NAME.py, a backend to begin with, and test_NAME.py",
    )
    parser.add_argument(
        "--options",
        type=json_object,
        metavar="JSON",
        help="OPTIONS of DJWTO_BLACKLIST; without them djwto's own backends get embedded stores",
    )
    parser.add_argument(
        "--unreachable-options",
        type=json_object,
        metavar="JSON",
        help="options with which the store is out of reach, to see that it fails closed",
    )
    parser.add_argument("--profile", choices=PROFILES, default="default", help="how hard to look")
    parser.add_argument("--seed", type=int, metavar="N", help="generate what an earlier run did")
    parser.add_argument(
        "--clause", action="append", metavar="ID", help="check this clause only; may be repeated"
    )
    parser.add_argument(
        "--opt-out",
        action="append",
        type=opt_out,
        default=[],
        metavar="ID=REASON",
        help="leave out a clause whose level is SHOULD or MAY; an error if it holds after all",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts there, too")
    parser.add_argument("--traceback", action="store_true", help="show where a check gave up")
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="run the steps of a failure again"
    )
    return parser


def json_object(text: str) -> dict[str, Any]:
    """A JSON object out of the command line."""
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise argparse.ArgumentTypeError('not a JSON object such as {"using": "default"}')
    return parsed


def opt_out(text: str) -> tuple[str, str]:
    """A clause and the reason why it is left out."""
    clause_id, _, reason = text.partition("=")
    if not reason.strip():
        raise argparse.ArgumentTypeError(
            f"{text!r} has no reason; write such as --opt-out BL-3='a store of one process'"
        )
    return clause_id, reason.strip()


@contextmanager
def subject_of(given: argparse.Namespace) -> Iterator[Subject]:
    """The backend that the command line names, on its embedded store if it has no options."""
    from djwto.spec_tests.subject import on_embedded_store

    with ExitStack() as stack:
        subject = stack.enter_context(
            on_embedded_store(given.backend, given.options, given.unreachable_options)
        )
        if given.options is None and subject.options:
            print(f"on an embedded store: {json.dumps(subject.options)}")
        try:
            subject.make()
        except ImproperlyConfigured:
            raise
        except (Exception, SystemExit) as error:
            raise Unable(f"{given.backend} raised {error!r} when it was made.") from error
        yield subject


def _report(subject: Subject, given: argparse.Namespace) -> int:
    from djwto.spec_tests import beside, other_process, profile, report, runner

    opt_outs = dict(given.opt_out)
    runner.refuse_opt_outs(opt_outs)
    chosen = _chosen(given.clause, runner.in_order())
    _refuse_unreachable(subject)
    # Before a minute's work: a file that cannot be written.
    if given.json:
        _write(given.json, "")
    if not given.clause:
        other_process.begin_resting(subject)
    # What has been imported stays, and need not be looked through again and again.
    gc.freeze()
    verdicts: list[report.Verdict] = []
    with profile.use(given.profile, given.seed) as seed:
        print(f"{subject.backend} {json.dumps(dict(subject.options))}", flush=True)
        print(f"profile {given.profile}, seed {seed}", flush=True)

        def conclude() -> int:
            print(report.summary(verdicts), flush=True)
            if given.json:
                found = report.as_json(subject, verdicts, profile=given.profile, seed=seed)
                _write(given.json, json.dumps(found, indent=1) + "\n")
            return FAIL if any(verdict.result == report.FAILS for verdict in verdicts) else HOLD

        here, there = _shared_out(given, chosen)
        if there:
            families = " and ".join(beside.FAMILIES)
            print(f"{families} in a second process, on a store of its own", flush=True)
        work = beside.Work(given.backend, there, opt_outs, given.profile, seed)
        with _Progress(chosen) as progress:

            def tell(verdict: report.Verdict) -> None:
                verdicts.append(verdict)
                progress.show(report.describe(verdict, trace=given.traceback))

            def give_up(verdict: report.Verdict) -> None:
                # What a check prints is of no use here.
                with redirect_stdout(console):
                    tell(verdict)
                    os._exit(conclude())

            console = sys.stdout
            with beside.checking(work) if there else nullcontext(()) as others:
                runner.run_watched(subject, here, opt_outs, tell, give_up)
                for verdict in others:
                    tell(verdict)
    return conclude()


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unable(f"--json {file}: {error.strerror}.") from error


def _chosen(asked: list[str] | None, known: list[str]) -> list[str]:
    if unknown := sorted(set(asked or ()) - set(known)):
        raise Unable(f"no clause {', '.join(unknown)}; the suite checks {', '.join(known)}.")
    return [clause_id for clause_id in known if asked is None or clause_id in asked]


def _shared_out(given: argparse.Namespace, chosen: list[str]) -> tuple[list[str], list[str]]:
    """The clauses that are checked here, and those that are checked beside them."""
    from djwto.spec_tests import beside

    asked = given.options, given.unreachable_options, given.clause
    if any(one is not None for one in asked) or not beside.can_check(given.backend):
        return chosen, []
    there = [clause_id for clause_id in chosen if clause_id.startswith(beside.FAMILIES)]
    return [clause_id for clause_id in chosen if clause_id not in there], there


def _refuse_unreachable(subject: Subject) -> None:
    from djwto.exceptions import BlacklistUnavailable
    from djwto.spec_tests.subject import new_key

    try:
        subject.make().contains(new_key())
    except BlacklistUnavailable as error:
        raise Unable(f"the store is unavailable. {error}") from error
    except Exception as error:
        # The clauses say more of what else is wrong.
        print(f"contains() raised {error!r}", file=sys.stderr)


def _replay(subject: Subject, steps: Path) -> int:
    from djwto.spec_tests.replay import replay

    try:
        source = steps.read_text(encoding="utf-8")
        for line in replay(source, subject):
            print(line, flush=True)
    except (OSError, SyntaxError) as error:
        raise Unable(f"{steps}: {error}") from error
    return HOLD


class _Progress:
    """On a terminal, a line that says which clause is being checked."""

    def __init__(self, clauses: list[str]) -> None:
        self.clauses = clauses
        self.done = 0
        self.shown = sys.stderr.isatty()

    def __enter__(self) -> _Progress:
        self._line()
        return self

    def __exit__(self, *error: object) -> None:
        self._erase()

    def show(self, text: str) -> None:
        """Prints a text above the line."""
        self._erase()
        print(text, flush=True)
        self.done += 1
        self._line()

    def _line(self) -> None:
        if self.shown and self.done < len(self.clauses):
            at = f"[{self.done + 1}/{len(self.clauses)}] {self.clauses[self.done]} ..."
            print(at, end="", file=sys.stderr, flush=True)

    def _erase(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
