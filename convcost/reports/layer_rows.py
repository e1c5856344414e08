"""The rows of a table that has one for each layer, folded where a screen has no room for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from convcost.reports.folding import Part, Path, fit
from convcost.reports.table import Row, counted, tree


class _Layer(Protocol):
    @property
    def path(self) -> Path: ...

    @property
    def type(self) -> str: ...


class _OfLayer(Protocol):
    """A result for one layer."""

    @property
    def layer(self) -> _Layer: ...


class Line(Struct, frozen=True):
    """A line of the table: the path by which it is called, the indices of its layers, and their type."""

    path: Path
    part: Part
    type: str


def unfolded(results: Sequence[_OfLayer]) -> list[Line]:
    """Return a line for each layer."""
    return [Line(result.layer.path, (index,), result.layer.type) for index, result in enumerate(results)]


def folded(results: Sequence[_OfLayer], cost: Callable[[Part], float]) -> list[Line]:
    """Return lines that fit a screen, folded as little as that takes.

    Args:
        results: The results, one for each layer.
        cost: Returns how much some of the layers would be missed.
    """
    if not results:
        return []
    groups = fit([result.layer.path for result in results], cost)
    if len(groups) == len(results):
        return unfolded(results)
    return [
        Line(path, part, results[part[0]].layer.type if len(part) == 1 else counted(len(part), "layer"))
        for path, part in groups
    ]


def tree_rows(lines: Sequence[Line], row: Callable[[str, Line], Row], columns: int) -> list[Row]:
    """Return the rows of lines as a tree, with a heading for each group.

    Args:
        lines: The lines.
        row: Returns the row of a line under a label.
        columns: How many columns the table has.
    """
    blank = [""] * (columns - 1)
    return [Row((label, *blank), "heading") if line is None else row(label, line) for label, line in tree(lines)]


def folding_note(
    lines: Sequence[Line], results: Sequence[_OfLayer], ending: str = ": --layers shows each."
) -> list[str]:
    """Return the footnote that lines are folded, where they are."""
    if len(lines) == len(results):
        return []
    return [f"Folded from {counted(len(results), 'row')} to {len(lines):,}{ending}"]
