"""Values computed where they are used, and errors reported at that place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import FormulaError
from convcost.layers import FieldError, LayerError, LayerType, Shape, shown
from convcost.layers.layout import FEATURE_MAP, TOKENS, VECTOR, channel_axis, number_of_axis
from convcost.layers.layout import UNKNOWN as UNKNOWN_LAYOUT
from convcost.network import Tensor
from convcost.spec.arithmetic import ExpressionError
from convcost.spec.arithmetic import shown as shown_value
from convcost.spec.collector import ErrorCollector, Positioned
from convcost.spec.document import INVALID, Document, Given, Item
from convcost.spec.expressions import RESOLVER, Expression, Missing, Unknown
from convcost.spec.tree import Sequence
from convcost.spec.unknown import UNKNOWN, UnknownNumber, unknown_value

WHOLE = "make it whole with floor(…), ceil(…), round(…) or make_divisible(…, 8)"


class Value(Struct, frozen=True, gc=False):
    """What flows between items.

    Behind a reported error sizes are `UNKNOWN`, and even their number may be: what follows from that is not reported.

    Attributes:
        tensor: The tensor.
        ranked: Whether it is known how many axes it has.
    """

    tensor: Tensor
    ranked: bool = True

    @property
    def shape(self) -> Shape:
        """Its shape; sizes may be `UNKNOWN`."""
        return self.tensor.shape

    @property
    def known(self) -> bool:
        """Whether all of its shape is known."""
        return self.ranked and UnknownNumber not in map(type, self.shape)

    def reshaped(self, shape: Shape) -> Value:
        """Return it with another shape, of as many axes as are known."""
        return Value(replace(self.tensor, shape=shape), self.ranked)

    @property
    def channels(self) -> Any:
        """How many channels it has: the size of the axis that holds them, of unknown layout the first."""
        tensor = self.tensor
        if not tensor.shape:  # one number, or nothing known
            return UNKNOWN
        return tensor.shape[0 if tensor.layout != TOKENS else -1]

    def unsized(self) -> Value:
        """Return it with sizes of which none is known."""
        return self.reshaped((UNKNOWN,) * len(self.shape))

    def unranked(self) -> Value:
        """Return it with a shape of which nothing is known; layers find axes in it all the same."""
        return Value(self.reshaped((UNKNOWN,) * (len(self.shape) or 3)).tensor, ranked=False)


def described_shape(shape: Shape, layout: str) -> str:
    """Return a shape with what its axes are, for messages."""
    what = f"a {layout}" if layout in (FEATURE_MAP, VECTOR) else layout
    return f"{shown(shape)}, {'its layout unknown' if layout == UNKNOWN_LAYOUT else what}"


def size_of(value: Value | None, size: str | int) -> Any:
    """Return a size of a value for an expression.

    Args:
        value: The value; None where an error hides it.
        size: `channels`, the name of another axis, `size` for the list of all but the channels, or an axis' number.

    Raises:
        ExpressionError: The value has no such axis.
        Unknown: An error hides it.
    """
    if value is None or not value.ranked:
        raise Unknown
    shape, layout = value.shape, value.tensor.layout
    if size == "size":
        channels = channel_axis(len(shape), layout)
        sizes = [each for axis, each in enumerate(shape) if axis != channels]
        if UnknownNumber in map(type, sizes):
            raise Unknown
        return sizes
    number = number_of_axis(size, len(shape), layout)
    if number is None:
        axis = f"axis {size}" if isinstance(size, int) else size
        raise ExpressionError(f"there is no {axis} here", f"the value is {described_shape(shape, layout)}")
    if shape[number] is UNKNOWN:
        raise Unknown
    return shape[number]


class Evaluator:
    """Computes values and reads fields.

    Args:
        document: The document.
        symbols: The values of its symbols.
        errors: Where errors go.
    """

    def __init__(self, document: Document, symbols: Mapping[str, Any], errors: ErrorCollector) -> None:
        self.document = document
        self.symbols: dict[str, Any] = dict(symbols)
        self.errors = errors
        self.uses: list[Item] = []  # the blocks whose bodies are being unrolled

    def value(self, given: Given, env: dict[str, Any], where: str, item: Item | None = None) -> Any:
        """Return the value of what is given; `INVALID` when it has an error, which is reported.

        Raises:
            Unknown: It depends on what a reported error hides.
        """
        if given.outer:
            env = {**self.symbols, "in_channels": env.get("in_channels", Missing()), RESOLVER: env.get(RESOLVER)}
        try:
            return self._computed(given.value, env)
        except ExpressionError as error:
            at = self.errors.inside(given.at, error.offset)
            note = self.note()
            self.errors.add(error.message, at, path=where, found=error.found, help=error.help, note=note)
        except FormulaError as error:
            raise self.errors.placed(error, given.at, where, self.note()) from None
        except Unknown as unknown:
            if unknown.symbol == "in_channels":
                self.errors.add(
                    "in_channels has no value: several inputs reach this item", given.at, path=where, note=self.note()
                )
            elif unknown.symbol:
                self.errors.add(
                    f"the symbol {unknown.symbol!r} has no value",
                    self.document.symbols[unknown.symbol].at,
                    path=f"symbols.{unknown.symbol}",
                    help=self._ways_to_give(unknown.symbol),
                )
            raise
        return INVALID

    def _ways_to_give(self, symbol: str) -> str:
        """Return the remedy for a symbol without a value: of a model file for all sizes that it leaves open."""
        if not self.errors.source.origins:
            return f"give it one: --set {symbol}=…, or a default after the colon"
        left = [name for name, value in self.symbols.items() if isinstance(value, Missing)]
        return f"the file leaves it open: {' '.join(f'--set {name}=…' for name in left)}, or --input"

    def _computed(self, value: Any, env: dict[str, Any]) -> Any:
        if value.__class__ is Expression:
            return value.value(env)
        if value.__class__ is list:
            return [self._computed(part, env) for part in value]
        if value.__class__ is dict:
            return {name: self._computed(part, env) for name, part in value.items()}
        return value

    def described(self, given: Given, value: Any) -> str:
        """Return the description of a value and, where it was computed, of its expression."""
        text = given.value.text + " =" if isinstance(given.value, Expression) else "found"
        return f"{text} {shown_value(value)}"

    def detail(self, message: str, item: Item, at: Positioned, *, found: str = "", help: str = "") -> None:
        """Report an error of an item."""
        self.errors.add(message, at, path=item.where, found=found, help=help, note=self.note())

    def layer_error(self, detail: LayerError, item: Item, given: dict[str, Given]) -> None:
        """Report an error of a layer type about its fields or inputs."""
        at: Positioned = given[detail.field].at if detail.field in given else item
        self.detail(detail.message, item, at, found=detail.found, help=detail.help)

    def note(self) -> str:
        """Return the note that says where the block being unrolled is used."""
        if not self.uses:
            return ""
        use = self.uses[-1]
        return f"in the use of {use.type!r} at {self.errors.source.file}:{use.line + 1}:{use.column + 1}, {use.where}"

    def _field_error(self, detail: FieldError, name: str, item: Item, entry: Given, raw: Any) -> None:
        """Report a value that a field cannot hold, at the element of a list that is wrong."""
        for index in detail.element:
            if isinstance(entry.value, list) and isinstance(entry.at, Sequence):
                entry = Given(entry.value[index], entry.at.items[index], entry.outer)
            raw = raw[index]
        found = detail.found or self.described(entry, raw)
        if detail.found and isinstance(entry.value, Expression):
            found = f"{self.described(entry, raw)}: {detail.found}"
        self.detail(f"{name} must be {detail.expected}", item, entry.at, found=found, help=detail.help)

    def fields(
        self, item: Item, layer: type[LayerType], given: dict[str, Given], env: dict[str, Any], value: Value
    ) -> tuple[dict[str, Any], list[str]]:
        """Return a layer's fields in normal form, and the names of those that could not be read: they are unknown."""
        rank = len(value.shape) - 1
        fields: dict[str, Any] = {}
        unread: list[str] = []
        for name, field in layer.fields.items():
            entry = given.get(name)
            if entry is None:
                default = field.default
                fields[name] = default if default is None else field.read(default, rank)
                continue
            raw = entry.value
            if raw.__class__ is not int:
                try:
                    raw = self.value(entry, env, item.where, item)
                except Unknown:
                    raw = INVALID
                if raw is INVALID:
                    unread.append(name)
                    continue
            try:
                fields[name] = field.read(raw, rank)
            except FieldError as error:
                unread.append(name)
                if value.ranked or not isinstance(raw, list):
                    self._field_error(error, name, item, entry, raw)
        for name in unread:
            fields[name] = unknown_value(layer.fields[name], rank)
        if not set(layer.either).isdisjoint(unread):  # exactly one of them is given
            fields |= dict.fromkeys(layer.either, None)
            fields[layer.either[0]] = unknown_value(layer.fields[layer.either[0]], rank)
        for name in layer.checked:
            if name in given and value.known:
                try:
                    claimed = self.value(given[name], env, item.where, item)
                except Unknown:
                    continue
                if claimed is not INVALID and (
                    isinstance(claimed, bool) or claimed not in (value.channels, [value.channels])
                ):
                    self.detail(
                        f"{name} must be what reaches the layer",
                        item,
                        given[name].at,
                        found=f"{self.described(given[name], claimed)}, {value.channels} reach it",
                        help="it may be left out: it is always inferred",
                    )
        return fields, unread
