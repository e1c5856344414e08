"""The report of the memory that a network takes: a timeline of its layers, and what lives at the peak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.memory.analysis import BEST, Memory, Piece
from convcost.memory.placement.intervals import Placement
from convcost.memory.storages import IN_PLACE
from convcost.network import Layer
from convcost.network.dtypes import types_text
from convcost.reports import titles
from convcost.reports.folding import Part
from convcost.reports.layer_rows import Line, folded, folding_note, tree_rows, unfolded
from convcost.reports.table import (
    AT_LEAST,
    Column,
    Row,
    Table,
    bar,
    bytes_text,
    counted,
    grouped,
    percent,
    safe,
    sized,
)

if TYPE_CHECKING:
    from convcost.html.controls import NetworkSource
    from convcost.html.section import Section

_TIMELINE = "The bar: what lives while the layer runs, as a share of the peak."
_COLUMNS = (
    Column("Layer", role="name"),
    Column("Output", drop=4),
    Column("Weights", right=True, drop=3, role="number"),
    Column("Taken", right=True, drop=2, role="number"),
    Column("Alive", right=True, role="number"),
    Column("Timeline", role="bar", drop=5, footnote=_TIMELINE),
    Column("Notes", drop=6),
)
_AT_PEAK = (
    Column("Tensor", role="name"),
    Column("Type", drop=3),
    Column("Bytes", right=True, role="number"),
    Column("%", right=True, drop=1, role="number"),
    Column("Lives", drop=2),
)
_ARENA = (
    Column("Tensor", role="name"),
    Column("From", right=True, role="number"),
    Column("To", right=True, role="number"),
    Column("Bytes", right=True, drop=1, role="number"),
    Column("Lives", drop=2),
)
_MOST_PLACED = 20  # tensors of an arena on a screen
_MEANINGS = (
    "In bytes. Weights: parameters as deployed; taken: new memory for what the layer gives, and for inputs that it "
    "reads first; alive: all activations that live while it runs, weights apart."
)


class MemoryReport(Struct, frozen=True):
    """The memory that a network takes, for every format.

    Attributes:
        memory: The result.
        layers: Whether a screen shows every layer, however many there are.
        source: What the network was made of, for a page that computes it at other values of its symbols.
    """

    memory: Memory
    layers: bool = False
    source: NetworkSource | None = None

    def data(self) -> Struct:
        """Return the result as a document."""
        from convcost.memory.documents import memory_document

        return memory_document(self.memory)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        name = self.memory.network.name
        return [
            {
                "network": name,
                "name": row.layer.name,
                "type": row.layer.type,
                "line": row.layer.line or None,
                "output_shape": sized(row.layer.output_shape),
                "weights": row.layer.widths.weights,
                "activations": row.layer.widths.activations,
                "biases": row.layer.widths.biases,
                "weight_bytes": row.weight_bytes if row.weighed else None,
                "activation_bytes": row.activation_bytes if row.sized else None,
                "peak_memory": row.alive if row.sized else None,
                "memory": row.how,
            }
            for row in self.memory.layers
        ]

    def table(self) -> Table:
        """Return the table of all layers, and that of what lives at the peak."""
        return self._table(unfolded(self.memory.layers))

    def section(self) -> Section:
        """Return the memory as a section of a page, with its chart."""
        from convcost.html.charts import page_chart  # pages are written where they are asked for
        from convcost.html.section import Figure, section_of, with_blocks

        memory = self.memory
        least = AT_LEAST if memory.network.unknown else ""
        table = with_blocks(self.table(), lambda label, part: self._row(label, Line((), part, "")))
        live = self._live(table)
        sizes = {
            "peak of activations": memory.peak_memory,
            "weights": memory.weight_bytes,
            "all activations": memory.activation_bytes,
        }
        figures = [Figure(name, f"{least}{bytes_text(size)}", f"{least}{size:,} bytes") for name, size in sizes.items()]
        folds = {"Weights": "sum", "Taken": "sum", "Alive": "max", "Timeline": "max"}
        return section_of(
            table,
            {"key": "layers", "folds": folds} if live else {},
            headline=(),
            figures=tuple(figures),
            charts=(page_chart(memory.plot(), "Memory of activations over time", key="memory" if live else ""),),
            live=live,
        )

    def _live(self, table: Table) -> Mapping[str, Any] | None:
        """Return the data from which a page computes the memory at other values; None where it cannot."""
        if self.source is None:
            return None
        from convcost.html.live import live_data  # symbolic numbers are imported where there are some
        from convcost.html.section import telling
        from convcost.memory.live import live_view

        view = live_view(self.memory, [column.title for column in telling(table).columns])
        return None if view is None else live_data(self.memory.network, self.source, view, table.subtitle[-1])

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless all were asked for."""
        return self.table() if self.layers else self._table(folded(self.memory.layers, self._most_alive), _MOST_PLACED)

    def _most_alive(self, part: Part) -> float:
        peak = self.memory.peak_memory
        return max(self.memory.layers[index].alive for index in part) / peak if peak else 0

    def _table(self, lines: Sequence[Line], most: int | None = None) -> Table:
        memory = self.memory
        least = AT_LEAST if memory.network.unknown else ""
        total = ("Total", "", f"{least}{grouped(memory.weight_bytes)}", f"{least}{grouped(memory.activation_bytes)}")
        return Table(
            title=titles.title(memory.network),
            headline=(self._headline(),),
            subtitle=titles.sourced(memory.network, *facts(self.memory)),
            columns=_COLUMNS,
            rows=tree_rows(lines, self._row, len(_COLUMNS)),
            total=(*total, f"{least}{grouped(memory.peak_memory)}", "", "peak"),
            footer=(*self._footnotes(), *folding_note(lines, memory.layers)),
            more=(self._at_peak(), *self._arena(most)) if memory.pieces else (),
        )

    def _row(self, label: str, line: Line) -> Row:
        memory = self.memory
        rows = [memory.layers[index] for index in line.part]
        alive = max(row.alive for row in rows)
        notes = [row.how for row in rows] if len(rows) == 1 else []
        if len(rows) == 1 and rows[0].layer.shares:
            notes.append(f"weights of {safe(rows[0].layer.shares)}")
        if memory.peak_index in line.part:
            notes.append("← peak")
        sized_all = all(row.sized for row in rows)
        cells = (
            label,
            sized(rows[-1].layer.output_shape),
            _bytes(sum(row.weight_bytes for row in rows), known=all(row.weighed for row in rows)),
            _bytes(sum(row.activation_bytes for row in rows), known=sized_all),
            grouped(alive) if sized_all else f"{AT_LEAST}{grouped(alive)}" if alive else "?",
            bar(alive / memory.peak_memory) if memory.peak_memory else "",
            ", ".join(note for note in notes if note),
        )
        return Row(cells, "quiet" if len(rows) == 1 and rows[0].how else "ordinary")

    def _headline(self) -> str:
        memory = self.memory
        where = f" at {safe(memory.layers[memory.peak_index].layer.name)}" if memory.layers else ""
        least = AT_LEAST if memory.network.unknown else ""
        return (
            f"peak {least}{_sized(memory.peak_memory)}{where} · {least}{_sized(memory.weight_bytes)} of weights · "
            f"{least}{_sized(memory.activation_bytes)} of activations"
        )

    def _footnotes(self) -> Iterator[str]:
        memory, settings = self.memory, self.memory.settings
        yield _MEANINGS
        views = "Views take no memory, folded norms are not there"
        if settings.in_place:
            in_place = sum(row.how == IN_PLACE for row in memory.layers)
            yield f"{views}; {counted(in_place, 'layer')} in place, with --no-in-place only what is fused."
        else:
            yield f"{views}; in place only what its item writes together with the layer before it."
        yield _order(memory) + (" Inputs live to the end." if settings.keep_inputs else "")
        if any(row.layer.times != 1 for row in memory.layers):
            yield "Inside `each` a layer runs on all slices before the next one runs."
        if unknown := memory.network.unknown:
            names = ", ".join(dict.fromkeys(safe(layer.fields["operator"]) for layer in unknown))
            yield f"{counted(len(unknown), 'operation')} not counted, so that totals are lower bounds (≥): {names}."
        if memory.not_counted:
            yield f"The workspace of {' and '.join(memory.not_counted)} is not counted."

    def _at_peak(self) -> Table:
        memory = self.memory
        rows = [Row(self._peak_cells(piece)) for piece in memory.at_peak]
        return Table(
            title=f"At the peak, {safe(memory.layers[memory.peak_index].layer.name)}",
            subtitle=(),
            columns=_AT_PEAK,
            rows=rows,
            total=("Total", "", f"{AT_LEAST if memory.network.unknown else ''}{grouped(memory.peak_memory)}", "", ""),
            footer=(),
        )

    def _arena(self, most: int | None) -> Iterator[Table]:
        """Return the table of offsets, where they were asked for; of the largest tensors where not all are shown."""
        memory, placement = self.memory, self.memory.placement
        if placement is None:
            return
        numbers = sorted(range(len(memory.pieces)), key=lambda number: -memory.pieces[number].bytes)
        shown = numbers[:most] if most else numbers
        left_out = f"The {counted(len(shown), 'largest tensor')} of {len(numbers):,}: --layers shows each."
        shown.sort(key=lambda number: placement.offsets[number])
        yield Table(
            title=f"In one arena of {_sized(placement.size)}",
            subtitle=(_arena_note(placement),),
            columns=_ARENA,
            rows=[Row(self._arena_cells(memory.pieces[number], placement.offsets[number])) for number in shown],
            total=("Total", "", grouped(placement.size), "", ""),
            footer=(left_out,) if len(shown) < len(numbers) else (),
        )

    def _arena_cells(self, piece: Piece, offset: int) -> tuple[str, ...]:
        _, _, size, _, lives = self._peak_cells(piece)
        return safe(piece.name), grouped(offset), grouped(offset + piece.bytes), size, lives

    def _peak_cells(self, piece: Piece) -> tuple[str, ...]:
        memory, storage = self.memory, piece.storage
        last = memory.layers[storage.last].layer.name
        to = "the end, an output" if storage.is_output else safe(last)
        start = "the start" if storage.is_input else safe(memory.layers[storage.first].layer.name)
        share = Fraction(piece.bytes, memory.peak_memory) if memory.peak_memory else Fraction(0)
        size = (grouped(piece.bytes), percent(share)) if piece.known else ("?", "")
        return safe(piece.name), storage.width, *size, f"from {start} to {to}"


