"""The cost of each layer type as formulas in the papers' symbols: its own code, run on them.

M input and N output channels, Di input, Dp output and Dk kernel size, s stride, p padding, d dilation, g groups, m
depth multiplier; squares stand for both axes. Nothing here states a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.cost.symbols import (
    DIVISIBLE,
    NOT_NEGATIVE,
    SYMBOLS,
    WITNESS,
    PaperSymbols,
    channels_of,
    plain_value,
    symbol_of,
    symbols_of,
    witness,
)
from convcost.cost.variants import distinct
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.layers import FIXED, REGISTRY, LayerError, LayerType, Shape
from convcost.layers.fields import AXIS, WORD
from convcost.layers.inputs import FEATURES, SEQUENCE
from convcost.layers.layout import TOKENS, VECTOR, layout_of
from convcost.network import NetworkBuilder, Tensor
from convcost.numbers import plain
from convcost.ops import Cost
from convcost.reports.result import Result
from convcost.symbolic import NeedsValueError, assuming, quotient


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
        if value < (least := 0 if name in NOT_NEGATIVE else 1)
    ]
    unknown += [
        ErrorDetail(f"there is no layer type {name!r}", help=nearest(name, REGISTRY))
        for name in names
        if name not in known
    ]
    if unknown:
        raise OptionError(unknown)
    return [sheet for type in names for sheet in distinct([_sheet(type, each, settings) for each in _variants(type)])]


def quotients(settings: Mapping[str, int] | None = None) -> list[Quotient]:
    """Return the cost of a separable and a grouped convolution as shares of the standard one, in symbols.

    >>> [(str(each.mults), each.name) for each in quotients()][:2]
    [('1/N + 1/Dk²', 'separable'), ('1/N + 1/(Dkh·Dkw)', 'separable, Dkh × Dkw')]
    """
    settings = settings or {}
    found = []
    for name, given, over in _QUOTIENTS:
        symbols = PaperSymbols(settings)
        with assuming(WITNESS):
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


def _variants(type: str) -> list[str]:
    words = _words(type)
    return [word for word in words[1] if word not in ("linear", "trilinear")] if words else [""]


def _words(type: str) -> tuple[str, tuple[str, ...]] | None:
    fields = REGISTRY[type].fields.items()
    return next(((name, field.words) for name, field in fields if field.read.form.kind == WORD), None)


def _sheet(type: str, variant: str, settings: Mapping[str, int]) -> Sheet:
    symbols = PaperSymbols(settings)
    words = _words(type)
    given: dict[str, Any] = {words[0]: variant} if words else {}
    names = REGISTRY[type].fields
    flags: list[str] = ["affine"] if "affine" in names else ["bias"] if "bias" in names else []
    definition = REGISTRY[type]
    if definition.formula_case(symbols.__getitem__) is not None:
        return _sheet_of_case(definition, variant, given, flags, symbols)
    with assuming(witness(definition)) as conditions:
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
    definition: type[LayerType], variant: str, given: Mapping[str, Any], flags: list[str], symbols: PaperSymbols
) -> Sheet:
    """Return the formulas of a type that says itself on which inputs they are shown."""
    names: dict[str, int] = {}

    def letter(name: str) -> Any:
        names[name] = 2 * WITNESS["Di"] if name == "Dp" else WITNESS.get(name, DIVISIBLE)
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


def _of(symbols: PaperSymbols, type: str, given: Mapping[str, Any]) -> Cost:
    """Return the cost of a layer whose output size is its own symbol; of a composite one, the sum of its stages."""
    whole = Cost()
    shapes = _inputs(symbols, type)
    for stage, fields, output in _stages(symbols, type, given):
        sized = output if REGISTRY[stage].channels == FIXED else _sized(symbols, output)
        whole += _unpadded(stage, fields).cost(shapes, sized)
        shapes = (sized,)
    return whole


def _sized(symbols: PaperSymbols, output: Shape) -> Shape:
    return (output[0], *[size if size.__class__ is int else symbols["Dp"] for size in output[1:]])


def _stages(symbols: PaperSymbols, type: str, given: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], Shape]]:
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


def _inputs(symbols: PaperSymbols, type: str) -> tuple[Shape, ...]:
    layer = REGISTRY[type]
    sizes = () if layer.takes in (VECTOR, FEATURES) else (symbols["Di"], symbols["Di"])
    return tuple([(channels_of(symbols, layer, number), *sizes) for number in range(1, layer.arity[0] + 1)])


def _fields(symbols: PaperSymbols, type: str, given: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, field in REGISTRY[type].fields.items():
        value = given.get(name, ...)
        if value is ...:
            own = symbol_of(name, field)
            value = symbols[own] if own else plain_value(field)
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
