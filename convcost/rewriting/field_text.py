"""The text of a part's fields: kept from the item, left to a default, or written anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY, Activation, Norm
from convcost.network import Network
from convcost.rewriting.base import ALL, NOTHING, OWN, Graph, Part, Site
from convcost.spec import reading, tree
from convcost.spec.arithmetic import shown
from convcost.spec.collector import ErrorCollector
from convcost.spec.editing import Stuck, Text, WrittenItem
from convcost.spec.expressions import Expression
from convcost.spec.expressions import read as read_expression
from convcost.spec.source import Source

_KINDS = (("norm", Norm), ("activation", Activation))
_IN_LINEAR = {"out_channels": "out_features"}  # the name of the same field in a linear layer

Follower = tuple[str, Mapping[str, Any]] | None


class ItemUse(Struct, frozen=True):
    """One use of an item: the old layers that it writes there, and the parts that replace them."""

    site: Site
    layers: tuple[int, ...]
    parts: tuple[Part, ...]


class SpecText:
    """A spec: its text, its network and its defaults.

    Args:
        source: A spec that has been read without an error.
        network: The network it describes.
    """

    def __init__(self, source: Source, network: Network) -> None:
        self.graph = Graph(network)
        self.text = Text(source)
        errors = ErrorCollector(source)
        document = reading.read(tree.parse(errors), errors)
        assert document is not None  # it was read before
        self.defaults = document.defaults

    def followers(self, index: int, behind: str) -> dict[str, Follower]:
        """Return the norm and activation behind a layer, by kind."""
        found: dict[str, Follower] = {"norm": None, "activation": None}
        if behind != NOTHING:
            for follower in self.graph.own(index) if behind == OWN else self.graph.followers(index):
                layer = self.graph.layers[follower]
                kind = next(kind for kind, base in _KINDS if isinstance(layer.definition, base))
                found[kind] = (layer.type, layer.fields)
        return found


def _field_order(name: str) -> tuple[bool, bool]:
    """Return the key that sorts fields as people write them: channels, then the kernel, then the rest."""
    return name not in ("out_channels",), name != "kernel_size"


class PartFields:
    """Finds the text of the fields of the parts that replace an item.

    The item's own expressions have no meaning inside a new block: they become the block's arguments.
    """

    def __init__(self, spec: SpecText, item: WrittenItem, uses: list[ItemUse], *, block: bool) -> None:
        self.spec = spec
        self.item = item
        self.uses = uses
        self.block = block
        self.arguments: dict[str, str] = {}
        self.layers = spec.graph.layers
        self.mains = [self._main(use) for use in uses]
        self.old = [self._old(use.layers) for use in uses]
        moved = any(self._input(use.layers) != self._input(tuple(use.site.becomes)) for use in uses)
        self.raw = {
            name: text
            for name, text in item.raw.items()
            if not (moved and "in_channels" in text) and not (block and name in item.in_lines)
        }
        for name, former in _IN_LINEAR.items():
            if former in self.raw:
                self.raw[name] = self.raw[former]

    def _main(self, use: ItemUse) -> int:
        """Return the layer whose norm and activation are the item's: the last one that is replaced."""
        return max((index for index in use.layers if use.site.becomes[index]), default=use.layers[-1])

    def _input(self, indices: Sequence[int]) -> int:
        """Return the input channels of the first of some layers."""
        return self.layers[min(indices)].input_shapes[0][0]

    def _old(self, indices: Sequence[int]) -> dict[str, Any]:
        """Return the fields of the item's layers; of two stages with the same field, the first stage's."""
        fields: dict[str, Any] = {}
        for index in reversed(indices):
            layer = self.layers[index]
            if REGISTRY[layer.type].weights:
                fields |= layer.fields
        for name, former in _IN_LINEAR.items():
            if former in fields:
                fields[name] = fields[former]
        return fields

    def _of_other_item(self, name: str, values: list[Any]) -> str | None:
        """Return the text of a field in another item of the sites, such as a depthwise stage, with the same values."""
        texts = set()
        for use, value in zip(self.uses, values, strict=True):
            for index in use.site.becomes:
                layer = self.layers[index]
                other = self.spec.text.items[layer.item]
                if (
                    other is not self.item
                    and layer.fields.get(name) == value
                    and name in other.raw.keys() - other.in_lines
                ):
                    texts.add(other.raw[name])
                    break
            else:
                return None
        return texts.pop() if len(texts) == 1 else None

    # the text of a part

    def of(self, parts: tuple[Part, ...]) -> dict[str, str]:
        """Return the text of the fields that a part must state, the same in all uses."""
        type = parts[0].type
        wanted: dict[str, str] = {}
        stated = [
            name for name in REGISTRY[type].fields if all(name in part.fields for part in parts)
        ]  # else a default
        for name in sorted(stated, key=_field_order):
            text = self._field(type, name, parts)
            if text is not None:
                wanted[name] = text
        if REGISTRY[type].weights:
            wanted |= self._followers(type, parts)
        return wanted

    def lines(self, parts: tuple[Part, ...]) -> list[str]:
        """Return the lines of a new block for a part."""
        first = parts[0]
        if first.branches:
            lines = [f"- {first.type}:"]
            for number, branch in enumerate(first.branches):
                inner = [
                    line
                    for place in range(len(branch))
                    for line in self.lines(tuple(part.branches[number][place] for part in parts))
                ]
                lines += [f"    - {inner[0]}", *(f"      {line}" for line in inner[1:])]
        else:
            wanted = ", ".join(f"{name}: {text}" for name, text in self.of(parts).items())
            lines = [f"- {first.type}: {{{wanted}}}" if wanted else f"- {first.type}"]
        if not REGISTRY[first.type].weights and first.behind != NOTHING:
            for kind, _ in _KINDS:
                follower = self._same([self.spec.followers(main, first.behind)[kind] for main in self.mains], kind)
                if follower is not None:
                    lines.append(f"- {self._written(follower)}".replace("- {", "- ").removesuffix("}"))
        return lines

    def _field(self, type: str, name: str, parts: tuple[Part, ...]) -> str | None:
        """Return the text of a field; None where a default gives it."""
        if name not in parts[0].fields:
            return None
        values = [part.fields[name] for part in parts]
        text = self._as_written(name, values, parts[0])
        if text is None and not self.block:
            text = self._of_other_item(name, values)
        if text is not None or self._is_by_default(type, name, values, parts[0]):
            return text
        if name.startswith("mid_"):  # without a value it is that of the last stage, which a default of the file changes
            last = name.removeprefix("mid_")
            values = [part.fields[last] if part.fields[name] is None else part.fields[name] for part in parts]
        return self._number(name, values, parts[0])

    def _as_written(self, name: str, values: list[Any], part: Part) -> str | None:
        """Return the item's own text of a field, adapted where only some axes or a share of it stays."""
        raw = self.raw.get(name)
        if raw is None:
            return None
        if name in part.changed:
            by_axis = self._by_axis(name, raw, values, part.axes) if part.axes else None
            if by_axis is not None:
                return by_axis
        elif self._stays(name, values):
            return self._kept(name, raw)
        if part.share > 1 and name == "out_channels":  # only a block has parts that are a share
            return f"{self._kept(name, raw)} / {part.share}"
        return None

    def _is_by_default(self, type: str, name: str, values: list[Any], part: Part) -> bool:
        """Return whether the type's default in the file, or its own, gives a field."""
        given, default = self.spec.defaults.of(type).get(name), REGISTRY[type].fields[name].default
        if given is None:
            return default is not ... and all(self._equals_default(type, name, value) for value in values)
        own = self.spec.defaults.of(self.item.type).get(name)
        untouched = name not in self.raw and name not in part.changed
        return untouched and given is own and self._stays(name, values)

    def _number(self, name: str, values: list[Any], part: Part) -> str:
        """Return the text of a field as its value, or as an argument of the new block.

        Raises:
            Stuck: It differs from use to use.
        """
        different = [value for value in values if value != values[0]]
        if different:
            raise Stuck(f"its uses would differ in {name}: {_literal(values[0])} and {_literal(different[0])}")
        if self.block and name == "out_channels" and part.share == 1 and self._stays(name, values):
            self.arguments[name] = _literal(values[0])
            return name
        return _literal(values[0])

    def _stays(self, name: str, values: list[Any]) -> bool:
        """Return whether a field keeps the values of the old layers."""
        return values == [old.get(name) for old in self.old]

    def _by_axis(self, name: str, raw: str, values: list[Any], axes: tuple[int, ...]) -> str | None:
        """Return the text of a list that has the field's own expression on some axes and a number on the others."""
        if not _depends(raw) or raw[:1] in "[{" or not all(isinstance(value, tuple) for value in values):
            return None
        rank = len(values[0])
        if any(value[axis] != values[0][axis] for value in values for axis in range(rank) if axis not in axes):
            return None
        kept = self._kept(name, raw)
        texts = [kept if axis in axes else _axis_literal(values[0][axis]) for axis in range(rank)]
        return f"[{', '.join(texts)}]"

    def _equals_default(self, type: str, name: str, value: Any) -> bool:
        """Return whether a value is the default of the type's field."""
        field = REGISTRY[type].fields[name]
        if field.default is None or value is None:
            return value is field.default
        rank = len(value) if isinstance(value, tuple) else 1
        return bool(field.plain(rank) == value)

    def _kept(self, name: str, raw: str) -> str:
        """Return the text of a field that stays: in a block, the argument that carries it."""
        if not self.block or (name != "out_channels" and not _depends(raw)):
            return raw
        self.arguments[name] = raw
        return name

    def _followers(self, type: str, parts: tuple[Part, ...]) -> dict[str, str]:
        """Return the text of the norm and activation fields that a part must state."""
        composite = REGISTRY[type].composite
        behind = parts[0].behind
        own = [self.spec.followers(main, OWN) for main in self.mains]
        wanted = [self.spec.followers(main, behind) for main in self.mains]
        all_of = [self.spec.followers(main, ALL) for main in self.mains]
        defaults = self.spec.defaults
        result: dict[str, str] = {}
        for kind, _ in _KINDS:
            old, new = [each[kind] for each in own], [each[kind] for each in wanted]
            raw = self.raw.get(kind)
            given, former = defaults.of(type).get(kind), defaults.of(self.item.type).get(kind)
            if new == old and raw is not None and (not self.block or not _depends(raw) or raw[:1] not in "{["):
                result[kind] = self._kept(kind, raw)
            elif (new == old and kind not in self.item.raw and given is former) or (
                given is None and all(each is None for each in new)
            ):
                pass
            else:
                result[kind] = self._written(self._same(new, kind))
            middle = [each[kind] for each in all_of]
            if composite and (middle != new or f"mid_{kind}" in defaults.of(type)):
                result[f"mid_{kind}"] = self._written(self._same(middle, kind))
        return result

    def _same(self, followers: list[Follower], kind: str) -> Follower:
        """Return the follower that all uses share.

        Raises:
            Stuck: They have different ones.
        """
        if any(each != followers[0] for each in followers):
            raise Stuck(f"its uses have different {kind}s")
        return followers[0]

    def _written(self, follower: Follower) -> str:
        """Return a norm or activation as the text of a field."""
        if follower is None:
            return "none"
        type, fields = follower
        defaults = self.spec.defaults.of(type)
        stated = [
            f"{name}: {_literal(value)}"
            for name, value in fields.items()
            if name in defaults or not self._is_default(type, name, value)
        ]
        return f"{{{type}: {{{', '.join(stated)}}}}}" if stated else type

    def _is_default(self, type: str, name: str, value: Any) -> bool:
        field = REGISTRY[type].fields[name]
        return not field.required and bool(field.plain() == value)


def _depends(raw: str) -> bool:
    """Return whether a text depends on names, so that its value may differ from use to use."""
    text = raw.strip("\"'")
    if text[:1] in "[{":
        return any(char.isalpha() for char in text)
    return isinstance(read_expression(text), Expression)


def _axis_literal(value: Any) -> str:
    """Return a field's value on one axis as text."""
    return str(value) if not isinstance(value, tuple) else str(value[0]) if value[0] == value[1] else str(list(value))


def _literal(value: Any) -> str:
    """Return a field's value in the shortest form in which a spec may give it.

    >>> _literal((3, 3)), _literal((1, 7)), _literal(((1, 1), (0, 0))), _literal(((0, 1), (0, 1))), _literal(True)
    ('3', '[1, 7]', '[1, 0]', '[[0, 1], [0, 1]]', 'true')
    """
    if not isinstance(value, tuple):
        return shown(value) if isinstance(value, (bool, int, Fraction)) else str(value)
    if value and isinstance(value[0], tuple):
        if all(before == after for before, after in value):
            return _literal(tuple(before for before, _ in value))
        return f"[{', '.join(f'[{before}, {after}]' for before, after in value)}]"
    return str(value[0]) if len(set(value)) == 1 else f"[{', '.join(map(str, value))}]"
