"""torch-scan: leaf modules by formulas of its own, as multiply–accumulates and as operations.

Operations are one addition less for each sum of products. A window is taken for as large as one number that is given
for its size: a pool of 2×2 has windows of 2, unless both sizes were written out.

Source: torchscan/modules/macs.py, flops.py and _pooling.py of 0.2.0.
"""

from __future__ import annotations

from math import prod

from convcost.conventions.base import (
    CONVOLUTIONS,
    FLOPS,
    MACS,
    PRODUCTS,
    Call,
    Count,
    Rule,
    ToolConvention,
    all_of,
    macs,
    nothing,
    per_input,
    scaled_positions,
)

_SOURCE = "https://github.com/frgfm/torch-scan/tree/main/torchscan/modules"
_PADDING = "padding of transposed convolutions"
_SUMS = "one addition less for each sum of products"
_BIASES = "biases"


def _linear_macs(call: Call) -> Count:
    return {} if call.attends else macs(call)


def _transposed_macs(call: Call) -> Count:
    return {PRODUCTS: scaled_positions(call), _PADDING: 4 * len(call.positions)}


def _sums(call: Call, products: int) -> dict[str, int]:
    """Return operations for sums of products: two for each but the first, and biases."""
    biases = call.given if call.biases else 0
    return {PRODUCTS: 2 * products, _SUMS: -call.given, _BIASES: biases}


def _product_flops(call: Call) -> Count:
    return _sums(call, call.macs)


def _transposed_flops(call: Call) -> Count:
    return {**_sums(call, scaled_positions(call)), _PADDING: 8 * len(call.positions)}


def _norm_flops(call: Call) -> Count:
    channels = call.layer.output_shape[call.field("axis") or 0]
    return {"batch norms": (4 if call.affine else 2) * call.read + 2 * channels}


def _layer_norm(call: Call) -> Count:
    axis = call.field("axis")
    first = axis[0] if isinstance(axis, tuple) else axis if axis is not None else len(call.layer.output_shape) - 1
    rows = call.read // prod(call.layer.output_shape[first:])
    learned = (call.affine and 1) + (1 if call.affine and call.field("bias") else 0)
    return {"layer norms": (6 + learned) * call.read + 2 * rows}


def _window(call: Call) -> int:
    """Return the size of a window as it is taken: one number if all axes have the same."""
    sizes = set(call.field("kernel_size"))
    return int(sizes.pop()) if len(sizes) == 1 else prod(call.field("kernel_size"))


def _max_pool(call: Call) -> Count:
    return {"pooling": call.given * (_window(call) - 1)}


def _average_pool(call: Call) -> Count:
    return {"pooling": call.given * (_window(call) - 1 + len(call.positions))}


def _adaptive(call: Call) -> list[int]:
    """Return the size of the windows on each axis: a ratio, or a remainder and one."""
    sizes = zip(call.layer.inputs[0].shape[1:], call.positions, strict=True)
    return [size // given if size % given == 0 else size % given + 1 for size, given in sizes]


def _adaptive_max(call: Call) -> Count:
    return {"pooling": call.given * (prod(_adaptive(call)) - 1)}


def _adaptive_average(call: Call) -> Count:
    sizes = _adaptive(call)
    return {"pooling": call.given * (prod(sizes) - 1 + len(sizes))}


def _scores(call: Call) -> Count:
    """Count scores, and the scaling of queries and its root."""
    if not call.attends:
        return {}
    return {PRODUCTS: 2 * call.macs, _SUMS: -call.given, "scaling of queries": 1 + call.read}


def _context(call: Call) -> Count:
    return {PRODUCTS: 2 * call.macs, _SUMS: -call.given} if call.attends else {}


def _softmax(call: Call) -> Count:
    """Count the softmax of nn.MultiheadAttention; one that is a module is not."""
    size = call.layer.output_shape[-1]
    return {"softmax of attention": (3 * size - 1) * (call.given // size)} if call.attends else {}


def _dropout(call: Call) -> Count:
    return {"dropout": call.read if call.field("p") else 0}


_POOLS: dict[str, Rule] = {
    "max_pool": _max_pool,
    "avg_pool": _average_pool,
    **all_of(_adaptive_max, "adaptive_max_pool", "global_max_pool"),
    **all_of(_adaptive_average, "adaptive_avg_pool", "global_avg_pool"),
}
_ACTIVATIONS = {"relu": 1, "relu6": 2, "leaky_relu": 4, "elu": 6, "tanh": 6, "sigmoid": 4}
_UNSEEN = {
    "linear": "the projections of nn.MultiheadAttention are not counted",
    "attention_scores": "the products of attention are not counted",
    "attention_context": "the products of attention are not counted",
    "transposed_conv": "transposed convolutions by the size of their output",
}


def _norm_macs(call: Call) -> Count:
    return {"batch norms": (2 if call.affine else 1) * call.read}


TORCHSCAN = ToolConvention(
    "torchscan",
    "torch-scan, crawl_module, macs",
    "0.2.0",
    _SOURCE,
    MACS,
    {
        **all_of(macs, *CONVOLUTIONS),
        "linear": _linear_macs,
        "transposed_conv": _transposed_macs,
        "batch_norm": _norm_macs,
        **_POOLS,
        "dropout": nothing,
    },
    sees_functions=False,
    unseen=_UNSEEN,
)
OPERATIONS = ToolConvention(
    "torchscan-flops",
    "torch-scan, crawl_module, module_flops",
    "0.2.0",
    _SOURCE,
    FLOPS,
    {
        **all_of(_product_flops, *CONVOLUTIONS, "linear"),
        "transposed_conv": _transposed_flops,
        "batch_norm": _norm_flops,
        "layer_norm": _layer_norm,
        **_POOLS,
        **{type: per_input("activations", factor) for type, factor in _ACTIVATIONS.items()},
        "dropout": _dropout,
        "attention_scores": _scores,
        "attention_context": _context,
        "softmax": _softmax,
    },
    sees_functions=False,
    unseen=_UNSEEN,
)
