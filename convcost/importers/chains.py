"""Batch norms whose factors and summands are layers of their own, as Caffe has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from convcost.importers.items import MappedItem
from convcost.importers.views import ItemGraph
from convcost.network.graph import Tensor


def with_whole_norms(
    items: Sequence[MappedItem], outputs: Sequence[Tensor], plain: Collection[int]
) -> list[MappedItem]:
    """Return items in which a batch norm that learns nothing, a factor and a summand per channel are one batch norm.

    Args:
        items: The items.
        outputs: What the model gives.
        plain: The batch norms that learn nothing, by their ids.
    """
    if not plain:
        return list(items)
    graph = ItemGraph(items, outputs)
    gone: set[int] = set()
    instead: dict[int, MappedItem] = {}
    for item in items:
        if id(item) not in plain:
            continue
        factor = graph.only_reader(item.outputs[0])
        summand = graph.only_reader(factor.outputs[0]) if factor is not None else None
        if factor is None or summand is None or (factor.type, summand.type) != ("scale", "shift"):
            continue
        if len({_axis(each) for each in (item, factor, summand)}) == 1:
            gone.update((id(item), id(factor)))
            instead[id(summand)] = MappedItem(
                "batch_norm", item.fields, item.inputs, summand.outputs, item.name, trainable=summand.trainable
            )
    return [instead.get(id(item), item) for item in items if id(item) not in gone]


def _axis(item: MappedItem) -> object:
    """Return the axis of the channels."""
    return vars(item.definition)["axis"]
