"""Arithmetic on constants, against arithmetic written beside it."""

from __future__ import annotations

import math

import pytest
from arrays import Array

from convcost.importers.constants import Unfoldable, target
from convcost.importers.folding import MOST_VALUES, fold
from convcost.importers.graph import Constant, Node


def constant(values, dtype="int64", *, stored=False, name="a"):
    """Return a constant of an array's numbers."""
    array = values if isinstance(values, Array) else Array.of(values)
    return Constant(name, array.shape, dtype, tuple(array.values), stored)


def folded(operator, *inputs, **attributes):
    """Return the array that a node makes of constants."""
    names = tuple("" if each is None else each.name for each in inputs)
    found = fold(Node(operator, names, ("y",), attributes), inputs)
    return Array(found.shape, found.values).nested()


A = Array((2, 3, 4))
EACH = range(2), range(3), range(4)
GATHERED = A.chosen(EACH[0], [0, 2, 2, 1], EACH[2]).reshape((2, 2, 2, 4))


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes", "expected"),
    [
        ("Add", [[1, 2], [[10], [20]]], {}, [[11, 12], [21, 22]]),
        ("Sub", [[5, 7], [1]], {}, [4, 6]),
        ("Div", [[7, -7], [2]], {}, [3, -3]),  # towards zero
        ("Mod", [[-7, 7], [4]], {}, [1, 3]),
        ("Mod", [[-7, 7], [4]], {"fmod": 1}, [-3, 3]),
        ("Pow", [[2, 3], [3]], {}, [8, 27]),
        ("Flatten", [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], {}, [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("Flatten", [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], {"axis": -1}, [[1, 2], [3, 4], [5, 6], [7, 8]]),
        ("Min", [[1, 9], [4]], {}, [1, 4]),
        ("Max", [[1, 9], [4]], {}, [4, 9]),
        ("Greater", [[1, 9], [4]], {}, [False, True]),
        ("LessOrEqual", [[4, 9], [4]], {}, [True, False]),
        ("And", [[1, 1], [0, 1]], {}, [0, 1]),
        ("Or", [[0, 0], [0, 1]], {}, [0, 1]),
        ("Not", [[0, 1]], {}, [True, False]),
        ("Neg", [[1, -2]], {}, [-1, 2]),
        ("Abs", [[1, -2]], {}, [1, 2]),
        ("Sign", [[-3, 0, 5]], {}, [-1, 0, 1]),
        ("Transpose", [A], {"perm": (2, 0, 1)}, A.transpose((2, 0, 1)).nested()),
        ("Transpose", [[[1, 2, 3]]], {}, [[1], [2], [3]]),
        ("Concat", [A, A], {"axis": 1}, A.chosen(EACH[0], [0, 1, 2, 0, 1, 2], EACH[2]).nested()),
        ("Concat", [A, A.chosen(*EACH[:2], [3, 1])], {"axis": -1}, A.chosen(*EACH[:2], [0, 1, 2, 3, 3, 1]).nested()),
        (
            "Gather",
            [A, [[0, 2], [-1, 1]]],
            {"axis": 1},
            GATHERED.nested(),
        ),
        ("Slice", [A, [1, -3], [3, 9], [1, 2], [1, 2]], {}, A.chosen(EACH[0], [1, 2], [1, 3]).nested()),
        ("Slice", [[1, 2, 3, 4], [-1], [-(2**63)], [0], [-2]], {}, [4, 2]),
        ("Slice", [[1, 2, 3, 4]], {"starts": (1,), "ends": (3,), "axes": (0,)}, [2, 3]),
        ("Where", [[1, 0], [5, 6], [7]], {}, [5, 7]),
        ("Range", [3, 10, 3], {}, [3, 6, 9]),
        ("Range", [5, 5, 1], {}, []),
        ("Expand", [[[1], [2]], [2, 2, 3]], {}, [[[1, 1, 1], [2, 2, 2]]] * 2),
        ("Tile", [[[1, 2]], [2, 2]], {}, [[1, 2, 1, 2]] * 2),
        ("ReduceProd", [[2, 3, 4]], {"keepdims": 0}, 24),
        ("ReduceSum", [A, [0, 2]], {"keepdims": 0}, A.gathered(sum, (0, 2), keep=False).nested()),
        ("ReduceMax", [A], {"axes": (1,)}, A.gathered(max, (1,), keep=True).nested()),
        ("ReduceMin", [A], {"axes": (-1,), "keepdims": 0}, A.gathered(min, (2,), keep=False).nested()),
        ("Shape", [A], {"start": 1}, [3, 4]),
        ("Size", [A], {}, 24),
        (
            "CumSum",
            [A, 1],
            {},
            [
                [[sum(4 * r + c + 12 * b for r in range(row + 1)) for c in range(4)] for row in range(3)]
                for b in range(2)
            ],
        ),
        ("Clip", [[-5, 5, 50], 0, 9], {}, [0, 5, 9]),
        ("Clip", [[-5, 5]], {"min": 0.0}, [0, 5]),
        ("Reshape", [A, [0, -1, 2]], {}, A.reshape((2, 6, 2)).nested()),
        ("Squeeze", [[[[1, 2]]], [0]], {}, [[1, 2]]),
        ("Squeeze", [[[[1, 2]]]], {}, [1, 2]),
        ("Unsqueeze", [[1, 2]], {"axes": (-1, 0)}, [[[1], [2]]]),
        ("Cast", [[1, 0]], {"to": 9}, [True, False]),
    ],
)
def test_a_node_on_constants_is_worked_out(operator, inputs, attributes, expected):
    assert folded(operator, *map(constant, inputs), **attributes) == expected


def test_a_bound_that_is_left_out_is_none():
    assert folded("Clip", constant([-5, 50]), None, constant(9)) == [-5, 9]


def test_functions_of_numbers():
    values = [0.25, 4.0]
    for operator in ("Sqrt", "Exp", "Log", "Sin", "Cos"):
        expected = [getattr(math, operator.lower())(value) for value in values]
        assert folded(operator, constant(values, "float32")) == pytest.approx(expected)
    assert folded("Reciprocal", constant(values, "float32")) == [4, 0.25]
    assert folded("Floor", constant([1.5, -1.5], "float32")) == [1, -2]
    assert folded("Ceil", constant([1.5, -1.5], "float32")) == [2, -1]
    assert folded("Round", constant([1.4, -1.6], "float32")) == [1, -2]


LARGE = Constant("large", (MOST_VALUES, 2), "int64", None, stored=False)
ONE = constant([1])


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes", "shape"),
    [
        ("Add", [LARGE, ONE], {}, (MOST_VALUES, 2)),
        ("Neg", [LARGE], {}, (MOST_VALUES, 2)),
        ("Transpose", [LARGE], {"perm": (1, 0)}, (2, MOST_VALUES)),
        ("Concat", [LARGE, LARGE], {"axis": 0}, (2 * MOST_VALUES, 2)),
        ("Gather", [LARGE, constant([[0, 1, 2]])], {}, (1, 3, 2)),
        ("Slice", [LARGE, constant([4]), constant([9])], {}, (5, 2)),
        ("Where", [LARGE, ONE, ONE], {}, (MOST_VALUES, 2)),
        ("Expand", [LARGE, constant([3, 1, 1])], {}, (3, MOST_VALUES, 2)),
        ("Tile", [LARGE, constant([1, 3])], {}, (MOST_VALUES, 6)),
        ("ReduceSum", [LARGE], {"axes": (0,), "keepdims": 0}, (2,)),
        ("CumSum", [LARGE, constant(0)], {}, (MOST_VALUES, 2)),
        ("ScatterND", [LARGE, constant([[0]]), ONE], {}, (MOST_VALUES, 2)),
        ("MatMul", [LARGE, Constant("b", (2, 7), "int64", None, stored=False)], {}, (MOST_VALUES, 7)),
        ("Cast", [LARGE], {"to": 1}, (MOST_VALUES, 2)),
        ("Range", [constant(0), constant(5000), constant(1)], {}, (5000,)),
    ],
)
def test_of_large_constants_the_shape_is_worked_out(operator, inputs, attributes, shape):
    found = fold(Node(operator, tuple(each.name for each in inputs), ("y",), attributes), inputs)
    assert (found.shape, found.values) == (shape, None)


