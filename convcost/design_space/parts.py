"""A sweep in parts of bounded size: what one process, a pool of processes or a cluster works on.

The points of a task's grid are numbered, the last symbol varying fastest. A part is a range of these numbers. The
result of a part depends on the plan and the part alone, and is the same wherever it is worked out, so that parts may
be done in any order, again, and by anybody:

    plan = make_plan(task)                         # derives formulas, once
    packed = plan.packed()                         # bytes, some 10 to 100 kB; each worker needs them once
    for part in plan.parts():                      # `GridPart(start, end)`, of bounded size
        outcomes = part_outcomes(packed, part)     # a tuple of metrics for each point, or the error

`part_outcomes`, like any function of (packed, part), unpacks a plan once in each process, compiles its formulas there,
and keeps the formulas that it derives for points that those of the plan do not cover. `completed` in
`convcost.parallel.completion` works on parts in any executor, few of them in flight. `part_texts.part_text` is such
a function too: it returns the rows of a part as the bytes of a file, so that processes write texts at once and send
compact results.

A formula holds where the facts of its symbols and the conditions met on the way do. A point where none holds is
analysed by itself, and if there are more such points, another formula is derived there. So every number is what the
analysis of that point gives, and every error too. Where a metric is asked whose total is no sum, such as the largest
of the layers, every point is analysed by itself.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import gcd
from typing import Any

from msgspec import Struct

from convcost.design_space.intervals import always
from convcost.design_space.task import Outcome, Region, SweepTask, analysed, derive
from convcost.errors import ConvcostError
from convcost.symbolic.grid import GridAxis, GridFunction

PART_SIZE = 100_000
"""Points of a part at most: a second's work at the least."""
MOST_ANALYSED = 2_000
"""Points of a part at most where each is analysed by itself."""
_FEWEST = 8  # points for which a formula is derived
_TRIALS = 8  # formulas derived before they must have paid
_SEEDS = 24  # points far apart that a plan looks at
_MOST_REGIONS = 1_000  # kept in a process

Box = tuple[tuple[int, int], ...]
"""The first place, and the one after the last, of the values of each axis."""


