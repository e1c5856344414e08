"""The report of a network's size after pruning, weight sharing and Huffman coding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.compression.analysis import STAGES, Compression, LayerCompression, Stage
from convcost.compression.sizes import Bits
from convcost.reports import titles
from convcost.reports.folding import Part
from convcost.reports.layer_rows import Line, folded, folding_note, tree_rows, unfolded
from convcost.reports.table import Column, Row, Table, bytes_text, counted, grouped

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Weights", right=True, drop=3, role="number"),
    Column("Kept", right=True, drop=2, role="number"),
    Column("%", right=True, drop=4, role="number"),
    Column("Original", right=True, drop=5, role="number"),
    Column("Pruned", right=True, drop=6, role="number"),
    Column("Quantised", right=True, drop=6, role="number"),
    Column("Huffman", right=True, role="number"),
    Column("Rate", right=True, role="number"),
)
_STAGES = (
    Column("Stage", role="name"),
    Column("Bytes", right=True, role="number"),
    Column("Rate", right=True, role="number"),
    Column("Fewest", right=True, drop=1, role="number"),
    Column("Most", right=True, drop=1, role="number"),
)
_NAMES = {"original": "as it is", "pruned": "pruned", "quantised": "values shared", "huffman": "Huffman codes"}
_BETWEEN = (
    "≈: of uniformly random positions. Where the weights that are kept lie is not known: the bytes are between the "
    "fewest and the most; --weights FILE reads them."
)


class CompressionReport(Struct, frozen=True):
    """The size of a compressed network, for every format.

    Attributes:
        compression: The result.
        layers: Whether a screen shows every layer, however many there are.
    """

    compression: Compression
    layers: bool = False

    def data(self) -> Struct:
        """Return the result as a document."""
        from convcost.compression.documents import compression_document

        return compression_document(self.compression)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer with weights."""
        name = self.compression.network.name
        return [
            {
                "network": name,
                "name": row.layer.name,
                "type": row.layer.type,
                "line": row.layer.line or None,
                "weights": row.sizes.weights,
                "kept": row.sizes.kept,
                "fillers": row.sizes.fillers.value,
                **{
                    key: value
                    for stage in row.stages
                    for key, value in (
                        (f"{stage.name}_bytes", stage.bytes),
                        (f"{stage.name}_lower", stage.lower),
                        (f"{stage.name}_upper", stage.upper),
                    )
                },
            }
            for row in self.compression.layers
        ]

    def table(self) -> Table:
        """Return the table of all layers with weights, and that of the stages."""
        return self._table(unfolded(self.compression.layers))

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless all were asked for."""
        return self.table() if self.layers else self._table(folded(self.compression.layers, self._share))

    def _share(self, part: Part) -> float:
        rows = self.compression.layers
        total = sum(row.sizes.weights for row in rows)
        return sum(rows[index].sizes.weights for index in part) / total

    def _table(self, lines: Sequence[Line]) -> Table:
        compression = self.compression
        rows = tree_rows(lines, self._row, len(_COLUMNS))
        if compression.other:
            number = grouped(compression.other)
            rows.append(Row(("biases and norms", "", "", "", number, number, number, number, ""), "quiet"))
        weights = sum(row.sizes.weights for row in compression.layers)
        return Table(
            title=titles.title(compression.network),
            headline=(self._headline(),),
            subtitle=titles.sourced(compression.network),
            columns=_COLUMNS,
            rows=rows,
            total=_cells("Total", weights, compression.kept, compression.stages),
            footer=(*self._footnotes(), *folding_note(lines, compression.layers)),
            more=(self._stages(),),
        )

    def _row(self, label: str, line: Line) -> Row:
        rows = [self.compression.layers[index] for index in line.part]
        weights, kept = sum(row.sizes.weights for row in rows), sum(row.sizes.kept for row in rows)
        return Row(_cells(label, weights, kept, _together(rows)), size=float(weights))

    def _stages(self) -> Table:
        rows = []
        for stage in self.compression.stages:
            bounds = ("", "") if stage.exact else (grouped(stage.lower), grouped(stage.upper))
            rows.append(Row((_NAMES[stage.name], _bytes(stage), _rate(stage.rate), *bounds)))
        return Table(title="The whole network", subtitle=(), columns=_STAGES, rows=rows, total=("",) * 5, footer=())

    def _headline(self) -> str:
        first, *_, last = self.compression.stages
        about = "" if last.exact else "about "
        rate = f", {float(last.rate):.1f} × smaller" if last.rate else ""
        return f"{_sized(first.bytes)} → {about}{_sized(last.bytes)}{rate}"

    def _footnotes(self) -> Iterator[str]:
        compression = self.compression
        yield "In bytes. Kept: the weights that pruning keeps; the codebook is part of shared values."
        if any(not stage.exact for stage in compression.stages):
            yield _BETWEEN
        if not compression.biases:
            yield "Biases and norms are left out."
        if any(row.observed for row in compression.layers):
            unread = sum(not row.observed for row in compression.layers)
            yield f"Read from a file of weights: all but {counted(unread, 'layer')}." if unread else "Read from a file."
        if all(row.sizes.kept == row.sizes.weights and row.rule.weight_bits is None for row in compression.layers):
            yield "Nothing is compressed yet: --density 10% --index-bits 4 --weight-bits 5, for one."


def _together(rows: Sequence[LayerCompression]) -> list[Stage]:
    """Return the stages of some layers together."""
    found: list[Stage] = []
    for index, name in enumerate(STAGES):
        stages = [row.stages[index] for row in rows]
        size = Bits(*(sum(numbers) for numbers in zip(*((s.lower, s.bytes, s.upper) for s in stages), strict=True)))
        first = found[0].bytes if found else size.value
        rate = Fraction(first, size.value) if size.value else None
        found.append(Stage(name, size.value, size.lower, size.upper, rate))
    return found


def _cells(label: str, weights: int, kept: int, stages: Sequence[Stage]) -> tuple[str, ...]:
    share = f"{100 * kept / weights:.0f}" if weights else ""
    return (
        label,
        grouped(weights),
        grouped(kept),
        share,
        *map(_bytes, stages),
        _rate(stages[-1].rate),
    )


def _bytes(stage: Stage) -> str:
    return grouped(stage.bytes) if stage.exact else f"≈{stage.bytes:,}"


def _rate(rate: Fraction | None) -> str:
    return "" if rate is None else f"{float(rate):.1f} ×"


def _sized(number: int) -> str:
    return f"{number:,} bytes" + (f" ({bytes_text(number)})" if number >= 1024 else "")
