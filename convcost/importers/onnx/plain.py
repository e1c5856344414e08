"""Quantised graphs, ONNX Runtime's operators and those that are others put together, in plain operators of ONNX.

Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md and https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from convcost.importers.graph import Constant, ModelGraph, Node
from convcost.importers.normalise import constant_of

_RUNTIME = "com.microsoft."
_NOT_COUNTED = "quantising and rescaling are not counted"
_INT32 = "int32"
_ALIKE = frozenset(("Identity", "Relu", "Clip", "LeakyRelu", "HardSwish", "HardSigmoid", "BatchNormalization"))
_PRODUCTS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))


class PlainGraph:
    """A graph while its operators are replaced.

    Args:
        graph: The graph as it is in the file.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.constants = {name: _as_before(each) for name, each in graph.constants.items()}
        self.dtypes: dict[str, str] = {}
        self.notes: dict[str, None] = {}
        self.scales: set[str] = set()  # values by which integers are rescaled
        self._taken = 0

    def fresh(self, node: Node, what: str) -> str:
        """Return a name for a value between two nodes."""
        self._taken += 1
        return f"{node.outputs[0]}/{what}:{self._taken}"

    def type_of(self, name: str, default: str) -> str:
        """Return the type of the numbers of a constant, such as a zero point; the default where there is none."""
        constant = self.constants.get(name)
        return constant.dtype if constant is not None else default

    def typed(self, node: Node, zero_point: int, default: str = "uint8") -> None:
        """Set the type of what a node gives to that of its zero point."""
        name = node.inputs[zero_point] if len(node.inputs) > zero_point else ""
        self.dtypes[node.outputs[0]] = self.type_of(name, default)
        self.notes[_NOT_COUNTED] = None

    def number(self, node: Node, value: float) -> str:
        """Return the name of a constant of the program that is one number."""
        name = self.fresh(node, "number")
        self.constants[name] = Constant(name, (), "float32", (float(value),), stored=False)
        return name


Rule = Callable[[PlainGraph, Node], Sequence[Node]]


def plain(graph: ModelGraph) -> ModelGraph:
    """Return a graph without quantisation and without operators of ONNX Runtime.

    A layer that gives what is quantised gives numbers of that type; integers that are turned back into floats are the
    same tensor. What has no rule stays as it is.

    Args:
        graph: The graph as it is in the file.
    """
    known = _RULES.keys()
    if not any(node.operator in known for node in graph.nodes):
        return graph
    into = PlainGraph(graph)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator == "Constant" and node.outputs:
            into.constants[node.outputs[0]] = constant_of(node)
            continue
        rule = _RULES.get(node.operator)
        if rule is None or not node.outputs or not node.inputs:
            rule = _rescaled if into.scales.intersection(node.inputs) else None
        try:
            nodes += rule(into, node) if rule is not None else (node,)
        except (IndexError, KeyError):  # inputs or attributes that the operator needs are not there
            nodes.append(node)
    dtypes = dict(graph.dtypes) | into.dtypes
    return replace(
        graph,
        nodes=tuple(nodes),
        constants=into.constants,
        dtypes=_spread(nodes, dtypes),
        notes=(*graph.notes, *into.notes),
    )


def _spread(nodes: Sequence[Node], dtypes: Mapping[str, str]) -> dict[str, str]:
    """Return the types of values: what is quantised by all of its readers is so itself, and products else are floats.

    A copy, an activation and a norm give numbers of the type that they are given, as they run with the layer before.
    """
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    found = dict(dtypes)
    for node in reversed(nodes):
        if node.operator not in _ALIKE or node.outputs[0] not in found:
            continue
        reads = readers[node.inputs[0]]
        types = {found.get(each.outputs[0], "") if each.operator in _ALIKE else "" for each in reads}
        if len(types) == 1 and "" not in types:
            found.setdefault(node.inputs[0], types.pop())
    for name, dtype in dtypes.items():  # sums that are turned into floats where they come to be
        if dtype == _INT32 and all(each.operator in ("Cast", "Identity") for each in readers.get(name, [])):
            found[name] = "float32"
    if not found:
        return found
    return {node.outputs[0]: "float32" for node in nodes if node.operator in _PRODUCTS} | found


