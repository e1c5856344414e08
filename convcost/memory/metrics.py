"""The metrics of memory: what activations take, and the most of it that lives at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from convcost.metrics import METRICS, PEAK, Metric

if TYPE_CHECKING:
    from convcost.cost.analysis import Analysis

_ACTIVATION_BYTES = "What activations take: each piece of memory once, views and what is written in place not again."
_PEAK_MEMORY = "The bytes of activations that live while the layer runs, in the order of the spec; weights apart."


def _activation_bytes(analysis: Analysis) -> Sequence[Any]:
    return _activations(analysis)[0]


def _peak_memory(analysis: Analysis) -> Sequence[Any]:
    return _activations(analysis)[1]


def _activations(analysis: Analysis) -> tuple[Sequence[Any], Sequence[Any]]:
    from convcost.memory.analysis import activations  # imported where it is asked

    free = analysis.network.free
    with free.conditions if free is not None else nullcontext():
        return activations(analysis.network, analysis.batch)


METRICS.add("activation_bytes", Metric("activation_bytes", "bytes", _ACTIVATION_BYTES, _activation_bytes))
METRICS.add("peak_memory", Metric("peak_memory", "bytes", _PEAK_MEMORY, _peak_memory, PEAK))
