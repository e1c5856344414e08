"""Where in a grid formulas hold, and their parts: a network's totals as a sum of parts of few symbols each.

A symbol that is nothing but a number of repetitions is no symbol of a formula. Where fewer repetitions only leave
layers out, and all others stay what they are, each number adds its own part: the layers that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import lcm, prod
from typing import Any

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.design_space.elimination import MOST_STATES
from convcost.design_space.intervals import always
from convcost.design_space.joins import Entry, State, SumTable, too_large
from convcost.design_space.task import SweepTask, conditions_of
from convcost.errors import ConvcostError
from convcost.symbolic import Condition, Formula, NeedsValueError, evaluator

MOST_TESTED = 200_000  # combinations at which one condition is looked at
_ALL_CORNERS = 6  # numbers of repetitions of which every combination of the fewest and the most is analysed

Box = tuple[tuple[int, ...], ...]
"""The places of the values of each axis."""


class Derivation(Struct, frozen=True):
    """Formulas of a network's totals around a point.

    Attributes:
        totals: The metrics that are asked.
        layers: What each layer is and costs, by its path.
        conditions: What must hold.
    """

    totals: tuple[Any, ...]
    layers: Mapping[tuple[str, ...], Any]
    conditions: tuple[Condition, ...]


class SumRegion(Struct, frozen=True):
    """A box of a grid in which formulas hold.

    Attributes:
        box: The places of the values of each axis.
        totals: The metrics where each number of repetitions is its largest.
        less: By axis and value of a number of repetitions, what the metrics are more than at the largest: below 0.
        forbidden: Combinations of places at which a condition fails, by the axes that decide it.
    """

    box: Box
    totals: tuple[Any, ...]
    less: Mapping[tuple[int, int], tuple[Any, ...]]
    forbidden: Mapping[tuple[int, ...], frozenset[State]]


def size_of(box: Box) -> int:
    """Return how many points a box has."""
    return prod(map(len, box))


def derive(task: SweepTask, settings: Mapping[str, Any], free: Sequence[str]) -> Derivation | None:
    """Return the formulas around a point, None where a symbol cannot be kept."""
    try:
        network = task.build(settings, free)
        analysis = Analysis.of(network, batch=task.batch, fold=task.fold)
        totals = tuple([analysis.value(name) for name in task.metrics])
        costs = zip(*[analysis.values(name) for name in task.metrics], strict=True)
        layers = {
            layer.path: _plain((layer.type, layer.fields, layer.input_shapes, layer.output_shape, cost))
            for layer, cost in zip(analysis.layers, costs, strict=True)
        }
    except (ConvcostError, NeedsValueError):
        return None
    conditions = conditions_of(analysis)
    return None if conditions is None else Derivation(totals, layers, conditions)


def _plain(value: Any) -> Any:
    """Return data that are equal where formulas are written alike, so that no question stays open."""
    if isinstance(value, Formula):
        return value.key
    if isinstance(value, Mapping):
        return tuple([(name, _plain(each)) for name, each in value.items()])
    if isinstance(value, tuple | list):
        return tuple([_plain(each) for each in value])
    return value


class Repetitions(Struct, frozen=True):
    """The formulas where numbers of repetitions vary: those of the largest numbers, and what others leave out."""

    most: Derivation
    less: Mapping[tuple[int, int], tuple[Any, ...]]
    conditions: tuple[Condition, ...]


def repeated(
    task: SweepTask, settings: Mapping[str, Any], free: Sequence[str], counts: Mapping[int, Sequence[int]]
) -> Repetitions | int | None:
    """Return formulas for all combinations of some numbers of repetitions.

    Args:
        task: What is asked.
        settings: The values of all symbols, with the largest number of each repetition.
        free: The symbols to keep.
        counts: The other numbers of each axis that is a number of repetitions.

    Returns:
        The formulas; an axis that has to be held, as its numbers do more than to leave layers out; None where a symbol
        cannot be kept.
    """
    most = derive(task, settings, free)
    if most is None:
        return None
    less: dict[tuple[int, int], tuple[Any, ...]] = {}
    conditions = list(most.conditions)
    missing: dict[int, set[tuple[str, ...]]] = {}
    for axis, numbers in counts.items():
        missing[axis] = set()
        for number in numbers:
            fewer = derive(task, {**settings, task.axes[axis].name: number}, free)
            if fewer is None or any(most.layers.get(path) != layer for path, layer in fewer.layers.items()):
                return axis
            missing[axis] |= set(most.layers) - set(fewer.layers)
            less[axis, number] = tuple([a - b for a, b in zip(fewer.totals, most.totals, strict=True)])
            conditions += fewer.conditions
    for one, other in combinations(counts, 2):
        if missing[one] & missing[other]:
            return other
    if not _corners_add_up(task, settings, counts, most, less):
        return next(iter(counts))
    return Repetitions(most, less, tuple(dict.fromkeys(conditions)))


def _corners_add_up(
    task: SweepTask,
    settings: Mapping[str, Any],
    counts: Mapping[int, Sequence[int]],
    most: Derivation,
    less: Mapping[tuple[int, int], tuple[Any, ...]],
) -> bool:
    """Return whether the parts add up where several numbers are the smallest at once: items could join there."""
    axes = list(counts)
    sizes = range(2, len(axes) + 1) if len(axes) <= _ALL_CORNERS else (2, len(axes))
    for chosen in (each for size in sizes for each in combinations(axes, size)):
        changes = {axis: min(counts[axis]) for axis in chosen}
        values = {**settings, **{task.axes[axis].name: number for axis, number in changes.items()}}
        try:
            analysis = Analysis.of(task.build(values, None), batch=task.batch, fold=task.fold)
        except ConvcostError:
            return False
        for place, metric in enumerate(task.metrics):
            parts = [most.totals[place], *[less[axis, number][place] for axis, number in changes.items()]]
            if analysis.value(metric) != sum(_at(part, settings) for part in parts):
                return False
    return True


def _at(formula: Any, settings: Mapping[str, Any]) -> Any:
    if not isinstance(formula, Formula):
        return formula
    return evaluator(formula, formula.symbols)([settings[name] for name in formula.symbols])


def restricted(
    task: SweepTask, box: Box, conditions: Sequence[Condition]
) -> tuple[Box, dict[tuple[int, ...], frozenset[State]]] | None:
    """Return the part of a box in which conditions of one symbol hold, and where the others fail.

    Returns:
        The part, and the forbidden combinations of places by their axes; None where there are too many to look at.
    """
    names = [axis.name for axis in task.axes]
    places = list(box)
    for condition in conditions:
        if len(condition.symbols) == 1:
            axis = names.index(condition.symbols[0])
            test = condition.tester([names[axis]])
            places[axis] = tuple([at for at in places[axis] if test([task.axes[axis].values[at]])])
    part = tuple(places)
    forbidden: dict[tuple[int, ...], frozenset[State]] = {}
    values = {
        name: [axis.values[at] for at in part[i]] for i, (name, axis) in enumerate(zip(names, task.axes, strict=True))
    }
    if not size_of(part):
        return part, forbidden
    for condition in conditions:
        if len(condition.symbols) < 2 or always(condition, values):
            continue
        scope = tuple(sorted([names.index(name) for name in condition.symbols]))
        if prod([len(part[axis]) for axis in scope]) > MOST_TESTED:
            return None
        test = condition.tester([names[axis] for axis in scope])
        failing = [
            state
            for state in product(*[part[axis] for axis in scope])
            if not test([task.axes[axis].values[at] for axis, at in zip(scope, state, strict=True)])
        ]
        if failing:
            forbidden[scope] = forbidden.get(scope, frozenset()) | frozenset(failing)
    return part, forbidden


def outside(box: Box, part: Box, forbidden: Mapping[tuple[int, ...], frozenset[State]]) -> list[Box]:
    """Return boxes that hold all points of a box that are not in a part of it, or are forbidden there."""
    found = []
    for axis, (all_places, inside) in enumerate(zip(box, part, strict=True)):
        others = tuple([at for at in all_places if at not in set(inside)])
        if others:
            found.append((*part[:axis], others, *box[axis + 1 :]))
    for scope, states in forbidden.items():
        for state in sorted(states):
            fixed = dict(zip(scope, state, strict=True))
            found.append(tuple([(fixed[axis],) if axis in fixed else each for axis, each in enumerate(part)]))
    return [each for each in found if size_of(each)]


Part = Callable[[Sequence[Any]], Any]


def tables(
    task: SweepTask, region: SumRegion, columns: Sequence[tuple[int, int]], strides: Sequence[int]
) -> tuple[list[SumTable], list[int]]:
    """Return a region's totals as a sum of tables, and what each column was multiplied by to be whole.

    Args:
        task: What is asked.
        region: The region.
        columns: The place of each column's metric, and 1, or −1 where it is to be large.
        strides: How far the points of neighbouring values of each axis are apart.
    """
    parts: dict[tuple[int, ...], list[tuple[int, Part]]] = {}
    for column, (place, sign) in enumerate(columns):
        for scope, part in _parts(task, region, place):
            parts.setdefault(scope, []).append((column, _signed(part, sign)))
    scopes = {*parts, *[(axis,) for axis in range(len(task.axes))]}
    largest = [scope for scope in scopes if not any(set(scope) < set(other) for other in scopes)]
    numbered: set[int] = set()
    raw: list[tuple[tuple[int, ...], dict[State, list[Any]]]] = []
    pending = dict(parts)
    for scope in sorted(largest):
        if prod([len(region.box[axis]) for axis in scope]) > MOST_STATES:
            names = ", ".join(task.axes[axis].name for axis in scope)
            raise too_large(f"a part of the formula depends on {names} together")
        inner = [each for each in pending if set(each) <= set(scope)]
        mine = [
            (tuple([scope.index(axis) for axis in each]), column, part)
            for each in inner
            for column, part in pending.pop(each)
        ]
        counted = [axis for axis in scope if axis not in numbered]
        numbered |= set(counted)
        raw.append(
            (scope, _entries(task, region, scope, mine, len(columns), {axis: strides[axis] for axis in counted}))
        )
    scales = [
        lcm(*[Fraction(entry[column]).denominator for _, entries in raw for entry in entries.values()])
        for column in range(len(columns))
    ]
    found = [
        SumTable(
            scope,
            {
                state: [(*[int(value * scale) for value, scale in zip(entry, scales, strict=False)], entry[-1])]
                for state, entry in entries.items()
            },
        )
        for scope, entries in raw
    ]
    return [*found, *_allowed(region, len(columns))], scales


def _entries(
    task: SweepTask,
    region: SumRegion,
    scope: Sequence[int],
    parts: Sequence[tuple[tuple[int, ...], int, Part]],
    width: int,
    strides: Mapping[int, int],
) -> dict[State, list[Any]]:
    """Return the sum of some parts at each combination of the values of some axes."""
    found: dict[State, list[Any]] = {}
    for state in product(*[range(len(region.box[axis])) for axis in scope]):
        places = [region.box[axis][at] for axis, at in zip(scope, state, strict=True)]
        values = [task.axes[axis].values[at] for axis, at in zip(scope, places, strict=True)]
        entry: list[Any] = [0] * (width + 1)
        try:
            for positions, column, part in parts:
                entry[column] += part([values[position] for position in positions])
        except (ZeroDivisionError, ValueError):  # no formula has a value here: a condition forbids it
            continue
        entry[-1] = sum(strides[axis] * at for axis, at in zip(scope, places, strict=True) if axis in strides)
        found[state] = entry
    return found


def _allowed(region: SumRegion, width: int) -> list[SumTable]:
    """Return the tables of combinations that are not forbidden."""
    nothing: list[Entry] = [(0,) * (width + 1)]
    found = []
    for scope, states in region.forbidden.items():
        allowed = {}
        for state in product(*[range(len(region.box[axis])) for axis in scope]):
            if tuple([region.box[axis][at] for axis, at in zip(scope, state, strict=True)]) not in states:
                allowed[state] = nothing
        found.append(SumTable(scope, allowed))
    return found


def _parts(task: SweepTask, region: SumRegion, place: int) -> list[tuple[tuple[int, ...], Part]]:
    """Return a metric's parts, each with the axes on which it depends."""
    names = [axis.name for axis in task.axes]
    found = [(scope, _evaluator(part, scope, names)) for scope, part in _split(region.totals[place], names).items()]
    for axis in dict.fromkeys(axis for axis, _ in region.less):
        split = {number: _split(less[place], names) for (at, number), less in region.less.items() if at == axis}
        for inner in dict.fromkeys(scope for each in split.values() for scope in each):
            programs = {n: _evaluator(each[inner], inner, names) for n, each in split.items() if inner in each}
            scope = tuple(sorted((*inner, axis)))
            found.append((scope, _chosen(scope.index(axis), programs)))
    return found


