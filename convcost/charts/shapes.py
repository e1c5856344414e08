"""Shapes with named colours, which every format draws alike."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

Point = tuple[float, float]
"""A place in pixels, from the upper left corner."""


class Bar(Struct, frozen=True):
    """A rectangle.

    Attributes:
        x: Its left edge.
        y: Its upper edge.
        width: Its width.
        height: Its height.
        color: A name of `palette.COLORS`.
        hatched: Whether lines in the paper's colour cross it, so that it is distinguished without colours.
        data: What a script may read: the row that it stands for, and its value.
        tip: What is shown under the pointer.
    """

    x: float
    y: float
    width: float
    height: float
    color: str
    hatched: bool = False
    data: Mapping[str, str] = {}
    tip: str = ""


class Stroke(Struct, frozen=True):
    """A line through points."""

    points: tuple[Point, ...]
    color: str
    width: float = 1.0


class Marker(Struct, frozen=True):
    """A point: its shape, `circle` or `diamond`, has a radius; it may be hollow."""

    x: float
    y: float
    color: str
    shape: str = "circle"
    radius: float = 4.5
    hollow: bool = False
    data: Mapping[str, str] = {}
    tip: str = ""


class Caption(Struct, frozen=True):
    """A text.

    Attributes:
        x: Where it starts, ends or has its middle.
        y: Its base line.
        text: The text.
        color: A name of `palette.COLORS`.
        size: Its size in pixels.
        anchor: What stands at `x`: `start`, `middle` or `end`.
        bold: Whether it is bold.
        data: What a script may read.
    """

    x: float
    y: float
    text: str
    color: str = "ink"
    size: float = 11
    anchor: str = "start"
    bold: bool = False
    data: Mapping[str, str] = {}


Shape = Bar | Stroke | Marker | Caption


class Plot(Struct, frozen=True):
    """Shapes that belong together.

    Attributes:
        shapes: The shapes.
        data: What a script may read, such as where the scale of its bars begins and what its length stands for.
    """

    shapes: tuple[Shape, ...]
    data: Mapping[str, str] = {}
