"""ATen's operators as layers: each case is a call of a small program, and what it gives by PyTorch's manual."""

from __future__ import annotations

import pt2_writer as w
import pytest
from msgspec import to_builtins

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source


def layers(calls, values, **more):
    """Return the layers of a program's spec as text; what is read again gives the same network."""
    last = calls[-1]["outputs"][0]
    outputs = more.pop("outputs", None) or [(last.get("as_tensor") or last["as_tensors"][0])["name"]]
    found = import_model(IMPORTERS["pytorch"], w.pt2(calls, values, outputs, **more), "net.pt2", flat=True)
    network = load(Source("net.pt2", found.text), found.sizes)
    assert found.difference(network) == ""
    return found.text.partition("layers:\n")[2].splitlines()


MAP, TOKENS = (1, 8, 6, 6), (1, 9, 8)

ONE = [  # operator, arguments, shapes before and after, the layer
    ("relu", {}, MAP, MAP, "relu"),
    ("relu_", {}, MAP, MAP, "relu"),
    ("relu6", {}, MAP, MAP, "relu6"),
    ("hardtanh", {"min_val": 0.0, "max_val": 6.0}, MAP, MAP, "relu6"),
    ("hardtanh", {}, MAP, MAP, "hard_tanh"),
    ("clamp_min", {"min": 0.0}, MAP, MAP, "relu"),
    ("clamp_max", {"max": 6.0}, MAP, MAP, "elementwise: {op: minimum, value: 6}"),
    ("clamp", {"min": 0.0, "max": 6.0}, MAP, MAP, "relu6"),
    ("hardswish", {}, MAP, MAP, "hard_swish"),
    ("hardsigmoid", {}, MAP, MAP, "hard_sigmoid"),
    ("silu", {}, MAP, MAP, "silu"),
    ("mish", {}, MAP, MAP, "mish"),
    ("gelu", {}, MAP, MAP, "gelu"),
    ("gelu", {"approximate": "=tanh"}, MAP, MAP, "gelu: {approximate: tanh}"),
    ("leaky_relu", {"negative_slope": 0.2}, MAP, MAP, "leaky_relu: {negative_slope: 0.2}"),
    ("elu", {}, MAP, MAP, "elu"),
    ("rrelu", {"lower": 0.125, "upper": 0.375}, MAP, MAP, "leaky_relu: {negative_slope: 0.25}"),  # the mean of both
    ("softplus", {}, MAP, MAP, "softplus"),
    ("softmax", {"dim": 1}, MAP, MAP, "softmax"),
    ("log_softmax", {"dim": -1}, TOKENS, TOKENS, "log_softmax: {axis: 1}"),
    ("max_pool2d", {"kernel_size": [3, 3], "stride": [2, 2], "padding": [1, 1]}, MAP, (1, 8, 3, 3),
     "max_pool: {kernel_size: 3, stride: 2, padding: 1}"),
    ("max_pool2d", {"kernel_size": [2, 2]}, MAP, (1, 8, 3, 3), "max_pool: {kernel_size: 2}"),
    ("max_pool2d", {"kernel_size": [3, 3], "stride": [2, 2], "ceil_mode": True}, (1, 8, 8, 8), (1, 8, 4, 4),
     "max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}"),
    ("max_pool2d", {"kernel_size": [2, 2], "stride": [1, 1], "dilation": [2, 2]}, MAP, (1, 8, 4, 4),
     "max_pool: {kernel_size: 2, stride: 1, dilation: 2}"),
    ("avg_pool2d", {"kernel_size": [3, 3], "stride": [1, 1], "padding": [1, 1]}, MAP, MAP,
     "avg_pool: {kernel_size: 3, stride: 1, padding: 1}"),
    ("avg_pool2d", {"kernel_size": [3], "stride": [1], "padding": [1], "count_include_pad": False}, MAP, MAP,
     "avg_pool: {kernel_size: 3, stride: 1, padding: 1, count_include_pad: false}"),
    ("adaptive_avg_pool2d", {"output_size": [1, 1]}, MAP, (1, 8, 1, 1), "global_avg_pool"),
    ("adaptive_avg_pool2d", {"output_size": [4, 2]}, MAP, (1, 8, 4, 2), "adaptive_avg_pool: {output_size: [4, 2]}"),
    ("adaptive_max_pool2d", {"output_size": [2, 2]}, MAP, (1, 8, 2, 2), "adaptive_max_pool: {output_size: 2}"),
    ("mean", {"dim": [-2, -1], "keepdim": True}, MAP, (1, 8, 1, 1), "global_avg_pool"),
    ("mean", {"dim": [1]}, TOKENS, (1, 8), "reduce: {op: mean, axis: [0], layout: vector}"),
    ("amax", {"dim": [1], "keepdim": True}, MAP, (1, 1, 6, 6), "reduce: {op: max, axis: [0], keepdim: true}"),
    ("upsample_nearest2d", {"output_size": None, "scale_factors": [2.0, 2.0]}, MAP, (1, 8, 12, 12),
     "upsample: {scale_factor: 2}"),
    ("upsample_bilinear2d", {"output_size": [9, 9], "align_corners": True}, MAP, (1, 8, 9, 9),
     "upsample: {mode: bilinear, size: 9, align_corners: true}"),
    # against aliasing: where values become more, the same neighbours are read
    ("_upsample_bicubic2d_aa", {"output_size": [9, 6], "align_corners": False}, MAP, (1, 8, 9, 6),
     "upsample: {mode: bicubic, size: [9, 6]}"),
    ("_upsample_bilinear2d_aa", {"output_size": [6, 6], "align_corners": False}, MAP, MAP,
     "upsample: {mode: bilinear, size: 6}"),
    ("pixel_shuffle", {"upscale_factor": 2}, MAP, (1, 2, 12, 12), "pixel_shuffle: {upscale_factor: 2}"),
    ("channel_shuffle", {"groups": 2}, MAP, MAP, "channel_shuffle: {groups: 2}"),
    ("permute", {"dims": [0, 2, 3, 1]}, MAP, (1, 6, 6, 8), "permute: {axes: [1, 2, 0], layout: tokens}"),
    ("slice", {"dim": 1, "start": 2, "end": 6}, MAP, (1, 4, 6, 6), "slice: {start: 2, end: 6}"),
    ("slice", {"dim": 3, "start": 0, "end": 9223372036854775807, "step": 2}, MAP, (1, 8, 6, 3),
     "slice: {axis: 2, step: 2}"),
    ("narrow", {"dim": 1, "start": 0, "length": 3}, MAP, (1, 3, 6, 6), "slice: {end: 3}"),
    ("pad", {"pad": [1, 1, 2, 2], "mode": "=reflect"}, MAP, (1, 8, 10, 8),
     "pad: {padding: [[2, 2], [1, 1]], mode: reflect}"),
    ("constant_pad_nd", {"pad": [0, 1, 0, 1]}, MAP, (1, 8, 7, 7), "pad: {padding: [[0, 1], [0, 1]]}"),
    ("im2col", {"kernel_size": [2, 2], "dilation": [1, 1], "padding": [0, 0], "stride": [2, 2]}, MAP, (1, 32, 9),
     "unfold: {kernel_size: 2, stride: 2}"),
    ("exp", {}, MAP, MAP, "elementwise: {op: exp}"),
    ("square", {}, MAP, MAP, "elementwise: {op: square}"),
    ("pow", {"exponent": 2}, MAP, MAP, "elementwise: {op: square}"),
    ("mul", {"other": 0.5}, MAP, MAP, "elementwise: {op: multiply, value: 0.5}"),
    ("add", {"other": 1}, MAP, MAP, "elementwise: {op: add, value: 1}"),
    ("layer_norm", {"normalized_shape": [8]}, TOKENS, TOKENS, "layer_norm: {axis: 1, affine: false}"),
    ("group_norm", {"num_groups": 2}, MAP, MAP, "group_norm: {num_groups: 2, affine: false}"),
    ("instance_norm", {"use_input_stats": True}, MAP, MAP, "instance_norm"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "before", "after", "layer"), ONE)