def _named(node: Node, operator: str, inputs: Sequence[str], outputs: Sequence[str] = (), **attributes: Any) -> Node:
    """Return a node in the place of another."""
    return Node(operator, _trimmed(inputs), tuple(outputs) or node.outputs[:1], attributes, node.name, node.scope)


def _kept(node: Node, operator: str, inputs: Sequence[str]) -> Node:
    """Return a node in the place of another, with its attributes."""
    return _named(node, operator, inputs, **node.attributes)


def _trimmed(names: Sequence[str]) -> tuple[str, ...]:
    found = list(names)
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _as_before(constant: Constant) -> Constant:
    """Return a tensor by the name that it had before it was quantised."""
    name = constant.name.removesuffix("_quantized")
    return constant if name == constant.name else replace(constant, name=name)


def _given(node: Node, at: int) -> str:
    """Return an optional input; nothing where it is left out."""
    return node.inputs[at] if len(node.inputs) > at else ""


# quantised


def _quantize(into: PlainGraph, node: Node) -> list[Node]:
    into.typed(node, 2)
    constant = into.constants.get(node.inputs[0])
    if constant is not None:
        dtype = into.dtypes[node.outputs[0]]
        into.constants[node.outputs[0]] = replace(constant, dtype=dtype, values=None)
        return []
    return [_named(node, "Identity", node.inputs[:1])]


def _dequantize(into: PlainGraph, node: Node) -> list[Node]:
    """A constant that is dequantised stays the tensor that it is, of its own type; so does a value."""
    into.notes[_NOT_COUNTED] = None
    constant = into.constants.get(node.inputs[0])
    if constant is not None:
        zero_point = into.constants.get(_given(node, 2))
        values = _real(constant, into.constants.get(_given(node, 1)), zero_point)
        into.constants[node.outputs[0]] = replace(constant, values=values)
        into.dtypes[node.outputs[0]] = constant.dtype
        return []
    return [_named(node, "Identity", node.inputs[:1])]


def _real(constant: Constant, scale: Constant | None, zero: Constant | None) -> tuple[float, ...] | None:
    """Return the numbers that integers stand for, where one scale is for all of them; None where they are not known."""
    if constant.values is None or scale is None or scale.values is None or len(scale.values) != 1:
        return None
    if zero is not None and (zero.values is None or len(zero.values) != 1):
        return None
    offset = zero.values[0] if zero is not None and zero.values is not None else 0
    return tuple([(value - offset) * scale.values[0] for value in constant.values])


def _dynamic_quantize(into: PlainGraph, node: Node) -> list[Node]:
    """What is quantised where it is read stays what it was: the layer before gives floats."""
    into.notes[_NOT_COUNTED] = None
    for name in node.outputs[1:]:
        if name:
            into.scales.add(name)
            into.constants[name] = Constant(name, (), "float32", None, stored=False)
    return [_named(node, "Identity", node.inputs[:1])]


def _rescaled(into: PlainGraph, node: Node) -> list[Node]:
    """Return a product with a scale as what is rescaled; a product of scales is a scale."""
    others = [name for name in node.inputs if name not in into.scales and name not in into.constants]
    if node.operator not in ("Mul", "Cast") or len(others) > 1:
        return [node]
    if not others:
        (name,) = node.outputs
        into.scales.add(name)
        into.constants[name] = Constant(name, (), "float32", None, stored=False)
        return []
    return [_named(node, "Identity", others)]


def _linear_conv(into: PlainGraph, node: Node) -> list[Node]:
    if node.attributes.get("channels_last", 0):
        return [node]
    into.typed(node, 7)
    return [_kept(node, "Conv", (node.inputs[0], node.inputs[3], _given(node, 8)))]


def _linear_matmul(into: PlainGraph, node: Node) -> list[Node]:
    into.typed(node, 7)
    return [_named(node, "MatMul", (node.inputs[0], node.inputs[3]))]


