"""Numbers that differ between the uses of a block: each as an expression of what is known, or as a parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from convcost.importers.writing.conditions import BlockParameter, condition
from convcost.importers.writing.names import relative
from convcost.importers.writing.rows import module_around
from convcost.importers.writing.tree import (
    BlockUse,
    Body,
    Leaf,
    Merge,
    OptionalItem,
    Repetition,
    TextBlock,
    TreeNode,
    channels_of,
    rows_in,
)
from convcost.layers.base import REGISTRY

CHANNELS, WINDOW, TIMES, PRESENT = "channels", "window", "times", "if"
"""What kinds of numbers may be expressed by each other; every other field is a kind of its own."""
_KINDS = {
    "out_channels": CHANNELS,
    "out_features": CHANNELS,
    "groups": CHANNELS,
    "num_groups": CHANNELS,
    "num_heads": CHANNELS,
    "hidden_size": CHANNELS,
    "start": CHANNELS,
    "end": CHANNELS,
    "kernel_size": WINDOW,
    "padding": WINDOW,
    "dilation": WINDOW,
}
_WORDS = {
    "kernel_size": "kernel",
    "out_channels": "out",
    "out_features": "out",
    "num_heads": "heads",
    TIMES: "depth",
    "negative_slope": "slope",
    "eps": "epsilon",
}
"""What parameters are called by the field that they give."""
_FACTORS = (1, 2, 3, 4, 6, 8)
_DIVISORS = (2, 3, 4, 6, 8, 16, 32)


class BranchPlace(Struct, frozen=True):
    """A branch of a merge: the merge's type, its number, and the last of its items that has channels of its own."""

    type: str
    number: int
    last: int


class Hole(Struct, eq=False):
    """A number in a block.

    Attributes:
        node: The item.
        field: Its field, or its parameter.
        kind: What kind of number it is.
        values: The numbers, for each occurrence of the block.
        reads: The channels that reach the item, for each occurrence.
        around: The branches that it stands in, the outermost first.
    """

    node: TreeNode
    field: str
    kind: str
    values: list[Any]
    reads: list[int]
    around: tuple[BranchPlace, ...]


