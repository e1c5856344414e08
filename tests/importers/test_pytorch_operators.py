"""ATen's operators as layers: each case is a call of a small program, and what it gives by PyTorch's manual."""

from __future__ import annotations

import pt2_writer as w
import pytest

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
    ("clamp", {"min": 0.0, "max": 6.0}, MAP, MAP, "relu6"),
    ("hardswish", {}, MAP, MAP, "hard_swish"),
    ("hardsigmoid", {}, MAP, MAP, "hard_sigmoid"),
    ("silu", {}, MAP, MAP, "silu"),
    ("mish", {}, MAP, MAP, "mish"),
    ("gelu", {}, MAP, MAP, "gelu"),
    ("gelu", {"approximate": "=tanh"}, MAP, MAP, "gelu: {approximate: tanh}"),
    ("leaky_relu", {"negative_slope": 0.2}, MAP, MAP, "leaky_relu: {negative_slope: 0.2}"),
    ("elu", {}, MAP, MAP, "elu"),
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
    ("max.other", {"self": "x", "other": "z"}, MAP, MAP, ["maximum"]),
    ("minimum.default", {"self": "x", "other": "z"}, MAP, MAP, ["minimum"]),
    ("clamp.Tensor", {"self": "x", "min": "z", "max": "z"}, MAP, MAP, ["maximum", "minimum"]),
    ("sub.Tensor", {"self": "x", "other": "z"}, MAP, MAP, ["subtract"]),
    ("div.Tensor", {"self": "x", "other": "z"}, MAP, MAP, ["divide"]),
    ("cat.default", {"tensors": ["x", "z"], "dim": 1}, MAP, (1, 16, 6, 6), ["concat"]),
    ("matmul.default", {"self": "x", "other": "z"}, SQUARE, SQUARE, ["matmul"]),
    ("bmm.default", {"self": "x", "mat2": "z"}, (1, 5, 5), (1, 5, 5), ["matmul"]),
    ("einsum.default", {"equation": "=bhij,bhjk->bhik", "tensors": ["x", "z"]}, SQUARE, SQUARE, ["matmul"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "before", "after", "expected"), PAIRS)
def test_an_operator_of_two_values_is_what_it_performs(name, arguments, before, after, expected):
    call = w.call(f"aten.{name}", "y", **arguments)
    assert by_steps([call], {"x": before, "z": before, "y": after}, inputs=("x", "z")) == expected


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
    assert steps[-1] == "gru: {hidden_size: 3, bias: false}"


def recurrence(read, *, both=False, layers_=1):
    """Return the steps of an LSTM of 3 numbers on 9 steps of 8, and of a sum of what is read of it."""
    given = {"has_biases": False, "num_layers": layers_, "dropout": 0.0, "train": False, "bidirectional": both}
    sides = 2 if both else 1
    weights = {"params": [f"p_{at}" for at in range(2 * sides * layers_)], "hx": ["p_h", "p_h"], "batch_first": True}
    calls = [
        w.call("aten.lstm.input", ["s", "h", "c"], "l", input="x", **weights, **given),
        w.call("aten.sum.dim_IntList", "a", self="s", dim=[1]),
        w.call("aten.view.default", "b", self="h", size=[1, 3 * sides]),
        w.call("aten.add.Tensor", "y", self=read[0], other=read[1]),
    ]
    wide = (1, 3 * sides)
    values = {"x": TOKENS, "s": (1, 9, 3 * sides), "h": (sides * layers_, 1, 3), "c": (sides, 1, 3), "a": wide,
              "b": wide, "y": wide}  # fmt: skip
    shapes = {f"{at}": ((12, 8 if at < 2 * sides else 3 * sides) if at % 2 == 0 else (12, 3)) for at in
              range(2 * sides * layers_)}  # fmt: skip
    return by_steps(calls, values, parameters={"h": (sides * layers_, 1, 3), **shapes}, outputs=["y"])


def test_the_last_state_of_a_recurrent_layer_is_its_last_step():
    assert "lstm: {hidden_size: 3, bias: false, return: last}" in recurrence(("b", "b"))
    assert "lstm: {hidden_size: 3, bidirectional: true, bias: false, return: last}" in recurrence(("b", "b"), both=True)
    steps = recurrence(("a", "b"))
    assert "lstm: {hidden_size: 3, bias: false}" in steps
    assert any(step.startswith("slice: {axis: ") and "start: 8" in step for step in steps)


def test_states_that_no_layer_type_gives_are_refused():
    for read, more in ((("a", "b"), {"both": True}), (("b", "b"), {"layers_": 2})):
        with pytest.raises(convcost.SpecError, match="its last state is read beside its sequence, or that of each"):
            recurrence(read, **more)


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


