"""What a network costs at every combination of some values: a formula derived once, evaluated at each point.

A formula holds where the facts of its symbols and the conditions met on the way do. A point where they do not hold is
analysed by itself, and if there are more such points, another formula is derived there. So every number is what the
analysis of that point gives, and every error too. Where a metric is asked whose total is no sum, such as the largest of
the layers, every point is analysed by itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from convcost.cost.analysis import Analysis, unused_warnings
from convcost.errors import ClusterError, ConvcostError, ErrorDetail, OptionError, WarningDetail
from convcost.layers.fields import MAX_SIZE
from convcost.metrics import METRICS
from convcost.network import Network
from convcost.parallel.completion import completed
from convcost.reports.result import Result
from convcost.symbolic import Condition, Formula, NeedsValueError, evaluator

if TYPE_CHECKING:
    from concurrent.futures import Executor

Build = Callable[[Mapping[str, Any], "Collection[str] | None"], Network]
"""Gives the network with these values, some symbols kept."""

Watch = Callable[[int, int], None]
"""Progress callback: how many more points are done, and of how many."""

_FEWEST = 8  # points for which a formula is derived
_CHUNK = 20_000  # points evaluated at once
_TRIALS = 8  # formulas derived before they must have paid


class SweepAxis(Struct, frozen=True):
    """A symbol and the values that it takes, at least one."""

    name: str
    values: tuple[Any, ...]


class SweepTask(Struct, frozen=True):
    """The metrics to compute at each point, and the network.

    Attributes:
        build: Gives the network.
        axes: The symbols that vary; the last the fastest.
        fixed: The values of other symbols.
        metrics: The totals that are asked.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold.
    """

    build: Any
    axes: tuple[SweepAxis, ...]
    fixed: Mapping[str, Any]
    metrics: tuple[str, ...]
    batch: int = 1
    fold: bool = True

    @property
    def adds_up(self) -> bool:
        """Whether every metric is a sum over the layers, which a formula gives."""
        return all(METRICS[name].adds_up for name in self.metrics)

    def __len__(self) -> int:
        count = 1
        for axis in self.axes:
            count *= len(axis.values)
        return count

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
        formulas: The metrics, and the values that all layers put out.
        conditions: What must hold at a point.
    """

    held: tuple[Any, ...]
    formulas: tuple[Any, ...]
    conditions: tuple[Condition, ...]


def check_size(task: SweepTask, most: int) -> None:
    """Raise `OptionError` where a task has more points than `most`."""
    if len(task) > most:
        help = "--max-points N allows more, in Python max_points=N; each takes memory"
        raise OptionError(ErrorDetail(f"a sweep has at most {most:,} points", found=f"{len(task):,} points", help=help))


def run(task: SweepTask, pool: Executor | None = None, watch: Watch | None = None) -> list[Outcome]:
    """Return the outcome of every point, those that a cluster did not work out before it went away being that error.

    Args:
        task: What is asked.
        pool: Any executor of `concurrent.futures`, to work on many points at once.
        watch: Progress callback.
    """
    outcomes: list[Any] = [None] * len(task)
    try:
        _run(task, outcomes, pool, watch)
    except ClusterError as error:
        if all(outcome is None or isinstance(outcome, ConvcostError) for outcome in outcomes):
            raise
        outcomes = [error if outcome is None else outcome for outcome in outcomes]
    return outcomes


def _run(task: SweepTask, outcomes: list[Any], pool: Executor | None, watch: Watch | None) -> None:
    """Store the outcome of every point."""
    size = len(task)
    pending: Sequence[int] = range(size)
    free: list[str] | None = None
    left, derived, covered = size, 0, 0
    for index in _scattered(size) if task.adds_up else ():
        if left <= _FEWEST or (derived >= _TRIALS and covered < _TRIALS * derived):
            break
        if outcomes[index] is not None:
            continue
        outcome = outcomes[index] = analysed(task, index)
        left -= 1
        if watch is not None:
            watch(1, size)
        if isinstance(outcome, ConvcostError):
            continue
        if free is None:
            free = _freeable(task, index)
        region = derive(task, index, free)
        derived += 1
        if region is not None:
            pending = [each for each in pending if outcomes[each] is None] if derived > 1 else pending
            found = _gather(outcomes, _chunks(pending, _CHUNK), _evaluated, (task, region), pool, watch)
            left, covered = left - found, covered + found
    rest = [each for each in pending if outcomes[each] is None]
    _gather(outcomes, _chunks(rest, 200), all_analysed, task, pool, watch)