class Texts:
    """The numbers of all blocks as they are written.

    Attributes:
        parameters: The parameters of each block.
    """

    def __init__(self, blocks: Sequence[TextBlock]) -> None:
        self.parameters: dict[int, list[BlockParameter]] = {}
        self._texts: dict[tuple[int, str], str] = {}
        for block in called_first(blocks):
            self._solve(block)

    def of(self, node: TreeNode, field: str) -> str:
        """Return the expression of a number; nothing where it is one number."""
        return self._texts.get((id(node), field), "")

    def arguments(self, use: BlockUse) -> dict[str, Any]:
        """Return what a use gives to its block: values, or expressions as text."""
        found: dict[str, Any] = {}
        for parameter in self.parameters[id(use.block)]:
            if parameter.is_derived:
                continue
            values = {parameter.values[place] for place in use.places} - {None}
            if text := self.of(use, parameter.name):
                found[parameter.name] = text
            elif values and values != {parameter.default}:
                (found[parameter.name],) = values
        return found

    def _solve(self, block: TextBlock) -> None:
        parameters = self.parameters[id(block)] = []
        spans = [[place] for place in range(block.size)]
        found = list(self._holes(block.body, spans, ()))
        holes = [hole for hole in found if len({*hole.values} - {None}) > 1]
        firsts = [next(rows_in(block.body.nodes, place)).item.inputs for place in range(block.size)]
        outer = [channels_of(each[0]) for each in firsts] if all(firsts) else []
        given = _given(block)
        if not _scaled(given, outer, "in_channels"):  # else it follows from what reaches the block
            holes.sort(key=lambda hole: hole.kind != CHANNELS or hole.values != given)
        often = _often([tuple(hole.values) for hole in holes if hole.kind == CHANNELS])
        for hole in holes:
            text = _expressed(hole, parameters, self._texts)
            if not text and hole.kind == CHANNELS:
                values = tuple(hole.values)
                if often[values] == 1:
                    text = _scaled(hole.values, hole.reads, "in_channels")
                if not text and outer and (default := _scaled(hole.values, outer, "in_channels")):
                    name = _name(hole, parameters, block, often[values], is_main=hole.values == given, default=default)
                    parameters.append(BlockParameter(name, hole.kind, hole.values, default, is_derived=True))
                    text = name
                if not text and not (hole.values == given and often[values] > 1):
                    text = _scaled(hole.values, hole.reads, "in_channels")
            if not text:
                is_main = hole.values == given
                name = _name(hole, parameters, block, often[tuple(hole.values)], is_main=is_main)
                parameters.append(BlockParameter(name, hole.kind, hole.values, _default(hole)))
                text = name
            self._texts[id(hole.node), hole.field] = text
        for hole in found:  # one number where the item runs, which a parameter gives
            if hole not in holes and None in hole.values and (text := _called_alike(hole, parameters)):
                self._texts[id(hole.node), hole.field] = text
        for item, present, reads in _options(block.body, spans, outer):
            self._texts[id(item), PRESENT] = condition(item, present, parameters, reads, given)
        for parameter in parameters:  # of what does not always run: any number serves there
            if parameter.default is None and None in parameter.values:
                parameter.default = next(value for value in parameter.values if value is not None)

    def _holes(self, body: Body, spans: list[list[int]], around: tuple[BranchPlace, ...]) -> Iterator[Hole]:
        """Yield the numbers of a list.

        Args:
            body: The list.
            spans: For each occurrence of the block those of the list: several where it is repeated in the block.
            around: The branches that the list is in.
        """
        for node in body.nodes:
            if isinstance(node, Leaf):
                yield from self._leaf_holes(node, spans, around)
            elif isinstance(node, Merge):
                for number, branch in enumerate(node.branches):
                    last = next((id(each) for each in reversed(branch.nodes) if _mixes(each)), 0)
                    yield from self._holes(branch, spans, (*around, BranchPlace(node.leaf.type, number, last)))
                yield from self._leaf_holes(node.leaf, spans, around)
            elif isinstance(node, Repetition):
                starts = node.starts()
                if not isinstance(node, OptionalItem):
                    yield Hole(
                        node, TIMES, TIMES, [node.counts[span[0]] if span else None for span in spans], [], around
                    )
                inner = [[starts[at] + turn for at in span for turn in range(node.counts[at])] for span in spans]
                yield from self._holes(node.unit, inner, around)
            elif isinstance(node, BlockUse):
                inner = [[node.places[place] for place in span] for span in spans]
                reads = _reads(node.block.body.nodes, inner) if len(node.reads) == 1 else []
                for parameter in self.parameters[id(node.block)]:
                    if not parameter.is_derived:
                        values = [parameter.values[span[0]] if span else None for span in inner]
                        yield Hole(node, parameter.name, parameter.kind, values, reads, around)

    def _leaf_holes(self, leaf: Leaf, spans: list[list[int]], around: tuple[BranchPlace, ...]) -> Iterator[Hole]:
        reads = _reads([leaf], spans) if len(leaf.reads) == 1 else []
        for at, name in enumerate(sorted(leaf.holes)):
            values = [leaf.given[span[0]][at] if span else None for span in spans]
            yield Hole(leaf, name, _KINDS.get(name, name), values, reads, around)


def _differ(values: Sequence[Any]) -> bool:
    """Return whether values are not all the same."""
    return any([value != values[0] for value in values])  # noqa: C419 -- a list is faster


def _reads(nodes: Sequence[TreeNode], spans: Sequence[Sequence[int]]) -> list[int]:
    """Return the channels that reach items, 0 where they differ between the repetitions within an occurrence."""
    found = []
    for span in spans:
        inputs = [next(rows_in(nodes, place)).item.inputs for place in span]
        channels = {channels_of(each[0]) if each else 0 for each in inputs}
        found.append(channels.pop() if len(channels) == 1 else 0)  # 0, too, where the item does not run
    return found