def test_an_operator_of_one_value_is_a_layer(name, arguments, before, after, layer):
    first = "input" if name.endswith(("norm", ".vec")) or "upsample" in name else "self"
    call = w.call(f"aten.{name}.default", "y", **{first: "x"}, **arguments)
    (line,) = [line for line in layers([call], {"x": before, "y": after}) if line.startswith("  - ")]
    assert line in (f"  - {layer}", f"  - {layer}:")


def by_steps(calls, values, **more):
    """Return the types and fields of a program's layers, without names."""
    lines = layers(calls, values, **more)
    return [line[4:].removesuffix(":") for line in lines if line.startswith("  - ")]


def test_a_factor_of_a_difference_is_of_what_is_subtracted():
    for name, merge in (("add", "add"), ("sub", "subtract"), ("rsub", "subtract")):
        call = w.call(f"aten.{name}.Tensor", "y", self="x", other="z", alpha=3)
        factor, last = by_steps([call], {"x": MAP, "z": MAP, "y": MAP}, inputs=("x", "z"))
        assert (factor, last) == ("elementwise: {op: multiply, value: 3}", merge)


STEPS = [  # operator, arguments, shapes before and after, the layers
    ("rsub.Scalar", {"other": 1.0}, MAP, MAP, ["elementwise: {op: neg}", "elementwise: {op: add, value: 1}"]),
    ("rsqrt.default", {}, MAP, MAP, ["elementwise: {op: sqrt}", "elementwise: {op: reciprocal}"]),
    ("glu.default", {"dim": 1}, MAP, (1, 4, 6, 6), ["split: {chunks: 2}", "sigmoid", "multiply"]),
    ("celu.default", {}, MAP, MAP, ["celu"]),
    ("log_sigmoid.default", {}, MAP, MAP, ["elementwise: {op: neg}", "softplus", "elementwise: {op: neg}"]),
    ("softsign.default", {}, MAP, MAP, ["softsign"]),
    ("linalg_vector_norm.default", {"dim": [1], "keepdim": True}, MAP, (1, 1, 6, 6),
     ["reduce: {op: norm, axis: [0], keepdim: true}"]),
    ("movedim.int", {"source": 1, "destination": 3}, MAP, (1, 6, 6, 8), ["permute: {axes: [1, 2, 0], layout: tokens}"]),
    ("transpose.int", {"dim0": 1, "dim1": 2}, MAP, (1, 6, 8, 6), ["permute: {axes: [1, 0, 2]}"]),
    ("expand.default", {"size": [-1, -1, 6, 6]}, (1, 8, 1, 1), MAP, ["expand: {shape: [8, 6, 6]}"]),
    ("repeat.default", {"repeats": [1, 2, 2, 1]}, MAP, (1, 16, 12, 6), ["concat", "concat: {axis: 1}"]),
    ("tile.default", {"dims": [2]}, MAP, (1, 8, 6, 12), ["concat: {axis: 2}"]),
    ("select.int", {"dim": 1, "index": 2}, MAP, (1, 6, 6), ["slice: {start: 2, end: 3}", "reshape: {shape: [6, 6]}"]),
    ("roll.default", {"shifts": [2, -1], "dims": [2, 3]}, MAP, MAP, ["roll: {shift: [2, -1], axis: [1, 2]}"]),
    ("flip.default", {"dims": [3]}, MAP, MAP, ["flip: {axis: [2]}"]),
    ("repeat_interleave.self_int", {"repeats": 2, "dim": 1}, MAP, (1, 16, 6, 6),
     ["reshape: {shape: [8, 1, 6, 6], layout: feature_map}", "expand: {shape: [8, 2, 6, 6]}",
      "reshape: {shape: [16, 6, 6]}"]),
    ("unfold.default", {"dimension": 2, "size": 2, "step": 1}, MAP, (1, 8, 5, 6, 2),
     ["gather: {shape: [8, 5, 2, 6]}", "permute: {axes: [0, 1, 3, 2]}"]),
    ("pixel_unshuffle.default", {"downscale_factor": 2}, MAP, (1, 32, 3, 3),
     ["pixel_unshuffle: {downscale_factor: 2}"]),
    ("unflatten.int", {"dim": 1, "sizes": [2, 4]}, MAP, (1, 2, 4, 6, 6), ["reshape: {shape: [2, 4, 6, 6]}"]),
    ("flatten.using_ints", {"start_dim": 2}, MAP, (1, 8, 36), ["reshape: {shape: [8, 36], layout: feature_map}"]),
    ("flatten.using_ints", {"start_dim": 1}, MAP, (1, 288), ["flatten"]),
    ("squeeze.dim", {"dim": 2}, (1, 8, 1, 6), (1, 8, 6), ["reshape: {shape: [8, 6], layout: feature_map}"]),
    ("reflection_pad2d.default", {"padding": [1, 1, 1, 1]}, MAP, (1, 8, 8, 8),
     ["pad: {padding: [[1, 1], [1, 1]], mode: reflect}"]),
    ("replication_pad2d.default", {"padding": [1, 1, 1, 1]}, MAP, (1, 8, 8, 8),
     ["pad: {padding: [[1, 1], [1, 1]], mode: replicate}"]),
    ("constant_pad_nd.default", {"pad": [-1, 0, 0, 0]}, MAP, (1, 8, 6, 5), ["slice: {axis: 2, start: 1}"]),
    ("col2im.default",
     {"output_size": [6, 6], "kernel_size": [2, 2], "dilation": [1, 1], "padding": [0, 0], "stride": [2, 2]},
     (1, 32, 9), MAP, ["fold: {output_size: [6, 6], kernel_size: 2, stride: 2}"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "before", "after", "expected"), STEPS)
def test_an_operator_is_what_it_performs(name, arguments, before, after, expected):
    call = w.call(f"aten.{name}", "y", self="x", **arguments)
    assert by_steps([call], {"x": before, "y": after}) == expected


SQUARE = (1, 2, 5, 5)
PAIRS = [  # operator, arguments of x and z, the shape of both, that of the result, the layers
    ("addcmul.default", {"self": "x", "tensor1": "x", "tensor2": "z"}, MAP, MAP, ["multiply", "add"]),
    ("lerp.Scalar", {"self": "x", "end": "z", "weight": 0.5}, MAP, MAP,
     ["subtract", "elementwise: {op: multiply, value: 0.5}", "add"]),
    # 2 · 288 numbers behind each other, of which a mask of the module chooses
    ("where.self", {"condition": "b_m", "self": "x", "other": "z"}, MAP, MAP,
     ["flatten", "flatten", "concat", "gather: {shape: [8, 6, 6]}"]),
    ("max.other", {"self": "x", "other": "z"}, MAP, MAP, ["maximum"]),
    ("minimum.default", {"self": "x", "other": "z"}, MAP, MAP, ["minimum"]),
    ("clamp.Tensor", {"self": "x", "min": "z", "max": "z"}, MAP, MAP, ["maximum", "minimum"]),
    ("sub.Tensor", {"self": "x", "other": "z"}, MAP, MAP, ["subtract"]),
    ("baddbmm.default", {"self": "z", "batch1": "x", "batch2": "x"}, (1, 6, 6), (1, 6, 6), ["matmul", "add"]),
    ("div.Tensor", {"self": "x", "other": "z"}, MAP, MAP, ["divide"]),
    ("cat.default", {"tensors": ["x", "z"], "dim": 1}, MAP, (1, 16, 6, 6), ["concat"]),
    ("matmul.default", {"self": "x", "other": "z"}, SQUARE, SQUARE, ["matmul"]),
    ("bmm.default", {"self": "x", "mat2": "z"}, (1, 5, 5), (1, 5, 5), ["matmul"]),
    ("einsum.default", {"equation": "=bhij,bhjk->bhik", "tensors": ["x", "z"]}, SQUARE, SQUARE, ["matmul"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "before", "after", "expected"), PAIRS)
def test_an_operator_of_two_values_is_what_it_performs(name, arguments, before, after, expected):
    call = w.call(f"aten.{name}", "y", **arguments)
    values = {"x": before, "z": before, "y": after}
    assert by_steps([call], values, inputs=("x", "z"), buffers={"m": MAP}) == expected


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (w.call("aten.unbind.int", ["a", "b"], self="x", dim=1), (1, 5, 5)),
        (w.call("aten.chunk.default", ["a", "b"], self="x", chunks=2, dim=1), (1, 1, 5, 5)),
        (w.call("aten.split.Tensor", ["a", "b"], self="x", split_size=1, dim=1), (1, 1, 5, 5)),
    ],
)
def test_parts_of_a_value_are_a_split(call, parts):
    values = {"x": SQUARE, "a": parts, "b": parts, "y": parts}
    steps = by_steps([call, w.call("aten.add.Tensor", "y", self="a", other="b")], values)
    assert (steps[0], steps[-1]) == ("split: {chunks: 2}", "add")


