"""Items as the text of a spec, as a person would have written it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.importers.items import Mapped, MappedItem
from convcost.importers.writing import names
from convcost.importers.writing.blocks import compress
from convcost.importers.writing.checking import difference
from convcost.importers.writing.dense import gather_dense
from convcost.importers.writing.nesting import body_of
from convcost.importers.writing.resolution import resolution_of
from convcost.importers.writing.rows import rows_of
from convcost.importers.writing.text import WIDTH, SpecWriter
from convcost.importers.writing.tree import rows_in

__all__ = ["WrittenSpec", "difference", "write"]


class WrittenSpec(Struct, frozen=True):
    """The text of a spec, and the items in the order of its network's layers."""

    text: str
    items: tuple[MappedItem, ...]


def write(
    mapped: Mapped,
    name: str,
    comments: Sequence[str],
    symbols: Mapping[str, Mapping[int, str]],
    expressions: Mapping[int, Mapping[str, Any]],
    *,
    flat: bool,
) -> WrittenSpec:
    """Return a model as the text of a spec.

    Args:
        mapped: The model.
        name: What it is called.
        comments: Lines for the top.
        symbols: The symbols by which the inputs' open axes go: for each input the axes that have one.
        expressions: Fields that depend on these symbols, by the ids of their items.
        flat: Whether every layer is an item of its own.
    """
    values: Mapping[str, str] = {}
    if not any(symbols.values()):
        resolution = resolution_of(mapped)
        symbols, values, expressions = resolution.symbols, resolution.values, resolution.expressions
        for item in mapped.items:
            if id(item) in resolution.factors:
                kept = {name: value for name, value in item.fields.items() if name != "size"}
                item.fields = {"scale_factor": resolution.factors[id(item)], **kept}
                item.read = None
    rows = rows_of(mapped, expressions, flat=flat)
    top = body_of(mapped, rows, nested=not flat)
    if not flat:
        gather_dense(top)
    blocks = [] if flat else compress(top)
    names.name_blocks(blocks)
    writer = SpecWriter(mapped, top, blocks, symbols, values, width=0 if flat else WIDTH)
    text = writer.write(name, [*dict.fromkeys([*comments, *mapped.notes])])
    return WrittenSpec(
        text, tuple([item for row in rows_in(top.nodes, 0) for each in row.items for item in each.layers])
    )
