"""Numbers in documents: a key for each reported metric, from the table of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from convcost import metrics
from convcost.metrics import METRICS, Metric

Count = Annotated[int, Meta(ge=0)]
Size = Count | str
"""A size: a whole number, or the text of a formula in free symbols."""


class RatioDocument(Struct, frozen=True, kw_only=True):
    """What a separable convolution costs of the standard one with the same shape.

    Attributes:
        kind: `standard` for a convolution that could be separable, `separable` for one that is.
        formula: The ratio in the papers' symbols.
        numbers: The formula with its numbers.
        exact: The ratio, exact.
        value: The ratio in decimals; null where it is a formula.
        term: The formula of the row's own part.
    """

    kind: str
    formula: str
    numbers: str
    exact: str
    value: float | None
    term: str | None


class Head(Struct, frozen=True, kw_only=True):
    """A row of a report: a layer, or several in one.

    Attributes:
        name: The layer's name.
        type: Its type; of several layers how many they are.
        file: The file where it is written.
        line: The line there; null of a model file.
        input_shape: What it reads, channels first; a list of shapes where it reads several.
        output_shape: What it gives, channels first.
    """

    name: str
    type: str
    file: str | None = None
    line: Count | None
    input_shape: list[Count | list[Count]]
    output_shape: list[Count]


class Brief(Struct, frozen=True, kw_only=True):
    """A layer beside what it was in another network.

    Attributes:
        name: The layer's name.
        type: Its type.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        output_shape: What it gives, channels first.
    """

    name: str
    type: str
    line: Count | None
    origin: str | UnsetType = UNSET
    output_shape: list[Count]


class Kinds(Struct, frozen=True):
    """The structures that hold some metrics.

    Attributes:
        total: The numbers of a network.
        row: A layer and its numbers.
        layer: The same with its ratio, notes and formulas.
        side: A layer beside another, and its numbers.
    """

    total: Any
    row: Any
    layer: Any
    side: Any


@cache
def kinds(names: Sequence[str], *, free: bool = False) -> Kinds:
    """Return the structures that hold some metrics.

    Args:
        names: The metrics.
        free: Whether numbers may be formulas in free symbols.
    """
    sums = [*(_field(METRICS[name], free=free) for name in names), _ops(free=free)]
    numbers = [*(_field(METRICS[name], free=free, of_row=True) for name in names), _ops(free=free, of_row=True)]
    layer: list[Any] = [("ratio", RatioDocument | None), ("notes", list[str]), ("formula", dict[str, str] | None)]
    layer.append(("fields", dict[str, Any] | None | UnsetType, UNSET))
    layer.append(("origin", str | UnsetType, UNSET))
    shapes: list[Any] = []
    if free:
        layer.append(("structures", Annotated[dict[str, dict[str, Any]], Meta(description=_STRUCTURES)]))
        shapes = [("input_shape", list[Size | list[Size]]), ("output_shape", list[Size])]
    prefix = "Free" if free else ""
    total = _structure(f"{prefix}Total", [*sums, *layer[5:]], "What a network costs.")
    row = _structure(f"{prefix}Row", [*shapes, *numbers], str(Head.__doc__), Head)
    whole = _structure(f"{prefix}Layer", layer, f"{Head.__doc__}{_MORE}", row)
    return Kinds(total, row, whole, _structure(f"{prefix}Side", numbers, str(Brief.__doc__), Brief))


@cache
def cost() -> Any:
    """Return the structure of a `Cost`: the metrics that are read off it."""
    fields = [_field(metric, free=False) for metric in metrics.standard() if metric.of_cost is not None]
    ops = ("ops", Annotated[dict[str, Count], Meta(description=_OPS)])
    return _structure("Cost", [*fields, ops], "What some layers cost.")


def _structure(name: str, fields: list[Any], about: str, base: Any = Struct) -> Any:
    """Return a structure of these fields and those of another."""
    options: dict[str, Any] = {"frozen": True, "kw_only": True, "module": __name__}
    return defstruct(name, fields, bases=(base,), namespace={"__doc__": about}, **options)


_MORE = """    ratio: What a separable convolution costs of the standard one, where that is a question.
        notes: Why it performs no arithmetic, and whether it is an output of the network.
        formula: Its parameters and operations in symbols of its own, for one input; null for several layers.
        fields: All fields of its type, such as kernel_size, stride and groups; null for several layers.
        origin: The path of its module in the model file, such as layer1.0.conv1, where the file says it.
    """
_NOT_KNOWN = " Null where nobody knows it."
_OPS = "The scalar operations performed, by kind; those that occur."
_STRUCTURES = "The structure of each formula; `convcost.symbolic.from_dict` reads it."


def _count(*, free: bool) -> Any:
    return Size if free else Count


def _ops(*, free: bool, of_row: bool = False) -> tuple[Any, ...]:
    """Return the field of the operations by kind; those of a row may not be known."""
    counts: Any = dict[str, _count(free=free)]  # type: ignore[misc]
    if of_row:
        return "ops", Annotated[counts | None, Meta(description=_OPS + _NOT_KNOWN)]
    return "ops", Annotated[counts, Meta(description=_OPS)]


def _field(metric: Metric, *, free: bool, of_row: bool = False) -> tuple[Any, ...]:
    """Return the field of a metric; a report that was made before it was added has none.

    Args:
        metric: The metric.
        free: Whether it may be a formula.
        of_row: Whether it is of one layer, whose costs nobody may know.
    """
    number: Any = str if metric.is_ratio else _count(free=free)
    if of_row or not metric.adds_up:
        number = number | None
    unit = f", in {metric.unit}" if metric.unit else ""
    about = metric.about.rstrip(".") + unit + "." + (_NOT_KNOWN if of_row else "")
    described = Annotated[number, Meta(description=about)]
    if metric.standard and (metric.of_cost is not None or metric.name == "output_values"):
        return metric.name, described
    return metric.name, described | UnsetType, UNSET