def test_a_batch_norm_stays_a_norm_with_its_buffers(tmp_path):
    names = {"weight": "p_n_weight", "bias": "p_n_bias", "running_mean": "b_n_mean", "running_var": "b_n_var"}
    call = w.call("aten.batch_norm.default", "y", "n", input="x", **names, training=False, momentum=0.1, eps=1e-5)
    path = tmp_path / "net.pt2"
    learned, statistics = {"n.weight": (8,), "n.bias": (8,)}, {"n.mean": (8,), "n.var": (8,)}
    path.write_bytes(w.pt2([call], {"x": MAP, "y": MAP}, ["y"], parameters=learned, buffers=statistics))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers) == (16, 16)


def test_attention_is_what_it_performs(tmp_path):
    # 2 heads of 4 numbers, 9 queries and keys: 2·9·9·4 products for the scores, as many for the context
    given = {"query": "x", "key": "x", "value": "x"}
    call = w.call("aten.scaled_dot_product_attention.default", "y", "a", **given)
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2([call], {"x": (1, 2, 9, 4), "y": (1, 2, 9, 4)}, ["y"]))
    total = convcost.load(path).analyze().total
    assert total.macs == 2 * 2 * 9 * 9 * 4
    assert total.ops.exp == 2 * 9 * 9
    assert total.ops.mul == total.macs + 2 * 9 * 9  # the scale


def test_heads_that_share_keys_repeat_them(tmp_path):
    # 4 heads of queries, 2 of keys and values
    given = {"query": "x", "key": "k", "value": "k", "scale": 1.0, "enable_gqa": True}
    call = w.call("aten.scaled_dot_product_attention.default", "y", "a", **given)
    path = tmp_path / "net.pt2"
    values = {"x": (1, 4, 9, 4), "k": (1, 2, 9, 4), "y": (1, 4, 9, 4)}
    path.write_bytes(w.pt2([call], values, ["y"], inputs=("x", "k")))
    total = convcost.load(path).analyze().total
    assert (total.macs, total.ops.mul) == (2 * 4 * 9 * 9 * 4, 2 * 4 * 9 * 9 * 4)


def test_writing_into_a_value_takes_its_place():
    calls = [
        w.call("aten.add_.Tensor", "a", self="x", other=1.0),
        w.call("aten.relu.default", "y", self="x"),  # what is in x by then
    ]
    assert layers(calls, {"x": MAP, "a": MAP, "y": MAP}) == [
        "  - elementwise: {op: add, value: 1}",
        "  - relu",
    ]


def test_writing_into_a_part_of_a_value_puts_it_back():
    calls = [
        w.call("aten.slice.Tensor", "part", self="x", dim=1, start=2, end=4),
        w.call("aten.relu_.default", "a", self="part"),
        w.call("aten.neg.default", "y", self="x"),
    ]
    lines = layers(calls, {"x": MAP, "part": (1, 2, 6, 6), "a": (1, 2, 6, 6), "y": MAP})
    assert [line for line in lines if line.startswith("  - ")] == [
        "  - slice: {start: 2, end: 4}",
        "  - relu:",
        "  - slice: {end: 2}",
        "  - slice: {start: 4}",
        "  - concat:",
        "  - elementwise: {op: neg}",
    ]


def test_reading_another_part_of_what_was_written_into_is_refused():
    calls = [
        w.call("aten.slice.Tensor", "other", self="x", dim=1, start=3, end=8),
        w.call("aten.slice.Tensor", "part", self="x", dim=1, start=2, end=4),
        w.call("aten.relu_.default", "a", self="part"),
        w.call("aten.neg.default", "y", self="other"),
    ]
    values = {"x": MAP, "other": (1, 5, 6, 6), "part": (1, 2, 6, 6), "a": (1, 2, 6, 6), "y": (1, 5, 6, 6)}
    with pytest.raises(
        convcost.SpecError, match=r"the operator aten\.writing into a part of a value has no layer type"
    ):
        layers(calls, values)


def test_dropouts_copies_and_checks_leave_no_layer():
    calls = [
        w.call("aten.dropout.default", "a", input="x", p=0.5, train=False),
        w.call("aten.clone.default", "b", self="a"),
        w.call("aten._assert_tensor_metadata.default", None, a="b"),
        w.call("aten.to.dtype", "c", self="b", dtype={"as_scalar_type": 7}),
        w.call("aten.relu.default", "y", self="c"),
    ]
    calls[2]["outputs"] = []
    assert layers(calls, dict.fromkeys("xabcy", MAP)) == ["  - relu"]


