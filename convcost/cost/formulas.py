"""The cost of each layer type as formulas in the papers' symbols: its own code, run on them.

M input and N output channels, Di input, Dp output and Dk kernel size, s stride, p padding, d dilation, g groups, m
depth multiplier; squares stand for both axes. Nothing here states a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.cost.layer_formulas import has_other_inputs, symbolic_cost
from convcost.cost.variants import distinct
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.layers import FIXED, REGISTRY, SAME, Field, LayerError, LayerType, Shape
from convcost.layers.base import FEATURES, SEQUENCE
from convcost.layers.fields import AXIS, FLAG, WORD
from convcost.layers.layout import TOKENS, VECTOR, layout_of
from convcost.network import Layer, NetworkBuilder, Tensor
from convcost.numbers import plain
from convcost.ops import Cost
from convcost.reports.result import Result
from convcost.symbolic import Formula, NeedsValueError, assuming, quotient, symbol

SYMBOLS: Mapping[str, str] = {
    "M": "input channels, or features",
    "N": "output channels, or features",
    "Di": "input size",
    "Dp": "output size",
    "Dk": "kernel size",
    "s": "stride",
    "p": "padding on each side",
    "d": "dilation",
    "g": "groups",
    "m": "depth multiplier",
    "o": "output padding",
    "n": "neighbours",
    "u": "upscale factor",
    "a": "first channel",
    "b": "channel behind the last",
    "L": "positions",
    "S": "positions of the memory",
    "h": "heads",
    "dk": "channels of a head",
    "dv": "channels of a value's head",
}
"""The symbols and what they stand for; a type's fields may bring others: see `symbols_of`."""

_WITNESS = {
    "M": 10**6,
    "N": 10**6,
    "Di": 10**6,
    "Dk": 3,
    "s": 2,
    "p": 1,
    "d": 1,
    "g": 1,
    "o": 1,
    "u": 1,
    "a": 0,
    "b": 1,
}
_DIVISIBLE = 720_720  # the value of a symbol of which nothing is known: all small numbers divide it
_AXES = ("d", "h", "w")
_WITNESS |= {name + axis: value for name, value in _WITNESS.items() for axis in _AXES}
"""Where a layer works: what it asks of its symbols there becomes a condition."""
_NOT_NEGATIVE = frozenset(("p", "o", "a"))


class Sheet(Struct, frozen=True):
    """The formulas of one layer type.

    Attributes:
        type: The layer type.
        variant: The word that one of its fields holds, such as the mode of an `upsample`.
        channels: Output channels, or features.
        size: Output size along an axis; None for a vector.
        axes: All sizes of the output where its first axis is none of channels; empty otherwise.
        cost: What it costs for one input, without biases and affine parameters.
        extra: What these add, by the field that turns them on.
        conditions: What must hold of the symbols.
        symbols: The symbols that the type brings along, with what they stand for.
    """

    type: str
    variant: str
    channels: Any
    size: Any
    cost: Cost
    extra: Mapping[str, Cost]
    conditions: tuple[str, ...]
    axes: Shape = ()
    symbols: Mapping[str, str] = {}


class Quotient(Struct, frozen=True):
    """The cost of one layer as a share of another's with the same shape: multiplications and parameters."""

    name: str
    mults: Any
    params: Any


class Formulas(Result, frozen=True):
    """The formulas of layer types.

    Attributes:
        sheets: The formulas of each type.
        quotients: What some convolutions cost of the standard one, where one of the types is a convolution.
    """

    shown_by: ClassVar[str] = "convcost.cost.formulas_report:FormulasReport.of"

    sheets: tuple[Sheet, ...]
    quotients: tuple[Quotient, ...]

    @classmethod
    def of(cls, types: Iterable[str] = (), settings: Mapping[str, Any] | None = None) -> Self:
        """Derive the formulas of layer types; of all without names.

        Args:
            types: The layer types.
            settings: Values for symbols: whole numbers.

        Raises:
            OptionError: There is no such type or symbol, or the layer cannot work with these values.
        """
        names = list(types)
        values = {name: _whole(name, value) for name, value in (settings or {}).items()}
        found = sheets(names, values)
        shares = quotients(values) if not names or not _WITH_QUOTIENTS.isdisjoint(names) else []
        return cls(tuple(found), tuple(shares))

    def summary(self) -> str:
        """Return the result in one line."""
        return ", ".join(dict.fromkeys(sheet.type for sheet in self.sheets))

    def _repr_html_(self) -> None:
        """Leave notebooks the Markdown, in which they set formulas."""

    def _repr_markdown_(self) -> str:
        report: Any = self.report()
        return str(report.markdown())


