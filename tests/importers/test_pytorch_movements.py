"""ATen's operators that move values or leave them as they are, and calls that no layer type is."""

from __future__ import annotations

import pt2_writer as w
import pytest
from test_pytorch_operators import MAP, by_steps

from convcost.errors import SpecError


def steps(name, arguments, before, after, other=None):
    """Return the layers of a call on `x`, and perhaps `z`, without the ReLU that reads what it gives."""
    call = w.call(f"aten.{name}", "y", self="x", **arguments)
    values = {"x": before, "y": after, "last": after} | ({"z": other} if other else {})
    inputs = ("x", "z") if other else ("x",)
    *found, relu = by_steps([call, w.call("aten.relu.default", "last", self="y")], values, inputs=inputs)
    assert relu == "relu"
    return found


@pytest.mark.parametrize(
    ("name", "arguments", "other"),
    [
        ("copy.default", {"src": "z"}, MAP),
        ("_to_copy.default", {"dtype": 6}, None),
        ("flatten.using_ints", {"start_dim": 2, "end_dim": 2}, None),
        ("squeeze.dim", {"dim": 2}, None),  # which is not of size 1
        ("permute.default", {"dims": [0, 1, 2, 3]}, None),
        ("expand.default", {"size": [-1, -1, -1, -1]}, None),
        ("repeat.default", {"repeats": [1, 1, 1, 1]}, None),
        ("slice.Tensor", {"dim": 1, "start": 0, "end": 8}, None),
        ("split.Tensor", {"split_size": 8, "dim": 1}, None),
        ("roll.default", {"shifts": 6, "dims": 2}, None),  # of 6 rows
        ("pad.default", {"pad": [0, 0, 0, 0]}, None),
    ],
)
def test_what_leaves_the_values_as_they_are_is_no_layer(name, arguments, other):
    assert steps(name, arguments, MAP, MAP, other) == []


@pytest.mark.parametrize(
    ("name", "arguments", "after", "other", "expected"),
    [
        ("reshape_as.default", {"other": "z"}, (1, 8, 36), (1, 8, 36),
         ["reshape: {shape: [8, 36], layout: feature_map}"]),
        ("flatten.using_ints", {"start_dim": 1, "end_dim": 2}, (1, 48, 6), None, ["reshape: {shape: [48, 6]}"]),
        ("repeat.default", {"repeats": [1, 1, 1, 1, 1]}, (1, 1, 8, 6, 6), None, ["reshape: {shape: [1, 8, 6, 6]}"]),
        ("repeat.default", {"repeats": [1, 1, 2, 1, 1]}, (1, 1, 16, 6, 6), None,
         ["reshape: {shape: [1, 8, 6, 6]}", "concat: {axis: 1}"]),
        ("narrow.default", {"dim": 1, "start": -3, "length": 2}, (1, 2, 6, 6), None, ["slice: {start: 5, end: 7}"]),
        ("lerp.Scalar", {"end": "z", "weight": 0.25}, MAP, MAP,
         ["subtract", "elementwise: {op: multiply, value: 0.25}", "add"]),
    ],
)  # fmt: skip
def test_movements(name, arguments, after, other, expected):
    assert steps(name, arguments, MAP, after, other) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "after", "other"),
    [
        ("copy.default", {"src": "z"}, MAP, (1, 8, 1, 1)),  # stretched
        ("view.dtype", {"dtype": 6}, MAP, None),
        ("repeat_interleave.self_int", {"repeats": 2}, (576,), None),  # of all values in a row
        ("roll.default", {"shifts": [1]}, MAP, None),
        ("index.Tensor", {"indices": ["x", "z"]}, MAP, MAP),
        ("div.Tensor_mode", {"other": "z", "rounding_mode": "=floor"}, MAP, MAP),
        ("rrelu.default", {"training": True}, MAP, None),
        ("unfold.default", {"dimension": 1, "size": 65_537, "step": 1}, MAP, None),  # more places than are followed
        ("repeat.default", {"repeats": [1, 2, 1, 1, 1]}, MAP, None),  # more axes than there are
    ],
)
def test_what_no_layer_type_is_keeps_its_name(name, arguments, after, other):
    with pytest.raises(SpecError) as caught:
        steps(name, arguments, MAP, after, other)
    assert str(caught.value).splitlines()[0] == f"error: the operator aten.{name.partition('.')[0]} has no layer type"
