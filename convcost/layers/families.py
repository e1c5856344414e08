"""Where each layer type is defined: a family of them is imported when one of its names is read first."""

from __future__ import annotations

FAMILIES = {
    "activations": (
        "relu relu6 leaky_relu prelu sigmoid tanh hard_sigmoid hard_swish silu gelu hard_tanh elu selu "
        "celu softplus softsign mish glu softmax log_softmax"
    ),
    "attention": "attention attention_scores attention_scale attention_bias attention_context",
    "convolution": "conv depthwise_conv pointwise_conv separable_conv transposed_conv",
    "correlation": "cross_correlation",
    "declared": "declared unknown",
    "merges": "add multiply concat",
    "elementwise": "subtract divide maximum minimum elementwise shift",
    "learned": "parameter embedding",
    "linear": "linear matmul",
    "movement": "slice channel_shuffle pixel_shuffle pixel_unshuffle pad crop flatten dropout identity",
    "norms": "batch_norm layer_norm group_norm instance_norm rms_norm l2_normalize standardize "
    "local_response_norm scale",
    "patches": "unfold fold",
    "pooling": (
        "max_pool avg_pool lp_pool global_avg_pool global_max_pool adaptive_avg_pool adaptive_max_pool max_unpool"
    ),
    "recurrent": "lstm gru rnn",
    "reductions": "reduce",
    "reshaping": "tokens feature_map rearrange permute reshape expand",
    "sampling": "deform_conv grid_sample roi_align",
    "selection": "roll flip gather split",
    "slices": "each_slice each_stack",
    "upsampling": "upsample",
}
"""The modules of `convcost.layers`, and the types that each defines."""


def places() -> dict[str, str]:
    """Return the module of each layer type."""
    return {type: f"convcost.layers.{module}" for module, types in FAMILIES.items() for type in types.split()}