def _linear_gemm(into: PlainGraph, node: Node) -> list[Node]:
    into.typed(node, 8, "float32")
    return [_kept(node, "Gemm", (node.inputs[0], node.inputs[3], _given(node, 6)))]


def _integer(operator: str) -> Rule:
    def rule(into: PlainGraph, node: Node) -> list[Node]:
        into.dtypes[node.outputs[0]] = _INT32
        into.notes[_NOT_COUNTED] = None
        return [_kept(node, operator, node.inputs[:2])]

    return rule


def _to_float(into: PlainGraph, node: Node) -> list[Node]:
    """A product of integers, as floats: A, B, two scales, two zero points and a bias."""
    return _with_bias(into, node, _given(node, 6))


def _dynamic_matmul(into: PlainGraph, node: Node) -> list[Node]:
    """A product with a matrix of integers: A, B, its scale, its zero point and a bias."""
    return _with_bias(into, node, _given(node, 4))


def _dynamic_lstm(into: PlainGraph, node: Node) -> list[Node]:
    """An LSTM whose two matrices are integers and lie the other way round, with their scales and zero points behind.

    Source: ContribOperators.md of ONNX Runtime, `com.microsoft.DynamicQuantizeLSTM`.
    """
    into.notes[_NOT_COUNTED] = None
    matrices = []
    for name in node.inputs[1:3]:
        matrix = into.constants.get(name)
        if matrix is None or len(matrix.shape) != 3:
            return [node]
        directions, rows, columns = matrix.shape
        own = f"{name}/turned"
        into.constants[own] = Constant(matrix.name, (directions, columns, rows), matrix.dtype)
        matrices.append(own)
    return [
        Node(
            "LSTM",
            _trimmed((node.inputs[0], *matrices, *node.inputs[3:8])),
            node.outputs,
            node.attributes,
            node.name,
            node.scope,
        )
    ]


def _with_bias(into: PlainGraph, node: Node, bias: str) -> list[Node]:
    into.notes[_NOT_COUNTED] = None
    if not bias:
        return [_named(node, "MatMul", node.inputs[:2])]
    product = into.fresh(node, "product")
    return [_named(node, "MatMul", node.inputs[:2], [product]), _named(node, "Add", (product, bias))]


def _few_bits(into: PlainGraph, node: Node) -> list[Node]:
    """A product with a matrix of numbers of few bits, of which several share a byte."""
    bits = node.attributes.get("bits", 4)
    name, shape = node.inputs[1], (node.attributes["K"], node.attributes["N"])
    own = f"{name}/matrix"
    into.constants[own] = Constant(name, shape, f"int{bits}")
    into.notes[_NOT_COUNTED] = None
    product = into.fresh(node, "product")
    bias = _given(node, 5)
    nodes = [_named(node, "MatMul", (node.inputs[0], own), [product] if bias else ())]
    return [*nodes, _named(node, "Add", (product, bias))] if bias else nodes


def _linear(operator: str, *inputs: int, zero_point: int) -> Rule:
    """Return the rule of an operator on integers: which of its inputs are values, and which is its zero point."""

    def rule(into: PlainGraph, node: Node) -> list[Node]:
        if node.attributes.get("channels_last", 0):
            return [node]
        into.typed(node, zero_point)
        return [_kept(node, operator, [node.inputs[at] for at in inputs])]

    return rule


def _linear_concat(into: PlainGraph, node: Node) -> list[Node]:
    into.typed(node, 1)
    return [_kept(node, "Concat", node.inputs[2::3])]


# of ONNX Runtime

_PARAMETERS = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "Clip": ("min", "max")}


def _activated(into: PlainGraph, node: Node, value: str) -> list[Node]:
    """Return the activation that an operator applies to what it works out."""
    operator = node.attributes["activation"]
    given = node.attributes.get("activation_params", ())
    named = dict(zip(_PARAMETERS.get(operator, ()), given, strict=False))
    return [_named(node, operator, (value,), **named)]


