"""What model zoos write in other ways: inputs of the batch alone, softmax with a check, kernels in parts."""

from __future__ import annotations

import onnx_writer as w
import pt2_writer as p
import pytest
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
    total = load(chain(nodes, tensors, MAP)).analyze().total
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
