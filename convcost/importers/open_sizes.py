"""Models whose sizes are open: what depends on these is found by mapping them at several sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from keyword import iskeyword
from typing import Any

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import ModelGraph, Shape
from convcost.importers.items import Mapped

TRIED = (224, 256, 320)
"""Sizes of all open axes at which a model must have the same layers."""
_ALONE = 288  # of one axis, the others being the first of these
_MOST_AXES = 4
_DIVISORS = (1, 2, 4, 8, 16, 32, 64)
_TAKEN = frozenset(
    (
        *("min", "max", "floor", "ceil", "round", "abs", "len", "sum", "log", "exp", "sqrt", "int"),
        *("input", "previous", "true", "false", "null"),
    )
)
"""Names that no symbol may have."""

Sizes = dict[str, int]
Map = Callable[[Sizes], Mapped]
"""Maps the model with sizes for its open axes."""


class DependsOnSizesError(Exception):
    """The layers depend on sizes in a way that is not understood."""


def map_open_sizes(
    graph: ModelGraph, file: str, axes: Sequence[str], map: Map
) -> tuple[Mapped, dict[int, dict[str, Any]], dict[str, str], dict[str, int]]:
    """Return a model whose sizes are open, the fields that depend on these, their symbols, and the symbols' values.

    Args:
        graph: The graph.
        file: The name of the model, for messages.
        axes: The open axes.
        map: Maps the model with sizes for these.

    Raises:
        SpecError: It cannot be mapped, or has other layers at other sizes.
    """
    sizes = {axis: graph.sizes.get(axis, TRIED[0]) for axis in axes}
    words = _symbols(axes)
    try:
        mapped = map(sizes)
    except SpecError as error:
        message = f"sizes that the file leaves open were tried at {TRIED[0]}: {', '.join(axes)}"
        help = f"--input gives others, such as --input {_examples(graph)}"
        raise SpecError([*error.details, ErrorDetail(message, Place(file), help=help)]) from None
    try:
        expressions = expressions_of(mapped, sizes, map, words)
    except DependsOnSizesError:
        message = (
            f"the layers depend on {' and '.join([repr(axis) for axis in axes])}, whose sizes the file leaves open"
        )
        raise SpecError(ErrorDetail(message, Place(file), help=f"give them: --input {_examples(graph)}")) from None
    return mapped, expressions, words, {words[axis]: size for axis, size in sizes.items()}


def _examples(graph: ModelGraph) -> str:
    """Return the shapes of all inputs as `--input` takes them."""
    return " --input ".join(f"{name}={_example(shape)}" for name, shape in graph.inputs.items() if shape)


def _example(shape: Shape) -> str:
    """Return a shape as `--input` takes it."""
    batch = shape[0] if isinstance(shape[0], int) else 1
    return "x".join(str(size if isinstance(size, int) else TRIED[0]) for size in (batch, *shape[1:]))


def _symbols(axes: Sequence[str]) -> dict[str, str]:
    """Return a symbol for each open axis: its name where that can be one."""
    words: dict[str, str] = {}
    for number, axis in enumerate(axes, 1):
        fits = re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{0,30}", axis) and not axis.startswith("in_")
        fits = fits and not iskeyword(axis.lower()) and axis.lower() not in _TAKEN
        words[axis] = axis if fits else f"size_{number}"
    return words if len({*words.values()}) == len(words) else {axis: f"size_{n}" for n, axis in enumerate(axes, 1)}


def expressions_of(mapped: Mapped, sizes: Sizes, map: Map, words: Mapping[str, str]) -> dict[int, dict[str, Any]]:
    """Return the fields that depend on open sizes as expressions of their symbols, by the ids of their items.

    Args:
        mapped: The model at some sizes.
        sizes: These sizes.
        map: Maps the model at others.
        words: The symbol of each axis.

    Raises:
        DependsOnSizesError: At other sizes there are other layers, or no simple expression gives a field.
    """
    others = [dict.fromkeys(sizes, size) for size in TRIED[1:]]
    found = [map(each) for each in others]
    if all(_fields(each) == _fields(mapped) for each in found):
        _check_same(mapped, found)
        return {}
    if len(sizes) > _MOST_AXES:
        raise DependsOnSizesError
    others += [{**sizes, axis: _ALONE} for axis in sizes] if len(sizes) > 1 else []
    found += [map(each) for each in others[len(found) :]]
    _check_same(mapped, found)
    return _Fit([sizes, *others], [mapped, *found], words).expressions()


def _structure(mapped: Mapped) -> list[Any]:
    """Return the parts of a network that must not depend on open sizes."""
    return [
        (item.type, sorted(item.fields), [(tensor.producer, tensor.output) for tensor in item.inputs], item.name)
        for item in mapped.items
    ]


def _fields(mapped: Mapped) -> list[Any]:
    return [item.fields for item in mapped.items]


def _check_same(mapped: Mapped, others: Sequence[Mapped]) -> None:
    if any(_structure(each) != _structure(mapped) for each in others):
        raise DependsOnSizesError


class _Fit:
    """Finds expressions that give the fields at all sizes that were tried.

    Args:
        sizes: The sizes.
        models: The model at these.
        words: The symbol of each axis.
    """

    def __init__(self, sizes: Sequence[Sizes], models: Sequence[Mapped], words: Mapping[str, str]) -> None:
        self._sizes = sizes
        self._models = models
        self._words = words
        self._known: dict[tuple[int, ...], str] = {}

    def expressions(self) -> dict[int, dict[str, Any]]:
        """Return the fields that differ, by the ids of the first model's items."""
        found: dict[int, dict[str, Any]] = {}
        for items in zip(*(model.items for model in self._models), strict=True):
            first = items[0]
            for name in first.fields:
                values = [item.fields[name] for item in items]
                if any(value != values[0] for value in values):
                    found.setdefault(id(first), {})[name] = self._field(values)
        return found

    def _field(self, values: Sequence[Any]) -> Any:
        """Return a field as an expression, or as a list or a mapping with some."""
        lengths = {len(value) for value in values if isinstance(value, (list, tuple))}
        if len(lengths) == 1:  # one number for all axes is a list of it
            (length,) = lengths
            values = [value if isinstance(value, (list, tuple)) else [value] * length for value in values]
        first = values[0]
        if isinstance(first, (list, tuple)):
            if len(lengths) > 1:
                raise DependsOnSizesError
            return [self._field(each) for each in zip(*values, strict=True)]
        if isinstance(first, Mapping):
            if any(not isinstance(value, Mapping) or value.keys() != first.keys() for value in values):
                raise DependsOnSizesError
            return {name: self._field([value[name] for value in values]) for name in first}
        if all(value == first for value in values):
            return first
        if not all(type(value) is int for value in values):
            raise DependsOnSizesError
        key = tuple(values)
        if key not in self._known:
            self._known[key] = self._expression(values)
        return self._known[key]

    def _expression(self, values: Sequence[int]) -> str:
        """Return the simplest expression that gives numbers: a share of a size, or of a product of two."""
        for names, numbers in self._terms():
            line = _line(numbers, values)
            if line is not None:
                factor, rest = line
                return _written(" * ".join(names), factor, rest)
        raise DependsOnSizesError

    def _terms(self) -> Iterator[tuple[list[str], list[int]]]:
        """Yield the quantities to which numbers may be proportional: a size, and products of two."""
        for axis, word in self._words.items():
            yield [word], [each[axis] for each in self._sizes]
        for (axis, word), (other, second) in combinations(self._words.items(), 2):
            yield [word, second], [each[axis] * each[other] for each in self._sizes]
        for axis, word in self._words.items():
            yield [word, word], [each[axis] ** 2 for each in self._sizes]


def _line(numbers: Sequence[int], values: Sequence[int]) -> tuple[Fraction, int] | None:
    """Return the factor and the rest of the line on which values lie; None where they lie on none that is simple."""
    at = next((place for place, number in enumerate(numbers) if number != numbers[0]), None)
    if at is None:
        return None
    factor = Fraction(values[at] - values[0], numbers[at] - numbers[0])
    rest = values[0] - factor * numbers[0]
    simple = rest.denominator == 1 and factor.denominator <= _DIVISORS[-1] ** 2 and factor != 0
    if not simple or any(factor * number + rest != value for number, value in zip(numbers, values, strict=True)):
        return None
    return factor, int(rest)


def _written(term: str, factor: Fraction, rest: int) -> str:
    """Return a line as an expression.

    >>> _written("h", Fraction(1, 8), 0), _written("h * w", Fraction(3, 256), 1), _written("h", Fraction(2), -4)
    ('h / 8', '3 * h * w / 256 + 1', '2 * h - 4')
    """
    text = term if factor.numerator == 1 else f"{factor.numerator} * {term}"
    text += "" if factor.denominator == 1 else f" / {factor.denominator}"
    return text + (f" + {rest}" if rest > 0 else f" - {-rest}" if rest < 0 else "")
