"""The base of rewrites: where one applies, and what a layer becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.layers import REGISTRY, Activation, Norm
from convcost.network import INPUT, Layer, Network
from convcost.network.patterns import separable_pairs

ALL, OWN, NOTHING = "all", "own", "nothing"
"""The norm and activation that follow a part: all that followed the old layer, those written with it, or none."""

Fields = Mapping[str, Any]


class Refusal(Exception):
    """A rewrite does not apply to a layer; the message is the reason, as a clause that can follow "because"."""


class Part(Struct, frozen=True):
    """A layer of the new form.

    Attributes:
        label: The last part of its name, after the old layer's name.
        type: Its layer type, which may be a composite one.
        fields: All fields of the type in normal form.
        behind: Which norm and activation of the old layer follow it: `ALL`, `OWN` or `NOTHING`.
        changed: The fields whose values differ from the old layer's.
        axes: The axes on which the changed fields keep the old layer's values.
        share: The divisor of the old layer's output channels: 4 where the part has a quarter of them.
        branches: The branches of a merge, each a chain of parts.
    """

    label: str
    type: str
    fields: Fields
    behind: str = OWN
    changed: frozenset[str] = frozenset()
    axes: tuple[int, ...] = ()
    share: int = 1
    branches: tuple[tuple[Part, ...], ...] = ()


class Site(Struct, frozen=True):
    """A place of a network where a rewrite applies.

    Attributes:
        becomes: The parts that replace each layer, by the layer's index; a layer without parts passes on its input.
        path: The path of the new layers where it differs from the path of the layer that they replace.
        between: The layers between the replaced ones; they keep their fields, whatever shape reaches them.
    """

    becomes: Mapping[int, tuple[Part, ...]]
    path: tuple[str, ...] | None = None
    between: tuple[int, ...] = ()


class Graph:
    """A network with the reader of each layer's output, and its separable pairs."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = network.layers
        self.readers = network.readers()
        self.next: dict[int, int] = {}
        """The layer that reads a layer's output, where there is just one."""
        for index, layer in enumerate(network.layers):
            for source in layer.sources:
                if source != INPUT and self.readers[source] == 1:
                    self.next[source] = index
        self.pairs = separable_pairs(network, self.readers)
        """The depthwise stage of each separable convolution by its pointwise one."""
        self.sharers = {layer.shares: layer.name for layer in network.layers if layer.shares}
        """A layer that uses the weights of another one, by the name of that one."""
        self.depthwise = frozenset(self.pairs.values())

    def followers(self, index: int) -> list[int]:
        """Return the norm and the activation that follow a layer, as its fields or as items of their own."""
        found: list[int] = []
        for kind in (Norm, Activation):
            reader = self.next.get(index)
            if reader is not None and isinstance(self.layers[reader].definition, kind):
                found.append(reader)
                index = reader
        return found

    def own(self, index: int) -> list[int]:
        """Return the followers that are written as the layer's own `norm` and `activation`."""
        path = self.layers[index].path
        return [follower for follower in self.followers(index) if self.layers[follower].path[:-1] == path]


class Rewrite:
    """A rewrite of layers of one form into another.

    Args:
        options: Values instead of the defaults.

    Raises:
        OptionError: There is no such option, or it cannot take this value.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    """What becomes what."""
    loses: ClassVar[str] = ""
    """What is lost with the old form."""
    source: ClassVar[str] = ""
    example: ClassVar[Mapping[str, int]] = {}
    """Values of symbols that the form depends on; the formulas of the saving hold for these."""
    defaults: ClassVar[Mapping[str, int | bool]] = {}

    def __init__(self, **options: Any) -> None:
        for name, value in options.items():
            self._check(name, value)
        self.options = {**self.defaults, **options}

    def _check(self, name: str, value: Any) -> None:
        if name not in self.defaults:
            known = nearest(name, self.defaults) if self.defaults else "it has no options"
            raise OptionError(ErrorDetail(f"the rewrite {self.name!r} has no option {name!r}", help=known))
        flag = isinstance(self.defaults[name], bool)
        if flag != isinstance(value, bool) or (not flag and (not isinstance(value, int) or value < 2)):
            expected = "true or false" if flag else "a whole number, at least 2"
            raise OptionError(ErrorDetail(f"{name} of the rewrite {self.name!r} is {expected}", found=f"found {value}"))

    def site(self, graph: Graph, index: int) -> Site | None:
        """Return the site that begins at a layer; None where the rewrite ignores layers like it.

        Raises:
            Refusal: The rewrite does not apply to the layer.
        """
        layer = graph.layers[index]
        if layer.type != "conv":
            return None
        self.check(layer)
        return Site({index: self.parts(layer)})

    def check(self, layer: Layer) -> None:
        """Refuse a layer that the rewrite does not apply to.

        Raises:
            Refusal: Why it does not.
        """

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the parts that replace a layer, in arithmetic that works on numbers and symbols alike."""
        raise TypeError(f"the rewrite {self.name} defines no parts")


def part(
    label: str,
    type: str,
    layer: Layer,
    behind: str = OWN,
    *,
    axes: tuple[int, ...] = (),
    share: int = 1,
    **changed: Any,
) -> Part:
    """Return a part with the old layer's fields, except the changed ones."""
    return Part(label, type, fields(type, layer, **changed), behind, frozenset(changed), axes, share)


def fields(type: str, layer: Layer, **changed: Any) -> dict[str, Any]:
    """Return the fields of a part: those that are changed, the old layer's of the same name, else the defaults."""
    rank = len(layer.input_shapes[0]) - 1
    result = {}
    for name, field in REGISTRY[type].fields.items():
        if name in changed:
            value = changed[name]
            result[name] = field.read(value, rank) if isinstance(value, int) else value
        elif name in layer.fields:
            result[name] = layer.fields[name]
        else:
            result[name] = field.plain(rank)
    return result


def refuse_unless(holds: bool, reason: str) -> None:
    """Refuse a layer.

    Raises:
        Refusal: It does not hold.
    """
    if not holds:
        raise Refusal(reason)