def grid(**more):
    """Return the layers of sampling at the places of a grid."""
    given = {"interpolation_mode": 0, "padding_mode": 0, "align_corners": False} | more
    call = w.call("aten.grid_sampler.default", "y", input="x", grid="z", **given)
    return by_steps([call], {"x": MAP, "z": (1, 3, 4, 2), "y": (1, 8, 3, 4)}, inputs=("x", "z"))


def test_resizing_against_aliasing_to_fewer_values_is_refused():
    call = w.call("aten._upsample_bicubic2d_aa.default", "y", input="x", output_size=[7, 5], align_corners=False)
    with pytest.raises(convcost.SpecError, match=r"the operator aten\._upsample_bicubic2d_aa has no layer type"):
        layers([call], {"x": MAP, "y": (1, 8, 7, 5)})


def test_sampling_at_the_places_of_a_grid():
    assert grid() == ["grid_sample"]
    assert grid(align_corners=True) == ["grid_sample: {align_corners: true}"]
    with pytest.raises(convcost.SpecError, match="the operator GridSample cannot be mapped: it interpolates"):
        grid(interpolation_mode=1)


def test_averages_of_samples_in_regions():
    given = {"spatial_scale": 0.25, "pooled_height": 7, "pooled_width": 7, "sampling_ratio": 2, "aligned": False}
    call = w.call("torchvision.roi_align.default", "y", input="x", rois="b", **given)
    values = {"x": MAP, "b": (5, 5), "y": (5, 8, 7, 7)}
    assert by_steps([call], values, inputs=("x", "b"))[-2:] == [
        "slice: {axis: 1, start: 1}",
        "roi_align: {num_regions: 5, output_size: 7, sampling_ratio: 2, spatial_scale: 0.25}",
    ]