_WITH_QUOTIENTS = frozenset(("conv", "depthwise_conv", "pointwise_conv", "separable_conv"))


def _whole(name: str, value: Any) -> int:
    value = plain(value)
    text = str(value) if type(value) is int and abs(value) < 10**15 else value if isinstance(value, str) else ""
    if not text.isdecimal() or not text.isascii() or len(text) > 15:
        raise OptionError(ErrorDetail(f"{name} is a whole number", found=f"--set {name}={value}"))
    return int(text)


def sheets(types: Iterable[str] = (), settings: Mapping[str, int] | None = None) -> list[Sheet]:
    """Return the formulas of layer types; of all without names.

    Args:
        types: The layer types.
        settings: Values for symbols.

    Raises:
        OptionError: There is no such type or symbol, or the layer cannot work with these values.
    """
    settings = settings or {}
    names = list(dict.fromkeys(types)) or list(REGISTRY)
    known = [name for name in names if name in REGISTRY]
    symbols = SYMBOLS.keys() | {own for name in known for own in symbols_of(REGISTRY[name])}
    unknown = [
        ErrorDetail(f"there is no symbol {name!r}", help=nearest(name, symbols) or f"known: {', '.join(SYMBOLS)}")
        for name in settings
        if name not in symbols
    ]
    unknown += [
        ErrorDetail(f"{name} is at least {least}", found=f"--set {name}={value}")
        for name, value in settings.items()
        if value < (least := 0 if name in _NOT_NEGATIVE else 1)
    ]
    unknown += [
        ErrorDetail(f"there is no layer type {name!r}", help=nearest(name, REGISTRY))
        for name in names
        if name not in known
    ]
    if unknown:
        raise OptionError(unknown)
    return [sheet for type in names for sheet in distinct([_sheet(type, each, settings) for each in _variants(type)])]


def symbols_of(definition: type[LayerType]) -> dict[str, str]:
    """Return the symbols that a layer type's fields bring along, with what the fields are."""
    found: dict[str, str] = {}
    for name, field in definition.fields.items():
        own = _symbol_of(name, field)
        if own and own not in SYMBOLS:
            found[own] = field.about[:1].lower() + field.about[1:].rstrip(".")
    if definition.arity[0] > 1 and definition.channels != SAME:
        found |= {f"M{number}": f"channels of input {number}" for number in range(2, definition.arity[0] + 1)}
    return found


def quotients(settings: Mapping[str, int] | None = None) -> list[Quotient]:
    """Return the cost of a separable and a grouped convolution as shares of the standard one, in symbols.

    >>> [(str(each.mults), each.name) for each in quotients()][:2]
    [('1/N + 1/Dk²', 'separable'), ('1/N + 1/(Dkh·Dkw)', 'separable, Dkh × Dkw')]
    """
    settings = settings or {}
    found = []
    for name, given, over in _QUOTIENTS:
        symbols = _Symbols(settings)
        with assuming(_WITNESS):
            part, whole = (_of(symbols, type, fields) for type, fields in (given, over))
        found.append(Quotient(name, quotient(part.mults, whole.mults), quotient(part.params, whole.params)))
    return found


_PLAIN = {"depth_multiplier": 1, "groups": 1, "bias": False}
_STANDARD = ("conv", _PLAIN)
_QUOTIENTS: tuple[tuple[str, tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]], ...] = (
    ("separable", ("separable_conv", _PLAIN), _STANDARD),
    (
        "separable, Dkh × Dkw",
        ("separable_conv", _PLAIN | {"kernel_size": ("Dkh", "Dkw")}),
        ("conv", _PLAIN | {"kernel_size": ("Dkh", "Dkw")}),
    ),
    ("separable, multiplier m", ("separable_conv", {"groups": 1, "bias": False}), _STANDARD),
    ("separable, with biases", ("separable_conv", _PLAIN | {"bias": True}), ("conv", _PLAIN | {"bias": True})),
    ("grouped", ("conv", _PLAIN | {"groups": "g"}), _STANDARD),
    ("depthwise stage", ("depthwise_conv", _PLAIN), _STANDARD),
)