def _fused_conv(into: PlainGraph, node: Node) -> list[Node]:
    attributes = {name: value for name, value in node.attributes.items() if not name.startswith("activation")}
    nodes: list[Node] = []
    value = into.fresh(node, "conv")
    nodes.append(_named(node, "Conv", node.inputs[:3], [value], **attributes))
    if other := _given(node, 3):
        total = into.fresh(node, "sum")
        nodes.append(_named(node, "Add", (value, other), [total]))
        value = total
    if node.attributes.get("activation"):
        return [*nodes, *_activated(into, node, value)]
    return [*nodes, _named(node, "Identity", (value,))]


def _fused_gemm(into: PlainGraph, node: Node) -> list[Node]:
    attributes = {name: value for name, value in node.attributes.items() if not name.startswith("activation")}
    value = into.fresh(node, "product")
    named = {name.removeprefix("activation_"): value for name, value in node.attributes.items()}
    given = [named[name] for name in _PARAMETERS.get(node.attributes["activation"], ()) if name in named]
    active = replace(node, attributes={"activation": node.attributes["activation"], "activation_params": tuple(given)})
    return [_named(node, "Gemm", node.inputs[:3], [value], **attributes), *_activated(into, active, value)]


def _fused_matmul(into: PlainGraph, node: Node) -> list[Node]:
    names = [*node.inputs[:2]]
    nodes: list[Node] = []
    if any(node.attributes.get(name, 0) for name in ("transBatchA", "transBatchB", "transA")):
        return [node]
    if node.attributes.get("transB", 0):
        constant = into.constants.get(names[1])
        if constant is None or len(constant.shape) != 2:
            return [node]
        turned = into.fresh(node, "transposed")
        nodes.append(_named(node, "Transpose", names[1:], [turned], perm=(1, 0)))
        names[1] = turned
    alpha = node.attributes.get("alpha", 1.0)
    if alpha == 1:
        return [*nodes, _named(node, "MatMul", names)]
    product = into.fresh(node, "product")
    scaled = _named(node, "Mul", (product, into.number(node, alpha)))
    return [*nodes, _named(node, "MatMul", names, [product]), scaled]


def _gelu(approximate: str, *, biased: bool) -> Rule:
    def rule(into: PlainGraph, node: Node) -> list[Node]:
        value, nodes = node.inputs[0], []
        if biased and _given(node, 1):
            value = into.fresh(node, "sum")
            nodes.append(_named(node, "Add", node.inputs[:2], [value]))
        return [*nodes, _named(node, "Gelu", (value,), approximate=approximate)]

    return rule


def _quick_gelu(into: PlainGraph, node: Node) -> list[Node]:
    """X · sigmoid(1.702 · x)."""
    alpha = node.attributes.get("alpha", 1.702)
    scaled, gate = into.fresh(node, "scaled"), into.fresh(node, "gate")
    if alpha == 1:
        return [_named(node, "Sigmoid", node.inputs, [gate]), _named(node, "Mul", (node.inputs[0], gate))]
    return [
        _named(node, "Mul", (node.inputs[0], into.number(node, alpha)), [scaled]),
        _named(node, "Sigmoid", (scaled,), [gate]),
        _named(node, "Mul", (node.inputs[0], gate)),
    ]


def _skip_norm(operator: str, bias_at: int, shift_at: int) -> Rule:
    """Return the rule of a norm of a sum: the input, what skips, the factor, a shift, and a bias."""

    def rule(into: PlainGraph, node: Node) -> list[Node]:
        if any(node.outputs[1:3]):
            return [node]
        total = node.outputs[3] if len(node.outputs) > 3 and node.outputs[3] else into.fresh(node, "sum")
        nodes, bias = [], _given(node, bias_at)
        value = into.fresh(node, "added") if bias else total
        nodes.append(_named(node, "Add", node.inputs[:2], [value]))
        if bias:
            nodes.append(_named(node, "Add", (value, bias), [total]))
        shift = _given(node, shift_at) if shift_at else ""
        return [*nodes, _named(node, operator, (total, node.inputs[2], shift), axis=-1)]

    return rule


