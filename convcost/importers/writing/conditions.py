"""When an item of a block runs that not all of its uses have: as an expression of what is known, or a parameter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from convcost.importers.writing.tree import Leaf, OptionalItem
from convcost.layers.base import REGISTRY, Activation, Norm

CHOICE = "choice"


class BlockParameter(Struct, eq=False):
    """A parameter of a block.

    Attributes:
        name: Its name.
        kind: What kind of number it is.
        values: Its values, for each occurrence of the block.
        default: What it is where a use does not give it: a value, or an expression as text; None for a required one.
        is_derived: Whether the default is an expression that holds for every use.
    """

    name: str
    kind: str
    values: list[Any]
    default: Any = None
    is_derived: bool = False


def condition(
    item: OptionalItem,
    present: Sequence[bool | None],
    parameters: list[BlockParameter],
    reads: Sequence[int],
    gives: Sequence[int],
) -> str:
    """Return when an item runs; where nothing else says it, a parameter is added that does.

    Args:
        item: The item.
        present: Whether it runs, for each occurrence of the block; None where that is never asked.
        parameters: The parameters of the block.
        reads: The channels that reach the item, for each occurrence; none where they are not known.
        gives: The channels that it gives.
    """
    own = next((each for each in parameters if _is_of(each, present)), None)
    if own is not None:
        own.default, own.values = 0, [value or 0 for value in own.values]
        return f"{own.name} > 0"
    found = next(_differences(present, parameters, reads, gives), "")
    if found:
        return found
    values = [each or False for each in present]
    for parameter in parameters:
        if parameter.kind == CHOICE and parameter.values == values:
            return parameter.name
        if parameter.kind == CHOICE and parameter.values == [not each for each in values]:
            return f"not {parameter.name}"
    taken = {each.name for each in parameters}
    words = [word := _word(item), *(f"{word}_{number}" for number in range(2, len(taken) + 3))]
    name = next(each for each in words if each not in taken)
    parameters.append(BlockParameter(name, CHOICE, values, 2 * sum(values) > len(values)))
    return name


def _is_of(parameter: BlockParameter, present: Sequence[bool | None]) -> bool:
    """Return whether a parameter is a number that there is only where an item runs."""
    pairs = [*zip(parameter.values, present, strict=True)]
    numbers = all(value is None or (type(value) is int and value > 0) for value in parameter.values)
    fits = all((value is None) is (runs is not True) for value, runs in pairs)
    return numbers and fits and parameter.default is None and not parameter.is_derived


def _differences(
    present: Sequence[bool | None], parameters: Sequence[BlockParameter], reads: Sequence[int], gives: Sequence[int]
) -> Iterator[str]:
    """Yield expressions that hold where an item runs, the plainest first."""
    found = []
    stride = next((each for each in parameters if each.name == "stride"), None)
    if stride is not None and all(isinstance(each, int) for each in stride.values):
        found.append(("stride != 1", [each != 1 for each in stride.values]))
    out = next((each for each in parameters if each.values == gives), None)
    if out is not None and reads:
        found.append((f"in_channels != {out.name}", [one != other for one, other in zip(reads, gives, strict=True)]))
    for text, holds in found:
        if _agree(holds, present):
            yield text
    if len(found) > 1:
        either = [one or other for one, other in zip(found[0][1], found[-1][1], strict=True)]
        if _agree(either, present):
            yield f"{found[0][0]} or {found[-1][0]}"


def _agree(holds: Sequence[bool], present: Sequence[bool | None]) -> bool:
    return all(runs is None or one is runs for one, runs in zip(holds, present, strict=True))


def _word(item: OptionalItem) -> str:
    """Return what it is to have an item."""
    (node,) = item.unit.nodes
    if not isinstance(node, Leaf):
        return "gated"
    type = REGISTRY[node.type]
    if issubclass(type, (Norm, Activation)):
        return "normed" if issubclass(type, Norm) else "activated"
    return {"depthwise_conv": "depthwise"}.get(node.type, "pooled" if "pool" in node.type else "extended")
