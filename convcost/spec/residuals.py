"""Whether the two ways of a residual can be added, and the remedy where not."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.layers import LayerError, shown
from convcost.layers.inputs import check_layouts
from convcost.network import Layer, Tensor

_PROJECT = "project the shortcut: residual: {body: [...], shortcut: [...]}"
_PAD = "pad the body so that sizes stay, such as by `padding: same`"


def check_equal(body: Tensor, shortcut: Tensor, given: Tensor, layers: Sequence[Layer]) -> None:
    """Refuse a residual that would stretch an axis.

    Args:
        body: What the body gives.
        shortcut: What the shortcut gives.
        given: What reaches the residual.
        layers: The layers so far.

    Raises:
        LayerError: The two shapes differ.
    """
    check_layouts("residual", [body, shortcut])
    if body.shape == shortcut.shape:
        return
    help = _PROJECT
    if body.shape[1:] != shortcut.shape[1:] and _padded(body, given, layers) == shortcut.shape[1:]:
        help = _PAD if body.shape[0] == shortcut.shape[0] else f"{_PAD}; and {_PROJECT}"
    found = f"the body gives {shown(body.shape)}, the shortcut {shown(shortcut.shape)}"
    raise LayerError("a residual adds equal shapes", found, help=help)


def _padded(body: Tensor, given: Tensor, layers: Sequence[Layer]) -> tuple[int, ...] | None:
    """Return the spatial sizes that the body would give with `padding: same`; None where that cannot be said."""
    way: list[Layer] = []
    tensor = body
    while tensor != given:
        if tensor.producer < 0 or len(way) > len(layers):
            return None
        way.append(layers[tensor.producer])
        if not way[-1].inputs:
            return None
        tensor = way[-1].inputs[0]
    sizes = given.shape[1:]
    for layer in reversed(way):
        fields = layer.fields
        if "kernel_size" in fields and "padding" in fields and "output_padding" not in fields:
            sizes = tuple([-(-size // step) for size, step in zip(sizes, fields["stride"], strict=True)])
        elif layer.inputs[0].shape[1:] != layer.outputs[0].shape[1:]:
            return None
    return sizes if all(type(size) is int for size in (*sizes, *body.shape)) else None
