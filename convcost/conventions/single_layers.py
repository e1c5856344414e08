"""Single layers for which `convcost reconcile --layers` shows what each tool prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

_MAP, _LINE, _VOLUME, _VECTOR = [6, 10, 14], [6, 15], [6, 5, 7, 9], [16]
_TOKENS = {"shape": [12, 16], "layout": "tokens"}


class SingleLayer(Struct, frozen=True):
    """A layer to compare tools by.

    Attributes:
        name: What it is called on the page.
        spec: Its spec.
        functional: Whether it is called as a function, not as a module.
    """

    name: str
    spec: Mapping[str, Any]
    functional: bool = False


def _one(name: str, shape: Any, type: str, /, *, functional: bool = False, **fields: Any) -> SingleLayer:
    layer: dict[str, Any] = {type: fields}
    return SingleLayer(name, {"inputs": {"x": shape}, "layers": [layer]}, functional)


def _two(name: str, left: Any, right: Any, type: str) -> SingleLayer:
    spec = {"inputs": {"a": left, "b": right}, "layers": [{type: {}, "from": ["a", "b"]}]}
    return SingleLayer(name, spec, functional=True)


def _convolutions() -> Iterator[SingleLayer]:
    wide: dict[str, Any] = {"out_channels": 8, "kernel_size": 3}
    yield _one("convolution 3×3", _MAP, "conv", padding=1, bias=False, **wide)
    yield _one("convolution 3×3 with biases", _MAP, "conv", padding=1, **wide)
    yield _one("convolution 5×5, stride 2", _MAP, "conv", out_channels=8, kernel_size=5, stride=2, padding=2)
    yield _one("convolution 3×3, 2 groups", _MAP, "conv", groups=2, bias=False, **wide)
    yield _one("convolution 3×3, depthwise", _MAP, "depthwise_conv", kernel_size=3, padding=1, bias=False)
    yield _one("convolution 1×1", _MAP, "pointwise_conv", out_channels=8, bias=False)
    yield _one("convolution 3×3, dilation 2", _MAP, "conv", dilation=2, bias=False, **wide)
    yield _one("convolution 4×4, padding same", _MAP, "conv", out_channels=8, kernel_size=4, padding="same", bias=False)
    yield _one("convolution over one axis", _LINE, "conv", bias=False, **wide)
    yield _one("convolution over three axes", _VOLUME, "conv", bias=False, **wide)
    double: dict[str, Any] = {"out_channels": 8, "kernel_size": 4, "stride": 2, "padding": 1}
    yield _one("transposed convolution 4×4, stride 2", _MAP, "transposed_conv", bias=False, **double)
    yield _one("transposed convolution with biases, 2 groups", _MAP, "transposed_conv", groups=2, **double)


def _products() -> Iterator[SingleLayer]:
    yield _one("linear", _VECTOR, "linear", out_features=24, bias=False)
    yield _one("linear with biases", _VECTOR, "linear", out_features=24)
    yield _one("linear on 12 tokens", _TOKENS, "linear", out_features=24, bias=False)
    yield _one("linear on 12 tokens with biases", _TOKENS, "linear", out_features=24)
    yield _two("matrix product", [5, 7], [7, 11], "matmul")
    yield _one("multi-head attention on 12 tokens", _TOKENS, "attention", num_heads=4)
    yield _one("LSTM, 12 steps", _TOKENS, "lstm", hidden_size=9)
    yield _one("LSTM, 12 steps, both directions", _TOKENS, "lstm", hidden_size=9, bidirectional=True)
    yield _one("LSTM, 12 steps, 2 layers", _TOKENS, "lstm", hidden_size=9, num_layers=2)
    yield _one("GRU, 12 steps", _TOKENS, "gru", hidden_size=9)
    yield _one("RNN, 12 steps", _TOKENS, "rnn", hidden_size=9)
    yield _one("embedding of 12 tokens", [12], "embedding", num_embeddings=100, embedding_dim=16)


def _norms() -> Iterator[SingleLayer]:
    yield _one("batch norm", _MAP, "batch_norm")
    yield _one("batch norm without weights", _MAP, "batch_norm", affine=False)
    yield _one("layer norm on 12 tokens", _TOKENS, "layer_norm")
    yield _one("layer norm without weights", _TOKENS, "layer_norm", affine=False)
    yield _one("group norm, 2 groups", _MAP, "group_norm", num_groups=2)
    yield _one("instance norm without weights", _MAP, "instance_norm")
    yield _one("instance norm with weights", _MAP, "instance_norm", affine=True)
    yield _one("RMS norm on 12 tokens", _TOKENS, "rms_norm")


def _activations() -> Iterator[SingleLayer]:
    for name, type in (
        ("ReLU", "relu"),
        ("ReLU6", "relu6"),
        ("leaky ReLU", "leaky_relu"),
        ("ELU", "elu"),
        ("SiLU", "silu"),
        ("GELU", "gelu"),
        ("sigmoid", "sigmoid"),
        ("tanh", "tanh"),
        ("hard swish", "hard_swish"),
        ("hard sigmoid", "hard_sigmoid"),
    ):
        yield _one(name, _MAP, type)
    yield _one("ReLU, called as a function", _MAP, "relu", functional=True)
    yield _one("PReLU", _MAP, "prelu", num_parameters=1)
    yield _one("PReLU, one for each channel", _MAP, "prelu", num_parameters=6)
    yield _one("softmax", _VECTOR, "softmax")


def _pools() -> Iterator[SingleLayer]:
    window: dict[str, Any] = {"kernel_size": 2, "stride": 2}
    yield _one("max pooling 2×2", _MAP, "max_pool", **window)
    yield _one("average pooling 2×2", _MAP, "avg_pool", **window)
    yield _one("average pooling 3×3, padding 1", _MAP, "avg_pool", kernel_size=3, stride=2, padding=1)
    yield _one("adaptive average pooling to 5×7", _MAP, "adaptive_avg_pool", output_size=[5, 7])
    yield _one("adaptive average pooling to 4×4", _MAP, "adaptive_avg_pool", output_size=4)
    yield _one("global average pooling", _MAP, "global_avg_pool")
    yield _one("global average pooling, called as a function", _MAP, "global_avg_pool", functional=True)
    yield _one("global max pooling", _MAP, "global_max_pool")
    yield _one("mean over the positions", _MAP, "reduce", functional=True, op="mean", axis=[1, 2])


def _others() -> Iterator[SingleLayer]:
    twice: dict[str, Any] = {"scale_factor": 2, "mode": "bilinear"}
    yield _one("upsampling, nearest", _MAP, "upsample", scale_factor=2)
    yield _one("upsampling, bilinear", _MAP, "upsample", scale_factor=2, mode="bilinear")
    yield _one("upsampling, bicubic", _MAP, "upsample", scale_factor=2, mode="bicubic")
    yield _one("upsampling, bilinear, called as a function", _MAP, "upsample", functional=True, **twice)
    yield _one("upsampling, bilinear, to 20×28", _MAP, "upsample", size=[20, 28], mode="bilinear")
    yield _two("sum of two maps", _MAP, _MAP, "add")
    yield _two("product of a map and a gate", _MAP, [6, 1, 1], "multiply")
    yield _two("concatenation", _MAP, _MAP, "concat")
    yield _one("dropout", _MAP, "dropout")
    yield _one("flattening", _MAP, "flatten")
    yield _one("pixel shuffle", [8, 10, 14], "pixel_shuffle", upscale_factor=2)


def single_layers() -> tuple[SingleLayer, ...]:
    """Return the layers in the order of the page."""
    return (*_convolutions(), *_products(), *_norms(), *_activations(), *_pools(), *_others())