def test_what_is_worked_out_of_the_programs_own_numbers_is_prepared():
    # a mask: where positions differ, minus infinity; added to the values as 36 numbers that are not learned
    calls = [
        w.call("aten.arange.default", "places", end=6),
        w.call("aten.unsqueeze.default", "row", self="places", dim=0),
        w.call("aten.unsqueeze.default", "column", self="places", dim=1),
        w.call("aten.ne.Tensor", "differ", self="row", other="column"),
        w.call("aten.zeros.default", "zero", size=[6, 6]),
        w.call("aten.masked_fill.Scalar", "mask", self="zero", mask="differ", value=-1e9),
        w.call("aten.add.Tensor", "y", self="x", other="mask"),
    ]
    whole, flag = ((6,), "int64"), ((6, 6), "bool")
    values = {"x": MAP, "places": whole, "row": ((1, 6), "int64"), "column": ((6, 1), "int64"), "differ": flag,
              "zero": (6, 6), "mask": (6, 6), "y": MAP}  # fmt: skip
    found = import_model(IMPORTERS["pytorch"], w.pt2(calls, values, ["y"]), "net.pt2")
    total = convcost.Model(load(Source("net.pt2", found.text), {})).analyze().total
    assert (total.params, total.ops.add) == (0, 8 * 36)


def test_a_number_of_a_buffer_is_prepared(tmp_path):
    calls = [
        w.call("aten.select.int", "number", self="b_scales", dim=0, index=1),
        w.call("aten.mul.Tensor", "y", self="x", other="number"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, {"x": MAP, "number": (), "y": MAP}, ["y"], buffers={"scales": (2,)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.ops.mul) == (0, 8 * 36)


def test_products_of_the_programs_own_numbers_are_performed(tmp_path):
    # 6×1 times 1×6: 36 products, though no input takes part
    calls = [
        w.call("aten.ones.default", "row", size=[1, 6]),
        w.call("aten.ones.default", "column", size=[6, 1]),
        w.call("aten.matmul.default", "table", self="column", other="row"),
        w.call("aten.add.Tensor", "y", self="x", other="table"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, {"x": MAP, "row": (1, 6), "column": (6, 1), "table": (6, 6), "y": MAP}, ["y"]))
    total = convcost.load(path).analyze().total
    assert (total.macs, total.params) == (36, 0)


def test_standardised_kernels_are_prepared_and_their_factors_scale_what_they_give(tmp_path):
    # 4 kernels of 8·9 numbers with a factor each, a bias of 4: 36 positions, 4·36 products with the factors
    calls = [
        w.call("aten.view.default", "flat", "c", self="p_c_weight", size=[1, 4, 72]),
        w.call("aten.mul.Tensor", "scaled", "c", self="p_c_gain", other=0.5),
        w.call("aten.view.default", "gain", "c", self="scaled", size=[4]),
        w.call("aten.batch_norm.default", "normed", "c", input="flat", weight="gain", training=True, eps=1e-5),
        w.call("aten.view.default", "kernel", "c", self="normed", size=[4, 8, 3, 3]),
        w.call("aten.conv2d.default", "y", "c", input="x", weight="kernel", bias="p_c_bias", padding=[1, 1]),
    ]
    values = {"x": MAP, "flat": (1, 4, 72), "scaled": (4, 1, 1, 1), "gain": (4,), "normed": (1, 4, 72),
              "kernel": (4, 8, 3, 3), "y": (1, 4, 6, 6)}  # fmt: skip
    parameters = {"c.weight": (4, 8, 3, 3), "c.gain": (4, 1, 1, 1), "c.bias": (4,)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs, total.ops.mul) == (4 * 72 + 4 + 4, 36 * 4 * 72, 36 * 4 * 72 + 36 * 4)


def test_frozen_parameters_count_as_buffers(tmp_path):
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.conv2d.default", "y", "d", input="a", weight="p_d_weight"),
    ]
    path = tmp_path / "net.pt2"
    parameters = {"c.weight": (4, 8, 1, 1), "d.weight": (3, 4, 1, 1)}
    values = {"x": MAP, "a": (1, 4, 6, 6), "y": (1, 3, 6, 6)}
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters, frozen=["c.weight"]))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers) == (12, 32)


def test_programs_that_say_no_gradient_have_trainable_parameters(tmp_path):
    call = w.call("aten.conv2d.default", "y", "c", input="x", weight="p_c_weight")
    path = tmp_path / "net.pt2"
    given = ([call], {"x": MAP, "y": (1, 4, 6, 6)}, ["y"])
    for payloads, params in ((None, 32), ({"c.weight": "weight_0"}, 0)):  # files of torch 2.4, and newer ones
        parameters = {"c.weight": (4, 8, 1, 1)}
        path.write_bytes(w.pt2(*given, parameters=parameters, frozen=["c.weight"], payloads=payloads))
        assert convcost.load(path).analyze().total.params == params


