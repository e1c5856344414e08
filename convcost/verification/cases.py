"""The sizes at which each layer type is executed to determine its formulas; `formulas` says why they are enough.

They follow from the type's definition: the kinds and roles of its fields, the number of its inputs and their shapes. A
type for which that is not enough defines its own sizes in `trials`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY, Field, LayerError, LayerType, Shape
from convcost.layers.fields import AXIS, BOUND, CHANNELS, FACTOR, FLAG, GROUPS, NUMBER, TIMES, VARIANT, WORD
from convcost.layers.inputs import ANY, FEATURES
from convcost.layers.layout import VECTOR
from convcost.verification.counting import Task
from convcost.verification.positions import RANKS, SMALL, Positions

_MOST_INPUTS = 4
_OF_PAIRS = {0: SMALL, 1: SMALL, 2: SMALL, 3: (1, 2)}  # by the number of axes, the sizes of each of two inputs
_OF_MANY: tuple[Shape, ...] = ((), (2,), (2, 3), (1, 2, 3))

Points = Iterator[tuple[dict[str, Any], tuple[Shape, ...]]]


class Cases(Struct, frozen=True):
    """The points at which a layer type is executed.

    Attributes:
        variables: The sizes that vary, as text; the degree is at most 1 in each.
        covered: The fields that are fixed while sizes vary, and their values, as text.
        tasks: The tasks, one for each point.
    """

    variables: str
    covered: str
    tasks: Callable[[], Iterator[Task]]


def cases_of(type: str) -> Cases:
    """Return the cases of a type: the inputs and fields with which it is executed."""
    definition = REGISTRY[type]
    own = definition.trials()
    if own is not None:
        given = own.points
        return Cases(own.variables, own.covered, lambda: _tasks(definition, given))
    plan = _Merge(definition) if definition.merges() else _Single(definition)
    return Cases(plan.variables(), plan.covered(), lambda: _tasks(definition, plan.points()))


def _tasks(
    definition: type[LayerType], points: Iterable[tuple[Mapping[str, Any], tuple[Shape, ...]]]
) -> Iterator[Task]:
    defaults = {name: _default(field) for name, field in definition.fields.items()}
    for given, shapes in points:
        fields = {**defaults, **given}
        yield Task(definition.type, fields, shapes)
        if definition.folds:
            yield Task(definition.type, fields, shapes, folded=True)


class _Single:
    """The points of a type with one input: positions, channels and the other fields, each with each."""

    def __init__(self, definition: type[LayerType]) -> None:
        self._definition = definition
        self._positions = Positions(definition)
        self._times = definition.fields_for(TIMES)
        self._bounds = definition.fields_for(BOUND)
        self._groups = definition.fields_for(GROUPS)
        self._channels = definition.fields_for(CHANNELS)
        apart = {*self._positions.fields, *self._times, *self._bounds, *self._groups, *self._channels}
        variants = definition.fields_for(VARIANT) if self._positions.fields else []
        self._fixed = {name: field for name, field in definition.fields.items() if name not in apart}
        self._options = _Options({name: field for name, field in self._fixed.items() if name not in variants})
        self._variants = _Variants({name: self._fixed[name] for name in variants})

    def points(self) -> Points:
        """Yield the fields and the input shapes."""
        grids = {rank: list(product(self._by_channels(rank), self._options.values(rank))) for rank in range(4)}
        for number, (placed, sizes) in enumerate(self._positions):
            for more, (given, channels), options in self._variants.laid(number, grids[len(sizes)]):
                yield {**placed, **given, **options, **more}, ((channels, *sizes),)

    def _by_channels(self, rank: int) -> Iterator[tuple[dict[str, int], int]]:
        """Yield the fields that speak of channels, and the channels of the input."""
        grouped, mixing = bool(self._groups), bool(self._channels)
        values = self._values(1 + grouped + mixing + len(self._times), rank)
        more = [values] * len(self._times)
        for groups, members, fanout, *times in product(
            values if grouped else (1,), values, values if mixing else (1,), *more
        ):
            channels = groups * members
            given = dict(zip(self._times, times, strict=True))
            given |= dict.fromkeys(self._groups, groups) | dict.fromkeys(self._channels, groups * fanout)
            for bounds in product(range(channels + 1), repeat=len(self._bounds)):
                if all(bound >= self._least(name) for name, bound in zip(self._bounds, bounds, strict=True)):
                    yield given | dict(zip(self._bounds, bounds, strict=True)), channels

    def _values(self, variables: int, rank: int) -> tuple[int, ...]:
        """Return the values of each of so many variables: fewer where many windows are executed with them."""
        if not self._positions.strided or variables == 1:
            return SMALL
        return (1, 3) if variables == 2 or rank == 1 else (2,)

    def _least(self, name: str) -> int:
        return self._definition.fields[name].read.form.minimum

    def variables(self) -> str:
        """Return the sizes that vary as text."""
        vector = self._definition.takes in (VECTOR, FEATURES)
        names = list(self._times)
        if self._groups:
            names += ["groups", "M/g", "N/g"] if self._channels else ["groups", "channels of each"]
        elif self._channels:
            names.append(f"{'features' if vector else 'channels'} in and out")
        else:
            names += self._bounds or ["features" if vector else "channels"]
        return ", ".join([*names, *self._positions.variables()])

    def covered(self) -> str:
        """Return the fixed fields and their values as text."""
        folded = ["folded and not"] if self._definition.folds else []
        held = [*self._positions.covered(), *folded, *_Options(self._fixed).covered()]
        axes = self._positions.axes()
        if self._definition.takes == ANY and axes:
            return ", ".join([f"vectors, {axes}", *held])
        return "; ".join(part for part in (", ".join(held), axes) if part)


class _Merge:
    """The points of a type with several inputs; those that its formula refuses are left out."""

    def __init__(self, definition: type[LayerType]) -> None:
        self._definition = definition
        self._options = _Options(definition.fields)
        least, most = definition.arity
        self._counts = range(least, min(most or _MOST_INPUTS, max(least, _MOST_INPUTS)) + 1)
        ranks = RANKS[definition.takes]
        self._ranks = [rank for rank in ranks if rank < 3 or not definition.stretches]

    def points(self) -> Points:
        """Yield the fields and the input shapes."""
        shapes = self._stretched if self._definition.stretches else self._apart
        defaults = {name: _default(field) for name, field in self._definition.fields.items()}
        for inputs in shapes():
            for given in self._options.values(len(inputs[0]) - 1):
                if self._accepts({**defaults, **given}, inputs):
                    yield given, inputs

    def _accepts(self, fields: Mapping[str, Any], inputs: tuple[Shape, ...]) -> bool:
        try:
            self._definition(fields).output_shape(*inputs)
        except LayerError:
            return False
        return True

    def _stretched(self) -> Iterator[tuple[Shape, ...]]:
        """Yield inputs of which any are stretched."""
        for rank in self._ranks:
            for shape in product(SMALL, repeat=rank + 1):
                forms = dict.fromkeys([shape, (shape[0], *(1 for _ in shape[1:])), (1, *shape[1:])])
                for count in self._counts:
                    yield from product(forms, repeat=count) if count < _MOST_INPUTS else [(shape,) * count]
                if rank:  # inputs that have fewer axes: vectors, and what lacks the first axes
                    fewer = [((shape[0],), shape), (shape, (shape[-1],)), (shape, shape[1:], shape)]
                    yield from [inputs for inputs in fewer if len(inputs) in self._counts]

    def _apart(self) -> Iterator[tuple[Shape, ...]]:
        """Yield inputs whose sizes have nothing to do with each other, or whose channels have not."""
        for count in self._counts:
            if count == 2:
                shapes = [shape for rank in self._ranks for shape in product(_OF_PAIRS[rank], repeat=rank + 1)]
                yield from product(shapes, repeat=2)
                continue
            for sizes in _OF_MANY:
                if len(sizes) in self._ranks:
                    for channels in product(SMALL, repeat=count):
                        yield tuple([(each, *sizes) for each in channels])

    def variables(self) -> str:
        """Return the sizes that vary as text."""
        return "channels, sizes" if self._definition.stretches else "channels of each input, sizes"

    def covered(self) -> str:
        """Return the fixed fields and their values as text."""
        least, most = self._counts[0], self._counts[-1]
        inputs = f"{least} inputs" if least == most else f"{least}–{most} inputs"
        if self._definition.stretches:
            inputs += ", any of them stretched, vectors among them"
        vectors = ["vectors"] if 0 in self._ranks else []
        axes = {0: [], 1: ["1 axis"], 2: ["1 and 2 axes"], 3: ["1–3 axes"]}[self._ranks[-1]]
        return f"{', '.join([inputs, *self._options.covered()])}; {', '.join([*vectors, *axes])}"


def _default(field: Field) -> Any:
    return field.plain() if field.read.form.kind == AXIS else field.default


class _Options:
    """The values of fields that are fixed while sizes vary, by the kind of each field."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields

    def values(self, rank: int) -> Iterator[dict[str, Any]]:
        """Yield every combination, on an input of so many axes behind the channels."""
        choices = [_laid_out(field, rank) for field in self._fields.values()]
        for values in product(*choices):
            yield dict(zip(self._fields, values, strict=True))

    def covered(self) -> list[str]:
        """Return the values as text; numbers that have a default change no count."""
        parts = []
        for name, field in self._fields.items():
            kind, values, title = field.read.form.kind, _choices(field), name.replace("_", " ")
            if kind == AXIS:
                parts.append("first and last axis")
                continue
            if kind == FLAG:
                parts.append(f"± {name}")
            elif kind == WORD:
                parts.append(f"{title} {' and '.join([', '.join(values[:-1]), values[-1]])}")
            elif len(values) > 2 and kind not in (FACTOR, NUMBER):
                parts.append(f"{title} {values[0]}–{values[-1]}")
            elif kind != NUMBER or field.required:
                parts.append(f"{title} {', '.join(map(str, values))}")
        return parts


