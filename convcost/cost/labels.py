"""Short descriptions of layers, such as `conv 3×3 /2`, `dw 5×5`, `3 conv 1×1, dw 3×3`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from convcost.cost.analysis import LayerCost
from convcost.layers import REGISTRY
from convcost.network import Layer
from convcost.reports.table import counted, safe, sized

_FAMILIES = {"depthwise_conv": "dw", "pointwise_conv": "conv"}
_LONGEST = 24  # characters of the label of several layers


def label(layer: LayerCost | Layer) -> str:
    """Return the label of a layer: its type with kernel, stride, dilation and groups, where these are not 1.

    A convolution that reads each channel by itself is `dw`.
    """
    fields = layer.fields
    if layer.type == "unknown":
        return safe(f"unknown {fields['operator']}") if fields else layer.type
    family = _family(layer)
    parts = [family, _kernel(layer), _step("/", fields.get("stride")), _step("d=", fields.get("dilation"))]
    if family != "dw":
        parts.append(_step("g=", fields.get("groups")))
    return " ".join(part for part in parts if part)


def label_of_several(layers: Sequence[LayerCost]) -> str:
    """Return the label of several layers, by those that have weights: as detailed as fits.

    >>> import convcost
    >>> label_of_several(convcost.analyze("mobilenet_v1").layers[3:9])
    'dw 3×3, conv 1×1'
    """
    chosen = [layer for layer in layers if has_weights(layer)] or [*layers]
    for name in (label, _without_stride, _family):
        text = _tallied(chosen, name)
        if len(text) <= _LONGEST:
            return text
    return counted(len(chosen), "layer")


def has_weights(layer: LayerCost) -> bool:
    """Return whether a layer is what people count as one: a convolution, a linear or a recurrent layer, not a norm."""
    type_ = REGISTRY.get(layer.type)
    return type_ is not None and (type_.weights or "hidden_size" in type_.fields)


def _without_stride(layer: LayerCost) -> str:
    return f"{_family(layer)} {_kernel(layer)}".rstrip()


def _tallied(layers: Sequence[LayerCost], name: Callable[[LayerCost], str]) -> str:
    tally = Counter(map(name, layers))
    return ", ".join(f"{count} {each}" if count > 1 else each for each, count in tally.items())


def _family(layer: LayerCost | Layer) -> str:
    """Return a layer's type, of convolutions whether they are depthwise."""
    channels = layer.input_shapes[0][0] if layer.input_shapes and layer.input_shapes[0] else None
    groups = layer.fields.get("groups", 1)
    if layer.type == "conv" and _differs(groups) and groups == channels:
        return "dw"
    return _FAMILIES.get(layer.type, layer.type)


def _kernel(layer: LayerCost | Layer) -> str:
    if layer.type == "pointwise_conv":
        return sized((1,) * (len(layer.output_shape) - 1))
    kernel = layer.fields.get("kernel_size")
    return sized(kernel) if isinstance(kernel, tuple) else ""


def _step(mark: str, step: Any) -> str:
    """Return a field behind its mark, as one number where it is the same on all axes; nothing where it is 1."""
    steps = step if isinstance(step, tuple) else (step,)
    if step is None or not any(map(_differs, steps)):
        return ""
    return mark + (str(steps[0]) if all(each == steps[0] for each in steps) else sized(steps))


def _differs(number: Any) -> bool:
    """Return whether a number is not 1; a formula is a number that may differ."""
    return number.__class__ is not int or number != 1


def weights_and_path(layers: Sequence[LayerCost], sources: Iterator[Sequence[int]]) -> tuple[int, int]:
    """Return how many layers have weights, and how many of them stand on the longest path through the network.

    Args:
        layers: The layers, in order.
        sources: The indices of the layers that each reads; negative for an input of the network.
    """
    depths: list[int] = []
    for layer, read in zip(layers, sources, strict=True):
        before = max([depths[index] for index in read if index >= 0], default=0)
        depths.append(before + has_weights(layer))
    return sum(map(has_weights, layers)), max(depths, default=0)