def _chosen(position: int, programs: Mapping[int, Part]) -> Part:
    """Return the part of a number of repetitions: 0 for the largest."""

    def run(values: Sequence[Any]) -> Any:
        program = programs.get(values[position])
        return 0 if program is None else program([*values[:position], *values[position + 1 :]])

    return run


def _evaluator(part: Any, scope: Sequence[int], names: Sequence[str]) -> Part:
    return evaluator(part, [names[axis] for axis in scope])


def _signed(part: Part, sign: int) -> Part:
    return part if sign > 0 else lambda values: -part(values)


def _split(formula: Any, names: Sequence[str]) -> dict[tuple[int, ...], Any]:
    """Return the terms of a formula by the axes on which they depend; a quotient of sums is one."""
    if not isinstance(formula, Formula):
        return {(): formula} if formula else {}
    if formula.under is not None:
        return {tuple(sorted([names.index(name) for name in formula.symbols])): formula}
    groups: dict[tuple[int, ...], dict[Any, Any]] = {}
    for monomial, coefficient in formula.terms.items():
        symbols = Formula({monomial: 1}, None).symbols
        groups.setdefault(tuple(sorted([names.index(name) for name in symbols])), {})[monomial] = coefficient
    return {scope: Formula(terms, None) for scope, terms in groups.items()}


def totals_at(task: SweepTask, region: SumRegion, values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the metrics at a point of a region."""
    settings = {axis.name: value for axis, value in zip(task.axes, values, strict=True)}
    parts = [region.totals, *[less for (axis, number), less in region.less.items() if values[axis] == number]]
    return tuple([sum(_at(part, settings) for part in column) for column in zip(*parts, strict=True)])
