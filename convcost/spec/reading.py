"""The tree to a document: everything that can be known without values is checked, in unused blocks too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from convcost import metrics
from convcost.errors import nearest
from convcost.layers import REGISTRY
from convcost.metrics import METRICS
from convcost.network import Limit
from convcost.spec.collector import ErrorCollector
from convcost.spec.document import (
    BLOCK_KEYS,
    FIRST_TYPES,
    INPUT_KEYS,
    INPUT_NAME,
    INVALID,
    ITEM_KEYS,
    KEYS,
    LATER_ITEM_KEYS,
    LAYOUTS,
    MOST_SIZES,
    SYMBOL_KEYS,
    Block,
    Document,
    Given,
    InputGiven,
    Item,
    Symbol,
    Unread,
)
from convcost.spec.fields import Defaults, Fields
from convcost.spec.items import Items
from convcost.spec.reads import Reads
from convcost.spec.tree import Mapping, Node, Scalar, Sequence
from convcost.spec.values import Values, kind_of

if TYPE_CHECKING:
    from convcost.network.compression import CompressionRule

VERSIONS = (1, 2)
"""The versions of the language; in 2 `activations` are what convolutions, linear layers and matrix products put out."""
_AMOUNTS = "such as 4_300_000, 4.3M or 570M (k, M, G, T)"

_OLD_ITEM_KEYS = frozenset(ITEM_KEYS) - LATER_ITEM_KEYS
_TAKEN = FIRST_TYPES | _OLD_ITEM_KEYS
"""Names that no block can have; words that came later yield to blocks of the file."""


def read(root: Node | None, errors: ErrorCollector) -> Document | None:
    """Return the document a tree stands for, or None when it has no layers to speak of."""
    return _Reader(errors).read(root)


class _Reader:
    def __init__(self, errors: ErrorCollector) -> None:
        self.values = Values(errors)
        self.reads = Reads()
        self.symbols: dict[str, Symbol] = {}
        self.defaults = Defaults()
        self.blocks: dict[str, tuple[Scalar, Mapping]] = {}
        self.parameters: dict[str, dict[str, Given | None] | None] = {}
        self.fields = Fields(self.values, self.defaults, self.parameters)

    def read(self, root: Node | None) -> Document | None:
        spec = self._spec(root)
        if spec is None:
            return None
        self.values.check_keys(spec, KEYS, "", "a spec")
        entries = spec.entries
        version = read_version(entries, self.values)
        if "symbols" in entries:
            self._read_symbols(entries["symbols"][1])
        self.values.reads = self.reads  # what symbols read is known by their values
        self.values.known = frozenset(self.symbols) | {"in_channels"}
        if "blocks" in entries:
            self._read_block_heads(entries["blocks"][1])
        self.values.known = frozenset(self.symbols) | {"in_channels"}
        if "defaults" in entries:
            self._read_defaults(entries["defaults"][1])
        blocks = {name: self._block(name) for name in self.parameters}
        closed = self._is_endless(blocks) or _is_no_mapping(entries, "defaults")
        inputs = self._inputs(spec, entries)
        widths = self.fields.widths(entries["dtype"][1], "dtype") if "dtype" in entries else None
        self.values.known = frozenset(self.symbols) | {"in_channels"}
        items, outputs = self._layers(spec, inputs)
        limits = self._budget(entries["budget"][1]) if "budget" in entries else []
        compression: tuple[CompressionRule, ...] = ()
        if "compression" in entries:
            from convcost.spec.compression import read_rules  # few specs have one

            compression = read_rules(entries["compression"][1], self.values)
        return Document(
            name=self._text(entries, "name"),
            source=self._text(entries, "source"),
            symbols=self.symbols,
            inputs=inputs,
            blocks=blocks,
            items=items,
            defaults=self.defaults,
            limits=tuple(limits),
            compression=compression,
            closed=closed,
            version=version,
            outputs=outputs,
            widths=widths,
            reads=frozenset(self.reads.symbols),
            unread=tuple(self._unread()),
        )

    def _spec(self, root: Node | None) -> Mapping | None:
        """Return the mapping that a spec is; None, with an error, where it is something else."""
        errors = self.values.errors
        if root is None or (isinstance(root, Scalar) and root.null):
            errors.add("the spec is empty", Scalar("", 0, 0), help="it needs at least `input` and `layers`")
            return None
        if not isinstance(root, Mapping):
            help = "it starts with keys: input: …, layers: …"
            errors.add("a spec is a mapping", root, found=kind_of(root), help=help)
            return None
        if not root.entries.keys() & {"layers", "input", "inputs"}:
            from convcost.spec.words import foreign  # for errors only

            message, help = foreign(root)
            if message:
                errors.add(message, root, help=help)
                return None
        return root

    def _layers(self, root: Mapping, inputs: Iterable[str]) -> tuple[list[Item], tuple[tuple[str, Node], ...]]:
        """Return the network's items, and its outputs with their places."""
        if "layers" not in root.entries:
            if not root.broken:
                self.values.errors.add("a spec needs layers", root, help="layers: a list of items")
            return [], ()
        node = root.entries["layers"][1]
        items = Items(self.fields).body(node, "layers", *inputs)
        outputs = root.entries.get("outputs")
        found = self._outputs(outputs[1], items, "outputs") if outputs else ()
        if not items and isinstance(node, Sequence) and not node.items:
            self.values.errors.add("a network has at least one layer", node, path="layers")
        return items, found

    def _text(self, entries: dict[str, tuple[Scalar, Node]], key: str) -> str:
        if key not in entries:
            return ""
        node = entries[key][1]
        if isinstance(node, Scalar):
            return "" if node.null else node.text
        self.values.errors.add(f"{key} is a text", node, path=key, found=kind_of(node))
        return ""

    def _inputs(self, root: Mapping, entries: dict[str, tuple[Scalar, Node]]) -> dict[str, InputGiven]:
        """Return the inputs by name; `input` is the only one."""
        self.values.known = frozenset(self.symbols)
        if "inputs" not in entries:
            if "input" not in entries:
                if not root.broken:
                    self.values.errors.add(
                        "a spec needs an input", root, help="input: [3, 224, 224] — channels, then spatial sizes"
                    )
                return {INPUT_NAME: InputGiven(Given(INVALID, root))}
            return {INPUT_NAME: self._input(entries["input"][1], "input")}
        key, node = entries["inputs"]
        if "input" in entries:
            help = "inputs: {image: [3, r, r], …} names them all"
            self.values.errors.add("a spec has either input or inputs", key, path="inputs", found="both", help=help)
        named = self.values.entries(node, "inputs", "inputs is a mapping of names to shapes")
        if not named and (isinstance(node, Mapping) or node.null):
            self.values.errors.add("a network has at least one input", node, path="inputs")
        return {name: self._input(value, f"inputs.{name}") for name, (_, value) in named} or {
            INPUT_NAME: InputGiven(Given(INVALID, node))
        }

    def _input(self, node: Node, path: str) -> InputGiven:
        """Return an input: a list of sizes, or a mapping with its shape and layout."""
        if not isinstance(node, Mapping):
            return InputGiven(self._shape(node, path))
        self.values.check_keys(node, INPUT_KEYS, path, "an input")
        given = {key: value for key, (_, value) in node.entries.items()}
        if "shape" not in given and given.keys() <= INPUT_KEYS.keys():
            help = "{shape: [77, 768], layout: tokens}"
            self.values.errors.add("an input needs a shape", node, path=path, help=help)
        shape = self._shape(given["shape"], path) if "shape" in given else Given(INVALID, node)
        found = InputGiven(shape)
        if "layout" in given:
            at = given["layout"]
            text = at.text if isinstance(at, Scalar) else ""
            if text not in LAYOUTS:
                message = f"there is no layout {text!r}" if text else "layout is a word"
                kind = "" if text else kind_of(at)
                self.values.errors.add(message, at, path=path, found=kind, help=nearest(text, LAYOUTS))
            else:
                found.layout = text
            axes = len(getattr(shape.at, "items", ()))
            if (text in ("feature_map", "tokens") and axes == 1) or (text == "vector" and axes > 1):
                takes = "one axis" if text == "vector" else "at least two axes"
                found_axes = f"{axes} in the shape"
                self.values.errors.add(f"{text} has {takes}", at, path=path, found=found_axes)
                found.layout = ""
        if "dtype" in given and (widths := self.fields.widths(given["dtype"], path)):
            found.width = widths.activations
        return found

    def _shape(self, node: Node, path: str) -> Given:
        if not isinstance(node, Sequence) or not 1 <= len(node.items) <= MOST_SIZES:
            found = f"{len(node.items)} numbers" if isinstance(node, Sequence) else kind_of(node)
            self.values.errors.add(
                f"{path} is a list of 1 to {MOST_SIZES} numbers",
                node,
                path=path,
                found=found,
                help="[F], [C, L], [C, H, W] or [C, D, H, W]: channels, then the spatial sizes",
            )
            return Given(INVALID, node)
        return Given(self.values.read(node, path), node)

    def _outputs(self, node: Node, items: list[Item], path: str) -> tuple[tuple[str, Node], ...]:
        """Return the names of the outputs of a network or a block: names of its own items."""
        nodes = node.items if isinstance(node, Sequence) else [node]
        known = {name for item in items for name in item.names}
        found: list[tuple[str, Node]] = []
        for child in nodes:
            if not isinstance(child, Scalar) or child.null:
                text = "no value" if isinstance(child, Scalar) else kind_of(child)
                self.values.errors.add("outputs takes names", child, path=path, found=text)
            elif child.text not in known:
                help = nearest(child.text, known) if known else "name an item with `name`"
                message = f"there is no item named {child.text!r}"
                self.values.errors.add(message, child, path=path, help=help)
            elif child.text in [name for name, _ in found]:
                self.values.errors.add(f"the output {child.text!r} stands twice", child, path=path)
            else:
                found.append((child.text, child))
        if not nodes:
            self.values.errors.add("outputs takes names", node, path=path, found="an empty list")
        return tuple(found)

    def _read_symbols(self, node: Node) -> None:
        entries = self.values.entries(node, "symbols", "symbols is a mapping of names to values")
        self.values.later = {name: key.line + 1 for name, (key, _) in entries}
        for name, (key, value) in entries:
            path = f"symbols.{name}"
            self.values.check_new_name(name, key, path, "a symbol")
            multiple: Given | None = None
            self.values.known = frozenset(self.symbols)
            if isinstance(value, Mapping):
                self.values.check_keys(value, SYMBOL_KEYS, path, "a symbol")
                if "multiple_of" in value.entries:
                    at = value.entries["multiple_of"][1]
                    multiple = Given(self.values.read(at, path), at)
                value = value.entries["value"][1] if "value" in value.entries else Scalar("", key.line, key.column)
            given = None if isinstance(value, Scalar) and value.null else Given(self.values.read(value, path), value)
            self.symbols[name] = Symbol(given, multiple, key)
        self.values.later = {}

    def _read_block_heads(self, node: Node) -> None:
        for name, (key, value) in self.values.entries(node, "blocks", "blocks is a mapping of names to blocks"):
            path = f"blocks.{name}"
            if name in _TAKEN:
                self.values.errors.add(
                    f"a block cannot be called {name!r}", key, path=path, found="the language uses this name"
                )
                continue
            if not isinstance(value, Mapping):
                self.values.errors.add(
                    "a block is a mapping", value, path=path, found=kind_of(value), help="with `layers`"
                )
                self.parameters[name] = None
                continue
            self.values.check_keys(value, BLOCK_KEYS, path, "a block")
            parameters: dict[str, Given | None] = {}
            if "params" in value.entries:
                at = value.entries["params"][1]
                if _is_no_mapping(value.entries, "params"):
                    self.values.errors.add("params is a mapping of names to defaults", at, path=path, found=kind_of(at))
                    self.parameters[name] = None
                    continue
                self.values.known = frozenset(self.symbols) | {"in_channels"}
                for parameter, (where, default) in self.values.entries(
                    at, path, "params is a mapping of names to defaults"
                ):
                    self.values.check_new_name(parameter, where, f"{path}.params", "a parameter")
                    if parameter in _OLD_ITEM_KEYS:
                        self.values.errors.add(
                            f"a parameter cannot be called {parameter!r}", where, path=f"{path}.params"
                        )
                    empty = isinstance(default, Scalar) and default.null
                    with self.reads.within(name, parameters):  # a default sees the parameters before its own
                        parameters[parameter] = (
                            None if empty else Given(self.values.read(default, f"{path}.params"), default)
                        )
                    self.values.known |= {parameter}
            self.blocks[name] = (key, value)
            self.parameters[name] = parameters
            self.fields.block_inputs[name] = self._block_inputs(value, path)

    def _block_inputs(self, block: Mapping, path: str) -> tuple[str, ...]:
        """Return the names of what a block reads."""
        if "inputs" not in block.entries:
            return ()
        node = block.entries["inputs"][1]
        nodes = node.items if isinstance(node, Sequence) else []
        names = [child.text for child in nodes if isinstance(child, Scalar) and child.text and not child.null]
        if not names or len(names) < len(nodes) or len(set(names)) < len(names):
            help = "inputs: [x, skip]"
            self.values.errors.add("inputs is a list of different names", node, path=path, help=help)
        return tuple(dict.fromkeys(names))

    def _read_defaults(self, node: Node) -> None:
        for type, (key, value) in self.values.entries(
            node, "defaults", "defaults is a mapping of layer types to fields"
        ):
            path = f"defaults.{type}"
            if type not in REGISTRY:
                from convcost.spec.words import meant  # for errors only

                help = "defaults are for layer types" if type in self.parameters else ""
                help = help or meant(type) or nearest(type, REGISTRY)
                self.values.errors.add(f"there is no layer type {type!r}", key, path=path, help=help)
                continue
            self.defaults.add(type, self.fields.given(value, REGISTRY[type], path, outer=True))

    def _block(self, name: str) -> Block:
        parameters = self.parameters[name]
        if parameters is None:
            return Block({}, [], broken=True)
        key, node = self.blocks[name]
        path = f"blocks.{name}"
        self.values.known = frozenset(self.symbols) | {"in_channels"} | frozenset(parameters)
        items: list[Item] = []
        if "layers" not in node.entries:
            self.values.errors.add("a block needs layers", key, path=path, help="layers: a list of items")
        else:
            inputs = self.fields.block_inputs.get(name, ())
            with self.reads.within(name, parameters):
                items = Items(self.fields).body(node.entries["layers"][1], f"{path}.layers", *inputs)
        outputs = self._outputs(node.entries["outputs"][1], items, path) if "outputs" in node.entries else ()
        layers = node.entries.get("layers")
        return Block(
            parameters,
            items,
            broken=layers is None or not isinstance(layers[1], Sequence),
            inputs=self.fields.block_inputs.get(name, ()),
            outputs=tuple([output for output, _ in outputs]),
        )

    def _unread(self) -> Iterator[Unread]:
        """Yield the blocks that nothing uses, and the parameters that nothing in their block reads."""
        for name, (key, node) in self.blocks.items():
            if name not in self.reads.blocks:
                yield Unread("block", name, f"blocks.{name}", key)
            read = self.reads.parameters.get(name, ())
            given = node.entries["params"][1] if "params" in node.entries else None
            for parameter, (at, _) in given.entries.items() if isinstance(given, Mapping) else ():
                if parameter not in read:
                    yield Unread("parameter", parameter, f"blocks.{name}.params", at)

    def _is_endless(self, blocks: dict[str, Block]) -> bool:
        """Report blocks that use themselves, directly or through others."""
        uses = {name: list(_uses(block.items, blocks)) for name, block in blocks.items()}
        seen: set[str] = set()
        endless = False
        for start in blocks:
            trail = [start]
            pending = [iter(uses[start])]
            while pending:
                item = next(pending[-1], None)
                if item is None:
                    seen.add(trail.pop())
                    pending.pop()
                elif item.type in trail:
                    circle = " → ".join([*trail[trail.index(item.type) :], item.type])
                    self.values.errors.add(f"the block {item.type!r} uses itself", item, path=item.where, found=circle)
                    endless = True
                elif item.type not in seen:
                    trail.append(item.type)
                    pending.append(iter(uses[item.type]))
        return endless

    def _budget(self, node: Node) -> list[Limit]:
        from convcost.spec.amounts import amount  # few specs have a budget

        limits = []
        for metric, (key, value) in self.values.entries(node, "budget", "budget is a mapping of totals to limits"):
            if metric not in METRICS:
                help = metrics.suggestion(metric)
                self.values.errors.add(f"there is no total {metric!r}", key, path="budget", help=help)
                continue
            whole = not METRICS[metric].is_ratio
            limit = amount(value.text, whole=whole) if isinstance(value, Scalar) else None
            if limit is None or not isinstance(value, Scalar):
                found = f"found {value.text or 'no value'}" if isinstance(value, Scalar) else kind_of(value)
                message = f"the limit of {metric} is a {'whole ' if whole else ''}number"
                self.values.errors.add(message, value, path="budget", found=found, help=_AMOUNTS)
                continue
            limits.append(Limit(metric, limit, value.text, value.line + 1, value.column + 1))
        return limits


def _is_no_mapping(entries: dict[str, tuple[Scalar, Node]], key: str) -> bool:
    """Return whether something else stands where a mapping belongs; no value is an empty one."""
    node = entries[key][1] if key in entries else None
    return node is not None and not node.null and not isinstance(node, Mapping)


def _uses(items: list[Item], blocks: dict[str, Block]) -> Iterable[Item]:
    for item in items:
        if item.type in blocks:
            yield item
        for branch in item.branches or ():
            yield from _uses(branch.items, blocks)
        yield from _uses(item.otherwise or [], blocks)


def read_version(entries: dict[str, tuple[Scalar, Node]], values: Values) -> int:
    """Return the version of the language that a file says under `convcost`; the first without."""
    if "convcost" not in entries:
        return VERSIONS[0]
    node = entries["convcost"][1]
    if isinstance(node, Scalar) and (node.null or not node.text):
        return VERSIONS[0]
    text = node.text if isinstance(node, Scalar) else ""
    if text not in map(str, VERSIONS):
        found = text or kind_of(node)
        values.errors.add("the language's version is 1 or 2", node, path="convcost", found=found)
        return VERSIONS[-1]
    return int(text)
