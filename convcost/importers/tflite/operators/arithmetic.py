"""What works value by value, on two values, and over an axis."""

from __future__ import annotations

from typing import Any

from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import Translator, Untranslatable, channels_first, translates

_PLAIN = {
    "ABS": "Abs",
    "NEG": "Neg",
    "EXP": "Exp",
    "LOG": "Log",
    "SQRT": "Sqrt",
    "FLOOR": "Floor",
    "CEIL": "Ceil",
    "ROUND": "Round",
    "SIN": "Sin",
    "COS": "Cos",
    "SIGN": "Sign",
    "LOGISTIC": "Sigmoid",
    "TANH": "Tanh",
    "RELU": "Relu",
    "ELU": "Elu",
    "HARD_SWISH": "HardSwish",
}
_CLIPS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}


def _plain(translator: Translator, operator: FileOperator, to: str, **attributes: Any) -> None:
    """Translate what leaves the axes as they are."""
    source = operator.inputs[0]
    translator.give(
        operator,
        to,
        [translator.as_it_is(source)],
        first=translator.is_picture(source),
        lead=translator.rank(source) - len(translator.graph.tensors[operator.outputs[0]].shape),
        **attributes,
    )


@translates(*_PLAIN)
def plain(translator: Translator, operator: FileOperator) -> None:
    """Translate what works value by value and has no fields."""
    _plain(translator, operator, _PLAIN[operator.name])


@translates(*_CLIPS)
def clip(translator: Translator, operator: FileOperator) -> None:
    """Translate a clip."""
    low, high = _CLIPS[operator.name]
    _plain(translator, operator, "Clip", min=low, max=high)


@translates("LEAKY_RELU")
def leaky_relu(translator: Translator, operator: FileOperator) -> None:
    """Translate a leaky ReLU."""
    _plain(translator, operator, "LeakyRelu", alpha=operator.options.number(0) if operator.options else 0.0)


@translates("GELU")
def gelu(translator: Translator, operator: FileOperator) -> None:
    """Translate a GELU."""
    approximate = operator.options is not None and operator.options.flag(0)
    _plain(translator, operator, "Gelu", approximate="tanh" if approximate else "none")


@translates("QUANTIZE", "DEQUANTIZE", "CAST")
def convert(translator: Translator, operator: FileOperator) -> None:
    """Translate a change of the type of numbers."""
    _plain(translator, operator, "tflite.Convert")


@translates("SQUARE")
def square(translator: Translator, operator: FileOperator) -> None:
    """Translate a square: a value times itself."""
    _both(translator, operator, "Mul", operator.inputs[0], operator.inputs[0])


@translates("RSQRT")
def reciprocal_root(translator: Translator, operator: FileOperator) -> None:
    """Translate 1 / √x."""
    source = operator.inputs[0]
    root = translator.add("Sqrt", [translator.as_it_is(source)])
    translator.give(
        operator, "Reciprocal", [root], first=translator.is_picture(source), lead=_lead(translator, operator)
    )


@translates("SOFTMAX", "LOG_SOFTMAX")
def softmax(translator: Translator, operator: FileOperator) -> None:
    """Translate a softmax over the last axis; a factor before it is a product."""
    source = operator.inputs[0]
    value = translator.as_it_is(source)
    options = operator.options
    if operator.name == "SOFTMAX" and options is not None and options.number(0, 1.0) not in (0.0, 1.0):
        value = translator.add("Mul", [value, translator.new([options.number(0)], "float32")])
    translator.give(
        operator,
        "Softmax" if operator.name == "SOFTMAX" else "LogSoftmax",
        [value],
        first=translator.is_picture(source),
        lead=_lead(translator, operator),
        axis=translator.axis(source, -1),
    )


@translates("L2_NORMALIZATION")
def l2_normalize(translator: Translator, operator: FileOperator) -> None:
    """Translate a division by the length of the vector of the last axis."""
    _plain(translator, operator, "LpNormalization", axis=translator.axis(operator.inputs[0], -1), p=2)


@translates("PRELU")
def prelu(translator: Translator, operator: FileOperator) -> None:
    """Translate a ReLU with learned slopes."""
    source, given = operator.inputs[0], translator.tensor(operator.inputs[1])
    first = translator.rank(source) > 2 and given.is_constant  # its slopes are along the channels
    slopes = _beside(translator, operator.inputs[1], translator.rank(source), first)
    value = translator.picture(source) if first else translator.as_it_is(source)
    if not given.is_constant or sum(size != 1 for size in given.shape) < 2:
        to, inputs = "PRelu", [value, slopes]
    else:  # slopes of positions: max(x, 0) + slope · max(−x, 0), as the layer works it out
        below = translator.add("Relu", [translator.add("Neg", [value])])
        to, inputs = "Add", [translator.add("Relu", [value]), translator.add("Mul", [below, slopes])]
    translator.give(operator, to, inputs, first=first, lead=_lead(translator, operator))


_MERGES = {
    "ADD": "Add",
    "SUB": "Sub",
    "MUL": "Mul",
    "DIV": "Div",
    "MAXIMUM": "Max",
    "MINIMUM": "Min",
    "POW": "Pow",
}


