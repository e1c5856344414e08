"""The cover of a grid: regions where formulas hold, single points that are valid, and points that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from convcost.cost.analysis import Analysis
from convcost.design_space.regions import Box, SumRegion, derive, outside, repeated, restricted, size_of
from convcost.design_space.task import SweepTask, all_analysed
from convcost.errors import ConvcostError, ErrorDetail, OptionError, SpecError
from convcost.metrics import METRICS
from convcost.network import Network
from convcost.parallel.completion import completed
from convcost.symbolic import NeedsValueError

if TYPE_CHECKING:
    from concurrent.futures import Executor

_PART = 50  # points that are analysed in a part: some tenths of a second, or seconds
_FEWEST = 8  # points for which formulas are derived
_MOST_FORBIDDEN = 20_000  # combinations at which conditions fail


class GridCover:
    """The cover of a task's grid.

    Args:
        task: The grid, and the metrics.
        repetitions: The symbols that are nothing but numbers of repetitions.
        most: How many points may be analysed by themselves.
        watch: Progress callback.
        pool: Any executor of `concurrent.futures`, for points that are analysed by themselves.
    """

    def __init__(
        self,
        task: SweepTask,
        repetitions: Collection[str],
        most: int,
        watch: Callable[[int, int], None] | None = None,
        pool: Executor | None = None,
    ) -> None:
        self.task = task
        self.pool = pool
        self.most = most
        self.watch = watch
        self.regions: list[SumRegion] = []
        self.points: list[tuple[int, tuple[Any, ...]]] = []
        self.invalid: Counter[str] = Counter()
        self.error: ConvcostError | None = None
        self.network: Network | None = None
        self.analysed = 0
        self.strides = _strides(task)
        self._counts = [
            at
            for at, axis in enumerate(task.axes)
            if axis.name in repetitions and all(type(value) is int and value >= 0 for value in axis.values)
        ]
        numbers = [axis for axis in task.axes if all(type(value) in (int, Fraction) for value in axis.values)]
        self._numeric = [axis.name for axis in numbers if axis.name not in repetitions]
        self._free: list[str] | None = None
        grid = tuple([tuple(range(len(axis.values))) for axis in task.axes])
        self._work: list[Box] = [grid]
        if not task.adds_up:
            self._work = []
            self._list()
        while self._work:
            self._cover(self._work.pop())

    def _list(self) -> None:
        """Analyse every point: a total that is no sum has no formula that holds in a region."""
        size = len(self.task)
        if size > self.most:
            names = [name for name in self.task.metrics if not METRICS[name].adds_up]
            message = f"a search by {names[0]}, {METRICS[names[0]].kind}, has at most {self.most:,} points"
            help = "fewer values, or only metrics that are sums; --max-points N allows more, in Python max_points=N"
            raise OptionError(ErrorDetail(message, found=f"{size:,} points", help=help))
        parts = [range(start, min(size, start + _PART)) for start in range(0, size, _PART)]
        for part, outcomes in completed(all_analysed, self.task, parts, self.pool):
            self.analysed += len(part)
            if self.watch is not None:
                self.watch(len(part), size)
            for index, outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, ConvcostError):
                    self.invalid[_reason(outcome)] += 1
                    self.error = self.error or outcome
                else:
                    self.points.append((index, outcome))
        if self.points:
            self.network = self.task.build(self.task.settings(self.points[0][0]), None)

    def _cover(self, box: Box) -> None:
        """Cover a box, or a part of it, and leave the rest for later."""
        witness = tuple([places[len(places) // 2] for places in box])
        network = self._analysed(witness, single=size_of(box) == 1)
        if size_of(box) == 1:
            return
        if network is None:
            if not self._discard(box, witness):
                self._split(box)
            return
        if size_of(box) <= _FEWEST:
            self._split(box)
            return
        if self._free is None:
            self._free = self._freeable(witness)
        held = self._held(box)
        if held is not None or not self._formulas(box, witness):
            self._split(box, held)

    def _formulas(self, box: Box, witness: Sequence[int]) -> bool:
        """Cover the part of a box in which formulas hold; return whether there is one."""
        axes = self.task.axes
        counts = {at: sorted({axes[at].values[place] for place in box[at]}) for at in self._counts if len(box[at]) > 1}
        most = {axes[at].name: numbers[-1] for at, numbers in counts.items()}
        settings = {**self._settings(witness), **most}
        found = repeated(self.task, settings, self._free or [], {at: each[:-1] for at, each in counts.items()})
        if isinstance(found, int):  # this number does more than to repeat
            self._counts.remove(found)
            self._work.append(box)
            return True
        restriction = None if found is None else restricted(self.task, box, found.conditions)
        if found is None or restriction is None:
            return False
        part, forbidden = restriction
        if not size_of(part) or sum(map(len, forbidden.values())) > _MOST_FORBIDDEN:
            return False
        self.regions.append(SumRegion(part, found.most.totals, found.less, forbidden))
        self._work += outside(box, part, forbidden)
        return True

    def _discard(self, box: Box, witness: Sequence[int]) -> bool:
        """Discard the part of a box in which the error of a point is proved; return whether there is such a part."""
        names = self._numeric if self._free is None else self._free
        error, shown = self._error(witness, None), self._error(witness, names)
        if not isinstance(error, SpecError) or not isinstance(shown, SpecError):
            return False
        if [each.message for each in error.details] != [each.message for each in shown.details]:
            return False  # a number is needed where a symbol stands, say
        like = tuple([self._like(axis, places, witness[axis], names) for axis, places in enumerate(box)])
        restriction = restricted(self.task, like, shown.assumed)
        if restriction is None or size_of(restriction[0]) < 2 or restriction[1]:
            return False
        self.invalid[_reason(error)] += size_of(restriction[0])
        self._work += outside(box, restriction[0], {})
        return True

    def _error(self, witness: Sequence[int], names: Collection[str] | None) -> Exception | None:
        """Return why no network is built at a point, with some symbols kept; None where one is."""
        try:
            self.task.build(self._settings(witness), names)
        except (ConvcostError, NeedsValueError) as error:
            return error
        return None

    def _like(self, axis: int, places: Sequence[int], place: int, names: Collection[str]) -> tuple[int, ...]:
        """Return the values of an axis of which what is shown of one is true, as far as its kind decides."""
        values = self.task.axes[axis].values
        if self.task.axes[axis].name not in names:
            return (place,)
        kind, above = type(values[place]), values[place] > 0
        return tuple([each for each in places if type(values[each]) is kind and (values[each] > 0) == above])

    def _analysed(self, places: Sequence[int], *, single: bool) -> Network | None:
        """Analyse one point, and store it where it is a part of the cover."""
        self.analysed += 1
        if self.analysed > self.most:
            help = "--max-points N allows more, in Python max_points=N; fewer values, or sizes that a formula keeps"
            found = f"{len(self.task):,} points in all"
            message = f"more than {self.most:,} points must be analysed one by one, as no formula holds there"
            raise OptionError(ErrorDetail(message, found=found, help=help))
        if self.watch is not None:
            self.watch(1, self.most)
        task = self.task
        try:
            network: Network = task.build(self._settings(places), None)
            analysis = Analysis.of(network, batch=task.batch, fold=task.fold)
            totals = tuple([analysis.value(name) for name in task.metrics])
        except ConvcostError as error:
            if single:
                self.invalid[_reason(error)] += 1
            self.error = self.error or error
            return None
        if single:
            self.points.append((self.index(places), totals))
        self.network = self.network or network
        return network

    def _freeable(self, witness: Sequence[int]) -> list[str]:
        """Return the symbols that formulas can keep."""
        settings = self._settings(witness)
        if derive(self.task, settings, self._numeric) is not None:
            return self._numeric
        return [name for name in self._numeric if derive(self.task, settings, [name]) is not None]

    def _held(self, box: Box) -> int | None:
        """Return an axis that no formula keeps, and that has several values in a box."""
        for at, (axis, places) in enumerate(zip(self.task.axes, box, strict=True)):
            if len(places) > 1 and at not in self._counts and axis.name not in (self._free or ()):
                return at
        return None

    def _split(self, box: Box, axis: int | None = None) -> None:
        """Leave the halves of a box for later, or a box for each value of an axis."""
        if axis is not None:
            self._work += [(*box[:axis], (place,), *box[axis + 1 :]) for place in box[axis]]
            return
        axis = max(range(len(box)), key=lambda at: len(box[at]))
        middle = len(box[axis]) // 2
        self._work += [(*box[:axis], half, *box[axis + 1 :]) for half in (box[axis][:middle], box[axis][middle:])]

    def _settings(self, places: Sequence[int]) -> dict[str, Any]:
        values = {axis.name: axis.values[at] for axis, at in zip(self.task.axes, places, strict=True)}
        return {**self.task.fixed, **values}

    def index(self, places: Sequence[int]) -> int:
        """Return the number of a point."""
        return sum(stride * at for stride, at in zip(self.strides, places, strict=True))


def _strides(task: SweepTask) -> list[int]:
    strides = [1]
    for axis in reversed(task.axes[1:]):
        strides.append(strides[-1] * len(axis.values))
    return strides[::-1]


def _reason(error: ConvcostError) -> str:
    return error.details[0].message
