"""ATen's operators that move values or leave them as they are, and calls that no layer type is."""

from __future__ import annotations

import pt2_writer as w
import pytest
from test_pytorch_operators import MAP, by_steps

import convcost
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


def test_places_that_a_program_counts_are_a_slice():
    calls = [
        w.call("aten.arange.default", "i", end=3),
        w.call("aten.index_select.default", "y", self="x", dim=1, index="i"),
    ]
    assert by_steps(calls, {"x": MAP, "i": ((3,), "int64"), "y": (1, 3, 6, 6)}) == ["slice: {end: 3}"]


def test_a_vector_has_no_axes_that_change_places():
    calls = [w.call("aten.t.default", "v", self="b_v"), w.call("aten.mul.Tensor", "y", self="x", other="v")]
    assert by_steps(calls, {"x": MAP, "v": (6,), "y": MAP}, buffers={"v": (6,)}) == ["scale: {axis: 2}"]


def test_an_open_axis_stays_as_it_is_where_others_are_stretched():
    call = w.call("aten.expand.default", "y", self="x", size=[-1, -1, 4])
    assert by_steps([call], {"x": (1, ("s1", 9), 1), "y": (1, ("s1", 9), 4)}) == ["expand: {shape: [n, 4]}"]


def test_a_tensor_like_a_buffer_is_one_of_the_program(tmp_path):
    calls = [
        w.call("aten.zeros_like.default", "z", self="b_m"),
        w.call("aten.add.Tensor", "y", self="x", other="z"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, {"x": MAP, "z": (6, 6), "y": MAP}, ["y"], buffers={"m": (6, 6)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.adds) == (0, 8 * 36)


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