def test_what_follows_so_many_chosen_values_is_counted(tmp_path):
    calls = [
        w.call("aten.sum.dim_IntList", "s", self="x", dim=[2]),
        w.call("aten.topk.default", ["v", "i"], self="s", k=3, dim=1),
        w.call("aten.unsqueeze.default", "j", self="i", dim=2),
        w.call("aten.expand.default", "p", self="j", size=[1, 3, 8]),
        w.call("aten.gather.default", "g", self="x", dim=1, index="p"),
        w.call("aten.linear.default", "y", "h", input="g", weight="p_h_weight"),
    ]
    whole = {name: (shape, "int64") for name, shape in (("i", (1, 3)), ("j", (1, 3, 1)), ("p", (1, 3, 8)))}
    values = {"x": TOKENS, "s": (1, 9), "v": (1, 3), **whole, "g": (1, 3, 8), "y": (1, 3, 4)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters={"h.weight": (4, 8)}))
    analysis = convcost.load(path, allow_unknown=True).analyze()
    assert [layer.fields["operator"] for layer in analysis.unknown] == ["TopK", "GatherElements"]
    assert analysis.total.macs == 3 * 8 * 4


def looked_up(indices, chosen, after=(1, 2, 5, 8)):
    """Return the layers of a sum with values of a learned table `[3, 4, 8]` that two lists of indices choose."""
    calls = [
        w.call("aten.index.Tensor", "t", self="p_c_table", indices=indices),
        w.call("aten.unsqueeze.default", "u", self="t", dim=0),
        w.call("aten.add.Tensor", "y", self="x", other="u"),
    ]
    buffers = {"c.i": ((2, 5), chosen), "c.j": ((5,), "int64")}
    values = {"x": after, "t": after[1:], "u": after, "y": after}
    return layers(calls, values, parameters={"c.table": (3, 4, 8)}, buffers=buffers)


def test_values_of_a_table_at_places_on_two_axes():
    lines = looked_up(["b_c_i", "b_c_j"], "int64")
    assert lines[:3] == ["  - parameter: {shape: [12, 8]}", "    name: c.table", "  - gather: {shape: [2, 5, 8]}"]
    with pytest.raises(convcost.SpecError, match=r"aten\.index has no layer type"):  # a mask chooses an unknown number
        looked_up(["b_c_i", "b_c_j"], "bool")
    with pytest.raises(convcost.SpecError, match=r"aten\.index has no layer type"):  # axes that stand apart
        looked_up(["b_c_i", None, "b_c_j"], "int64", (1, 2, 5, 4))


SCALED = [w.call("aten._weight_norm.default", "k", "m", v="p_v", g="p_g", dim=0)]
LINEAR = [  # calls before, arguments, the shape before, parameters, and by arithmetic those and macs, sums, products
    # a matrix or a bias that the model works out: of 5 · 8 numbers for each of 9 positions, and a ReLU of these; a
    # matrix of one weight counts as that weight, so that the sums of 8 products begin with the bias
    ([w.call("aten.relu.default", "k", self="p_w")], {"weight": "k", "bias": "p_b"}, 9, {"w": (5, 8), "b": (5,)},
     (45, 360, 360, 360)),
    ([w.call("aten.relu.default", "k", self="p_w")], {"weight": "k"}, 9, {"w": (5, 8)}, (40, 360, 360, 360)),
    ([w.call("aten.relu.default", "c", self="p_b")], {"weight": "p_w", "bias": "c"}, 9, {"w": (5, 8), "b": (5,)},
     (45, 360, 360 + 45, 360)),
    ([w.call("aten.relu.default", "c", self="p_b")], {"weight": "p_w", "bias": "c"}, 1, {"w": (5, 8), "b": (5,)},
     (45, 40, 40 + 5, 40)),
    # a weight norm's factor for each of 5 outputs, without a bias
    (SCALED, {"weight": "k"}, 9, {"v": (5, 8), "g": (5, 1)}, (45, 360, 360, 360 + 45)),
]  # fmt: skip


