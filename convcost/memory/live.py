"""How the memory of a network is computed at other values of its symbols, by the script of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convcost.cost.weights import weight_bytes
from convcost.html.live import LiveMetric, LiveRow, LiveView
from convcost.html.program import ProgramBuilder, text
from convcost.memory.analysis import FILE, Memory, activations
from convcost.memory.storages import sharing
from convcost.network import Network
from convcost.reports.table import safe, sized, tree

_METRICS = (
    LiveMetric("weight_bytes", "weight bytes", unit="bytes"),
    LiveMetric("activation_bytes", "activation bytes", unit="bytes"),
    LiveMetric("peak_memory", "peak memory", "max", "bytes"),
)
_FORMATS: dict[str, list[Any]] = {
    "Output": ["text"],
    "Weights": ["nonzero", 0],
    "Taken": ["nonzero", 1],
    "Alive": ["number", 2],
    "Timeline": ["bar", 2],
    "Notes": ["peak", 2],
}
"""How the script writes each column, by the places of metrics."""


def live_view(memory: Memory, columns: Sequence[str]) -> LiveView | None:
    """Return how memory is computed; None where an order or a place was searched for, which no formula gives.

    Args:
        memory: The memory.
        columns: The titles of the table's columns.
    """
    settings = memory.settings
    if settings.order != FILE or settings.place:
        return None
    titles = columns[1:]

    def rows(network: Network, program: ProgramBuilder) -> tuple[Iterator[LiveRow], Sequence[Any]]:
        taken, alive = activations(network, settings)
        weights = weight_bytes(network, [layer.cost() for layer in network.layers])
        how = sharing(network, in_place=settings.in_place).how
        return _rows(network, program, titles, list(zip(weights, taken, alive, how, strict=True))), ()

    return LiveView(
        command="convcost memory",
        metrics=_METRICS,
        columns=[_FORMATS[title] for title in titles],
        rows=rows,
        figures=[(2, "bytes"), (0, "bytes"), (1, "bytes")],
        more={"budget": [2, 0, 1]},
    )


def _rows(
    network: Network, program: ProgramBuilder, titles: Sequence[str], found: Sequence[tuple[Any, Any, Any, str]]
) -> Iterator[LiveRow]:
    numbers = iter(found)
    for name, layer in tree(network.layers):
        if layer is None:
            yield LiveRow(name)
            continue
        *values, how = next(numbers)
        notes = [how] if how else []
        if layer.shares:
            notes.append(f"weights of {safe(layer.shares)}")
        cells = {"Output": text(sized(program.shown(layer.output_shape))), "Notes": notes}
        shown = [cells[title] for title in titles if title in cells]
        yield LiveRow(name, values, shown, layer.type, bool(how), safe(layer.name))
