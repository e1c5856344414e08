"""What model zoos write in other ways: inputs of the batch alone, softmax with a check, kernels in parts."""

from __future__ import annotations

import onnx_writer as w
import pt2_writer as p
import pytest
import yaml
from test_mapper import load
from test_operators import chain, ints

import convcost

MAP = (1, 8, 6, 4)


def test_an_input_of_the_batch_alone_is_one_number():
    # the step of a diffusion model, t: t · f for each of 4 frequencies, learned here, and a linear layer
    nodes = [
        w.node("Unsqueeze", "t one", "a"),
        w.node("Mul", "a f", "b"),
        w.node("Gemm", "b m.weight m.bias", "e", transB=1),
        w.node("Unsqueeze", "e places", "c"),
        w.node("Add", "x c", "y"),
    ]
    tensors = [ints("one", 1), ints("places", 2, 3), w.tensor("f", [1, 4], [1.0, 0.5, 0.2, 0.1])]
    tensors += [w.tensor("m.weight", [8, 4]), w.tensor("m.bias", [8])]
    total = load(w.model(nodes, {"x": list(MAP), "t": ["batch"]}, "y", tensors)).analyze().total
    assert (total.params, total.macs) == (4 + 8 * 4 + 8, 8 * 4)
    assert total.ops.mul == 4 + 32
    assert total.ops.add == 32 + 8 * 6 * 4  # the linear layer's with its bias, and the sum


def test_numbers_of_a_batch_choose_rows_of_a_table():
    nodes = [w.node("Gather", "e.weight u", "a", axis=0), w.node("Gemm", "a m.weight", "y", transB=1)]
    tensors = [w.tensor("e.weight", [50, 4]), w.tensor("m.weight", [3, 4])]
    total = load(w.model(nodes, {"u": [1]}, "y", tensors)).analyze().total
    assert (total.params, total.macs) == (50 * 4 + 3 * 4, 3 * 4)