def _scattered(size: int) -> Iterator[int]:
    """Yield all points, those far apart first: a formula derived at the edge of a grid may hold nowhere else."""
    step = max(1, int(size * 0.618))
    while gcd(step, size) > 1:
        step += 1
    return (turn * step % size for turn in range(1, size + 1))


def analysed(task: SweepTask, index: int) -> Outcome:
    """Return the outcome of analysing one point."""
    try:
        analysis = Analysis.of(task.build(task.settings(index), None), batch=task.batch, fold=task.fold)
    except ConvcostError as error:
        return error
    return tuple([analysis.value(name) for name in task.metrics])


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
    facts = [fact for letter in network.free.symbols.values() for fact in letter.facts]
    conditions = dict.fromkeys([*facts, *size_conditions(network), *network.free.conditions])
    formulas = *[analysis.value(name) for name in task.metrics], analysis.output_values
    return Region(held, formulas, tuple(conditions))


def _freeable(task: SweepTask, index: int) -> list[str]:
    """Return the axes whose symbols can be kept: not a number of repetitions, for one, nor a word."""
    values = zip(task.axes, task.values(index), strict=True)
    names = [axis.name for axis, value in values if type(value) in (int, Fraction) and len(axis.values) > 1]
    if derive(task, index, names) is not None:
        return names
    return [name for name in names if derive(task, index, [name]) is not None]


def size_conditions(network: Network) -> Iterator[Condition]:
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


