"""pycls: the static complexity of its own networks: products of convolutions, and a bias once for each channel.

Source: pycls/core/net.py, complexity_conv2d, complexity_batchnorm2d and complexity_maxpool2d, of 0.1.1; linear layers
count as convolutions of one position (pycls/models/anynet.py, AnyHead).
"""

from __future__ import annotations

from convcost.conventions.base import (
    CONVOLUTIONS,
    MACS,
    POOLS,
    PRODUCTS,
    Call,
    Count,
    ToolConvention,
    all_of,
    nothing,
)


def _with_bias(call: Call) -> Count:
    return {PRODUCTS: call.macs, "biases, one for each channel": call.biases}


def _is_its_own(call: Call) -> bool:
    """Return whether it is a layer of its networks: square, over two axes, and linear on a vector."""
    rank = len(call.layer.output_shape)
    if call.layer.type == "linear":
        return rank == 1
    kernel = call.field("kernel_size") or (1,)
    return call.layer.type not in CONVOLUTIONS or (rank == 3 and len(set(kernel)) == 1)


PYCLS = ToolConvention(
    "pycls",
    "pycls, net.complexity",
    "0.1.1",
    "https://github.com/facebookresearch/pycls/blob/main/pycls/core/net.py",
    MACS,
    {
        **all_of(_with_bias, *CONVOLUTIONS, "linear"),
        **all_of(nothing, "batch_norm", "relu", "silu", "sigmoid", "add", "multiply", "flatten", "dropout", *POOLS),
    },
    exhaustive=False,
    knows=_is_its_own,
    notes=("Its 'flops' are multiply–accumulates. It counts no networks but its own.",),
)
