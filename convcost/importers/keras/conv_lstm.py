"""Recurrent layers whose gates are convolutions: step by step, as no layer type is one.

The convolution of what is read is one layer for all steps, with a kernel of size 1 along them. That of the state, and
the gates, stand once for each step; the weights of the steps are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.importers.keras.activations import apply, name_of
from convcost.importers.keras.builder import GraphBuilder, like
from convcost.importers.keras.core import constant
from convcost.importers.keras.maps import KerasWindow, window
from convcost.importers.keras.merges import arithmetic
from convcost.importers.keras.registry import layer, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, OpenSize, UntranslatableLayer, known

MOST_STEPS = 200
"""How many steps a layer may have whose gates are convolutions; each is a dozen layers."""


class _Steps(Struct, frozen=True):
    """What the steps of a layer share.

    Attributes:
        layer: The layer, with the weights of one direction.
        name: What stands before the names of its weights.
        kernel: The sizes of its kernel.
        filters: How many channels its state has.
        read: The convolution of all steps that it reads, 4 · filters channels.
    """

    layer: KerasLayer
    name: str
    kernel: tuple[int, ...]
    filters: int
    read: KerasValue

    @property
    def count(self) -> int:
        """How many steps there are."""
        return known(self.read.known[0])

    def read_at(self, builder: GraphBuilder, step: int) -> KerasValue:
        """Return the convolution of what is read at one step."""
        if self.count == 1:
            return self.read
        bounds = [builder.number(each) for each in (step, step + 1, 2)]
        name = builder.add(self.layer, "Slice", [self.read.name, *bounds])
        return KerasValue(name, (1, *self.read.known[1:]), first=True)


@layer("ConvLSTM1D", "ConvLSTM2D")
def conv_lstm(builder: GraphBuilder, layer: KerasLayer) -> KerasValue | tuple[KerasValue, ...]:
    """Translate a long short-term memory of maps."""
    value, *states = layer.inputs
    steps = _steps(builder, layer, value)
    outputs, *ends = _run(builder, steps, states, backwards=bool(layer.config.get("go_backwards")))
    found = _given(builder, layer, outputs)
    return (
        (found, *(_without_steps(builder, layer, end) for end in ends)) if layer.config.get("return_state") else found
    )


def both_ways(builder: GraphBuilder, layer: KerasLayer, kind: str, config: Any) -> KerasValue:
    """Return the output of a bidirectional ConvLSTM: both directions, joined along the channels."""
    value, *states = layer.inputs
    if states or config.get("return_state") or layer.config.get("merge_mode", "concat") != "concat":
        raise UntranslatableLayer("its states are read, or its directions are not concatenated")
    found = []
    for direction in ("forward", "backward"):
        inner = replace(layer, kind=kind, config=config)
        steps = _steps(builder, inner, value, f"{direction}_")
        outputs, *_ = _run(builder, steps, (), backwards=direction == "backward")
        if direction == "backward" and config.get("return_sequences"):
            outputs = outputs[::-1]
        found.append(_given(builder, inner, outputs))
    name = builder.add(layer, "Concat", [each.name for each in found], {"axis": 1})
    return KerasValue(name, (*found[0].known[:-1], 2 * found[0].channels), first=True)


def _steps(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, name: str = "") -> _Steps:
    """Return the steps of a layer, what they read being convolved."""
    axes = int(layer.kind[-2])
    config = layer.config
    if config.get("data_format") == "channels_first" or layer.lead:
        raise UntranslatableLayer("its channels stand first, or it is applied to slices")
    if len(value.known) != axes + 2:
        raise UntranslatableLayer(f"it reads {len(value.known)} axes instead of {axes + 2}")
    count = value.known[0]
    if count is None or count > MOST_STEPS:
        if count is None:
            raise OpenSize("it has an open number of steps: give it with --input")
        raise UntranslatableLayer(f"it has {count:,} steps: the most is {MOST_STEPS:,}")
    value, filters, form = builder.first(value), whole(layer, "filters"), window(layer, "kernel_size", "strides")
    each = KerasWindow((1, *form.kernel), (1, *form.strides), (1, *form.dilations), form.padding)
    kernel = builder.weight(layer, f"{name}kernel", 4 * filters, value.channels, *each.kernel)
    bias = [builder.weight(layer, f"{name}bias", 4 * filters)] if config.get("use_bias", True) else []
    scope = f"{layer.path}.{name}input"
    read = builder.add(layer, "Conv", [value.name, kernel, *bias], each.attributes(), scope=scope)
    sizes = each.sizes(value.known[:-1])
    return _Steps(layer, name, form.kernel, filters, KerasValue(read, (*sizes, 4 * filters), first=True))


def _run(
    builder: GraphBuilder, steps: _Steps, states: Sequence[KerasValue], *, backwards: bool
) -> tuple[list[KerasValue], KerasValue, KerasValue]:
    """Return the state of each step, and the state and the memory behind the last, with an axis of one step.

    Raises:
        UntranslatableLayer: It begins with other states than it has.
    """
    shape = (1, *steps.read.known[1:-1], steps.filters)
    if len(states) not in (0, 2) or any(state.known != shape[1:] for state in states):
        raise UntranslatableLayer("it does not begin with two states of its own shape")
    if states:
        state, memory = (_with_step(builder, steps.layer, each) for each in states)
    else:
        sizes = tuple([known(size) for size in shape])
        state = constant(builder, steps.layer, replace(steps.read, sizes=shape), sizes)
        memory = constant(builder, steps.layer, replace(steps.read, sizes=shape), sizes)
    outputs, layer = [], steps.layer
    for number in reversed(range(steps.count)) if backwards else range(steps.count):
        part = replace(layer, path=f"{layer.path}.{steps.name}step.{number}", owner=layer.owner or layer.path)
        each = replace(steps, layer=part)
        state, memory = _step(builder, each, each.read_at(builder, number), state, memory)
        outputs.append(state)
    return outputs, state, memory


def _step(
    builder: GraphBuilder, steps: _Steps, read: KerasValue, state: KerasValue, memory: KerasValue
) -> tuple[KerasValue, KerasValue]:
    """Return the state and the memory behind one step."""
    layer, filters = steps.layer, steps.filters
    ones = (1,) * (len(steps.kernel) + 1)
    form = KerasWindow((1, *steps.kernel), ones, ones, "same")
    kernel = builder.weight(layer, f"{steps.name}recurrent_kernel", 4 * filters, filters, *form.kernel)
    scope = f"{layer.path}.state"
    held = like(read, builder.add(layer, "Conv", [state.name, kernel], form.attributes(), scope=scope))
    summed = arithmetic(builder, layer, "Add", read, held)
    builder.add(layer, "Split", [summed.name, builder.number(*(filters,) * 4)], {"axis": 1}, outputs=4)
    gates = [replace(state, name=name) for name in builder.nodes[-1].outputs]
    taken, kept, given = (
        _activated(builder, layer, gate, "recurrent_activation", "sigmoid") for gate in (gates[0], gates[1], gates[3])
    )
    fresh = _activated(builder, layer, gates[2], "activation", "tanh")
    memory = arithmetic(
        builder,
        layer,
        "Add",
        arithmetic(builder, layer, "Mul", kept, memory),
        arithmetic(builder, layer, "Mul", taken, fresh),
    )
    return arithmetic(builder, layer, "Mul", given, _activated(builder, layer, memory, "activation", "tanh")), memory


def _activated(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, field: str, usual: str) -> KerasValue:
    name = name_of(layer.config.get(field, usual))
    if name is None:
        raise UntranslatableLayer(f"its {field} is no function of Keras")
    return value if name == "linear" else apply(builder, layer, value, name)


def _given(builder: GraphBuilder, layer: KerasLayer, outputs: Sequence[KerasValue]) -> KerasValue:
    """Return all steps, or the last one."""
    if not layer.config.get("return_sequences", False):
        return _without_steps(builder, layer, outputs[-1])
    if len(outputs) == 1:
        return outputs[0]
    name = builder.add(layer, "Concat", [each.name for each in outputs], {"axis": 2})
    return KerasValue(name, (len(outputs), *outputs[0].known[1:]), first=True)


def _with_step(builder: GraphBuilder, layer: KerasLayer, value: KerasValue) -> KerasValue:
    value = builder.first(value)
    return KerasValue(builder.add(layer, "Unsqueeze", [value.name, builder.number(2)]), (1, *value.known), first=True)


def _without_steps(builder: GraphBuilder, layer: KerasLayer, value: KerasValue) -> KerasValue:
    return KerasValue(builder.add(layer, "Squeeze", [value.name, builder.number(2)]), value.known[1:], first=True)
