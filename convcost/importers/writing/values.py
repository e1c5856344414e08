"""Names of values: of what items read by name, and of items whose modules say what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convcost.importers.items import Mapped
from convcost.importers.writing import names
from convcost.importers.writing.alike import outputs_of
from convcost.importers.writing.rows import module_around
from convcost.importers.writing.tree import BlockUse, Body, Leaf, Merge, Ref, Repetition, TextBlock, TreeNode, rows_in
from convcost.layers.base import REGISTRY

_TAKEN = frozenset(("input", "previous", "_"))
_TELLING = frozenset(
    (
        *("layer_norm", "batch_norm", "group_norm", "rms_norm", "parameter", "attention", "lstm", "gru", "rnn"),
        *("declared", "unknown"),
    )
)
"""Types beside those with weights whose names are written even where nothing reads them."""
_MOST_ITEMS = 3  # of a module by which one of them may be called


class ValueNames:
    """The names of a network's values.

    Args:
        mapped: The model.
        top: The network's own list.
        blocks: Its blocks.

    Attributes:
        names: The name of each value that has one.
        inputs: The names of the inputs of blocks, where they have some.
        owners: The items whose weights others use, by the ids of their layers.
        outputs: The names of the outputs, where they are not simply what nothing reads.
    """

    def __init__(self, mapped: Mapped, top: Body, blocks: Sequence[TextBlock]) -> None:
        self.mapped = mapped
        self.top = top
        self.names: dict[Ref, str] = {}
        self.inputs: dict[int, list[str]] = {}
        inputs = list(self.mapped.inputs)
        for number, source in enumerate(self.top.sources):
            self.names[source, 0] = "input" if len(inputs) == 1 else names.fit(inputs[number]) or f"input_{number + 1}"
        taken = {*_TAKEN, *(self.names[source, 0] for source in self.top.sources)}
        wanted = {id(giver) for giver, _ in self._read_by_name(self.top)}
        shared = {id(item.shares) for item in self.mapped.items if item.shares is not None}
        leaves = [node for node in self.top.nodes if isinstance(node, Leaf)]
        self.owners = {id(leaf.rows[0].item): leaf for leaf in leaves if id(leaf.rows[0].item) in shared}
        wanted |= {id(leaf) for leaf in self.owners.values()}
        if self._unusual_outputs():
            wanted |= {id(giver) for giver, _ in self.top.outputs}
        counts: Counter[str] = Counter()
        self._top_reads = self._reads(self.top)
        self._skips = self._merged()
        paths = [_module(node) or () for node in self.top.nodes]
        self._inside = Counter(path[:length] for path in paths for length in range(len(path) + 1))
        for node in self.top.nodes:
            name = names.module_name(node)
            needed = id(node) in wanted or outputs_of(node) > 1
            if not needed and (not name or name in taken or not self._is_telling(node)):
                continue
            self._give(node, name or self._role(node, counts), taken, counts)
        for block in blocks:
            self._name_in(block)
        self.outputs = [self.names[ref] for ref in top.outputs] if self._unusual_outputs() else []

    def _role(self, node: TreeNode, counts: Counter[str]) -> str:
        """Return a name for a value of an item without a module: `skip_1` for what a later merge reads."""
        base = "skip" if id(node) in self._skips else kind_of(node)
        counts[base] += 1
        return f"{base}_{counts[base]}"

    def _merged(self) -> set[int]:
        """Return the items with weights whose values merges read."""
        givers = [giver for node in self.top.nodes if len(node.reads) > 1 for giver, _ in node.reads]
        return {id(giver) for giver in givers if not isinstance(giver, Leaf) or REGISTRY[giver.type].weights}

    def _is_telling(self, node: TreeNode) -> bool:
        """Return whether the module of an item is worth a line, as that of a sum is not."""
        if isinstance(node, Leaf):
            return REGISTRY[node.type].weights or node.type in _TELLING
        return self._inside[_module(node) or ()] <= _MOST_ITEMS

    def _give(self, node: TreeNode, base: str, taken: set[str], counts: Counter[str]) -> None:
        """Give a value of the network's own list a name that no other has."""
        parts = names.value_names(node, base)
        reads = self._top_reads
        for at, part in enumerate(parts):
            if len(parts) > 1 and (node, at) not in reads:
                self.names[node, at] = "_"
                continue
            base = part if part.endswith(kind_of(node)) else f"{part}.{kind_of(node)}"
            name = part if part not in taken else base
            while name in taken:
                counts[base] += 1
                name = f"{base}_{counts[base] + 1}"
            taken.add(name)
            self.names[node, at] = name

    def _name_in(self, block: TextBlock) -> None:
        """Name the inputs of a block and the values in it, where they are read by their names."""
        body = block.body
        wanted = self._read_by_name(body)
        sources = {id(source) for source in body.sources}
        taken = set(_TAKEN)
        if len(body.sources) > 1 or any(id(giver) in sources for giver, _ in wanted):
            given = ["x", "skip", *(f"skip_{number}" for number in range(2, len(body.sources)))][: len(body.sources)]
            self.inputs[id(block)] = given
            for source, name in zip(body.sources, given, strict=True):
                self.names[source, 0] = name
                taken.add(name)
        reads = self._reads(body)
        module = module_around(rows_in(body.nodes, 0)) or ()
        for node in body.nodes:
            count = outputs_of(node)
            if count == 1 and (node, 0) not in wanted:
                continue
            parts = names.ordinals(count) if count > 1 else [names.local_name(node, module)]
            for at, part in enumerate(parts):
                if count > 1 and (node, at) not in reads:
                    self.names[node, at] = "_"
                    continue
                name, number = part, 2
                while name in taken:
                    name, number = f"{part}_{number}", number + 1
                taken.add(name)
                self.names[node, at] = name

    @staticmethod
    def _reads(body: Body) -> set[Ref]:
        return {ref for node in body.nodes for ref in node.reads} | set(body.outputs)

    def _read_by_name(self, body: Body) -> set[Ref]:
        """Return the values that items of a list read by name: others than what the item before gives."""
        found: set[Ref] = set()
        for at, node in enumerate(body.nodes):
            before = before_of(body, at)
            plain, named = plain_and_named(node)
            found |= set(named)
            if plain and plain != [before]:
                found |= {ref for ref in plain if ref != before}
        return found

    def _unusual_outputs(self) -> bool:
        """Return whether the outputs are not simply what nothing reads."""
        read = {ref for node in self.top.nodes for ref in node.reads}
        unread = [(node, at) for node in self.top.nodes for at in range(outputs_of(node)) if (node, at) not in read]
        return unread != self.top.outputs


def plain_and_named(node: TreeNode) -> tuple[list[Ref], list[Ref]]:
    """Return the values that an item reads: by `from`, and by fields that name values."""
    reads, named = list(node.reads), 0
    if isinstance(node, Leaf):
        item = node.rows[0].item
        for name in REGISTRY[node.type].named_fields:
            if name in item.fields:
                value = item.fields[name]
                named += len(value) if isinstance(value, (list, tuple)) else 1
    return reads[: len(reads) - named], reads[len(reads) - named :]


def before_of(body: Body, at: int) -> Ref | None:
    """Return the value that an item reads without `from`."""
    if at:
        before = body.nodes[at - 1]
        return (before, 0) if outputs_of(before) == 1 else None
    return (body.sources[0], 0) if body.sources else None


def _module(node: TreeNode) -> tuple[str, ...] | None:
    return module_around(rows_in([node], 0))


def kind_of(node: TreeNode) -> str:
    """Return the type of an item, or the name of its block."""
    if isinstance(node, Leaf):
        return node.type
    if isinstance(node, Merge):
        return node.leaf.type
    return (
        node.block.name
        if isinstance(node, BlockUse)
        else kind_of(node.unit.nodes[0])
        if isinstance(node, Repetition)
        else ""
    )
