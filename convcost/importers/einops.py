"""Reshapes and permutations in einops' notation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.views import Factors, reshaped, row_major

_NAMES = {3: ("h", "w"), 2: ("l",), 4: ("d", "h", "w")}
_PARTS = {"h": "pst", "w": "qvz", "l": "nmk", "d": "oij", "c": "abe", "x": "fgu", "y": "rij"}
_MOST_PARTS = 4


def pattern(shape: Sequence[int], steps: Sequence[tuple[str, Any]], channels: int | None) -> dict[str, Any] | None:
    """Return the fields of a `rearrange` that does what steps do; None where it cannot, or would be no shorter.

    Args:
        shape: The shape before.
        steps: `("reshape", shape)` and `("permute", axes)`.
        channels: The axis of the channels; None where it is not known.

    >>> pattern((8, 28, 28), [("reshape", (8, 4, 7, 4, 7)), ("permute", (1, 3, 2, 4, 0)), ("reshape", (16, 49, 8))], 0)
    {'pattern': 'c (h p) (w q) -> (h w) (p q) c', 'p': 7, 'q': 7}
    """
    axes = row_major(shape)
    for kind, how in steps:
        after = tuple([axes[axis] for axis in how]) if kind == "permute" else reshaped(axes, how)
        if after is None:
            return None
        axes = after
    names = _axis_names(len(shape), channels)
    if names is None:
        return None
    split = [[_within(factor, shape) for factor in axis] for axis in axes]
    if any(parts is None for axis in split for parts in axis):
        return None
    behind_axes = [[part for parts in axis for part in parts or ()] for axis in split]
    atoms = _atoms(shape, [part for axis in behind_axes for part in axis])
    if atoms is None or max(map(len, atoms)) > _MOST_PARTS:
        return None
    whole = atoms
    if _gives_map(names.index("c"), atoms, after_atoms := [tuple(axis) for axis in behind_axes]):
        names, whole = _axis_names(3, after_atoms.index(atoms[names.index("c")])) or names, after_atoms
    called: dict[tuple[int, int], str] = {}
    for name, parts in zip(names, whole, strict=True):
        called |= dict(zip(parts, [name, *_PARTS[name]], strict=False))
    before = [[called[part] for part in parts] or [name] for name, parts in zip(names, atoms, strict=True)]
    sizes = {called[part]: part[0] for parts in atoms for part in parts[1:]}
    behind = [[called[part] for part in axis] for axis in behind_axes]
    return {"pattern": f"{_text(before)} -> {_text(behind)}"} | sizes


def _gives_map(channels: int, before: Sequence[Factors], after: Sequence[Factors]) -> bool:
    """Return whether axes are called by what they become: tokens or windows that are a map again."""
    if len(before) != 3 or len(after) != 3 or not all(before) or before[channels] not in (after[0], after[-1]):
        return False
    if channels == 2 and before[2] == after[0]:
        return True
    old, new = ([prod(size for size, _ in axis) for axis in axes] for axes in (before, after))
    del old[channels], new[after.index(before[channels])]
    return old[0] != old[1] and new[0] == new[1]


def _axis_names(rank: int, channels: int | None) -> list[str] | None:
    """Return a name for each axis, `c` for the channels."""
    if channels is None or rank not in _NAMES or channels not in (0, rank - 1):
        return None
    words = [*_NAMES[rank]]
    return ["c", *words] if channels == 0 else [*words, "c"]


def _atoms(shape: Sequence[int], factors: Sequence[tuple[int, int]]) -> list[Factors] | None:
    """Return the factors that each axis is split into, the outermost first."""
    left = sorted(factors, key=lambda factor: -factor[1])
    found: list[Factors] = []
    for ((size, stride),) in row_major(shape):
        parts: list[tuple[int, int]] = []
        while left and prod(part for part, _ in parts) < size:
            parts.append(left.pop(0))
        if prod(part for part, _ in parts) != size or (parts and parts[-1][1] != stride):
            return None
        found.append(tuple(parts))
    return found if not left else None


def _within(factor: tuple[int, int], shape: Sequence[int]) -> Factors | None:
    """Return a factor in parts, none of which reaches beyond an axis; None where one would end within it."""
    size, stride = factor
    if size == 1:
        return ()
    end = next(n * s for ((n, s),) in reversed(row_major(shape)) if n > 1 and s <= stride < n * s)
    room = end // stride
    if size <= room:
        return (factor,)
    if end % stride or size % room:
        return None
    outer = _within((size // room, end), shape)
    return (*outer, (room, stride)) if outer is not None else None


def _text(groups: Sequence[Sequence[str]]) -> str:
    return " ".join(group[0] if len(group) == 1 else f"({' '.join(group)})" if group else "1" for group in groups)
