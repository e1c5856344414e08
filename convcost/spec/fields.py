"""What is given to a layer or a block: its fields, its norm and activation, its arguments."""

from __future__ import annotations

from typing import Any

from convcost.errors import nearest
from convcost.layers import REGISTRY, Layer
from convcost.spec.arithmetic import shown
from convcost.spec.document import INVALID, Given, Item
from convcost.spec.expressions import ACTIVATIONS, NORMS, Formula
from convcost.spec.tree import Mapping, Node, Scalar
from convcost.spec.values import Values, kind_of

_FOLLOWERS = {"norm": NORMS, "activation": ACTIVATIONS}
_STAGE_FOLLOWERS = {"mid_norm": NORMS, "mid_activation": ACTIVATIONS}


class Fields:
    """Reads what is given to layers and blocks.

    Args:
        values: How a value is read.
        defaults: The fields that a layer type takes where the layer does not give them.
        parameters: The parameters of each block; None for one that is required.
    """

    def __init__(
        self, values: Values, defaults: dict[str, dict[str, Given]], parameters: dict[str, dict[str, Given | None]]
    ) -> None:
        self.values = values
        self.defaults = defaults
        self.parameters = parameters

    def layer(self, layer: type[Layer], node: Node, at: Node, where: str) -> dict[str, Given]:
        given = self.given(node, layer, where) if node.__class__ is not Scalar or node.text else {}
        defaults = self.defaults.get(layer.type)
        if defaults:
            given = defaults | given
        for name, field in layer.fields.items():
            if field.default is ... and name not in given:
                self.values.faults.add(f"{layer.type} needs {name}", at, path=where, help=_required(layer))
                given[name] = Given(INVALID, at)
        return given

    def given(self, node: Node, layer: type[Layer], where: str, *, outer: bool = False) -> dict[str, Given]:
        if node.__class__ is not Mapping:
            if not (isinstance(node, Scalar) and node.null):
                self.values.faults.add(
                    f"the fields of {layer.type} are a mapping",
                    node,
                    path=where,
                    found=kind_of(node),
                    help=_required(layer) or f"{layer.type} may stand alone",
                )
            return {}
        fields = layer.fields
        given: dict[str, Given] = {}
        broken = False
        for name, (key, value) in node.entries.items():
            if name in fields:
                if value.__class__ is Scalar and value.null:
                    continue
                result = self.values.read(value, where)
                broken = result is INVALID
                given[name] = Given(result, value, outer)
            elif name in layer.checked:
                given[name] = Given(self.values.read(value, where), value, outer)
            elif (choices := _followers(layer).get(name)) is not None:
                given[name] = Given(self._follower(value, name, choices, where), value, outer)
            elif not (broken and ")" in name and isinstance(value, Scalar) and value.null):
                # what is left of an expression that YAML split at its comma is no key
                self.values.faults.add(
                    f"{layer.type} has no field {name!r}", key, path=where, help=nearest(name, allowed(layer))
                )
        return given

    def _follower(self, node: Node, name: str, choices: frozenset[str], where: str) -> Any:
        """Read `norm` or `activation`: a word, or one type with its fields."""
        kind = name.removeprefix("mid_")
        if isinstance(node, Mapping):
            if len(node.entries) != 1:
                self.values.faults.add(f"{name} is a name or one type with fields", node, path=where)
                return INVALID
            ((type, (key, value)),) = node.entries.items()
            if type not in choices:
                self.values.faults.add(f"there is no {kind} {type!r}", key, path=where, help=nearest(type, choices))
                return INVALID
            return Item(type, type, where, key.line, key.column, self.layer(REGISTRY[type], value, key, where))
        value = self.values.read(node, where)
        if isinstance(value, Formula) or value is INVALID:
            return value
        if value is None:
            return "none"
        if not isinstance(value, str) or (value != "none" and value not in choices):
            found = shown(value) if not isinstance(value, list) else "a list"
            self.values.faults.add(
                f"there is no {kind} {found!r}", node, path=where, help=nearest(found, [*choices, "none"])
            )
            return INVALID
        if value != "none":
            missing = [
                field
                for field, spec in REGISTRY[value].fields.items()
                if spec.required and field not in self.defaults.get(value, {})
            ]
            if missing and not where.startswith("defaults."):
                help = f"{name}: {{{value}: {{{missing[0]}: …}}}}, or the field under defaults"
                self.values.faults.add(f"{value} needs {missing[0]}", node, path=where, help=help)
                return INVALID
        return value

    def arguments(self, block: str, node: Node, at: Node, where: str) -> dict[str, Given]:
        parameters = self.parameters[block]
        given: dict[str, Given] = {}
        if isinstance(node, Mapping):
            broken = False
            for name, (key, value) in node.entries.items():
                if name in parameters:
                    if isinstance(value, Scalar) and value.null:
                        continue
                    result = self.values.read(value, where)
                    broken = result is INVALID
                    given[name] = Given(result, value)
                elif not (broken and ")" in name):
                    help = nearest(name, parameters) if parameters else "it has no parameters"
                    self.values.faults.add(f"the block {block!r} has no parameter {name!r}", key, path=where, help=help)
        elif not (isinstance(node, Scalar) and node.null):
            help = f"{block}: {{" + ", ".join(f"{name}: …" for name in parameters) + "}"
            self.values.faults.add(
                f"the arguments of {block!r} are a mapping", node, path=where, found=kind_of(node), help=help
            )
            return {name: Given(INVALID, node) for name, default in parameters.items() if default is None}
        for name, default in parameters.items():
            if default is None and name not in given:
                self.values.faults.add(
                    f"the block {block!r} needs {name}", at, path=where, help=f"{block}: {{{name}: …}}"
                )
                given[name] = Given(INVALID, at)
        return given


def allowed(layer: type[Layer]) -> list[str]:
    """Return the names of all that may be given to a layer type."""
    return [*layer.fields, *layer.checked, *_followers(layer)]


def _followers(layer: type[Layer]) -> dict[str, frozenset[str]]:
    if not layer.weights:
        return {}
    return _FOLLOWERS | _STAGE_FOLLOWERS if layer.type == "separable_conv" else _FOLLOWERS


def _required(layer: type[Layer]) -> str:
    names = [f"{name}: …" for name, field in layer.fields.items() if field.required]
    return f"{layer.type}: {{{', '.join(names)}}}" if names else ""
