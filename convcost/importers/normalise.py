"""A graph with what exporters add taken out: constants as constants, copies gone, activations as one operator.

Every rule keeps what is executed: a pattern becomes one operator only where nothing else reads what it works out on
the way.
"""

from __future__ import annotations

from msgspec.structs import replace

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Constant, ModelGraph, Node, title
from convcost.importers.patterns import fused
from convcost.importers.patterns.prepared import prepared

_COPIES = frozenset(("Identity", "Dropout"))


def normalise(graph: ModelGraph, file: str) -> ModelGraph:
    """Return a graph without copies, dropouts, nodes that nothing needs, and activations in parts.

    Args:
        graph: The graph as it is in the file.
        file: Its name, for messages.

    Raises:
        SpecError: A node reads what nothing before it gives, or two nodes give the same value.
    """
    return _needed(fused(_needed(prepared(_without_copies(graph, file)))))


def _without_copies(graph: ModelGraph, file: str) -> ModelGraph:
    constants = dict(graph.constants)
    same: dict[str, str] = {}
    known = {*graph.inputs, *constants, ""}
    nodes = []
    read = set(graph.outputs).union(*[node.inputs for node in graph.nodes])
    for node in graph.nodes:
        inputs = node.inputs
        if not same.keys().isdisjoint(inputs):
            inputs = tuple([same.get(name, name) for name in inputs])
        if not known.issuperset(inputs):
            unknown = next(name for name in inputs if name not in known)
            message = f"{title(node)} reads {unknown!r}, which nothing before it gives"
            help = "nodes stand behind those that they read: export the model again"
            raise SpecError(ErrorDetail(message, Place(file), help=help))
        for name in node.outputs:
            if name and name in known:
                raise SpecError(ErrorDetail(f"{title(node)} gives {name!r}, which there is already", Place(file)))
            known.add(name)
        if node.operator == "Constant" and node.outputs:
            constants[node.outputs[0]] = constant_of(node)
        elif node.operator in _COPIES and inputs and node.outputs and not read.intersection(node.outputs[1:]):
            if inputs[0] in constants:  # a copy of a weight has the name that its module gives it
                constants[node.outputs[0]] = constants[inputs[0]]
            else:
                same[node.outputs[0]] = inputs[0]
        else:
            nodes.append(node if inputs is node.inputs else replace(node, inputs=inputs))
    missing = next((name for name in graph.outputs if name not in known), None)
    if missing is not None:
        raise SpecError(ErrorDetail(f"nothing gives the output {missing!r}", Place(file)))
    outputs = tuple([same.get(name, name) for name in graph.outputs])
    return replace(graph, nodes=tuple(nodes), constants=constants, outputs=outputs)


def constant_of(node: Node) -> Constant:
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
