"""Where the unrolling of a document stands: the names that can be seen, and the weights that are shared."""

from __future__ import annotations

from msgspec import Struct

from convcost.network import Layer
from convcost.spec.document import Item
from convcost.spec.evaluate import Value
from convcost.spec.tree import Node
from convcost.spec.unknown import UnknownNumber


class Path(Struct, frozen=True, gc=False):
    """Where layers are: the parts of their name, and those that earlier versions gave them.

    `former` is the same object as `parts` while both are equal.
    """

    parts: tuple[str, ...]
    former: tuple[str, ...]

    def to(self, part: str, former: str | None = None) -> Path:
        """Return the path one level deeper; without a former part, it is the same."""
        parts = (*self.parts, part)
        if self.former is self.parts and (former is None or former == part):
            return Path(parts, parts)
        return Path(parts, (*self.former, part if former is None else former))

    def formerly(self, label: str) -> Path:
        """Return the path of what had one more level formerly."""
        return Path(self.parts, (*self.former, label)) if label else self


ROOT = Path((), ())  # both the same object


class Scope:
    """The named values of a list and the lists around it, and the layers of the items that give them."""

    __slots__ = ("around", "here", "layers")

    def __init__(self, here: dict[str, Value] | None = None, around: Scope | None = None) -> None:
        self.here: dict[str, Value] = here or {}
        self.layers: dict[str, range] = {}
        self.around = around

    def find(self, name: str) -> Value | None:
        """Return the value of a name, None where nothing bears it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.here:
                return scope.here[name]
            scope = scope.around
        return None

    def layers_of(self, name: str) -> range:
        """Return the indices of the layers of the item that has a name; none for an input."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.layers:
                return scope.layers[name]
            scope = scope.around
        return range(0)


_FREE = frozenset(("stride", "dilation", "padding", "padding_mode", "output_padding", "ceil_mode", "axis", "eps", "p"))
"""Fields that may differ between layers that share weights: none of them changes the shape of a weight."""


class SharedWeights:
    """The layers whose weights the layers of an item use, in order.

    Args:
        item: The item that uses them.
        at: The node that errors point to.
        layers: The layers that own weights, or share them themselves.

    Attributes:
        wrong: Whether layers were found that cannot share; what follows from that is not reported.
    """

    def __init__(self, item: Item, at: Node | None, layers: list[Layer]) -> None:
        self.item = item
        self.at = at or item
        self.wrong = False
        self.layers = layers
        self.taken = 0

    def next(self) -> Layer | None:
        """Return the layer whose weights come next; None where there are no more."""
        self.taken += 1
        return self.layers[self.taken - 1] if self.taken <= len(self.layers) else None


def is_known(layer: Layer) -> bool:
    """Return whether no size of what a layer reads and gives, nor one in its fields, is hidden by an error."""
    sizes = [size for shape in (*layer.input_shapes, layer.output_shape) for size in shape]
    return UnknownNumber not in map(type, (*sizes, *vars(layer.definition).values()))


def has_weights(layer: Layer) -> bool:
    """Return whether a layer has trainable numbers or running statistics, its own or another's."""
    if not is_known(layer):
        return layer.definition.weights
    cost = layer.definition.cost(layer.input_shapes, layer.output_shape)
    return cost.params.__class__ is not int or cost.params > 0 or cost.buffers != 0


def difference(mine: Layer, theirs: Layer) -> str:
    """Return why a layer cannot use another one's weights; nothing where it can."""
    embedded = mine.type == "linear" and theirs.type == "embedding"
    if mine.type != theirs.type and not embedded:
        return f"{mine.name!r} is {_a(mine.type)}, {theirs.name!r} {_a(theirs.type)}"
    ours = mine.definition.cost(mine.input_shapes, mine.output_shape)
    others = theirs.definition.cost(theirs.input_shapes, theirs.output_shape)
    if not embedded:
        fields = theirs.fields
        for name, value in mine.fields.items():
            if name not in _FREE and fields.get(name) != value:
                return f"{mine.name!r} has {name} {_shown(value)}, {theirs.name!r} {_shown(fields.get(name))}"
    if (ours.params, ours.buffers) != (others.params, others.buffers):
        return f"{mine.name!r} has {ours.params:,} parameters, {theirs.name!r} {others.params:,}"
    return ""


def _a(type: str) -> str:
    return f"{'an' if type[0] in 'aeiou' else 'a'} {type}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def counted(count: int, noun: str) -> str:
    """Return a number with what it counts.

    >>> counted(1, "layer"), counted(2, "layer")
    ('1 layer', '2 layers')
    """
    return f"{count} {noun}{'s' * (count != 1)}"