def _chunks(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _gather(
    outcomes: list[Any],
    chunks: Iterable[Sequence[int]],
    work: Callable[[Any, Sequence[int]], list[Any]],
    given: Any,
    pool: Executor | None,
    watch: Watch | None,
) -> int:
    """Store the outcomes of `work` for each chunk, and return how many points have one now."""
    gathered = 0
    for part, found in completed(work, given, chunks, pool):
        new = 0
        for index, outcome in zip(part, found, strict=True):
            if outcome is not None and outcomes[index] is None:
                outcomes[index] = outcome
                new += 1
        gathered += new
        if watch is not None:
            watch(new, len(outcomes))
    return gathered


def all_analysed(task: SweepTask, indices: Sequence[int]) -> list[Outcome]:
    """Return the outcome of analysing each of some points."""
    return [analysed(task, index) for index in indices]


def _evaluated(given: tuple[SweepTask, Region], indices: Sequence[int]) -> list[Outcome | None]:
    """Return the metrics at points, None where the formulas do not hold."""
    task, region = given
    names = [axis.name for axis in task.axes]
    *totals, output_values = [evaluator(formula, names) for formula in region.formulas]
    tests = [condition.tester(names) for condition in region.conditions if len(condition.symbols) > 1]
    allowed = [_allowed(region, axis, held) for axis, held in zip(task.axes, region.held, strict=True)]
    axes = [(axis.values, len(axis.values), fit) for axis, fit in zip(task.axes, allowed, strict=True)][::-1]
    found: list[Outcome | None] = []
    for index in indices:
        point = []
        for values, size, fit in axes:
            index, at = divmod(index, size)
            if not fit[at]:
                break
            point.append(values[at])
        else:
            point.reverse()
            if all(test(point) for test in tests) and output_values(point) <= MAX_SIZE:
                found.append(tuple([total(point) for total in totals]))
                continue
        found.append(None)
    return found


def _allowed(region: Region, axis: SweepAxis, held: Any) -> list[bool]:
    """Return at which values of one symbol the formulas may hold, as far as that symbol alone decides."""
    if held is not None:
        return [type(value) is type(held) and bool(value == held) for value in axis.values]
    tests = [condition.tester([axis.name]) for condition in region.conditions if condition.symbols == (axis.name,)]
    return [type(value) in (int, Fraction) and all(test([value]) for test in tests) for value in axis.values]


class SweepLimit(Struct, frozen=True):
    """What a total must satisfy, such as `mults <= 300M`."""

    metric: str
    relation: str
    value: Any

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


class Sweep(Result, frozen=True):
    """What a network costs at many points.

    Attributes:
        name: The network's name.
        task: What was asked.
        outcomes: What each point gives.
        shown: The points that are shown, in their order.
        unused: The symbols on which nothing depends.
        warnings: What is valid in the spec and rarely meant, at the first point that has a cost.
    """

    shown_by: ClassVar[str] = "convcost.design_space.sweep_report:SweepReport"

    name: str
    task: SweepTask
    outcomes: Sequence[Outcome]
    shown: Sequence[int]
    unused: tuple[str, ...]
    warnings: tuple[WarningDetail, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        task: SweepTask,
        *,
        where: Sequence[SweepLimit] = (),
        best: str | None = None,
        pool: Executor | None = None,
        watch: Watch | None = None,
    ) -> Sweep:
        """Work out every point.

        Args:
            name: The network's name.
            task: What is asked.
            where: What the points that are shown satisfy; those without a cost do not.
            best: The metric to sort by, the least first.
            pool: Any executor of `concurrent.futures`, to work on many points at once.
            watch: Progress callback.

        Raises:
            ClusterError: A cluster went away; `done` is the sweep, with this error at the points that it had left.
            ConvcostError: No point has a cost.
        """
        outcomes = run(task, pool, watch)
        first = next((index for index, outcome in enumerate(outcomes) if not isinstance(outcome, ConvcostError)), None)
        if first is None:
            raise outcomes[0]  # type: ignore[misc]  # it is an error, as all are
        shown: Sequence[int] = range(len(outcomes))
        if where:
            places = [(task.metrics.index(each.metric), each) for each in where]
            shown = [
                index
                for index in shown
                if isinstance(outcome := outcomes[index], ClusterError)  # nobody knows whether it satisfies them
                or (not isinstance(outcome, ConvcostError) and all(each.holds(outcome[at]) for at, each in places))
            ]
        if best is not None:
            place = task.metrics.index(best)
            shown = sorted(shown, key=lambda index: _rank(outcomes[index], place))
        network = task.build(task.settings(first), None)
        unused = _unused(task, first)
        warnings = (*network.warnings, *unused_warnings(unused, network))
        found = cls(name, task, outcomes, shown, tuple(unused), warnings)
        lost = next((outcome for outcome in outcomes if isinstance(outcome, ClusterError)), None)
        if lost is not None:
            lost.done = found
            raise lost
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each point that is shown: the symbols' values, the metrics, and the ratio to the first one's mults."""
        names = [axis.name for axis in self.task.axes]
        place = self.task.metrics.index("mults")
        base = next(outcome[place] for outcome in self.outcomes if not isinstance(outcome, ConvcostError))
        nothing = dict.fromkeys((*self.task.metrics, "ratio"))
        for index in self.shown:
            outcome = self.outcomes[index]
            row = dict(zip(names, self.task.values(index), strict=True))
            if isinstance(outcome, ConvcostError):
                detail = outcome.details[0]
                error = detail.message + (f": {detail.found}" if detail.found else "")
                yield {**row, **nothing, "error": error}
            else:
                numbers = dict(zip(self.task.metrics, outcome, strict=True))
                yield {**row, **numbers, "ratio": Fraction(outcome[place], base) if base else None, "error": None}

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports.table import counted, safe

        axes = " and ".join(axis.name for axis in self.task.axes)
        shown = "" if len(self.shown) == len(self.task) else f"{len(self.shown):,} of "
        return f"{safe(self.name or 'network')}: {shown}{counted(len(self.task), 'point')} of {axes}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.documents import design_space as documents
        from convcost.documents.warnings import warning_documents

        return documents.SweepDocument(
            network=self.name or None,
            axes={axis.name: list(map(_plain, axis.values)) for axis in self.task.axes},
            fixed={name: _plain(value) for name, value in self.task.fixed.items()},
            points=[{name: _plain(value) for name, value in row.items()} for row in self.rows()],
            warnings=warning_documents(self.warnings),
        )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value


def _rank(outcome: Outcome, place: int) -> tuple[bool, Any]:
    value = None if isinstance(outcome, ConvcostError) else outcome[place]
    return (value is None, 0 if value is None else value)


def _unused(task: SweepTask, index: int) -> list[str]:
    names = [axis.name for axis in task.axes]
    try:
        unused = Analysis.of(task.build(task.settings(index), names)).unused
    except (ConvcostError, NeedsValueError):
        return []
    return [name for name in unused if name in names]
