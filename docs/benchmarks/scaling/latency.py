"""How long `contains` and `add` take in a store of each size, in turns."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from scaling.entries import DAY, new_key
from scaling.stores import Store

TIMES = {"contains, there": 200, "contains, not there": 200, "add": 50}
"""How often each is called in a turn."""


def ratios(stores: list[Store], turns: int) -> dict[tuple[int, str], float]:
    """Times that of the first store, by size and call: medians of the ratios within a turn."""
    sizes = {store: store.count for store in stores}
    found = [_turn(stores) for _ in range(turns + 1)][1:]
    return {
        (sizes[store], call): statistics.median(
            turn[store, call] / turn[stores[0], call] for turn in found
        )
        for store in stores[1:]
        for call in TIMES
    }


def _turn(stores: list[Store]) -> dict[tuple[Store, str], float]:
    seconds = {}
    for call, times in TIMES.items():
        for store in random.sample(stores, len(stores)):
            seconds[store, call] = statistics.median(_seconds(store, call, times))
    return seconds


def _seconds(store: Store, call: str, times: int) -> list[float]:
    exp = int(time.time()) + DAY
    there = call == "contains, there"
    keys = random.sample(store.hits, times) if there else [new_key() for _ in range(times)]
    if call == "add":
        return [_timed(True, store.backend.add, key, exp) for key in keys]
    return [_timed(there, store.backend.contains, key) for key in keys]


def _timed(expected: bool, call: Callable[..., bool], *arguments: Any) -> float:
    start = time.perf_counter()
    answer = call(*arguments)
    taken = time.perf_counter() - start
    if answer is not expected:
        raise SystemExit(f"The store answered {answer}, which is wrong.")
    return taken
