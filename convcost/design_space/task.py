"""A sweep's task: the grid of symbols' values and the metrics that are asked, and what one point of it gives."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.errors import ConvcostError, ErrorDetail, OptionError
from convcost.layers.fields import MAX_SIZE
from convcost.metrics import METRICS, heading
from convcost.network import Network
from convcost.symbolic import Condition, Formula, NeedsValueError

Build = Callable[[Mapping[str, Any], "Collection[str] | None"], Network]
"""Gives the network with these values, some symbols kept."""

Watch = Callable[[int, int], None]
"""Progress callback: how many more points are done, and of how many."""


class SweepAxis(Struct, frozen=True):
    """A symbol and the values that it takes, at least one."""

    name: str
    values: tuple[Any, ...]


def plain(value: Any) -> Any:
    """Return a symbol's value as JSON has it: a fraction and a list as texts."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value) if isinstance(value, Fraction) else value


def as_number(value: Any) -> Any:
    """Return a total, or a measured value, as JSON has it: a fraction as a decimal where it is one, else as a text."""
    return float(value) if isinstance(value, Fraction) and Fraction(str(float(value))) == value else plain(value)


class Measured(Struct, frozen=True):
    """Columns of the user's own: what was measured at points of a grid. convcost predicts none of it.

    Attributes:
        file: The file that they come from.
        columns: Their names.
        values: By the number of a point, its value in each column; None where there is none.
        rows: How many rows the file has.
        outside: How many of them are no points of the grid.
    """

    file: str
    columns: tuple[str, ...]
    values: Mapping[int, tuple[Any, ...]]
    rows: int
    outside: int


class SweepTask(Struct, frozen=True):
    """The metrics to compute at each point, and the network.

    Attributes:
        build: Gives the network.
        axes: The symbols that vary; the last the fastest.
        fixed: The values of other symbols.
        metrics: The totals that are asked.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold.
        measured: Columns of the user's own, beside the metrics.
    """

    build: Any
    axes: tuple[SweepAxis, ...]
    fixed: Mapping[str, Any]
    metrics: tuple[str, ...]
    batch: int = 1
    fold: bool = True
    measured: Measured | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics, and the columns of the user's own."""
        return self.metrics if self.measured is None else (*self.metrics, *self.measured.columns)

    def row(self, index: int, outcome: Outcome) -> tuple[Any, ...]:
        """Return the values of all columns at a point, None where there is none."""
        totals = (None,) * len(self.metrics) if isinstance(outcome, ConvcostError) else outcome
        if self.measured is None:
            return totals
        return (*totals, *self.measured.values.get(index, (None,) * len(self.measured.columns)))

    def heading(self, name: str) -> str:
        """Return the heading of a column."""
        return heading(name) if name in self.metrics else name

    @property
    def adds_up(self) -> bool:
        """Whether every metric is a sum over the layers, which a formula gives."""
        return all(METRICS[name].adds_up for name in self.metrics)

    def __len__(self) -> int:
        count = 1
        for axis in self.axes:
            count *= len(axis.values)
        return count

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple([len(axis.values) for axis in self.axes])

    def numeric(self, index: int) -> list[str]:
        """Return the axes of several values that are numbers at a point: formulas may keep their symbols."""
        values = zip(self.axes, self.values(index), strict=True)
        return [axis.name for axis, value in values if type(value) in (int, Fraction) and len(axis.values) > 1]

    def values(self, index: int) -> tuple[Any, ...]:
        """Return the values of the axes at a point."""
        values = []
        for axis in reversed(self.axes):
            index, at = divmod(index, len(axis.values))
            values.append(axis.values[at])
        return tuple(reversed(values))

    def settings(self, index: int) -> dict[str, Any]:
        """Return the values of all symbols at a point."""
        return {**self.fixed, **{axis.name: value for axis, value in zip(self.axes, self.values(index), strict=True)}}


Outcome = tuple[Any, ...] | ConvcostError
"""The metrics at a point, or why it has none."""


class Region(Struct, frozen=True):
    """Formulas, and where they hold.

    Attributes:
        held: The values of the axes that formulas cannot keep as symbols; None for the others.
        formulas: The metrics.
        conditions: What must hold at a point.
    """

    held: tuple[Any, ...]
    formulas: tuple[Any, ...]
    conditions: tuple[Condition, ...]


def reason_of(error: ConvcostError) -> str:
    """Return why a point has no cost, in a line."""
    detail = error.details[0]
    return detail.message + (f": {detail.found}" if detail.found else "")


def check_size(task: SweepTask, most: int) -> None:
    """Raise `OptionError` where a task has more points than `most`."""
    if len(task) > most:
        help = "--stream FILE writes any number; --max-points N allows more here, in Python max_points=N"
        raise OptionError(ErrorDetail(f"a sweep has at most {most:,} points", found=f"{len(task):,} points", help=help))


def analysed(task: SweepTask, index: int) -> Outcome:
    """Return the outcome of analysing one point."""
    try:
        analysis = Analysis.of(task.build(task.settings(index), None), batch=task.batch, fold=task.fold)
    except ConvcostError as error:
        return error
    return tuple([analysis.value(name) for name in task.metrics])


def all_analysed(task: SweepTask, indices: Sequence[int]) -> list[Outcome]:
    """Return the outcome of analysing each of some points."""
    return [analysed(task, index) for index in indices]


def derive(task: SweepTask, index: int, free: Collection[str]) -> Region | None:
    """Return formulas that hold around a point, None where some of the symbols to keep cannot be kept."""
    try:
        network = task.build(task.settings(index), free)
        analysis = Analysis.of(network, batch=task.batch, fold=task.fold)
    except (ConvcostError, NeedsValueError):
        return None
    if network.free is None:
        return None
    values = task.values(index)
    held = tuple([None if axis.name in free else value for axis, value in zip(task.axes, values, strict=True)])
    conditions = conditions_of(analysis)
    if conditions is None:
        return None
    return Region(held, tuple([analysis.value(name) for name in task.metrics]), conditions)


def conditions_of(analysis: Analysis) -> tuple[Condition, ...] | None:
    """Return the conditions under which an analysis's formulas are valid; None if they never are."""
    network, conditions = analysis.network, []
    if network.free is not None:
        facts = [fact for letter in network.free.symbols.values() for fact in letter.facts]
        conditions = [*facts, *_size_conditions(network), *network.free.conditions]
    if isinstance(analysis.output_values, Formula):
        room: Any = MAX_SIZE - analysis.output_values
        conditions.append(Condition("nonnegative", room))
    elif analysis.output_values > MAX_SIZE:
        return None
    return tuple(dict.fromkeys(conditions))


def _size_conditions(network: Network) -> Iterator[Condition]:
    """Yield the conditions that keep sizes within bounds; those of outputs follow from all output values together."""
    numbers = list(network.input_shape)
    for layer in network.layers:
        numbers += [value for name, value in layer.fields.items() if name not in ("out_channels", "out_features")]
    while numbers:
        number = numbers.pop()
        if isinstance(number, tuple):
            numbers += number
        elif isinstance(number, Formula):
            yield Condition("nonnegative", MAX_SIZE - number)


class SweepLimit(Struct, frozen=True):
    """What a total must satisfy, such as `mults <= 300M`."""

    metric: str
    relation: str
    value: Any

    def __str__(self) -> str:
        return f"{self.metric} {self.relation} {self.value}"

    def holds(self, number: Any) -> bool:
        """Return whether a number satisfies it; no value satisfies nothing."""
        return number is not None and RELATIONS[self.relation](number, self.value)


RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
