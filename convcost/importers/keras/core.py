"""Layers that most models have: dense ones, embeddings, what reorders values, and what does nothing at inference."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from msgspec import Struct

from convcost.importers.keras.activations import activated
from convcost.importers.keras.builder import GraphBuilder, count, like
from convcost.importers.keras.merges import arithmetic
from convcost.importers.keras.registry import integers, layer, one, whole
from convcost.importers.keras.values import KerasLayer, KerasValue, Sizes, UntranslatableLayer, known

_NOTHING = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"),
    *("GaussianNoise", "ActivityRegularization", "StochasticDepth", "Identity", "RandomFlip", "RandomRotation"),
    *("RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness", "RandomHeight", "RandomWidth"),
    *("RandomHue", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomPosterization", "RandomGrayscale"),
    *("RandomColorDegeneration", "RandomColorJitter", "RandomErasing", "RandomInvert", "RandomPerspective"),
    *("RandomGaussianBlur", "RandomElasticTransform", "RandomApply", "AugMix", "RandAugment", "MixUp", "CutMix"),
)

_MOST = 1e15  # of a number that an item may have


@layer(*_NOTHING, in_place=True)
def nothing(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a layer that changes nothing at inference."""
    return one(layer)


@layer("Masking", in_place=True)
def masking(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a mask of steps, which a later layer leaves out or not."""
    value = one(layer)
    return like(value, builder.add(layer, "keras.Masking", [value.name]))


@layer("Dense")
def dense(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a dense layer over the last axis; of a map it is a convolution of one position."""
    if layer.config.get("lora_rank"):
        raise UntranslatableLayer("its kernel has an update of low rank")
    value, units = one(layer), whole(layer, "units")
    features = value.channels
    bias = [builder.weight(layer, "bias", units)] if layer.config.get("use_bias", True) else []
    sizes = (*value.known[:-1], units)
    if value.first:
        ones = (1,) * (len(sizes) - 1)
        kernel = builder.weight(layer, "kernel", units, features, *ones)
        name = builder.add(layer, "Conv", [value.name, kernel, *bias], {"kernel_shape": ones})
        return activated(builder, layer, KerasValue(name, sizes, first=True))
    kernel = builder.weight(layer, "kernel", features, units)
    if len(sizes) == 1:  # of a flattened map too: the order of its rows changes no count
        name = builder.add(layer, "Gemm", [value.name, kernel, *bias])
    else:
        name = multiplied(builder, layer, value.name, kernel, bias)
    return activated(builder, layer, KerasValue(name, sizes))


def multiplied(
    builder: GraphBuilder, layer: KerasLayer, value: str, kernel: str, bias: list[str], scope: str = ""
) -> str:
    """Return the product of a value with a matrix, and a bias added to it."""
    name = builder.add(layer, "MatMul", [value, kernel], scope=scope)
    return builder.add(layer, "Add", [name, *bias], scope=scope) if bias else name


@layer("EinsumDense")
def einsum_dense(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a product with a matrix over any axes that an equation names; they are brought to the end for it."""
    if layer.config.get("lora_rank"):
        raise UntranslatableLayer("its kernel has an update of low rank")
    value = builder.plain(one(layer))
    equation = _Equation.of(str(layer.config.get("equation", "")), len(value.known) + 1, layer.lead)
    size_of = dict(zip(equation.reads[1:], value.known, strict=True))
    given = layer.config.get("output_shape")
    shape = list(given) if isinstance(given, (list, tuple)) else [given]
    named = zip(equation.gives[equation.outer :], shape, strict=False)
    size_of |= {letter: size for letter, size in named if letter in equation.new}
    if not all(type(size_of.get(letter)) is int for letter in (*equation.new, *equation.summed)):
        raise UntranslatableLayer("its output_shape leaves the sizes of its weights open")
    features, units = (count(tuple([size_of[each] for each in part])) for part in (equation.summed, equation.new))
    kernel = builder.weight(layer, "kernel", known(features), known(units))
    axes = layer.config.get("bias_axes") or ""
    plain = bool(axes) and len(axes) == len(equation.new) and set(axes) == set(equation.new)
    bias = [builder.weight(layer, "bias", known(units))] if plain else []
    lead = len(equation.kept) - 1
    builder.has_wrong_shapes |= len(set(value.known[: equation.outer - 1])) > 1
    name = _permuted(builder, layer, value.name, equation.reads, equation.kept + equation.summed)
    if len(equation.summed) > 1:
        name = builder.add(layer, "Reshape", [name, builder.number(*(0,) * (lead + 1), known(features))])
    name = (
        builder.add(layer, "Gemm", [name, kernel, *bias])
        if not lead
        else multiplied(builder, layer, name, kernel, bias)
    )
    if len(equation.new) > 1:
        outer = [known(size_of[letter]) for letter in equation.new]
        name = builder.add(layer, "Reshape", [name, builder.number(*(0,) * (lead + 1), *outer)])
    name = _permuted(builder, layer, name, equation.kept + equation.new, equation.gives)
    if axes and not plain:
        name = builder.add(layer, "Add", [name, _bias_along(builder, layer, axes, equation.gives, size_of)])
    return activated(builder, layer, KerasValue(name, tuple([size_of[letter] for letter in equation.gives[1:]])))


def _permuted(builder: GraphBuilder, layer: KerasLayer, name: str, before: str, after: str) -> str:
    """Return a value with its axes, which have letters, in another order."""
    if before == after:
        return name
    return builder.add(layer, "Transpose", [name], {"perm": tuple([before.index(letter) for letter in after])})


def _bias_along(
    builder: GraphBuilder, layer: KerasLayer, axes: str, gives: str, size_of: Mapping[str, int | None]
) -> str:
    """Return a learned summand along some of the axes that are given."""
    if any(letter not in gives[1:] for letter in axes) or len(set(axes)) < len(axes):
        raise UntranslatableLayer(f"its bias is over the axes {axes!r}")
    first = min(gives.index(letter) for letter in axes)
    shape = [known(size_of[letter]) if letter in axes else 1 for letter in gives[first:]]
    return builder.weight(layer, "bias", *shape)


class _Equation(Struct, frozen=True):
    """An equation of a product with a matrix, each axis being a letter; the first is the batch.

    Attributes:
        reads: The axes of what is read.
        gives: Those of what is given.
        kept: Those that are read and given.
        summed: Those that are summed over.
        new: Those that the matrix adds.
        outer: How many of those that are given stand before the layer's output_shape.
    """

    reads: str
    gives: str
    kept: str
    summed: str
    new: str
    outer: int

    @classmethod
    def of(cls, text: str, rank: int, lead: int = 0) -> _Equation:
        """Return an equation from its text; the axes of an ellipsis get letters of their own, and those of slices.

        Raises:
            UntranslatableLayer: It is no product with a matrix.

        >>> _Equation.of("abc,cde->abde", 3)
        _Equation(reads='abc', gives='abde', kept='ab', summed='c', new='de', outer=1)
        """
        reads, _, gives = text.replace(" ", "").partition("->")
        reads, _, weights = reads.partition(",")
        free = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in text]
        slices = "".join(free.pop() for _ in range(lead))
        more = "".join(free[: max(rank - lead - len(reads.replace("...", "")), 0)]) if "..." in reads else ""
        outer = lead + (len(more) if gives.startswith("...") else 1)
        reads, gives = (part.replace("...", more) for part in (reads, gives))
        reads, gives = (part[:1] + slices + part[1:] for part in (reads, gives))
        summed = "".join(letter for letter in reads if letter in weights)
        new = "".join(letter for letter in weights if letter not in reads)
        kept = "".join(letter for letter in reads if letter not in weights)
        letters = [len(set(part)) == len(part) for part in (reads, weights, gives)]
        fits = (
            all(letters) and len(reads) == rank and set(gives) == {*kept, *new} and gives[:1] == reads[:1] == kept[:1]
        )
        if not fits or not summed or not new:
            raise UntranslatableLayer("its equation is no product with a matrix")
        return cls(reads, gives, kept, summed, new, outer)


@layer("Embedding", "ReversibleEmbedding")
def embedding(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate an embedding: rows of a table; one in reverse multiplies with the table."""
    if layer.config.get("lora_rank"):
        raise UntranslatableLayer("its table has an update of low rank")
    value = one(layer)
    rows, size = whole(layer, "input_dim"), whole(layer, "output_dim")
    table = builder.weight(layer, "embeddings", rows, size)
    if layer.config.get("tie_weights") is False:
        raise UntranslatableLayer("its table in reverse is another one")
    if layer.kwargs.get("reverse") or True in layer.args[1:2]:
        return _in_reverse(builder, layer, value, table, rows)
    name = builder.add(layer, "Gather", [table, value.name], {"axis": 0})
    return KerasValue(name, (*value.known, size))


def _in_reverse(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, table: str, rows: int) -> KerasValue:
    """Return a score for each row of a table, which may be kept within a bound."""
    value = builder.plain(value)
    name = multiplied(builder, layer, value.name, builder.add(layer, "Transpose", [table], {"perm": (1, 0)}), [])
    bound = layer.config.get("logit_soft_cap")
    if bound is not None:
        (number,) = numbers(bound)
        name = builder.add(layer, "Div", [name, builder.number(number, shape=())])
        name = builder.add(layer, "Tanh", [name])
        name = builder.add(layer, "Mul", [name, builder.number(number, shape=())])
    return KerasValue(name, (*value.known[:-1], rows))


@layer("Flatten")
def flatten(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a flattening of all axes but the batch, or but those that are handled slice by slice."""
    value = one(layer)
    if layer.lead:
        value = builder.plain(value)
        kept = value.known[: layer.lead]
        shape = builder.number(*(0,) * (layer.lead + 1), -1)
        return KerasValue(builder.add(layer, "Reshape", [value.name, shape]), (*kept, count(value.known[layer.lead :])))
    if len(value.known) == 1:
        return value
    name = builder.add(layer, "Flatten", [value.name])
    before = (value.known[-1], *value.known[:-1]) if value.first else ()
    return KerasValue(name, (count(value.known),), flattened=before if sum(size != 1 for size in before[1:]) else ())


@layer("Reshape")
def reshape(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a reshape of all axes but the batch."""
    target = layer.config.get("target_shape")
    if not isinstance(target, (list, tuple)) or not all(type(size) is int for size in target):
        raise UntranslatableLayer("its target_shape is no list of whole numbers")
    return reshaped(builder, layer, one(layer), tuple(target))


def reshaped(
    builder: GraphBuilder, layer: KerasLayer, value: KerasValue, target: tuple[int, ...], *, joins: bool = False
) -> KerasValue:
    """Return a value in another shape.

    Args:
        builder: The graph.
        layer: The layer; axes that `TimeDistributed` adds are kept.
        value: The value.
        target: The sizes, of which one may be −1.
        joins: Whether other axes may be joined with the batch, or parted from it again.
    """
    value = builder.plain(value)
    kept, sizes = value.known[: layer.lead], value.known[layer.lead :]
    moves_batch = joins and -1 not in target and count(sizes) not in (None, prod(target))
    shape = builder.number(-1 if moves_batch else 0, *(0,) * layer.lead, *target)
    return KerasValue(builder.add(layer, "Reshape", [value.name, shape]), (*kept, *_filled(sizes, target)))


def _filled(sizes: Sizes, target: tuple[int, ...]) -> Sizes:
    """Return the sizes that a reshape gives; those that are not known are open."""
    total, given = count(sizes), count(tuple([size for size in target if size != -1]))
    if total is None or not given or target.count(-1) > 1:
        return tuple([None if size == -1 else size for size in target])
    return tuple([total // given if size == -1 else size for size in target])


@layer("Permute")
def permute(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a permutation of all axes but the batch."""
    value = builder.plain(one(layer))
    order = integers(layer.config.get("dims"), len(value.known) - layer.lead)
    if sorted(order) != list(range(1, len(order) + 1)):
        raise UntranslatableLayer(f"its dims are {list(order)}")
    full = (*range(1, layer.lead + 1), *(axis + layer.lead for axis in order))
    name = builder.add(layer, "Transpose", [value.name], {"perm": (0, *full)})
    return KerasValue(name, tuple([value.known[axis - 1] for axis in full]))


@layer("RepeatVector")
def repeat_vector(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a vector that is repeated as the steps of a sequence."""
    value, times, lead = builder.plain(one(layer)), whole(layer, "n"), layer.lead
    if len(value.known) != 1 + lead:
        raise UntranslatableLayer("it repeats what is no vector")
    name = builder.add(layer, "Unsqueeze", [value.name, builder.number(lead + 1)])
    name = builder.add(layer, "Expand", [name, builder.number(*(1,) * (lead + 1), times, 1)])
    return KerasValue(name, (*value.known[:lead], times, value.channels))


@layer("Rescaling", in_place=True)
def rescaling(builder: GraphBuilder, layer: KerasLayer) -> KerasValue:
    """Translate a product with a number and a sum with another."""
    value = one(layer)
    for operator, field, neutral in (("Mul", "scale", 1), ("Add", "offset", 0)):
        given = numbers(layer.config.get(field, neutral))
        if any(each != neutral for each in given):
            value = with_numbers(builder, layer, operator, value, given)
    return value


def numbers(value: Any) -> tuple[float, ...]:
    """Return numbers that are one, a list, or an array as Keras writes it.

    Raises:
        UntranslatableLayer: They are none of these.
    """
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__"):
        value = value.get("config", {}).get("value")
    while isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], (list, tuple)):
        value = value[0]
    found = value if isinstance(value, (list, tuple)) else (value,)
    if not found or not all(type(each) in (int, float) for each in found):
        raise UntranslatableLayer("its numbers are not given, or are more than one for each channel")
    return tuple([float(each) for each in found])


def constant_like(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, given: Any) -> KerasValue | None:
    """Return numbers of several axes as a value of as many axes as another; None where they are of one at most."""
    shape = _nested(given)
    while shape[:1] == (1,):
        shape = shape[1:]
    return constant(builder, layer, value, shape) if len(shape) > 1 else None


def _nested(given: Any) -> tuple[int, ...]:
    """Return the shape of nested lists, of which all at one depth are as long.

    Raises:
        UntranslatableLayer: They are not.
    """
    if not isinstance(given, list):
        return ()
    inner = {_nested(each) for each in given}
    if len(inner) != 1:
        raise UntranslatableLayer("its numbers are no array")
    return (len(given), *inner.pop())


def constant(builder: GraphBuilder, layer: KerasLayer, value: KerasValue, shape: tuple[int, ...]) -> KerasValue:
    """Return numbers that the program holds, with as many axes as a value and in its order."""
    rank = len(value.known)
    if len(shape) > rank:
        raise UntranslatableLayer("its numbers have more axes than what they meet")
    sizes = (1,) * (rank - len(shape)) + shape
    held = (sizes[-1], *sizes[:-1]) if value.first else sizes
    attributes = {"shape": held, "first": int(value.first)}
    name = builder.add(layer, "keras.Constant", [], attributes, scope=f"{layer.path}.constant")
    return KerasValue(name, sizes, value.first)


def with_numbers(
    builder: GraphBuilder, layer: KerasLayer, operator: str, value: KerasValue, given: tuple[float, ...]
) -> KerasValue:
    """Return a value with one number, or with one for each channel, that are no weights."""
    if len(set(given)) == 1 and abs(given[0]) > _MOST:
        return arithmetic(builder, layer, operator, value, constant(builder, layer, value, (1,)))
    if len(set(given)) == 1:
        return like(value, builder.add(layer, operator, [value.name, builder.number(given[0], shape=())]))
    if len(given) != value.known[-1]:
        raise UntranslatableLayer(f"it has {len(given)} numbers for {value.known[-1]} channels")
    axis = builder.axis(value, -1)
    kind = {"Mul": "keras.Scale", "Div": "keras.Scale"}.get(operator, "keras.Shift")
    return like(value, builder.add(layer, kind, [value.name], {"axis": axis}))
