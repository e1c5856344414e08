"""What outputs see, as text and as numbers of documents."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from convcost.reports.table import safe

if TYPE_CHECKING:
    from convcost.receptive_field.analysis import AxisField, LayerField, ReceptiveField


def headline(found: ReceptiveField) -> str:
    """Return what the outputs see in one line, and what the last map sees where the outputs have no positions."""
    rows = [row for row in found.outputs if any(row.axes)]
    if not rows:
        return "no output sees the input"
    texts = [_sight(found, max(rows, key=lambda row: max((field.local or 0) for field in row.axes if field)))]
    if not any(_goes_on(row) for row in rows):
        last = next((row for row in reversed(found.every) if _goes_on(row) and len(row.layer.output_shape) > 1), None)
        if last is not None:
            texts.insert(0, _sight(found, last))
    return " · ".join(texts)


def _goes_on(row: LayerField) -> bool:
    return any(field is not None and field.stride for field in row.axes)


def _sight(found: ReceptiveField, row: LayerField) -> str:
    name = safe(row.layer.name)
    if any(field and field.unknown for field in row.axes):
        return f"what {name} sees is unknown"
    sizes = joined(found, row, lambda field: field.local)
    text = f"{name} sees {sizes} position{'' if sizes == '1' else 's'}"
    if any(field and field.strict_reason for field in row.axes):
        text += f", strictly {joined(found, row, lambda field: field.size)}"
    if _goes_on(row):
        text += f", stride {joined(found, row, lambda field: field.stride)}"
        text += f", padding {joined(found, row, lambda field: field.padding)}"
    return text


def joined(found: ReceptiveField, row: LayerField, value: Callable[[AxisField], Any]) -> str:
    """Return a value of each axis, joined by ×; inputs of the network are set apart by commas."""
    inputs: dict[int, list[str]] = {}
    for axis, field in zip(found.axes, row.axes, strict=True):
        if field is not None:
            each = value(field)
            text = "?" if field.unknown else "–" if each is None else _grouped(each)
            inputs.setdefault(axis.input, []).append(text)
    return ", ".join("×".join(texts) for texts in inputs.values())


def _grouped(value: Any) -> str:
    return f"{value}" if isinstance(value, str) or value.denominator != 1 else f"{value.numerator:,}"


def as_number(value: Fraction | None) -> int | str | None:
    """Return a number for a document: a whole number as it is, a fraction as text."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else str(value)
