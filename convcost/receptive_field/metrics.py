"""The metric of receptive fields: how far a value sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convcost.metrics import LARGEST_OUTPUT, METRICS, Metric

if TYPE_CHECKING:
    from convcost.cost.analysis import Analysis

_ABOUT = "The positions of the input from the first to the last that a value sees, on the axis where these are most."


def _receptive_field(analysis: Analysis) -> Sequence[Any]:
    from convcost.receptive_field import sizes  # imported where it is asked

    network = analysis.network
    return sizes.sizes(network) if network.free is None else sizes.formulas(network, network.free)


METRICS.add("receptive_field", Metric("receptive_field", "", _ABOUT, _receptive_field, LARGEST_OUTPUT))
