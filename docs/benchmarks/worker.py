"""One contender in a process of its own: does what it is told so many times, and says how long.

Reads lines such as `{"operation": "refresh", "times": 50}` and answers with seconds a time.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time


def main() -> None:
    """Serves one contender, in an algorithm, with its files in a folder."""
    contender, algorithm, folder = sys.argv[1:]
    operations = importlib.import_module(f"contenders.{contender}").prepare(algorithm, folder)
    print(json.dumps(sorted(operations)), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        prepare, run = operations[asked["operation"]]
        cases = [prepare() for _ in range(asked["times"])]
        # What others left behind is not this one's to clear up.
        gc.collect()
        start = time.perf_counter()
        for case in cases:
            run(case)
        print((time.perf_counter() - start) / asked["times"], flush=True)


if __name__ == "__main__":
    main()
