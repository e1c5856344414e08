"""What a value of a Keras model is while its layers are translated.

Keras writes the channels last, ONNX first. Values are not moved to and fro for that: each says in which order the graph
holds it, and what works on channels works on either. A value is put into Keras' own order only where a layer needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.layers.fields import MAX_SIZE

Sizes = tuple[int | None, ...]
"""Sizes as Keras has them, without the batch axis; None where one is open."""

MASKS = ("mask", "query_mask", "value_mask", "key_mask")
"""Arguments of a call that are masks of steps, which Keras passes on by itself."""


class UntranslatableLayer(Exception):
    """A layer does what no operator does, or its configuration is none that Keras writes."""


class OpenSize(UntranslatableLayer):
    """A layer needs a size that the file leaves open."""


class KerasValue(Struct, frozen=True):
    """A tensor.

    Attributes:
        name: Its name in the graph.
        sizes: Its sizes; None where nothing is known of it.
        first: Whether the graph holds its last axis, the channels, as the first.
        flattened: The sizes of the map with channels first that it was flattened from; empty where it is none.
    """

    name: str
    sizes: Sizes | None
    first: bool = False
    flattened: Sizes = ()

    @property
    def known(self) -> Sizes:
        """The sizes.

        Raises:
            UntranslatableLayer: Nothing is known of them.
        """
        if self.sizes is None:
            raise UntranslatableLayer("nothing is known of what it reads")
        return self.sizes

    @property
    def channels(self) -> int:
        """The size of the last axis.

        Raises:
            OpenSize: It is open.
        """
        return known(self.known[-1])


class KerasLayer(Struct, frozen=True):
    """One call of a layer.

    Attributes:
        kind: The name of its class.
        path: Its name, behind those of the models that it lies in.
        owner: The path under which its weights were met first; its own where they were not.
        config: Its fields.
        args: What it is called with: values, constants, and lists of these.
        kwargs: The same by name.
        trainable: Whether its weights are learned.
        lead: How many axes before its own are handled one slice at a time, by `TimeDistributed`.
        inputs: The values that it reads, in order.
    """

    kind: str
    path: str
    config: Mapping[str, Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    trainable: bool = True
    lead: int = 0
    owner: str = ""
    inputs: tuple[KerasValue, ...] = ()


def called(layer: KerasLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> KerasLayer:
    """Return a layer that is called with other arguments."""
    return replace(layer, args=args, kwargs=kwargs, inputs=tuple(values_in([*args, kwargs])))


def values_in(item: Any) -> list[KerasValue]:
    """Return the values in nested lists and mappings, in order."""
    if isinstance(item, KerasValue):
        return [item]
    if isinstance(item, dict):
        return [each for key in sorted(item, key=str) for each in values_in(item[key])] if item else []
    return [each for part in item for each in values_in(part)] if isinstance(item, (list, tuple)) else []


def learns(config: Mapping[str, Any]) -> bool:
    """Return whether the weights of a layer or a model are learned, as far as its own fields say."""
    return config.get("trainable", True) not in (False,)


def known(size: int | None) -> int:
    """Return a size that must be known.

    Raises:
        OpenSize: It is open.
    """
    if size is None:
        raise OpenSize("it needs a size that the file leaves open: give it with --input")
    return size


def sizes_of(shape: Sequence[Any]) -> Sizes:
    """Return the sizes of a shape without its batch; those that are no sizes are open."""
    return tuple([size if type(size) is int and 0 < size <= MAX_SIZE else None for size in shape[1:]])