@translates(*_MERGES)
def merge(translator: Translator, operator: FileOperator) -> None:
    """Translate arithmetic on two values."""
    if len(operator.inputs) != 2:
        raise Untranslatable(f"it reads {len(operator.inputs)} values")
    _both(translator, operator, _MERGES[operator.name], *operator.inputs)


@translates("ADD_N")
def add_n(translator: Translator, operator: FileOperator) -> None:
    """Translate a sum of several values."""
    first, lead, inputs = _aligned(translator, operator.inputs, operator)
    translator.give(operator, "Sum", inputs, first=first, lead=lead)


@translates("SQUARED_DIFFERENCE")
def squared_difference(translator: Translator, operator: FileOperator) -> None:
    """Translate (a − b)²."""
    first, lead, inputs = _aligned(translator, operator.inputs, operator)
    less = translator.add("Sub", inputs)
    translator.give(operator, "Mul", [less, less], first=first, lead=lead)


def _both(translator: Translator, operator: FileOperator, to: str, *sources: int) -> None:
    first, lead, inputs = _aligned(translator, sources, operator)
    translator.give(operator, to, inputs, first=first, lead=lead)


def _lead(translator: Translator, operator: FileOperator) -> int:
    """Return how many axes stand before those of what an operator of one value gives."""
    shape = translator.graph.tensors[operator.outputs[0]].shape
    return translator.rank(operator.inputs[0]) - len(shape)


def _aligned(translator: Translator, sources: tuple[int, ...], operator: FileOperator) -> tuple[bool, int, list[str]]:
    """Return whether channels come first, the axes before those of what is given, and the values that are read.

    Values have as many axes as the one that has most; those that have fewer get axes of size 1 before theirs.
    """
    flows = [index for index in sources if not translator.tensor(index).is_constant]
    if not flows or len(sources) < 2:
        raise Untranslatable("it works on constants")
    rank = max(translator.rank(index) for index in flows)
    fixed = [len(translator.tensor(index).shape) for index in sources if index not in flows]
    if fixed and max(fixed) > rank:
        raise Untranslatable("its constant has more axes than its input")
    first = translator.is_picture(operator.outputs[0]) or any(
        translator.is_picture(index) and translator.rank(index) == rank for index in flows
    )
    lead = rank - len(translator.graph.tensors[operator.outputs[0]].shape)
    return first, lead, [_beside(translator, index, rank, first) for index in sources]


def _beside(translator: Translator, index: int, rank: int, first: bool) -> str:
    """Return a value or a constant with as many axes as another one, in the same order.

    Args:
        translator: The translator.
        index: The value or the constant.
        rank: How many axes it has to have.
        first: Whether the channels come first.
    """
    tensor = translator.tensor(index)
    if tensor.is_constant:
        if not first:
            return translator.constant(index)
        shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
        return translator.constant(index, [shape[axis] for axis in channels_first(rank)])
    if translator.rank(index) == rank:
        return translator.picture(index) if first else translator.plain(index)
    sizes = [-1 if size is None else size for size in tensor.sizes]
    if sizes.count(-1) > 1:
        raise Untranslatable("sizes of its input are not known")
    full = [1] * (rank - len(sizes)) + sizes
    is_vector = all(size == 1 for size in full[:-1])
    if first and is_vector:
        full = [full[axis] for axis in channels_first(rank)]
    name = translator.add("Reshape", [translator.plain(index), translator.new(full)])
    return translator.add("Transpose", [name], perm=channels_first(rank)) if first and not is_vector else name


@translates("ARG_MAX", "ARG_MIN")
def place_of_extreme(translator: Translator, operator: FileOperator) -> None:
    """Translate the place of the largest or the least value along an axis."""
    source = operator.inputs[0]
    (axis,) = translator.numbers(operator.inputs[1])
    lead = translator.lead_before(source)
    place = axis % len(translator.tensor(source).shape) + lead
    op = "max" if operator.name == "ARG_MAX" else "min"
    if translator.rank(source) == 2:  # one number is left, as a vector
        lead += 1
    translator.give(operator, "tflite.Place", [translator.plain(source)], first=False, lead=lead, axis=place, op=op)


_REDUCTIONS = {
    "MEAN": "ReduceMean",
    "SUM": "ReduceSum",
    "REDUCE_MAX": "ReduceMax",
    "REDUCE_MIN": "ReduceMin",
    "REDUCE_PROD": "ReduceProd",
}


@translates(*_REDUCTIONS)
def reduce(translator: Translator, operator: FileOperator) -> None:
    """Translate a reduction of some axes."""
    source = operator.inputs[0]
    shape = translator.graph.tensors[source].shape
    axes = tuple({axis % len(shape) for axis in translator.numbers(operator.inputs[1])})
    keep = operator.options is not None and operator.options.flag(0)
    lead = translator.rank(source) - len(shape)
    written = tuple(sorted(translator.axis(source, axis) for axis in axes))
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    if not keep and translator.is_picture(source) and len(rest) > 2 and rest[-1] == len(shape) - 1:
        value, written = translator.plain(source), tuple(sorted(axis + lead for axis in axes))
    else:
        value = translator.as_it_is(source)
    translator.give(
        operator,
        _REDUCTIONS[operator.name],
        [value],
        first=keep and translator.is_picture(source),
        lead=lead,
        axes=written,
        keepdims=int(keep),
    )
