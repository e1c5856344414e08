"""Holes in what the outputs see: positions within the field that no path reads, and positions that no output reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from convcost.errors import WarningDetail
from convcost.network import INPUT, Layer
from convcost.receptive_field.flow import SourceAxis

if TYPE_CHECKING:
    from convcost.receptive_field.analysis import AxisField, LayerField, ReceptiveField

_DILATION = "dilations without a common factor that grow slowly, such as 1, 2, 3, leave no holes (arXiv:1702.08502)"
_STRIDE = "a kernel as large as the stride reads every position"
_MOST_NAMED = 3


def warnings(found: ReceptiveField) -> Iterator[WarningDetail]:
    """Yield a warning for each output that sees a field with holes.

    Args:
        found: The receptive fields of a network.
    """
    for row in found.outputs:
        axes = [
            (number, axis, field)
            for number, (axis, field) in enumerate(zip(found.axes, row.axes, strict=True))
            if field is not None and (sparsest := field.sparsest) is not None and sparsest.used < 1
        ]
        if not axes:
            continue
        counts = {_title(found, axis): _count(field) for _, axis, field in axes}
        makers = _makers(found, row, axes[0][0])
        yield _warning(found, row.layer, counts, makers)


def _warning(found: ReceptiveField, layer: Layer, counts: Mapping[str, str], makers: list[LayerField]) -> WarningDetail:
    together = set(counts.values())
    where = " and ".join(counts)
    read = (
        f"{together.pop()} along {where}"
        if len(together) == 1
        else ", ".join(f"{count} along {axis}" for axis, count in counts.items())
    )
    names = [row.layer.name for row in makers]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    dilated = any(_is_dilated(row.layer.fields) for row in makers)
    return WarningDetail(
        f"the output {layer.name!r} sees a field with holes: it reads {read}",
        place=layer.place(found.network.file) if found.network.file and (layer.line or layer.origin) else None,
        found=f"the holes come from {', '.join(names[:_MOST_NAMED])}{more}" if names else "",
        help=_DILATION if dilated else _STRIDE,
    )


def _count(field: AxisField) -> str:
    sparsest = field.sparsest
    assert sparsest is not None
    return f"{sparsest.span.used:,} of {sparsest.size:,} positions"


def _title(found: ReceptiveField, axis: SourceAxis) -> str:
    name = axis.name or f"axis {axis.axis}"
    return f"{name} of input {axis.input + 1}" if len(found.network.inputs) > 1 else name


def _is_dilated(fields: Mapping[str, Any]) -> bool:
    dilation = fields.get("dilation")
    return dilation is not None and any(each != 1 for each in dilation)


def _makers(found: ReceptiveField, output: LayerField, axis: int) -> list[LayerField]:
    """Return the layers before an output whose own fields have holes and lie within what makes its own, in order."""
    index = next(number for number, row in enumerate(found.every) if row is output)
    before, seen = [index], {index}
    while before:
        for tensor in found.every[before.pop()].layer.inputs:
            if tensor.producer != INPUT and tensor.producer not in seen:
                seen.add(tensor.producer)
                before.append(tensor.producer)
    makers = []
    for number in sorted(seen):
        row = found.every[number]
        inputs = [found.every[tensor.producer] for tensor in row.layer.inputs if tensor.producer != INPUT]
        own = row.axes[axis]
        if own is None or not _has_holes(own):
            continue
        whole = [field is None or not _has_holes(field) for each in inputs for field in [each.axes[axis]]]
        if _leaves_out(row.layer.fields) or all(whole):
            makers.append(row)
    return makers


def _has_holes(field: AxisField) -> bool:
    return field.sparsest is not None and field.sparsest.used < 1


def _leaves_out(fields: Mapping[str, Any]) -> bool:
    """Return whether a window leaves out positions between those that it reads, or between itself and the next."""
    kernel, stride = fields.get("kernel_size"), fields.get("stride")
    if kernel is None:
        return False
    wide = stride is not None and any(step > size for size, step in zip(kernel, stride, strict=True))
    return wide or _is_dilated(fields)
