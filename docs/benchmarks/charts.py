"""Draws what `bench.py --json` and `load.py --json` have measured, for docs/performance.rst."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from bench import BASE, OPERATIONS
from matplotlib.figure import Figure
from peers import ASKING, CHECKOUT, CONTENDERS, FLOOR, OURS

WHERE = CHECKOUT / "docs" / "performance"
SHOWN = [one for one in CONTENDERS if one.module not in {FLOOR, ASKING}]
# Told apart in grey, and by who takes red for green.
COLOURS = ("#0b3d91", "#8ab6d6", "#f2a541", "#c8553d", "#7a7a7a")

mpl.rcParams |= {
    "svg.hashsalt": "djwto",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def bars(
    title: str, unit: str, rows: Sequence[str], values: Mapping[str, Sequence[float | None]]
) -> Figure:
    """A group of bars for each row, one bar for each contender that does it."""
    figure = Figure(figsize=(8, 1 + 0.9 * len(rows)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(values)
    for number, ((name, row), colour) in enumerate(zip(values.items(), COLOURS, strict=False)):
        places = [at + number * height for at, value in enumerate(row) if value is not None]
        there = [value for value in row if value is not None]
        drawn = axes.barh(places, there, height * 0.9, color=colour, label=name)
        axes.bar_label(drawn, fmt="%.1f", padding=2, fontsize=7)
    axes.set_yticks([at + 0.4 - height / 2 for at in range(len(rows))], rows)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left", fontsize=10)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(values))
    return figure


def operations(turns: list[dict[str, float]]) -> Figure:
    """How often the bare view fits into each operation of each contender."""

    def ratio(module: str, operation: str) -> float | None:
        key = f"{module}: {operation}"
        if key not in turns[0]:
            return None
        return statistics.median(turn[key] / turn[f"{FLOOR}: {BASE}"] for turn in turns)

    return bars(
        "One request in the process, HS256, SQLite",
        "times a Django view that does nothing (less is faster)",
        OPERATIONS,
        {one.title: [ratio(one.module, name) for name in OPERATIONS] for one in SHOWN},
    )


def load(title: str, rates: dict[str, list[float]]) -> Figure:
    """How many times djwto's requests each contender answers in a second of processor time."""
    rows = ("protected", "refresh", "login", "login, then logout")

    def ratio(module: str, operation: str) -> float | None:
        found, ours = rates.get(f"{module}: {operation}"), rates[f"{OURS}: {operation}"]
        if found is None:
            return None
        return statistics.median(a / b for a, b in zip(found, ours, strict=True))

    return bars(
        f"Under load by wrk, {title}",
        "requests a second of processor time, djwto's being 1 (more is faster)",
        rows,
        {one.title: [ratio(one.module, name) for name in rows] for one in SHOWN},
    )


def save(figure: Figure, name: str) -> None:
    """Writes a chart, the same for the same figures."""
    WHERE.mkdir(exist_ok=True)
    metadata: dict[str, Any] = {"Date": None, "Creator": None}
    figure.savefig(WHERE / f"{name}.svg", metadata=metadata, facecolor="white")


def main() -> None:
    """Draws what it is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", type=Path, metavar="FILE", help="what bench.py has written")
    parser.add_argument("--load", type=Path, metavar="FILE", help="what load.py has written")
    given = parser.parse_args()
    if given.bench:
        save(operations(json.loads(given.bench.read_text())["HS256"]), "operations")
    if given.load:
        for title, rates in json.loads(given.load.read_text()).items():
            save(load(title, rates), title.partition(",")[0])


if __name__ == "__main__":
    main()
