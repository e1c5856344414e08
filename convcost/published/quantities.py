"""What published numbers count: quantities of a network, and what sources count otherwise, with its exact amount."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import prod
from typing import Any

from convcost.conventions.analysis import table_of
from convcost.cost.analysis import Analysis
from convcost.cost.folding import channels_of, folded_norms
from convcost.cost.weights import biases_of

Amount = Callable[[Analysis], int]


def _total(name: str) -> Amount:
    return lambda analysis: analysis.value(name)


def _layers(analysis: Analysis) -> int:
    """Return the number of layers with parameters."""
    return sum(bool(layer.cost.params) for layer in analysis.layers)


QUANTITIES: Mapping[str, Amount] = {
    "params": _total("params"),
    "macs": _total("macs"),
    "flops": lambda analysis: 2 * analysis.total.macs,
    "activations": _total("activations"),
    "layers": _layers,
    "param_bytes": lambda analysis: 4 * analysis.total.params,
    "feature_bytes": lambda analysis: 4 * analysis.value("output_values"),
}
"""The quantities, by the names that tables use; bytes are those of 32-bit numbers."""


def _norms(analysis: Analysis) -> int:
    """Return the channels of all batch norms."""
    return sum(channels_of(layer) for layer in analysis.network.layers if layer.type == "batch_norm")


def _biases_before_norms(analysis: Analysis) -> int:
    """Return the biases that convolutions would have if those before batch norms had some."""
    network = analysis.network
    folded = folded_norms(network, network.readers())
    return sum(
        channels_of(network.layers[norm])
        for norm, source in folded.items()
        if not network.layers[source].fields.get("bias")
    )


def _type(type: str, metric: str) -> Amount:
    """Return a function that adds up a metric of the layers of a type."""

    def amount(analysis: Analysis) -> int:
        values = zip(analysis.network.layers, analysis.values(metric), strict=True)
        return sum(value for layer, value in values if layer.type == type)

    return amount


def _classifier(analysis: Analysis) -> int:
    """Return the macs of the last linear layer."""
    return next(layer.cost.macs for layer in reversed(analysis.layers) if layer.type == "linear")


def _normalization(analysis: Analysis) -> int:
    """Return what Keras's Normalization keeps: a mean and a variance for each channel of the input, and a count."""
    return 2 * analysis.network.input_shape[0] + 1


def _separable(analysis: Analysis) -> int:
    """Return how many depthwise convolutions are followed by one that adds up their channels, with nothing between."""
    layers = analysis.network.layers
    return sum(
        first.type == "depthwise_conv" and then.type in ("pointwise_conv", "conv") for first, then in pairwise(layers)
    )


def _tool(name: str) -> Amount:
    """Return a function that says by how much a tool's count differs from the multiply–accumulates."""
    return lambda analysis: table_of(analysis.network, name).difference


def _outputs_with_biases(analysis: Analysis) -> int:
    """Return the outputs of convolutions and linear layers with a bias."""
    layers = analysis.network.layers
    return sum(prod(layer.output_shape) for layer in layers if biases_of(layer))


def _relus(analysis: Analysis) -> int:
    return _type("relu", "output_values")(analysis)


def _pools(analysis: Analysis) -> int:
    """Return two operations for each output of a pool and each position of its stride: a global one strides by all."""
    found = 0
    for layer in analysis.network.layers:
        if layer.type in ("max_pool", "avg_pool"):
            found += 2 * prod(layer.output_shape) * prod(layer.fields["stride"])
        elif layer.type == "global_avg_pool":
            found += 2 * prod(layer.input_shapes[0])
    return found


def _local_norms(analysis: Analysis) -> int:
    """Return two operations for each channel and two more, for each position, and one for each value."""
    found = 0
    for layer in analysis.network.layers:
        if layer.type == "local_response_norm":
            channels, *sizes = layer.output_shape
            found += channels * prod(sizes) + (2 + 2 * channels) * prod(sizes)
    return found


def _negative(amount: Amount) -> Amount:
    return lambda analysis: -amount(analysis)


DIFFERENCES: Mapping[str, tuple[str, Amount]] = {
    "statistics": ("norm statistics", lambda analysis: analysis.total.buffers),
    "no_norms": ("without norms", _negative(_type("batch_norm", "params"))),
    "three_per_channel": ("batch norms", _norms),
    "no_scales": ("norms without scale", _negative(_norms)),
    "biases_before_norms": ("biases before norms", _biases_before_norms),
    "normalization": ("input normalization", _normalization),
    "separable_once": ("separable as one", _negative(_separable)),
    "no_classifier": ("without the classifier", _negative(_classifier)),
    "pycls": ("biases", _tool("pycls")),
    "fvcore": ("norms and pools", _tool("fvcore")),
    "max_pools": ("max pools", _type("max_pool", "output_values")),
    "biases": ("biases", _outputs_with_biases),
    "relus": ("ReLUs", lambda analysis: 2 * _relus(analysis)),
    "pools": ("pooling", _pools),
    "sums": ("sums", _type("add", "output_values")),
    "statistic_bytes": ("norm statistics", lambda analysis: 4 * analysis.total.buffers),
    "biases_for_norms": ("biases instead of norms", lambda analysis: -4 * _norms(analysis)),
    "local_norms": ("local norms", _local_norms),
    "scaled_sums": ("scale and sum in one", lambda analysis: -4 * _type("multiply", "output_values")(analysis)),
    "no_lrn": ("no local norms", lambda analysis: -4 * _type("local_response_norm", "output_values")(analysis)),
    "relus_in_place": ("ReLUs in place", lambda analysis: -4 * _relus(analysis)),
}
"""What sources count otherwise, by the names that tables use: in words, and by how much."""


def value_of(quantity: str, analysis: Analysis) -> int:
    """Return a quantity of a network."""
    return QUANTITIES[quantity](analysis)


def difference_of(name: str, analysis: Analysis) -> tuple[str, Any]:
    """Return the difference between a source's convention and convcost's: in words, and its amount."""
    text, amount = DIFFERENCES[name]
    return text, amount(analysis)
