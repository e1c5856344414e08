"""What moves values: reshapes, permutations, padding, slices, joins."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import (
    Translator,
    Untranslatable,
    channels_first,
    channels_last,
    translates,
)

_LAST = 2**31 - 1
_MIRRORED = ("reflect", "symmetric")


@translates("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(translator: Translator, operator: FileOperator) -> None:
    """Translate a change of the axes that leaves the values in their order."""
    _reshape(translator, operator, operator.inputs[0])


def _reshape(translator: Translator, operator: FileOperator, source: int) -> None:
    index = operator.outputs[0]
    tensor = translator.claim(index)
    rank = translator.rank(index)
    target = translator.new(_target(translator.written(index, tensor.sizes)))
    as_it_is = rank == 2 or _keeps_order(translator, source)  # what reads a vector reads all of it
    value = translator.as_it_is(source) if as_it_is else translator.plain(source)
    if not translator.is_picture(index):
        translator.give(operator, "Reshape", [value, target])
        return
    plain = (1,) * (rank - len(tensor.sizes)) + tensor.sizes
    if _ordered(plain[1:]):
        translator.give(operator, "Reshape", [value, target])
        return
    flat = translator.add("Reshape", [value, translator.new(_target(plain))])
    translator.give(operator, "Transpose", [flat], perm=channels_first(rank))


def _target(sizes: Sequence[int | None]) -> list[int]:
    """Return sizes for a reshape: one that is open follows from the others."""
    if sizes[1:].count(None) > 1:
        raise Untranslatable("sizes of its input are not known")
    first = 1 if sizes[0] is None else sizes[0]
    return [first, *(-1 if size is None else size for size in sizes[1:])]


def _keeps_order(translator: Translator, source: int) -> bool:
    """Return whether values lie in one order, be their channels first or last: one of both has one position."""
    sizes = translator.graph.tensors[source].sizes
    return translator.is_picture(source) and _ordered(sizes[1:])


def _ordered(sizes: Sequence[int | None]) -> bool:
    """Return whether a picture has one channel, or one position."""
    return sizes[-1] == 1 or all(size == 1 for size in sizes[:-1])


@translates("TRANSPOSE")
def transpose(translator: Translator, operator: FileOperator) -> None:
    """Translate a permutation; of one of the batch axis of size 1, a reshape and one of the others."""
    source, index = operator.inputs[0], operator.outputs[0]
    order = [axis % len(translator.tensor(source).shape) for axis in translator.numbers(operator.inputs[1])]
    lead = translator.rank(source) - len(order)
    value = translator.as_it_is(source)
    places = [*range(lead), *(axis + lead for axis in order)]  # by the plain order of axes
    if places[0] != 0:
        if translator.batch not in (1, None) or lead:
            raise Untranslatable("it moves the batch axis")
        sizes = translator.tensor(source).sizes
        shape = translator.new([1, *(-1 if size is None else size for size in sizes)])
        value = translator.add("Reshape", [translator.plain(source), shape])
        translator.give(operator, "Transpose", [value], lead=1, first=False, perm=(0, *(axis + 1 for axis in order)))
        return
    translator.claim(index, lead)
    rank = translator.rank(index)
    if translator.is_picture(source):  # in which place of what is written an axis lies
        written = channels_first(rank)
        places = [written.index(place) for place in places]
    if translator.is_picture(index):
        places = [places[axis] for axis in channels_first(rank)]
    translator.give(operator, "Transpose", [value], lead=lead, perm=tuple(places))


@translates("PAD", "PADV2", "MIRROR_PAD")
def pad(translator: Translator, operator: FileOperator) -> None:
    """Translate padding, which runs as an operator of its own."""
    source = operator.inputs[0]
    amounts = translator.numbers(operator.inputs[1])
    rank = translator.rank(source)
    pairs = [(0, 0)] * rank
    for axis in range(len(amounts) // 2):
        pairs[translator.axis(source, axis)] = (amounts[2 * axis], amounts[2 * axis + 1])
    mode, value = "constant", 0.0
    if operator.name == "MIRROR_PAD":
        mode = _MIRRORED[operator.options.whole(0, "b") if operator.options else 0]
    if operator.name == "PADV2":
        values = translator.graph.values(translator.tensor(operator.inputs[2]))
        if not values:
            raise Untranslatable("what it pads with is not known")
        value = float(values[0])
    translator.give(
        operator,
        "tflite.Pad",
        [translator.as_it_is(source)],
        first=translator.is_picture(source),
        lead=rank - len(translator.graph.tensors[source].shape),
        pads=tuple(pairs),
        mode=mode,
        value=value,
    )


@translates("CONCATENATION")
def concatenate(translator: Translator, operator: FileOperator) -> None:
    """Translate a concatenation."""
    flows = [index for index in operator.inputs if not translator.tensor(index).is_constant]
    if len(flows) < len(operator.inputs) or operator.options is None:
        raise Untranslatable("it joins constants")
    first = translator.is_picture(flows[0])
    inputs = [translator.picture(index) if first else translator.plain(index) for index in flows]
    translator.give(
        operator,
        "Concat",
        inputs,
        first=first,
        lead=translator.lead_before(flows[0]),
        axis=translator.axis(flows[0], operator.options.whole(0)),
    )


@translates("PACK")
def pack(translator: Translator, operator: FileOperator) -> None:
    """Translate a join along a new axis."""
    if operator.options is None or any(translator.tensor(index).is_constant for index in operator.inputs):
        raise Untranslatable("it joins constants")
    tensor = translator.claim(operator.outputs[0])
    lead = translator.rank(operator.outputs[0]) - len(tensor.shape)
    place = operator.options.whole(1) % len(tensor.shape) + lead
    sizes = _target((1,) * lead + tensor.sizes)
    sizes[place] = 1
    parts = [translator.add("Reshape", [translator.plain(index), translator.new(sizes)]) for index in operator.inputs]
    translator.give(operator, "Concat", parts, first=False, lead=lead, axis=place)


@translates("SPLIT", "SPLIT_V")
def split(translator: Translator, operator: FileOperator) -> None:
    """Translate a split into parts."""
    equal = operator.name == "SPLIT"
    source, at = (operator.inputs[1], operator.inputs[0]) if equal else (operator.inputs[0], operator.inputs[2])
    axis = translator.axis(source, translator.numbers(at)[0])
    value = translator.as_it_is(source)
    shape = translator.graph.tensors[source].shape
    first, lead = translator.is_picture(source), translator.rank(source) - len(shape)
    place = translator.numbers(at)[0] % len(shape)
    outputs, sizes = [], []
    for index in operator.outputs:
        tensor = translator.claim(index, lead)
        if translator.is_picture(index) != first and translator.rank(index) > 2:
            raise Untranslatable("its parts are read in another order of axes")
        outputs.append(tensor.name)
        sizes.append(tensor.shape[place])
    translator.add_several("Split", [value], outputs, axis=axis, split=tuple(sizes))


@translates("UNPACK")
def unpack(translator: Translator, operator: FileOperator) -> None:
    """Translate a split along an axis that is gone behind it."""
    source = operator.inputs[0]
    shape = translator.graph.tensors[source].shape
    axis = operator.options.whole(1) if operator.options else 0
    if not -len(shape) <= axis < len(shape):
        raise Untranslatable("there is no such axis")
    place = axis % len(shape) + translator.rank(source) - len(shape)
    parts = [f"{translator.graph.tensors[index].name}:part" for index in operator.outputs]
    translator.add_several("Split", [translator.plain(source)], parts, axis=place, split=(1,) * len(parts))
    for at, part in enumerate(parts):
        tensor = translator.claim(operator.outputs[at])
        target = translator.new(_target(translator.written(tensor.index, tensor.sizes)))
        if translator.is_picture(tensor.index):
            raise Untranslatable("its parts are read in another order of axes")
        translator.give(operator, "Reshape", [part, target], at=at)


@translates("SLICE")
def slice_(translator: Translator, operator: FileOperator) -> None:
    """Translate a slice by starts and sizes; a size of −1 goes to the end."""
    starts, sizes = translator.numbers(operator.inputs[1]), translator.numbers(operator.inputs[2])
    ends = [_LAST if size < 0 else start + size for start, size in zip(starts, sizes, strict=True)]
    _slice(translator, operator, starts, ends, (1,) * len(starts), reshaped=False)


@translates("STRIDED_SLICE")
def strided_slice(translator: Translator, operator: FileOperator) -> None:
    """Translate a slice by starts, ends and steps; masks say where these do not count and which axes go."""
    options = operator.options
    starts_off, ends_off, ellipsis, added, gone = (options.whole(mask) if options else 0 for mask in range(5))
    if ellipsis or added or (options is not None and options.flag(5)):
        raise Untranslatable("it adds axes, or counts from offsets")
    starts, ends, steps = (list(translator.numbers(index)) for index in operator.inputs[1:4])
    for axis, start in enumerate(starts):
        bit = 1 << axis
        if gone & bit:  # one place
            ends[axis], steps[axis] = start + 1 if start != -1 else _LAST, 1
            continue
        if steps[axis] < 1:
            raise Untranslatable("it goes backwards")
        starts[axis] = 0 if starts_off & bit else start
        ends[axis] = _LAST if ends_off & bit else ends[axis]
    _slice(translator, operator, starts, ends, steps, reshaped=gone != 0)


def _slice(
    translator: Translator,
    operator: FileOperator,
    starts: Sequence[int],
    ends: Sequence[int],
    steps: Sequence[int],
    *,
    reshaped: bool,
) -> None:
    source = operator.inputs[0]
    axes = tuple(translator.axis(source, axis) for axis in range(len(starts)))
    places = translator.new(axes), translator.new(steps)
    bounds = translator.new(starts), translator.new(ends)
    value = translator.as_it_is(source)
    lead = translator.lead_before(source)
    if not reshaped:
        inputs = [value, *bounds, *places]
        translator.give(operator, "Slice", inputs, first=translator.is_picture(source), lead=lead)
        return
    cut = translator.add("Slice", [value, *bounds, *places])
    if translator.is_picture(source):
        cut = translator.add("Transpose", [cut], perm=channels_last(translator.rank(source)))
    index = operator.outputs[0]
    tensor = translator.claim(index)
    plain = (1,) * (translator.rank(index) - len(tensor.sizes)) + tensor.sizes
    target = translator.new(_target(plain))
    translator.give(operator, "Reshape", [cut, target], first=False)


@translates("SHAPE")
def shape(translator: Translator, operator: FileOperator) -> None:
    """Translate the sizes of a value, which are numbers of the program."""
    source = operator.inputs[0]
    lead = translator.lead_before(source)
    translator.give(operator, "Shape", [translator.plain(source)], lead=0, start=lead)


@translates("GATHER", "EMBEDDING_LOOKUP")
def gather(translator: Translator, operator: FileOperator) -> None:
    """Translate a choice of places of an axis by constants, or of rows of a table by the numbers that a value holds."""
    options = operator.options if operator.name == "GATHER" else None
    if options is not None and options.whole(1):
        raise Untranslatable("it chooses other places for each input")
    source, places = operator.inputs[:2] if operator.name == "GATHER" else operator.inputs[1::-1]
    axis = options.whole(0) if options is not None else 0
    if translator.tensor(source).is_constant:
        inputs = [translator.constant(source), translator.plain(places)]
        translator.give(operator, "Gather", inputs, lead=translator.lead_before(places), axis=axis)
        return
    lead = translator.lead_before(source)
    chosen = translator.tensor(places)
    indices = translator.new(translator.numbers(places), shape=chosen.shape)
    if len(chosen.shape) == 1:
        first, place = translator.is_picture(source), translator.axis(source, axis)
        translator.give(operator, "Gather", [translator.as_it_is(source), indices], first=first, lead=lead, axis=place)
        return
    place = axis % len(translator.tensor(source).shape) + lead
    translator.give(operator, "Gather", [translator.plain(source), indices], first=False, lead=lead, axis=place)


@translates("TILE", "BROADCAST_TO")
def repeat(translator: Translator, operator: FileOperator) -> None:
    """Translate a repetition along axes."""
    source = operator.inputs[0]
    numbers = translator.numbers(operator.inputs[1])
    lead = translator.lead_before(source)
    first = translator.is_picture(source) and translator.is_picture(operator.outputs[0])
    value = translator.picture(source) if first else translator.plain(source)
    full = [1] * lead + [*numbers]
    if len(full) < translator.rank(source):
        raise Untranslatable("it leaves out axes")
    if first:
        full = [full[axis] for axis in channels_first(len(full))]
    to = "Tile" if operator.name == "TILE" else "Expand"
    translator.give(operator, to, [value, translator.new(full)], first=first, lead=lead)


@translates("REVERSE_V2")
def reverse(translator: Translator, operator: FileOperator) -> None:
    """Translate an exchange of the first and the last along axes."""
    source = operator.inputs[0]
    axes = tuple(translator.axis(source, axis) for axis in translator.numbers(operator.inputs[1]))
    first, lead = translator.is_picture(source), translator.lead_before(source)
    translator.give(operator, "tflite.Flip", [translator.as_it_is(source)], first=first, lead=lead, axes=axes)
