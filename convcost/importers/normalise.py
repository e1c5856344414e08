"""A graph with what exporters add taken out: constants as constants, copies gone, activations as one operator.

Every rule keeps what is executed: a pattern becomes one operator only where nothing else reads what it works out on
the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Constant, ModelGraph, Node

_COPIES = frozenset(("Identity", "Dropout"))


def normalise(graph: ModelGraph, file: str) -> ModelGraph:
    """Return a graph without copies, dropouts, nodes that nothing needs, and activations in parts.

    Args:
        graph: The graph as it is in the file.
        file: Its name, for messages.

    Raises:
        SpecError: A node reads what nothing before it gives, or two nodes give the same value.
    """
    graph = _needed(_without_copies(graph, file))
    return _fused(_fused(graph))  # a hard swish may have a hard sigmoid in parts


def _without_copies(graph: ModelGraph, file: str) -> ModelGraph:
    constants = dict(graph.constants)
    same: dict[str, str] = {}
    known = {*graph.inputs, *constants, ""}
    nodes = []
    read = {*graph.outputs, *(name for node in graph.nodes for name in node.inputs)}
    for node in graph.nodes:
        inputs = tuple([same.get(name, name) for name in node.inputs])
        missing = next((name for name in inputs if name not in known), None)
        if missing is not None:
            message = f"{title(node)} reads {missing!r}, which nothing before it gives"
            help = "nodes stand behind those that they read: export the model again"
            raise SpecError(ErrorDetail(message, Place(file), help=help))
        for name in node.outputs:
            if name and name in known:
                raise SpecError(ErrorDetail(f"{title(node)} gives {name!r}, which there is already", Place(file)))
            known.add(name)
        if node.operator == "Constant" and node.outputs:
            constants[node.outputs[0]] = _constant(node)
        elif node.operator in _COPIES and inputs and node.outputs and not read.intersection(node.outputs[1:]):
            if inputs[0] in constants:  # a copy of a weight has the name that its module gives it
                constants[node.outputs[0]] = constants[inputs[0]]
            else:
                same[node.outputs[0]] = inputs[0]
        else:
            nodes.append(replace(node, inputs=inputs))
    missing = next((name for name in graph.outputs if name not in known), None)
    if missing is not None:
        raise SpecError(ErrorDetail(f"nothing gives the output {missing!r}", Place(file)))
    outputs = tuple([same.get(name, name) for name in graph.outputs])
    return replace(graph, nodes=tuple(nodes), constants=constants, outputs=outputs)


def _constant(node: Node) -> Constant:
    """Return the tensor that a node of the program holds."""
    name = node.outputs[0]
    for value in node.attributes.values():
        if isinstance(value, Constant):
            return replace(value, name=name, stored=False)
        if isinstance(value, tuple):
            dtype = "float32" if any(isinstance(each, float) for each in value) else "int64"
            return Constant(name, (len(value),), dtype, value, stored=False)
        if isinstance(value, (int, float)):
            return Constant(name, (), "float32" if isinstance(value, float) else "int64", (value,), stored=False)
    return Constant(name, (), "string", None, stored=False)


def _needed(graph: ModelGraph) -> ModelGraph:
    """Return a graph without nodes that no output needs."""
    wanted = set(graph.outputs)
    nodes = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            nodes.append(node)
    return replace(graph, nodes=tuple(reversed(nodes)))


def title(node: Node) -> str:
    """Return how messages call a node."""
    return f"the node {node.name!r} ({node.operator})" if node.name else f"a {node.operator} without a name"


# activations in parts

Found = tuple[Node, list[Node]] | None


class _Parts:
    """Which nodes give and read a value.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.constants = graph.constants
        self.given = {name: node for node in graph.nodes for name in node.outputs}
        self.reads = Counter(name for node in graph.nodes for name in node.inputs)
        self.reads.update(graph.outputs)

    def only(self, name: str, operator: str, reads: int = 1) -> Node | None:
        """Return the node that gives a value, where it has this operator and the value is read so often."""
        node = self.given.get(name)
        return node if node is not None and node.operator == operator and self.reads[name] == reads else None

    def number(self, name: str) -> float | None:
        """Return a constant that is one number."""
        constant = self.constants.get(name)
        if constant is None or constant.values is None or len(constant.values) != 1:
            return None
        value = constant.values[0]
        return float(value) if isinstance(value, (int, float)) else None

    def with_number(self, node: Node) -> tuple[str, float] | None:
        """Return the value and the number that a node of two inputs reads."""
        if len(node.inputs) != 2:
            return None
        for value, other in (node.inputs, node.inputs[::-1]):
            number = self.number(other)
            if number is not None and value not in self.constants:
                return value, number
        return None


