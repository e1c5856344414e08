"""What all charts have around their shapes: title, legend, notes, axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap
from typing import Any, Protocol

from convcost.charts.scales import LinearScale, LogScale, cut, text_width
from convcost.charts.shapes import Bar, Caption, Marker, Plot, Shape, Stroke

WIDTH = 760.0
MARGIN = 20.0
_INNER = WIDTH - 2 * MARGIN


class LegendEntry(Protocol):
    """What stands in a legend."""

    @property
    def name(self) -> str:
        """What it is."""

    @property
    def color(self) -> str:
        """A name of `palette.COLORS`."""

    @property
    def hatched(self) -> bool:
        """Whether its bars are hatched."""


def head(title: str, subtitle: Sequence[str]) -> tuple[Plot, float]:
    """Return the title and the lines below it, as a part that a page may leave out, and where these end."""
    shapes: list[Shape] = [Caption(MARGIN, 29, cut(title, _INNER, 16), "ink", 15, bold=True)]
    y = 29.0
    for line in subtitle:
        for part in _wrapped(line, 11.5):
            y += 17
            shapes.append(Caption(MARGIN, y, part, "muted", 11.5))
    return Plot(tuple(shapes), {"part": "head"}), y + 12


def bar_legend(entries: Sequence[LegendEntry], y: float) -> Iterator[Shape]:
    """Yield a legend of bars: each with its name, on one line."""
    x = MARGIN
    for entry in entries:
        yield Bar(x, y - 9, 14, 10, entry.color, entry.hatched)
        yield Caption(x + 19, y, entry.name, "ink", 11)
        x += 19 + text_width(entry.name, 11) + 18


def marker_legend(entries: Sequence[tuple[Marker, str]], y: float) -> Iterator[Shape]:
    """Yield a legend of markers: each with its name, on one line."""
    x = MARGIN + 6
    for marker, name in entries:
        yield Marker(x, y - 4, marker.color, marker.shape, min(marker.radius, 5), marker.hollow)
        yield Caption(x + 11, y, name, "ink", 11)
        x += 11 + text_width(name, 11) + 22


def foot(notes: Sequence[str], y: float) -> tuple[list[Shape], float]:
    """Return the lines below a chart, and where it ends."""
    shapes: list[Shape] = []
    for note in notes:
        for part in _wrapped(note, 10):
            y += 14
            shapes.append(Caption(MARGIN, y, part, "muted", 10))
    return shapes, y + 14


def across(
    scale: LinearScale | LogScale, ticks: Sequence[Any], tick: Callable[[Any], str], ends: tuple[float, float]
) -> Iterator[Shape]:
    """Yield the ticks of a horizontal axis, with lines between the heights `ends`; those without room have no text."""
    top, bottom = ends
    last = -1e9
    for value in ticks:
        x, text = scale.place(value), tick(value)
        yield Stroke(((x, top), (x, bottom)), "grid")
        half = text_width(text, 10) / 2
        if x - half > last + 6:
            yield Caption(x, bottom + 15, text, "muted", 10, "middle")
            last = x + half
    yield Stroke(((scale.start, bottom), (scale.end, bottom)), "axis")


def upright(
    scale: LinearScale | LogScale, ticks: Sequence[Any], tick: Callable[[Any], str], ends: tuple[float, float]
) -> Iterator[Shape]:
    """Yield the ticks of an upright axis, with lines between `ends` from the left to the right."""
    left, right = ends
    last = 1e9
    for value in ticks:
        y = scale.place(value)
        yield Stroke(((left, y), (right, y)), "grid")
        if y < last - 11:
            yield Caption(left - 7, y + 3.5, tick(value), "muted", 10, "end")
            last = y
    yield Stroke(((left, scale.end), (left, scale.start)), "axis")


def _wrapped(text: str, size: float) -> list[str]:
    """Return the lines of a text that fit the chart."""
    if text_width(text, size) <= _INNER:
        return [text]
    letters = max(20, int(len(text) * _INNER / text_width(text, size)) - 4)
    return wrap(text, letters, break_long_words=True) or [""]