class _Variants:
    """The values of fields that move no window, which take turns rather than meet everything else."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        every = [dict(zip(fields, values, strict=True)) for values in product(*map(_choices, fields.values()))]
        words = [name for name, field in fields.items() if field.read.form.kind == WORD]
        self._usual = [given for given in every if all(given[name] == fields[name].default for name in words)]
        self._others = [given for given in every if given not in self._usual]

    def laid(self, number: int, grid: Sequence[tuple[Any, Any]]) -> Iterator[tuple[dict[str, Any], Any, Any]]:
        """Yield the points of a position's grid, each with variants: every one with a usual one, one with another.

        Args:
            number: The number of the position, by which other variants come first.
            grid: The points.
        """
        usual, others = self._usual, self._others
        for place, point in enumerate(grid):
            yield usual[(number + place) % len(usual)], *point
        if others:
            turn, place = number % len(others), number + number // len(others)
            yield others[turn], *grid[place % len(grid)]


def _choices(field: Field) -> list[Any]:
    """Return the values that are tried of a field: of one axis, where it has one for each."""
    form = field.read.form
    if form.kind == FLAG:
        return [False, True, *form.words]
    if form.kind == WORD:
        return list(form.words)
    if form.kind == NUMBER:
        return [Fraction(1, 2), 1, 2] if field.required else [field.default]
    if form.kind == FACTOR:
        return [Fraction(1, 2), 1, 2]
    return [form.minimum + more for more in range(2 if form.depth else 3)]


def _laid_out(field: Field, rank: int) -> list[Any]:
    """Return the values that are tried of a field, in normal form on so many axes."""
    values = _choices(field)
    if field.read.form.kind == AXIS:  # the first axis holds a feature map's channels, the last those of tokens
        axes = dict.fromkeys((0, rank))
        return [(axis,) for axis in axes] if field.read.form.depth else list(axes)
    if field.read.form.depth == 0:
        return values
    if field.read.form.depth == 1:
        return [(value,) * rank for value in values]
    return [((value, value),) * rank for value in values]
