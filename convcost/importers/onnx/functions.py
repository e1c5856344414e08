"""Functions that a model file defines, written out where they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Node, title

MOST_NESTED = 50
"""How deep functions may call each other."""


class FunctionReference(Struct, frozen=True):
    """An attribute of a node in a function that has the value which the call gives.

    Attributes:
        name: The call's attribute.
    """

    name: str


class Function(Struct, frozen=True):
    """A function of the file.

    Attributes:
        inputs: The names of what it takes.
        outputs: The names of what it gives.
        nodes: Its operations.
        defaults: The attributes that a call may leave out.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    defaults: Mapping[str, Any] = {}


class Inliner:
    """Writes calls of functions out.

    Args:
        functions: The functions of the file, by their operators.
        file: The file's name, for messages.
        most: How many nodes there may be in all.
    """

    def __init__(self, functions: Mapping[str, Function], file: str, most: int) -> None:
        self._functions = functions
        self._file = file
        self._left = most
        self._calls = 0

    def written_out(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        """Return nodes with no call left.

        Raises:
            SpecError: A function calls itself, calls nest too deep, or there are too many nodes.
        """
        return tuple(self._nodes(nodes, ()))

    def _nodes(self, nodes: Sequence[Node], around: tuple[str, ...]) -> Iterator[Node]:
        for node in nodes:
            function = self._functions.get(node.operator)
            if function is None:
                self._left -= 1
                if self._left < 0:
                    raise self._error(node, "there are too many nodes where functions are written out")
                yield node
                continue
            if node.operator in around:
                raise self._error(node, f"the function {node.operator} calls itself")
            if len(around) >= MOST_NESTED:
                raise self._error(node, f"functions call each other more than {MOST_NESTED} deep")
            yield from self._nodes(self._body(node, function), (*around, node.operator))

    def _body(self, call: Node, function: Function) -> list[Node]:
        """Return the nodes of a function as they are for a call: values by names of their own."""
        self._calls += 1
        names = dict.fromkeys(function.inputs, "")
        names |= dict(zip(function.inputs, call.inputs, strict=False))
        given = dict(zip(function.outputs, call.outputs, strict=False))
        copies = [name for name in function.outputs if name in names and given.get(name)]
        names |= {name: value for name, value in given.items() if value and name not in names}
        prefix = f"{call.name or call.operator}#{self._calls}"

        def named(name: str) -> str:
            return names.setdefault(name, f"{prefix}/{name}") if name else ""

        attributes = {**function.defaults, **call.attributes}
        found = [
            Node(
                node.operator,
                tuple(map(named, node.inputs)),
                tuple(map(named, node.outputs)),
                _resolved(node.attributes, attributes),
                "/".join(filter(None, (call.name, node.name))),
                node.scope or call.scope,
            )
            for node in function.nodes
        ]
        return [*found, *(Node("Identity", (names[name],), (given[name],)) for name in copies)]

    def _error(self, node: Node, message: str) -> SpecError:
        return SpecError(ErrorDetail(message, Place(self._file), found=f"in {title(node)}"))


def _resolved(attributes: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with what the call gives; without those that it leaves out."""
    return {
        name: given[value.name] if isinstance(value, FunctionReference) else value
        for name, value in attributes.items()
        if not isinstance(value, FunctionReference) or value.name in given
    }
