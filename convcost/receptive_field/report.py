"""The report of receptive fields: a row for each layer, and the pattern of positions that one reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.cost.labels import label as label_of
from convcost.receptive_field.analysis import AxisField, LayerField, ReceptiveField
from convcost.receptive_field.drawing import drawing
from convcost.receptive_field.texts import headline, joined
from convcost.reports import titles
from convcost.reports.folding import Part
from convcost.reports.layer_rows import Line, folded, folding_note, tree_rows, unfolded
from convcost.reports.table import Column, Row, Table, counted, safe, sized

if TYPE_CHECKING:
    from convcost.html.section import Section

_USED = "Used: those positions of the field that are read at all."
_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Output", drop=7),
    Column("Field", right=True, role="number"),
    Column("Stride", right=True, drop=2, role="number"),
    Column("Padding", right=True, drop=3, role="number"),
    Column("Used", right=True, drop=1, role="number", footnote=_USED),
    Column("Strict", right=True, drop=4, role="number"),
    Column("Notes", drop=6, least=24),
)
_MEANINGS = (
    "Field: the positions of the input from the first to the last that can change an output, without clipping at "
    "borders: output i sees from i · stride − padding on."
)
_STRICT = "Strict: with what every output sees, as by attention, a gate or a norm over positions; field is without it."


class ReceptiveFieldReport(Struct, frozen=True):
    """The receptive fields of a network, for every format.

    Attributes:
        found: The result.
        layers: Whether a screen shows every layer, however many there are.
        draw: Whether to draw what the layers that were asked for see, or the outputs.
    """

    found: ReceptiveField
    layers: bool = False
    draw: bool = False

    def data(self) -> Struct:
        """Return the result as a document."""
        from convcost.receptive_field.documents import receptive_field_document

        return receptive_field_document(self.found)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        name = self.found.network.name
        return [
            {
                "network": name,
                "name": row.layer.name,
                "type": row.layer.type,
                "line": row.layer.line or None,
                "output_shape": sized(row.layer.output_shape),
                "size": joined(self.found, row, lambda field: field.size),
                "stride": joined(self.found, row, lambda field: field.stride),
                "padding": joined(self.found, row, lambda field: field.padding),
                "used": joined(self.found, row, lambda field: field.used),
                "local": joined(self.found, row, lambda field: field.local),
                "strict_reason": "; ".join(_reasons(row)),
                "smallest_input": joined(self.found, row, lambda field: field.smallest_input),
                "aligned": {None: None, True: "yes", False: "no"}[row.aligned],
                "misaligned_by": _offsets(row),
                "unknown": "; ".join(_unknown(row)),
            }
            for row in self.found.layers
        ]

    def table(self) -> Table:
        """Return the table of all layers that were asked for."""
        return self._table(unfolded(self.found.layers))

    def section(self) -> Section:
        """Return the receptive fields as a section of a page; a block is shown as its last layer."""
        from convcost.html.section import section_of, with_blocks  # pages are written where they are asked for

        table = self.table()
        return section_of(
            with_blocks(table, lambda label, part: self._row(label, Line((), part, counted(len(part), "layer"))))
        )

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless all were asked for."""
        return self.table() if self.layers else self._table(folded(self.found.layers, self._reach))

    def _reach(self, part: Part) -> float:
        sizes = [field.local or 0 for index in part for field in self.found.layers[index].axes if field]
        return float(max(sizes, default=0))

    def _table(self, lines: Sequence[Line]) -> Table:
        found = self.found
        strict = any(field and field.strict_reason for row in found.layers for field in row.axes)
        drawn = (found.layers if len(found.layers) < len(found.every) else found.outputs) if self.draw else ()
        return Table(
            title=titles.title(found.network),
            headline=(headline(found),),
            subtitle=titles.sourced(found.network),
            columns=_COLUMNS,
            rows=tree_rows(lines, self._row, len(_COLUMNS)),
            total=("",) * len(_COLUMNS),
            footer=(
                _MEANINGS,
                *([_STRICT] if strict else []),
                *_unread(found),
                *folding_note(lines, found.layers, ", each as its last layer: --layers shows all."),
            ),
            more=tuple([drawing(found, row) for row in drawn]),
        )

    def _row(self, label: str, line: Line) -> Row:
        found, row = self.found, self.found.layers[line.part[-1]]
        strict = any(field and field.strict_reason for field in row.axes)
        cells = (
            label,
            label_of(row.layer) if len(line.part) == 1 else line.type,
            sized(row.layer.output_shape),
            joined(found, row, lambda field: field.local),
            joined(found, row, lambda field: field.stride) if any(f and f.stride for f in row.axes) else "",
            joined(found, row, lambda field: field.padding)
            if any(f and f.padding is not None for f in row.axes)
            else "",
            joined(found, row, _used) if any(f and f.used not in (None, 1) for f in row.axes) else "",
            joined(found, row, lambda field: field.size) if strict else "",
            "; ".join(map(safe, (*_notes(row), *self._smallest(row)))),
        )
        return Row(cells)

    def _smallest(self, row: LayerField) -> Iterator[str]:
        """Yield the smallest input of which a value sees no padding, where layers were asked for."""
        if len(self.found.layers) < len(self.found.every) and any(f and f.smallest_input for f in row.axes):
            yield f"no padding from size {joined(self.found, row, lambda field: field.smallest_input)} on"


def _used(field: AxisField) -> str | None:
    """Return the used positions of the reach, such as `7/13`."""
    if field.largest is None:
        return None if field.used is None else str(field.used)
    return f"{field.largest.span.used:,}/{field.largest.size:,}"


def _notes(row: LayerField) -> Iterator[str]:
    yield from _unknown(row)
    yield from _reasons(row)
    phases = max((len(field.phases) for field in row.axes if field), default=0)
    if phases > 1:
        sizes = dict.fromkeys(f"{phase.size:,}" for field in row.axes if field for phase in field.phases)
        yield f"{phases:,} phases" + (f" of {' and '.join(sizes)}" if 1 < len(sizes) < 4 else "")
    if row.drifts:
        yield "branches of different strides"
    elif row.aligned is False:
        yield f"misaligned by {_offsets(row)}"


def _offsets(row: LayerField) -> str:
    """Return how far apart the centres of the inputs are along each axis that tells."""
    known = [offset for offset in row.offsets if offset is not None]
    texts = [f"{offset}" for offset in known]
    return "×".join(texts) if any(known) and not row.drifts else ""


def _reasons(row: LayerField) -> list[str]:
    return [*dict.fromkeys(field.strict_reason for field in row.axes if field and field.strict_reason)]


def _unknown(row: LayerField) -> list[str]:
    return [*dict.fromkeys(f"unknown since {field.unknown}" for field in row.axes if field and field.unknown)]


def _unread(found: ReceptiveField) -> Iterator[str]:
    """Yield which positions of the input no output reads."""
    for axis, places in found.unread.items():
        name = found.axes[axis].name or f"axis {found.axes[axis].axis}"
        texts = [f"{a:,}" if a == b else f"{a:,} – {b:,}" for a, b in places]
        if len(texts) > 5:
            texts = [*texts[:4], f"… {texts[-1]}"]
        yield f"No output reads {name} {', '.join(texts)} of 0 – {found.axes[axis].size - 1:,}."
