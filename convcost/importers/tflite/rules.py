"""How the mapper makes items of what ONNX has no operator for."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Constant, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.operators.windows import decimal, given
from convcost.importers.tflite.translator import TRANSLATIONS
from convcost.importers.values import Unsupported, width_of


def _untranslated(mapper: Mapper, node: Node) -> None:
    """Refuse an operator that is none of ONNX's as this file has it."""
    raise Unsupported(node.attributes["reason"])


operator(*(f"tflite.{name}" for name in TRANSLATIONS))(_untranslated)

_MODES = {"constant": "constant", "reflect": "reflect"}


@operator("tflite.Convert")
def convert(mapper: Mapper, node: Node) -> None:
    """Map a change of the type of numbers: where each takes other bytes the values are written anew."""
    mapper.notes["quantising, dequantising and casts count no operation"] = None
    value = mapper.value(node.inputs[0])
    width = width_of(mapper.graph.dtypes.get(node.outputs[0], "float32"))
    if isinstance(value, Constant) or mapper.tensor(node.inputs[0]).width == width:
        mapper.give(node, node.outputs[0], value)
    else:
        mapper.emit(node, "identity", {}, [mapper.tensor(node.inputs[0])])


@operator("tflite.Pad")
def pad(mapper: Mapper, node: Node) -> None:
    """Map padding, which TensorFlow Lite performs by itself before what follows."""
    tensor = mapper.tensor(node.inputs[0])
    (batch, *pairs), mode = node.attributes["pads"], node.attributes["mode"]
    if any(batch) or min(map(min, pairs)) < 0:
        raise Unsupported("it pads the batch, or crops")
    if mode not in _MODES:
        raise Unsupported("it repeats the border when it mirrors")
    axes = [axis for axis, pair in enumerate(pairs) if any(pair)]
    if not axes:
        mapper.give(node, node.outputs[0], tensor)
        return
    fields: dict[str, Any] = {"padding": [list(pairs[axis]) for axis in axes], "axis": axes}
    if axes == list(range(1, len(pairs))) and tensor.layout == "feature map":
        del fields["axis"]
    if mode == "constant" and node.attributes["value"] != 0:
        fields |= {"mode": "constant", "value": decimal(node.attributes["value"])}
    elif mode != "constant":
        fields["mode"] = _MODES[mode]
    mapper.emit(node, "pad", fields, [tensor])


@operator("tflite.Flip")
def flip(mapper: Mapper, node: Node) -> None:
    """Map an exchange of the first and the last along axes."""
    tensor = mapper.tensor(node.inputs[0])
    axes = [axis - 1 for axis in node.attributes["axes"]]
    if min(axes, default=-1) < 0:
        raise Unsupported("it turns the batch axis")
    mapper.emit(node, "flip", {"axis": axes}, [tensor])


@operator("tflite.Place")
def place_of_extreme(mapper: Mapper, node: Node) -> None:
    """Map the place of the largest or the least value, which as many comparisons find as the value itself."""
    tensor = mapper.tensor(node.inputs[0])
    axis = node.attributes["axis"] - 1
    if axis < 0:
        raise Unsupported("it is over the batch axis")
    fields: dict[str, Any] = {"op": node.attributes["op"], "axis": [axis]}
    if len(tensor.shape) == 1:
        fields["keepdim"] = True
    elif len(tensor.shape) == 2:
        fields["layout"] = "vector"
    comment = "the place of the value; as many comparisons"
    mapper.emit(node, "reduce", fields, [tensor], comment=comment)


@operator("tflite.Lstm")
def lstm(mapper: Mapper, node: Node) -> None:
    """Map an LSTM with one bias for each gate, or none."""
    weights = [mapper.weight(node, at) for at in range(1, len(node.inputs))]
    biases = node.attributes["biases"]
    fields: dict[str, Any] = {"hidden_size": node.attributes["hidden_size"]}
    fields |= given(proj_size=(node.attributes["proj_size"], 0), bias=("single" if biases else False, True))
    if node.attributes["clips"]:
        mapper.notes["the clips of an LSTM's states are not counted"] = None
    mapper.emit(node, "lstm", fields, [mapper.tensor(node.inputs[0])], _biases_second(weights, biases))


@operator("tflite.Rnn")
def rnn(mapper: Mapper, node: Node) -> None:
    """Map an Elman network with one bias."""
    weights = [mapper.weight(node, at) for at in range(1, len(node.inputs))]
    fields = {"hidden_size": node.attributes["hidden_size"], "bias": "single"}
    fields |= given(nonlinearity=(node.attributes["nonlinearity"], "tanh"))
    mapper.emit(node, "rnn", fields, [mapper.tensor(node.inputs[0])], weights)


def _biases_second(weights: list[Constant], biases: int) -> list[Constant | None]:
    """Return weights with the first bias, or none, behind the first matrix."""
    return [weights[0], None, *weights[1:]] if not biases else [*weights]