def _as(operator: str) -> Rule:
    return lambda into, node: [replace(node, operator=operator)]


# of ONNX, which defines them by others


def _swish(into: PlainGraph, node: Node) -> list[Node]:
    """X · sigmoid(alpha · x), alpha being 1."""
    if node.attributes.get("alpha", 1.0) != 1:
        return _quick_gelu(into, node)
    return [_named(node, "Silu", node.inputs)]


def _mean(into: PlainGraph, node: Node) -> list[Node]:
    if len(node.inputs) == 1:
        return [_named(node, "Identity", node.inputs)]
    total = into.fresh(node, "sum")
    share = into.number(node, 1 / len(node.inputs))
    return [_named(node, "Sum", node.inputs, [total]), _named(node, "Mul", (total, share))]


def _reduced(before: str = "", after: str = "") -> Rule:
    """Return the rule of a sum of what an operation makes of each value, and of what another one makes of the sum."""

    def rule(into: PlainGraph, node: Node) -> list[Node]:
        value, *axes = node.inputs
        nodes: list[Node] = []
        if before:
            each = into.fresh(node, "each")
            nodes.append(_named(node, before, (value, value) if before == "Mul" else (value,), [each]))
            value = each
        total = into.fresh(node, "sum") if after else node.outputs[0]
        nodes.append(_named(node, "ReduceSum", (value, *axes), [total], **node.attributes))
        return [*nodes, _named(node, after, (total,))] if after else nodes

    return rule


_RULES: dict[str, Rule] = {
    "Swish": _swish,
    "Mean": _mean,
    "ReduceSumSquare": _reduced("Mul"),
    "ReduceL1": _reduced("Abs"),
    "ReduceLogSum": _reduced(after="Log"),
    "ReduceLogSumExp": _reduced("Exp", "Log"),
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic_quantize,
    "QLinearConv": _linear_conv,
    "QLinearMatMul": _linear_matmul,
    "ConvInteger": _integer("Conv"),
    "MatMulInteger": _integer("MatMul"),
    "SimplifiedLayerNormalization": _as("RMSNormalization"),
    **{
        _RUNTIME + name: rule
        for name, rule in {
            "QuantizeLinear": _quantize,
            "DequantizeLinear": _dequantize,
            "QLinearConv": _linear_conv,
            "QGemm": _linear_gemm,
            "QLinearAdd": _linear("Add", 0, 3, zero_point=7),
            "QLinearMul": _linear("Mul", 0, 3, zero_point=7),
            "QLinearSigmoid": _linear("Sigmoid", 0, zero_point=4),
            "QLinearLeakyRelu": _linear("LeakyRelu", 0, zero_point=4),
            "QLinearSoftmax": _linear("Softmax", 0, zero_point=4),
            "QLinearAveragePool": _linear("AveragePool", 0, zero_point=4),
            "QLinearGlobalAveragePool": _linear("GlobalAveragePool", 0, zero_point=4),
            "QLinearConcat": _linear_concat,
            "MatMulIntegerToFloat": _to_float,
            "DynamicQuantizeMatMul": _dynamic_matmul,
            "DynamicQuantizeLSTM": _dynamic_lstm,
            "MatMulNBits": _few_bits,
            "FusedConv": _fused_conv,
            "FusedGemm": _fused_gemm,
            "FusedMatMul": _fused_matmul,
            "Gelu": _gelu("none", biased=False),
            "BiasGelu": _gelu("none", biased=True),
            "FastGelu": _gelu("tanh", biased=True),
            "QuickGelu": _quick_gelu,
            "LayerNormalization": _as("LayerNormalization"),
            "SkipLayerNormalization": _skip_norm("LayerNormalization", 4, 3),
            "SkipSimplifiedLayerNormalization": _skip_norm("RMSNormalization", 3, 0),
            "SimplifiedLayerNormalization": _as("RMSNormalization"),
        }.items()
    },
}