def _options(
    body: Body, spans: list[list[int]], outer: list[int]
) -> Iterator[tuple[OptionalItem, list[bool | None], list[int]]]:
    """Yield items that not all occurrences have, which of them do, and the channels that reach the item in each.

    Whether an occurrence has it is None where the question does not arise.
    """
    for at, node in enumerate(body.nodes):
        if isinstance(node, Merge):
            reads = _arriving(body, at, spans, outer)
            for branch in node.branches:
                yield from _options(branch, spans, reads)
        elif isinstance(node, Repetition):
            reads = []
            if isinstance(node, OptionalItem):
                reads = _arriving(body, at, spans, outer)
                yield node, [bool(node.counts[span[0]]) if span else None for span in spans], reads
            starts = node.starts()
            inner = [[starts[at] + turn for at in span for turn in range(node.counts[at])] for span in spans]
            yield from _options(node.unit, inner, reads)


def _arriving(body: Body, at: int, spans: list[list[int]], outer: list[int]) -> list[int]:
    """Return the channels that reach an item of a list, in each occurrence; none where they are not known."""
    if at and body.nodes[at].reads != [(body.nodes[at - 1], 0)]:
        return []
    found = []
    for number, span in enumerate(spans):
        rows = list(rows_in(body.nodes[:at], span[0])) if at and span else []
        if not rows and not outer:
            return []
        found.append(channels_of(rows[-1].outputs[0]) if rows else outer[number])
    return found


def _mixes(node: TreeNode) -> bool:
    """Return whether an item is a layer that gives a number of channels of its own."""
    return isinstance(node, Leaf) and ("out_channels" in node.holes or "out_features" in node.holes)


def called_first(blocks: Sequence[TextBlock]) -> list[TextBlock]:
    """Return blocks, each behind those that it uses."""
    found: list[TextBlock] = []
    seen: set[int] = set()

    def visit(block: TextBlock) -> None:
        if id(block) in seen:
            return
        seen.add(id(block))
        for use in uses_in(block.body):
            visit(use.block)
        found.append(block)

    for block in blocks:
        visit(block)
    return found


def uses_in(body: Body) -> Iterator[BlockUse]:
    """Yield the uses of blocks in a list and the lists within it."""
    for node in body.nodes:
        if isinstance(node, BlockUse):
            yield node
        elif isinstance(node, Merge):
            for branch in node.branches:
                yield from uses_in(branch)
        elif isinstance(node, Repetition):
            yield from uses_in(node.unit)


def _given(block: TextBlock) -> list[int]:
    """Return how many channels a block gives, for each occurrence."""
    last = [list(rows_in(block.body.nodes, place))[-1] for place in range(block.size)]
    return [channels_of(row.outputs[0]) for row in last]


def _expressed(hole: Hole, parameters: Sequence[BlockParameter], texts: dict[tuple[int, str], str]) -> str:
    """Return a number as an expression of parameters; nothing where it is none."""
    alike = [parameter for parameter in parameters if parameter.kind == hole.kind]
    for parameter in alike:
        if _is_given(hole.values, parameter) and (
            hole.kind != WINDOW or parameter.name == _WORDS.get(hole.field, hole.field)
        ):
            return parameter.name
    if hole.kind == WINDOW and hole.field == "padding" and isinstance(hole.node, Leaf):
        at = sorted(hole.node.holes).index("kernel_size") if "kernel_size" in hole.node.holes else -1
        kernel = texts.get((id(hole.node), "kernel_size"), "")
        for parameter in alike if at >= 0 and kernel else ():
            if parameter.name == kernel and _are_halves(hole.values, parameter.values):
                return f"{kernel} // 2"
    if hole.kind == CHANNELS:
        for parameter in alike:
            if text := _scaled(hole.values, parameter.values, parameter.name):
                return text
    return ""


