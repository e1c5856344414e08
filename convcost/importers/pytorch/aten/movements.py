"""What moves values: shapes, axes, parts, padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.graph import Constant, Shape
from convcost.importers.pytorch.program import OperatorCall, Reference
from convcost.importers.pytorch.writer import DTYPES, Untranslated, Writer, aten

_END = 2**63 - 1
_MOST_PLACES = 65_536  # that windows of an axis read


@aten(
    "alias", "contiguous", "clone", "detach", "lift_fresh_copy", "lift_fresh", "requires_grad", "pin_memory", "view_of"
)
def same(writer: Writer, call: OperatorCall) -> None:
    """Translate a copy."""
    writer.keep(call.arguments["self"])


@aten("copy")
def copy(writer: Writer, call: OperatorCall) -> None:
    """Translate a value that takes the place of another one of its shape."""
    source = call.arguments["src"]
    if writer.shape(source) != writer.shape(call.arguments["self"]):
        raise Untranslated
    writer.keep(source)


@aten("to", "_to_copy", "type_as", "float", "half", "bfloat16", "double", "int", "long", "bool")
def cast(writer: Writer, call: OperatorCall) -> None:
    """Translate a change of the type of the numbers."""
    x = call.arguments["self"]
    dtype = writer.dtype(Reference(call.outputs[0]))
    if dtype == writer.dtype(x) or dtype not in DTYPES:
        writer.keep(x)
    else:
        writer.give("Cast", [writer.name(x)], to=DTYPES[dtype])


def _reshaped(writer: Writer, call: OperatorCall, x: Any, wanted: Sequence[Any] | None) -> None:
    _reshape(writer, call, writer.name(x), wanted)


def _reshape(writer: Writer, call: OperatorCall, name: str, wanted: Sequence[Any] | None) -> None:
    """Write a reshape: to the sizes that are recorded, or that the call names where some are open."""
    after = writer.shape(Reference(call.outputs[0]))
    sizes: Sequence[Any] = after if all(isinstance(size, int) for size in after) else wanted or ()
    if not sizes and after:
        raise Untranslated
    writer.give_first("Reshape", [name, writer.integers(sizes)])


@aten("view", "reshape", "_unsafe_view", "view_copy", "_reshape_copy")
def view(writer: Writer, call: OperatorCall) -> None:
    """Translate a reshape."""
    sizes = call.arguments.get("size", call.arguments.get("shape"))
    if sizes is None:
        raise Untranslated  # a view as another type
    _reshaped(writer, call, call.arguments["self"], sizes)


@aten("reshape_as", "view_as")
def reshape_as(writer: Writer, call: OperatorCall) -> None:
    """Translate a reshape to the sizes of another value."""
    _reshaped(writer, call, call.arguments["self"], None)


@aten("flatten")
def flatten(writer: Writer, call: OperatorCall) -> None:
    """Translate a reshape that joins axes."""
    x = call.arguments["self"]
    rank = writer.rank(x)
    first, last = call.arguments.get("start_dim", 0) % rank, call.arguments.get("end_dim", -1) % rank
    if first == last:
        writer.keep(x)
    elif first == 1 and last == rank - 1:
        writer.give("Flatten", [writer.name(x)], axis=1)
    else:  # 0 keeps the size of an axis
        _reshaped(writer, call, x, [0] * first + [-1] + list(writer.shape(x)[last + 1 :]))


@aten("unflatten")
def unflatten(writer: Writer, call: OperatorCall) -> None:
    """Translate a reshape that splits an axis."""
    x = call.arguments["self"]
    axis = call.arguments["dim"] % writer.rank(x)
    _reshaped(writer, call, x, [0] * axis + list(call.arguments["sizes"]) + list(writer.shape(x)[axis + 1 :]))


@aten("unsqueeze")
def unsqueeze(writer: Writer, call: OperatorCall) -> None:
    """Translate an axis of size 1 that is put in."""
    x = call.arguments["self"]
    axis = call.arguments["dim"] % (writer.rank(x) + 1)
    writer.give("Unsqueeze", [writer.name(x)], axes=(axis,))


@aten("squeeze")
def squeeze(writer: Writer, call: OperatorCall) -> None:
    """Translate axes of size 1 that are taken out."""
    x, given = call.arguments["self"], call.arguments.get("dim")
    shape = writer.shape(x)
    axes = range(len(shape)) if given is None else [given] if isinstance(given, int) else given
    gone = tuple(sorted(axis % len(shape) for axis in axes if shape[axis] == 1))
    if gone:
        writer.give("Squeeze", [writer.name(x)], axes=gone)
    else:
        writer.keep(x)


def _permuted(writer: Writer, x: Any, order: Sequence[int]) -> None:
    if list(order) == sorted(order):
        writer.keep(x)
    else:
        writer.give("Transpose", [writer.name(x)], perm=tuple(order))


@aten("permute", "permute_copy")
def permute(writer: Writer, call: OperatorCall) -> None:
    """Translate a permutation."""
    x = call.arguments["self"]
    _permuted(writer, x, [axis % writer.rank(x) for axis in call.arguments["dims"]])


@aten("transpose", "transpose_copy", "swapaxes", "swapdims", "t", "numpy_T", "mT", "adjoint")
def transpose(writer: Writer, call: OperatorCall) -> None:
    """Translate two axes that are exchanged; the last two without their names."""
    x, arguments = call.arguments["self"], call.arguments
    order = list(range(writer.rank(x)))
    if len(order) < 2:
        writer.keep(x)
        return
    first = arguments.get("dim0", arguments.get("axis0", -2))
    second = arguments.get("dim1", arguments.get("axis1", -1))
    order[first], order[second] = order[second], order[first]
    _permuted(writer, x, order)


@aten("movedim")
def movedim(writer: Writer, call: OperatorCall) -> None:
    """Translate axes that are moved."""
    x, rank = call.arguments["self"], writer.rank(call.arguments["self"])
    sources, targets = call.arguments["source"], call.arguments["destination"]
    sources = [sources] if isinstance(sources, int) else sources
    targets = [targets] if isinstance(targets, int) else targets
    places = {target % rank: source % rank for source, target in zip(sources, targets, strict=True)}
    rest = iter([axis for axis in range(rank) if axis not in places.values()])
    _permuted(writer, x, [places[at] if at in places else next(rest) for at in range(rank)])


@aten("expand", "expand_as", "broadcast_to", "expand_copy")
def expand(writer: Writer, call: OperatorCall) -> None:
    """Translate axes of size 1 that are stretched."""
    x = call.arguments["self"]
    before, after = writer.shape(x), writer.shape(Reference(call.outputs[0]))
    if before == after:
        writer.keep(x)
        return
    sizes: Sequence[Any] = after
    if not all(isinstance(size, int) for size in after):
        sizes = [1 if size == -1 else size for size in call.arguments.get("size", ())]
    if not sizes:
        raise Untranslated
    writer.give("Expand", [writer.name(x), writer.integers(sizes)])


@aten("repeat", "tile")
def repeat(writer: Writer, call: OperatorCall) -> None:
    """Translate values that are repeated."""
    x = call.arguments["self"]
    times = list(call.arguments["repeats" if "repeats" in call.arguments else "dims"])
    rank = writer.rank(x)
    if len(times) > writer.rank(Reference(call.outputs[0])):
        raise Untranslated
    if set(times) <= {1} and len(times) <= rank:
        writer.keep(x)
        return
    name = writer.name(x)
    if len(times) > rank:
        more = tuple(range(len(times) - rank))
        if set(times) == {1}:
            writer.give("Unsqueeze", [name], axes=more)
            return
        (name,) = writer.add("Unsqueeze", [name], axes=more)
    times = [1] * (rank - len(times)) + times
    steps = [axis for axis, count in enumerate(times) if count != 1]
    for axis in steps[:-1]:
        (name,) = writer.add("Tile", [name, _repeats(writer, times, axis)])
    writer.give("Tile", [name, _repeats(writer, times, steps[-1])])


def _repeats(writer: Writer, times: Sequence[Any], axis: int) -> str:
    """Return the constant of a repetition along one axis."""
    return writer.integers([count if at == axis else 1 for at, count in enumerate(times)])


@aten("repeat_interleave")
def repeat_interleave(writer: Writer, call: OperatorCall) -> None:
    """Translate each slice of an axis repeated in place: a new axis behind it, stretched and joined with it."""
    x, times, axis = call.arguments["self"], call.arguments["repeats"], call.arguments.get("dim")
    if not isinstance(times, int) or axis is None:
        raise Untranslated
    axis %= writer.rank(x)
    sizes = list(writer.shape(x))
    (apart,) = writer.add("Unsqueeze", [writer.name(x)], axes=(axis + 1,))
    (wide,) = writer.add("Expand", [apart, writer.integers([*sizes[: axis + 1], times, *sizes[axis + 1 :]])])
    _reshape(writer, call, wide, None)


@aten("unfold")
def windows(writer: Writer, call: OperatorCall) -> None:
    """Translate windows of an axis, whose values become the last axis: slices at constant places."""
    x, size, step = call.arguments["self"], call.arguments["size"], call.arguments["step"]
    axis = call.arguments["dimension"] % writer.rank(x)
    count = writer.shape(Reference(call.outputs[0]))[axis]
    if not isinstance(count, int) or count * size > _MOST_PLACES:
        raise Untranslated
    places = writer.new((count, size), "int64", tuple(step * at + k for at in range(count) for k in range(size)))
    (chosen,) = writer.add("Gather", [writer.name(x), places], axis=axis)
    order = [each for each in range(writer.rank(x) + 1) if each != axis + 1]
    writer.give("Transpose", [chosen], perm=(*order, axis + 1))


@aten("cat", "concat", "concatenate")
def concat(writer: Writer, call: OperatorCall) -> None:
    """Translate a concatenation; what holds nothing is left out."""
    tensors = [each for each in call.arguments["tensors"] if 0 not in writer.shape(each)]
    axis = call.arguments.get("dim", 0)
    writer.give("Concat", [writer.name(each) for each in tensors], axis=axis % writer.rank(tensors[0]))


@aten("stack")
def stack(writer: Writer, call: OperatorCall) -> None:
    """Translate values that are put along a new axis."""
    tensors = call.arguments["tensors"]
    axis = call.arguments.get("dim", 0) % (writer.rank(tensors[0]) + 1)
    parts = [writer.add("Unsqueeze", [writer.name(each)], axes=(axis,))[0] for each in tensors]
    writer.give("Concat", parts, axis=axis)


@aten("split", "split_with_sizes", "chunk", "split_with_sizes_copy", "unsafe_split", "unsafe_chunk")
def split(writer: Writer, call: OperatorCall) -> None:
    """Translate a split, to the sizes that are recorded."""
    x = call.arguments["self"]
    axis = call.arguments.get("dim", 0) % writer.rank(x)
    if len(call.outputs) == 1:
        writer.keep(x)
        return
    sizes = [writer.shape(Reference(name))[axis] for name in call.outputs]
    if not all(isinstance(size, int) for size in sizes):
        raise Untranslated
    writer.give("Split", [writer.name(x), writer.integers(sizes)], axis=axis)


@aten("unbind")
def unbind(writer: Writer, call: OperatorCall) -> None:
    """Translate the slices of an axis, without it."""
    x = call.arguments["self"]
    axis, count = call.arguments.get("dim", 0) % writer.rank(x), len(call.outputs)
    parts = writer.add("Split", [writer.name(x), writer.integers([1] * count)], count, axis=axis)
    for part, name in zip(parts, call.outputs, strict=True):
        writer.into([name], "Squeeze", [part], axes=(axis,))


@aten("select", "select_copy")
def select(writer: Writer, call: OperatorCall) -> None:
    """Translate one slice of an axis, without it."""
    x, index = call.arguments["self"], call.arguments["index"]
    axis = call.arguments.get("dim", 0) % writer.rank(x)
    chosen = writer.number(index) if isinstance(index, int) else writer.name(index)
    size = writer.shape(x)[axis]
    if isinstance(index, int) and isinstance(size, int):
        writer.cut(x, axis, index % size, index % size + 1, is_one=True)
    writer.give("Gather", [writer.name(x), chosen], axis=axis)


@aten("slice", "narrow", "slice_copy")
def slice_(writer: Writer, call: OperatorCall) -> None:
    """Translate a part of an axis."""
    arguments, x = call.arguments, call.arguments["self"]
    axis = arguments.get("dim", 0) % writer.rank(x)
    start, end, step = arguments.get("start") or 0, arguments.get("end"), arguments.get("step", 1)
    if "length" in arguments:
        if not isinstance(start, int) or not isinstance(arguments["length"], int):
            raise Untranslated
        start = start % writer.shape(x)[axis] if start < 0 else start
        end = start + arguments["length"]
    end = _END if end is None else end
    size = writer.shape(x)[axis]
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int) and step == 1:
        first, last, _ = slice(start, end).indices(size)
        writer.cut(x, axis, first, last)
    if writer.shape(x) == writer.shape(Reference(call.outputs[0])):
        writer.keep(x)
        return
    bounds = [writer.integers([each]) for each in (start, end, axis, step)]
    writer.give("Slice", [writer.name(x), *bounds])


@aten("index_select")
def index_select(writer: Writer, call: OperatorCall) -> None:
    """Translate chosen slices of an axis."""
    x = call.arguments["self"]
    axis = call.arguments["dim"] % writer.rank(x)
    writer.give("Gather", [writer.name(x), writer.name(call.arguments["index"])], axis=axis)


@aten("gather")
def gather(writer: Writer, call: OperatorCall) -> None:
    """Translate values at chosen places of an axis."""
    x = call.arguments["self"]
    axis = call.arguments["dim"] % writer.rank(x)
    writer.give("GatherElements", [writer.name(x), writer.name(call.arguments["index"])], axis=axis)


@aten("index")
def index(writer: Writer, call: OperatorCall) -> None:
    """Translate chosen slices of one axis, or of several that follow each other."""
    x = call.arguments["self"]
    chosen = [(axis, each) for axis, each in enumerate(call.arguments["indices"]) if each is not None]
    if not chosen or any("int" not in writer.dtype(each) for _, each in chosen):
        raise Untranslated
    axis, indices = chosen[0]
    if len(chosen) == 1:
        writer.give("Gather", [writer.name(x), writer.name(indices)], axis=axis)
        return
    before, after = writer.shape(x), writer.shape(Reference(call.outputs[0]))
    end = axis + len(chosen)
    if [place for place, _ in chosen] != list(range(axis, end)) or not all(writer.is_fixed(each) for _, each in chosen):
        raise Untranslated
    wanted = _integers(after[axis : len(after) - len(before) + end])
    joined = prod(_integers(before[axis:end]))
    (flat,) = writer.add("Reshape", [writer.name(x), writer.integers([*before[:axis], joined, *before[end:]])])
    places = f"{call.outputs[0]}%places"
    writer.constants[places] = Constant(places, wanted, "int64", stored=False)  # which ones changes no count
    writer.give("Gather", [flat, places], axis=axis)


def _integers(sizes: Shape) -> tuple[int, ...]:
    """Return sizes.

    Raises:
        Untranslated: Some are open.
    """
    found = tuple([size for size in sizes if isinstance(size, int)])
    if len(found) != len(sizes):
        raise Untranslated
    return found


@aten("topk")
def topk(writer: Writer, call: OperatorCall) -> None:
    """Translate the largest values of an axis and their places."""
    x, count = call.arguments["self"], call.arguments["k"]
    axis = call.arguments.get("dim", -1) % writer.rank(x)
    writer.give("TopK", [writer.name(x), writer.integers([count])], axis=axis)


@aten("roll")
def roll(writer: Writer, call: OperatorCall) -> None:
    """Translate values that are moved around along axes: each roll is two slices that change places."""
    x, shifts, axes = call.arguments["self"], call.arguments["shifts"], call.arguments.get("dims", [])
    shifts = [shifts] if isinstance(shifts, int) else shifts
    axes = [axes] if isinstance(axes, int) else axes
    if not axes:
        raise Untranslated
    name, sizes = writer.name(x), writer.shape(x)
    steps = [(shift % sizes[axis], axis % len(sizes)) for shift, axis in zip(shifts, axes, strict=True)]
    steps = [(shift, axis) for shift, axis in steps if shift]
    if not steps:
        writer.keep(x)
    for number, (shift, axis) in enumerate(steps):
        parts = [
            writer.add("Slice", [name, *(writer.integers([each]) for each in (*bounds, axis, 1))])[0]
            for bounds in ((-shift, _END), (0, -shift))
        ]
        if number == len(steps) - 1:
            writer.give("Concat", parts, axis=axis)
        else:
            (name,) = writer.add("Concat", parts, axis=axis)


@aten("flip")
def flip(writer: Writer, call: OperatorCall) -> None:
    """Translate axes that are turned around."""
    axes = call.arguments["dims"]
    bounds = [[-1] * len(axes), [-_END] * len(axes), list(axes), [-1] * len(axes)]
    writer.give("Slice", [writer.name(call.arguments["self"]), *map(writer.integers, bounds)])


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@aten("pad")
def pad(writer: Writer, call: OperatorCall) -> None:
    """Translate a padding in one of four modes."""
    _pad(writer, call, _MODES[call.arguments.get("mode", "constant")], call.arguments.get("value"))


@aten("constant_pad_nd")
def constant_pad(writer: Writer, call: OperatorCall) -> None:
    """Translate a padding with a number."""
    _pad(writer, call, "constant", call.arguments.get("value"))


@aten(*(f"{mode}_pad{axes}d" for mode in ("reflection", "replication") for axes in (1, 2, 3)))
def mirrored_pad(writer: Writer, call: OperatorCall) -> None:
    """Translate a padding with the values themselves."""
    _pad(writer, call, "reflect" if "reflection" in call.operator else "edge", None)


def _pad(writer: Writer, call: OperatorCall, mode: str, value: Any) -> None:
    x = call.arguments["self"]
    amounts = call.arguments["pad" if "pad" in call.arguments else "padding"]
    if not any(amounts):
        writer.keep(x)
        return
    rank, axes = writer.rank(x), len(amounts) // 2
    before, after = [0] * rank, [0] * rank
    for at in range(axes):  # the last axis is named first
        before[rank - 1 - at], after[rank - 1 - at] = amounts[2 * at], amounts[2 * at + 1]
    inputs = [writer.name(x), writer.integers([*before, *after])]
    inputs += [writer.number(float(value))] if mode == "constant" and value else []
    writer.give("Pad", inputs, mode=mode)


@aten("pixel_unshuffle")
def pixel_unshuffle(writer: Writer, call: OperatorCall) -> None:
    """Translate blocks of positions that become channels, in PyTorch's order: reshape, permute, reshape."""
    x, factor = call.arguments["self"], call.arguments["downscale_factor"]
    batch, channels, height, width = _sizes(writer, x, 4)
    parts = [batch, channels, height // factor, factor, width // factor, factor]
    (split,) = writer.add("Reshape", [writer.name(x), writer.integers(parts)])
    (turned,) = writer.add("Transpose", [split], perm=(0, 1, 3, 5, 2, 4))
    after = [batch, channels * factor**2, height // factor, width // factor]
    writer.give("Reshape", [turned, writer.integers(after)])


@aten("channel_shuffle")
def channel_shuffle(writer: Writer, call: OperatorCall) -> None:
    """Translate channels of groups that change places: reshape, permute, reshape."""
    x, groups = call.arguments["self"], call.arguments["groups"]
    batch, channels, height, width = _sizes(writer, x, 4)
    parts = [batch, groups, channels // groups, height, width]
    (split,) = writer.add("Reshape", [writer.name(x), writer.integers(parts)])
    (turned,) = writer.add("Transpose", [split], perm=(0, 2, 1, 3, 4))
    writer.give("Reshape", [turned, writer.integers([batch, channels, height, width])])


def _sizes(writer: Writer, x: Any, axes: int) -> list[int]:
    """Return the sizes of a value.

    Raises:
        Untranslated: Some are open, or there are others.
    """
    sizes = [size for size in writer.shape(x) if isinstance(size, int)]
    if len(sizes) != axes or writer.rank(x) != axes:
        raise Untranslated
    return sizes


@aten("im2col")
def im2col(writer: Writer, call: OperatorCall) -> None:
    """Translate patches that become channels: `torch.nn.Unfold`."""
    arguments = call.arguments
    names = ("kernel_size", "dilation", "padding", "stride")
    writer.give("convcost.Unfold", [writer.name(arguments["self"])], **{name: tuple(arguments[name]) for name in names})


@aten("col2im")
def col2im(writer: Writer, call: OperatorCall) -> None:
    """Translate patches that are added to where they are from: `torch.nn.Fold`."""
    arguments = call.arguments
    names = ("output_size", "kernel_size", "dilation", "padding", "stride")
    writer.give("convcost.Fold", [writer.name(arguments["self"])], **{name: tuple(arguments[name]) for name in names})
