"""The documents of a network at many values of its symbols: these, a sweep, and the largest value within limits."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.warnings import Warning

Value = bool | int | float | str | None
"""A number, the text of a fraction, a word, a truth value, or null where there is none; decimals were measured."""


class SweepDocument(Struct, frozen=True, kw_only=True):
    """What a network costs at each combination of some values, as `convcost sweep` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network's name.
        axes: The values of each symbol that varies.
        fixed: The values of other symbols.
        points: The points that are shown: the symbols' values, the metrics that were asked, columns that were joined,
            `ratio`, the mults over those of the first point, and `error`, why a point has no cost.
        dtype: The types of the network's numbers by what has them; left out where all are `float32`.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: str | None
    axes: dict[str, list[Value]]
    fixed: dict[str, Value]
    points: list[dict[str, Value]]
    dtype: dict[str, list[str]] | UnsetType = UNSET
    warnings: list[Warning] = []


class SolutionDocument(Struct, frozen=True, kw_only=True):
    """The largest value of a symbol within limits, as `convcost solve` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network's name.
        symbol: The symbol.
        limits: The largest value allowed of each metric.
        step: The candidates are its multiples.
        best: The largest `value` within the limits with its totals; null where there is none.
        next: The next larger one at which the network is valid.
        least: The least total that each limited metric can have.
        dtype: The types of the network's numbers by what has them; left out where all are `float32`.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: str | None
    symbol: str
    limits: dict[str, Any]
    step: str
    best: dict[str, Value] | None
    next: dict[str, Value] | None
    least: dict[str, int]
    dtype: dict[str, list[str]] | UnsetType = UNSET
    warnings: list[Warning] = []


class SearchEffortDocument(Struct, frozen=True, kw_only=True):
    """How the points of a grid were decided.

    Attributes:
        points: How many there are.
        formulas: How many sets of formulas hold in parts of it.
        sums: How many partial sums were compared; what none of them leads to cannot be better.
        analysed: How many points were analysed by themselves.
        invalid: How many points were found not to be valid, by the reason.
    """

    points: int
    formulas: int
    sums: int
    analysed: int
    invalid: dict[str, int]


class FrontDocument(Struct, frozen=True, kw_only=True):
    """The best points of a design space, as `convcost search` shows them.

    Attributes:
        schema_version: The version of this structure.
        network: The network's name.
        axes: The values of each symbol that varies.
        fixed: The values of other symbols.
        goals: The metrics that points are compared by, each with `min` or `max`.
        limits: What totals satisfy.
        is_front: Whether the points are a front, not the best few by one goal.
        points: The points: the symbols' values, the metrics and columns that were joined; of those with equal goals a
            front has one.
        miss: Where no point is within the limits, the one that exceeds them least.
        effort: How the points were decided.
        dtype: The types of the network's numbers by what has them; left out where all are `float32`.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: str | None
    axes: dict[str, list[Value]]
    fixed: dict[str, Value]
    goals: dict[str, str]
    limits: list[str]
    is_front: bool
    points: list[dict[str, Value]]
    miss: dict[str, Value] | None
    effort: SearchEffortDocument
    dtype: dict[str, list[str]] | UnsetType = UNSET
    warnings: list[Warning] = []


class SpecSymbolDocument(Struct, frozen=True, kw_only=True):
    """A symbol of a spec.

    Attributes:
        name: Its name.
        default: Its value; null where it has none.
        multiple_of: What all its values are multiples of; null where that is not said.
        read_by: What reads it.
        example: Values at which the network is valid, as `--set` takes them; empty where none were found.
    """

    name: str
    default: Value
    multiple_of: Value
    read_by: list[str]
    example: str


class SymbolsDocument(Struct, frozen=True, kw_only=True):
    """The symbols of a spec, as `convcost sweep` lists them.

    Attributes:
        schema_version: The version of this structure.
        network: The network's name.
        symbols: The symbols, in the order of the file.
    """

    schema_version: int = VERSION
    network: str | None
    symbols: list[SpecSymbolDocument]
