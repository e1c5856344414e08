"""The pattern of positions that an output reads, drawn with characters: `■` is read, `·` is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcost.reports.table import Column, Row, Table, safe

if TYPE_CHECKING:
    from convcost.receptive_field.analysis import AxisField, LayerField, ReceptiveField
    from convcost.receptive_field.patterns import PositionSet

READ, NOT_READ = "■", "·"
_WIDEST = 64
_BEGINNING = 48
"""How many positions are drawn of a set that has more than are drawn whole: its size stands behind them."""
_TALLEST = 40


def line(span: PositionSet) -> str:
    """Return a character for each position of a set, of as many as a page of 80 columns has room for."""
    shown = span.size if span.size <= _WIDEST else _BEGINNING
    bits = (1 << shown) - 1 if span.bits is None else span.bits
    text = "".join(READ if bits >> place & 1 else NOT_READ for place in range(shown))
    return text if shown == span.size else f"{text}… {span.size:,} positions"


def drawing(found: ReceptiveField, row: LayerField) -> Table:
    """Return a table with the pattern of a layer: a plane where two axes combine freely, else a line for each axis.

    Args:
        found: The receptive fields of the network.
        row: The layer.
    """
    fields = [(axis, field) for axis, field in zip(found.axes, row.axes, strict=True) if field and field.largest]
    lines = _plane([field for _, field in fields]) if row.product else []
    if lines:
        rows = [Row(("", text)) for text in lines]
        names = f"{_name(found, 0)} downwards, {_name(found, 1)} to the right"
    else:
        rows = [Row((axis.name or f"axis {axis.axis}", line(_span(field)))) for axis, field in fields]
        names = (
            "" if row.product or len(fields) < 2 else "Not all combinations of what is read along each axis are read."
        )
    return Table(
        title=f"What {safe(row.layer.name)} reads",
        subtitle=(),
        columns=(Column("Axis"), Column(f"{READ} is read, {NOT_READ} is not")),
        rows=rows or [Row(("", "unknown"))],
        total=("", ""),
        footer=(names,) if names else (),
    )


def _name(found: ReceptiveField, number: int) -> str:
    return found.axes[number].name or f"axis {found.axes[number].axis}"


def _span(field: AxisField) -> PositionSet:
    assert field.largest is not None
    return field.largest.span


def _plane(fields: list[AxisField]) -> list[str]:
    """Return the lines of a plane; none where it is no plane or too large."""
    if len(fields) != 2:
        return []
    down, across = map(_span, fields)
    if not 0 < down.size <= _TALLEST or not 0 < across.size <= _WIDEST:
        return []
    bits, text = down.mask(), line(across)
    return [text if bits >> place & 1 else NOT_READ * across.size for place in range(down.size)]
