"""Changes djwto in one place at a time and runs the tests: one of them has to fail.

For `make mutants`. mutmut makes the mutants. Named mutants, as in `djwto.cutoff.*`, are all that
are tested, in that order. Those that were killed before are not tested again. `JOBS` says how many
processes share the modules, by default one for each core.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.file_utils import walk_mutatable_files
from report import report
from runner import Runner, run_pytest
from tree import TREE, build

JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))
"""Processes, each with a tree and with modules of its own."""


def mutated(lane: int) -> list[SourceFileMutationData]:
    """What is known of the mutants of one lane, by modules."""
    found = []
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.meta_path = data.meta_path.resolve()
        data.load()
        if data.exit_code_by_key:
            found.append(data)
    by_size = sorted(found, key=lambda data: (len(data.exit_code_by_key), data.path))
    return sorted(by_size[lane::JOBS], key=by_place)


def by_place(data: SourceFileMutationData) -> tuple[int, Path]:
    """A key that puts the core first."""
    return len(data.path.parts), data.path


def make_mutants() -> None:
    """In the tree of this process."""
    build()
    os.chdir(TREE)
    Path("mutants").mkdir(exist_ok=True)
    with mutmut.CatchOutput():
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(1)


def in_lanes() -> Iterator[SourceFileMutationData]:
    """Tests the mutants in processes; what is known of them then."""
    running = []
    for lane in range(JOBS):
        env = {**os.environ, "LANE": str(lane), "JOBS": str(JOBS)}
        running.append(subprocess.Popen([sys.executable, *sys.argv], env=env))
    ended = [process.wait() for process in running]
    if any(ended):
        raise SystemExit("One of the processes has failed.")
    for lane in range(JOBS):
        os.chdir(TREE.with_name(str(lane)))
        yield from mutated(lane)


def main() -> None:
    if "FRESH" in os.environ:
        os.chdir(TREE)
        run_pytest(Runner([], []))
    elif "LANE" in os.environ:
        make_mutants()
        modules = mutated(int(os.environ["LANE"]))
        set_mutant_under_test("stats")
        sys.exit(run_pytest(Runner(sys.argv[1:], modules)))
    else:
        sys.exit(not report(sorted(in_lanes(), key=by_place)))


if __name__ == "__main__":
    main()
