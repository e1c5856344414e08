"""The sizes of inputs: given, open, and named."""

from __future__ import annotations

from pathlib import Path

import onnx_writer as w
import pytest

import convcost

DATA = Path(__file__).parent / "data"
KERNEL = w.tensor("k", [4, 3, 3, 3])
CONV = w.node("Conv", "x k", "y", pads=[1, 1, 1, 1])


def of_shape(*shape, **recorded):
    """Return a model of one convolution with an input of this shape."""
    return w.model([CONV], {"x": list(shape)}, "y", [KERNEL], recorded)


def macs(height, width):
    """Return the macs of the convolution."""
    return height * width * 3 * 4 * 9


@pytest.mark.parametrize("inputs", [{"x": (1, 3, 10, 20)}, {"": (1, 3, 10, 20)}, {"x": [3, 10, 20]}])
def test_open_sizes_are_given(inputs, write):
    model = convcost.load(write(of_shape("N", 3, "h", "w", y=["N", 4, "h", "w"])), inputs=inputs)
    assert model.network.input_shape == (3, 10, 20)
    assert model.analyze().total.macs == macs(10, 20)


def test_other_sizes_than_the_files_are_taken_and_its_shapes_left_out(write):
    model = convcost.load(write(of_shape(10, 3, 32, 32, y=[10, 4, 32, 32])), inputs={"": (1, 3, 64, 48)})
    assert model.analyze().total.macs == macs(64, 48)


def test_sizes_that_only_fill_open_axes_are_still_compared_with_the_files_shapes(write):
    path = write(of_shape("N", 3, "h", "w", y=["N", 4, "h", 9]))
    with pytest.raises(convcost.SpecError, match=r"gives \[4, 10, 20\]"):
        convcost.load(path, inputs={"": (1, 3, 10, 20)})


def test_axes_without_a_name_are_named(write):
    for shape, symbols in (
        (["N", 3, "", ""], {"H", "W"}),
        ([1, 3, 8, ""], {"W"}),
    ):
        path = write(of_shape(*shape))
        assert set(convcost.load(path, free=()).network.free.symbols) == symbols
    assert convcost.load(path, set={"W": 20}).analyze().total.macs == macs(8, 20)


def test_all_sizes_that_are_open_are_asked_for(write):
    path = write(of_shape("N", 3, "h", "w"))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    assert caught.value.text() == (
        f"error: the symbol 'h' has no value\n --> {path}, symbols.h\n"
        "  = help: the file leaves it open: --set h=… --set w=…, or --input"
    )


def test_sizes_that_several_inputs_share(write):
    nodes = [w.node("Add", "a b", "y")]
    path = write(w.model(nodes, {"a": ["N", 3, "h"], "b": ["N", 3, "h"]}, "y"))
    assert convcost.load(path, inputs={"a": (1, 3, 7)}).network.inputs[1].shape == (3, 7)
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs={"a": (1, 3, 7), "b": (1, 3, 8)})
    assert caught.value.details[0].found == "'h' is 7 and 8"


