"""What mutants are called here: by the function, and by what is another in it."""

from __future__ import annotations

from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.file_utils import change_cwd
from mutmut.utils.format_utils import get_module_from_key, orig_function_and_class_names_from_key
from tree import TREE

Change = tuple[str, ...]
"""A function, the line before the change, and the change: as in a diff, but not indented.

Not the number of the mutant, which is another one as soon as the function changes.
"""


def function_of(name: str) -> str:
    """The dotted path of the function that a mutant is one of."""
    function, of = orig_function_and_class_names_from_key(name)
    return ".".join(filter(None, (get_module_from_key(name), of, function)))


def change_of(name: str, path: Path) -> Change:
    """What is another in a mutant."""
    with change_cwd(TREE):
        _, _, _, *lines = get_diff_for_mutant(name, path=path).splitlines()
    first = next(number for number, line in enumerate(lines) if line[0] in "+-")
    before = [line.strip() for line in lines[:first] if line.strip()][-1:]
    changed = [f"{line[0]} {line[1:].strip()}".strip() for line in lines if line[0] in "+-"]
    return (function_of(name), *before, *changed)
