"""A choice between two graphs in a node."""

from __future__ import annotations

from msgspec.structs import replace

from convcost.importers.graph import Constant, InnerGraph, Node
from convcost.importers.mapper import Mapper, operator
from convcost.importers.normalise import constant_of
from convcost.importers.values import Unmapped, Unsupported


@operator("If")
def choose(mapper: Mapper, node: Node) -> None:
    """Map the graph that a condition chooses which follows from constants and shapes."""
    condition = mapper.value(node.inputs[0])
    if not isinstance(condition, Constant) or not condition.values:
        raise Unsupported("its condition depends on values that are not known")
    branch = node.attributes.get("then_branch" if condition.values[0] else "else_branch")
    if not isinstance(branch, InnerGraph) or len(branch.outputs) != len(node.outputs):
        raise Unsupported("its branches are no graphs")
    names = {name: f"{node.outputs[0]}/{name}" for name in branch.constants}
    for name, constant in branch.constants.items():
        mapper.values[names[name]] = constant
    for each in branch.nodes:
        inputs = tuple([names.get(name, name) for name in each.inputs])
        names |= {name: f"{node.outputs[0]}/{name}" for name in each.outputs if name}
        outputs = tuple([names.get(name, name) for name in each.outputs])
        mapper.inside(replace(each, inputs=inputs, outputs=outputs))
    for name, given in zip(node.outputs, branch.outputs, strict=True):
        value = mapper.values.get(names.get(given, given), Unmapped())
        mapper.values[name] = value
        if not isinstance(value, (Constant, Unmapped)):
            mapper.give(node, name, value)


@operator("Constant")
def constant(mapper: Mapper, node: Node) -> None:
    """Take a number of a graph in a node."""
    mapper.values[node.outputs[0]] = constant_of(node)


@operator("Identity")
def identity(mapper: Mapper, node: Node) -> None:
    """Pass a value on in a graph in a node."""
    mapper.values[node.outputs[0]] = mapper.value(node.inputs[0])
