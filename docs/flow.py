"""The directive ``flow``: who sends what to whom, drawn in the colours that the page has.

Its lines are ``browser -> server: POST login/``, from top to bottom; those without an arrow are
what happens at one of them: ``server: ends the session``.
"""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

STEP = re.compile(r"(?P<sender>\w[\w ]*?)(?: -> (?P<receiver>\w[\w ]*?))?: (?P<text>.+)")

LANE = 270
"""Between two who take part, in the units of the drawing, of which a letter is about 7 wide."""

LETTERS = 36
LINE = 17
MARGIN = 110


@dataclass(frozen=True, slots=True)
class Step:
    """A message, or, without a receiver, what somebody does."""

    sender: str
    receiver: str | None
    text: str


class FlowDirective(SphinxDirective):
    """Draws its steps. The argument is what they show, for those who cannot see it."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """An SVG for browsers; the lines themselves for whatever else shows the page."""
        steps = []
        for line in self.content:
            if not (found := STEP.fullmatch(line.strip())):
                raise self.error(f"{line!r}: write a step as `browser -> server: what`.")
            steps.append(Step(*found.group("sender", "receiver", "text")))
        drawn = nodes.raw(
            "", drawing(self.arguments[0], steps, self.env.new_serialno("flow")), format="html"
        )
        told = nodes.literal_block("", "\n".join(self.content), language="text")
        others = nodes.container("", told, classes=["flow-as-text"])
        return [drawn, others] if self.env.app.builder.format != "html" else [drawn]


def drawing(title: str, steps: list[Step], number: int) -> str:
    """The SVG of the steps; the number is no other drawing's of the page."""
    lanes: dict[str, int] = {}
    for step in steps:
        for name in filter(None, (step.sender, step.receiver)):
            lanes.setdefault(name, MARGIN + LANE * len(lanes))
    parts, y = [], 52
    for step in steps:
        drawn, height = _step(step, lanes, y, number)
        parts.append(drawn)
        y += height
    width = max(lanes.values()) + MARGIN
    heads = "".join(
        f'<text class="flow-head" x="{x}" y="22">{html.escape(name)}</text>'
        f'<line class="flow-lane" x1="{x}" y1="32" x2="{x}" y2="{y}"/>'
        for name, x in lanes.items()
    )
    told = "; ".join(
        f"{s.sender}{f' to {s.receiver}' if s.receiver else ''}: {s.text}" for s in steps
    )
    return (
        f'<svg class="flow" viewBox="0 0 {width} {y + 10}" role="img" '
        f'aria-label="{html.escape(title)}: {html.escape(told)}">'
        f'<defs><marker id="flow-tip-{number}" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{heads}{''.join(parts)}</svg>"
    )


def _step(step: Step, lanes: dict[str, int], y: int, number: int) -> tuple[str, int]:
    x = lanes[step.sender]
    if step.receiver is None:
        lines = textwrap.wrap(step.text, LETTERS - 6)
        height = LINE * len(lines) + 10
        box = f'<rect x="{x - 105}" y="{y - 8}" width="210" height="{height}" rx="4"/>'
        return box + _text(lines, x, y + 8), height + 14
    to = lanes[step.receiver]
    lines = textwrap.wrap(step.text, LETTERS * max(1, abs(to - x) // LANE))
    below = y + LINE * len(lines)
    arrow = (
        f'<line class="flow-arrow" x1="{x}" y1="{below}" x2="{to}" y2="{below}" '
        f'marker-end="url(#flow-tip-{number})"/>'
    )
    return _text(lines, (x + to) // 2, y + 8) + arrow, LINE * len(lines) + 24


def _text(lines: list[str], x: int, y: int) -> str:
    return "".join(
        f'<text x="{x}" y="{y + LINE * number}">{html.escape(line)}</text>'
        for number, line in enumerate(lines)
    )


def setup(app: Sphinx) -> None:
    """Adds the directive."""
    app.add_directive("flow", FlowDirective)