class GridPart(Struct, frozen=True, order=True):
    """A range of the numbers of a grid's points, without the end."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


class GridPlan(Struct, frozen=True):
    """A task, and formulas that hold in much of its grid.

    Attributes:
        task: What is asked.
        free: The symbols that formulas keep.
        regions: The formulas.
    """

    task: SweepTask
    free: tuple[str, ...]
    regions: tuple[Region, ...]

    def packed(self) -> bytes:
        """Return the plan as bytes for other processes."""
        return pickle.dumps(self)

    def parts(self, size: int | None = None) -> Iterator[GridPart]:
        """Yield all parts in order.

        Args:
            size: How many points each has but the last; without, `PART_SIZE` or `MOST_ANALYSED`.
        """
        whole = len(self.task)
        size = size or (PART_SIZE if self.regions else MOST_ANALYSED)
        for start in range(0, whole, size):
            yield GridPart(start, min(whole, start + size))


def make_plan(task: SweepTask) -> GridPlan:
    """Return formulas around some points of a grid that are far apart; none where a metric is no sum."""
    size = len(task)
    evaluator = GridEvaluator(GridPlan(task, (), ()))
    if task.adds_up and size > _FEWEST:
        for index in _scattered(size, min(size, _SEEDS)):
            if not evaluator.covers(index) and not isinstance(analysed(task, index), ConvcostError):
                evaluator.add(index)
            if len(evaluator.regions) >= _TRIALS:
                break
    return GridPlan(task, tuple(evaluator.free or ()), tuple(evaluator.regions))


def _scattered(size: int, count: int) -> Iterator[int]:
    """Yield points far apart: a formula derived at the edge of a grid may hold nowhere else."""
    step = max(1, int(size * 0.618))
    while gcd(step, size) > 1:
        step += 1
    return (turn * step % size for turn in range(1, count + 1))


class GridEvaluator:
    """The outcomes of a plan's parts in one process.

    Args:
        plan: The plan.

    Attributes:
        regions: The formulas, those of the plan and others that were derived here.
        free: The symbols that formulas keep; None before that is known.
    """

    def __init__(self, plan: GridPlan) -> None:
        self.task = plan.task
        self.free: Sequence[str] | None = plan.free or None
        self.regions: list[Region] = []
        self._functions: list[_RegionFunction] = []
        for region in plan.regions:
            self._keep(region)

    def outcomes(self, part: GridPart) -> list[Outcome]:
        """Return the outcome of each point of a part."""
        found: list[Any] = [None] * len(part)
        boxes = list(boxes_of(self.task.sizes, part))
        left = len(part)
        for function in self._functions:
            if not left:
                break
            left -= function.fill(found, boxes, left == len(part))
        if left:
            self._fill(found, part, boxes, left)
        return found

    def covers(self, index: int) -> bool:
        """Return whether known formulas hold at a point."""
        boxes = list(boxes_of(self.task.sizes, GridPart(index, index + 1)))
        return any(function.fill([None], boxes, True) for function in self._functions)

    def add(self, index: int) -> _RegionFunction | None:
        """Derive formulas around a point that is valid, and keep them; None where no symbol can be kept."""
        region = None
        if self.free is None:
            names = self.task.numeric(index)
            region = derive(self.task, index, names)
            self.free = (
                names
                if region is not None
                else [name for name in names if derive(self.task, index, [name]) is not None]
            )
        region = region or derive(self.task, index, self.free)
        return None if region is None else self._keep(region)

    def _keep(self, region: Region) -> _RegionFunction:
        function = _RegionFunction(self.task, region)
        if len(self.regions) < _MOST_REGIONS:
            self.regions.append(region)
            self._functions.append(function)
        return function

    def _fill(self, found: list[Any], part: GridPart, boxes: Sequence[Box], left: int) -> None:
        """Find the outcomes that known formulas do not give: analyse points, and derive formulas around some."""
        derived, covered = 0, 0
        places = _scattered(len(found), len(found)) if self.task.adds_up else range(len(found))
        for place in places:
            if found[place] is not None:
                continue
            outcome = found[place] = analysed(self.task, part.start + place)
            left -= 1
            paid = derived < _TRIALS or covered >= _TRIALS * derived
            if isinstance(outcome, ConvcostError) or not (self.task.adds_up and left > _FEWEST and paid):
                continue
            function = self.add(part.start + place)
            derived += 1
            if function is not None:
                new = function.fill(found, boxes, False)
                left, covered = left - new, covered + new


class _RegionFunction:
    """The formulas of a region as a function of boxes, compiled when it is first called."""

    def __init__(self, task: SweepTask, region: Region) -> None:
        self._region = region
        self._task = task
        self._fits = [_fits(region, at, axis) for at, axis in enumerate(task.axes)]
        self._held = {at for at, held in enumerate(region.held) if held is not None}
        self._function: GridFunction | None = None

    def fill(self, outcomes: list[Any], boxes: Sequence[Box], empty: bool) -> int:
        """Store the outcomes of points that have none yet, and return how many are new.

        Args:
            outcomes: The outcomes of the points of all boxes.
            boxes: The boxes.
            empty: Whether no point has an outcome yet.
        """
        at = new = 0
        for box in boxes:
            end = at + _size(box)
            if all(any(fits[first:last]) for fits, (first, last) in zip(self._fits, box, strict=True)):
                if self._held:
                    new += self._fill_held(outcomes, at, box)
                else:
                    new += self._fill_all(outcomes, at, box, empty)
            at = end
        return new

    def _fill_all(self, outcomes: list[Any], at: int, box: Box, empty: bool) -> int:
        """Store the outcomes of a box whose first point has a number in the list, and return how many are new."""
        values = self._compiled()(box)
        new = len(values) - values.count(None)
        places = slice(at, at + len(values))
        if not empty:
            old = outcomes[places]
            values = [value if one is None else one for one, value in zip(old, values, strict=True)]
            new = old.count(None) - values.count(None)
        outcomes[places] = values
        return new

    def _fill_held(self, outcomes: list[Any], at: int, box: Box) -> int:
        """Store the same where values of some axes are held: only at these is the function called."""
        chosen = [
            [place for place in range(*ends) if fits[place]] if axis in self._held else None
            for axis, (fits, ends) in enumerate(zip(self._fits, box, strict=True))
        ]
        new = 0
        for held in product(*[places for places in chosen if places is not None]):
            values_held = iter(held)
            inner = [
                ends if places is None else ((place := next(values_held)), place + 1)
                for places, ends in zip(chosen, box, strict=True)
            ]
            indices = [0]
            for (first, last), (start, end) in zip(box, inner, strict=True):
                size, steps = last - first, range(start - first, end - first)
                indices = [index * size + step for index in indices for step in steps]
            for index, value in zip(indices, self._compiled()(inner), strict=True):
                if value is not None and outcomes[at + index] is None:
                    outcomes[at + index] = value
                    new += 1
        return new

    def _compiled(self) -> GridFunction:
        if self._function is None:
            region, axes = self._region, self._task.axes
            grid = [GridAxis(axis.name, axis.values, fits) for axis, fits in zip(axes, self._fits, strict=True)]
            values = {
                axis.name: [value for value, fit in zip(axis.values, axis.fits, strict=True) if fit] for axis in grid
            }
            several = [each for each in region.conditions if len(each.symbols) != 1 and not always(each, values)]
            self._function = GridFunction(grid, region.formulas, several)
        return self._function


def _size(box: Box) -> int:
    count = 1
    for first, last in box:
        count *= last - first
    return count


def _fits(region: Region, at: int, axis: Any) -> list[bool]:
    """Return at which values of one symbol the formulas may hold, as far as that symbol alone decides."""
    held = region.held[at]
    if held is not None:
        return [type(value) is type(held) and bool(value == held) for value in axis.values]
    tests = [condition.tester([axis.name]) for condition in region.conditions if condition.symbols == (axis.name,)]
    return [type(value) in (int, Fraction) and all(test([value]) for test in tests) for value in axis.values]


def boxes_of(sizes: Sequence[int], part: GridPart) -> Iterator[Box]:
    """Yield the boxes that hold a part's points, in order.

    >>> list(boxes_of([3, 4], GridPart(2, 9)))
    [((0, 1), (2, 4)), ((1, 2), (0, 4)), ((2, 3), (0, 1))]
    """
    if not len(part):
        return
    if not sizes:
        yield ()
        return
    inner = 1
    for size in sizes[1:]:
        inner *= size
    (first, head), (last, tail) = divmod(part.start, inner), divmod(part.end, inner)
    if first == last:
        for box in boxes_of(sizes[1:], GridPart(head, tail)):
            yield ((first, first + 1), *box)
        return
    if head:
        for box in boxes_of(sizes[1:], GridPart(head, inner)):
            yield ((first, first + 1), *box)
        first += 1
    if first < last:
        yield ((first, last), *[(0, size) for size in sizes[1:]])
    if tail:
        for box in boxes_of(sizes[1:], GridPart(0, tail)):
            yield ((last, last + 1), *box)


@lru_cache(maxsize=4)
def unpacked(packed: bytes) -> GridEvaluator:
    """Return the evaluator of a packed plan, the same one each time."""
    return GridEvaluator(pickle.loads(packed))


def part_outcomes(packed: bytes, part: GridPart) -> list[Outcome]:
    """Return the outcome of each point of a part."""
    return unpacked(packed).outcomes(part)