def of_layer(layer: Layer) -> dict[str, str] | None:
    """Return a layer's formulas in symbols of its own: `params`, `mults`, `adds`, other operations that occur.

    They are for one input, and worked out once for all layers that differ in numbers only. None where the layer works
    on its own numbers only.
    """
    if has_other_inputs(layer):
        cost = symbolic_cost(layer)
        return texts(cost) if cost is not None else None
    fields = layer.fields
    if layer.definition.declared:
        return texts(layer.definition.cost(layer.input_shapes, layer.output_shape))  # the author's numbers
    axes = layer.definition.axis_fields  # named as they are: they are no numbers in a formula
    structure = tuple(
        [fields[name] if name in axes else _kind(fields[name]) for name in layer.definition.__class__.fields]
    )
    inputs = tuple([_pattern(shape[1:]) for shape in layer.input_shapes])
    return _of_structure(layer.type, structure, inputs, _pattern(layer.output_shape[1:]))


def _kind(value: Any) -> Any:
    """Return the part of a field's value that selects a formula: not its number, but whether it is 1."""
    kind = value.__class__
    if kind is int:
        return _ONE if value == 1 else _FIRST
    if kind is str or kind is bool:
        return value
    if kind is tuple and value and value[0].__class__ in (int, Formula):
        return _pattern(value)
    return _FIRST if kind is Formula else None


_ONE, _FIRST, _DIFFERENT = 1, 2, 3
"""What a size is among the sizes of all axes: 1; like the first that is not 1; or another one."""


