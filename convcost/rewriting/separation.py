"""Uses of a block separated in a spec's text: one whose layers are rewritten otherwise than others has a copy of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from typing import Any

from msgspec import Struct

from convcost.errors import ConvcostError
from convcost.layers import REGISTRY
from convcost.network import Layer, Network
from convcost.spec import load, tree
from convcost.spec.collector import ErrorCollector, line_ends
from convcost.spec.limits import MOST_LAYERS, limited
from convcost.spec.source import Source

_MOST_ROUNDS = 10  # each separates the uses in one list; blocks nest a few levels

Labels = Mapping[int, str]
"""What is done to layers, by their indices."""
Spec = tuple[Source, Network]

_Done = dict[tuple[str, int, int], tuple[str, ...]]
"""What is done to the layers of a block, by its name, and their line and column in it; once where it is the same."""


class _Use(Struct, frozen=True):
    """An item whose type is a block: the line and the column of the type, from 0, and the block."""

    line: int
    column: int
    block: str


class _Group(Struct, frozen=True):
    """Uses of a block that share a copy of it: the ending of the copy's name, the uses, and what is copied with it."""

    name: str
    uses: tuple[_Use, ...]
    blocks: Set[str]


class _Copy(Struct, frozen=True):
    """A copy of a block: for which group of uses it is, the block, its first line and the one behind its last."""

    group: str
    block: str
    start: int
    end: int


def separate(source: Source, settings: Mapping[str, Any], network: Network, labels: Labels) -> Spec:
    """Return a spec of the same layers in which each item writes layers of one label, as far as copies can do that.

    Args:
        source: The spec.
        settings: The values given to its symbols.
        network: The network it describes with them.
        labels: What is done to layers, by their indices.
    """
    for _ in range(_MOST_ROUNDS):
        mixed = _mixed(network, labels)
        better = _separate_once(source, settings, network, labels, mixed) if mixed else None
        if better is None:
            break
        source, network = better
    return source, network


def _mixed(network: Network, labels: Labels) -> set[int]:
    """Return the lines, from 0, of the items that write layers of different labels."""
    found: dict[tuple[int, int], set[str]] = {}
    for index, layer in enumerate(network.layers):
        found.setdefault(layer.item, set()).add(labels.get(index, ""))
    return {line - 1 for (line, _), own in found.items() if len(own) > 1}


def _separate_once(
    source: Source, settings: Mapping[str, Any], network: Network, labels: Labels, mixed: Set[int]
) -> Spec | None:
    """Return the spec with the uses in one list separated, the outermost that helps; None where none does."""
    text = _BlockText(source)
    concerned = text.users_of({text.block_at(line) for line in mixed})
    for block in text.lists():
        uses = [use for use in text.uses if use.block in concerned and text.block_at(use.line) == block]
        groups = _groups(text, settings, network, labels, uses, concerned)
        if not groups:
            continue
        new, _ = text.with_copies(groups)
        found = _read_again(source, settings, network, new)
        if found is not None:
            return found
    return None


def _groups(
    text: _BlockText,
    settings: Mapping[str, Any],
    network: Network,
    labels: Labels,
    uses: list[_Use],
    concerned: Set[str],
) -> list[_Group]:
    """Return the uses that need a copy of their block in groups that can share one; none where all uses are alike.

    To see which layers a use writes, each gets a copy of its own.
    """
    alone = {use: str(number) for number, use in enumerate(uses)}
    apart = [_Group(name, (use,), text.used_by(use.block) & concerned) for use, name in alone.items()]
    new, copies = text.with_copies(apart)
    found = _read_again(text.source, settings, network, new) if uses else None
    if found is None:
        return []
    layers = list(enumerate(found[1].layers))
    groups: list[_Group] = []
    for block in dict.fromkeys(use.block for use in uses):
        kinds: list[tuple[_Done, list[_Use]]] = []
        for use in uses:
            if use.block == block:
                done = _done_in([copy for copy in copies if copy.group == alone[use]], layers, labels)
                alike = next((kind for kind in kinds if _agree(kind[0], done)), None)
                if alike is None:
                    kinds.append((done, [use]))
                else:
                    alike[0].update(done)
                    alike[1].append(use)
        if not any(use.block == block and use not in uses for use in text.uses):
            kinds.sort(key=lambda kind: bool(_names(kind[0])))  # one kind keeps the block, if one can the untouched
            kinds = kinds[1:]
        for done, members in kinds:
            if not _names(done):
                continue
            still_mixed = {name for (name, _, _), labels in done.items() if len(labels) > 1}
            if block not in still_mixed:
                blocks = text.used_by(block) & concerned - still_mixed
                name = text.unused("_".join(_names(done)), blocks, {group.name for group in groups})
                groups.append(_Group(name, tuple(members), blocks))
    return groups