@pytest.mark.parametrize(("before", "arguments", "rows", "parameters", "expected"), LINEAR)
def test_a_linear_layer_whose_weights_are_worked_out(before, arguments, rows, parameters, expected, tmp_path):
    lead = (1, rows) if rows > 1 else (1,)
    calls = [*before, w.call("aten.linear.default", "y", "m", input="x", **arguments)]
    values = {"x": (*lead, 8), "k": (5, 8), "c": (5,), "y": (*lead, 5)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs, total.ops.add, total.ops.mul) == expected


def test_rows_of_a_table_are_an_embedding():
    call = w.call("aten.embedding.default", "y", "e", weight="p_e_weight", indices="x")
    values = {"x": ((1, 7), "int64"), "y": (1, 7, 5)}
    assert by_steps([call], values, parameters={"e.weight": (10, 5)}) == [
        "embedding: {num_embeddings: 10, embedding_dim: 5}"
    ]


def test_a_recurrent_layer_may_have_no_bias():
    given = {"has_biases": False, "num_layers": 1, "dropout": 0.0, "train": False, "bidirectional": False}
    weights = {"params": ["p_l_a", "p_l_b"], "hx": "p_h", "batch_first": True}
    call = w.call("aten.gru.input", ["y", "h"], "l", input="x", **weights, **given)
    values = {"x": TOKENS, "y": (1, 9, 3), "h": (1, 1, 3)}
    parameters = {"h": (1, 1, 3), "l.a": (9, 8), "l.b": (9, 3)}
    steps = by_steps([call], values, parameters=parameters, outputs=["y"])
    assert (steps[0], steps[-1]) == (
        "parameter: {shape: [3]}",
        "gru: {hidden_size: 3, bias: false, initial_state: [h]}",
    )


def recurrence(read, *, both=False, layers_=1):
    """Return the steps of an LSTM of 3 numbers on 9 steps of 8, and of a sum of what is read of it."""
    given = {"has_biases": False, "num_layers": layers_, "dropout": 0.0, "train": False, "bidirectional": both}
    sides = 2 if both else 1
    weights = {"params": [f"p_{at}" for at in range(2 * sides * layers_)], "hx": ["p_h", "p_h"], "batch_first": True}
    calls = [
        w.call("aten.lstm.input", ["s", "h", "c"], "l", input="x", **weights, **given),
        w.call("aten.sum.dim_IntList", "a", self="s", dim=[1]),
        w.call("aten.view.default", "b", self="c" if "c" in read else "h", size=[1, 3 * sides * layers_]),
        w.call("aten.add.Tensor", "y", self=read[0].replace("c", "b"), other=read[1].replace("c", "b")),
    ]
    wide, state = (1, 3 * sides * layers_), (sides * layers_, 1, 3)
    values = {"x": TOKENS, "s": (1, 9, 3 * sides), "h": state, "c": state, "a": (1, 3 * sides), "b": wide, "y": wide}
    shapes = {f"{at}": ((12, 8 if at < 2 * sides else 3 * sides) if at % 2 == 0 else (12, 3)) for at in
              range(2 * sides * layers_)}  # fmt: skip
    return by_steps(calls, values, parameters={"h": (sides * layers_, 1, 3), **shapes}, outputs=["y"])


def test_the_last_state_of_a_recurrent_layer_is_its_last_step():
    begun = "initial_state: [h, h]"
    assert f"lstm: {{hidden_size: 3, bias: false, {begun}, return: last}}" in recurrence(("b", "b"))
    both = recurrence(("b", "b"), both=True)
    assert f"lstm: {{hidden_size: 3, bidirectional: true, bias: false, {begun}, return: last}}" in both
    steps = recurrence(("a", "b"))
    assert f"lstm: {{hidden_size: 3, bias: false, {begun}}}" in steps
    assert any(step.startswith("slice: {axis: ") and "start: 8" in step for step in steps)


@pytest.mark.parametrize(
    ("read", "more", "numbers"), [(("a", "b"), {"both": True}, 6), (("c", "c"), {}, 3), (("b", "b"), {"layers_": 2}, 6)]
)
def test_states_that_are_no_step_of_the_sequence_are_the_layers_own(read, more, numbers):
    steps = recurrence(read, **more)
    assert any(step.startswith(f"declared: {{output_shape: [{numbers}]") for step in steps)
    assert not any("return: last" in step for step in steps)


def test_what_reads_the_state_of_another_layer_needs_that_layer():
    # an encoder and a decoder of 3 · 3 · (8 + 3) products for each of 9 steps
    given = {"has_biases": False, "num_layers": 1, "dropout": 0.0, "train": False, "bidirectional": False}
    given |= {"batch_first": True, "input": "x"}
    calls = [
        w.call("aten.zeros.default", "z", size=[1, 1, 3]),
        w.call("aten.gru.input", ["s", "h"], "e", params=["p_e_a", "p_e_b"], hx="z", **given),
        w.call("aten.gru.input", ["y", "g"], "d", params=["p_d_a", "p_d_b"], hx="h", **given),
    ]
    values = {"x": TOKENS, "z": (1, 1, 3), "s": (1, 9, 3), "h": (1, 1, 3), "y": (1, 9, 3), "g": (1, 1, 3)}
    weights = {f"{side}.{name}": (9, size) for side in "ed" for name, size in (("a", 8), ("b", 3))}
    content = w.pt2(calls, values, ["y"], parameters=weights)
    found = import_model(IMPORTERS["pytorch"], content, "net.pt2")
    total = convcost.Model(load(Source("net.pt2", found.text), found.sizes)).analyze().total
    assert (total.params, total.macs) == (2 * 9 * (8 + 3), 2 * 9 * 9 * (8 + 3))


