"""How a roofline is computed at other values of a network's symbols, by the script of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convcost.cost.weights import weight_bytes
from convcost.html.live import LiveMetric, LiveRow, LiveView
from convcost.html.program import ProgramBuilder, text
from convcost.memory.analysis import MemorySettings, activations
from convcost.memory.roofline.analysis import Roofline, layer_rooflines
from convcost.network import Network
from convcost.reports.table import safe, sized, tree
from convcost.symbolic import maximum

_NAMES = (
    "flops",
    "bytes_read",
    "bytes_written",
    "bytes_moved",
    "compute",
    "memory",
    "seconds",
    "energy",
    "weight_bytes",
)
_METRICS = (*(LiveMetric(name, name.replace("_", " ")) for name in _NAMES), LiveMetric("peak", "peak", "max"))
_FORMATS: dict[str, list[Any]] = {
    "Output": ["text"],
    "Flops": ["nonzero", 0],
    "Read": ["nonzero", 1],
    "Written": ["nonzero", 2],
    "Flops/byte": ["rate", 0, 3],
    "Bound": ["bound", 4, 5],
    "At least": ["seconds", 6],
    "Energy": ["energy", 7],
    "Share": ["bar", 6],
}
"""How the script writes each column, by the places of metrics."""
_PLACES = {"weights": 8, "peak of activations": 9}
"""The metrics of what has to fit."""


def live_view(roofline: Roofline, columns: Sequence[str]) -> LiveView:
    """Return how a roofline is computed.

    Args:
        roofline: The roofline.
        columns: The titles of the table's columns.
    """
    energy = roofline.energy is not None

    def rows(network: Network, program: ProgramBuilder) -> tuple[Iterator[LiveRow], Sequence[Any]]:
        return _rows(roofline, network, program, energy=energy), ()

    figures: list[tuple[Any, ...]] = [(6, "seconds"), (6, "memory share")]
    if energy:
        figures.append((7, "energy"))
    figures += [(_PLACES[each.what], "fits", each.room) for each in roofline.fits]
    return LiveView(
        command=f"convcost roofline --device {roofline.device.key}",
        metrics=_METRICS,
        columns=[_FORMATS[title] for title in columns[1:]],
        rows=rows,
        figures=figures,
        more={"quiet": [6]},
    )


def _rows(roofline: Roofline, network: Network, program: ProgramBuilder, *, energy: bool) -> Iterator[LiveRow]:
    found = layer_rooflines(network, roofline.device, batch=roofline.batch, energy=energy)
    _, alive = activations(network, MemorySettings(roofline.batch))
    weights = weight_bytes(network, [layer.cost() for layer in network.layers])
    numbers = zip(found, weights, alive, strict=True)
    for name, layer in tree(network.layers):
        if layer is None:
            yield LiveRow(name)
            continue
        row, weight, peak = next(numbers)
        seconds = maximum(row.compute_seconds, row.memory_seconds)
        times = [row.compute_seconds, row.memory_seconds, seconds, row.energy if energy else 0]
        values = [row.flops, row.bytes_read, row.bytes_written, row.bytes_moved, *times, weight, peak]
        yield LiveRow(name, values, [text(sized(program.shown(layer.output_shape)))], layer.type, name=safe(layer.name))
