"""Operators for layers of Keras that ONNX has no operator for; attributes count the batch as an axis."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.norms import axis_field
from convcost.importers.operators.windows import short
from convcost.importers.values import Moved, Unsupported
from convcost.layers.layout import TOKENS
from convcost.network.graph import Tensor


def _weights(mapper: Mapper, node: Node, first: int = 1) -> list[Constant | None]:
    return [mapper.weight(node, at) for at in range(first, len(node.inputs))]


def _along(mapper: Mapper, tensor: Tensor, node: Node, axis: int) -> dict[str, Any]:
    """Return the field of an axis of what a node reads."""
    return axis_field(tensor, mapper.axis(node.inputs[0], axis))


def _affine(node: Node) -> dict[str, Any]:
    """Return the fields of what a norm learns."""
    scale, center = node.attributes["scale"], node.attributes["center"]
    if center and not scale:
        return {"scale": False}
    if not scale:
        return {"affine": False}
    return {} if center else {"bias": False}


@operator("keras.BatchNormalization")
def batch_norm(mapper: Mapper, node: Node) -> None:
    """Map a batch norm along any axis, with or without what it learns."""
    tensor = mapper.tensor(node.inputs[0])
    fields = _along(mapper, tensor, node, node.attributes["axis"]) | _affine(node)
    mapper.emit(node, "batch_norm", fields, [tensor], _weights(mapper, node))


@operator("keras.LayerNormalization")
def layer_norm(mapper: Mapper, node: Node) -> None:
    """Map a layer norm over any axes; a shift without a factor is a layer of its own."""
    tensor = mapper.tensor(node.inputs[0])
    fields, weights = _over(mapper, tensor, node), _weights(mapper, node)
    scale, center = node.attributes["scale"], node.attributes["center"]
    if scale or not center:
        fields |= {"affine": False} if not scale else {} if center else {"bias": False}
        mapper.emit(node, "layer_norm", fields, [tensor], [None, *weights])
        return
    if len(node.attributes["axes"]) > 1:
        raise Unsupported("it learns a shift for each of several axes, and no factor")
    (tensor,) = mapper.emit(node, "layer_norm", fields | {"affine": False}, [tensor], gives=())
    mapper.emit(node, "shift", _along(mapper, tensor, node, node.attributes["axes"][0]), [tensor], [None, *weights])


def _over(mapper: Mapper, tensor: Tensor, node: Node) -> dict[str, Any]:
    """Return the field of the axes that are normalised together."""
    axes = [mapper.axis(node.inputs[0], axis) for axis in node.attributes["axes"]]
    return {"axis": axes} if len(axes) > 1 else axis_field(tensor, axes[0])


@operator("keras.RMSNormalization")
def rms_norm(mapper: Mapper, node: Node) -> None:
    """Map a root mean square norm over any axes."""
    tensor = mapper.tensor(node.inputs[0])
    mapper.emit(node, "rms_norm", _over(mapper, tensor, node), [tensor], [None, *_weights(mapper, node)])


@operator("keras.GroupNormalization")
def group_norm(mapper: Mapper, node: Node) -> None:
    """Map a group norm; a shift without a factor is a layer of its own."""
    tensor, weights = mapper.tensor(node.inputs[0]), _weights(mapper, node)
    axis, scale, center = (node.attributes[name] for name in ("axis", "scale", "center"))
    fields = {"num_groups": node.attributes["groups"]} | _along(mapper, tensor, node, axis)
    if scale or not center:
        fields |= {"affine": False} if not scale else {} if center else {"bias": False}
        mapper.emit(node, "group_norm", fields, [tensor], [None, *weights])
        return
    (tensor,) = mapper.emit(node, "group_norm", fields | {"affine": False}, [tensor], gives=())
    mapper.emit(node, "shift", _along(mapper, tensor, node, axis), [tensor], [None, *weights])


@operator("keras.UnitNormalization")
def unit_norm(mapper: Mapper, node: Node) -> None:
    """Map a division by the length of a vector."""
    tensor = mapper.tensor(node.inputs[0])
    mapper.emit(node, "l2_normalize", _over(mapper, tensor, node), [tensor])


@operator("keras.Normalization")
def normalization(mapper: Mapper, node: Node) -> None:
    """Map a norm by statistics that are given, or stored with the number of values that they are of."""
    tensor = mapper.tensor(node.inputs[0])
    weights = _weights(mapper, node)
    fields = _along(mapper, tensor, node, node.attributes["axis"]) | ({} if weights else {"stored": False})
    mapper.emit(node, "standardize", fields, [tensor], [None, *weights])


_LEARNED_ELSEWHERE = {"keras.Scale": "scale", "keras.Shift": "shift"}


@operator(*_LEARNED_ELSEWHERE)
def per_channel(mapper: Mapper, node: Node) -> None:
    """Map a product or a sum with numbers per channel that are no weights."""
    tensor = mapper.tensor(node.inputs[0])
    fields = _along(mapper, tensor, node, node.attributes["axis"]) | {"learned": False}
    mapper.emit(node, _LEARNED_ELSEWHERE[node.operator], fields, [tensor])


_FUNCTIONS = {"keras.Square": "square", "keras.Rsqrt": "rsqrt"}


@operator(*_FUNCTIONS)
def function(mapper: Mapper, node: Node) -> None:
    """Map a function of each value."""
    mapper.emit(node, "elementwise", {"op": _FUNCTIONS[node.operator]}, [mapper.tensor(node.inputs[0])], name="")


@operator("keras.Celu")
def celu(mapper: Mapper, node: Node) -> None:
    """Map a CELU."""
    mapper.emit(node, "celu", {}, [mapper.tensor(node.inputs[0])])


@operator("keras.LearnedFactor")
def learned_factor(mapper: Mapper, node: Node) -> None:
    """Map a product with one learned number."""
    (learned,) = mapper.emit(node, "parameter", {"shape": [1, 1]}, [], [None, mapper.weight(node, 1)], gives=())
    mapper.emit(node, "multiply", {}, [mapper.tensor(node.inputs[0]), learned])


@operator("keras.Constant")
def constant(mapper: Mapper, node: Node) -> None:
    """Map numbers of the program, which are no weights."""
    shape = list(node.attributes["shape"])
    is_map = node.attributes["first"] and len(shape) <= 4
    fields = {"shape": shape, "learned": False} | ({"layout": "feature_map"} if is_map else {})
    mapper.emit(node, "parameter", fields, [])


@operator("keras.Stored")
def stored(mapper: Mapper, node: Node) -> None:
    """Map numbers that the model stores and that no inference reads, at no cost."""
    tensor = mapper.tensor(node.inputs[0])
    fields = {"output_shape": list(tensor.shape), "buffers": node.attributes["numbers"]}
    mapper.emit(node, "declared", fields | {"source": node.attributes["source"]}, [tensor], name="")


@operator("keras.Masking")
def masking(mapper: Mapper, node: Node) -> None:
    """Leave a value as it is, and say so."""
    mapper.notes["the masking of steps is not counted"] = None
    mapper.give(node, node.outputs[0], mapper.value(node.inputs[0]))


_ADAPTIVE = {"keras.AdaptiveAveragePool": "adaptive_avg_pool", "keras.AdaptiveMaxPool": "adaptive_max_pool"}


@operator(*_ADAPTIVE)
def adaptive_pool(mapper: Mapper, node: Node) -> None:
    """Map a pool to given sizes."""
    fields = {"output_size": short(node.attributes["sizes"])}
    mapper.emit(node, _ADAPTIVE[node.operator], fields, [mapper.picture(node.inputs[0])])


_RECURRENT = {"keras.LSTM": "lstm", "keras.GRU": "gru", "keras.SimpleRNN": "rnn"}
_BIASES = {0: False, 1: "single", 2: True}


@operator(*_RECURRENT)
def recurrent(mapper: Mapper, node: Node) -> None:
    """Map a recurrent layer."""
    given = node.attributes
    fields: dict[str, Any] = {"hidden_size": given["hidden_size"]}
    fields |= {"bidirectional": True} if given["bidirectional"] else {}
    fields |= {} if given["biases"] == 2 else {"bias": _BIASES[given["biases"]]}
    fields |= {"return": "last"} if given["last"] else {}
    if node.operator == "keras.SimpleRNN" and given["activation"] == "relu":
        fields["nonlinearity"] = "relu"
    if given["activation"] == "other":
        mapper.notes["other activations of recurrent layers count as sigmoid and tanh"] = None
    begin = len(node.inputs) - given["states"]
    states = [mapper.tensor(name) for name in node.inputs[begin:]]
    fields |= {"initial_state": ["initial_state"] * len(states)} if states else {}
    weights = [mapper.weight(node, at) for at in range(1, begin)]
    inputs = [mapper.tensor(node.inputs[0], layout=TOKENS), *states]
    (tensor,) = mapper.emit(node, _RECURRENT[node.operator], fields, inputs, weights, gives=node.outputs[:1])
    for name, title in zip(node.outputs[1:], ("hidden state", "cell state"), strict=False):
        if mapper.is_read(name):
            _give_state(mapper, node, tensor, name, title)


def _give_state(mapper: Mapper, node: Node, sequence: Tensor, name: str, title: str) -> None:
    """Give a state behind the last step, which the layer works out: the step itself, or a value at no cost."""
    numbers = node.attributes["hidden_size"] * (2 if node.attributes["bidirectional"] else 1)
    if title == "hidden state" and not node.attributes["bidirectional"]:
        *_, steps, _ = sequence.shape
        if steps > 1:
            cut = {"axis": len(sequence.shape) - 2, "start": steps - 1}
            (sequence,) = mapper.emit(node, "slice", cut, [sequence], name="", gives=())
        lacking = mapper.lacks(sequence)
        shape = (1, numbers)
        mapper.give(node, name, Moved(sequence, lacking, (("reshape", shape),), shape, 0, node.scope))
        return
    fields = {"output_shape": [numbers], "source": f"the last {title} of the layer before"}
    mapper.emit(node, "declared", fields, [sequence], name="", gives=(name,))


@operator("keras.CausalMask")
def causal_mask(mapper: Mapper, node: Node) -> None:
    """Map a mask of what is later to a sum for each score."""
    mapper.notes["a causal mask counts as one sum for each score"] = None
    mapper.emit(node, "elementwise", {"op": "add", "value": 0}, [mapper.tensor(node.inputs[0])])