def _done_in(copies: list[_Copy], layers: list[tuple[int, Layer]], labels: Labels) -> _Done:
    """Return the labels of the layers that some copies write, by their places."""
    done: _Done = {}
    for copy in copies:
        for index, layer in layers:
            line, column = layer.item
            if copy.start < line <= copy.end:
                place = copy.block, line - copy.start, column
                done[place] = (*done.get(place, ()), labels.get(index, ""))
    return {place: found if len(set(found)) > 1 else found[:1] for place, found in done.items()}


def _agree(done: _Done, other: _Done) -> bool:
    """Return whether the same is done at all places that two uses of a block have in common."""
    return all(other[place] == labels for place, labels in done.items() if place in other)


def _names(done: _Done) -> list[str]:
    return sorted({label for found in done.values() for label in found} - {""})


def _read_again(source: Source, settings: Mapping[str, Any], network: Network, text: str) -> Spec | None:
    """Return a changed spec and its network; None where its layers are not the old ones."""
    changed = Source(source.file, text, origins=source.origins, functional=source.functional)
    with suppress(ConvcostError), limited(MOST_LAYERS):
        found = load(changed, settings)
        if list(map(_arithmetic, found.layers)) == list(map(_arithmetic, network.layers)):
            return changed, found
    return None


def _arithmetic(layer: Layer) -> tuple[Any, ...]:
    return layer.type, layer.fields, layer.sources, layer.input_shapes, layer.output_shape