def test_an_instance_norm_with_statistics_is_a_batch_norm():
    names = {"weight": "p_n_weight", "bias": "p_n_bias", "running_mean": "b_n_mean", "running_var": "b_n_var"}
    call = w.call(
        "aten.instance_norm.default", "y", "n", input="x", **names, use_input_stats=False, momentum=0.1, eps=1e-5
    )
    learned, statistics = {"n.weight": (8,), "n.bias": (8,)}, {"n.mean": (8,), "n.var": (8,)}
    assert by_steps([call], {"x": MAP, "y": MAP}, parameters=learned, buffers=statistics) == ["batch_norm"]


def test_normalised_weights_are_prepared_and_their_factors_scale_what_they_give(tmp_path):
    # 5 outputs of 8 values, each with a factor and a bias: 40 products with the weights, 5 with the factors
    calls = [
        w.call("aten._weight_norm.default", "kernel", "l", v="p_l_v", g="p_l_g", dim=0),
        w.call("aten.linear.default", "y", "l", input="x", weight="kernel", bias="p_l_bias"),
    ]
    values = {"x": (1, 8), "kernel": (5, 8), "y": (1, 5)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters={"l.v": (5, 8), "l.g": (5, 1), "l.bias": (5,)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs, total.ops.mul) == (40 + 5 + 5, 40, 45)


def test_a_mask_is_added_to_the_scores(tmp_path):
    # 2 heads, 9 queries and keys: a sum for each score beside the products' and the softmax's (2·9 − 1 and so on)
    given = {"query": "x", "key": "x", "value": "x", "scale": 1.0}
    values = {"x": (1, 2, 9, 4), "y": (1, 2, 9, 4)}
    sums = []
    for mask in ({}, {"is_causal": True}, {"attn_mask": "b_mask"}):
        path = tmp_path / "net.pt2"
        call = w.call("aten.scaled_dot_product_attention.default", "y", "a", **given, **mask)
        path.write_bytes(w.pt2([call], values, ["y"], buffers={"mask": (9, 9)}))
        sums.append(convcost.load(path).analyze().total.ops.add)
    assert [each - sums[0] for each in sums] == [0, 2 * 81, 2 * 81]


WEIGHTED = [  # operator, arguments, shapes, parameters, the layer, its parameters
    ("conv2d", {"input": "x", "weight": "p_c_weight", "bias": "p_c_bias", "stride": [2, 2], "padding": [1, 1]},
     MAP, (1, 4, 3, 3), {"c.weight": (4, 8, 3, 3), "c.bias": (4,)},
     "conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}", 4 * 8 * 9 + 4),
    ("conv2d", {"input": "x", "weight": "p_c_weight", "bias": None, "padding": "=same", "dilation": [2, 2]},
     MAP, (1, 4, 6, 6), {"c.weight": (4, 8, 3, 3)},
     "conv: {out_channels: 4, kernel_size: 3, padding: 2, dilation: 2, bias: false}", 4 * 8 * 9),
    ("conv2d", {"input": "x", "weight": "p_c_weight", "groups": 8}, MAP, (1, 16, 4, 4), {"c.weight": (16, 1, 3, 3)},
     "depthwise_conv: {kernel_size: 3, bias: false, depth_multiplier: 2}", 16 * 9),
    ("convolution",
     {"input": "x", "weight": "p_c_weight", "bias": None, "stride": [2, 2], "padding": [0, 0], "dilation": [1, 1],
      "transposed": True, "output_padding": [1, 1], "groups": 1},
     MAP, (1, 4, 13, 13), {"c.weight": (8, 4, 2, 2)},
     "transposed_conv: {out_channels: 4, kernel_size: 2, stride: 2, output_padding: 1, bias: false}", 8 * 4 * 4),
    ("linear", {"input": "x", "weight": "p_c_weight", "bias": "p_c_bias"}, TOKENS, (1, 9, 5),
     {"c.weight": (5, 8), "c.bias": (5,)}, "linear: {out_features: 5}", 5 * 8 + 5),
    ("linear", {"input": "x", "weight": "p_c_weight"}, (1, 8), (1, 5), {"c.weight": (5, 8)},
     "linear: {out_features: 5, bias: false}", 5 * 8),
    ("addmm", {"self": "p_c_bias", "mat1": "x", "mat2": "p_c_weight"}, (1, 8), (1, 5),
     {"c.weight": (8, 5), "c.bias": (5,)}, "linear: {out_features: 5}", 8 * 5 + 5),
    ("layer_norm", {"input": "x", "normalized_shape": [8], "weight": "p_c_weight", "bias": "p_c_bias"}, TOKENS, TOKENS,
     {"c.weight": (8,), "c.bias": (8,)}, "layer_norm: {axis: 1}", 16),
    ("rms_norm", {"input": "x", "normalized_shape": [8], "weight": "p_c_weight"}, TOKENS, TOKENS, {"c.weight": (8,)},
     "rms_norm: {axis: 1}", 8),
    ("group_norm", {"input": "x", "num_groups": 4, "weight": "p_c_weight", "bias": "p_c_bias"}, MAP, MAP,
     {"c.weight": (8,), "c.bias": (8,)}, "group_norm: {num_groups: 4}", 16),
    ("prelu", {"self": "x", "weight": "p_c_weight"}, MAP, MAP, {"c.weight": (8,)}, "prelu: {num_parameters: 8}", 8),
    ("batch_norm", {"input": "x", "running_mean": "p_c_weight", "running_var": "p_c_bias", "training": False}, MAP, MAP,
     {"c.weight": (8,), "c.bias": (8,)}, "batch_norm: {affine: false}", 0),
    ("lstm",
     {"input": "x", "hx": [], "params": [f"p_l_{name}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")],
      "has_biases": True, "num_layers": 1, "dropout": 0.0, "train": False, "bidirectional": False, "batch_first": True},
     TOKENS, (1, 9, 3),
     {"l.weight_ih": (12, 8), "l.weight_hh": (12, 3), "l.bias_ih": (12,), "l.bias_hh": (12,)},
     "lstm: {hidden_size: 3}", 12 * 8 + 12 * 3 + 24),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "before", "after", "parameters", "layer", "params"), WEIGHTED)
