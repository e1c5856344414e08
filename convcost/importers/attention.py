"""Attention: the products of queries, keys and values with their linear layers become one item."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.importers.items import MappedItem
from convcost.importers.views import MOVES, Factors, ItemGraph, View, compact, flat, key_of, row_major
from convcost.layers.base import REGISTRY
from convcost.layers.inputs import LayerError
from convcost.layers.layout import TOKENS, UNKNOWN
from convcost.network.graph import Tensor
from convcost.network.inference import Inference

_SCALED = MOVES | {"elementwise"}
_FORWARD = frozenset(("permute", "reshape", "flatten", "tokens"))
_NOTE = "attention's scale counts once for each score, where the model scales the queries, or queries and keys"


class _Heads(Struct, frozen=True):
    """Queries, keys or values as a view of what a linear layer gives.

    Attributes:
        linear: The layer.
        batch: The sizes of the axes before the length.
        length: How many there are.
        heads: How many heads.
        size: The numbers of a head.
        columns: The outputs of the layer that these are; a range where they lie beside each other.
        items: The items between, the scales among them.
        scales: How many of them scale.
    """

    linear: MappedItem
    batch: tuple[int, ...]
    length: int
    heads: int
    size: int
    columns: range | frozenset[int]
    items: tuple[MappedItem, ...]
    scales: int


class _Scores(Struct):
    """How the softmax comes from the product of queries and keys.

    Attributes:
        product: The product.
        biases: What is added.
        items: The items between the two.
        scales: How many of them scale.
    """

    product: MappedItem
    biases: list[Tensor]
    items: list[MappedItem]
    scales: int


def with_attention(
    items: Sequence[MappedItem], outputs: Sequence[Tensor], inference: Inference
) -> tuple[list[MappedItem], list[str]]:
    """Return items in which each attention with its linear layers is one, and notes on what it counts otherwise.

    Args:
        items: The items.
        outputs: What the model gives.
        inference: What infers their outputs.
    """
    if all(item.type != "softmax" for item in items):
        return list(items), []
    graph = ItemGraph(items, outputs)
    shared = {id(item.shares) for item in items if item.shares is not None}
    gone: set[int] = set()
    instead: dict[int, list[MappedItem]] = {}
    notes: dict[str, None] = {}
    for item in items:
        if item.type != "softmax":
            continue
        match = _Match(graph, item)
        found = match.items(inference, shared, gone)
        if found:
            gone.update(id(each) for each in match.removed)
            instead[id(match.last)] = found
            notes |= dict.fromkeys(match.notes)
    kept: list[MappedItem] = []
    for item in items:
        kept += instead.get(id(item), []) if id(item) in gone else [item]
    return kept, list(notes)


class _Match:
    """The attention around a softmax.

    Args:
        graph: The items.
        softmax: The softmax.
    """

    def __init__(self, graph: ItemGraph, softmax: MappedItem) -> None:
        self.graph = graph
        self.softmax = softmax
        self.removed: list[MappedItem] = []
        self.last = softmax
        self.notes: list[str] = []

    def items(self, inference: Inference, shared: set[int], gone: set[int]) -> list[MappedItem]:
        """Return the items that stand for it; none where it is no attention."""
        scores = self._scores()
        context = self.graph.only_reader(self.softmax.outputs[0])
        if scores is None or context is None or context.type != "matmul":
            return []
        weights = self.softmax.outputs[0]
        if context.inputs[0] is not weights and key_of(context.inputs[0]) != key_of(weights):
            return []
        query = self._heads(scores.product.inputs[0], transposed=False)
        key = self._heads(scores.product.inputs[1], transposed=True)
        value = self._heads(context.inputs[1], transposed=False)
        if query is None or key is None or value is None or not self._fit(query, key, value, scores):
            return []
        if not self._covers((query, key, value)):
            return []
        end, projection, behind = self._projection(context, query, value)
        if end is None:
            return []
        scores.biases = [self._without_leading_ones(bias, scores) for bias in scores.biases]
        inner = [self.softmax, context, scores.product, *scores.items, *query.items, *key.items, *value.items, *behind]
        linears = [query.linear, key.linear, value.linear, *([projection] if projection is not None else [])]
        self.removed = list({id(each): each for each in (*inner, *linears)}.values())
        self.last = projection or (behind[-1] if behind else context)
        if not self._is_closed(end) or any(
            id(each) in gone or id(each) in shared or each.shares for each in self.removed
        ):
            return []
        return self._built(inference, (query, key, value), scores, projection, end)

    # parts

    def _scores(self) -> _Scores | None:
        """Follow the softmax back to the product of queries and keys."""
        definition: Any = self.softmax.definition
        tensor = self.softmax.inputs[0]
        if definition.axis != len(tensor.shape) - 1:
            return None
        found = _Scores(self.softmax, [], [], 0)
        while (item := self.graph.giver(tensor)) is not None and self.graph.only_reader(tensor) is not None:
            if item.type == "matmul":
                found.product = item
                return found
            found.items.append(item)
            if item.type == "elementwise" and item.fields["op"] == "multiply":
                found.scales += 1
                tensor = item.inputs[0]
            elif item.type == "add" and len(item.inputs) == 2:
                inner = next((each for each in item.inputs if self._leads_to_product(each)), None)
                if inner is None or inner.shape != tensor.shape:
                    return None
                found.biases += [each for each in item.inputs if each is not inner]
                tensor = inner
            else:
                return None
        return None

    def _without_leading_ones(self, bias: Tensor, scores: _Scores) -> Tensor:
        """Return the bias of scores without its leading axes of size 1."""
        item = self.graph.giver(bias)
        if item is None or item.type != "reshape" or self.graph.only_reader(bias) not in scores.items:
            return bias
        (before,) = item.inputs
        ones = len(bias.shape) - len(before.shape)
        if ones < 1 or bias.shape != (1,) * ones + before.shape:
            return bias
        scores.items.append(item)
        return before

    def _leads_to_product(self, tensor: Tensor) -> bool:
        item = self.graph.giver(tensor)
        while item is not None and (item.type == "add" or item.type == "elementwise"):
            item = self.graph.giver(item.inputs[0])
        return item is not None and item.type == "matmul"

    def _heads(self, tensor: Tensor, *, transposed: bool) -> _Heads | None:
        """Return a tensor as heads of what a linear layer gives."""
        view = self.graph.view(tensor, _SCALED)
        scales = [item for item in view.items if item.type == "elementwise"]
        linear = self.graph.giver(view.base)
        if linear is None or linear.type != "linear" or any(item.fields["op"] != "multiply" for item in scales):
            return None
        axes = list(view.axes)
        if transposed:
            axes[-1], axes[-2] = axes[-2], axes[-1]
        return _as_heads(linear, view, axes, len(scales))

    def _fit(self, query: _Heads, key: _Heads, value: _Heads, scores: _Scores) -> bool:
        same = query.batch == key.batch == value.batch and key.length == value.length
        alike = query.heads == key.heads == value.heads and query.size == key.size
        wanted = (*query.batch, query.heads, query.length, key.length)
        given = self.softmax.inputs[0].shape
        if not same or not alike or [size for size in given if size != 1] != [size for size in wanted if size != 1]:
            return False
        return not scores.biases or given == wanted or given == wanted[-len(given) :]

    def _covers(self, parts: tuple[_Heads, ...]) -> bool:
        """Return whether each output of the linear layers is read once."""
        read: dict[int, list[range | frozenset[int]]] = {}
        widths: dict[int, int] = {}
        for part in parts:
            read.setdefault(id(part.linear), []).append(part.columns)
            widths[id(part.linear)] = part.linear.fields["out_features"]
        return all(_are_all(columns, widths[owner]) for owner, columns in read.items()) and (
            len({"bias" not in part.linear.fields for part in parts}) == 1
        )

    def _projection(
        self, context: MappedItem, query: _Heads, value: _Heads
    ) -> tuple[Tensor | None, MappedItem | None, list[MappedItem]]:
        """Return what the attention gives, its projection, and the items between that join the heads."""
        behind: list[MappedItem] = []
        tensor = context.outputs[0]
        wanted = (*query.batch, query.length)
        while True:
            reader = self.graph.only_reader(tensor)
            view = self.graph.view(tensor)
            joined = view.base is context.outputs[0] and _joins(view, wanted, query.heads, value.size, tensor)
            if reader is None or reader.type not in _FORWARD:
                if joined and reader is not None and reader.type == "linear":
                    return reader.outputs[0], reader, behind
                return (tensor if joined and tensor.layout in (TOKENS, UNKNOWN) else None), None, behind
            behind.append(reader)
            tensor = reader.outputs[0]

    def _is_closed(self, end: Tensor) -> bool:
        """Return whether nothing else reads what goes."""
        gone = {id(each) for each in self.removed}
        for item in self.removed:
            for tensor in item.outputs:
                if key_of(tensor) == key_of(end):
                    continue
                readers = self.graph.read_by.get(key_of(tensor), [])
                if key_of(tensor) in self.graph.outputs or any(id(each) not in gone for each in readers):
                    return False
        return True

    # what stands for it

    def _built(
        self,
        inference: Inference,
        parts: tuple[_Heads, ...],
        scores: _Scores,
        projection: MappedItem | None,
        end: Tensor,
    ) -> list[MappedItem]:
        query, key, value = parts
        name = _module(
            [each.name for each in (query.linear, key.linear, value.linear, projection, scores.product) if each]
        )
        before: list[MappedItem] = []
        inputs = [self._tokens(inference, part, before) for part in parts]
        if key.linear.inputs[0] is value.linear.inputs[0]:
            inputs = inputs[:1] if key.linear.inputs[0] is query.linear.inputs[0] else inputs[:2]
        scaled = scores.scales + query.scales + key.scales
        fields = _fields(query, value, inputs[0], scaled > 0, projection)
        if scaled and not scores.scales:
            self.notes.append(_NOTE)
        shape = (*query.batch, query.length, end.shape[-1])
        values = (*inputs, *(self._bias(inference, bias, before) for bias in reversed(scores.biases)))
        if scores.biases:
            fields["score_bias"] = ["score_bias"] * len(scores.biases)
        widths = query.linear.widths
        linears = [part.linear for part in parts] + ([projection] if projection is not None else [])
        learned = query.linear.trainable
        if any(part.linear.widths != widths for part in (key, value)) or any(x.trainable != learned for x in linears):
            return []
        item = MappedItem("attention", fields, values, (end,), name, widths=widths, trainable=learned)
        try:
            item.parts = tuple([replace(each, widths=widths, trainable=learned) for each in _unrolled(inference, item)])
        except LayerError:
            return []
        last = item.parts[-1]
        if last.outputs[0].shape != shape:
            return []
        if end.shape == shape and end.layout == TOKENS:
            last.outputs = (end,)
            return [*before, item]
        item.outputs = last.outputs
        fields = {"shape": list(end.shape)} | ({"layout": "tokens"} if end.layout == TOKENS else {})
        return [*before, item, MappedItem("reshape", fields, item.outputs, (end,), widths=item.widths)]

    def _bias(self, inference: Inference, bias: Tensor, before: list[MappedItem]) -> Tensor:
        """Return the bias of scores, which is no feature map."""
        if bias.layout == UNKNOWN:
            return bias
        before.append(_placed(inference, "reshape", {"shape": list(bias.shape)}, (bias,)))
        return before[-1].outputs[0]

    def _tokens(self, inference: Inference, part: _Heads, before: list[MappedItem]) -> Tensor:
        """Return what a linear layer reads, as tokens with the axes of a batch."""
        (tensor,) = part.linear.inputs
        shape = (*part.batch, part.length, tensor.shape[-1])
        if tensor.shape == shape and tensor.layout == TOKENS:
            return tensor
        known = next((each for each in before if each.inputs[0] is tensor), None)
        if known is None:
            fields = {"shape": list(shape), "layout": "tokens"}
            known = _placed(inference, "reshape", fields, (tensor,))
            before.append(known)
        return known.outputs[0]


def _as_heads(linear: MappedItem, view: View, axes: Sequence[Factors], scales: int) -> _Heads | None:
    """Return a view as heads; None where it is none of these."""
    width = linear.outputs[0].shape[-1]
    *leading, length, numbers = axes
    heads = [factor for axis in leading for factor in compact(axis) if factor[1] < width]
    rows = [factor for axis in (*leading, length) for factor in compact(axis) if factor[1] >= width]
    if len(heads) > 1 or any(stride >= width for _, stride in numbers) or any(stride < width for _, stride in length):
        return None
    if compact(rows) != flat(row_major(linear.outputs[0].shape)[:-1]):
        return None
    columns = _columns(view.offset, compact((*heads, *numbers)), width)
    batch = tuple([prod(size for size, _ in axis) for axis in leading if _is_batch(axis, width)])
    if columns is None:
        return None
    count, size = prod(size for size, _ in heads), prod(size for size, _ in numbers)
    lengths = prod(size for size, _ in length)
    return _Heads(linear, batch, lengths, count, size, columns, view.items, scales)


def _columns(offset: int, factors: Factors, width: int) -> range | frozenset[int] | None:
    """Return the outputs of a layer of some width at which values lie; None where some lie at one, or at none.

    >>> _columns(4, ((2, 1),), 6), sorted(_columns(0, ((2, 3), (2, 1)), 6)), _columns(5, ((2, 1),), 6)
    (range(4, 6), [0, 1, 3, 4], None)
    """
    if not factors or (len(factors) == 1 and factors[0][1] == 1):
        behind = offset + (factors[0][0] if factors else 1)
        return range(offset, behind) if behind <= width else None
    columns = [offset]
    for size, stride in factors:
        columns = [column + at * stride for column in columns for at in range(size)]
    found = frozenset(columns)
    return found if len(found) == len(columns) and max(columns) < width else None


def _are_all(columns: Sequence[range | frozenset[int]], width: int) -> bool:
    """Return whether columns are those from 0 to a width, each once.

    >>> _are_all([range(2, 4), range(2)], 4), _are_all([range(2), range(1, 3)], 4), _are_all([range(4)], 5)
    (True, False, False)
    """
    if sum(map(len, columns)) != width:
        return False
    places = sorted([(each.start, each.stop) for each in columns if isinstance(each, range)])
    if len(places) < len(columns):
        return len(set().union(*columns)) == width
    return all(stop == start for (_, stop), (start, _) in pairwise([(0, 0), *places]))


def _is_batch(axis: Factors, width: int) -> bool:
    """Return whether an axis is one of a batch, not that of the heads."""
    return any(size > 1 and stride >= width for size, stride in axis)


def _joins(view: View, wanted: tuple[int, ...], heads: int, size: int, tensor: Tensor) -> bool:
    """Return whether a view of the context has its heads beside each other, for each query."""
    if tensor.shape[-1] != heads * size or prod(tensor.shape[:-1]) != prod(wanted):
        return False
    context = row_major((*wanted[:-1], heads, wanted[-1], size))
    return flat(view.axes) == flat((*context[:-3], context[-2], context[-3], context[-1]))


def _fields(
    query: _Heads, value: _Heads, tokens: Tensor, scaled: bool, projection: MappedItem | None
) -> dict[str, Any]:
    """Return the fields of an attention, those with the default left out."""
    fields: dict[str, Any] = {"num_heads": query.heads}
    if query.size * query.heads != tokens.shape[-1]:
        fields["head_dim"] = query.size
    if value.size != query.size:
        fields["value_dim"] = value.size
    if "bias" in query.linear.fields:
        fields["qkv_bias"] = False
    if not scaled:
        fields["scale"] = False
    if projection is None:
        return fields | {"out_features": "none"}
    if "bias" in projection.fields:
        fields["out_bias"] = False
    if projection.fields["out_features"] != tokens.shape[-1]:
        fields["out_features"] = projection.fields["out_features"]
    return fields


def _unrolled(inference: Inference, item: MappedItem) -> list[MappedItem]:
    """Return the layers that an attention consists of."""
    parts: list[MappedItem] = []

    def add(name: str, type: str, fields: dict[str, Any], *inputs: Tensor) -> tuple[Tensor, ...]:
        part = _placed(inference, type, fields, inputs, f"{item.name}/{name}" if item.name else name)
        parts.append(part)
        return part.outputs

    definition: Any = REGISTRY["attention"].read(item.fields, item.inputs)
    definition.unroll(item.inputs, add)
    return parts


def _placed(
    inference: Inference, type: str, fields: dict[str, Any], inputs: tuple[Tensor, ...], name: str = ""
) -> MappedItem:
    definition = REGISTRY[type].read(fields, inputs)
    outputs = inference.infer(definition, inputs)
    return MappedItem(type, fields, inputs, outputs, name, read=definition)


def _module(names: Sequence[str]) -> str:
    """Return the module that items belong to, which its names begin with."""
    paths = [name.split(".") for name in names if name]
    if not paths:
        return ""
    count = 0
    while all(len(path) > count and path[count] == paths[0][count] for path in paths):
        count += 1
    return ".".join(paths[0][:count])