@pytest.mark.parametrize(
    ("inputs", "message", "help"),
    [
        ({"y": (1, 3, 8, 8)}, "the model has no input 'y'", "known: x"),
        ({"x": (3, 8)}, "the input 'x' has 4 axes, the first for the batch", "it is 1×3×8×8"),
        ({"x": (1, 3, 8, 0)}, "the shape of the input 'x' is 1 to 8 whole numbers from 1 to 10**15",
         "such as --input x=1x3x224x224"),
        ({"x": "1x3"}, "the shape of the input 'x' is 1 to 8 whole numbers from 1 to 10**15",
         "such as --input x=1x3x224x224"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(inputs, message, help, write):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(write(of_shape(1, 3, 8, 8)), inputs=inputs)
    assert (caught.value.details[0].message, caught.value.details[0].help) == (message, help)


def test_a_name_is_needed_where_there_are_several(write):
    path = write(w.model([w.node("Add", "a b", "y")], {"a": [1, 3], "b": [1, 3]}, "y"))
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs={"": (1, 4)})
    assert caught.value.text() == (
        f"error: the model has 2 inputs\n --> {path}\n  = help: --input NAME=1x4; its inputs: a, b"
    )


def test_a_spec_takes_no_input(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("input: [3]\nlayers: [relu]\n")
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs={"": (1, 3)})
    assert caught.value.details[0].help == "--set gives the symbols of a spec their values"


def on_shapes(*nodes, height="h", width="w"):
    """Return a model of nodes that work out shapes: `s` is that of the input, `h` and `v` its height and width."""
    numbers = {"one": 1, "two": 2, "three": 3, "four": 4, "seven": 7}
    tensors = [KERNEL, *(w.tensor(name, [1], [value], w.INT64) for name, value in numbers.items())]
    tensors += [w.tensor("none", [0], [])]
    before = [w.node("Shape", "x", "s"), w.node("Gather", "s two", "h"), w.node("Gather", "s three", "v")]
    return w.model([*before, *nodes], {"x": ["N", 3, height, width]}, "y", tensors)


def test_a_shape_that_is_worked_out_is_an_expression_of_the_sizes(write, text):
    nodes = [
        w.node("Conv", "x k", "a", strides=[2, 2], pads=[1, 1, 1, 1]),
        w.node("Mul", "h v", "product"),
        w.node("Div", "product four", "quarter"),
        w.node("Concat", "one four quarter", "shape", axis=0),
        w.node("Reshape", "a shape", "t"),
        w.node("Softmax", "t", "y", axis=2),
    ]
    content = on_shapes(*nodes)
    assert "  - reshape: {shape: [4, h * w / 4], layout: feature_map}\n" in text(content)
    model = convcost.load(write(content), set={"h": 64, "w": 32})
    assert model.network.outputs[0].shape == (4, 32 * 16)
    assert model.analyze().total.ops.exp == 4 * 32 * 16
    with pytest.raises(convcost.SpecError):  # 33 · 32 / 4 values do not come out of ⌈33 / 2⌉ · 16
        convcost.load(write(content), set={"h": 33, "w": 32})


@pytest.mark.parametrize(
    ("nodes", "size"),
    [
        ([w.node("Concat", "one three h v", "full", axis=0)], "[h, w]"),
        ([w.node("Mul", "h two", "double"), w.node("Concat", "one three double v", "full", axis=0)], "[2 * h, w]"),
        ([w.node("Add", "h seven", "more"), w.node("Concat", "one three more seven", "full", axis=0)], "[h + 7, 7]"),
        ([w.node("Sub", "v seven", "less"), w.node("Concat", "one three h less", "full", axis=0)], "[h, w - 7]"),
    ],
)
def test_a_size_that_is_worked_out(nodes, size, text):
    last = w.node("Resize", "x none none full", "y", mode="linear")
    assert f"size: {size}}}" in text(on_shapes(*nodes, last))


def test_sizes_of_one_symbol(text):
    nodes = [w.node("Concat", "one three h seven", "full", axis=0), w.node("Resize", "x none none full", "y")]
    assert "  - upsample: {size: [h, 7]}\n" in text(on_shapes(*nodes, width=8))


def test_layers_that_depend_on_sizes_in_no_simple_way_say_which_to_give(refused):
    nodes = [
        w.node("Div", "h seven", "part"),  # towards zero: 32, 36, 45
        w.node("Concat", "one three part v", "full", axis=0),
        w.node("Resize", "x none none full", "y"),
    ]
    assert refused(on_shapes(*nodes, width=10)) == (
        "error: the layers depend on 'h', whose sizes the file leaves open\n --> net.onnx\n"
        "  = help: give them: --input x=1x3x224x10"
    )


def test_sizes_at_which_the_model_does_not_work_are_said(refused):
    nodes = [w.node("Concat", "one seven", "shape", axis=0), w.node("Reshape", "x shape", "y")]
    assert refused(on_shapes(*nodes)).splitlines()[-3:] == [
        "error: sizes that the file leaves open were tried at 224: h, w",
        " --> net.onnx",
        "  = help: --input gives others, such as --input x=1x3x224x224",
    ]


def test_names_that_exporters_make_up_are_none(write):
    path = write(of_shape("?", 3, "?", "p2o.DynamicDimension.1"))
    assert set(convcost.load(path, free=()).network.free.symbols) == {"H", "W"}


def test_sizes_that_the_layers_do_not_take_are_said_first(write):
    path = write(of_shape(1, 3, 32, 32))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, inputs={"": (1, 4, 16, 16)})
    first, second = caught.value.details
    assert str(first) == (
        f"error: --input gives other sizes than the file fixes\n --> {path}\n"
        "  = found: x=1×4×16×16, in the file 1×3×32×32\n  = help: leave --input out, or give what the layers below take"
    )
    assert second.message == "the operator Conv cannot be mapped: its kernel takes 3 × 1 channels, 4 reach it"


@pytest.mark.parametrize("shape", [(1, 26, 26, 3), (26, 26, 3), (1, 3, 26, 26)])
def test_tensorflow_lites_order_of_axes_and_that_of_specs(shape):
    model = convcost.load(DATA / "small.tflite", inputs={"": shape})
    assert model.network.input_shape == (3, 26, 26)


def test_a_model_whose_layers_fix_its_sizes_says_what_tries_others(write):
    nodes = [w.node("Flatten", "x", "a"), w.node("Gemm", "a k", "y")]
    path = write(w.model(nodes, {"x": [1, 3, 4, 4]}, "y", [w.tensor("k", [48, 10])]))
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, set={"r": 8})
    help = "its layers fix the sizes; --input NAME=SHAPE tries others"
    assert caught.value.text() == f"error: --set: {path} has no symbol 'r'\n = help: {help}"


def test_a_shape_alone_is_that_of_the_only_input(write):
    path = write(of_shape("N", 3, "h", "w"))
    assert convcost.load(path, inputs=(1, 3, 10, 20)).network.input_shape == (3, 10, 20)
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs="1x3x10x20")
    assert caught.value.details[0].message == "the shape of an input is 1 to 8 whole numbers from 1 to 10**15"
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, declare="NonZero")
    assert caught.value.text() == (
        "error: declare takes the costs of operators by their names\n = found: 'NonZero'\n"
        " = help: such as {'NonZero': {'macs': 1000}}"
    )


def test_sizes_are_not_the_cause_of_an_operator_without_a_layer_type(write):
    nodes = [CONV, w.node("Magic", "y", "z"), w.node("Relu", "z", "v")]
    path = write(w.model(nodes, {"x": [1, 3, 32, 32]}, "v", [KERNEL]))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, inputs={"": (1, 3, 16, 16)})
    assert [detail.message for detail in caught.value.details] == [
        "the operator Magic has no layer type",
        "1 more operators read what these give, whose shape the file does not record",
    ]