@pytest.mark.parametrize("many", [1, 2])
def test_a_transposed_convolution_of_several_pictures(many):
    nodes = [("Reshape", "x s", "a", {}), ("ConvTranspose", "a k b", "y", {"strides": [2]})]
    tensors = [ints("s", many, 8 // many, 24), w.tensor("k", [8 // many, 3, 5]), w.tensor("b", [3])]
    model = load(chain(nodes, tensors, MAP))
    pictures = (many,) if many > 1 else ()
    assert model.network.outputs[0].shape == (*pictures, 3, 23 * 2 + 5)  # 24 values, 2 apart, of 5 each
    total = model.analyze().total
    assert total.params == 8 // many * 3 * 5 + 3
    assert total.macs == many * 24 * (8 // many) * 3 * 5  # PyTorch's: each value with each weight of its channel


def test_a_softmax_that_is_checked_is_a_softmax(text):
    nodes = [
        ("Softmax", "x", "a", {"axis": -1}),
        ("IsNaN", "a", "b", {}),
        ("Where", "b zero a", "y", {}),
    ]
    model = chain(nodes, [w.tensor("zero", [], [0.0])], MAP)
    assert text(model).splitlines() == ["  - softmax: {axis: 2}"]
    written = convcost.importers.import_model(convcost.importers.IMPORTERS["onnx"], model, "net.onnx").text
    assert "# that a softmax of nothing but −∞ gives 0 is not counted\n" in written


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("...si,...id->...sd", ((1, 2, 5, 3), (1, 2, 3, 4)), 2 * 5 * 3 * 4),
        ("...si,id->...sd", ((1, 5, 3), (3, 4)), 5 * 3 * 4),
        ("b...i,bi...->b...", ((1, 5, 3), (1, 3, 5)), 5 * 3),
    ],
)
def test_an_einstein_sum_that_leaves_axes_out(equation, shapes, macs):
    inputs = {"x": list(shapes[0])} | ({"z": list(shapes[1])} if shapes[1][0] == 1 else {})
    tensors = [] if "z" in inputs else [w.tensor("z", shapes[1])]
    model = w.model([w.node("Einsum", "x z", "y", equation=equation)], inputs, "y", tensors)
    assert load(model).analyze().total.macs == macs


def test_a_value_that_a_model_gives_twice(text):
    output = w.data(12, w.value("y", [1, 8, 6, 4]))
    graph = w.graph([w.node("Relu", "x", "y")], {"x": list(MAP)}, {"y": [1, 8, 6, 4]}) + output
    content = w.whole(1, 8) + w.data(7, graph) + w.data(8, w.data(1, "") + w.whole(2, 17))
    assert text(content).splitlines() == ["  - relu"]


@pytest.mark.parametrize(("axis", "params"), [(0, 5 * 8 * 9 + 5), (2, 5 * 8 * 9)])
def test_factors_of_a_normalised_kernel(axis, params, tmp_path):
    # those of the outputs scale these; those of its positions are in the kernel that is prepared
    shape = [1, 1, 1]
    shape[axis] = (5, 8, 9)[axis]
    calls = [
        p.call("aten._weight_norm.default", "k", "c", v="p_c_v", g="p_c_g", dim=axis),
        p.call("aten.conv1d.default", "y", "c", input="x", weight="k"),
    ]
    path = tmp_path / "net.pt2"
    values = {"x": (1, 8, 20), "k": (5, 8, 9), "y": (1, 5, 12)}
    path.write_bytes(p.pt2(calls, values, ["y"], parameters={"c.v": (5, 8, 9), "c.g": tuple(shape)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs) == (params, 12 * 5 * 8 * 9)
    written = convcost.importers.import_model(
        convcost.importers.IMPORTERS["pytorch"], path.read_bytes(), "net.pt2"
    ).text
    assert ("# 9 parameters are not used, and not counted: c.g.\n" in written) == (axis == 2)


def test_numbers_of_the_program_without_a_result():
    # log(0), a distance of relative positions: which numbers it is changes no count
    nodes = [
        ("ConstantOfShape", "s", "c", {}),
        ("Log", "c", "a", {}),
        ("Cast", "a", "b", {"to": 7}),
        ("Cast", "b", "d", {"to": 1}),
        ("Add", "x d", "y", {}),
    ]
    total = load(chain(nodes, [ints("s", 1, 1, 6, 4)], MAP)).analyze().total
    assert (total.params, total.ops.add, total.ops.log) == (0, 8 * 6 * 4, 0)


def test_a_learned_number_that_the_model_works_with(tmp_path):
    # exp(s) · x, as CLIP's: the exponential is performed, and the number is a parameter
    calls = [
        p.call("aten.exp.default", "e", self="p_m_scale"),
        p.call("aten.mul.Tensor", "y", self="x", other="e"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(p.pt2(calls, {"x": MAP, "e": (), "y": MAP}, ["y"], parameters={"m.scale": ()}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.ops.exp, total.ops.mul) == (1, 1, 8 * 6 * 4)


def test_maps_with_their_channels_last_have_the_resolution_as_a_symbol():
    # ConvNeXt's norm behind a convolution, wherever the channels lie
    nodes = [
        ("Transpose", "x", "a", {"perm": [0, 2, 3, 1]}),
        ("LayerNormalization", "a n.weight n.bias", "b", {"axis": -1}),
        ("Transpose", "b", "c", {"perm": [0, 3, 1, 2]}),
        ("Conv", "c k", "y", {"strides": [2, 2]}),
    ]
    tensors = [w.tensor("n.weight", [8]), w.tensor("n.bias", [8]), w.tensor("k", [4, 8, 2, 2])]
    model = chain(nodes, tensors, (1, 8, 16, 16))
    written = convcost.importers.import_model(convcost.importers.IMPORTERS["onnx"], model, "net.onnx").text
    assert "\nsymbols: {r: 16}\ninput: [8, r, r]\n" in written


def test_movements_that_come_back_leave_nothing(text):
    nodes = [
        ("Softmax", "x", "r", {"axis": -1}),
        ("Reshape", "r map", "a", {}),
        ("Transpose", "a", "b", {"perm": [0, 3, 1, 2]}),
        ("Reshape", "b rows", "c", {}),
        ("Transpose", "c", "d", {"perm": [0, 2, 1]}),
        ("Softmax", "d", "y", {"axis": -1}),
    ]
    model = chain(nodes, [ints("map", 1, 2, 3, 8), ints("rows", 1, 8, 6)], (1, 6, 8))
    assert text(model).splitlines() == ["  - {softmax: {axis: 1}, repeat: 2}"]


def test_a_kernel_that_others_read_with_a_bias_of_their_own():
    # as an exporter merges two equal kernels: 4 channels of 8, counted once, and two biases, each a sum for each value
    nodes = [
        ("Conv", "x m.weight m.bias", "a", {}),
        ("Concat", "a a", "b", {"axis": 1}),
        ("Conv", "b m.weight n.bias", "y", {}),
    ]
    tensors = [w.tensor("m.weight", [4, 8, 1, 1]), w.tensor("m.bias", [4]), w.tensor("n.bias", [4])]
    model = chain(nodes, tensors, MAP)
    total = load(model).analyze().total
    assert (total.params, total.macs) == (4 * 8 + 4 + 4, 2 * 24 * 4 * 8)
    assert total.ops.add == 2 * 24 * 4 * 8 + 2 * 24 * 4
    written = convcost.importers.import_model(convcost.importers.IMPORTERS["onnx"], model, "net.onnx").text
    assert "# layers that share a kernel, each with a bias of its own, have it as a sum behind them\n" in written


# by PyTorch's manual: gates of a state of 3 from 8 values, their activations, and what is multiplied and added
CELLS = [
    ("lstm_cell", 4, 2, {"sigmoid": 9, "tanh": 6, "mul": 9, "add": 12 + 3}),
    ("gru_cell", 3, 1, {"sigmoid": 6, "tanh": 3, "mul": 3 + 3, "add": 9 + 3 + 3}),
    ("rnn_tanh_cell", 1, 1, {"sigmoid": 0, "tanh": 3, "mul": 0, "add": 3}),
]


@pytest.mark.parametrize(("name", "gates", "states", "work"), CELLS)
def test_a_step_of_a_recurrent_network(name, gates, states, work, tmp_path):
    held = ["h", "c"][:states]
    outputs = ["y", "d"][:states]
    call = p.call(
        f"aten.{name}.default",
        outputs if states > 1 else "y",
        "m",
        input="x",
        hx=held if states > 1 else "h",
        w_ih="p_m_w_ih",
        w_hh="p_m_w_hh",
        b_ih="p_m_b_ih",
        b_hh="p_m_b_hh",
    )
    rows = 3 * gates
    parameters = {"m.w_ih": (rows, 8), "m.w_hh": (rows, 3), "m.b_ih": (rows,), "m.b_hh": (rows,)}
    path = tmp_path / "net.pt2"
    values = {"x": (1, 8)} | dict.fromkeys([*held, *outputs], (1, 3))
    path.write_bytes(p.pt2([call], values, outputs, inputs=["x", *held], parameters=parameters))
    total = convcost.load(path).analyze().total
    products = rows * 8 + rows * 3
    assert (total.params, total.macs) == (products + 2 * rows, products)
    sigmoids = work["sigmoid"]  # each an exponential, a sum and a quotient
    assert (total.ops.exp, total.ops.div, total.ops.tanh) == (sigmoids, sigmoids, work["tanh"])
    assert total.ops.mul == products + work["mul"]
    assert total.ops.add == products + sigmoids + work["add"]


def test_the_places_of_a_pool_have_no_layer_type(tmp_path):
    calls = [
        p.call("aten.max_pool2d_with_indices.default", ["a", "i"], self="x", kernel_size=[2, 2]),
        p.call("aten.max_unpool2d.default", "y", self="a", indices="i", output_size=[6, 4]),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(p.pt2(calls, {"x": MAP, "a": (1, 8, 3, 2), "i": ((1, 8, 3, 2), "int64"), "y": MAP}, ["y"]))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    assert "error: the operator aten.max_pool_places has no layer type\n" in caught.value.text()


def test_maps_of_sequences_have_the_resolution_as_a_symbol():
    # a linear layer on the positions of a map, and back to the map: a share of the resolution
    nodes = [
        ("Conv", "x k", "a", {"strides": [2, 2]}),
        ("Reshape", "a rows", "b", {}),
        ("Transpose", "b", "c", {"perm": [0, 2, 1]}),
        ("MatMul", "c m", "d", {}),
        ("Transpose", "d", "e", {"perm": [0, 2, 1]}),
        ("Reshape", "e map", "y", {}),
    ]
    tensors = [w.tensor("k", [4, 8, 2, 2]), w.tensor("m", [4, 5]), ints("rows", 1, 4, 64), ints("map", 1, 5, 8, 8)]
    model = chain(nodes, tensors, (1, 8, 16, 16))
    written = convcost.importers.import_model(convcost.importers.IMPORTERS["onnx"], model, "net.onnx").text
    assert "\nsymbols: {r: 16}\ninput: [8, r, r]\n" in written
    assert "  - feature_map: {size: [ceil(r / 2), ceil(r / 2)]}\n" in written
    macs = [load(model).analyze().total.macs, convcost.analyze(_spec(written), set={"r": 32}).total.macs]
    assert macs == [64 * (4 * 8 * 4 + 4 * 5), 4 * 64 * (4 * 8 * 4 + 4 * 5)]


def _spec(text):
    """Return a spec's text as a mapping."""
    return yaml.safe_load(text)


@pytest.mark.parametrize(
    ("norm", "attributes", "groups", "values"),
    [("InstanceNormalization", {}, 2 * 4, 24), ("GroupNormalization", {"num_groups": 2}, 2 * 2, 48)],
)
def test_norms_of_several_pictures(norm, attributes, groups, values):
    # two pictures of 4 channels, put together along the batch as trackers and optical flow do
    nodes = [
        ("Slice", "x s4 s8 s1", "b", {}),
        ("Slice", "x s0 s4 s1", "c", {}),
        ("Concat", "b c", "a", {"axis": 0}),
        (norm, "a n.weight n.bias", "y", attributes),
    ]
    tensors = [ints(f"s{number}", number) for number in (0, 1, 4, 8)]
    total = load(chain(nodes, [*tensors, w.tensor("n.weight", [4]), w.tensor("n.bias", [4])], MAP)).analyze().total
    # of n values add 3n + 1, mul n, div n + 2, sqrt 1; then a factor and a summand for each of 192 values
    assert (total.params, total.ops.sqrt, total.ops.div) == (8, groups, groups * (values + 2))
    assert total.ops.add == groups * (3 * values + 1) + 192
    assert total.ops.mul == groups * values + 192


def test_an_input_that_is_given_as_it_is(text):
    model = w.model([w.node("Relu", "x", "y")], {"x": list(MAP), "n": [1, 3]}, "y n")
    assert text(model).splitlines() == ["  - relu"]


def test_what_stands_behind_an_unknown_operator_is_listed(refused):
    # one whose shape the file records: a slice of it is no contradiction
    nodes = [
        w.node("Reshape", "x r4", "r"),
        w.node("Sub", "r r", "q"),
        w.node("FFT", "q", "a"),
        w.node("Slice", "a s0 s4 s1", "b"),
        w.node("Magic", "b", "y"),
    ]
    tensors = [ints("s0", 0), ints("s1", 2), ints("s4", 4)]
    shapes = {"a": list(MAP), "b": [1, 8, 4, 4], "r": [2, 4, 6, 4]}
    error = refused(w.model(nodes, {"x": list(MAP)}, "y", [*tensors, ints("r4", 2, 4, 6, 4)], shapes))
    assert [line for line in error.splitlines() if line.startswith("error")] == [
        "error: the operator FFT has no layer type",
        "error: the operator Magic has no layer type",
    ]


def test_an_input_without_axes_is_one_number():
    # as silero's rate of samples: here a factor
    nodes = [w.node("Mul", "x s", "a"), w.node("Relu", "a", "y")]
    total = load(w.model(nodes, {"x": list(MAP), "s": []}, "y")).analyze().total
    assert total.ops.mul == 8 * 6 * 4


def test_remedies_leave_out_inputs_without_axes(refused):
    model = w.model([w.node("Magic", "x s", "y")], {"x": [1, 8, "W"], "s": []}, "y")
    assert refused(model).splitlines()[-1] == "  = help: --input gives others, such as --input x=1x8x224"


def test_the_batch_has_its_name_in_states_too(tmp_path):
    # states of a recurrent layer, [layers, batch, state]: its size is that of one value
    lstm = w.node("LSTM", "a w r none none h c", "b", hidden_size=3).replace(w.data(1, "none"), w.data(1, ""))
    nodes = [w.node("Transpose", "x", "a", perm=[1, 0, 2]), lstm, w.node("Squeeze", "b one", "y")]
    tensors = [w.tensor("w", [1, 12, 8]), w.tensor("r", [1, 12, 3]), ints("one", 1)]
    inputs = {"x": ["batch", 5, 8], "h": [1, "batch", 3], "c": [1, "batch", 3]}
    path = tmp_path / "net.onnx"
    path.write_bytes(w.model(nodes, inputs, {"y": [5, "batch", 3]}, tensors))
    read = convcost.load(path)
    assert read.analyze().total.macs == 5 * (12 * 8 + 12 * 3)
    assert not read.network.symbols


def test_an_empty_list_may_have_no_data(text):
    nodes = [("Shape", "x", "s", {}), ("Slice", "s s1 s2", "a", {}), ("Reshape", "a none", "b", {})]
    nodes += [("Unsqueeze", "b zero", "d", {}), ("Concat", "d rest", "e", {"axis": 0}), ("Reshape", "x e", "y", {})]
    tensors = [ints("s1", 1), ints("s2", 2), ints("zero", 0), ints("rest", -1), w.tensor("none", [0], dtype=w.INT64)]
    assert text(chain([*nodes], tensors, MAP)).splitlines() == ["  - reshape: {shape: [8, 24], layout: feature_map}"]


def test_a_softplus_with_a_threshold_is_a_mish(text):
    nodes = [
        ("Softplus", "x", "a", {}),
        ("Greater", "x threshold", "b", {}),
        ("Where", "b x a", "c", {}),
        ("Tanh", "c", "d", {}),
        ("Mul", "x d", "y", {}),
    ]
    assert text(chain(nodes, [w.tensor("threshold", [], [20.0])], MAP)).splitlines() == ["  - mish"]


def test_a_softplus_with_a_low_threshold_is_something_else(refused):
    nodes = [("Softplus", "x", "a", {}), ("Greater", "x threshold", "b", {}), ("Where", "b x a", "y", {})]
    assert "the operator Greater has no layer type" in refused(chain(nodes, [w.tensor("threshold", [], [1.0])], MAP))


def test_factors_of_a_transposed_kernel_scale_what_it_reads():
    # a weight norm, g · v / |v|: the first axis of the kernel is that of the 8 channels read
    nodes = [
        ("ReduceL2", "c.v axes", "n", {}),
        ("Div", "c.g n", "f", {}),
        ("Mul", "c.v f", "k", {}),
        ("ConvTranspose", "x k c.bias", "y", {"strides": [2]}),
    ]
    tensors = [w.tensor("c.v", [8, 3, 4]), w.tensor("c.g", [8, 1, 1]), w.tensor("c.bias", [3]), ints("axes", 1, 2)]
    total = load(chain(nodes, tensors, (1, 8, 10))).analyze().total
    assert (total.params, total.macs) == (8 * 3 * 4 + 8 + 3, 10 * 8 * 3 * 4)
    assert total.ops.mul == 10 * 8 * 3 * 4 + 10 * 8


def test_factors_of_a_transposed_kernel_of_a_program(tmp_path):
    calls = [
        p.call("aten._weight_norm.default", "k", "c", v="p_c_v", g="p_c_g", dim=0),
        p.call("aten.conv_transpose1d.default", "y", "c", input="x", weight="k", bias="p_c_b", stride=[2]),
    ]
    path = tmp_path / "net.pt2"
    values = {"x": (1, 8, 10), "k": (8, 3, 4), "y": (1, 3, 22)}
    parameters = {"c.v": (8, 3, 4), "c.g": (8, 1, 1), "c.b": (3,)}
    path.write_bytes(p.pt2(calls, values, ["y"], parameters=parameters))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs) == (8 * 3 * 4 + 8 + 3, 10 * 8 * 3 * 4)
    assert total.ops.mul == 10 * 8 * 3 * 4 + 10 * 8


def test_states_of_another_size_are_refused(refused):
    # as an exporter writes a projection that it does not know
    nodes = [w.node("LSTM", "x w r none none h", "y", hidden_size=3).replace(w.data(1, "none"), w.data(1, ""))]
    tensors = [w.tensor("w", [1, 12, 8]), w.tensor("r", [1, 12, 3]), w.tensor("h", [1, 1, 5])]
    message = refused(w.model(nodes, {"x": [1, 5, 8]}, "y", tensors)).splitlines()[0]
    assert message == "error: the operator LSTM cannot be mapped: its state before the first step is 1×1×5"


def test_zeros_of_another_size_are_refused_too(refused):
    nodes = [w.node("LSTM", "x w r none none h", "y", hidden_size=3).replace(w.data(1, "none"), w.data(1, ""))]
    tensors = [w.tensor("w", [1, 12, 8]), w.tensor("r", [1, 12, 3]), w.tensor("h", [1, 1, 5], [0.0] * 5)]
    message = refused(w.model(nodes, {"x": [1, 5, 8]}, "y", tensors)).splitlines()[0]
    assert message == "error: the operator LSTM cannot be mapped: its state before the first step is 1×1×5"


def test_a_sequence_as_a_picture_of_one_channel(text):
    # a spectrogram, [steps, bands], whose axes change places: no more than these two movements
    nodes = [
        ("Unsqueeze", "x one", "a", {}),
        ("Transpose", "a", "b", {"perm": [0, 1, 3, 2]}),
        ("Conv", "b k", "y", {"strides": [2, 2]}),
    ]
    model = chain(nodes, [ints("one", 1), w.tensor("k", [4, 1, 2, 2])], (1, 12, 8))
    assert text(model).splitlines() == [
        "  - permute: {axes: [1, 0], layout: feature_map}",
        "  - reshape: {shape: [1, 8, 12], layout: feature_map}",
        "  - conv: {out_channels: 4, kernel_size: 2, stride: 2, bias: false}",
    ]


def test_places_and_comparisons_of_constants_are_worked_out():
    # types of tokens, all 0, and a mask, as BERT's exporter writes them: no arithmetic is performed
    nodes = [
        ("ConstantOfShape", "s", "t", {}),
        ("Cast", "t", "i", {"to": 7}),
        ("GatherElements", "i places", "j", {"axis": 1}),
        ("Gather", "e.weight j", "v", {"axis": 0}),
        ("Equal", "m.mask zero", "b", {}),
        ("Cast", "b", "f", {"to": 1}),
        ("Add", "x v", "a", {}),
        ("Mul", "a f", "y", {}),
    ]
    tensors = [ints("s", 1, 9), w.tensor("places", [1, 4], [0, 1, 2, 3], w.INT64), w.tensor("e.weight", [2, 8])]
    tensors += [w.tensor("m.mask", [1, 4, 1]), w.tensor("zero", [], [0.0])]
    total = load(chain(nodes, tensors, (1, 4, 8))).analyze().total
    assert (total.params, total.ops.add, total.ops.mul) == (2 * 8, 4 * 8, 4 * 8)


def test_other_words_for_arithmetic(tmp_path):
    calls = [
        p.call("aten.multiply.Tensor", "a", self="x", other="x"),
        p.call("aten.subtract.Tensor", "b", self="a", other="x"),
        p.call("aten.divide.Tensor", "y", self="b", other="x"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(p.pt2(calls, dict.fromkeys("xaby", MAP), ["y"]))
    total = convcost.load(path).analyze().total
    assert (total.ops.mul, total.ops.add, total.ops.div) == (192, 192, 192)


@pytest.mark.parametrize(("operator", "op"), [("ArgMax", "max"), ("ArgMin", "min")])
def test_the_place_of_the_largest_value_takes_as_many_comparisons(operator, op, tmp_path):
    # of 8 channels at 24 positions: 7 comparisons each
    model = chain([(operator, "x", "y", {"axis": 1, "keepdims": 0})], (), MAP)
    total = load(model).analyze().total
    assert (total.ops.cmp, total.ops.add, total.params) == (24 * 7, 0, 0)
    found = convcost.importers.import_model(convcost.importers.IMPORTERS["onnx"], model, "net.onnx")
    assert [(item.type, item.fields["op"]) for item in found.layers] == [("reduce", op)]
    path = tmp_path / "net.pt2"
    call = p.call(f"aten.{operator.lower()}.default", "y", self="x", dim=1)
    path.write_bytes(p.pt2([call], {"x": MAP, "y": ((1, 6, 4), "int64")}, ["y"]))
    assert convcost.load(path).analyze().total.ops.cmp == 24 * 7


@pytest.mark.parametrize("dtype", ["bool", "int64"])
def test_whole_numbers_of_the_program_are_added_as_numbers(dtype, tmp_path):
    calls = [p.call("aten.arange.default", "a", end=24), p.call("aten.view.default", "r", self="a", size=[6, 4])]
    calls += [p.call("aten.ge.Scalar", "m", self="r", other=2)] if dtype == "bool" else []
    calls.append(p.call("aten.add.Tensor", "y", self="x", other="m" if dtype == "bool" else "r"))
    path = tmp_path / "net.pt2"
    shapes = {"x": MAP, "a": ((24,), "int64"), "r": ((6, 4), "int64"), "m": ((6, 4), "bool"), "y": MAP}
    path.write_bytes(p.pt2(calls, shapes, ["y"]))
    total = convcost.load(path).analyze().total
    assert (total.params, total.ops.add) == (0, 8 * 6 * 4)


def test_a_mask_of_ones_that_is_resized_is_one_of_ones():
    # DETR's: what follows of it is worked out, too, and only the sum is performed
    nodes = [
        ("ConstantOfShape", "s", "a", {"value": w.Message(w.data(5, w.tensor("v", [1], [1.0])) + w.whole(20, 4))}),
        ("Resize", "a none none2 sizes", "b", {}),
        ("CumSum", "b axis", "c", {}),
        ("Add", "x c", "y", {}),
    ]
    tensors = [ints("s", 1, 1, 12, 8), ints("sizes", 1, 1, 6, 4), ints("axis", 2)]
    tensors += [w.tensor("none", [0]), w.tensor("none2", [0])]
    total = load(chain(nodes, tensors, MAP)).analyze().total
    assert (total.params, total.ops.add) == (0, 8 * 6 * 4)


def test_a_waveform_becomes_a_sequence_by_one_movement(text):
    nodes = [("Unsqueeze", "x one", "a", {}), ("Conv", "a k", "y", {"strides": [4]})]
    model = chain(nodes, [ints("one", 1), w.tensor("k", [4, 1, 8])], (1, 40))
    assert text(model).splitlines() == [
        "  - reshape: {shape: [1, 40], layout: feature_map}",
        "  - conv: {out_channels: 4, kernel_size: 8, stride: 4, bias: false}",
    ]


@pytest.mark.parametrize(("state", "params"), [("val_7", 0), ("m.h0", 3 + 3)])
def test_states_that_an_exporter_made_are_no_parameters(state, params):
    # their numbers are not in the file: those of a module are learned, those of the exporter are zeros
    memory = state if state.startswith("val") else "m.c0"
    lstm = w.node("LSTM", f"x w r none none {state} {memory}", "y", hidden_size=3)
    nodes = [w.node("Transpose", "z", "x", perm=[1, 0, 2]), lstm.replace(w.data(1, "none"), w.data(1, ""))]
    tensors = [w.tensor("w", [1, 12, 8]), w.tensor("r", [1, 12, 3])]
    tensors += [w.tensor(name, [1, 1, 3]) for name in dict.fromkeys([state, memory])]
    total = load(w.model(nodes, {"z": [1, 5, 8]}, "y", tensors)).analyze().total
    assert total.params == 12 * 8 + 12 * 3 + params
