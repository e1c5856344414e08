"""The table of metrics: the numbers that a network can be asked for, each with its meaning and its kind of total.

The table knows no question. Each question adds its metrics to `METRICS`; an installed package adds its own through the
entry points of the group `convcost.metrics`. Nothing is computed before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.ops import Cost, is_symbolic
from convcost.registry import Registry


class Total(Enum):
    """The kind of total that the values of layers add up to."""

    SUM = "sum"
    PEAK = "peak"
    """The largest of the layers."""
    LARGEST_OUTPUT = "largest output"
    """The largest of the layers whose output is one of the network's; of a part of it the largest of its layers; none
    where one of these has none."""


class Ratio(Struct, frozen=True):
    """The ratio of two totals, exact; there is none where the second is 0.

    Attributes:
        numerator: The name of the one metric.
        denominator: The name of the other.
    """

    numerator: str
    denominator: str


SUM, PEAK, LARGEST_OUTPUT = Total.SUM, Total.PEAK, Total.LARGEST_OUTPUT

OfLayers = Callable[[Any], Sequence[Any]]
"""Gives each layer's value, None where it has none; it gets the analysis, with its `layers` and their `network`."""


class Metric(Struct, frozen=True):
    """A number that can be asked of a network.

    Attributes:
        name: Its name, as options, budgets and reports have it.
        unit: What it is counted in, such as `bytes`; empty where it is a count.
        about: What it is, in a sentence.
        of_layers: Computes each layer's value. Sizes may be formulas in free symbols; what cannot be computed then
            raises `convcost.symbolic.NeedsValueError`.
        total: How the layers' values make the network's.
        standard: Whether it is reported without being asked for.
        of_cost: Reads it off a `Cost`, where that has it.
    """

    name: str
    unit: str
    about: str
    of_layers: OfLayers
    total: Total | Ratio = SUM
    standard: bool = False
    of_cost: Callable[[Cost], Any] | None = None

    @property
    def defined_by(self) -> OfLayers:
        """The function that computes it, which shows where it is defined."""
        return self.of_layers

    @property
    def adds_up(self) -> bool:
        """Whether the network's value is the sum of its layers'."""
        return self.total is SUM

    @property
    def is_ratio(self) -> bool:
        """Whether its values are ratios, not whole numbers."""
        return isinstance(self.total, Ratio)

    @property
    def depends_on_types(self) -> bool:
        """Whether it depends on the types of numbers: it is in bytes, or a ratio of such a metric."""
        return self.unit == "bytes" or any(METRICS[name].unit == "bytes" for name in self.needed[1:])

    @property
    def needed(self) -> tuple[str, ...]:
        """The metrics that its value of any part of a network needs: itself, and those of a ratio."""
        if isinstance(self.total, Ratio):
            return self.name, self.total.numerator, self.total.denominator
        return (self.name,)

    @property
    def kind(self) -> str:
        """The kind of its total as text, such as `the largest of the layers`."""
        if isinstance(self.total, Ratio):
            return f"{self.total.numerator} over {self.total.denominator}"
        return _KINDS[self.total]


_KINDS = {
    SUM: "the sum of the layers",
    PEAK: "the largest of the layers",
    LARGEST_OUTPUT: "the largest of the outputs",
}

METRICS: Registry[Metric] = Registry("metric", "convcost.metrics")


def standard() -> list[Metric]:
    """Return the metrics that are reported without being asked for; those of other packages are not."""
    return [metric for name in METRICS.built_in() if (metric := METRICS[name]).standard]


def counts(cost: Cost) -> dict[str, Any]:
    """Return the standard metrics that a cost has, by their names."""
    return {metric.name: metric.of_cost(cost) for metric in standard() if metric.of_cost is not None}


def named(name: str, where: str = "") -> Metric:
    """Return a metric by its name.

    Args:
        name: The name.
        where: The option that names it, such as `--max: `, to begin a message with.

    Raises:
        OptionError: There is no such metric.
        PluginError: The package that has it cannot be used.
    """
    if name not in METRICS:
        raise OptionError(ErrorDetail(f"{where}there is no total {name!r}", help=suggestion(name)))
    return METRICS[name]


def suggestion(name: str) -> str:
    """Return the nearest metric as a remedy, those that contain the word, or the list of all."""
    holding = [metric for metric in METRICS if f"_{name}_" in f"_{metric}_"]
    if holding:
        return f"did you mean {' or '.join(map(repr, holding))}? known: {listed(METRICS)}"
    return nearest(name, METRICS) or f"known: {listed(METRICS)}"


def words(name: str) -> str:
    """Return a metric's name as words of a sentence.

    >>> words("useful_mults")
    'useful mults'
    """
    return name.replace("_", " ")


def heading(name: str) -> str:
    """Return the heading of a metric's column, with its unit where it has one."""
    unit = METRICS[name].unit
    said = not unit or name.endswith(unit)
    return words(name).capitalize() + ("" if said else f", {unit}")


def listed(names: Iterable[str]) -> str:
    """Return the names of metrics for help texts; the first kind of operation represents all kinds.

    >>> listed(["params", "ops_mul", "ops_add", "peak"])
    'params, peak, ops_mul, …'
    """
    names = list(names)
    ops = [name for name in names if name.startswith("ops_")]
    return ", ".join([*(name for name in names if name not in ops), *ops[:1], *(["…"] if ops[1:] else [])])


def combined(metric: Metric, values: Callable[[str], Sequence[Any]], part: Iterable[int]) -> Any:
    """Return the value of some layers together; None where they have none.

    Args:
        metric: The metric.
        values: Gives each layer's value of a metric by its name.
        part: The indices of the layers.
    """
    if isinstance(metric.total, Ratio):
        part = list(part)
        above, under = (
            combined(METRICS[name], values, part) for name in (metric.total.numerator, metric.total.denominator)
        )
        return divided(above, under)
    found = values(metric.name)
    chosen = [found[index] for index in part]
    if metric.total is LARGEST_OUTPUT and any(value is None for value in chosen):
        return None
    return _sum(chosen) if metric.adds_up else _largest([value for value in chosen if value is not None])


def quotients(numerator: str, denominator: str) -> OfLayers:
    """Return a function that gives each layer's ratio of two metrics: the `of_layers` of a `Ratio`."""

    def of_layers(analysis: Any) -> Sequence[Any]:
        pairs = zip(analysis.values(numerator), analysis.values(denominator), strict=True)
        return [divided(above, under) for above, under in pairs]

    return of_layers


def divided(above: Any, under: Any) -> Any:
    """Return the exact ratio of two totals; None where there is none.

    >>> divided(3, 6), divided(3, 0), divided(None, 1)
    (Fraction(1, 2), None, None)
    """
    if above is None or under is None or (under.__class__ is int and under == 0):
        return None
    return above / under if is_symbolic(above) or is_symbolic(under) else Fraction(above) / under


def _sum(values: list[Any]) -> Any:
    if any(map(is_symbolic, values)):
        from convcost.symbolic import total

        return total(values)
    return sum(values)


def _largest(values: list[Any]) -> Any:
    """Return the largest value, 0 of none."""
    if any(map(is_symbolic, values)):
        from convcost.symbolic import maximum

        return maximum(*values)
    return max(values, default=0)
