"""The tree as text: items, blocks, defaults, and what stands at the top."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from convcost.importers.items import Mapped, MappedItem
from convcost.importers.writing.alike import outputs_of
from convcost.importers.writing.notation import flow, one_line, quoted
from convcost.importers.writing.parameters import PRESENT, TIMES, Texts, called_first
from convcost.importers.writing.rows import follower
from convcost.importers.writing.tree import (
    BlockUse,
    Body,
    Leaf,
    Merge,
    OptionalItem,
    Ref,
    Repetition,
    TextBlock,
    TreeNode,
    rows_in,
)
from convcost.importers.writing.values import ValueNames, before_of, kind_of, plain_and_named
from convcost.layers.base import REGISTRY
from convcost.layers.layout import layout_of
from convcost.network.graph import FLOAT32, Widths
from convcost.network.widths import bias_width
from convcost.numbers import as_exact

_FAMILY = {"depthwise_conv": "conv"}
"""Types whose defaults are another's."""
_FACTORED = ("bias", "norm", "activation")
"""The fields that may stand in `defaults`."""
WIDTH = 100
"""The longest line on which the keys of an item stand together, in columns."""
_LEAST = 3  # items that a default is for


class SpecWriter:
    """Writes a tree.

    Args:
        mapped: The model.
        top: The network's own list.
        blocks: The blocks.
        symbols: The symbols by which the inputs' axes go: for each input the axes that have one.
        values: What the symbols are declared as; those that have no value are left open.
        width: The longest line on which the keys of an item stand together, in columns.
    """

    def __init__(
        self,
        mapped: Mapped,
        top: Body,
        blocks: Sequence[TextBlock],
        symbols: Mapping[str, Mapping[int, str]],
        values: Mapping[str, str],
        *,
        width: int = WIDTH,
    ) -> None:
        self.mapped = mapped
        self.width = width
        self.top = top
        self.blocks = called_first(blocks)
        self.symbols = symbols
        self.values = values
        self.numbers = Texts(self.blocks)
        self.widths = _most_common(mapped.items)
        self.named = ValueNames(mapped, top, self.blocks)
        self.names = self.named.names
        self.defaults = self._common_fields()

    def write(self, name: str, comments: Sequence[str]) -> str:
        """Return the text.

        Args:
            name: What the network is called.
            comments: Lines for the top.
        """
        lines = [f"# {one_line(comment)}" for comment in comments]
        lines += [
            f"name: {quoted(name)}",
            *(f"{key}: {value}" for key, value in _dtype(self.widths, FLOAT32).items()),
            *self._inputs(),
        ]
        outputs = self.named.outputs
        lines += [f"outputs: [{', '.join(map(quoted, outputs))}]"] if outputs else []
        if self.defaults:
            lines += ["", "defaults:", *(f"  {type}: {flow(fields)}" for type, fields in self.defaults.items())]
        if self.blocks:
            lines += ["", "blocks:"]
            for number, block in enumerate(self.blocks):
                lines += [""] if number else []
                lines += self._block(block)
        lines += ["", "layers:"]
        lines += self._items(self.top, "  ")
        return "\n".join([*lines, ""])

    # items

    def _block(self, block: TextBlock) -> list[str]:
        lines = [f"  {block.name}:"]
        if id(block) in self.named.inputs:
            lines.append(f"    inputs: [{', '.join(self.named.inputs[id(block)])}]")
        parameters = self.numbers.parameters[id(block)]
        if parameters:
            given = ", ".join(
                f"{each.name}: {'' if each.default is None else flow(each.default)}" for each in parameters
            )
            lines.append(f"    params: {{{given}}}")
        lines.append("    layers:")
        return lines + self._items(block.body, "      ")

    def _items(self, body: Body, indent: str) -> list[str]:
        """Return the lines of a list."""
        pairs = [(node, before_of(body, at)) for at, node in enumerate(body.nodes)]
        return [line for node, before in pairs for line in self._item(node, before, indent)]

    def _item(self, node: TreeNode, before: Ref | None, indent: str) -> list[str]:
        """Return the lines of an item: its type, its fields, and its other keys, on one line where they fit."""
        keys = self._keys(node, before)
        inner = node.unit.nodes[0] if isinstance(node, Repetition) else node
        if isinstance(node, OptionalItem):
            keys["if"] = self.numbers.of(node, PRESENT)
        elif isinstance(node, Repetition):
            times = self.numbers.of(node, TIMES) or str(node.counts[0])
            keys["repeat"] = f"{{times: {times}, collect: dense}}" if node.merges else times
        if isinstance(inner, Merge):
            return self._with_keys(self._merge(inner, indent), keys, indent)
        fields = self._fields(inner)
        head = f"{indent}- {kind_of(inner)}" + (f": {flow(fields)}" if fields else "")
        comment = inner.rows[0].item.comment if isinstance(inner, Leaf) else ""
        lines = self._with_keys([head], keys, indent)
        return [lines[0] + (f"   # {one_line(comment)}" if comment else ""), *lines[1:]]

    def _with_keys(self, lines: list[str], keys: Mapping[str, str], indent: str) -> list[str]:
        """Return the lines of an item with its keys: one line where that is short enough, else one more for each."""
        if not keys:
            return lines
        texts = [f"{name}: {value}" for name, value in keys.items()]
        kind, _, value = lines[0].removeprefix(f"{indent}- ").partition(":")
        joined = f"{indent}- {{{kind}: {', '.join([value.strip(), *texts])}}}"
        if len(lines) == 1 and len(joined) <= self.width:
            return [joined]
        return [lines[0] if ":" in lines[0] else f"{lines[0]}:", *lines[1:], *(f"{indent}  {text}" for text in texts)]

    def _fields(self, node: TreeNode) -> dict[str, Any]:
        if isinstance(node, BlockUse):
            return self.numbers.arguments(node)
        assert isinstance(node, Leaf)
        return self._with_defaults(node, self._own_fields(node))

    def _own_fields(self, leaf: Leaf) -> dict[str, Any]:
        """Return the fields of a layer: expressions where they differ, values where these are no defaults."""
        row, own = leaf.rows[0], REGISTRY[leaf.type].fields
        fields = row.fields
        found: dict[str, Any] = {}
        for name in [*fields, *(name for name in leaf.holes if name not in fields)]:
            if text := self.numbers.of(leaf, name):
                found[name] = text
            elif name in fields and not _is_default(fields[name], own, name):
                found[name] = self._value(leaf, name, fields[name])
        if row.norm is not None:
            found["norm"] = follower(row.norm)
        if row.activation is not None:
            found.pop("activation", None)
            found["activation"] = self.numbers.of(leaf, "activation") or follower(row.activation)
        return found

    def _value(self, leaf: Leaf, name: str, value: Any) -> Any:
        """Return a field's value; values of the network by their names."""
        if REGISTRY[leaf.type].declared and isinstance(value, str):  # a text of the file
            return quoted(value)
        if name in REGISTRY[leaf.type].named_fields:
            count = len(value) if isinstance(value, (list, tuple)) else 1
            given = [self._called(ref) for ref in leaf.reads[-count:]]
            return given if isinstance(value, (list, tuple)) else given[0]
        return value

    def _with_defaults(self, leaf: Leaf, fields: dict[str, Any]) -> dict[str, Any]:
        """Return fields without those that are the default of the type, and with what is another."""
        for name, value in self.defaults.get(_FAMILY.get(leaf.type, leaf.type), {}).items():
            if name not in fields:
                fields[name] = "none" if name != "bias" else True
            elif fields[name] == value:
                del fields[name]
        return fields

    def _merge(self, node: Merge, indent: str) -> list[str]:
        """Return the lines of a merge; inside it the types of its numbers are the usual ones."""
        usual, self.widths = self.widths, self._widths(node)
        try:
            return self._merged(node, indent)
        finally:
            self.widths = usual

    def _merged(self, node: Merge, indent: str) -> list[str]:
        type, branches = node.leaf.type, node.branches
        fields = self._fields(node.leaf)
        if type == "add" and not fields and _is_residual(node):
            return self._residual(node, indent)
        lines = []
        inner = f"{indent}    "
        if fields:
            lines += [f"{inner}{name}: {flow(value)}" for name, value in fields.items()]
            lines.append(f"{inner}branches:")
            inner += "  "
        for branch in branches:
            lines += self._branch(branch, inner)
        return [f"{indent}- {type}:", *lines]

    def _branch(self, branch: Body, indent: str) -> list[str]:
        """Return the lines of a branch as an item of a list."""
        if not branch.nodes:
            return [f"{indent}- []"]
        lines = self._items(branch, f"{indent}  ")
        return [f"{indent}- {lines[0].lstrip()}", *lines[1:]]

    def _residual(self, node: Merge, indent: str) -> list[str]:
        body, shortcut = _ways(node)
        inner = f"{indent}    "
        if shortcut.nodes:
            lines = [f"{inner}body:"]
            lines += self._items(body, f"{inner}  ")
            lines.append(f"{inner}shortcut:")
            lines += self._items(shortcut, f"{inner}  ")
            return [f"{indent}- residual:", *lines]
        lines = self._items(body, inner)
        if len(lines) == 1 and not lines[0].startswith(f"{inner}- {{"):
            return [f"{indent}- residual: [{lines[0].strip().removeprefix('- ')}]"]
        return [f"{indent}- residual:", *lines]

    def _keys(self, node: TreeNode, before: Ref | None) -> dict[str, str]:
        """Return the keys of an item beside its type: what it reads, whose weights it uses, its name."""
        keys: dict[str, str] = {}
        reads, _ = plain_and_named(node)
        inner = node.unit.nodes[0] if isinstance(node, Repetition) else node
        leaf = inner if isinstance(inner, Leaf) else None
        if reads and reads != [before]:
            given = [self._called(ref) if ref in self.names else "previous" for ref in reads]
            keys["from"] = given[0] if len(given) == 1 else f"[{', '.join(given)}]"
        if leaf is not None and leaf.rows[0].item.shares is not None:
            keys["weights"] = self._owner(leaf)
        if leaf is not None and not leaf.rows[0].item.trainable:
            keys["trainable"] = "false"
        keys |= _dtype(self._widths(node), self.widths)
        outputs = outputs_of(node)
        if outputs > 1:
            keys["name"] = f"[{', '.join(quoted(self.names.get((node, place), '_')) for place in range(outputs))}]"
        elif (node, 0) in self.names:
            keys["name"] = quoted(self.names[node, 0])
        return keys

    def _widths(self, node: TreeNode) -> Widths:
        """Return the types of numbers that an item is written with; without weights all are of what it gives."""
        if isinstance(node, Repetition):
            return self._widths(node.unit.nodes[0])
        leaf = node.leaf if isinstance(node, Merge) else node
        if not isinstance(leaf, Leaf):
            return self.widths
        item = leaf.rows[0].item
        given = item.widths.activations
        if item.has_weights:
            return item.widths
        return self.widths if given == self.widths.activations else Widths(given, given, bias_width(given))

    def _called(self, ref: Ref) -> str:
        return quoted(self.names[ref])

    def _owner(self, leaf: Leaf) -> str:
        return quoted(self.names[self.named.owners[id(leaf.rows[0].item.shares)], 0])

    # what stands at the top

    def _common_fields(self) -> dict[str, dict[str, Any]]:
        """Return the fields that most items of a type have, for `defaults`."""
        written: dict[str, list[dict[str, Any]]] = {}
        for body in (self.top, *(block.body for block in self.blocks)):
            for leaf in _leaves(body):
                if REGISTRY[leaf.type].weights:
                    written.setdefault(_FAMILY.get(leaf.type, leaf.type), []).append(self._own_fields(leaf))
        found: dict[str, dict[str, Any]] = {}
        for type, items in written.items():
            for name in _FACTORED:
                counts = Counter(repr(fields.get(name)) for fields in items)
                absent = counts.pop(repr(None), 0)
                if not counts:
                    continue
                text, count = counts.most_common(1)[0]
                value = next(fields[name] for fields in items if repr(fields.get(name)) == text)
                if (
                    count >= _LEAST
                    and count > absent
                    and (value is False or (isinstance(value, str) and value in REGISTRY.built_in()))
                ):
                    found.setdefault(type, {})[name] = value
        return found

    def _inputs(self) -> list[str]:
        inputs = self.mapped.inputs
        lines = self._symbols()
        if len(inputs) == 1:
            ((name, _),) = inputs.items()
            return [*lines, f"input: {self._sizes(name)}"]
        lines.append("inputs:")
        for source, name in zip(self.top.sources, inputs, strict=True):
            lines.append(f"  {quoted(self.names[source, 0])}: {self._sizes(name)}")
        return lines

    def _symbols(self) -> list[str]:
        words = dict.fromkeys(symbol for axes in self.symbols.values() for symbol in axes.values())
        if not words:
            return []
        if all(word in self.values for word in words):
            return [f"symbols: {{{', '.join(f'{word}: {self.values[word]}' for word in words)}}}"]
        return ["symbols:", *(f"  {word}: {self.values.get(word, '')}".rstrip() for word in words)]

    def _sizes(self, name: str) -> str:
        axes = self.symbols.get(name, {})
        tensor = self.mapped.inputs[name]
        sizes = f"[{', '.join(str(axes.get(axis, size)) for axis, size in enumerate(tensor.shape))}]"
        more = "" if tensor.layout == layout_of(tensor.shape) else f", layout: {tensor.layout.replace(' ', '_')}"
        more += "" if tensor.width == self.widths.activations else f", dtype: {tensor.width}"
        return f"{{shape: {sizes}{more}}}" if more else sizes


