"""The graph that translated layers fill: nodes, weights, and values in the order that an operator takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from convcost.importers.graph import Constant, Node, Shape
from convcost.importers.keras.values import KerasLayer, KerasValue, Sizes, UntranslatableLayer

MOST_NODES = 200_000


class GraphBuilder:
    """Collects what the layers of a model become.

    Attributes:
        needs_sizes: Whether a layer needs a size that the file leaves open.
        has_wrong_shapes: Whether the file records wrong shapes: Keras 3 turns the axes of an ellipsis of `EinsumDense`.
    """

    def __init__(self) -> None:
        self.inputs: dict[str, Shape] = {}
        self.nodes: list[Node] = []
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.needs_sizes = False
        self.has_wrong_shapes = False
        self._taken: dict[str, int] = {}
        self._latest: tuple[KerasLayer | None, str] = (None, "")  # a layer with weights, and their type

    def add(
        self,
        layer: KerasLayer,
        operator: str,
        inputs: Sequence[str],
        attributes: Mapping[str, Any] | None = None,
        *,
        outputs: int = 1,
        scope: str = "",
    ) -> str:
        """Add a node and return the name of what it gives, or of the first of several.

        Args:
            layer: The layer that it stands for.
            operator: What it does.
            inputs: What it reads.
            attributes: Its attributes.
            outputs: How many values it gives.
            scope: Its module; the layer's path without it.
        """
        if len(self.nodes) + outputs > MOST_NODES:
            raise UntranslatableLayer(f"the model has more than {MOST_NODES:,} operations")
        path = layer.path
        names = (self.free(path),) if outputs == 1 else tuple([self.free(path) for _ in range(outputs)])
        scope = scope or path
        self.nodes.append(Node(operator, tuple(inputs), names, attributes or {}, scope, scope))
        return names[0]

    def free(self, path: str) -> str:
        """Return a name for a value that no other has."""
        taken = self._taken
        number = taken.get(path, 0)
        if not number:
            taken[path] = 1
            return path
        name = f"{path}:{number}"
        while name in taken:
            number += 1
            name = f"{path}:{number}"
        taken[path] = number + 1
        taken.setdefault(name, 1)
        return name

    def weight(self, layer: KerasLayer, name: str, *shape: int) -> str:
        """Add a weight of a layer and return its name; a layer that is called again has the weights that it had."""
        full = f"{layer.owner or layer.path}.{name}"
        if layer is not self._latest[0]:
            self._latest = (layer, _dtype(layer))
        self.constants[full] = Constant(full, shape, self._latest[1], trainable=layer.trainable)
        return full

    def number(self, *values: float, shape: tuple[int, ...] | None = None) -> str:
        """Add numbers that are no weights and return their name."""
        kind = "int64" if all(isinstance(each, int) for each in values) else "float32"
        sizes = (len(values),) if shape is None else shape
        name = f"={kind} {sizes} {values}"
        self.constants[name] = Constant(name, sizes, kind, values, stored=False)
        return name

    # orders

    def plain(self, value: KerasValue) -> KerasValue:
        """Return a value in Keras' own order."""
        if value.flattened:
            *_, after = self._unflattened(value)
            return after
        if not value.first:
            return value
        rank = len(value.known)
        return self._moved(value, (0, *range(2, rank + 1), 1), first=False)

    def first(self, value: KerasValue) -> KerasValue:
        """Return a value of several axes with its last axis as the first."""
        value = self.plain(value) if value.flattened else value
        if value.first or len(value.known) < 2:
            return value
        rank = len(value.known)
        return self._moved(value, (0, rank, *range(1, rank)), first=True)

    def _moved(self, value: KerasValue, order: tuple[int, ...], *, first: bool) -> KerasValue:
        layer = KerasLayer("", value.name, {})
        sizes = value.known
        if all(size == 1 for size in sizes[:-1]):
            shape = (0, sizes[-1], *sizes[:-1]) if first else (0, *sizes)
            held = [size if size is not None else -1 for size in shape]
            return KerasValue(self.add(layer, "Reshape", [value.name, self.number(*held)]), sizes, first)
        return KerasValue(self.add(layer, "Transpose", [value.name], {"perm": order}), sizes, first)

    def _unflattened(self, value: KerasValue) -> Iterator[KerasValue]:
        """Yield a flattened map as a map, in Keras' order, and flattened in that order."""
        layer = KerasLayer("", value.name, {})
        map = value.flattened
        shape = self.number(0, *(size if size is not None else -1 for size in map))
        yield (held := KerasValue(self.add(layer, "Reshape", [value.name, shape]), (*map[1:], map[0]), first=True))
        yield (held := self.plain(held))
        yield KerasValue(self.add(layer, "Flatten", [held.name]), value.sizes)

    def axis(self, value: KerasValue, axis: int) -> int:
        """Return the axis of the graph's value that an axis of Keras is, both counted with the batch.

        Raises:
            UntranslatableLayer: There is no such axis.
        """
        rank = len(value.known) + 1
        if not -rank <= axis < rank:
            raise UntranslatableLayer(f"there is no axis {axis}")
        axis %= rank
        if not value.first or axis == 0:
            return axis
        return 1 if axis == rank - 1 else axis + 1

    def shape_of(self, value: KerasValue) -> Shape | None:
        """Return the shape of the graph's value; None where nothing is known of it."""
        if value.sizes is None:
            return None
        sizes = (value.sizes[-1], *value.sizes[:-1]) if value.first else value.sizes
        return (None, *sizes)


def like(value: KerasValue, name: str) -> KerasValue:
    """Return a value with the sizes and the axis order of another."""
    return KerasValue(name, value.sizes, value.first, value.flattened)


def count(sizes: Sizes) -> int | None:
    """Return how many values sizes have; None where one is open."""
    return None if None in sizes else prod(size for size in sizes if size is not None)


def _dtype(layer: KerasLayer) -> str:
    """Return the type of a layer's weights; a policy of mixed types keeps them in single precision."""
    policy = layer.config.get("dtype")
    if isinstance(policy, dict):
        config = policy.get("config")
        policy = config.get("name") if isinstance(config, dict) else None
    known = ("float16", "bfloat16", "float64")
    return policy if isinstance(policy, str) and policy in known else "float32"