WEIGHT = constant([1.0, 2.0], "float32", stored=True, name="layer.weight")


def test_a_weight_that_is_only_moved_stays_the_tensor_that_it_is():
    for operator, more, attributes, shape in (
        ("Reshape", [constant([2, 1])], {}, (2, 1)),
        ("Transpose", [], {}, (2,)),
        ("Unsqueeze", [constant([0])], {}, (1, 2)),
        ("Cast", [], {"to": 10}, (2,)),
        ("Expand", [constant([1, 2])], {}, (1, 2)),
    ):
        found = fold(Node(operator, ("w", "a"), ("y",), attributes), [WEIGHT, *more])
        assert (found.name, found.shape, found.stored) == ("layer.weight", shape, True)


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [
        ("Add", [WEIGHT, ONE]),  # arithmetic on weights is performed
        ("Expand", [WEIGHT, constant([3, 2])]),
        ("Magic", [ONE]),
        ("Add", [ONE, None]),
        ("Add", [constant([1, 2]), constant([1, 2, 3])]),
        ("Reshape", [constant([1, 2, 3]), constant([2, -1])]),
        ("Squeeze", [constant([[1, 2]]), constant([1])]),
        ("Gather", [constant([1, 2]), constant([5])]),
        ("Concat", [constant([[1]]), constant([1])]),
        ("Mul", [constant([2**62]), constant([4])]),
        ("Range", [constant(0), constant(10**12), constant(1)]),
        ("MatMul", [constant([[1]]), constant([[1], [2]])]),
        ("ConstantOfShape", [constant([-1])]),
    ],
)
def test_what_cannot_be_worked_out(operator, inputs):
    with pytest.raises(Unfoldable):
        fold(Node(operator, ("a", "b", "c"), ("y",), {"axis": 0} if operator == "Concat" else {}), inputs)


def test_the_shape_of_a_reshape():
    assert target((2, 3, 4), (0, -1)) == (2, 12)
    assert target((2, 6), (4, -1)) == (4, 3)
    for wanted in ((-1, -1), (5, -1), (7,)):
        with pytest.raises(ValueError):  # noqa: PT011 -- it has no text
            target((2, 3, 4), wanted)