class _BlockText:
    """The text of a spec, the lines of its blocks, and where they are used.

    A block that does not have lines of its own is left out: it cannot be copied.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        ends = [match.end() for match in line_ends(source.text)]
        self.lines = [source.text[start:end] for start, end in zip([0, *ends], [*ends, len(source.text)], strict=True)]
        root = tree.parse(ErrorCollector(source))
        assert isinstance(root, tree.Mapping)  # it was read before
        self.blocks = self._find_blocks(root)
        self.uses = [use for use in _uses(root, self.blocks) if self._is_plain(use)]

    def _find_blocks(self, root: tree.Mapping) -> dict[str, tuple[int, int]]:
        """Return the first line of each block and the one behind its last, without the empty ones at its end."""
        _, node = root.entries.get("blocks", (None, None))
        if not isinstance(node, tree.Mapping):
            return {}
        tops = [key.line for key, _ in root.entries.values()]
        keys = {name: key for name, (key, _) in node.entries.items()}
        begins = sorted({*tops, *(key.line for key in keys.values()), len(self.lines)})
        found = {}
        for name, key in keys.items():
            start, end = key.line, next(line for line in begins if line > key.line)
            while self.lines[end - 1].strip()[:1] in ("", "#"):  # what stands above the next
                end -= 1
            alone = sum(other.line == key.line for other in keys.values()) == 1 and start not in tops
            if alone and not self.lines[start][: key.column].strip():
                found[name] = (start, end)
        return found

    def _is_plain(self, use: _Use) -> bool:
        return self.lines[use.line].startswith(use.block, use.column)

    def block_at(self, line: int) -> str:
        """Return the block that a line belongs to; nothing for what is in none."""
        return next((name for name, (start, end) in self.blocks.items() if start <= line < end), "")

    def users_of(self, blocks: Set[str]) -> set[str]:
        """Return blocks, and those that use them, however deep."""
        found = {block for block in blocks if block}
        while True:
            more = {self.block_at(use.line) for use in self.uses if use.block in found} - found - {""}
            if not more:
                return found
            found |= more

    def lists(self) -> Iterator[str]:
        """Yield the blocks whose lists use blocks, the outermost first; "" for the list that is in none."""
        yield ""
        found = {"": None}
        waiting = [""]
        while waiting:
            here = waiting.pop(0)
            for use in self.uses:
                if self.block_at(use.line) == here and use.block not in found:
                    found[use.block] = None
                    waiting.append(use.block)
                    yield use.block

    def unused(self, name: str, blocks: Set[str], taken: Set[str]) -> str:
        """Return an ending that makes new names of the names of blocks."""
        number = 1
        while True:
            group = f"{name}_{number}" if number > 1 else name
            if group not in taken and all(f"{block}_{group}" not in {*self.blocks, *REGISTRY} for block in blocks):
                return group
            number += 1

    def with_copies(self, groups: Sequence[_Group]) -> tuple[str, list[_Copy]]:
        """Return the text in which each group of uses has copies of its blocks, and of those that these use."""
        names: dict[int, list[tuple[int, str, str]]] = {}
        wanted: dict[str, list[_Group]] = {}  # for which groups a block is copied
        for group in groups:
            for use in group.uses:
                names.setdefault(use.line, []).append((use.column, use.block, group.name))
            for block in group.blocks:
                wanted.setdefault(block, []).append(group)
        lines = [_renamed(line, names.get(number, [])) for number, line in enumerate(self.lines)]
        new: list[str] = []
        copies = []
        last = {end: block for block, (_, end) in self.blocks.items()}
        for number in range(len(lines) + 1):
            block = last.get(number, "")
            for group in wanted.get(block, []):
                start, end = self.blocks[block]
                new += [_newline(new)] if new else []
                copies.append(_Copy(group.name, block, len(new), len(new) + end - start))
                new += self._copied(block, group)
            new += lines[number : number + 1]
        return "".join(new), copies

    def used_by(self, block: str) -> set[str]:
        """Return a block and those that it uses, however deep."""
        found = {block}
        while True:
            more = {use.block for use in self.uses if self.block_at(use.line) in found} - found
            if not more:
                return found
            found |= more

    def _copied(self, block: str, group: _Group) -> list[str]:
        """Return the lines of a block's copy; in them it and the blocks that it uses have the names of their copies."""
        start, end = self.blocks[block]
        inner: dict[int, list[tuple[int, str, str]]] = {}
        for use in self.uses:
            if use.block in group.blocks and start <= use.line < end:
                inner.setdefault(use.line, []).append((use.column, use.block, group.name))
        head = self.lines[start]
        column = len(head) - len(head.lstrip())
        inner.setdefault(start, []).append((column, block, group.name))
        lines = [_renamed(self.lines[number], inner.get(number, [])) for number in range(start, end)]
        if not lines[-1].endswith(("\n", "\r")):
            lines[-1] += "\n"
        return lines


def _newline(lines: list[str]) -> str:
    """Return an empty line; with the end of the line before it where that has none."""
    return "\n" if lines[-1].endswith(("\n", "\r")) else "\n\n"


def _renamed(line: str, names: list[tuple[int, str, str]]) -> str:
    """Return a line in which the names of blocks at some columns are those of a group's copies."""
    for column, block, group in sorted(names, reverse=True):
        line = f"{line[:column]}{block}_{group}{line[column + len(block) :]}"
    return line


def _uses(node: tree.Node, blocks: Mapping[str, Any]) -> Iterator[_Use]:
    """Yield the items of all lists whose type is a block."""
    if isinstance(node, tree.Mapping):
        for name, (_, value) in node.entries.items():
            if name != "from":  # names of items
                yield from _uses(value, blocks)
    elif isinstance(node, tree.Sequence):
        for child in node.items:
            keys = [key for key, _ in child.entries.values()] if isinstance(child, tree.Mapping) else [child]
            for key in keys:
                if isinstance(key, tree.Scalar) and key.text in blocks:
                    yield _Use(key.line, key.column, key.text)
            yield from _uses(child, blocks)