def _pattern(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Return which sizes are 1, like the first that is not, or different: layers that agree in this share formulas."""
    if sizes and all(size.__class__ is int and size == sizes[0] for size in sizes) and sizes[0] > 1:
        return (_FIRST,) * len(sizes)
    first = next((size for size in sizes if not _is_one(size)), None)
    return tuple([_ONE if _is_one(size) else _FIRST if _same(size, first) else _DIFFERENT for size in sizes])


def _is_one(size: Any) -> bool:
    return size.__class__ is int and size == 1


def _same(a: Any, b: Any) -> bool:
    return a is b or (a.__class__ is b.__class__ and (a.key == b.key if isinstance(a, Formula) else bool(a == b)))


@lru_cache(maxsize=4096)
def _of_structure(
    type: str, structure: tuple[Any, ...], inputs: tuple[tuple[int, ...], ...], output: tuple[int, ...]
) -> dict[str, str]:
    symbols = _Symbols({})
    fields: dict[str, Any] = {}
    for (name, field), kind in zip(REGISTRY[type].fields.items(), structure, strict=True):
        own = _symbol_of(name, field)
        if name in REGISTRY[type].axis_fields:
            fields[name] = kind
        elif own == "p":  # it changes the output size, which has a symbol, and no count
            fields[name] = ((0, 0),) * len(output)
        elif own and kind.__class__ is tuple:
            fields[name] = symbols.axes(own, kind)
        elif own and kind.__class__ is int:
            fields[name] = 1 if kind == _ONE else symbols[own]
        else:
            fields[name] = _plain(field) if kind is None or kind.__class__ is int else kind
    layer = REGISTRY[type](fields)
    channels = [_channels(symbols, layer.__class__, number) for number in range(1, len(inputs) + 1)]
    shapes = tuple([(each, *symbols.axes("Di", sizes)) for each, sizes in zip(channels, inputs, strict=True)])
    with assuming(_witness(REGISTRY[type])):
        try:
            shape = layer.output_shape(*shapes)
        except LayerError:  # sizes that fit only as numbers, and change no count
            shape = (symbols["M"],)
        if layer.channels != FIXED:
            shape = (shape[0], *symbols.axes("Dp", output))
        return texts(layer.cost(shapes, shape))


def texts(cost: Cost) -> dict[str, str]:
    """Return a cost's formulas as texts: `params`, `mults`, `adds`, and each other kind of operation that occurs."""
    counts = cost.ops.to_dict()
    found = {"params": cost.params, "mults": counts.pop("mul", 0), "adds": counts.pop("add", 0), **counts}
    return {name: str(value) for name, value in found.items()}


def _symbol_of(name: str, field: Field) -> str:
    """Return the symbol of a field: its name where a number must be given that has none."""
    numeric = field.read.form.kind not in (AXIS, FLAG, WORD)
    return field.letter or (name if field.required and numeric else "")


def _plain(field: Field) -> Any:
    """Return a value of a field without a symbol."""
    if field.read.form.kind == AXIS:
        return field.plain()
    if field.required:
        return field.words[0] if field.words else False
    return field.default


def _channels(symbols: _Symbols, definition: type[LayerType], number: int) -> Any:
    """Return the channels of an input: M, and another symbol for a later one that need not have as many."""
    return symbols["M" if number == 1 or definition.channels == SAME else f"M{number}"]


def _witness(definition: type[LayerType]) -> dict[str, int]:
    """Return values at which a layer of a type works: its own symbols are as small as they can be."""
    symbols = {_symbol_of(name, field): field.read.form.minimum for name, field in definition.fields.items()}
    return {own: max(1, minimum) for own, minimum in symbols.items() if own not in SYMBOLS} | _WITNESS


class _Symbols:
    """The symbols, or the values that are set instead."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def __getitem__(self, name: str) -> Any:
        if name in self.settings:
            return self.settings[name]
        return symbol(name, whole=True, minimum=0 if name in _NOT_NEGATIVE else 1)

    def axes(self, name: str, pattern: tuple[int, ...]) -> tuple[Any, ...]:
        """Return a symbol for each axis; axes that differ get symbols of their own."""
        if _DIFFERENT not in pattern:
            return tuple([1 if kind == _ONE else self[name] for kind in pattern])
        axes = _AXES[-len(pattern) :]
        return tuple([1 if kind == _ONE else self[name + axis] for kind, axis in zip(pattern, axes, strict=True)])


def _variants(type: str) -> list[str]:
    words = _words(type)
    return [word for word in words[1] if word not in ("linear", "trilinear")] if words else [""]


def _words(type: str) -> tuple[str, tuple[str, ...]] | None:
    fields = REGISTRY[type].fields.items()
    return next(((name, field.words) for name, field in fields if field.read.form.kind == WORD), None)


def _sheet(type: str, variant: str, settings: Mapping[str, int]) -> Sheet:
    symbols = _Symbols(settings)
    words = _words(type)
    given: dict[str, Any] = {words[0]: variant} if words else {}
    names = REGISTRY[type].fields
    flags: list[str] = ["affine"] if "affine" in names else ["bias"] if "bias" in names else []
    definition = REGISTRY[type]
    if definition.formula_case(symbols.__getitem__) is not None:
        return _sheet_of_case(definition, variant, given, flags, symbols)
    with assuming(_witness(definition)) as conditions:
        try:
            stages = _stages(symbols, type, given)
            channels, sizes = stages[-1][2][0], stages[0][2][1:]  # a second stage keeps the size
            cost = _of(symbols, type, given | dict.fromkeys(flags, False))
            extra = {name: _less(_of(symbols, type, given | {name: True}), cost) for name in flags}
        except LayerError as error:
            raise OptionError(ErrorDetail(f"{type}: {error.message}", found=error.found, help=error.help)) from None
        except NeedsValueError as need:  # the divisors of a number, and the like
            raise OptionError(ErrorDetail(f"{type}: this needs values", found=str(need))) from None
        required = tuple(str(each) for each in conditions)
    moved = definition.channels == FIXED and len(sizes) > 0
    size = sizes[0] if sizes and not moved else None
    axes = stages[-1][2] if moved else ()
    return Sheet(type, variant, channels, size, cost, extra, required, axes, symbols_of(definition))


def _sheet_of_case(
    definition: type[LayerType], variant: str, given: Mapping[str, Any], flags: list[str], symbols: _Symbols
) -> Sheet:
    """Return the formulas of a type that says itself on which inputs they are shown."""
    names: dict[str, int] = {}

    def letter(name: str) -> Any:
        names[name] = 2 * _WITNESS["Di"] if name == "Dp" else _WITNESS.get(name, _DIVISIBLE)
        return symbols[name]

    case = definition.formula_case(letter)
    assert case is not None
    fields, shapes = {**case[0], **given}, case[1]
    type = definition.type
    with assuming({name: value for name, value in names.items() if name not in symbols.settings}) as conditions:
        try:
            cost, output = _cost_of_case(definition, fields | dict.fromkeys(flags, False), shapes)
            extra = {
                name: _less(_cost_of_case(definition, fields | {name: True}, shapes)[0], cost)
                for name in flags
                if name in case[0]
            }
        except LayerError as error:
            raise OptionError(ErrorDetail(f"{type}: {error.message}", found=error.found, help=error.help)) from None
        except NeedsValueError as need:
            raise OptionError(ErrorDetail(f"{type}: this needs values", found=str(need))) from None
        required = tuple(str(each) for each in conditions)
    axes = output if len(output) > 1 else ()
    return Sheet(type, variant, output[0], None, cost, extra, required, axes, symbols_of(definition))


def _cost_of_case(
    definition: type[LayerType], fields: Mapping[str, Any], shapes: tuple[Shape, ...]
) -> tuple[Cost, Shape]:
    """Return a layer's cost and output; a composite layer costs the sum of its parts."""
    layer = definition(fields)
    if not definition.composite:
        outputs = layer.output_shapes(*shapes)
        return layer.cost(shapes, outputs[0]), outputs[0]
    builder = NetworkBuilder()
    layout = TOKENS if definition.takes in (SEQUENCE, FEATURES) else ""
    inputs = tuple([builder.add_input(shape, layout) for shape in shapes])

    def add(label: str, type: str, fields: Mapping[str, Any], *reads: Any) -> tuple[Any, ...]:
        return builder.place(REGISTRY[type].on(fields, reads), reads, (label,))

    (output, *_) = layer.unroll(inputs, add)
    whole = Cost()
    for each in builder.layers:
        whole += each.cost()
    return whole, output.shape


def _of(symbols: _Symbols, type: str, given: Mapping[str, Any]) -> Cost:
    """Return the cost of a layer whose output size is its own symbol; of a composite one, the sum of its stages."""
    whole = Cost()
    shapes = _inputs(symbols, type)
    for stage, fields, output in _stages(symbols, type, given):
        sized = output if REGISTRY[stage].channels == FIXED else _sized(symbols, output)
        whole += _unpadded(stage, fields).cost(shapes, sized)
        shapes = (sized,)
    return whole


def _sized(symbols: _Symbols, output: Shape) -> Shape:
    return (output[0], *[size if size.__class__ is int else symbols["Dp"] for size in output[1:]])


def _stages(symbols: _Symbols, type: str, given: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], Shape]]:
    """Return the type, fields and output shape of the layers that a type is written for: as a rule itself."""
    fields, shapes = _fields(symbols, type, given), _inputs(symbols, type)
    written = REGISTRY[type](fields).stages() or (("", type, fields),)
    stages = []
    for _, stage, part in written:
        output = REGISTRY[stage](part).output_shape(*shapes)
        stages.append((stage, part, output))
        shapes = (_sized(symbols, output),)
    return stages


