"""Layers that give the same values other axes. No arithmetic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod

from convcost.executor.array import Array, Shape, axis_back, axis_first
from convcost.executor.registry import Job, executes


@executes("tokens")
def tokens(_: Job, x: Array) -> Array:
    """(channels, sizes) as (positions, channels)."""
    return Array((prod(x.sizes), x.shape[0]), axis_back(x, len(x.sizes)).values)


@executes("feature_map")
def feature_map(_: Job, x: Array, *, size: Shape) -> Array:
    """(positions, channels) as (channels, size); the positions may have several axes.

    Raises:
        ValueError: `size` holds another number of positions.
    """
    return Array((x.shape[-1], *size), axis_first(x, len(x.sizes)).values)


@executes("permute")
def permute(_: Job, x: Array, *, axes: Sequence[int], layout: object = None) -> Array:
    """Return the axes in another order.

    Raises:
        ValueError: Not each axis is named once.
    """
    if sorted(axes) != list(range(len(x.shape))):
        raise ValueError(f"{axes} are not the axes of {x.shape}")
    return _ordered(x, axes)


@executes("reshape")
def reshape(_: Job, x: Array, *, shape: Shape, layout: object = None) -> Array:
    """Return the values in another shape, one size of which may be -1.

    Raises:
        ValueError: The shape holds another number of values.
    """
    rest = len(x.values) // prod(size for size in shape if size != -1)
    return Array(tuple(rest if size == -1 else size for size in shape), x.values)


@executes("expand")
def expand(_: Job, x: Array, *, shape: Shape, layout: object = None) -> Array:
    """Axes of size 1 repeated, and new ones before them; -1 keeps a size.

    Raises:
        ValueError: Another axis would be stretched.
    """
    old = (*[1] * (len(shape) - len(x.shape)), *x.shape)
    sources = [0]
    for size, wanted in zip(old, shape, strict=True):
        if wanted not in (-1, size) and size != 1:
            raise ValueError(f"{x.shape} does not expand to {shape}")
        places = range(size) if wanted == -1 or size != 1 else [0] * wanted
        sources = [source * size + place for source in sources for place in places]
    sizes = tuple(size if wanted == -1 else wanted for size, wanted in zip(old, shape, strict=True))
    return Array(sizes, [x.values[source] for source in sources])


@executes("rearrange")
def rearrange(_: Job, x: Array, *, pattern: str, sizes: Sequence[tuple[str, int]], layout: object = None) -> Array:
    """Axes split, joined and put into another order.

    Args:
        job: Not needed.
        x: Any shape.
        pattern: As einops writes it.
        sizes: Of names, as far as the input does not say them.
        layout: What the axes are; it changes no value.

    Raises:
        ValueError: The pattern is not one for this input.

    Source: https://einops.rocks/api/rearrange/
    """
    before, after = (_axes(side, len(x.shape)) for side in pattern.split("->"))
    known = dict(sizes)
    if len(before) != len(x.shape):
        raise ValueError(f"{pattern} has other axes than {x.shape}")
    for names, size in zip(before, x.shape, strict=True):
        rest, left = divmod(size, prod(known.get(name, 1) for name in names))
        unknown = [name for name in names if name not in known]
        if left or len(unknown) > 1 or (rest != 1 and not unknown):
            raise ValueError(f"{pattern} does not split {size} in {x.shape}")
        known |= dict.fromkeys(unknown, rest)
    names = [name for group in before for name in group]
    split = Array(tuple(known[name] for name in names), x.values)
    moved = _ordered(split, [names.index(name) for group in after for name in group])
    return Array(tuple(prod(known[name] for name in group) for group in after), moved.values)


def _axes(side: str, rank: int) -> list[list[str]]:
    """Return the names that make up each axis of a side of a pattern."""
    groups = [found.strip("()").split() for found in re.findall(r"\([^)]*\)|\S+", side)]
    groups = [[name for name in group if name != "1"] for group in groups]
    if ["..."] in groups:
        at = groups.index(["..."])
        groups[at : at + 1] = [[f".{number}"] for number in range(rank - len(groups) + 1)]
    return groups


def _ordered(x: Array, axes: Sequence[int]) -> Array:
    steps = [prod(x.shape[axis + 1 :]) for axis in range(len(x.shape))]
    sources = [0]
    for axis in axes:
        sources = [source + place * steps[axis] for source in sources for place in range(x.shape[axis])]
    return Array(tuple(x.shape[axis] for axis in axes), [x.values[source] for source in sources])
