"""Changes djwto in one place at a time and runs the tests: one of them has to fail.

For `make mutants`. mutmut makes the mutants. Named mutants, as in `djwto.cutoff.*`, are all that
are tested, in that order. Those that were killed before are not tested again.
"""

from __future__ import annotations

import os
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


def mutated() -> Iterator[SourceFileMutationData]:
    """What is known of the mutants, by modules: those of the core first."""
    for path in sorted(walk_mutatable_files(), key=lambda path: (len(path.parts), path)):
        data = SourceFileMutationData(path=path)
        data.meta_path = data.meta_path.resolve()
        data.load()
        if data.exit_code_by_key:
            yield data


def main() -> None:
    if "FRESH" in os.environ:
        os.chdir(TREE)
        run_pytest(Runner([], []))
        return
    build()
    os.chdir(TREE)
    Path("mutants").mkdir(exist_ok=True)
    with mutmut.CatchOutput():
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(1)
    modules = list(mutated())
    set_mutant_under_test("stats")
    run_pytest(Runner(sys.argv[1:], modules))
    sys.exit(not report(modules))


if __name__ == "__main__":
    main()