def test_an_operator_with_weights_is_a_layer(name, arguments, before, after, parameters, layer, params, tmp_path):
    call = w.call(f"aten.{name}.default", "y", "m", **arguments)
    values = {"x": before, "y": after}
    lines = layers([call], values, parameters=parameters)
    assert f"  - {layer}" in lines or f"  - {layer}:" in lines
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2([call], values, ["y"], parameters=parameters))
    assert convcost.load(path).analyze().total.params == params


def test_what_is_given_beside_the_first_output_is_an_operator_of_its_own():
    pool = w.call("aten.adaptive_max_pool2d.default", ["p", "at"], self="x", output_size=[3, 3])
    values = {"x": MAP, "p": (1, 8, 3, 3), "at": ((1, 8, 3, 3), "int64"), "y": (1, 8, 3, 3)}
    relu = w.call("aten.relu.default", "y", self="p")
    assert [line for line in layers([pool, relu], values) if line.startswith("  - ")] == [
        "  - adaptive_max_pool: {output_size: 3}",
        "  - relu",
    ]
    with pytest.raises(convcost.SpecError) as caught:
        layers([pool, w.call("aten.mul.Tensor", "y", self="p", other="at")], values)
    assert str(caught.value).splitlines()[0] == (
        "error: the operator aten.adaptive_max_pool2d cannot be mapped: what it gives beside its first output is read"
    )


VECTOR = (1, 8)
SPREAD = [  # operator, arguments, values, the ledger of what it is
    # mean (n additions, a division), the difference, its square, the sum of these, and 1/(n − 1): n = 36 for 8 channels
    ("var.correction", {"self": "x", "dim": [2, 3], "correction": 1, "keepdim": True}, {"x": MAP, "y": (1, 8, 1, 1)},
     {"add": 3 * 288, "div": 8, "mul": 288 + 8}),
    ("var.dim", {"self": "x", "dim": [2, 3], "unbiased": False}, {"x": MAP, "y": VECTOR},
     {"add": 3 * 288, "div": 16, "mul": 288}),
    ("std.dim", {"self": "x", "dim": [1]}, {"x": TOKENS, "y": VECTOR},  # n = 9 for 8 channels
     {"add": 3 * 72, "div": 8, "mul": 72 + 8, "sqrt": 8}),
    # of 8 channels at 36 positions the mean, and the mean of the squares of what is left; then the sum of both
    ("var_mean.correction", {"self": "x", "dim": [1], "correction": 0}, {"x": MAP, "y": (1, 6, 6), "m": (1, 6, 6)},
     {"add": 3 * 288, "div": 2 * 36, "mul": 288}),
    ("max.dim", {"self": "x", "dim": 1}, {"x": MAP, "y": (1, 6, 6), "m": ((1, 6, 6), "int64")}, {"cmp": 7 * 36}),
    # |a| and |b| of 8 values each, the larger of these and ε, two quotients of 8 values, their product and its sum
    ("cosine_similarity.default", {"x1": "x", "x2": "z"}, {"x": VECTOR, "z": VECTOR, "y": (1,)},
     {"mul": 24, "add": 24, "sqrt": 2, "cmp": 2, "div": 16}),
    ("pairwise_distance.default", {"x1": "x", "x2": "z"}, {"x": VECTOR, "z": VECTOR, "y": (1,)},
     {"add": 24, "mul": 8, "sqrt": 1}),  # x − z, + ε, and the length of 8 values
    # the largest of 9 values for each of 8, the differences, their powers, the sum of these, its logarithm, a sum
    ("logsumexp.default", {"self": "x", "dim": [1]}, {"x": TOKENS, "y": VECTOR},
     {"cmp": 8 * 8, "add": 72 + 72 + 8, "exp": 72, "log": 8}),
    ("logsumexp.default", {"self": "x", "dim": [1], "keepdim": True}, {"x": TOKENS, "y": (1, 1, 8)},
     {"cmp": 8 * 8, "add": 72 + 72 + 8, "exp": 72, "log": 8}),
    ("log1p.default", {"self": "x"}, {"x": VECTOR, "y": VECTOR}, {"add": 8, "log": 8}),
    ("expm1.default", {"self": "x"}, {"x": VECTOR, "y": VECTOR}, {"add": 8, "exp": 8}),
    # a + α·b, a − α·b, b − α·a, α·b alone where a is a number; a + α·b·c
    *((f"{name}.Tensor", {"self": "x", "other": "z", "alpha": 3}, {"x": VECTOR, "z": VECTOR, "y": VECTOR},
       {"mul": 8, "add": 8}) for name in ("add", "sub", "rsub")),
    ("rsub.Scalar", {"self": "x", "other": 2, "alpha": 0.5}, {"x": VECTOR, "y": VECTOR}, {"mul": 8, "add": 8}),
    ("addcmul.default", {"self": "x", "tensor1": "z", "tensor2": "z", "value": 0.5},
     {"x": VECTOR, "z": VECTOR, "y": VECTOR}, {"mul": 16, "add": 8}),
    # 5·4 places of a row of 3, with a matrix of 2×3: each product is added
    ("affine_grid_generator.default", {"theta": "x", "size": [1, 8, 5, 4], "align_corners": False},
     {"x": (1, 2, 3), "y": (1, 5, 4, 2)}, {"mul": 120, "add": 120}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "values", "ledger"), SPREAD)
