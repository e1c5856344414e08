"""Kernels that the graph works out of weights, as a standardised convolution does.

What does not depend on the input is prepared with the model: its arithmetic is no part of an inference. A kernel is
then the tensor it is made of. A learned factor for each of its outputs, which is the same on the output, becomes one
there.
"""

from __future__ import annotations

from math import prod

from msgspec.structs import replace

from convcost.importers.constants import is_learned
from convcost.importers.graph import Constant, ModelGraph, Node

_KERNELS = frozenset(("Conv", "ConvTranspose"))
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""How many rows of weights a recurrent layer has for each number of its state."""
_ELEMENTWISE = frozenset(("Add", "Sub", "Mul", "Div"))
_PRODUCTS = frozenset(("MatMul", "Gemm"))
_MOST_NODES = 64  # that a kernel is made of


def prepared(graph: ModelGraph) -> ModelGraph:
    """Return a graph in which every kernel that is worked out of weights alone is one of them."""
    given = {name: node for node in graph.nodes for name in node.outputs}
    constants = dict(graph.constants)
    nodes: list[Node] = []
    for given_node in graph.nodes:
        node = given_node
        if node.operator in GATES:
            node = _with_joined_weights(node, given, graph, constants)
        found = None
        if node.operator in _KERNELS and len(node.inputs) > 1 and node.inputs[1] in given:
            found = _kernel(node, given, graph)
        if found is None:
            nodes.append(node)
            continue
        kernel, gains = found
        constants[f"{node.inputs[1]}/prepared"] = kernel
        nodes += _with_gain(
            replace(node, inputs=(node.inputs[0], f"{node.inputs[1]}/prepared", *node.inputs[2:])), gains, constants
        )
    return replace(graph, nodes=tuple(nodes), constants=constants) if len(constants) > len(graph.constants) else graph


def _kernel(node: Node, given: dict[str, Node], graph: ModelGraph) -> tuple[Constant, list[Constant]] | None:
    """Return the kernel of a convolution, and what scales its outputs; None where it depends on the input."""
    leaves = _leaves(node.inputs[1], given, graph)
    shape = _shape(node.inputs[1], given, graph)
    if leaves is None or shape is None:
        return None
    learned = [each for each in leaves if is_learned(each)]
    factors = _leaves(node.inputs[1], given, graph, _PRODUCTS) or []  # a norm of the spectrum has none
    bases = [each for each in (*factors, *learned) if is_learned(each) and prod(each.shape) == prod(shape)]
    gains = [each for each in factors if is_learned(each) and prod(each.shape) != prod(shape) and _is_named(each)]
    if not bases or len(gains) > 1 or any(prod(each.shape) != shape[0] for each in gains):
        return None
    base = next((each for each in bases if "::" not in each.name), bases[0])
    return replace(base, shape=shape), gains


def _is_named(constant: Constant) -> bool:
    """Return whether a constant is one of a module, not a number that an exporter worked out."""
    return "." in constant.name or "::" in constant.name


def _with_joined_weights(node: Node, given: dict[str, Node], graph: ModelGraph, constants: dict[str, Constant]) -> Node:
    """Return a recurrent layer whose weights are constants, where they are put together of learned ones."""
    if not any(name in given for name in node.inputs[1:4]):
        return node
    hidden = node.attributes.get("hidden_size", 0)
    directions = 2 if node.attributes.get("direction") == "bidirectional" else 1
    rows = GATES[node.operator] * hidden
    inputs = list(node.inputs)
    for at, name in enumerate(node.inputs[1:4], 1):
        leaves = _leaves(name, given, graph) if name in given else None
        if leaves is None or not rows:
            continue
        count = sum(prod(each.shape) for each in leaves if is_learned(each))
        shape = (directions, 2 * rows) if at == 3 else (directions, rows, count // (directions * rows))
        if count and prod(shape) == count:
            inputs[at] = f"{name}/prepared"
            first = next(each for each in leaves if is_learned(each))
            constants[inputs[at]] = replace(first, shape=shape, values=None)
    return replace(node, inputs=tuple(inputs))


def _leaves(
    name: str, given: dict[str, Node], graph: ModelGraph, beyond: frozenset[str] = frozenset()
) -> list[Constant] | None:
    """Return the constants that a value is made of; None where it depends on an input.

    Args:
        name: The value.
        given: The nodes, by what they give.
        graph: The graph.
        beyond: The operators whose own constants do not count.
    """
    found: dict[str, Constant] = {}
    left, seen = [name], set()
    while left:
        each = left.pop()
        if each in seen or not each:
            continue
        seen.add(each)
        if each in graph.constants:
            found[each] = graph.constants[each]
        elif each in given and len(seen) < _MOST_NODES:
            left += given[each].inputs if given[each].operator not in beyond else ()
        else:
            return None
    return list(found.values())


def _shape(name: str, given: dict[str, Node], graph: ModelGraph) -> tuple[int, ...] | None:
    """Return the shape that the file records for a value, or that a reshape gives it."""
    recorded = graph.shapes.get(name)
    if recorded and all(isinstance(size, int) for size in recorded):
        return tuple([int(size or 0) for size in recorded])
    node = given[name]
    if node.operator == "Reshape" and node.inputs[1] in graph.constants:
        values = graph.constants[node.inputs[1]].values
        return tuple(map(int, values)) if values and min(values) > 0 else None
    if node.operator not in _ELEMENTWISE:
        return None
    leaves = _leaves(name, given, graph) or []
    return max((each.shape for each in leaves if len(each.shape) > 2), key=lambda shape: prod(shape), default=None)


def _with_gain(node: Node, gains: list[Constant], constants: dict[str, Constant]) -> list[Node]:
    """Return a convolution with a factor for each of its channels between it and its bias."""
    if not gains:
        return [node]
    if node.operator == "ConvTranspose":  # the first axis of its kernel is that of what it reads
        return _with_gain_before(node, gains[0], constants)
    output, axes = node.outputs[0], len(constants[node.inputs[1]].shape) - 2
    names = [f"{output}/{part}" for part in ("gain", "scaled", "summand")]
    constants[names[0]] = replace(gains[0], shape=(int(prod(gains[0].shape)), *(1,) * axes))
    first = f"{output}/product"
    bias = node.inputs[2] if len(node.inputs) > 2 else ""
    found = [
        replace(node, inputs=node.inputs[:2], outputs=(first,)),
        Node("Mul", (first, names[0]), (names[1] if bias else output,), {}, "", node.scope),
    ]
    if bias:
        constants[names[2]] = replace(constants[bias], shape=(int(prod(constants[bias].shape)), *(1,) * axes))
        found.append(Node("Add", (names[1], names[2]), (output,), {}, "", node.scope))
    return found


def _with_gain_before(node: Node, gain: Constant, constants: dict[str, Constant]) -> list[Node]:
    """Return a transposed convolution with a factor for each channel that it reads."""
    scaled, factor = f"{node.outputs[0]}/scaled", f"{node.outputs[0]}/gain"
    axes = len(constants[node.inputs[1]].shape) - 2
    constants[factor] = replace(gain, shape=(int(prod(gain.shape)), *(1,) * axes))
    first = Node("Mul", (node.inputs[0], factor), (scaled,), {}, "", node.scope)
    return [first, replace(node, inputs=(scaled, *node.inputs[1:]))]
