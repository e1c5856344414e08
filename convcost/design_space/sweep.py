"""What a network costs at every combination of some values: all outcomes of a grid, held in memory.

See `parts` for how they are worked out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from convcost.cost.analysis import Analysis, unused_warnings
from convcost.design_space.parts import make_plan, part_outcomes
from convcost.design_space.task import Outcome, SweepLimit, SweepTask, Watch, as_number, plain, reason_of
from convcost.errors import ClusterError, ConvcostError, ErrorDetail, OptionError, WarningDetail
from convcost.network.dtypes import types_of
from convcost.parallel.completion import completed
from convcost.reports.result import Result
from convcost.symbolic import NeedsValueError

if TYPE_CHECKING:
    from concurrent.futures import Executor

_MOST_REASONS = 5  # in an error
_PART = 20_000  # points that a progress bar moves by


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
    plan = make_plan(task)
    parts = plan.parts(_PART if plan.regions else 200)
    for part, found in completed(part_outcomes, plan.packed(), parts, pool, in_order=False):
        outcomes[part.start : part.end] = found
        if watch is not None:
            watch(len(part), size)


class Sweep(Result, frozen=True):
    """What a network costs at many points.

    Attributes:
        name: The network's name.
        task: What was asked.
        outcomes: What each point gives.
        shown: The points that are shown, in their order.
        unused: The symbols on which nothing depends.
        types: The types of its numbers by what has them.
        warnings: What is valid in the spec and rarely meant, at the first point that has a cost.
    """

    shown_by: ClassVar[str] = "convcost.design_space.sweep_report:SweepReport"
    charts: ClassVar[Mapping[str, str]] = {"front": "convcost.design_space.chart:sweep_chart"}

    name: str
    task: SweepTask
    outcomes: Sequence[Outcome]
    shown: Sequence[int]
    unused: tuple[str, ...]
    types: Mapping[str, Sequence[str]] = {}
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
            raise _without_valid_point(outcomes)
        shown: Sequence[int] = range(len(outcomes))
        if where:
            places = [(task.columns.index(each.metric), each) for each in where]
            shown = [
                index
                for index in shown
                if isinstance(outcome := outcomes[index], ClusterError)  # nobody knows whether it satisfies them
                or (
                    not isinstance(outcome, ConvcostError)
                    and all(each.holds(task.row(index, outcome)[place]) for place, each in places)
                )
            ]
        if best is not None:
            place = task.columns.index(best)
            shown = sorted(shown, key=lambda index: _rank(task.row(index, outcomes[index])[place]))
        network = task.build(task.settings(first), None)
        unused = _unused(task, first)
        warnings = (*network.warnings, *unused_warnings(unused, network))
        found = cls(name, task, outcomes, shown, tuple(unused), types_of(network), warnings)
        lost = next((outcome for outcome in outcomes if isinstance(outcome, ClusterError)), None)
        if lost is not None:
            lost.done = found
            raise lost
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each point that is shown: the symbols' values, the metrics, and the ratio to the first one's mults."""
        names = [axis.name for axis in self.task.axes]
        place = self.task.metrics.index("mults")
        first = next(each for each in self.outcomes if isinstance(each, ClusterError | tuple))
        base = None if isinstance(first, ClusterError) else first[place]  # nobody knows which point is the first
        task = self.task
        for index in self.shown:
            outcome = self.outcomes[index]
            row = dict(zip(names, task.values(index), strict=True))
            row |= zip(task.columns, task.row(index, outcome), strict=True)
            if isinstance(outcome, ConvcostError):
                yield {**row, "ratio": None, "error": reason_of(outcome)}
            else:
                yield {**row, "ratio": Fraction(outcome[place], base) if base else None, "error": None}

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports.table import counted, safe

        axes = " and ".join(axis.name for axis in self.task.axes)
        shown = "" if len(self.shown) == len(self.task) else f"{len(self.shown):,} of "
        return f"{safe(self.name or 'network')}: {shown}{counted(len(self.task), 'point')} of {axes}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import types_document
        from convcost.documents import design_space as documents
        from convcost.documents.warnings import warning_documents

        own = self.task.measured.columns if self.task.measured else ()
        return documents.SweepDocument(
            network=self.name or None,
            axes={axis.name: list(map(plain, axis.values)) for axis in self.task.axes},
            fixed={name: plain(value) for name, value in self.task.fixed.items()},
            points=[
                {name: as_number(value) if name in own else plain(value) for name, value in row.items()}
                for row in self.rows()
            ],
            dtype=types_document(self.types),
            warnings=warning_documents(self.warnings),
        )


def _without_valid_point(outcomes: Sequence[Any]) -> ConvcostError:
    """Return the error of all points: the first, or, where they differ, each reason with how often it is."""
    reasons = Counter([error.details[0].message for error in outcomes])
    if len(reasons) == 1:
        return outcomes[0]  # type: ignore[no-any-return]
    found = "; ".join(f"{count:,}: {reason}" for reason, count in reasons.most_common(_MOST_REASONS))
    return OptionError(ErrorDetail(f"none of {len(outcomes):,} points is a valid network", found=found))


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else value)


def _unused(task: SweepTask, index: int) -> list[str]:
    names = [axis.name for axis in task.axes]
    try:
        unused = Analysis.of(task.build(task.settings(index), names)).unused
    except (ConvcostError, NeedsValueError):
        return []
    return [name for name in unused if name in names]