def facts(memory: Memory) -> Iterator[str]:
    """Yield how the memory is counted: types, batch, order and alignment."""
    settings = memory.settings
    yield _widths(memory)
    yield titles.batched(settings.batch)
    if settings.order == BEST:
        yield "best order"
    if settings.align > 1:
        yield f"aligned to {settings.align:,} bytes"


def _widths(memory: Memory) -> str:
    """Return the types of the network's numbers."""
    activations = [piece.storage.width for piece in memory.pieces]
    layers = [row.layer for row in memory.layers if row.weight_bytes]
    found = {
        "activations": activations,
        "weights": [layer.widths.weights for layer in layers],
        "biases": [layer.widths.biases for layer in layers if _may_be_biased(layer)],
    }
    return types_text({what: dict.fromkeys(widths) for what, widths in found.items() if widths})


def _order(memory: Memory) -> str:
    """Return in which order the layers run, and whether another has a smaller peak."""
    order = memory.order
    if order.lower_bound is None:
        of_model = any(row.layer.origin for row in memory.layers)
        return f"The layers run in the order of the {'file' if of_model else 'spec'}."
    if order.proved:
        return "The layers run in the order with the smallest peak: no order has a smaller one."
    gap = percent(Fraction(memory.peak_memory, order.lower_bound) - 1) if order.lower_bound else "open"
    return (
        "The layers run in the order with the smallest peak that was found; that of any order is at least "
        f"{order.lower_bound:,} bytes, a gap of {gap}."
    )


def _arena_note(placement: Placement) -> str:
    """Return how small an arena can be, and whether one that was given suffices."""
    bound = placement.lower_bound
    if placement.is_exact:
        note = "as small as the peak: no placement takes less"
    else:
        note = f"any placement takes at least {bound:,} bytes, a gap of {percent(Fraction(placement.size, bound) - 1)}"
    if placement.arena is None:
        return note
    verdict = "suffice" if placement.fits else "do not suffice for this placement"
    return f"{placement.arena:,} bytes {verdict} · {note}"


def _may_be_biased(layer: Layer) -> bool:
    return bool(layer.definition.weights)


def _bytes(number: int, *, known: bool = True) -> str:
    if known:
        return grouped(number) if number else ""
    return f"{AT_LEAST}{grouped(number)}" if number else "?"


def _sized(number: int) -> str:
    """Return bytes with all digits, and in round numbers where that is shorter."""
    return f"{number:,} bytes" + (f" ({bytes_text(number)})" if number >= 1024 else "")