def _unpadded(type: str, fields: Mapping[str, Any]) -> Any:
    """Return a layer without padding: it changes the output size, which is given, and no count but the useful one."""
    return REGISTRY[type]({**fields, "padding": ((0, 0), (0, 0))} if "padding" in fields else fields)


def _inputs(symbols: _Symbols, type: str) -> tuple[Shape, ...]:
    layer = REGISTRY[type]
    sizes = () if layer.takes in (VECTOR, FEATURES) else (symbols["Di"], symbols["Di"])
    return tuple([(_channels(symbols, layer, number), *sizes) for number in range(1, layer.arity[0] + 1)])


def _fields(symbols: _Symbols, type: str, given: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, field in REGISTRY[type].fields.items():
        value = given.get(name, ...)
        if value is ...:
            own = _symbol_of(name, field)
            value = symbols[own] if own else _plain(field)
        elif value.__class__ is tuple:
            value = [symbols[each] for each in value]
        elif value.__class__ is str and value in SYMBOLS:
            value = symbols[value]
        plain = value is None or field.read.form.kind == AXIS
        fields[name] = value if plain else field.read(value, 2)
    inputs = [Tensor(shape, layout=layout_of(shape)) for shape in _inputs(symbols, type)]
    REGISTRY[type].prepare(fields, inputs)
    return fields


def _less(a: Cost, b: Cost) -> Cost:
    ops = type(a.ops)(*[getattr(a.ops, kind) - getattr(b.ops, kind) for kind in a.ops.__struct_fields__])
    return Cost(a.params - b.params, a.buffers - b.buffers, ops)
