"""Steps over time: what each moment takes, with the largest marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from convcost.charts import frame
from convcost.charts.chart import Chart
from convcost.charts.frame import MARGIN, WIDTH
from convcost.charts.scales import LinearScale, cut, linear_ticks, text_width
from convcost.charts.shapes import Bar, Caption, Marker, Plot, Point, Shape, Stroke

_HEIGHT = 250
_MOST = 220  # steps that are drawn; of more, each is the largest of several
_NAME = 96  # pixels of a name below the axis


class ChartStep(Struct, frozen=True):
    """A moment: its name, its value, and that with all digits."""

    name: str
    value: Any
    tip: str


def step_chart(
    kind: str,
    title: str,
    subtitle: Sequence[str],
    description: str,
    steps: Sequence[ChartStep],
    *,
    tick: Callable[[Any], str],
    unit: int,
    peak: str,
    notes: Sequence[str] = (),
) -> Chart:
    """Return a chart of steps, the largest marked.

    Args:
        kind: What it shows, such as `memory`.
        title: Its first line.
        subtitle: Lines below the title.
        description: What it shows, in sentences.
        steps: The moments in their order.
        tick: Writes a value of the axis.
        unit: What is one on the axis: 1, or 1,024 for an axis of KiB.
        peak: What stands at the largest.
        notes: Lines below.
    """
    head, top = frame.head(title, subtitle)
    shapes: list[Shape] = []
    top += 22
    bottom = top + _HEIGHT
    drawn = _joined(steps)
    most = max([step.value for step in drawn], default=0)
    upright = LinearScale(0, most or 1, bottom, top)
    ticks = linear_ticks(most, 5, unit)
    left = MARGIN + max(text_width(tick(each), 10) for each in ticks) + 10
    right = WIDTH - MARGIN
    shapes += frame.upright(upright, ticks, tick, (left, right))
    wide = (right - left) / max(1, len(drawn))
    bars: list[Shape] = []
    for number, step in enumerate(drawn):
        data = {"row": step.name, "value": str(step.value)}
        y = upright.place(step.value)
        bars.append(
            Bar(left + number * wide, y, wide + 0.4, bottom - y, "soft", False, data, f"{step.name}: {step.tip}")
        )
    if drawn:
        bars.append(Stroke(tuple(_outline(drawn, upright, left, wide)), "series1", 1.6))
        bars += _peak(drawn, upright, (left, wide, right), peak)
    shapes.append(Stroke(((left, bottom), (right, bottom)), "axis"))
    shapes += _labels(drawn, (left, wide, right), bottom)
    foot, end = frame.foot(notes, bottom + 22)
    ends = {"from": f"{bottom:.2f}", "length": f"{bottom - top:.2f}", "most": str(most)}
    return Chart(
        kind, title, description, WIDTH, end, (head, Plot((*shapes, *foot)), Plot(tuple(bars), {"panel": kind, **ends}))
    )


def _joined(steps: Sequence[ChartStep]) -> Sequence[ChartStep]:
    """Return at most so many steps as are drawn: each the first of the largest of those that it stands for."""
    if len(steps) <= _MOST:
        return steps
    size = -(-len(steps) // _MOST)
    return [max(steps[start : start + size], key=lambda step: step.value) for start in range(0, len(steps), size)]


def _outline(steps: Sequence[ChartStep], scale: LinearScale, left: float, wide: float) -> Iterator[Point]:
    for number, step in enumerate(steps):
        y = scale.place(step.value)
        yield left + number * wide, y
        yield left + (number + 1) * wide, y


_Across = tuple[float, float, float]
"""Where an axis begins, how wide a step is, and where the axis ends."""


def _peak(steps: Sequence[ChartStep], scale: LinearScale, across: _Across, text: str) -> Iterator[Shape]:
    """Yield the mark of the largest step, with its text on the side that has room."""
    left, wide, right = across
    most = max(step.value for step in steps)
    number = next(number for number, step in enumerate(steps) if step.value == most)
    x, y = left + (number + 0.5) * wide, scale.place(most)
    yield Marker(x, y, "series2", "diamond", 4.5)
    text = cut(text, right - left, 11)
    half = text_width(text, 11) / 2
    anchor = "start" if x - half < left else "end" if x + half > right else "middle"
    yield Caption(max(left, x - 5) if anchor == "start" else min(right, x + 5) if anchor == "end" else x, y - 9, text,
                  "series2", 11, anchor, bold=True)  # fmt: skip


def _labels(steps: Sequence[ChartStep], across: _Across, bottom: float) -> Iterator[Shape]:
    """Yield the names of some steps below the axis, as many as there is room for."""
    left, wide, right = across
    every = max(1, -(-len(steps) * (_NAME + 8) // int(right - left)))
    for number in range(0, len(steps), every):
        x = left + (number + 0.5) * wide
        text = cut(steps[number].name.partition("/")[0], _NAME, 10)
        half = text_width(text, 10) / 2
        if x + half > right:
            continue
        yield Stroke(((x, bottom), (x, bottom + 4)), "axis")
        yield Caption(max(x, left + half), bottom + 16, text, "muted", 10, "middle")