def _often(columns: Sequence[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """Return how many columns of numbers agree with each, where both are known."""
    counts = Counter(columns)
    partial = [column for column in counts if None in column]
    found = Counter(counts)
    for column in partial:
        for other in counts:
            pairs = [*zip(column, other, strict=True)]
            if other != column and all(None in pair or pair[0] == pair[1] for pair in pairs):
                found[column] += counts[other]
                found[other] += counts[column] if None not in other else 0
    return found


def _are_halves(values: Sequence[Any], others: Sequence[Any]) -> bool:
    pairs = [pair for pair in zip(values, others, strict=True) if pair[0] is not None]
    return all(isinstance(value, int) and isinstance(other, int) and value == other // 2 for value, other in pairs)


def _called_alike(hole: Hole, parameters: Sequence[BlockParameter]) -> str:
    """Return the parameter of a hole's own field that gives its number; nothing where there is none."""
    for parameter in parameters:
        if parameter.name == hole.field and parameter.kind == hole.kind and _is_given(hole.values, parameter):
            return parameter.name
    return ""


def _is_given(values: Sequence[Any], parameter: BlockParameter) -> bool:
    """Return whether numbers are a parameter's; where only they are known, it takes them."""
    pairs = [*zip(values, parameter.values, strict=True)]
    if any(
        value is not None and value != other and (other is not None or parameter.is_derived) for value, other in pairs
    ):
        return False
    if not any(value is not None and other is not None for value, other in pairs):
        return False
    parameter.values = [value if other is None else other for value, other in pairs]
    return True


def _scaled(values: Sequence[Any], others: Sequence[Any], name: str) -> str:
    """Return numbers as a multiple or a share of others.

    >>> _scaled([4, 8], [2, 4], "out"), _scaled([1, 2], [2, 4], "out"), _scaled([2, 4], [2, 4], "out")
    ('2 * out', 'out / 2', 'out')
    >>> _scaled([1, 3], [2, 4], "out")
    ''
    """
    pairs = [pair for pair in zip(values, others, strict=False) if pair[0] is not None]
    if len(others) != len(values) or not all(type(each) is int and each > 0 for pair in pairs for each in pair):
        return ""
    for factor in _FACTORS:
        if all(value == factor * other for value, other in pairs):
            return name if factor == 1 else f"{factor} * {name}"
    for divisor in _DIVISORS:
        if all(value * divisor == other for value, other in pairs):
            return f"{name} / {divisor}"
    return ""


def _default(hole: Hole) -> Any:
    """Return the value that most uses would give; None where there is none, and for numbers of channels."""
    if hole.kind in (CHANNELS, TIMES):
        return None
    values = [value for value in hole.values if value is not None]
    (value, count), *_ = Counter(values).most_common(1)
    own = hole.node.holes.get(hole.field) if isinstance(hole.node, Leaf) else None
    if own in values and 2 * values.count(own) >= len(values):
        return own
    return value if 2 * count > len(values) else None


# names


_SHARES = {"in_channels / 2": "half", "in_channels / 3": "third", "in_channels / 4": "quarter"}


def _name(
    hole: Hole, parameters: Sequence[BlockParameter], block: TextBlock, often: int, *, is_main: bool, default: str = ""
) -> str:
    """Return a name for a parameter that says what it gives."""
    taken = {parameter.name for parameter in parameters}
    wanted = _wanted(hole, block, often, is_main=is_main, default=default)
    for name in wanted:
        if name not in taken and not _is_reserved(name):
            return name
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wanted[-1]}_{number}") not in taken)


def _wanted(hole: Hole, block: TextBlock, often: int, *, is_main: bool, default: str) -> list[str]:
    word = _WORDS.get(hole.field, hole.field)
    if isinstance(hole.node, BlockUse):
        return [word]
    branch = _branch(hole, block)
    if hole.kind != CHANNELS or hole.field not in ("out_channels", "out_features"):
        return [
            *([_SHARES[default]] if default in _SHARES else []),
            word,
            *([f"{word}_{branch}"] if branch else []),
            word,
        ]
    if is_main:
        return ["out", "mid"]
    if any(each.type == "multiply" for each in hole.around):
        return ["squeezed", "gate", "mid"]
    if branch:
        return [*(["channels"] if often > 1 else []), branch, f"{branch}_channels"]
    return ["mid", "hidden", "mid"]


def _branch(hole: Hole, block: TextBlock) -> str:
    """Return the branch of a merge in which a number stands: as its module is called, else by its number."""
    inside = [each for each in hole.around if each.type not in ("add", "multiply")]
    if not inside:
        return ""
    if isinstance(hole.node, Leaf) and hole.node.rows[0].item.name:
        module = module_around(rows_in(block.body.nodes, 0)) or ()
        if name := relative(hole.node.rows[0].module, module):
            return name
    name = f"branch{inside[-1].number + 1}"
    return name if id(hole.node) == inside[-1].last else f"{name}_mid"


def _is_reserved(name: str) -> bool:
    """Return whether a word means something else in a block."""
    return name in REGISTRY.built_in() or name in ("repeat", "if", "else", "name", "from", "weights", "r", "h", "w")