def _fused(graph: ModelGraph) -> ModelGraph:
    """Return a graph in which an activation that is written in parts is one node."""
    parts = _Parts(graph)
    gone: set[int] = set()
    replaced: dict[int, Node] = {}
    for node in graph.nodes:
        for rule in _RULES.get(node.operator, ()):
            found = rule(node, parts)
            if found is not None and not any(id(part) in gone or id(part) in replaced for part in found[1]):
                replaced[id(node)] = found[0]
                gone.update(id(part) for part in found[1])
                break
    nodes = [replaced.get(id(node), node) for node in graph.nodes if id(node) not in gone]
    return replace(graph, nodes=tuple(nodes)) if replaced else graph


def _as(operator: str, node: Node, value: str, *, scope: str = "", **attributes: Any) -> Node:
    return Node(operator, (value,), node.outputs, attributes, node.name, scope or node.scope)


def _near(number: float, other: float) -> bool:
    return abs(number - other) <= 1e-6 * abs(other)


def _silu(node: Node, parts: _Parts) -> Found:
    """Join x · sigmoid(x)."""
    for value, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = parts.only(gate, "Sigmoid")
        if sigmoid is not None and sigmoid.inputs[0] == value:
            return _as("Silu", node, value), [sigmoid]
    return None


def _hard_swish(node: Node, parts: _Parts) -> Found:
    """Join x · hard_sigmoid(x), the slope being 1/6."""
    for value, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = parts.only(gate, "HardSigmoid")
        if sigmoid is not None and sigmoid.inputs[0] == value and is_sixth(sigmoid):
            return _as("HardSwish", node, value), [sigmoid]
    return None


