"""Rewritten specs: the items that write the rewritten layers are replaced in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.errors import ConvcostError, ErrorDetail, OptionError, Place
from convcost.layers import REGISTRY
from convcost.network import Layer, Network
from convcost.rewriting.application import apply
from convcost.rewriting.base import OWN, Part, Rewrite, Site
from convcost.rewriting.field_text import ItemUse, PartFields, SpecText
from convcost.rewriting.separation import separate
from convcost.spec import load
from convcost.spec.editing import Stuck, WrittenItem
from convcost.spec.limits import MOST_LAYERS, limited
from convcost.spec.source import Source


class Note(Struct, frozen=True):
    """The name of a rewrite and its source, for the comments in the text."""

    name: str
    source: str


_FLAT = ", as convcost import --flat writes it"


def rewrite_text(
    source: Source,
    settings: Mapping[str, Any],
    network: Network,
    changes: Sequence[tuple[Note, Sequence[Site]]],
    expected: Network,
) -> str:
    """Return the text of a spec whose layers are rewritten.

    Args:
        source: The spec.
        settings: The values given to its symbols.
        network: The network it describes with them.
        changes: The sites of each rewrite.
        expected: The rewritten network, which the new text must describe, but for the names of its layers.

    Raises:
        OptionError: The rewrite would need a different text for each use of an item, or the text cannot be edited.
    """
    labels = {index: note.name for note, sites in changes for site in sites for index in site.becomes}
    source, network = separate(source, settings, network, labels)
    writer = _Writer(source, network)
    for note, sites in changes:
        writer.write(note, sites)
    writer.finish([note for note, _ in changes])
    text = writer.text.edited()
    with limited(MOST_LAYERS):  # the network is there already, with more layers than its spec may have had
        found = load(Source(source.file, text), settings)
    if list(map(_arithmetic, found.layers)) != list(map(_arithmetic, expected.layers)):
        raise OptionError(
            ErrorDetail(
                "the text of this spec cannot be rewritten",
                Place(source.file),
                found="what it would say is not what the rewrite makes of the network",
                help="write the layers without `if` and `repeat` around them, or choose others with --layers",
            )
        )
    return text


def can_rewrite(
    source: Source, settings: Mapping[str, Any], network: Network, changes: Sequence[tuple[Rewrite, Sequence[Site]]]
) -> bool:
    """Return whether the text of a spec can be rewritten.

    Args:
        source: The spec.
        settings: The values given to its symbols.
        network: The network it describes with them.
        changes: The sites of each rewrite.
    """
    expected = apply(network, [site for _, sites in changes for site in sites]).network
    notes = [(Note(rewrite.name, rewrite.source), sites) for rewrite, sites in changes]
    try:
        rewrite_text(source, settings, network, notes, expected)
    except ConvcostError:
        return False
    return True


def _arithmetic(layer: Layer) -> tuple[Any, ...]:
    """Return everything of a layer but its name and place."""
    return layer.type, layer.fields, layer.sources, layer.input_shapes, layer.output_shape


class _Writer:
    """Replaces the items that write the layers of sites, and collects the new blocks."""

    def __init__(self, source: Source, network: Network) -> None:
        self.source = source
        self.spec = SpecText(source, network)
        self.graph, self.text = self.spec.graph, self.spec.text
        self.at: dict[tuple[int, int], list[int]] = {}
        for index, layer in enumerate(network.layers):
            self.at.setdefault(layer.item, []).append(index)
        self.blocks: dict[str, str] = {}  # the name of each new block, by its text
        self.lines: dict[str, list[str]] = {}  # the lines of each new block, by its first line

    def write(self, note: Note, sites: Sequence[Site]) -> None:
        """Replace the items that write the layers of the sites."""
        uses: dict[tuple[int, int], list[ItemUse]] = {}
        for site in sites:
            places: dict[tuple[int, int], list[int]] = {}
            for index in site.becomes:
                layer = self.graph.layers[index]
                places.setdefault(layer.item, []).append(index)
            for place, layers in places.items():
                parts = tuple(part for index in layers for part in site.becomes[index])
                uses.setdefault(place, []).append(ItemUse(site, tuple(layers), parts))
        for place, mine in uses.items():
            self._check_whole(place, mine, note)
            item = self.text.items[place]
            try:
                if not any(use.parts for use in mine):
                    self.text.remove(item)
                else:
                    self._replace(item, mine, note)
            except Stuck as stuck:
                raise OptionError(self._detail("an item cannot be rewritten", place, str(stuck))) from None

    def finish(self, notes: Sequence[Note]) -> None:
        """Write the new blocks, and a comment at the top."""
        try:
            if self.lines:
                self.text.add_blocks(self.lines)
        except Stuck as stuck:
            raise OptionError(
                ErrorDetail("the text of this spec cannot be rewritten", Place(self.source.file), found=str(stuck))
            ) from None
        self.text.head("rewritten: " + "; ".join(f"{note.name} ({note.source})" for note in notes))

    def _check_whole(self, place: tuple[int, int], uses: list[ItemUse], note: Note) -> None:
        """Refuse an item of which only some uses are rewritten."""
        taken = {index for use in uses for index in use.layers}
        left = [self.graph.layers[index].name for index in self.at[place] if index not in taken]
        if left:
            names = ", ".join(map(repr, left[:3])) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
            raise OptionError(
                self._detail(
                    f"an item is rewritten in all of its uses or in none: {note.name}",
                    place,
                    f"it also writes {names}",
                    help="choose all of them; one that the rewrite does not apply to needs an item of its own"
                    + (_FLAT if self.source.origins else ""),
                )
            )

    def _detail(self, message: str, place: tuple[int, int], found: str, help: str = "") -> ErrorDetail:
        layer = self.graph.layers[self.at[place][0]]
        lines = self.source.text.splitlines()
        text = lines[layer.line - 1] if layer.line else ""
        return ErrorDetail(message, layer.place(self.source.file), found=found, help=help, source=text)

    def _replace(self, item: WrittenItem, uses: list[ItemUse], note: Note) -> None:
        shapes = {tuple(_outline(part) for part in use.parts) for use in uses}
        if len(shapes) > 1:
            raise Stuck("its uses become different layers")
        parts = [tuple(use.parts[number] for use in uses) for number in range(len(uses[0].parts))]
        comment = f"{note.name}: was {item.type}"
        single = uses[0].parts[0]
        if len(parts) == 1 and not single.branches and single.behind == OWN:
            wanted = PartFields(self.spec, item, uses, block=False)
            comment = note.name if single.type == item.type else comment
            self.text.become(item, single.type, wanted.of(parts[0]), comment)
            return
        fields = PartFields(self.spec, item, uses, block=True)
        lines = ["layers:", *(f"  {line}" for part in parts for line in fields.lines(part))]
        if fields.arguments:
            lines.insert(0, "params: {" + ", ".join(f"{name}: " for name in fields.arguments) + "}")
        body = "\n".join(lines)
        if body not in self.blocks:
            taken = {*self.text.blocks(), *self.blocks.values(), *REGISTRY, "residual"}
            name, number = note.name, 1
            while name in taken:
                number += 1
                name = f"{note.name}_{number}"
            self.blocks[body] = name
            self.lines[f"{name}:   # {note.name}: {note.source}"] = lines
        self.text.become(item, self.blocks[body], fields.arguments, comment)


def _outline(part: Part) -> tuple[Any, ...]:
    """Return the types of a part and of its branches, without their fields."""
    return part.type, part.behind, tuple(tuple(map(_outline, branch)) for branch in part.branches)
