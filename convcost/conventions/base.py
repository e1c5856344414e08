"""What a convention is, and the arithmetic that the rules of several tools share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from msgspec import Struct

from convcost.layers import Shape
from convcost.layers.families import places
from convcost.network import Layer

_PLACES = places()
_OWN = frozenset(("cross_correlation", "declared", "deform_conv", "roi_align", "standardize", "unknown"))
"""The types of convcost that are no single operator of PyTorch: a tool counts whatever they are written with."""

MACS, FLOPS = 1, 2
"""The units of counts: operations for each multiply–accumulate."""

PRODUCTS = ""
"""The part of a count that is a layer's multiply–accumulates, in the tool's unit."""


class Call(Struct, frozen=True):
    """A layer as a tool sees it.

    Attributes:
        layer: The layer.
        functional: Whether it is called as a function, not as a module.
        attends: Whether it is a part of `nn.MultiheadAttention`.
        params: Its own trainable numbers.
        biases: Those of them that are biases.
        macs: Its multiply–accumulates, for one input.
        buffers: The statistics that it keeps.
        same: Whether it pads by the word `same`, which PyTorch calls by an operator of its own.
        folded: Whether it is a batch norm that an exporter folds into the layer before it.
        folds: Whether an exporter folds a batch norm into it.
        key: A number that equal layers share.
    """

    layer: Layer
    functional: bool
    attends: bool
    params: int
    biases: int
    macs: int
    buffers: int = 0
    same: bool = False
    folded: bool = False
    folds: bool = False
    key: int = 0

    @property
    def read(self) -> int:
        """The values of its first input."""
        return prod(self.layer.inputs[0].shape) if self.layer.inputs else 0

    @property
    def given(self) -> int:
        """The values of its first output."""
        return prod(self.layer.output_shape)

    @property
    def positions(self) -> Shape:
        """The sizes of its output's axes behind the channels."""
        return self.layer.output_shape[1:]

    def field(self, name: str) -> Any:
        """Return one of its fields."""
        return self.layer.fields.get(name)

    @property
    def affine(self) -> bool:
        """Whether it is a norm with weights of its own."""
        return bool(self.params)


Count = Mapping[str, int]
"""A layer's count in parts: `PRODUCTS`, and the others by what they are for."""

Rule = Callable[[Call], Count]


class ToolConvention(Struct, frozen=True):
    """How a tool counts.

    Attributes:
        name: The name that options take.
        title: What the tool is called, with the mode that is described.
        version: The version that is described.
        source: Where its rules are read.
        unit: `MACS` or `FLOPS`.
        rules: What is counted of a layer, by its type.
        exhaustive: Whether the tool counts 0 for a type without a rule; else nothing is known of it.
        sees_functions: Whether it sees calls of functions; else only modules.
        unseen: Why products are not counted, by layer type, where there is more to say than that there is no rule.
        params: The parameters that it counts of a layer.
        notes: What a reader should know.
        knows: Whether the tool has layers such as this at all, where its type alone does not say so.
    """

    name: str
    title: str
    version: str
    source: str
    unit: int
    rules: Mapping[str, Rule]
    sees_functions: bool = True
    unseen: Mapping[str, str] = {}
    params: Callable[[Call], int] = lambda call: call.params
    notes: tuple[str, ...] = ()
    exhaustive: bool = True
    knows: Callable[[Call], bool] = lambda call: True

    def covers(self, call: Call) -> bool:
        """Return whether anything is known of what the tool counts of a layer."""
        type = call.layer.type
        if not self.knows(call):
            return False
        if type in self.rules or type in self.unseen:
            return True
        return self.exhaustive and type in _PLACES and type not in _OWN


def all_of(rule: Rule, *types: str) -> dict[str, Rule]:
    """Return a table in which several types have the same rule."""
    return dict.fromkeys(types, rule)


def macs(call: Call) -> Count:
    """Count a multiply–accumulate as one."""
    return {PRODUCTS: call.macs}


def macs_unless_same(call: Call) -> Count:
    """Count a multiply–accumulate as one, unless the convolution pads by the word `same`."""
    return {} if call.same else {PRODUCTS: call.macs}


def flops(call: Call) -> Count:
    """Count a multiply–accumulate as two."""
    return {PRODUCTS: 2 * call.macs}


def per_output(what: str, factor: int = 1) -> Rule:
    """Return a rule that counts each value that a layer gives so many times."""
    return lambda call: {what: factor * call.given}


def per_input(what: str, factor: int = 1) -> Rule:
    """Return a rule that counts each value of a layer's first input so many times."""
    return lambda call: {what: factor * call.read}


def norm(what: str, affine: int, plain: int) -> Rule:
    """Return a rule that counts each value that a norm reads, by whether it has weights of its own."""
    return lambda call: {what: (affine if call.affine else plain) * call.read}


def nothing(call: Call) -> Count:
    """Count nothing."""
    return {}


CONVOLUTIONS = ("conv", "depthwise_conv", "pointwise_conv")
POOLS = ("max_pool", "avg_pool", "global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool")
RECURRENT = ("lstm", "gru", "rnn")
FUNCTIONS = frozenset((
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "concat", "matmul", "attention_scores",
    "attention_scale", "attention_bias", "attention_context", "slice", "gather", "split", "roll", "reduce", "scale",
    "shift", "tokens", "feature_map", "permute", "reshape", "rearrange", "expand", "parameter", "elementwise",
    "each_slice", "each_stack",
))  # fmt: skip
"""The types that are called as functions; all others are modules unless a user says otherwise."""


def scaled_positions(call: Call) -> int:
    """Return the products of a transposed convolution counted by the size of its output, as if it were none."""
    sizes = call.layer.inputs[0].shape[1:]
    return call.macs // prod(sizes) * prod(call.positions) if prod(sizes) else 0