def is_sixth(node: Node) -> bool:
    """Return whether a hard sigmoid is relu6(x + 3) / 6."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return _near(alpha, 1 / 6) and _near(beta, 0.5)


def _clipped(name: str, parts: _Parts) -> tuple[str, list[Node]] | None:
    """Return x of clip(x + 3, 0, 6), and the nodes."""
    clip = parts.only(name, "Clip")
    if clip is None:
        return None
    low, high = clip_bounds(clip, parts.number)
    add = parts.only(clip.inputs[0], "Add")
    three = parts.with_number(add) if add is not None else None
    if add is None or three is None or three[1] != 3 or (low, high) != (0, 6):
        return None
    return three[0], [clip, add]


def clip_bounds(node: Node, number: Callable[[str], float | None]) -> tuple[float | None, float | None]:
    """Return the least and the largest value of a clip; None for one that it has not."""
    found = []
    for at, name in ((1, "min"), (2, "max")):
        given = node.inputs[at] if len(node.inputs) > at else ""
        found.append(number(given) if given else node.attributes.get(name))
    return found[0], found[1]


def _hard_swish_in_parts(node: Node, parts: _Parts) -> Found:
    """Join x · clip(x + 3, 0, 6) / 6, the product being divided."""
    product = parts.only(node.inputs[0], "Mul")
    if product is None or parts.number(node.inputs[1]) != 6:
        return None
    for value, gate in (product.inputs, product.inputs[::-1]):
        clipped = _clipped(gate, parts)
        if clipped is not None and clipped[0] == value:
            return _as("HardSwish", node, value), [product, *clipped[1]]
    return None


def _hard_sigmoid_in_parts(node: Node, parts: _Parts) -> Found:
    """Join clip(x + 3, 0, 6) / 6."""
    clipped = _clipped(node.inputs[0], parts) if parts.number(node.inputs[1]) == 6 else None
    if clipped is None:
        return None
    return _as("HardSigmoid", node, clipped[0], alpha=1 / 6, beta=0.5), clipped[1]


def _gelu(node: Node, parts: _Parts) -> Found:
    """Join ½ · x · (1 + erf(x / √2)), the factors in either order."""
    half = parts.with_number(node)
    if half is not None and half[1] == 0.5:
        product = parts.only(half[0], "Mul")
        found = _erf_gate(product, parts) if product is not None else None
        return (_as("Gelu", node, found[0]), [product, *found[1]]) if found and product else None
    for halved, gate in (node.inputs, node.inputs[::-1]):
        first = parts.only(halved, "Mul")
        scaled = parts.with_number(first) if first is not None else None
        if first is None or scaled is None or scaled[1] != 0.5:
            continue
        nodes = _one_plus_erf(gate, scaled[0], parts)
        if nodes:
            return _as("Gelu", node, scaled[0]), [first, *nodes]
    return None


def _erf_gate(product: Node, parts: _Parts) -> tuple[str, list[Node]] | None:
    for value, gate in (product.inputs, product.inputs[::-1]):
        if nodes := _one_plus_erf(gate, value, parts):
            return value, nodes
    return None


def _one_plus_erf(name: str, value: str, parts: _Parts) -> list[Node]:
    """Return the nodes of 1 + erf(value / √2)."""
    add = parts.only(name, "Add")
    one = parts.with_number(add) if add is not None else None
    erf = parts.only(one[0], "Erf") if one is not None and one[1] == 1 else None
    if add is None or erf is None:
        return []
    root = 2**0.5
    divided, times = parts.only(erf.inputs[0], "Div"), parts.only(erf.inputs[0], "Mul")
    inner = divided or times
    factor = parts.with_number(inner) if inner is not None else None
    if inner is None or factor is None or factor[0] != value or inner.inputs[0] != value:
        return []
    return [add, erf, inner] if _near(factor[1], root if divided else 1 / root) else []


def _layer_norm(node: Node, parts: _Parts) -> Found:
    """Join (x − mean(x)) / √(mean((x − mean(x))²) + ε) · w + b over the last axis."""
    first = next((each for each in node.inputs if each not in parts.constants), "")
    shift = next((each for each in node.inputs if each in parts.constants), "")
    scaled = parts.only(first, "Mul")
    if scaled is None or not shift:
        return None
    ratio = next((each for each in scaled.inputs if each not in parts.constants), "")
    factor = next((each for each in scaled.inputs if each in parts.constants), "")
    divided = parts.only(ratio, "Div")
    if divided is None or not factor:
        return None
    inner = _standardised(divided, parts)
    if inner is None or not _is_vector(shift, parts) or not _is_vector(factor, parts):
        return None
    value, nodes = inner
    fused = Node("LayerNormalization", (value, factor, shift), node.outputs, {"axis": -1}, node.name, node.scope)
    return fused, [scaled, divided, *nodes]


def _is_vector(name: str, parts: _Parts) -> bool:
    return len(parts.constants[name].shape) == 1


def _standardised(divided: Node, parts: _Parts) -> tuple[str, list[Node]] | None:
    """Return x and the nodes of (x − mean) / √(variance + ε), the axis being the last."""
    root = parts.only(divided.inputs[1], "Sqrt")
    add = parts.only(root.inputs[0], "Add") if root is not None else None
    eps = parts.with_number(add) if add is not None else None
    mean = parts.only(eps[0], "ReduceMean") if eps is not None else None
    power = (parts.only(mean.inputs[0], "Pow") if mean is not None else None) or None
    less = parts.only(divided.inputs[0], "Sub", 2)
    average = parts.only(less.inputs[1], "ReduceMean") if less is not None else None
    if root is None or add is None or mean is None or power is None or less is None or average is None:
        return None
    if (
        power.inputs[0] != divided.inputs[0]
        or parts.number(power.inputs[1]) != 2
        or average.inputs[0] != less.inputs[0]
    ):
        return None
    if not all(_over_last(each, parts) for each in (mean, average)):
        return None
    return less.inputs[0], [root, add, mean, power, less, average]


def _over_last(node: Node, parts: _Parts) -> bool:
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] in parts.constants:
        axes = parts.constants[node.inputs[1]].values
    return axes == (-1,) and node.attributes.get("keepdims", 1) == 1


def _biased(node: Node, parts: _Parts) -> Found:
    """Join a matrix product or a convolution without a bias, and a constant per output added to it."""
    constant = next((each for each in node.inputs if each in parts.constants), "")
    value = next((each for each in node.inputs if each not in parts.constants), "")
    if not constant or not value:
        return None
    shape = parts.constants[constant].shape
    product = parts.only(value, "MatMul")
    if product is not None and product.inputs[1] in parts.constants and len(product.inputs) == 2:
        if shape != parts.constants[product.inputs[1]].shape[1:]:
            return None
    else:
        product = parts.only(value, "Conv")
        kernel = parts.constants.get(product.inputs[1]) if product is not None and len(product.inputs) == 2 else None
        if product is None or kernel is None or len(kernel.shape) < 3:
            return None
        per_channel = (kernel.shape[0], *(1 for _ in kernel.shape[2:]))
        if shape not in (per_channel, (1, *per_channel)):
            return None
    inputs = (*product.inputs, constant)
    return replace(product, inputs=inputs, outputs=node.outputs), [product]


_RULES: dict[str, tuple[Callable[[Node, _Parts], Found], ...]] = {
    "Mul": (_silu, _hard_swish, _gelu),
    "Div": (_hard_swish_in_parts, _hard_sigmoid_in_parts),
    "Add": (_layer_norm, _biased),
}
