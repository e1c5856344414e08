"""The resolution as a symbol, where the network works at other resolutions with the same layers and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.importers.items import Mapped, MappedItem, is_sized
from convcost.importers.writing.rows import Key, key_of
from convcost.layers.base import REGISTRY, Activation
from convcost.layers.inputs import LayerError
from convcost.layers.layout import FEATURE_MAP
from convcost.network.graph import Tensor

_LEAST = 8  # positions on an axis of a picture
_TRIED = ((1, (32, 96)), (128, (128, 256)))
"""Steps of the resolution, and what is added to it for the two others at which the network is inferred again."""
_SHARES = (1, 2, 4, 8, 16, 32, 64)
_SIZED_WEIGHTS = frozenset(("linear", "layer_norm", "rms_norm", "scale", "shift", "prelu", "batch_norm", "group_norm"))
"""Types whose weights may depend on more than the channels of a feature map."""
_SIZED = frozenset(("reshape", "expand", "gather", "declared", "feature_map", "fold", "grid_sample", "roi_align"))
"""Types whose fields may hold sizes that follow from the resolution, and are numbers in the file."""


class Resolution(Struct, frozen=True):
    """How the resolution is written.

    Attributes:
        symbols: For each input the axes that have a symbol.
        values: What the symbols are declared as.
        expressions: Fields that depend on the resolution, by the ids of their items.
        factors: Factors that take the place of sizes, by the ids of their items.
    """

    symbols: Mapping[str, Mapping[int, str]] = {}
    values: Mapping[str, str] = {}
    expressions: Mapping[int, Mapping[str, Any]] = {}
    factors: Mapping[int, Any] = {}


class _Differs(Exception):
    """At another resolution the network is another one."""


def resolution_of(mapped: Mapped) -> Resolution:
    """Return the symbols for the resolution; none where it is a part of the network, as one of fixed positions.

    All inputs are pictures of one size, or nothing has a symbol.

    Args:
        mapped: The model.
    """
    inputs = list(mapped.inputs.values())
    sizes = {tensor.shape[1:] for tensor in inputs}
    fits = len(sizes) == 1 and all(tensor.layout == FEATURE_MAP and len(tensor.shape) == 3 for tensor in inputs)
    if not fits or min(inputs[0].shape[1:]) < _LEAST:
        return Resolution()
    ((height, width),) = sizes
    words = ("r", "r") if height == width else ("h", "w")
    sized = _Sized(mapped, (height, width), words)
    for step, added in _TRIED:
        if height % step or width % step:
            continue
        try:
            for more in added:
                sized.infer(more)
        except (_Differs, LayerError):
            continue
        declared = {word: str(size) for word, size in zip(words, (height, width), strict=True)}
        if step > 1:
            declared = {word: f"{{value: {size}, multiple_of: {step}}}" for word, size in declared.items()}
        symbols = {name: {1: words[0], 2: words[1]} for name in mapped.inputs}
        return Resolution(symbols, declared, sized.expressions, sized.factors)
    return Resolution()


class _Sized:
    """Infers a network at other resolutions.

    Args:
        mapped: The model.
        sizes: Its height and width.
        words: Their symbols.
    """

    def __init__(self, mapped: Mapped, sizes: tuple[int, int], words: tuple[str, str]) -> None:
        self.mapped = mapped
        self.items = [layer for item in mapped.items for layer in item.layers]
        self.sizes = sizes
        self.words = words
        self.keeping = {type for type in {item.type for item in self.items} if _may_keep_shape(type)}
        self.expressions: dict[int, dict[str, Any]] = {}
        self.factors: dict[int, Any] = {}
        self.shares: dict[int, tuple[int, int]] = {}  # of an item: the whole over its size, on each axis
        self.columns: dict[int, int] = {}  # of a `rearrange`: the resolution over the columns that it names
        for item in mapped.items:
            if item.type in ("upsample", "feature_map") and "size" in item.fields:
                self._resize(item)
            if item.type == "rearrange" and "w" in item.fields:
                self._split(item)

    def _resize(self, item: MappedItem) -> None:
        """Write a size as a factor, or as a share of the resolution."""
        before, after = item.inputs[0].shape[1:], item.outputs[0].shape[1:]
        if len(after) != 2:
            return
        factors = [size // small for size, small in zip(after, before, strict=False)]
        whole = all(small * factor == size for small, factor, size in zip(before, factors, after, strict=False))
        if whole and max(before) > 1 and item.type == "upsample":
            self.factors[id(item)] = factors[0] if factors[0] == factors[1] else factors
            return
        shares = [
            next((k for k in _SHARES if -(-all // k) == size), 0) for all, size in zip(self.sizes, after, strict=True)
        ]
        if all(shares):
            self.shares[id(item)] = (shares[0], shares[1])
            texts = [word if k == 1 else f"ceil({word} / {k})" for word, k in zip(self.words, shares, strict=True)]
            self.expressions[id(item)] = {"size": texts[0] if len({*texts}) == 1 and item.type == "upsample" else texts}

    def _split(self, item: MappedItem) -> None:
        """Write the columns of patches that tokens become a map of as a share of the resolution."""
        share, rest = divmod(self.sizes[1], item.fields["w"])
        if not rest and item.outputs[0].layout == FEATURE_MAP:
            self.columns[id(item)] = share
            self.expressions[id(item)] = {"w": f"{self.words[1]} / {share}" if share > 1 else self.words[1]}

    def infer(self, more: int) -> None:
        """Infer the network at a resolution that is larger by so many positions.

        Raises:
            _Differs: It would need other weights or fields.
            LayerError: A layer cannot work on what reaches it.
        """
        tensors: dict[Key, Tensor] = {}
        for tensor in self.mapped.inputs.values():
            shape = (tensor.shape[0], *(size + more for size in tensor.shape[1:]))
            tensors[key_of(tensor)] = Tensor(shape, tensor.producer, tensor.output, tensor.layout)
        for item in self.items:
            inputs = [tensors[tensor.producer, tensor.output] for tensor in item.inputs]
            if item.type in self.keeping and _keeps_shape(item, inputs[0]):
                given = item.outputs[0]
                tensors[given.producer, given.output] = inputs[0]
                continue
            for tensor, (shape, layout) in zip(item.outputs, self._inferred(item, inputs, more), strict=True):
                tensors[tensor.producer, tensor.output] = Tensor(shape, tensor.producer, tensor.output, layout)

    def _inferred(self, item: MappedItem, inputs: Sequence[Tensor], more: int) -> list[tuple[tuple[int, ...], str]]:
        """Return the shapes and layouts that an item gives."""
        shapes = tuple([tensor.shape for tensor in inputs])
        before = tuple([tensor.shape for tensor in item.inputs])
        if shapes == before and id(item) not in self.shares:
            return [(tensor.shape, tensor.layout) for tensor in item.outputs]
        if (item.type in _SIZED and not self._is_free(item)) or (
            item.type in ("slice", "crop", "split", "pad") and _cuts_positions(item)
        ):
            raise _Differs
        type, fields = REGISTRY[item.type], self._fields(item, more)
        same = fields is item.fields and not is_sized(item.type) and _are_alike(inputs, item.inputs)
        definition = item.definition if same else type.read(fields, inputs)
        definition.check_inputs(inputs)
        given = definition.output_shapes(*shapes)
        if item.type in _SIZED_WEIGHTS or (type.weights and inputs[0].shape[0] != item.inputs[0].shape[0]):
            cost, other = definition.cost(shapes, given[0]), item.definition.cost(before, item.outputs[0].shape)
            if (cost.params, cost.buffers) != (other.params, other.buffers):
                raise _Differs
        if item.type == "add" and not item.fields and len({*before}) < len({*shapes}):
            raise _Differs
        return [*zip(given, definition.layouts(inputs, given), strict=True)]

    def _is_free(self, item: MappedItem) -> bool:
        """Return whether what may hold sizes has none, or has them as shares of the resolution."""
        return item.type == "feature_map" and ("size" not in item.fields or id(item) in self.shares)

    def _fields(self, item: MappedItem, more: int) -> dict[str, Any]:
        if id(item) in self.factors:
            return {
                **{name: value for name, value in item.fields.items() if name != "size"},
                "scale_factor": self.factors[id(item)],
            }
        if id(item) in self.shares:
            sizes = [-(-(size + more) // k) for size, k in zip(self.sizes, self.shares[id(item)], strict=True)]
            return {**item.fields, "size": sizes}
        if id(item) in self.columns:
            columns, rest = divmod(self.sizes[1] + more, self.columns[id(item)])
            if rest:
                raise _Differs
            return {**item.fields, "w": columns}
        if item.type == "upsample" and "size" in item.fields:
            raise _Differs
        return item.fields


def _may_keep_shape(type: str) -> bool:
    """Return whether items of a type give the shape that they read, at any resolution."""
    known = REGISTRY[type]
    return type == "batch_norm" or (issubclass(known, Activation) and not known.axis_fields)


def _keeps_shape(item: MappedItem, given: Tensor) -> bool:
    """Return whether an item gives the shape that it reads, at any resolution.

    Raises:
        _Differs: It has weights for other channels.
    """
    if item.type != "batch_norm":
        return True
    if given.layout == FEATURE_MAP and given.shape[0] != item.inputs[0].shape[0]:
        raise _Differs
    return given.layout == FEATURE_MAP


def _are_alike(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Return whether tensors have as many axes as others, and their layouts."""
    for one, other in zip(tensors, others, strict=True):
        if len(one.shape) != len(other.shape) or one.layout != other.layout:
            return False
    return True


def _cuts_positions(item: MappedItem) -> bool:
    """Return whether an item cuts or pads an axis of positions at numbers that the file has."""
    if item.type == "pad":
        return False
    axis = item.fields.get("axis")
    return item.type == "crop" or axis not in (None, 0, "channels")