def _most_common(items: Sequence[MappedItem]) -> Widths:
    """Return the types of numbers that most layers have, of those with weights where there are any."""
    counts = Counter(item.widths for item in items if item.has_weights) or Counter(item.widths for item in items)
    return max(counts, key=counts.__getitem__)


def _dtype(widths: Widths, usual: Widths) -> dict[str, str]:
    """Return the key that says the types of numbers; none where they are the usual ones."""
    if widths == usual:
        return {}
    if widths == Widths(widths.weights, widths.weights, bias_width(widths.weights)):
        return {"dtype": widths.weights}
    given = {"weights": widths.weights, "activations": widths.activations, "biases": widths.biases}
    return {"dtype": f"{{{', '.join(f'{name}: {width}' for name, width in given.items() if width != 'float32')}}}"}


def _leaves(body: Body) -> list[Leaf]:
    found: list[Leaf] = []
    for node in body.nodes:
        if isinstance(node, Leaf):
            found.append(node)
        elif isinstance(node, Merge):
            found += [leaf for branch in node.branches for leaf in _leaves(branch)]
        elif isinstance(node, Repetition):
            found += _leaves(node.unit)
    return found


def _is_default(value: Any, own: Mapping[str, Any], name: str) -> bool:
    return name in own and not isinstance(value, (list, tuple)) and as_exact(own[name].default) == as_exact(value)


def _is_residual(node: Merge) -> bool:
    """Return whether a sum is written as a residual: a body, and a way around it that is shorter."""
    if len(node.branches) != 2 or len(node.leaf.rows[0].item.inputs) != 2:
        return False
    first, second = node.leaf.rows[0].item.inputs
    if first.shape != second.shape or first.layout != second.layout:
        return False
    ways = _ways(node)
    lengths = [sum(1 for _ in rows_in(way.nodes, 0)) for way in ways]
    return lengths[0] > 0 and (not lengths[1] or (ways[0] is node.branches[0] and lengths[0] >= lengths[1]))


def _ways(node: Merge) -> tuple[Body, Body]:
    """Return the body and the shortcut of a residual."""
    first, second = node.branches
    return (second, first) if not first.nodes else (first, second)