def test_what_an_operator_performs(name, arguments, values, ledger, tmp_path):
    path = tmp_path / "net.pt2"
    inputs = [each for each in values if each in "xz"]
    outputs = ["y", "m"] if "m" in values else "y"
    path.write_bytes(w.pt2([w.call(f"aten.{name}", outputs, **arguments)], values, ["y"], inputs=inputs))
    ops = to_builtins(convcost.load(path).analyze().total.ops)
    assert {kind: count for kind, count in ops.items() if count} == ledger


def test_a_matrix_times_a_vector(tmp_path):
    shapes = {"a": (1, 8, 3), "b": (1, 3), "m": (8, 3), "v": (3,), "y": (8,)}
    calls = [
        w.call("aten.squeeze.dim", "m", self="a", dim=0),
        w.call("aten.squeeze.dim", "v", self="b", dim=0),
        w.call("aten.mv.default", "y", self="m", vec="v"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, shapes, ["y"], inputs=["a", "b"]))
    assert convcost.load(path).analyze().total.macs == 8 * 3


def test_a_mask_of_the_program_is_added_as_numbers(tmp_path):
    # 2 heads of 9 · 9 scores, each with a sum more
    calls = [
        w.call("aten.arange.default", "r", end=9),
        w.call("aten.unsqueeze.default", "c", self="r", dim=1),
        w.call("aten.ge.Tensor", "mask", self="c", other="r"),
        w.call("aten.scaled_dot_product_attention.default", "y", "a", query="x", key="x", value="x", attn_mask="mask"),
    ]
    whole = {"r": ((9,), "int64"), "c": ((9, 1), "int64"), "mask": ((9, 9), "bool")}
    values = {"x": (1, 2, 9, 4), "y": (1, 2, 9, 4), **whole}
    totals = []
    for given in (calls, [w.call("aten.scaled_dot_product_attention.default", "y", query="x", key="x", value="x")]):
        path = tmp_path / "net.pt2"
        path.write_bytes(w.pt2(given, values, ["y"]))
        totals.append(convcost.load(path).analyze().total.ops.add)
    assert totals[0] - totals[1] == 2 * 81


def test_a_batch_norm_without_factors(tmp_path):
    call = w.call(
        "aten.batch_norm.default", "y", input="x", weight=None, bias=None, running_mean="b_m", running_var="b_v",
        training=False, momentum=0.1, eps=1e-5, cudnn_enabled=True,
    )  # fmt: skip
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2([call], {"x": MAP, "y": MAP}, ["y"], buffers={"m": (8,), "v": (8,)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers, total.ops.mul, total.ops.add) == (0, 16, 288, 288)
    assert "trainable" not in convcost.load(path).text


@pytest.mark.parametrize(
    ("parameters", "buffers", "expected"), [({"gain": ()}, {}, (1, 0)), ({}, {"gain": ()}, (0, 1))]
)
def test_a_single_number_of_the_whole_model_is_learned_where_the_program_says_so(
    parameters, buffers, expected, tmp_path
):
    name = "p_gain" if parameters else "b_gain"
    path = tmp_path / "net.pt2"
    call = w.call("aten.mul.Tensor", "y", self="x", other=name)
    path.write_bytes(w.pt2([call], {"x": MAP, "y": MAP}, ["y"], parameters=parameters, buffers=buffers))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers) == expected


def test_numbers_that_a_program_makes_are_buffers_though_it_learns_nothing(tmp_path):
    path = tmp_path / "net.pt2"
    calls = [
        w.call("aten.arange.default", "r", end=8),
        w.call("aten.add.Tensor", "a", self="x", other="r"),
        w.call("aten.mul.Tensor", "y", self="a", other="r"),
    ]
    path.write_bytes(w.pt2(calls, {"x": VECTOR, "r": ((8,), "float32"), "a": VECTOR, "y": VECTOR}, ["y"]))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers, total.ops.add, total.ops.mul) == (0, 16, 8, 8)


def test_what_stands_behind_an_unknown_operator_has_the_batch_axis_that_is_recorded():
    # a program that joins the batch with the rows before an operator without a layer type, and parts them again
    calls = [
        w.call("aten.view.default", "a", self="x", size=[-1, 8]),
        w.call("aten._trilinear.default", "b", i1="a", i2="a"),
        w.call("aten.view.default", "c", self="b", size=[1, 9, 8]),
        w.call("aten.add.Tensor", "y", self="c", other="p_m_bias"),
    ]
    values = {"x": TOKENS, "a": (9, 8), "b": (9, 8), "c": TOKENS, "y": TOKENS}
    with pytest.raises(convcost.SpecError) as caught:
        layers(calls, values, parameters={"m.bias": (8,)})
    assert [line for line in str(caught.value).splitlines() if line.startswith("error")] == [
        "error: the operator aten._trilinear has no layer type",
        "error: 1 more operators read what these give, whose shape the file does not record",
    ]