def test_a_norm_is_not_written_with_a_frozen_layer(tmp_path):
    names = {"weight": "p_n_weight", "bias": "p_n_bias", "running_mean": "b_n_mean", "running_var": "b_n_var"}
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.batch_norm.default", "y", "n", input="a", **names, training=False, momentum=0.1, eps=1e-5),
    ]
    path = tmp_path / "net.pt2"
    parameters = {"c.weight": (8, 8, 1, 1), "n.weight": (8,), "n.bias": (8,)}
    more = {"parameters": parameters, "buffers": {"n.mean": (8,), "n.var": (8,)}, "frozen": ["c.weight"]}
    path.write_bytes(w.pt2(calls, {"x": MAP, "a": MAP, "y": MAP}, ["y"], **more))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers) == (16, 64 + 16)


def test_one_tensor_under_two_names_counts_once(tmp_path):
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.conv2d.default", "y", "d", input="a", weight="p_d_weight"),
    ]
    path = tmp_path / "net.pt2"
    parameters = dict.fromkeys(("c.weight", "d.weight"), (8, 8, 1, 1))
    values = {"x": MAP, "a": MAP, "y": MAP}
    payloads = {"c.weight": "weight_0", "d.weight": "weight_0"}
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters, payloads=payloads))
    model = convcost.load(path)
    assert model.analyze().total.params == 64
    assert model.text.partition("layers:\n")[2] == (
        "  - conv: {out_channels: 8, kernel_size: 1, bias: false}\n    name: c\n"
        "  - conv: {out_channels: 8, kernel_size: 1, bias: false}\n    weights: c\n    name: d\n"
    )


def test_parameters_that_nothing_reads_are_said(tmp_path):
    path = tmp_path / "net.pt2"
    call = w.call("aten.relu.default", "y", self="x")
    path.write_bytes(w.pt2([call], {"x": MAP, "y": MAP}, ["y"], parameters={"aux.weight": (5, 8)}))
    comment = "# 40 parameters are not used, and not counted: aux.weight.\n"
    assert comment in convcost.load(path).text


def test_open_axes_are_symbols_named_by_their_place(tmp_path):
    height, width = ("s7", 32), ("s9", 48)
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.mean.dim", "y", self="a", dim=[2, 3]),
    ]
    values = {"x": (1, 8, height, width), "a": (1, 4, height, width), "y": (1, 4)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters={"c.weight": (4, 8, 1, 1)}))
    model = convcost.load(path, set={"h": 10, "w": 20})
    assert model.analyze().total.macs == 10 * 20 * 32


def test_sizes_of_an_open_batch_are_worked_out(tmp_path):
    batch = ("s7", 2)
    calls = [
        w.call("aten.sym_size.int", w.Symbol("n"), self="x", dim=0),
        w.call("_operator.mul", w.Symbol("k"), a=w.Symbol("n"), b=3),
        w.call("_operator.floordiv", w.Symbol("m"), a=w.Symbol("k"), b=3),
        w.call("aten.view.default", "y", self="x", size=[w.Symbol("m"), 4, 72]),
    ]
    values = {"x": (batch, 8, 6, 6), "y": (batch, 4, 72)}
    assert layers(calls, values) == ["  - reshape: {shape: [4, 72]}"]


def test_what_has_no_layer_type_is_named_as_pytorch_does():
    call = w.call("aten.fft_fft2.default", "y", "spectral", self="x")
    with pytest.raises(convcost.SpecError) as caught:
        layers([call], {"x": MAP, "y": MAP})
    assert "the operator aten.fft_fft2 has no layer type" in str(caught.value)
    assert "net.pt2, spectral" in str(caught.value)


def test_a_graph_that_an_operator_runs_as_it_is_belongs_to_the_graph_around_it():
    inner = w.program(
        [w.call("aten.relu.default", "r", "inner", self="g")], {"g": MAP, "r": MAP}, ["r"], inputs=()
    )["graph_module"]["graph"]  # fmt: skip
    inner["inputs"] = [{"as_tensor": {"name": "g"}}]
    run = w.call("higher_order.wrap_with_set_grad_enabled", ["z"])
    run["inputs"] = [
        {"name": "", "arg": {"as_bool": False}, "kind": 1},
        {"name": "", "arg": {"as_graph": {"name": "submod_1", "graph": inner}}, "kind": 1},
        {"name": "", "arg": {"as_tensor": {"name": "x"}}, "kind": 1},
    ]
    calls = [run, w.call("aten.neg.default", "y", self="z")]
    lines = layers(calls, {"x": MAP, "z": MAP, "y": MAP})
    assert [line for line in lines if line.startswith("  - ")] == ["  - relu", "  - elementwise: {op: neg}"]
