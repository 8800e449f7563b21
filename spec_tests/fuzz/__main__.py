"""`make fuzz`: requests for so many seconds, guided by the code that they reach.

Atheris tells which that is, and makes the bytes of which Hypothesis makes requests. Ends with 1
after the first that comes to what must never happen.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import atheris

INSTRUMENTED = ["djwto", "jwt", "django.http", "django.middleware", "django.core.handlers"]

SEEDS = 100
"""Inputs to begin with, of random bytes: from nothing it would be minutes to a whole request."""

LONGEST = 1.0
"""Seconds that an answer may take, where every branch is counted."""


def main() -> None:
    """Fuzzes until the time is over, and says what was done."""
    parser = argparse.ArgumentParser(prog="python -m djwto.spec_tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"), help="what it learns")
    options = parser.parse_args()
    options.corpus.mkdir(parents=True, exist_ok=True)
    for number in range(SEEDS):
        seed = random.Random(number).randbytes(8 * 2 ** (number % 10))
        (options.corpus / f"seed-{number}").write_bytes(seed)
    with ExitStack() as stack:
        with atheris.instrument_imports(include=INSTRUMENTED, exclude=["djwto.spec_tests"]):
            from djwto.spec_tests.project_setup import project

            stack.enter_context(project())
            # Only now: there are no models before.
            from djwto.spec_tests.fuzz.oracle import Exchange
            from djwto.spec_tests.fuzz.surface import surface
            from djwto.spec_tests.subject import REDIS, Subject, on_embedded_store
        subjects = [
            Subject("djwto.backends.database.DatabaseBlacklist"),
            Subject("djwto.backends.cache.CacheBlacklist"),
            stack.enter_context(on_embedded_store(REDIS, None)),
        ]
        answers: Counter[int] = Counter()

        def count(exchange: Exchange) -> None:
            answers[exchange.status] += 1

        test: Any = surface(subjects, examples=1, longest=LONGEST, seen=count)
        one_input = test.hypothesis.fuzz_one_input
        end = time.monotonic() + options.seconds

        def fuzzed(content: bytes) -> None:
            try:
                one_input(content)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", flush=True)
                _end(stack, answers, 1)
            if time.monotonic() >= end:
                _end(stack, answers, 0)

        arguments = [sys.argv[0], "-max_len=8192", "-print_final_stats=1", str(options.corpus)]
        atheris.Setup(arguments, fuzzed)
        atheris.Fuzz()


def _end(stack: ExitStack, answers: Counter[int], code: int) -> None:
    """Ends the process; libFuzzer would not come back."""
    statuses = ", ".join(f"{count} with {status}" for status, count in sorted(answers.items()))
    print(f"{answers.total()} requests were answered: {statuses}.", flush=True)
    stack.close()
    os._exit(code)


if __name__ == "__main__":
    main()
