"""The metrics of memory: what activations take, and the most of it that lives at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from convcost.metrics import METRICS, PEAK, Metric, Ratio, quotients

if TYPE_CHECKING:
    from convcost.cost.analysis import Analysis

_ACTIVATION_BYTES = "What activations take: each piece of memory once, views and what is written in place not again."
_PEAK_MEMORY = "The bytes of activations that live while the layer runs, in the order of the spec; weights apart."
_BYTES_READ = "What the layer reads: its weights and each of its inputs once; nothing for views, folded or in place."
_BYTES_WRITTEN = "What the layer writes: each of its outputs once; nothing for views, folded or in place."
_BYTES_MOVED = "What the layer reads and writes."
_INTENSITY = "Multiplications and additions for each byte that is read or written."


def _activation_bytes(analysis: Analysis) -> Sequence[Any]:
    return _activations(analysis)[0]


def _peak_memory(analysis: Analysis) -> Sequence[Any]:
    return _activations(analysis)[1]


def _activations(analysis: Analysis) -> tuple[Sequence[Any], Sequence[Any]]:
    from convcost.memory.analysis import MemorySettings, activations  # imported where it is asked

    free = analysis.network.free
    with free.conditions if free is not None else nullcontext():
        return activations(analysis.network, MemorySettings(analysis.batch))


def _bytes_read(analysis: Analysis) -> Sequence[Any]:
    return _traffic(analysis)[0]


def _bytes_written(analysis: Analysis) -> Sequence[Any]:
    return _traffic(analysis)[1]


def _bytes_moved(analysis: Analysis) -> Sequence[Any]:
    return [read + written for read, written in zip(*_traffic(analysis), strict=True)]


def _traffic(analysis: Analysis) -> tuple[list[Any], list[Any]]:
    from convcost.memory.traffic import traffic  # imported where it is asked

    free = analysis.network.free
    with free.conditions if free is not None else nullcontext():
        return traffic(analysis.network, [layer.cost for layer in analysis.layers], analysis.batch)


METRICS.add("activation_bytes", Metric("activation_bytes", "bytes", _ACTIVATION_BYTES, _activation_bytes))
METRICS.add("peak_memory", Metric("peak_memory", "bytes", _PEAK_MEMORY, _peak_memory, PEAK))
METRICS.add("bytes_read", Metric("bytes_read", "bytes", _BYTES_READ, _bytes_read))
METRICS.add("bytes_written", Metric("bytes_written", "bytes", _BYTES_WRITTEN, _bytes_written))
METRICS.add("bytes_moved", Metric("bytes_moved", "bytes", _BYTES_MOVED, _bytes_moved))
_RATIO = Ratio("flops", "bytes_moved")
METRICS.add("intensity", Metric("intensity", "", _INTENSITY, quotients("flops", "bytes_moved"), _RATIO))
