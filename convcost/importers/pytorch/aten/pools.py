"""Pools and resizing."""

from __future__ import annotations

from math import prod
from typing import Any

from convcost.importers.graph import Shape
from convcost.importers.pytorch.aten.convolutions import per_axis
from convcost.importers.pytorch.program import OperatorCall, Reference
from convcost.importers.pytorch.writer import RULES, Untranslated, Writer, aten


def _window(call: OperatorCall) -> dict[str, Any]:
    axes = int(call.operator.partition("pool")[2][0])
    kernel = per_axis(call.arguments["kernel_size"], axes, 1)
    stride = call.arguments.get("stride")
    return {
        "kernel_shape": kernel,
        "strides": kernel if stride in (None, []) else per_axis(stride, axes, 1),
        "pads": per_axis(call.arguments.get("padding", 0), axes, 0) * 2,
        "ceil_mode": int(bool(call.arguments.get("ceil_mode", False))),
    }


@aten(*(f"max_pool{axes}d{more}" for axes in (1, 2, 3) for more in ("", "_with_indices")))
def max_pool(writer: Writer, call: OperatorCall) -> None:
    """Translate a max pool."""
    window = _window(call)
    window["dilations"] = per_axis(call.arguments.get("dilation"), len(window["kernel_shape"]), 1)
    writer.give_first("MaxPool", [writer.name(call.arguments["self"])], **window)
    if len(call.outputs) > 1:  # the places, where they are read, have no word
        writer.into(call.outputs[1:], "aten.max_pool_places", [writer.name(call.arguments["self"])])


@aten("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(writer: Writer, call: OperatorCall) -> None:
    """Translate an average pool."""
    if call.arguments.get("divisor_override") is not None:
        raise Untranslated
    padded = int(bool(call.arguments.get("count_include_pad", True)))
    writer.give("AveragePool", [writer.name(call.arguments["self"])], **_window(call), count_include_pad=padded)


@aten(
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
)
def adaptive_pool(writer: Writer, call: OperatorCall) -> None:
    """Translate a pool to a size; that to a single position is a global one."""
    axes = int(call.operator.partition("pool")[2][0])
    sizes = per_axis(call.arguments["output_size"], axes, 1)
    kind = "Average" if "avg" in call.operator else "Max"
    x = writer.name(call.arguments["self"])
    if set(sizes) == {1}:
        writer.give_first(f"Global{kind}Pool", [x])
    else:
        writer.give_first(f"convcost.Adaptive{kind}Pool", [x], output_size=sizes)


@aten(
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d",
    "_upsample_nearest_exact3d",
    "upsample_linear1d",
    "upsample_bilinear2d",
    "upsample_trilinear3d",
    "upsample_bicubic2d",
    "_upsample_bilinear2d_aa",
    "_upsample_bicubic2d_aa",
)
def upsample(writer: Writer, call: OperatorCall) -> None:
    """Translate a resizing; by whole factors it goes by them, else by the sizes.

    One against aliasing reads more neighbours only where it makes values fewer.
    """
    name = call.operator.split(".")[1]
    x = call.arguments.get("input", call.arguments.get("self"))
    if name.endswith("_aa") and not _grows(writer.shape(x)[2:], writer.shape(Reference(call.outputs[0]))[2:]):
        raise Untranslated
    mode = "nearest" if "nearest" in name else "cubic" if "cubic" in name else "linear"
    attributes: dict[str, Any] = {"mode": mode}
    if mode != "nearest":
        aligned = bool(call.arguments.get("align_corners"))
        attributes["coordinate_transformation_mode"] = "align_corners" if aligned else "pytorch_half_pixel"
    inputs = [writer.name(x), "", *_target(writer, call, x)]
    writer.give("Resize", inputs, **attributes)


def _grows(before: Shape, after: Shape) -> bool:
    """Return whether no size becomes less; those that are open may."""
    return all(
        isinstance(old, int) and isinstance(new, int) and old <= new for old, new in zip(before, after, strict=True)
    )


def _target(writer: Writer, call: OperatorCall, x: Any) -> list[str]:
    """Return what a resizing reads: scales, or nothing and sizes."""
    factors = call.arguments.get("scale_factors")
    if factors and all(isinstance(factor, (int, float)) and float(factor).is_integer() for factor in factors):
        scales = (1.0, 1.0, *map(float, factors))
        return [writer.new((len(scales),), "float32", scales)]
    sizes = call.arguments.get("output_size") or writer.shape(Reference(call.outputs[0]))[2:]
    batch, channels = writer.shape(x)[:2]
    if not all(isinstance(size, (int, Reference)) for size in sizes) or not isinstance(channels, int):
        raise Untranslated
    first: Any = batch if isinstance(batch, int) else 1
    return ["", writer.integers([first, channels, *sizes])]


@aten("pixel_shuffle")
def pixel_shuffle(writer: Writer, call: OperatorCall) -> None:
    """Translate a pixel shuffle."""
    factor = call.arguments["upscale_factor"]
    writer.give("DepthToSpace", [writer.name(call.arguments["self"])], blocksize=factor, mode="CRD")


@aten("affine_grid_generator")
def affine_grid(writer: Writer, call: OperatorCall) -> None:
    """Translate the places of an affine transform: sums of the products of a picture's places with a matrix."""
    batch, _, *sizes = call.arguments["size"]
    if not all(isinstance(size, int) for size in (batch, *sizes)):
        raise Untranslated
    places = writer.filled((1, prod(sizes), 1, len(sizes) + 1), "float32", 0.0)  # which numbers changes no count
    matrix = writer.add("Unsqueeze", [writer.name(call.arguments["theta"])], axes=(1,))
    products = writer.add("Mul", [places, *matrix])
    sums = writer.add("ReduceSum", products, axes=(3,), keepdims=0)
    writer.give("Reshape", [*sums, writer.integers([batch, *sizes, len(sizes)])])


@aten("grid_sampler", "grid_sampler_2d", "grid_sampler_3d")
def grid_sample(writer: Writer, call: OperatorCall) -> None:
    """Translate sampling at chosen places."""
    arguments = call.arguments
    mode = ("linear", "nearest", "cubic")[arguments["interpolation_mode"]]
    padding = ("zeros", "border", "reflection")[arguments["padding_mode"]]
    inputs = [writer.name(arguments["input"]), writer.name(arguments["grid"])]
    writer.give("GridSample", inputs, mode=mode, padding_mode=padding, align_corners=int(arguments["align_corners"]))


def roi_align(writer: Writer, call: OperatorCall) -> None:
    """Translate samples of regions, which are the number of a picture and four coordinates each."""
    arguments = call.arguments
    bounds = [writer.integers([each]) for each in (1, 5, 1)]
    regions, numbers = writer.rank(arguments["rois"]), writer.shape(arguments["rois"])[-1]
    if (regions, numbers) != (2, 5):
        raise Untranslated
    (boxes,) = writer.add("Slice", [writer.name(arguments["rois"]), *bounds])
    writer.give(
        "RoiAlign",
        [writer.name(arguments["input"]), boxes],
        output_height=arguments["pooled_height"],
        output_width=arguments["pooled_width"],
        spatial_scale=arguments["spatial_scale"],
        sampling_ratio=arguments["sampling_ratio"],
        coordinate_transformation_mode="half_pixel" if arguments["aligned"] else "output_half_pixel",
    )


RULES.add("torchvision.roi_align", roi_align)
