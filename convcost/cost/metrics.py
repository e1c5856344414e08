"""The metrics of what networks cost: the counts of each layer's `Cost`, and what follows from the layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from operator import attrgetter
from typing import Any

from convcost.cost.analysis import Analysis
from convcost.cost.folding import channels_of, folded_norms
from convcost.cost.weights import biases_of
from convcost.metrics import METRICS, Metric
from convcost.network import Layer
from convcost.ops import KINDS

_COUNTS = {
    "params": "Trainable numbers: weights, biases, the two per channel of a norm.",
    "buffers": "Running statistics: two per channel of a batch norm.",
    "mults": "Scalar multiplications at inference, by padding zeros too.",
    "adds": "Scalar additions and subtractions; an accumulator starts at the bias or at zero.",
    "macs": "Multiply–accumulates of convolutions, linear layers and matrix products: the papers' mult-adds.",
    "flops": "Scalar multiplications and additions together.",
    "useful_mults": "Multiplications less those whose input lies in the layer's own zero padding or cropped margin.",
}


def _add_counts() -> None:
    for name, about in _COUNTS.items():
        METRICS.add(name, _count(name, about, name, standard=True))
    METRICS.add("output_values", Metric("output_values", "", _OUTPUT_VALUES, _output_values, standard=True))
    METRICS.add("activations", Metric("activations", "", _ACTIVATIONS, _activations, standard=True))
    METRICS.add("deployed_params", Metric("deployed_params", "", _DEPLOYED, _deployed_params, standard=True))
    METRICS.add("effective_macs", Metric("effective_macs", "", _EFFECTIVE, _effective_macs))
    METRICS.add("weight_bytes", Metric("weight_bytes", "bytes", _WEIGHT_BYTES, _weight_bytes))
    for kind in KINDS:
        METRICS.add(f"ops_{kind}", _count(f"ops_{kind}", f"The operations of the kind `{kind}`.", f"ops.{kind}"))


def _count(name: str, about: str, attribute: str, *, standard: bool = False) -> Metric:
    """Return the metric of an attribute of a cost."""
    of_cost: Callable[[Any], Any] = attrgetter(attribute)
    of_layer = attrgetter(f"cost.{attribute}")

    def of_layers(analysis: Analysis) -> Sequence[Any]:
        return [*map(of_layer, analysis.layers)]

    return Metric(name, "", about, of_layers, standard=standard, of_cost=of_cost)


_OUTPUT_VALUES = "The values that all layers put out."
_ACTIVATIONS = "The values that convolutions, linear layers and matrix products put out."
_DEPLOYED = (
    "Parameters once each batch norm is folded where it can be: its own go, the layer before it has a bias then."
)
_WEIGHT_BYTES = "What the deployed parameters, and the running statistics of norms that stay, take at their widths."


_EFFECTIVE = "The macs whose weight is not zero: of a layer with `sparsity` those of the weights that are left."


def _effective_macs(analysis: Analysis) -> Sequence[Any]:
    """Return the multiply–accumulates of each layer by weights that are not zero.

    Each weight takes part in as many as another: in one at each position.
    """
    layers = analysis.network.layers
    return [_kept_macs(layer, row.cost.macs) for layer, row in zip(layers, analysis.layers, strict=True)]


def _kept_macs(layer: Layer, macs: Any) -> Any:
    if not layer.sparsity:
        return macs
    weights = layer.definition.cost(layer.input_shapes, layer.output_shape).params - biases_of(layer)
    if weights == 0:  # products of values with values, or none
        return macs
    return ceil(weights * (1 - layer.sparsity)) * macs // weights


def _output_values(analysis: Analysis) -> Sequence[Any]:
    return [layer.output_values for layer in analysis.layers]


def _activations(analysis: Analysis) -> Sequence[Any]:
    """Return the values that each layer puts out by products that are accumulated.

    Source: Radosavovic et al. 2020, arXiv:2003.13678, section 3.2.
    """
    return [layer.activations for layer in analysis.layers]


def _deployed_params(analysis: Analysis) -> Sequence[Any]:
    """Return each layer's parameters with every batch norm folded that can be, whether or not the analysis folds."""
    layers = analysis.network.layers
    params = [layer.cost.params for layer in analysis.layers]
    for norm, source in folded_norms(analysis.network, analysis.network.readers()).items():
        layer = layers[source]
        params[norm] = 0
        if not layer.fields["bias"] and not layer.shares and layer.trainable:
            params[source] += channels_of(layers[norm])
    return params


def _weight_bytes(analysis: Analysis) -> Sequence[Any]:
    """Return the bytes of each layer's deployed parameters and running statistics."""
    from convcost.cost.weights import weight_bytes

    return weight_bytes(analysis.network, [layer.cost for layer in analysis.layers])


_add_counts()
