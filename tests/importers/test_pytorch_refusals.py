"""Calls of ATen that no layer type is: the error names the operator as PyTorch does."""

# ruff: noqa: E501 -- a call and its shapes stand on a line

from __future__ import annotations

import pt2_writer as w
import pytest
from test_pytorch_operators import MAP, TOKENS, by_steps

import convcost

OPEN = (1, ("s1", 9), 4)
N = w.Symbol("n")
X = {"self": "x"}


def call(name, /, **arguments):
    """Return a call that gives `y`."""
    return w.call(f"aten.{name}", "y", "m", **arguments)


SIZE = w.call("aten.sym_size.int", N, self="x", dim=1)
HEADS, OPEN_HEADS = (1, 2, 9, 4), (1, 2, ("s1", 9), 4)
ATTENTION = {"query": "x", "key": "x", "value": "x"}

REFUSED = [  # the operator, calls, the shapes before and after, parameters
    ("elu", [call("elu.default", **X, scale=1.05)], MAP, MAP, {}),
    ("softplus", [call("softplus.default", **X, beta=2)], MAP, MAP, {}),
    ("add", [call("add.Tensor", **X, other="=text")], MAP, MAP, {}),
    ("var", [call("var.correction", **X, dim=[1], correction=8)], MAP, (1, 6, 6), {}),  # 8 values less 8
    ("argmax", [call("argmax.default", **X)], MAP, (), {}),
    ("norm", [call("norm.ScalarOpt_dim", **X, p=3, dim=[1])], MAP, (1, 6, 6), {}),
    ("pairwise_distance", [call("pairwise_distance.default", x1="x", x2="x", p=1.0)], (1, 8), (1,), {}),
    ("addmm", [call("addmm.default", self="p_b", mat1="x", mat2="p_w", beta=2)], (1, 8), (1, 5), {"w": (8, 5), "b": (5,)}),
    ("batch_norm", [call("batch_norm.default", input="x", running_mean=None, running_var=None, training=True)], MAP, MAP, {}),
    ("avg_pool2d", [call("avg_pool2d.default", **X, kernel_size=[2, 2], divisor_override=3)], MAP, (1, 8, 3, 3), {}),
    ("lstm", [call("lstm.data", data="x", batch_sizes="p_s", hx=["p_h", "p_h"], params=["p_w"])], TOKENS, (1, 9, 3),
     {"s": (9,), "h": (1, 1, 3), "w": (12, 8)}),
    ("_weight_norm", [w.call("aten.relu.default", "g", self="p_g"), w.call("aten._weight_norm.default", "k", v="p_v", g="g", dim=0),
                      call("linear.default", input="x", weight="k")], TOKENS, (1, 9, 5), {"v": (5, 8), "g": (5, 1)}),
    # sizes that are open
    ("scaled_dot_product_attention", [call("scaled_dot_product_attention.default", **ATTENTION, is_causal=True)], OPEN_HEADS, OPEN_HEADS, {}),
    ("scaled_dot_product_attention", [call("scaled_dot_product_attention.default", **ATTENTION)], (1, 2, 9, ("s1", 4)), (1, 2, 9, ("s1", 4)), {}),
    ("scaled_dot_product_attention", [call("scaled_dot_product_attention.default", query="p_q", key="x", value="x")],
     OPEN_HEADS, OPEN_HEADS, {"q": (1, 4, 9, 4)}),
    ("var", [call("var.correction", **X, dim=[1], correction=1)], OPEN, (1, 4), {}),
    ("unfold", [call("unfold.default", **X, dimension=1, size=2, step=1)], OPEN, (1, ("s2", 8), 4, 2), {}),
    ("narrow", [SIZE, call("narrow.default", **X, dim=1, start=0, length=N)], OPEN, OPEN, {}),
    ("zeros", [SIZE, w.call("aten.zeros.default", "a", size=[N, 4]), call("add.Tensor", **X, other="a")], OPEN, OPEN, {}),
    ("upsample_nearest2d", [call("upsample_nearest2d.vec", input="x", output_size=[12, 12])],
     (1, ("s1", 8), 6, 6), (1, ("s1", 8), 12, 12), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "calls", "before", "after", "parameters"), REFUSED)
def test_what_no_layer_type_is_keeps_its_name(name, calls, before, after, parameters):
    inner = {"g": (5, 1), "k": (5, 8), "a": (("s1", 9), 4)}
    with pytest.raises(convcost.SpecError) as caught:
        by_steps(calls, {**inner, "x": before, "y": after}, parameters=parameters)
    assert str(caught.value).splitlines()[0] == f"error: the operator aten.{name} has no layer type"


def test_parts_of_open_sizes_are_no_split():
    split = w.call("aten.split.Tensor", ["y", "z"], self="x", split_size=5, dim=1)
    with pytest.raises(convcost.SpecError) as caught:
        by_steps([split], {"x": OPEN, "y": (1, 5, 4), "z": (1, ("s2", 4), 4)})
    assert str(caught.value).splitlines()[0] == "error: the operator aten.split has no layer type"


def test_regions_are_five_numbers():
    call = w.call("torchvision.roi_align.default", "y", input="x", rois="b_r", pooled_height=2, pooled_width=2)
    with pytest.raises(convcost.SpecError) as caught:
        by_steps([call], {"x": MAP, "y": (3, 8, 2, 2)}, buffers={"r": (3, 4)})
    assert str(caught.value).splitlines()[0] == "error: the operator torchvision.roi_align has no layer type"


def test_what_is_written_into_a_part_of_an_open_axis_is_refused():
    calls = [
        w.call("aten.slice.Tensor", "part", self="x", dim=1, start=0, end=2),
        w.call("aten.relu_.default", "a", self="part"),
        w.call("aten.neg.default", "y", self="x"),
    ]
    with pytest.raises(convcost.SpecError) as caught:
        by_steps(calls, {"x": OPEN, "part": (1, 2, 4), "a": (1, 2, 4), "y": OPEN})
    assert str(caught.value).splitlines()[0] == (
        "error: the operator aten.writing into a part of a value has no layer type"
    )


def test_what_is_written_into_another_view_of_a_value_is_refused():
    calls = [
        w.call("aten.alias.default", "a", self="x"),
        w.call("aten.relu_.default", "b", self="a"),
        w.call("aten.neg.default", "y", self="x"),
    ]
    with pytest.raises(convcost.SpecError) as caught:
        by_steps(calls, dict.fromkeys("xaby", MAP))
    assert str(caught.value).splitlines()[0] == (
        "error: the operator aten.writing into a part of a value has no layer type"
    )
