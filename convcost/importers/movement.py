"""Movements of values wait for what reads them: reshapes, permutations and padding become few items, or none."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from convcost.importers.graph import Node
from convcost.importers.values import Moved, Unsupported
from convcost.layers.layout import FEATURE_MAP, TOKENS, channel_axis
from convcost.network.graph import Tensor

if TYPE_CHECKING:
    from convcost.importers.mapper import Mapper


_MOST_STEPS = 8  # that wait


def moved(mapper: Mapper, node: Node, step: str, how: Any, shape: tuple[int, ...]) -> None:
    """Set what a node gives to a movement of what it reads, joined with movements before it."""
    value = mapper.value(node.inputs[0])
    if isinstance(value, Moved) and (
        step == "pad" or len(value.steps) > _MOST_STEPS or any(kind == "pad" for kind, _ in value.steps)
    ):
        value = mapper.tensor(node.inputs[0])
    if isinstance(value, Moved):
        base, steps = value.base, value.steps
    elif isinstance(value, Tensor):
        base, steps = value, ()
    else:
        raise Unsupported("it moves a constant")
    mapper.give(node, node.outputs[0], Moved(base, simplified(base, (*steps, (step, how))), shape, node.scope))


def simplified(base: Tensor, steps: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
    """Return steps without those that leave all as it is, neighbours of one kind joined."""
    shape = base.shape
    kept: list[tuple[str, Any]] = []
    for kind, how in steps:
        if kept and kept[-1][0] == kind == "reshape":
            kept.pop()
        elif kept and kept[-1][0] == kind == "permute":
            first = kept.pop()[1]
            how = tuple([first[axis] for axis in how])
        kept.append((kind, how))
    found: list[tuple[str, Any]] = []
    for kind, how in kept:
        after = applied(shape, kind, how)
        if kind == "pad" or (kind == "reshape" and after != shape) or (kind == "permute" and list(how) != sorted(how)):
            found.append((kind, how))
        shape = after
    return tuple(found)


def applied(shape: tuple[int, ...], kind: str, how: Any) -> tuple[int, ...]:
    """Return the shape behind a step."""
    if kind == "reshape":
        return tuple(how)
    if kind == "permute":
        return tuple([shape[axis] for axis in how])
    return (shape[0], *(size + sum(pair) for size, pair in zip(shape[1:], how, strict=True)))


def settle(mapper: Mapper, value: Moved) -> Tensor:
    """Return the tensor behind all steps; those that are left become items."""
    node = Node("", (), (), scope=value.scope)
    tensor = value.base
    groups = _shuffle(value)
    if groups:
        return mapper.emit(node, "channel_shuffle", {"groups": groups}, [tensor], name=value.scope)[0]
    for kind, how in value.steps:
        (tensor,) = _item(mapper, node, tensor, kind, how)
    return tensor


def _item(mapper: Mapper, node: Node, tensor: Tensor, kind: str, how: Any) -> tuple[Tensor, ...]:
    if kind == "pad":
        return mapper.emit(node, "pad", {"padding": [list(pair) for pair in how]}, [tensor], name=node.scope)
    if kind == "permute":
        fields: dict[str, Any] = {"axes": list(how)}
        channels = channel_axis(len(how), tensor.layout)
        if channels is not None and len(how) > 1:
            place = how.index(channels)
            layout = "feature_map" if place == 0 else "tokens" if place == len(how) - 1 else ""
            fields |= {"layout": layout} if layout else {}
        return mapper.emit(node, "permute", fields, [tensor], name="")
    if len(how) == 1:
        return mapper.emit(node, "flatten", {}, [tensor], name="")
    if tensor.layout == FEATURE_MAP and prod(tensor.shape[1:]) == 1 == prod(how[1:]):  # a pooled map of other axes
        return mapper.emit(node, "reshape", {"shape": list(how), "layout": "feature_map"}, [tensor], name="")
    fields = {"shape": list(how)}
    if tensor.layout == TOKENS and how[-1] == tensor.shape[-1]:
        fields["layout"] = "tokens"
    elif tensor.layout == FEATURE_MAP and how[0] == tensor.shape[0] and len(how) > 1:
        fields["layout"] = "feature_map"
    return mapper.emit(node, "reshape", fields, [tensor], name="")


def _shuffle(value: Moved) -> int:
    """Return the groups of a channel shuffle: split channels, exchange the parts, join them; else 0."""
    shape = value.base.shape
    if value.base.layout != FEATURE_MAP or [kind for kind, _ in value.steps] != ["reshape", "permute", "reshape"]:
        return 0
    (_, parts), (_, order), (_, after) = value.steps
    groups: int = parts[0]
    fits = tuple(parts[2:]) == shape[1:] and len(parts) == len(shape) + 1 and tuple(after) == shape
    return groups if fits and tuple(order) == (1, 0, *range(2, len(parts))) else 0
