"""Lists of items: their types, names, sources, branches and repetitions."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from convcost.errors import PluginError, nearest
from convcost.layers import REGISTRY
from convcost.spec.document import (
    EACH,
    EACH_KEYS,
    INVALID,
    ITEM_KEYS,
    LATER_ITEM_KEYS,
    OWN,
    PREVIOUS,
    RESIDUAL,
    Branch,
    Given,
    Item,
    is_merge,
)
from convcost.spec.fields import Fields
from convcost.spec.merges import Merges
from convcost.spec.names import Names
from convcost.spec.slips import Slips
from convcost.spec.tree import Mapping, Node, Scalar, Sequence
from convcost.spec.values import kind_of


class Items:
    """Reads the items of one body: the network's own, or a block's.

    Args:
        fields: How fields and arguments are read.
    """

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.values = fields.values
        self.merges = Merges(self)
        self.slips = Slips(fields)
        self.declared: dict[str, tuple[Scalar, str]] = {}
        self.unresolved: list[tuple[str, Scalar, str]] = []  # names in `from` that nothing earlier bears

    def body(self, node: Node, where: str, *names: str) -> list[Item]:
        """Return the items of a whole body; `names` are those that `from` can read in it from the start."""
        items = self.read(node, where, Names(names), {})
        self._check_sources()
        return items

    def read(self, node: Node, where: str, names: Names, counts: dict[str, int]) -> list[Item]:
        """Return the items of a list.

        Args:
            node: The list.
            where: Its path, for errors.
            names: Gathers the names that are given in it.
            counts: How many items of each type have no name so far, in the list and in those whose items are counted
                with it.
        """
        if not isinstance(node, Sequence):
            self.values.errors.add(
                "layers is a list of items", node, path=where, found=kind_of(node), help="- conv: {…}"
            )
            return []
        items: list[Item] = []
        former: dict[str, int] = {}
        for index, child in enumerate(node.items):
            item = self._item(child, f"{where}[{index}]", names, counts)
            former[item.type] = former.get(item.type, 0) + 1
            item.former = _segment(item.names) or f"{item.type}_{former[item.type]}"
            items.append(item)
        for item in items:
            while not item.names and item.segment in self.declared:  # a given name keeps its path
                item.segment += "'"
        return items

    def _item(self, node: Node, where: str, names: Names, counts: dict[str, int]) -> Item:
        if node.__class__ is Mapping:
            return self._mapping_item(node, where, names, counts)
        if node.__class__ is Scalar:
            type = node.text
            if not self.is_type(type):
                if node.null:
                    self._no_item(node, where)
                else:
                    self._unknown_type(type, node, where)
                return _wrong(node, where)
            return self._build(type, node, Scalar("", node.line, node.column), {}, where, names, counts)
        self._no_item(node, where)
        return _wrong(node, where)

    def _no_item(self, node: Node, where: str) -> None:
        self.values.errors.add(
            "an item is a type or a mapping with one", node, path=where, found=kind_of(node), help="- conv: {…}"
        )

    def _mapping_item(self, node: Mapping, where: str, names: Names, counts: dict[str, int]) -> Item:
        entries = node.entries
        type = ""
        if "name" in entries:
            name = entries["name"][1]
            if name.__class__ is Scalar and not name.null:
                where = f'{where} "{name.text}"'
        for key in entries:
            if key in ITEM_KEYS and not (key in LATER_ITEM_KEYS and key in self.fields.parameters):
                continue
            if type and entries[type][1].null and key in self.slips.fields_of(type):
                continue  # it belongs under the type
            if not self.is_type(key):
                self._unknown_type(key, entries[key][0], where)
                return self._named_only(node, where, names)
            if type:
                self.values.errors.add(
                    "an item has exactly one type",
                    entries[key][0],
                    path=where,
                    found=f"{type} and {key}",
                    help="start the second with its own '- '",
                )
                return self._named_only(node, where, names)
            type = key
        if not type:
            if not node.broken:
                help = "- conv: {…}"
                self.values.errors.add("an item has exactly one type", node, path=where, found="none", help=help)
            return self._named_only(node, where, names)
        at, value = entries[type]
        if value.null and len(entries) > 1:
            value = self.slips.indented(type, node, value, where)
        elif isinstance(value, Mapping) and not ITEM_KEYS.keys().isdisjoint(value.entries):
            entries, value = self.slips.moved_out(type, entries, value, where)
        return self._build(type, at, value, entries, where, names, counts)

    def _named_only(self, node: Mapping, where: str, names: Names) -> Item:
        """Return an item after an error; it keeps its name, so that items which read it are valid."""
        item = _wrong(node, where)
        if "name" in node.entries:
            item.names = self._names(node.entries["name"][1], where, names)
        return item

    def is_type(self, name: str) -> bool:
        """Return whether a name is a layer type, a block or another item."""
        if name in self.fields.parameters or name in (RESIDUAL, EACH):
            return True
        try:
            REGISTRY[name]
        except (KeyError, PluginError):
            return False
        return True

    def _unknown_type(self, name: str, at: Node, where: str) -> None:
        if name in REGISTRY:
            try:
                REGISTRY[name]
            except PluginError as error:
                (detail,) = error.details
                self.values.errors.add(detail.message, at, path=where, found=detail.found, help=detail.help)
                return
        from convcost.spec.words import meant  # for errors only

        help = meant(name) or nearest(name, [*REGISTRY, *self.fields.parameters, RESIDUAL, EACH, *ITEM_KEYS])
        self.values.errors.add(f"there is no layer type or block {name!r}", at, path=where, help=help)

    def _build(
        self,
        type: str,
        at: Node,
        value: Node,
        entries: dict[str, tuple[Scalar, Node]],
        where: str,
        names: Names,
        counts: dict[str, int],
    ) -> Item:
        count = counts[type] = counts.get(type, 0) + 1
        item = Item(type, f"{type}_{count}", where, at.line, at.column, {})
        item.merges = type not in self.fields.parameters and is_merge(type)
        self.values.visible = names
        outside = self.values.known
        if entries and len(entries) > 1:
            self._read_keys(item, entries, names)
        if type in self.fields.parameters:
            item.fields = self.fields.arguments(type, value, at, where)
            self._check_block_inputs(item, entries["from"][1] if "from" in entries else at)
        elif type == EACH:
            self._each(item, value, names)
        elif item.merges:
            item.opens_level = bool(entries) and ("name" in entries or "repeat" in entries)
            named = bool(entries) and "from" in entries
            self.merges.merge(item, value, where, names, {} if item.opens_level else counts, named=named)
        else:
            item.fields = self.fields.layer(REGISTRY[type], value, at, where)
        self._read_named(item, names)
        self.values.known = outside
        if entries and "else" in entries and "else" not in self.fields.parameters:
            self._else(item, entries, names, counts)
        if entries and "name" in entries:  # last: an item does not see itself
            item.names = self._names(entries["name"][1], where, names)
            item.segment = _segment(item.names) or item.segment
        return item

    def _read_keys(self, item: Item, entries: dict[str, tuple[Scalar, Node]], names: Names) -> None:
        """Read the keys beside an item's type."""
        where, own = item.where, self.fields.parameters
        if "from" in entries:
            item.sources = self._sources(entries["from"][1], where, names)
            self._check_count(item, entries["from"][1])
        if "repeat" in entries:
            item.repeat = self.fields.repeat(entries["repeat"][1], where)
            if item.repeat.index:
                self.values.known |= {item.repeat.index}
        if "if" in entries:
            at = entries["if"][1]
            item.condition = Given(self.values.read(at, where), at)
        if "weights" in entries and "weights" not in own:
            item.weights_at = entries["weights"][1]
            item.weights = self._weights(item.weights_at, where, names)
        if "trainable" in entries and "trainable" not in own:
            item.frozen = self._is_frozen(entries["trainable"][1], where)
        if "dtype" in entries and "dtype" not in own:
            item.widths = self.fields.widths(entries["dtype"][1], where)
        if "sparsity" in entries and "sparsity" not in own:
            item.sparsity = self._sparsity(entries["sparsity"][1], item)

    def _check_count(self, item: Item, at: Node) -> None:
        """Refuse several names for what reads one value, and any for what reads none."""
        if item.merges or item.type in self.fields.parameters:
            return
        if item.sources and item.type in REGISTRY and REGISTRY[item.type].arity[1] == 0:
            help = "it may stand in a branch, or be read by its name"
            self.values.errors.add(f"{item.type} reads nothing", at, path=item.where, found="from", help=help)
        if len(item.sources) < 2:
            return
        self.values.errors.add(
            "only a merge reads several names",
            at,
            path=item.where,
            found=f"{len(item.sources)} names",
            help="add, multiply and concat are merges",
        )

    def _check_block_inputs(self, item: Item, at: Node) -> None:
        """Refuse another number of names than a block reads."""
        inputs = self.fields.block_inputs.get(item.type, ())
        wanted = max(len(inputs), 1)
        given = len(item.sources) or 1
        if given == wanted or item.type not in self.fields.block_inputs:
            return
        takes = f"{wanted} input{'s' * (wanted != 1)}" + (f": {', '.join(inputs)}" if inputs else "")
        help = f"from: [{', '.join(inputs)}]" if len(inputs) > 1 else "inputs: [x, …] in the block lets it read several"
        self.values.errors.add(
            f"the block {item.type!r} reads {takes}", at, path=item.where, found=f"{given} given", help=help
        )

    def _weights(self, node: Node, where: str, names: Names) -> str:
        if not isinstance(node, Scalar) or node.null:
            found = "no value" if isinstance(node, Scalar) else kind_of(node)
            help = "the name of an earlier item, or own"
            self.values.errors.add("weights takes a name", node, path=where, found=found, help=help)
            return ""
        if node.text == OWN and OWN not in names:
            return OWN
        if node.text not in names:
            self.unresolved.append((node.text, node, where))
            return ""
        return node.text

    def _is_frozen(self, node: Node, where: str) -> bool:
        value = self.values.read(node, where)
        if value is not INVALID and not isinstance(value, bool):
            found = kind_of(node) if isinstance(node, Scalar) else "a list"
            self.values.errors.add("trainable is true or false", node, path=where, found=found)
        return value is False

    def _sparsity(self, node: Node, item: Item) -> Fraction | None:
        """Return the share of an item's weights that are zero; None where an error is reported."""
        from convcost.spec.amounts import share_of  # few specs have one

        share = share_of(node.text) if isinstance(node, Scalar) and not node.null else None
        if share is None:
            found = node.text if isinstance(node, Scalar) and node.text else kind_of(node)
            help = "such as 90% or 0.9"
            self.values.errors.add("sparsity is a share from 0 to 1", node, path=item.where, found=found, help=help)
        elif item.type in REGISTRY and item.type not in self.fields.parameters:
            layer = REGISTRY[item.type]
            if not (layer.macs or layer.composite):
                help = "sparsity is for layers that multiply by weights, and for blocks of these"
                self.values.errors.add(f"{item.type} has no weights that are zero", node, path=item.where, help=help)
        return share

    def _else(self, item: Item, entries: dict[str, tuple[Scalar, Node]], names: Names, counts: dict[str, int]) -> None:
        node = entries["else"][1]
        if item.condition is None:
            help = "else belongs to an item with if"
            self.values.errors.add("else stands without if", entries["else"][0], path=item.where, help=help)
        item.otherwise = self.merges.branch(node, f"{item.where}.else", names, counts, title="else")

    def _each(self, item: Item, node: Node, names: Names) -> None:
        """Read the items that run on every slice."""
        form = "each: {axis: 0, layers: [...]}"
        entries = node.entries if isinstance(node, Mapping) else {}
        if isinstance(node, Mapping):
            self.values.check_keys(node, EACH_KEYS, item.where, EACH)
        else:
            self.values.errors.add("each is a mapping", node, path=item.where, found=kind_of(node), help=form)
        item.branches = [Branch([], "", "")]
        for key in EACH_KEYS:
            if key not in entries and isinstance(node, Mapping) and entries.keys() <= EACH_KEYS.keys():
                self.values.errors.add(f"each needs {key}", item, path=item.where, help=form)
        if "axis" in entries:
            at = entries["axis"][1]
            item.fields["axis"] = Given(self.fields.axis_value(at, item.where), at)
        else:
            item.fields["axis"] = Given(INVALID, node)
        if "layers" in entries:
            items = self.merges.branch(entries["layers"][1], f"{item.where}.each", names, {}, title="layers")
            item.branches = [Branch(items, "", "")]

    def _read_named(self, item: Item, names: Names) -> None:
        """Read the names of values that fields give, such as those of score biases."""
        if item.type in self.fields.parameters or item.type in (RESIDUAL, EACH) or item.type not in REGISTRY:
            return
        found: list[str] = []
        for name in REGISTRY[item.type].named_fields:
            given = item.fields.get(name)
            if given is None or given.value is INVALID:
                continue
            nodes = given.at.items if isinstance(given.at, Sequence) else [given.at]
            found += self.names_of(nodes, item.where, names, name)
        item.named = tuple(found)

    def _names(self, node: Node, where: str, names: Names) -> tuple[str, ...]:
        """Return the names of an item's outputs."""
        nodes = node.items if isinstance(node, Sequence) else [node]
        if not nodes:
            self.values.errors.add("a name is a text", node, path=where, found="an empty list")
        found = []
        for child in nodes:
            if isinstance(node, Sequence) and isinstance(child, Scalar) and child.text == "_":
                found.append("_")
            elif name := self._name(child, where, names):
                found.append(name)
        return tuple(found) if len(found) == len(nodes) else ()

    def _name(self, node: Node, where: str, names: Names) -> str:
        if not isinstance(node, Scalar) or node.null:
            found = "no value" if isinstance(node, Scalar) else kind_of(node)
            self.values.errors.add("a name is a text", node, path=where, found=found)
            return ""
        if node.text in self.declared:
            first = self.declared[node.text][0]
            self.values.errors.add(
                f"the name {node.text!r} is used twice", node, path=where, found=f"first in line {first.line + 1}"
            )
        else:
            self.declared[node.text] = (node, where)
        names.here.add(node.text)
        return node.text

    def _sources(self, node: Node, where: str, names: Names) -> tuple[str, ...]:
        nodes = node.items if isinstance(node, Sequence) else [node]
        sources = self.names_of(nodes, where, names, "from")
        if not nodes:
            self.values.errors.add("from takes a name, or a list of names", node, path=where, found="an empty list")
        return tuple(sources)

    def names_of(self, nodes: Iterable[Node], where: str, names: Names, key: str) -> list[str]:
        """Return names of earlier items; `previous` is the item before unless an item has that name."""
        sources = []
        for child in nodes:
            if not isinstance(child, Scalar) or child.null:
                found = "no value" if isinstance(child, Scalar) else kind_of(child)
                self.values.errors.add(f"{key} takes names", child, path=where, found=found)
                return []
            if child.text not in names and child.text != PREVIOUS:
                self.unresolved.append((child.text, child, where))
            sources.append(child.text)
        return sources

    def _check_sources(self) -> None:
        """Report names in `from` that stand later, or where they cannot be seen, or nowhere."""
        for name, at, where in self.unresolved:
            if name not in self.declared:
                others = [
                    known
                    for known, (_, own) in self.declared.items()
                    if where != own and not where.startswith(f"{own}.")  # no item reads itself
                ]
                help = nearest(name, others) if others else "name an earlier item with `name`"
                self.values.errors.add(f"there is no item named {name!r} before this one", at, path=where, help=help)
                continue
            other, other_where = self.declared[name]
            line = f"in line {other.line + 1}"
            if where == other_where:
                message, help = f"an item cannot read itself: {name!r}", ""
            elif where.startswith(f"{other_where}."):
                message, help = f"{name!r} cannot be read from inside itself", ""
            elif (other.line, other.column) > (at.line, at.column):
                message, help = f"{name!r} stands later", "data flows down the file: move it up"
            else:
                message = f"{name!r} cannot be seen from here"
                help = "a name inside a branch or body is visible there only"
            self.values.errors.add(message, at, path=where, found=line, help=help)
        self.unresolved = []


def _segment(names: tuple[str, ...]) -> str:
    """Return an item's part of the names of its layers: its first name; nothing where it has none."""
    return next((name for name in names if name != "_"), "")


def _wrong(node: Node, where: str) -> Item:
    return Item("", "", where, node.line, node.column, {})
